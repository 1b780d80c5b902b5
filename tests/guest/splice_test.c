/* splice_test.c - bytes from descriptor to descriptor with a pipe between: splice(2), tee(2), vmsplice(2), sendfile(2). */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/guest/fs.h"

COVERS(splice, tee, vmsplice, sendfile);

static char data[256 * 1024];

static int bytes_in(int fd)
{
	int n = -1;
	ASSERT_OK(ioctl(fd, FIONREAD, &n));
	return n;
}

/* A pipe with 100 bytes, and a socket that takes none. */
static void full_socket(int p[2], int sv[2])
{
	ASSERT_OK(pipe(p));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	while (send(sv[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	while (send(sv[0], data, 1, MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(errno, EAGAIN);
	ASSERT_EQ(write(p[1], data, 100), 100);
}

TEST(splicing)
{
	scratch();
	int in = file_with("in", "0123456789"), out = file_with("out", ""), p[2], q[2];
	ASSERT_OK(pipe(p));
	ASSERT_OK(pipe(q));
	loff_t off = 3;
	EXPECT_EQ(splice(in, &off, p[1], NULL, 4, 0), 4);
	EXPECT_EQ(off, 7);
	EXPECT_EQ(splice(p[0], NULL, q[1], NULL, 100, 0), 4);
	EXPECT_EQ(splice(q[0], NULL, out, NULL, 100, 0), 4);
	EXPECT_STREQ(content_of("out"), "3456");
	EXPECT_ERRNO(splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	EXPECT_ERRNO(splice(in, NULL, out, NULL, 1, 0), EINVAL);
	EXPECT_ERRNO(splice(p[0], &off, out, NULL, 1, 0), ESPIPE);
	EXPECT_ERRNO(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
	EXPECT_EQ(splice(p[0], NULL, out, NULL, 0, 0), 0);
	close(p[1]);
	EXPECT_EQ(splice(p[0], NULL, out, NULL, 1, 0), 0);
	struct iovec v = { "vmsplice", 8 };
	EXPECT_EQ(vmsplice(q[1], &v, 1, 0), 8);
	char buf[16];
	EXPECT_EQ(read(q[0], buf, sizeof(buf)), 8);
	EXPECT_ERRNO(vmsplice(in, &v, 1, 0), EBADF);
	scratch_end();
}

TEST(a_socket_takes_from_a_pipe_what_send_would_give_it)
{
	int p[2], sv[2], total = 0;
	ASSERT_OK(pipe(p));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	/* More than three quarters of its buffer, where poll says that it isn't writable. */
	for (; total < 180 * 1024; total += 60 * 1024) {
		ASSERT_EQ(write(p[1], data, 60 * 1024), 60 * 1024);
		ASSERT_EQ(splice(p[0], NULL, sv[0], NULL, 60 * 1024, 0), 60 * 1024);
	}
	for (ssize_t n; total > 0; total -= (int)n)
		ASSERT((n = read(sv[1], data, sizeof(data))) > 0);
}

TEST(what_a_socket_has_no_room_for_stays_in_the_pipe)
{
	int p[2], sv[2];
	full_socket(p, sv);
	ASSERT_OK(fcntl(sv[0], F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(splice(p[0], NULL, sv[0], NULL, 100, 0), EAGAIN);
	EXPECT_EQ(bytes_in(p[0]), 100);
	ASSERT_OK(fcntl(sv[0], F_SETFL, 0));
	struct timeval soon = { .tv_usec = 20000 };
	ASSERT_OK(setsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)));
	/* SPLICE_F_NONBLOCK speaks of the pipe. */
	EXPECT_ERRNO(splice(p[0], NULL, sv[0], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	EXPECT_EQ(bytes_in(p[0]), 100);
	close(sv[1]);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(splice(p[0], NULL, sv[0], NULL, 100, 0), EPIPE);
	EXPECT_EQ(bytes_in(p[0]), 100);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(a_signal_loses_nothing)
{
	int p[2], sv[2];
	full_socket(p, sv);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	ualarm(20000, 20000);
	EXPECT_ERRNO(splice(p[0], NULL, sv[0], NULL, 100, 0), EINTR);
	ualarm(0, 0);
	EXPECT_EQ(bytes_in(p[0]), 100);
}

TEST(room_is_waited_for_and_more_bytes_are_not)
{
	int p[2], sv[2];
	full_socket(p, sv);
	int taken = bytes_in(sv[1]);
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_EQ(recv(sv[1], data, (size_t)taken, MSG_WAITALL), taken);
		ASSERT_EQ(recv(sv[1], data, 100, MSG_WAITALL), 100);
		_exit(0);
	}
	EXPECT_EQ(splice(p[0], NULL, sv[0], NULL, sizeof(data), 0), 100);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(files_of_records_are_not_spliced)
{
	int p[2], ev = eventfd(1, 0), ep = epoll_create1(0), in = inotify_init1(0);
	ASSERT_OK(pipe(p));
	/* At once, although the pipe is empty. */
	EXPECT_ERRNO(splice(p[0], NULL, ev, NULL, 8, 0), EINVAL);
	EXPECT_ERRNO(splice(ev, NULL, p[1], NULL, 8, 0), EINVAL);
	EXPECT_ERRNO(splice(ep, NULL, p[1], NULL, 8, 0), EINVAL);
	ASSERT_EQ(write(p[1], "12345678", 8), 8);
	EXPECT_ERRNO(splice(p[0], NULL, ev, NULL, 8, 0), EINVAL);
	EXPECT_ERRNO(splice(in, NULL, p[1], NULL, 8, 0), EINVAL);
}

TEST(sendfile_does_not_read_pipes_and_sockets)
{
	scratch();
	int p[2], q[2], sv[2], out = file_with("out", "");
	ASSERT_OK(pipe(p));
	ASSERT_OK(pipe(q));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ASSERT_EQ(write(p[1], "pipe", 4), 4);
	ASSERT_EQ(write(sv[0], "socket", 6), 6);
	EXPECT_ERRNO(sendfile(out, p[0], NULL, 4), EINVAL);
	EXPECT_ERRNO(sendfile(q[1], p[0], NULL, 4), EINVAL);
	EXPECT_ERRNO(sendfile(out, sv[1], NULL, 6), EINVAL);
	EXPECT_EQ(sendfile(q[1], sv[1], NULL, 6), 6);
	EXPECT_EQ(bytes_in(p[0]), 4);
	EXPECT_EQ(bytes_in(q[0]), 6);
	scratch_end();
}

TEST(vmsplice_takes_what_there_is_room_for)
{
	static char data[256 * 1024];
	struct iovec v = { data, sizeof(data) };
	int p[2];
	ASSERT_OK(pipe(p));
	ssize_t n = vmsplice(p[1], &v, 1, 0);
	EXPECT(n > 0 && n < (ssize_t)sizeof(data));
}

TEST(tee_copies_and_leaves)
{
	int a[2], b[2];
	char buf[128];
	ASSERT_OK(pipe2(a, O_NONBLOCK));
	ASSERT_OK(pipe2(b, O_NONBLOCK));
	EXPECT_ERRNO(tee(a[0], b[1], 100, 0), EAGAIN);
	EXPECT_EQ(write(a[1], "hello", 5), 5);
	EXPECT_EQ(tee(a[0], b[1], 3, 0), 3);
	EXPECT_EQ(tee(a[0], b[1], 100, 0), 5);
	EXPECT_EQ(read(b[0], buf, 100), 8);
	EXPECT(memcmp(buf, "helhello", 8) == 0);
	EXPECT_EQ(read(a[0], buf, 100), 5);
	close(a[1]);
	EXPECT_EQ(tee(a[0], b[1], 100, 0), 0);
	EXPECT_ERRNO(tee(a[0], a[0], 100, 0), EBADF);
	EXPECT_ERRNO(tee(b[0], b[1], 100, 0), EINVAL);
	int fd = open("/proc/self/exe", O_RDONLY);
	EXPECT_ERRNO(tee(fd, b[1], 100, 0), EINVAL);
}

TEST(beyond_what_a_file_holds)
{
	int a = open("/tmp", O_TMPFILE | O_RDWR, 0600), b = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	ASSERT_OK(a);
	ASSERT_OK(b);
	ASSERT_EQ(write(a, "abc", 3), 3);
	loff_t in = 0, end = INT64_MAX;
	EXPECT_ERRNO(syscall(SYS_copy_file_range, a, &in, b, &end, 65537UL, 0), EFBIG);
	EXPECT_ERRNO(syscall(SYS_copy_file_range, a, &in, b, &end, UINT64_MAX, 0), EOVERFLOW);
}
