/* loop_test.c - loop devices: a file as a block device (loop(4)). */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/guest/guest.h"

COVERS(ioctl, open, read, write, lseek, fsync, fallocate);

#define IMAGE_BYTES 65536

/* A free device, open. Others may be after it as well: who binds first has it. */
static int free_device(char *path, size_t bytes, int *out_number)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		SKIP("no /dev/loop-control to open");
	int n = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (n < 0)
		SKIP("no free loop device");
	snprintf(path, bytes, "/dev/loop%d", n);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP("can't open %s", path);
	*out_number = n;
	return fd;
}

static int image(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ASSERT_OK(fd);
	ASSERT_OK(ftruncate(fd, IMAGE_BYTES));
	return fd;
}

/* A device with a fresh file. */
static int bound(int *out_file, int *out_number)
{
	char path[40];
	*out_file = image();
	for (int tries = 0; tries < 20; tries++) {
		int dev = free_device(path, sizeof(path), out_number);
		if (ioctl(dev, LOOP_SET_FD, *out_file) == 0)
			return dev;
		ASSERT_EQ(errno, EBUSY);
		close(dev);
	}
	SKIP("the loop devices are always taken");
}

TEST(bytes_of_the_device_are_those_of_the_file)
{
	int file, n, dev = bound(&file, &n);
	char buf[8] = "";
	uint64_t bytes = 0;
	EXPECT_OK(ioctl(dev, BLKGETSIZE64, &bytes));
	EXPECT_EQ(bytes, IMAGE_BYTES);
	EXPECT_EQ(pwrite(dev, "hello", 5, 4096), 5);
	EXPECT_OK(fsync(dev));
	EXPECT_EQ(pread(file, buf, 5, 4096), 5);
	EXPECT_STREQ(buf, "hello");
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
}

TEST(device_has_an_end)
{
	int file, n, dev = bound(&file, &n);
	char buf[1024];
	memset(buf, 'x', sizeof(buf));
	EXPECT_EQ(lseek(dev, 0, SEEK_END), IMAGE_BYTES);
	EXPECT_EQ(read(dev, buf, 1), 0);
	EXPECT_ERRNO(write(dev, "x", 1), ENOSPC);
	EXPECT_EQ(pwrite(dev, buf, sizeof(buf), IMAGE_BYTES - 512), 512);
	EXPECT_ERRNO(lseek(dev, IMAGE_BYTES + 1, SEEK_SET), EINVAL);
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
}

TEST(status_is_kept_and_cuts_the_device)
{
	int file, n, dev = bound(&file, &n);
	struct stat st;
	ASSERT_OK(fstat(file, &st));
	struct loop_info64 set = { .lo_offset = 4096, .lo_sizelimit = 8192, .lo_flags = LO_FLAGS_AUTOCLEAR }, got = { 0 };
	strcpy((char *)set.lo_file_name, "some name");
	EXPECT_OK(ioctl(dev, LOOP_SET_STATUS64, &set));
	EXPECT_OK(ioctl(dev, LOOP_GET_STATUS64, &got));
	EXPECT_EQ(got.lo_offset, 4096);
	EXPECT_EQ(got.lo_sizelimit, 8192);
	EXPECT_EQ(got.lo_inode, st.st_ino);
	EXPECT_EQ(got.lo_number, n);
	EXPECT_EQ(got.lo_flags, LO_FLAGS_AUTOCLEAR);
	EXPECT_STREQ((char *)got.lo_file_name, "some name");
	unsigned long sectors = 0;
	EXPECT_OK(ioctl(dev, BLKGETSIZE, &sectors));
	EXPECT_EQ(sectors, 16);
	EXPECT_EQ(pwrite(dev, "there", 5, 0), 5);
	EXPECT_OK(fsync(dev));
	char buf[8] = "";
	EXPECT_EQ(pread(file, buf, 5, 4096), 5);
	EXPECT_STREQ(buf, "there");
}

TEST(without_a_file_there_is_nothing)
{
	char path[40];
	int n, dev = free_device(path, sizeof(path), &n), null = open("/dev/null", O_RDWR);
	struct loop_info64 info;
	EXPECT_ERRNO(ioctl(dev, LOOP_GET_STATUS64, &info), ENXIO);
	EXPECT_ERRNO(ioctl(dev, LOOP_CLR_FD), ENXIO);
	EXPECT_ERRNO(ioctl(dev, LOOP_SET_FD, -1), EBADF);
	EXPECT_ERRNO(ioctl(dev, LOOP_SET_FD, null), EINVAL);
	EXPECT_ERRNO(ioctl(dev, 0x5401, &info), EINVAL);
}

TEST(busy_until_let_go_by_the_last)
{
	int file, n, dev = bound(&file, &n);
	char path[40], sys[80];
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	snprintf(sys, sizeof(sys), "/sys/block/loop%d/loop/backing_file", n);
	EXPECT_ERRNO(ioctl(dev, LOOP_SET_FD, file), EBUSY);
	EXPECT_OK(access(sys, F_OK));
	int other = open(path, O_RDONLY);
	ASSERT_OK(other);
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
	close(dev);
	struct loop_info64 info;
	EXPECT_OK(ioctl(other, LOOP_GET_STATUS64, &info));
	EXPECT_OK(ioctl(other, LOOP_CLR_FD));
	EXPECT_ERRNO(ioctl(other, LOOP_CLR_FD), ENXIO);
}

TEST(file_open_for_reading_makes_the_device_read_only)
{
	char path[40], name[64];
	int n, dev = free_device(path, sizeof(path), &n), file = image(), ro = 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	int reader = open(name, O_RDONLY);
	ASSERT_OK(reader);
	if (ioctl(dev, LOOP_SET_FD, reader) < 0 && errno == EBUSY)
		SKIP("somebody was faster");
	struct loop_info64 info;
	EXPECT_OK(ioctl(dev, LOOP_GET_STATUS64, &info));
	EXPECT_EQ(info.lo_flags, LO_FLAGS_READ_ONLY);
	EXPECT_OK(ioctl(dev, BLKROGET, &ro));
	EXPECT_EQ(ro, 1);
	EXPECT_ERRNO(write(dev, "x", 1), EPERM);
	EXPECT_OK(ioctl(dev, LOOP_CHANGE_FD, file));      /* of the same size */
	int half = image();
	EXPECT_OK(ftruncate(half, IMAGE_BYTES / 2));
	EXPECT_ERRNO(ioctl(dev, LOOP_CHANGE_FD, half), EINVAL);
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
}

TEST(what_is_discarded_is_zero)
{
	int file, n, dev = bound(&file, &n);
	char buf[4] = "";
	EXPECT_EQ(pwrite(dev, "abc", 3, 8192), 3);
	EXPECT_OK(fsync(dev));
	uint64_t range[2] = { 8192, 4096 }, odd[2] = { 1, 4096 }, beyond[2] = { 0, IMAGE_BYTES + 512 };
	EXPECT_OK(ioctl(dev, BLKZEROOUT, range));
	EXPECT_EQ(pread(dev, buf, 3, 8192), 3);
	EXPECT_EQ(buf[0], 0);
	EXPECT_ERRNO(ioctl(dev, BLKZEROOUT, odd), EINVAL);
	EXPECT_ERRNO(ioctl(dev, BLKZEROOUT, beyond), EINVAL);
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
}

TEST(a_grown_file_is_seen_when_asked_for)
{
	int file, n, dev = bound(&file, &n);
	uint64_t bytes = 0;
	ASSERT_OK(ftruncate(file, 2 * IMAGE_BYTES));
	EXPECT_OK(ioctl(dev, BLKGETSIZE64, &bytes));
	EXPECT_EQ(bytes, IMAGE_BYTES);
	EXPECT_OK(ioctl(dev, LOOP_SET_CAPACITY));
	EXPECT_OK(ioctl(dev, BLKGETSIZE64, &bytes));
	EXPECT_EQ(bytes, 2 * IMAGE_BYTES);
	EXPECT_ERRNO(ioctl(dev, LOOP_SET_BLOCK_SIZE, 300), EINVAL);
	EXPECT_OK(ioctl(dev, LOOP_SET_BLOCK_SIZE, 1024));
	int block = 0;
	EXPECT_OK(ioctl(dev, BLKSSZGET, &block));
	EXPECT_EQ(block, 1024);
	EXPECT_OK(ioctl(dev, LOOP_CLR_FD));
}
