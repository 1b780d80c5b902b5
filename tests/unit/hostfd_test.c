/* hostfd_test.c - host descriptors as guest files: never waiting, never changing what others share. */
#include <setjmp.h>
#include <stdarg.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/loop.h"
#include "sentry/fs/hostfd/hostfd.h"
#include "sentry/fs/hostfd/hostfd_impl.h"

static void (*body)(void);

static void run_body(void *arg)
{
	body();
	loop_stop();
}

static void run(void (*fn)(void))
{
	body = fn;
	co_spawn(run_body, NULL);
	loop_run();
}

static struct file *open_fd(int fd)
{
	struct file *f = NULL;
	assert_int_equal(hostfd_open(fd, 0, &f), 0);
	return f;
}

static ssize_t read_some(struct file *f, char *buf, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, buf, bytes);
	return f->ops->read(f, &u, &f->pos);
}

static ssize_t write_some(struct file *f, const void *buf, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, (void *)(uintptr_t)buf, bytes);
	return f->ops->write(f, &u, &f->pos);
}

/* A writer in the future, on the host's side. */
struct later { struct ktimer kt; int fd; bool close, drain; };

static void later_fire(struct ktimer *kt)
{
	struct later *l = container_of(kt, struct later, kt);
	static char sink[1 << 20];
	if (l->drain)
		assert_true(read(l->fd, sink, sizeof(sink)) > 0);
	else if (l->close)
		close(l->fd);
	else
		assert_int_equal(write(l->fd, "late", 4), 4);
}

static void arm(struct later *l)
{
	l->kt.fire = later_fire;
	ktimer_arm(&l->kt, now_mono_ns() + 5000000);
}

static void a_read_waits_in_the_loop(void)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct file *f = open_fd(p[0]);
	assert_true(S_ISFIFO(f->inode->mode));
	assert_true(f->mode & FMODE_STREAM);
	char buf[16];
	ssize_t n;
	assert_int_equal(read_some(f, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
	struct later l = { .fd = p[1] };
	arm(&l);
	wait_event_uninterruptible(f->wq, (n = read_some(f, buf, sizeof(buf))) != -EAGAIN);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "late", 4);
	l.close = true;
	arm(&l);
	wait_event_uninterruptible(f->wq, (n = read_some(f, buf, sizeof(buf))) != -EAGAIN);
	assert_int_equal(n, 0);
	assert_true(f->ops->poll(f) & EPOLLHUP);
	file_put(f);
}

static void a_write_takes_what_fits(void)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct file *f = open_fd(p[1]);
	static char big[1 << 20];
	ssize_t n, total = 0;
	while ((n = write_some(f, big, sizeof(big))) > 0)
		total += n;
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(total, 65536);
	assert_false(f->ops->poll(f) & EPOLLOUT);
	assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
	struct later l = { .fd = p[0], .drain = true };
	arm(&l);
	wait_event_uninterruptible(f->wq, f->ops->poll(f) & EPOLLOUT);
	assert_true(write_some(f, big, sizeof(big)) > 0);
	close(p[0]);
	assert_int_equal(write_some(f, big, 1), -EPIPE);
	assert_true(f->ops->poll(f) & EPOLLERR);
	file_put(f);
}

static bool idle_over;
static void idle_fire(struct ktimer *kt)
{
	idle_over = true;
}

static struct waitq nobody = WAITQ_INIT(nobody);
static void wake_nobody(struct ktimer *kt)
{
	idle_fire(kt);
	waitq_wake(&nobody, 0);
}

/* Input that nobody reads must not keep the loop awake: the watch is gone after it has been told once. */
static void unread_input_is_quiet(void)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct file *f = open_fd(p[0]);
	struct hostfd_inode *hi = to_hostfd_inode(f->inode);
	assert_false(hi->watched);
	assert_false(f->ops->poll(f) & EPOLLIN);
	assert_true(hi->watched);
	assert_int_equal(write(p[1], "x", 1), 1);
	struct ktimer kt = { .fire = wake_nobody };
	idle_over = false;
	ktimer_arm(&kt, now_mono_ns() + 5000000);
	wait_event_uninterruptible(&nobody, idle_over);
	assert_false(hi->watched);
	assert_true(f->ops->poll(f) & EPOLLIN);
	close(p[1]);
	file_put(f);
}

static void a_regular_file_keeps_the_hosts_position(void)
{
	char name[] = "/tmp/hostfd_XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	lseek(fd, 2, SEEK_SET);
	int outside = dup(fd);
	struct file *f = open_fd(fd);
	assert_int_equal(f->inode->size, 10);
	char buf[4];
	assert_int_equal(read_some(f, buf, 3), 3);
	assert_memory_equal(buf, "234", 3);
	assert_int_equal(lseek(outside, 0, SEEK_CUR), 5);
	assert_int_equal(lseek(outside, 8, SEEK_SET), 8);
	assert_int_equal(write_some(f, "AB", 2), 2);
	assert_int_equal(f->ops->llseek(f, 0, SEEK_CUR), 10);
	assert_int_equal(f->ops->llseek(f, -3, SEEK_END), 7);
	off_t pos = 0;
	struct uio u;
	uio_init_kernel(&u, buf, 2);
	assert_int_equal(f->ops->read(f, &u, &pos), 2);   /* pread */
	assert_memory_equal(buf, "01", 2);
	assert_int_equal(lseek(outside, 0, SEEK_CUR), 7);

	/* /dev/stdin is the same file at a position of its own. */
	struct file *again = NULL;
	assert_int_equal(f->inode->ops->reopen(f->inode, NULL, O_RDONLY, NULL, &again), 0);
	assert_int_equal(read_some(again, buf, 2), 2);
	assert_memory_equal(buf, "01", 2);
	assert_int_equal(lseek(outside, 0, SEEK_CUR), 7);
	file_put(again);
	file_put(f);
	close(outside);
}

static void devices_and_sockets(void)
{
	struct file *f = open_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
	char buf[4];
	assert_int_equal(read_some(f, buf, 4), 0);
	assert_int_equal(write_some(f, "abcd", 4), 4);
	assert_true(S_ISCHR(f->inode->mode));
	assert_int_equal(f->ops->poll(f) & (EPOLLIN | EPOLLOUT), EPOLLIN | EPOLLOUT);
	file_put(f);

	int s[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	f = open_fd(s[0]);
	assert_int_equal(read_some(f, buf, 4), -EAGAIN);
	assert_int_equal(write(s[1], "ab", 2), 2);
	assert_int_equal(read_some(f, buf, 4), 2);
	assert_int_equal(write_some(f, "cd", 2), 2);
	close(s[1]);
	assert_true(f->ops->poll(f) & EPOLLHUP);
	file_put(f);
}

static void modes_are_the_descriptors_own(void)
{
	struct file *f = NULL, *again = NULL;
	assert_int_equal(hostfd_open(-1, 0, &f), -EBADF);
	int fd = open("/tmp", O_PATH | O_CLOEXEC);
	assert_int_equal(hostfd_open(fd, 0, &f), -EBADF);
	close(fd);
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(hostfd_open(p[0], O_RDWR, &f), 0);
	assert_int_equal(f->mode & (FMODE_READ | FMODE_WRITE), FMODE_READ);
	assert_int_equal(f->inode->ops->reopen(f->inode, NULL, O_WRONLY, NULL, &again), -EACCES);
	close(p[1]);
	int copy = p[0];
	file_put(f);
	assert_int_equal(fcntl(copy, F_GETFD), -1);     /* the last file closed it */
}

#define IN_COROUTINE(fn) static void test_##fn(void **state) { run(fn); }
IN_COROUTINE(a_read_waits_in_the_loop)
IN_COROUTINE(a_write_takes_what_fits)
IN_COROUTINE(unread_input_is_quiet)
IN_COROUTINE(a_regular_file_keeps_the_hosts_position)
IN_COROUTINE(devices_and_sockets)
IN_COROUTINE(modes_are_the_descriptors_own)

static int group_setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	return loop_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_read_waits_in_the_loop),
		cmocka_unit_test(test_a_write_takes_what_fits),
		cmocka_unit_test(test_unread_input_is_quiet),
		cmocka_unit_test(test_a_regular_file_keeps_the_hosts_position),
		cmocka_unit_test(test_devices_and_sockets),
		cmocka_unit_test(test_modes_are_the_descriptors_own),
	};
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
