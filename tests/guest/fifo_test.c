/* fifo_test.c - named pipes (fifo(7)). */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "tests/guest/guest.h"

COVERS(mknod, open, openat, read, write, poll, unlink);

static char dir[] = "/tmp/fifo.XXXXXX";
static char name[64];

static void make(void)
{
	ASSERT(mkdtemp(dir) != NULL);
	snprintf(name, sizeof(name), "%s/f", dir);
	ASSERT_OK(mkfifo(name, 0600));
}

static void clean(void)
{
	unlink(name);
	rmdir(dir);
}

static int poll_of(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

TEST(nonblocking_opens)
{
	make();
	EXPECT_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	int rd = open(name, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(rd);
	char c;
	/* No writer yet is the end of the file, but not a hangup. */
	EXPECT_EQ(read(rd, &c, 1), 0);
	EXPECT_EQ(poll_of(rd, POLLIN), 0);
	int wr = open(name, O_WRONLY | O_NONBLOCK);
	ASSERT_OK(wr);
	EXPECT_ERRNO(read(rd, &c, 1), EAGAIN);
	EXPECT_EQ(write(wr, "x", 1), 1);
	EXPECT_EQ(poll_of(rd, POLLIN), POLLIN);
	close(wr);
	EXPECT_EQ(poll_of(rd, POLLIN), POLLIN | POLLHUP);
	EXPECT_EQ(read(rd, &c, 1), 1);
	EXPECT_EQ(read(rd, &c, 1), 0);
	clean();
}

TEST(opens_wait_for_each_other)
{
	make();
	pid_t pid = fork();
	if (pid == 0) {
		int wr = open(name, O_WRONLY);
		write(wr, "hello", 5);
		_exit(0);
	}
	int rd = open(name, O_RDONLY);
	ASSERT_OK(rd);
	char buf[16];
	EXPECT_EQ(read(rd, buf, sizeof(buf)), 5);
	EXPECT_EQ(read(rd, buf, sizeof(buf)), 0);
	waitpid(pid, NULL, 0);
	clean();
}

TEST(read_write_never_waits)
{
	make();
	int fd = open(name, O_RDWR);
	ASSERT_OK(fd);
	char buf[4];
	EXPECT_EQ(write(fd, "abc", 3), 3);
	EXPECT_EQ(poll_of(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
	EXPECT_EQ(read(fd, buf, 4), 3);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT(S_ISFIFO(st.st_mode));
	clean();
}

TEST(contents_go_with_the_last_close)
{
	make();
	int fd = open(name, O_RDWR | O_NONBLOCK);
	ASSERT_OK(fd);
	EXPECT_EQ(write(fd, "abc", 3), 3);
	close(fd);
	fd = open(name, O_RDWR | O_NONBLOCK);
	char buf[4];
	EXPECT_ERRNO(read(fd, buf, 4), EAGAIN);
	clean();
}

TEST(descriptor_in_proc_opens_the_same_pipe)
{
	int fds[2];
	char path[64], c;
	ASSERT_OK(pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	int wr = open(path, O_WRONLY);
	ASSERT_OK(wr);
	EXPECT_EQ(write(wr, "z", 1), 1);
	EXPECT_EQ(read(fds[0], &c, 1), 1);
	EXPECT_EQ(c, 'z');
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(a_signal_ends_the_wait)
{
	make();
	struct sigaction sa = { .sa_handler = on_alarm };
	sigaction(SIGUSR1, &sa, NULL);
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		for (;;) {
			kill(me, SIGUSR1);
			usleep(1000);
		}
	}
	EXPECT_ERRNO(open(name, O_RDONLY), EINTR);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* The one that gave up is not taken for a reader. */
	EXPECT_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	clean();
}
