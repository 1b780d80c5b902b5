/* aio_test.c - io_setup(2), io_submit(2), io_getevents(2) and what belongs to them. */
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/guest/fs.h"

COVERS(io_setup, io_destroy, io_submit, io_cancel, io_getevents, io_pgetevents);

static aio_context_t ctx;
static char buf[8192];
static struct io_event events[8];

static long submit(struct iocb *cb)
{
	return syscall(SYS_io_submit, ctx, 1L, (struct iocb *[]){ cb });
}

static long fetch(long min, long max, const struct timespec *ts)
{
	return syscall(SYS_io_getevents, ctx, min, max, events, ts);
}

static struct iocb request(int fd, int op, const void *data, size_t bytes, long long at)
{
	return (struct iocb){ .aio_fildes = (unsigned)fd, .aio_lio_opcode = (uint16_t)op, .aio_buf = (uint64_t)data, .aio_nbytes = bytes,
			      .aio_offset = at, .aio_data = 77 };
}

/* The one event that waits. */
static long long result_of(const struct iocb *cb)
{
	ASSERT_EQ(fetch(1, 8, NULL), 1);
	EXPECT_EQ(events[0].obj, (uint64_t)cb);
	EXPECT_EQ(events[0].data, 77);
	return events[0].res;
}

TEST(contexts)
{
	aio_context_t none = 0, used = 1;
	EXPECT_ERRNO(syscall(SYS_io_setup, 1, (void *)8), EFAULT);
	EXPECT_ERRNO(syscall(SYS_io_setup, 1, &used), EINVAL);
	EXPECT_ERRNO(syscall(SYS_io_setup, 0, &none), EINVAL);
	EXPECT_ERRNO(syscall(SYS_io_setup, -1, &none), EINVAL);
	EXPECT_ERRNO(syscall(SYS_io_setup, 0x400001, &none), EINVAL);
	EXPECT_ERRNO(syscall(SYS_io_setup, 0x300000, &none), EAGAIN);
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	EXPECT(ctx != 0);
	EXPECT_ERRNO(syscall(SYS_io_getevents, ctx + 4096, 0L, 1L, events, NULL), EINVAL);
	EXPECT_ERRNO(fetch(-1, 1, NULL), EINVAL);
	EXPECT_ERRNO(fetch(2, 1, NULL), EINVAL);
	EXPECT_EQ(fetch(0, 1, NULL), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_io_destroy, ctx) == -1 && errno == EINVAL ? 0 : 1);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_OK(syscall(SYS_io_destroy, ctx));
	EXPECT_ERRNO(syscall(SYS_io_destroy, ctx), EINVAL);
}

TEST(files_are_written_and_read)
{
	scratch();
	int fd = file_with("f", "");
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	struct iocb w = request(fd, IOCB_CMD_PWRITE, "hello, world", 12, 3), r = request(fd, IOCB_CMD_PREAD, buf, 100, 10);
	EXPECT_EQ(submit(&w), 1);
	EXPECT_EQ(result_of(&w), 12);
	EXPECT_EQ(submit(&r), 1);
	EXPECT_EQ(result_of(&r), 5);
	EXPECT(memcmp(buf, "world", 5) == 0);
	struct iovec v[2] = { { buf, 4 }, { buf + 100, 100 } };
	struct iocb rv = request(fd, IOCB_CMD_PREADV, v, 2, 3), s = request(fd, IOCB_CMD_FSYNC, NULL, 0, 0);
	EXPECT_EQ(submit(&rv), 1);
	EXPECT_EQ(result_of(&rv), 12);
	EXPECT(memcmp(buf, "hell", 4) == 0 && memcmp(buf + 100, "o, world", 8) == 0);
	EXPECT_EQ(submit(&s), 1);
	EXPECT_EQ(result_of(&s), 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
	scratch_end();
}

TEST(what_is_wrong_with_a_request_is_said_at_once)
{
	scratch();
	int fd = file_with("f", "text"), rd = open("f", O_RDONLY), wr = open("f", O_WRONLY);
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	struct iocb ok = request(fd, IOCB_CMD_PREAD, buf, 4, 0), cb = request(rd, IOCB_CMD_PWRITE, buf, 4, 0);
	EXPECT_ERRNO(submit(&cb), EBADF);
	cb = request(wr, IOCB_CMD_PREAD, buf, 4, 0);
	EXPECT_ERRNO(submit(&cb), EBADF);
	cb = request(-1, IOCB_CMD_PREAD, buf, 4, 0);
	EXPECT_ERRNO(submit(&cb), EBADF);
	cb = request(fd, 99, buf, 4, 0);
	EXPECT_ERRNO(submit(&cb), EINVAL);
	cb = ok;
	cb.aio_reserved2 = 1;
	EXPECT_ERRNO(submit(&cb), EINVAL);
	cb = ok;
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (unsigned)rd;
	EXPECT_ERRNO(submit(&cb), EINVAL);
	cb = ok;
	cb.aio_rw_flags = 0x4000000;
	EXPECT_ERRNO(submit(&cb), EOPNOTSUPP);
	EXPECT_ERRNO(submit((void *)8), EFAULT);
	EXPECT_ERRNO(syscall(SYS_io_submit, ctx, -1L, NULL), EINVAL);
	EXPECT_EQ(syscall(SYS_io_submit, ctx, 0L, NULL), 0);
	/* Those before the bad one are done. */
	cb = request(-1, IOCB_CMD_PREAD, buf, 4, 0);
	EXPECT_EQ(syscall(SYS_io_submit, ctx, 2L, (struct iocb *[]){ &ok, &cb }), 1);
	EXPECT_EQ(result_of(&ok), 4);
	/* An event that can't be copied stays. */
	EXPECT_EQ(submit(&ok), 1);
	EXPECT_ERRNO(syscall(SYS_io_getevents, ctx, 1L, 1L, (void *)8, NULL), EFAULT);
	EXPECT_EQ(result_of(&ok), 4);
	scratch_end();
}

TEST(a_descriptor_tells_of_events)
{
	scratch();
	int fd = file_with("f", "text"), evfd = eventfd(0, EFD_NONBLOCK);
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	struct iocb cb = request(fd, IOCB_CMD_PREAD, buf, 4, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (unsigned)evfd;
	EXPECT_EQ(submit(&cb), 1);
	EXPECT_EQ(submit(&cb), 1);
	uint64_t count = 0;
	EXPECT_EQ(read(evfd, &count, 8), 8);
	EXPECT_EQ(count, 2);
	EXPECT_EQ(fetch(2, 8, NULL), 2);
	/* The kernel's own signals may overflow the count. */
	count = UINT64_MAX - 1;
	EXPECT_EQ(write(evfd, &count, 8), 8);
	EXPECT_EQ(submit(&cb), 1);
	struct pollfd p = { evfd, POLLIN | POLLOUT, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 1);
	EXPECT_EQ(p.revents, POLLIN | POLLERR);
	EXPECT_EQ(read(evfd, &count, 8), 8);
	EXPECT_EQ(count, UINT64_MAX);
	scratch_end();
}

TEST(polls_stay_under_way)
{
	int p[2];
	ASSERT_OK(pipe(p));
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	struct iocb in = request(p[0], IOCB_CMD_POLL, (void *)POLLIN, 0, 0), out = request(p[1], IOCB_CMD_POLL, (void *)POLLOUT, 0, 0);
	struct timespec now = { 0 }, soon = { .tv_nsec = 10000000 };
	EXPECT_EQ(submit(&in), 1);
	EXPECT_EQ(fetch(1, 8, &now), 0);
	EXPECT_EQ(fetch(1, 8, &soon), 0);
	EXPECT_EQ(submit(&out), 1);
	EXPECT_EQ(result_of(&out), POLLOUT);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write(p[1], "x", 1) == 1 ? 0 : 1);
	EXPECT(result_of(&in) & POLLIN);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(read(p[0], buf, 1), 1);
	/* Cancelled, it ends with an event. */
	EXPECT_EQ(submit(&in), 1);
	EXPECT_ERRNO(syscall(SYS_io_cancel, ctx, &in, events), EINPROGRESS);
	EXPECT_EQ(result_of(&in), 0);
	EXPECT_ERRNO(syscall(SYS_io_cancel, ctx, &in, events), EINVAL);
	EXPECT_ERRNO(syscall(SYS_io_cancel, ctx, NULL, events), EFAULT);
	/* A poll that is under way keeps its file; destroying the context lets it go, Linux a moment later. */
	EXPECT_EQ(submit(&in), 1);
	close(p[0]);
	struct pollfd no_reader = { .fd = p[1] };
	EXPECT_EQ(poll(&no_reader, 1, 0), 0);
	EXPECT_OK(syscall(SYS_io_destroy, ctx));
	EXPECT_EQ(poll(&no_reader, 1, -1), 1);
	EXPECT_EQ(no_reader.revents, POLLERR);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(write(p[1], "x", 1), EPIPE);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signals_interrupt_the_wait)
{
	sigset_t none;
	struct { const sigset_t *set; size_t bytes; } mask = { &none, 8 };
	sigemptyset(&none);
	ASSERT_OK(syscall(SYS_io_setup, 8, &ctx));
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm, .sa_flags = SA_RESTART }, NULL);
	ualarm(20000, 20000);
	EXPECT_ERRNO(fetch(1, 1, NULL), EINTR);
	EXPECT_ERRNO(syscall(SYS_io_pgetevents, ctx, 1L, 1L, events, NULL, &mask), EINTR);
	ualarm(0, 0);
	EXPECT_ERRNO(syscall(SYS_io_pgetevents, ctx, 1L, 1L, events, NULL, (void *)8), EFAULT);
	EXPECT_ERRNO(syscall(SYS_io_getevents, ctx, 1L, 1L, events, (void *)8), EFAULT);
}

TEST(requests_that_are_not_fetched_fill_a_context)
{
	scratch();
	int fd = file_with("f", "text"), n = 0;
	ASSERT_OK(syscall(SYS_io_setup, 4, &ctx));
	struct iocb cb = request(fd, IOCB_CMD_PREAD, buf, 4, 0);
	while (n < 100000 && submit(&cb) == 1)
		n++;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(n >= 4 && n < 100000);
	EXPECT_EQ(fetch(1, 1, NULL), 1);
	EXPECT_EQ(submit(&cb), 1);
	scratch_end();
}

static volatile aio_context_t shared_ctx;
static int busy_pipe[2];
static volatile bool over;

static void *submits(void *arg)
{
	(void)arg;
	struct iocb in = request(busy_pipe[0], IOCB_CMD_POLL, (void *)POLLIN, 0, 0), rd = request(busy_pipe[0], IOCB_CMD_PREAD, buf, 1, 0);
	while (!over) {
		syscall(SYS_io_submit, shared_ctx, 2L, (struct iocb *[]){ &in, &rd });
		syscall(SYS_io_cancel, shared_ctx, &in, NULL);
	}
	return NULL;
}

static void *fetches(void *arg)
{
	(void)arg;
	struct io_event ev[4];
	struct timespec soon = { .tv_nsec = 100000 };
	while (!over)
		syscall(SYS_io_getevents, shared_ctx, 2L, 4L, ev, &soon);
	return NULL;
}

static void *writes(void *arg)
{
	(void)arg;
	while (!over && write(busy_pipe[1], "xyz", 3) == 3)
		usleep(100);
	return NULL;
}

TEST(contexts_end_while_others_use_them)
{
	void *(*const roles[])(void *) = { submits, submits, fetches, fetches, writes };
	pthread_t th[5];
	ASSERT_OK(pipe(busy_pipe));
	ASSERT_OK(fcntl(busy_pipe[0], F_SETFL, O_NONBLOCK));
	ASSERT_OK(fcntl(busy_pipe[1], F_SETFL, O_NONBLOCK));
	ASSERT_OK(syscall(SYS_io_setup, 4, &ctx));
	shared_ctx = ctx;
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(pthread_create(&th[i], NULL, roles[i], NULL), 0);
	/* Not often: Linux waits for all processors at each end. */
	for (int i = 0; i < 8; i++) {
		aio_context_t old = ctx, next = 0;
		ASSERT_OK(syscall(SYS_io_setup, 4, &next));
		shared_ctx = ctx = next;
		EXPECT_OK(syscall(SYS_io_destroy, old));
	}
	over = true;
	for (int i = 0; i < 5; i++)
		pthread_join(th[i], NULL);
	EXPECT_OK(syscall(SYS_io_destroy, ctx));
}
