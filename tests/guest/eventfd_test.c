/* eventfd_test.c - eventfd(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/guest/guest.h"

static void *volatile bad = (void *)8;

COVERS(eventfd, eventfd2, read, write, poll);

static int poll_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

TEST(counts)
{
	int fd = eventfd(3, EFD_NONBLOCK);
	ASSERT_OK(fd);
	uint64_t v = 4;
	EXPECT_EQ(write(fd, &v, 8), 8);
	EXPECT_EQ(poll_of(fd), POLLIN | POLLOUT);
	EXPECT_EQ(read(fd, &v, 8), 8);
	EXPECT_EQ(v, 7);
	EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
	EXPECT_EQ(poll_of(fd), POLLOUT);
}

TEST(semaphore_gives_ones)
{
	int fd = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
	uint64_t v = 0;
	EXPECT_EQ(read(fd, &v, 8), 8);
	EXPECT_EQ(v, 1);
	EXPECT_EQ(read(fd, &v, 8), 8);
	EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
}

TEST(limits)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t v = UINT64_MAX;
	EXPECT_ERRNO(write(fd, &v, 8), EINVAL);
	v = UINT64_MAX - 1;
	EXPECT_EQ(write(fd, &v, 8), 8);
	EXPECT_EQ(poll_of(fd), POLLIN);
	v = 1;
	EXPECT_ERRNO(write(fd, &v, 8), EAGAIN);
	v = 0;
	EXPECT_EQ(write(fd, &v, 8), 8);
	EXPECT_ERRNO(write(fd, &v, 7), EINVAL);
	EXPECT_ERRNO(read(fd, &v, 7), EINVAL);
	EXPECT_ERRNO(eventfd(0, 0x10), EINVAL);
	char big[16] = { 1 };
	EXPECT_EQ(read(fd, big, 16), 8);
}

TEST(read_consumes_value_even_on_efault)
{
	int fd = eventfd(5, EFD_NONBLOCK);
	EXPECT_ERRNO(read(fd, bad, 8), EFAULT);
	uint64_t v;
	EXPECT_ERRNO(read(fd, &v, 8), EAGAIN);
}

TEST(blocking_reader_and_writer_wake_each_other)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	pid_t pid = fork();
	uint64_t v;
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			v = UINT64_MAX - 1;
			if (write(fd, &v, 8) != 8)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(read(fd, &v, 8), 8);
		ASSERT_EQ(v, UINT64_MAX - 1);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}
