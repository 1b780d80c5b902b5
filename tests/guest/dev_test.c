/* dev_test.c - the memory devices and what else is in /dev. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

TEST(nodes_have_their_numbers)
{
	COVERS(stat);
	static const struct { const char *name; unsigned major, minor; } nodes[] = {
		{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
		{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
	};
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		struct stat st;
		ASSERT_OK(stat(nodes[i].name, &st));
		EXPECT(S_ISCHR(st.st_mode));
		EXPECT_EQ(st.st_mode & 0666, 0666);
		EXPECT_EQ(major(st.st_rdev), nodes[i].major);
		EXPECT_EQ(minor(st.st_rdev), nodes[i].minor);
	}
	struct stat st;
	ASSERT_OK(stat("/dev/shm", &st));
	EXPECT_EQ(st.st_mode, S_IFDIR | 01777);
	char buf[64] = "";
	ASSERT_OK(readlink("/dev/fd", buf, sizeof(buf) - 1));
	EXPECT_STREQ(buf, "/proc/self/fd");
	EXPECT_EQ(access("/dev/stdin", F_OK), 0);
}

TEST(null_swallows)
{
	COVERS(read, write, lseek, poll, ioctl, ftruncate);
	int fd = open("/dev/null", O_RDWR | O_CREAT | O_TRUNC, 0666);
	ASSERT(fd >= 0);
	char buf[100];
	EXPECT_EQ(read(fd, buf, 100), 0);
	EXPECT_EQ(write(fd, buf, 100), 100);
	char *volatile nowhere = (char *)8;
	EXPECT_EQ(write(fd, nowhere, 100), 100);          /* it doesn't look */
	EXPECT_EQ(lseek(fd, 1000, SEEK_SET), 0);
	EXPECT_ERRNO(ioctl(fd, TIOCGWINSZ, buf), ENOTTY);
	EXPECT_ERRNO(ftruncate(fd, 0), EINVAL);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	EXPECT_EQ(poll(&p, 1, 0), 1);
	EXPECT_EQ(p.revents, POLLIN | POLLOUT);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV);
}

TEST(zero_gives_zeroes)
{
	COVERS(read, mmap, fork);
	int fd = open("/dev/zero", O_RDWR);
	ASSERT(fd >= 0);
	size_t len = 3 << 20;
	char *buf = malloc(len);
	memset(buf, 1, len);
	EXPECT_EQ(read(fd, buf, len), (ssize_t)len);
	for (size_t i = 0; i < len; i++)
		ASSERT_EQ(buf[i], 0);
	EXPECT_EQ(write(fd, buf, 10), 10);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(p[5000], 0);
	p[5000] = 1;
	char *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	ASSERT(q != MAP_FAILED);
	EXPECT_EQ(q[0], 0);
	pid_t pid = fork();
	if (pid == 0) {
		p[1] = q[1] = 'c';
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(p[1], 0);
	EXPECT_EQ(q[1], 'c');
}

TEST(full_is_full)
{
	COVERS(read, write);
	int fd = open("/dev/full", O_RDWR);
	ASSERT(fd >= 0);
	char c = 'x';
	EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
	EXPECT_EQ(read(fd, &c, 1), 1);
	EXPECT_EQ(c, 0);
}

TEST(random_bytes_differ)
{
	COVERS(read, write);
	static const char *const names[] = { "/dev/random", "/dev/urandom" };
	for (int i = 0; i < 2; i++) {
		int fd = open(names[i], O_RDWR);
		ASSERT(fd >= 0);
		char a[64] = "", b[64] = "";
		EXPECT_EQ(read(fd, a, 64), 64);
		EXPECT_EQ(read(fd, b, 64), 64);
		EXPECT(memcmp(a, b, 64) != 0);
		EXPECT_EQ(write(fd, a, 64), 64);
		char *big = calloc(1, 1 << 20);
		EXPECT_EQ(read(fd, big, 1 << 20), 1 << 20);
		int zeroes = 0;
		for (int k = 0; k < 1 << 20; k++)
			zeroes += big[k] == 0;
		EXPECT(zeroes > 3000 && zeroes < 5500);
		close(fd);
	}
}

TEST(descriptors_can_be_opened_by_name)
{
	COVERS(openat);
	int p[2];
	ASSERT_OK(pipe(p));
	char name[40];
	snprintf(name, sizeof(name), "/dev/fd/%d", p[1]);
	int fd = open(name, O_WRONLY);
	ASSERT(fd >= 0);
	EXPECT_EQ(write(fd, "x", 1), 1);
	char c;
	EXPECT_EQ(read(p[0], &c, 1), 1);
}

TEST(devices_without_a_driver)
{
	COVERS(openat, mknod);
	char name[] = "/tmp/dev_test.XXXXXX";
	close(mkstemp(name));
	unlink(name);
	if (mknod(name, S_IFCHR | 0600, makedev(239, 77)) < 0)
		SKIP("may not make devices");
	int fd = open(name, O_RDWR);
	int err = errno;
	unlink(name);
	EXPECT_EQ(fd, -1);
	EXPECT(err == ENXIO || err == EACCES);            /* /tmp may be mounted nodev */
}

TEST(random_tells_its_entropy)
{
	COVERS(ioctl);
	int fd = open("/dev/urandom", O_RDONLY), count = -1, none = 0, negative = -1, told = -1;
	ASSERT_OK(fd);
	ASSERT_OK(ioctl(fd, RNDGETENTCNT, &count));
	FILE *f = fopen("/proc/sys/kernel/random/entropy_avail", "r");
	ASSERT(f && fscanf(f, "%d", &told) == 1);
	EXPECT_EQ(count, told);
	EXPECT_ERRNO(ioctl(fd, RNDGETENTCNT, (void *)8), EFAULT);
	if (geteuid() == 0) {
		EXPECT_OK(ioctl(fd, RNDADDTOENTCNT, &none));
		EXPECT_ERRNO(ioctl(fd, RNDADDTOENTCNT, &negative), EINVAL);
		ASSERT_OK(setuid(65534));
	}
	EXPECT_ERRNO(ioctl(fd, RNDADDTOENTCNT, &none), EPERM);
	EXPECT_ERRNO(ioctl(fd, RNDRESEEDCRNG, 0), EPERM);
}
