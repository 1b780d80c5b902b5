/* pipe_test.c - pipes (pipe(7)). */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tests/guest/guest.h"

static void *volatile bad = (void *)8;

COVERS(pipe, pipe2, read, write, readv, writev, poll, fcntl, ioctl, close, dup);

static char buf[1 << 20];

static int poll_of(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

TEST(moves_bytes_in_order)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	EXPECT_EQ(write(fds[1], "hello ", 6), 6);
	EXPECT_EQ(write(fds[1], "world", 5), 5);
	int n;
	ASSERT_OK(ioctl(fds[0], FIONREAD, &n));
	EXPECT_EQ(n, 11);
	EXPECT_EQ(read(fds[0], buf, 3), 3);
	EXPECT_EQ(read(fds[0], buf + 3, 100), 8);
	EXPECT(memcmp(buf, "hello world", 11) == 0);
	ASSERT_OK(ioctl(fds[0], FIONREAD, &n));
	EXPECT_EQ(n, 0);
}

TEST(flags_are_checked_and_set)
{
	int fds[2] = { -5, -5 };
	EXPECT_ERRNO(pipe2(fds, O_APPEND), EINVAL);
	EXPECT_ERRNO(pipe2(bad, 0), EFAULT);
	ASSERT_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	EXPECT_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(fds[0], F_GETFL), O_RDONLY | O_NONBLOCK);
	EXPECT_EQ(fcntl(fds[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	EXPECT_ERRNO(read(fds[0], buf, 1), EAGAIN);
	EXPECT_ERRNO(read(fds[1], buf, 1), EBADF);
	EXPECT_ERRNO(write(fds[0], buf, 1), EBADF);
	EXPECT_ERRNO(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
	EXPECT_ERRNO(pread(fds[0], buf, 1, 0), ESPIPE);
	struct stat a, b;
	ASSERT_OK(fstat(fds[0], &a));
	ASSERT_OK(fstat(fds[1], &b));
	EXPECT(S_ISFIFO(a.st_mode));
	EXPECT_EQ(a.st_ino, b.st_ino);
	int other[2];
	ASSERT_OK(pipe(other));
	ASSERT_OK(fstat(other[0], &b));
	EXPECT(a.st_ino != b.st_ino);
}

TEST(a_failed_copy_out_leaves_no_descriptors)
{
	int probe = dup(0);
	close(probe);
	EXPECT_ERRNO(pipe(bad), EFAULT);
	int again = dup(0);
	EXPECT_EQ(again, probe);
}

TEST(holds_65536_bytes)
{
	int fds[2];
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	EXPECT_EQ(fcntl(fds[0], F_GETPIPE_SZ), 65536);
	EXPECT_EQ(write(fds[1], buf, sizeof(buf)), 65536);
	EXPECT_ERRNO(write(fds[1], buf, 1), EAGAIN);
	EXPECT_EQ(poll_of(fds[1], POLLOUT), 0);
	/* Room is counted in whole pages. */
	EXPECT_EQ(read(fds[0], buf, 4095), 4095);
	EXPECT_ERRNO(write(fds[1], buf, 1), EAGAIN);
	EXPECT_EQ(read(fds[0], buf, 1), 1);
	EXPECT_EQ(poll_of(fds[1], POLLOUT), POLLOUT);
	EXPECT_EQ(write(fds[1], buf, 5000), 4096);
}

TEST(single_bytes_fill_pages)
{
	int fds[2], n = 0;
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	while (write(fds[1], buf, 1) == 1)
		n++;
	EXPECT_EQ(n, 65536);
}

TEST(writes_of_pipe_buf_are_all_or_nothing)
{
	int fds[2];
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	EXPECT_EQ(write(fds[1], buf, 65536), 65536);
	EXPECT_EQ(read(fds[0], buf, 4096 + 100), 4096 + 100);
	EXPECT_EQ(write(fds[1], buf, 4000), 4000);
	EXPECT_ERRNO(write(fds[1], buf, 4000), EAGAIN);
	EXPECT_EQ(write(fds[1], buf, 96), 96);
	EXPECT_ERRNO(write(fds[1], buf, 1), EAGAIN);
}

TEST(contents_survive_wrapping)
{
	int fds[2];
	static unsigned char in[40000], out[40000];
	unsigned char next_in = 0, next_out = 0;
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	for (int round = 0; round < 200; round++) {
		size_t want = 1 + (size_t)(round * 7919) % sizeof(in);
		for (size_t i = 0; i < want; i++)
			in[i] = (unsigned char)(next_in + i);
		ssize_t n = write(fds[1], in, want);
		if (n > 0)
			next_in = (unsigned char)(next_in + n);
		n = read(fds[0], out, 1 + (size_t)(round * 104729) % sizeof(out));
		for (ssize_t i = 0; i < n; i++)
			ASSERT_EQ(out[i], (unsigned char)(next_out + i));
		if (n > 0)
			next_out = (unsigned char)(next_out + n);
	}
}

TEST(blocking_write_takes_everything)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		memset(buf, 'x', sizeof(buf));
		_exit(write(fds[1], buf, sizeof(buf)) == sizeof(buf) ? 0 : 1);
	}
	close(fds[1]);
	size_t total = 0;
	ssize_t n;
	while ((n = read(fds[0], buf, 30000)) > 0)
		total += (size_t)n;
	EXPECT_EQ(n, 0);
	EXPECT_EQ(total, sizeof(buf));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(blocked_reader_is_woken_by_data_and_by_end)
{
	int a[2], b[2];
	ASSERT_OK(pipe(a));
	ASSERT_OK(pipe(b));
	pid_t pid = fork();
	if (pid == 0) {
		close(a[1]);
		char c;
		while (read(a[0], &c, 1) == 1)
			write(b[1], &c, 1);
		_exit(7);
	}
	for (int i = 0; i < 200; i++) {
		char c = (char)i, d = 0;
		ASSERT_EQ(write(a[1], &c, 1), 1);
		ASSERT_EQ(read(b[0], &d, 1), 1);
		ASSERT_EQ(c, d);
	}
	close(a[1]);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 7);
}

static volatile int got_sigpipe;
static void on_sigpipe(int sig)
{
	got_sigpipe += sig == SIGPIPE;
}

TEST(no_readers_means_sigpipe_and_epipe)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	signal(SIGPIPE, on_sigpipe);
	close(fds[0]);
	EXPECT_EQ(poll_of(fds[1], POLLOUT), POLLOUT | POLLERR);
	EXPECT_ERRNO(write(fds[1], "x", 1), EPIPE);
	EXPECT_EQ(got_sigpipe, 1);
	EXPECT_EQ(write(fds[1], "", 0), 0);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(write(fds[1], "x", 1), EPIPE);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		write(fds[1], "x", 1);
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

TEST(no_writers_means_end_of_file_and_hangup)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	write(fds[1], "x", 1);
	int other = dup(fds[1]);
	close(fds[1]);
	EXPECT_EQ(poll_of(fds[0], POLLIN), POLLIN);
	close(other);
	EXPECT_EQ(poll_of(fds[0], POLLIN), POLLIN | POLLHUP);
	EXPECT_EQ(read(fds[0], &c, 1), 1);
	EXPECT_EQ(poll_of(fds[0], POLLIN), POLLHUP);
	EXPECT_EQ(read(fds[0], &c, 1), 0);
}

TEST(capacity_can_be_changed)
{
	int fds[2];
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	EXPECT_EQ(fcntl(fds[1], F_SETPIPE_SZ, 1), 4096);
	EXPECT_EQ(fcntl(fds[0], F_GETPIPE_SZ), 4096);
	EXPECT_EQ(write(fds[1], buf, 10000), 4096);
	EXPECT_EQ(fcntl(fds[1], F_SETPIPE_SZ, 100000), 131072);
	for (int i = 0; i < 4096; i++)
		buf[i] = (char)i;
	EXPECT_EQ(write(fds[1], buf, sizeof(buf)), 131072 - 4096);
	EXPECT_ERRNO(fcntl(fds[1], F_SETPIPE_SZ, 65536), EBUSY);
	EXPECT_EQ(read(fds[0], buf, 4096), 4096);
	EXPECT_EQ(read(fds[0], buf, 4096), 4096);
	for (int i = 0; i < 4096; i++)
		ASSERT_EQ(buf[i], (char)i);
	EXPECT_ERRNO(fcntl(fds[1], F_SETPIPE_SZ, 0x80000001u), EINVAL);
	int fd = open("/dev/null", O_RDWR);
	EXPECT_ERRNO(fcntl(fd, F_GETPIPE_SZ), EBADF);
}

TEST(packets_keep_their_boundaries)
{
	int fds[2];
	ASSERT_OK(pipe2(fds, O_DIRECT | O_NONBLOCK));
	EXPECT_EQ(write(fds[1], "abc", 3), 3);
	EXPECT_EQ(write(fds[1], "defgh", 5), 5);
	EXPECT_EQ(read(fds[0], buf, 100), 3);
	EXPECT_EQ(read(fds[0], buf, 2), 2);
	EXPECT_EQ(buf[1], 'e');
	EXPECT_ERRNO(read(fds[0], buf, 100), EAGAIN);
	EXPECT_EQ(write(fds[1], buf, 5000), 5000);
	EXPECT_EQ(read(fds[0], buf, sizeof(buf)), 4096);
	EXPECT_EQ(read(fds[0], buf, sizeof(buf)), 904);
}

TEST(vectors_are_gathered_and_scattered)
{
	int fds[2];
	char a[4], b[8];
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdefgh", 6 } };
	struct iovec in[2] = { { a, 3 }, { b, 8 } };
	ASSERT_OK(pipe(fds));
	EXPECT_EQ(writev(fds[1], out, 3), 8);
	EXPECT_EQ(readv(fds[0], in, 2), 8);
	EXPECT(memcmp(a, "abc", 3) == 0 && memcmp(b, "defgh", 5) == 0);
}

TEST(bad_memory_moves_what_it_can)
{
	int fds[2];
	ASSERT_OK(pipe2(fds, O_NONBLOCK));
	EXPECT_ERRNO(write(fds[1], bad, 10), EFAULT);
	EXPECT_ERRNO(read(fds[0], buf, 10), EAGAIN);
	EXPECT_EQ(write(fds[1], "abc", 3), 3);
	EXPECT_ERRNO(read(fds[0], bad, 3), EFAULT);
	EXPECT_EQ(read(fds[0], buf, 10), 3);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signal_interrupts_a_blocked_read)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	struct sigaction sa = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &sa, NULL);
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		/* Again and again, for the first may come before the read. */
		for (;;) {
			kill(me, SIGALRM);
			usleep(1000);
		}
	}
	EXPECT_ERRNO(read(fds[0], buf, 1), EINTR);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(a_restarted_read_goes_on)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, NULL);
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20; i++) {
			kill(me, SIGALRM);
			usleep(500);
		}
		write(fds[1], "x", 1);
		_exit(0);
	}
	EXPECT_EQ(read(fds[0], buf, 1), 1);
	waitpid(pid, NULL, 0);
}
