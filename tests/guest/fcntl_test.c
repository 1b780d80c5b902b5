/* fcntl_test.c - dup(2), fcntl(2), ioctl(2)'s part that every descriptor knows. */
#include "tests/guest/fs.h"

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

COVERS(dup, dup2, dup3, fcntl, ioctl);

TEST(duplicates)
{
	scratch();
	int fd = file_with("f", "abcdef");
	int d = dup(fd);
	ASSERT_OK(d);
	char c;
	EXPECT_EQ(read(fd, &c, 1), 1);
	EXPECT_EQ(read(d, &c, 1), 1);
	EXPECT_EQ(c, 'b');                        /* one offset */
	EXPECT_EQ(dup2(fd, 77), 77);
	EXPECT_EQ(dup2(fd, fd), fd);
	EXPECT_ERRNO(dup3(fd, fd, 0), EINVAL);
	EXPECT_ERRNO(dup3(fd, 78, O_NONBLOCK), EINVAL);
	EXPECT_EQ(dup3(fd, 78, O_CLOEXEC), 78);
	EXPECT_EQ(fcntl(78, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(dup2(78, 79), 79);
	EXPECT_EQ(fcntl(79, F_GETFD), 0);
	EXPECT_ERRNO(dup(999), EBADF);
	EXPECT_ERRNO(dup2(999, 5), EBADF);
	EXPECT_ERRNO(dup2(999, 999), EBADF);
	EXPECT_ERRNO(dup2(fd, -1), EBADF);
	EXPECT_ERRNO(dup2(fd, 1 << 30), EBADF);
	EXPECT_EQ(fcntl(fd, F_DUPFD, 100), 100);
	EXPECT_EQ(fcntl(fd, F_DUPFD, 100), 101);
	EXPECT_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 100), 102);
	EXPECT_EQ(fcntl(102, F_GETFD), FD_CLOEXEC);
	EXPECT_ERRNO(fcntl(fd, F_DUPFD, -1), EINVAL);
	EXPECT_ERRNO(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
	close(fd);
	int low = dup(d);
	EXPECT_EQ(low, fd);                       /* the lowest free number */
	scratch_end();
}

TEST(flags)
{
	scratch();
	close(file_with("f", ""));
	int fd = open("f", O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	EXPECT_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_APPEND | O_NOFOLLOW);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_OK(fcntl(fd, F_SETFD, 0));
	EXPECT_EQ(fcntl(fd, F_GETFD), 0);
	EXPECT_OK(fcntl(fd, F_SETFL, O_NONBLOCK | O_WRONLY | O_CREAT));
	EXPECT_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
	EXPECT_ERRNO(fcntl(fd, 9999), EINVAL);
	EXPECT_ERRNO(fcntl(999, F_GETFD), EBADF);
	int on = 0;
	EXPECT_OK(ioctl(fd, FIONBIO, &on));
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	EXPECT_OK(ioctl(fd, FIOCLEX));
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_OK(ioctl(fd, FIONCLEX));
	EXPECT_EQ(fcntl(fd, F_GETFD), 0);
	EXPECT_ERRNO(ioctl(fd, FIONBIO, 8), EFAULT);
	EXPECT_ERRNO(ioctl(fd, TCGETS, &on), ENOTTY);
	EXPECT_ERRNO(ioctl(999, FIONBIO, &on), EBADF);
	ASSERT_EQ(write(fd, "hello", 5), 5);
	ASSERT_EQ(lseek(fd, 2, SEEK_SET), 2);
	EXPECT_OK(ioctl(fd, FIONREAD, &on));
	EXPECT_EQ(on, 3);
	scratch_end();
}

TEST(owner_and_signal)
{
	int p[2];
	ASSERT_OK(pipe(p));
	EXPECT_EQ(fcntl(p[0], F_GETOWN), 0);
	EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
	EXPECT_EQ(fcntl(p[0], F_GETOWN), getpid());
	struct f_owner_ex owner = { F_OWNER_PGRP, getpgrp() }, got;
	EXPECT_OK(fcntl(p[0], F_SETOWN_EX, &owner));
	EXPECT_OK(fcntl(p[0], F_GETOWN_EX, &got));
	EXPECT_EQ(got.type, F_OWNER_PGRP);
	EXPECT_EQ(got.pid, getpgrp());
	EXPECT_ERRNO(fcntl(p[0], F_SETOWN, 0x3ffffff0), ESRCH);
	EXPECT_EQ(fcntl(p[0], F_GETSIG), 0);
	EXPECT_OK(fcntl(p[0], F_SETSIG, SIGUSR1));
	EXPECT_EQ(fcntl(p[0], F_GETSIG), SIGUSR1);
	EXPECT_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
}

TEST(pipe_sizes)
{
	scratch();
	int p[2], fd = file_with("f", "");
	ASSERT_OK(pipe(p));
	EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
	EXPECT_EQ(fcntl(p[1], F_SETPIPE_SZ, 5000), 8192);
	EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 8192);
	EXPECT_ERRNO(fcntl(fd, F_GETPIPE_SZ), EBADF);
	scratch_end();
}

TEST(exec_closes_the_marked)
{
	int a = dup3(0, 60, O_CLOEXEC), b = dup2(0, 61);
	ASSERT_EQ(a, 60);
	ASSERT_EQ(b, 61);
	int status = system("test ! -e /proc/self/fd/60 && test -e /proc/self/fd/61");
	EXPECT_EQ(status, 0);
}
