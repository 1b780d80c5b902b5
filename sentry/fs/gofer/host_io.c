/* host_io.c - see host_io.h. */
#include "sentry/fs/gofer/host_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RET(call) ({ __auto_type ret_ = (call); ret_ < 0 ? -errno : ret_; })

static struct gofer_time to_time(struct timespec ts)
{
	return (struct gofer_time){ .sec = ts.tv_sec, .ns = (uint32_t)ts.tv_nsec };
}

int gofer_host_stat(int fd, struct gofer_attr *out)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EIO;
	*out = (struct gofer_attr){
		.dev = st.st_dev, .ino = st.st_ino, .mode = st.st_mode, .nlink = (uint32_t)st.st_nlink,
		.uid = st.st_uid, .gid = st.st_gid, .rdev = st.st_rdev, .size = st.st_size,
		.blocks = (uint64_t)st.st_blocks, .blksize = (uint32_t)st.st_blksize,
		.atime = to_time(st.st_atim), .mtime = to_time(st.st_mtim), .ctime = to_time(st.st_ctim),
	};
	return 0;
}

ssize_t gofer_host_pread(int fd, void *buf, size_t bytes, off_t pos, bool cached)
{
	if (!cached)
		return RET(pread(fd, buf, bytes, pos));
	struct iovec iov = { .iov_base = buf, .iov_len = bytes };
	ssize_t n = RET(preadv2(fd, &iov, 1, pos, RWF_NOWAIT));
	/* File systems without it keep their data in memory, or can't tell. */
	return n == -EOPNOTSUPP || n == -ENOSYS ? RET(pread(fd, buf, bytes, pos)) : n;
}

ssize_t gofer_host_pwrite(int fd, const void *buf, size_t bytes, off_t pos, bool append)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = bytes };
	return RET(append ? pwritev2(fd, &iov, 1, pos, RWF_APPEND) : pwrite(fd, buf, bytes, pos));
}

int gofer_host_truncate(int fd, off_t size)
{
	return RET(ftruncate(fd, size));
}

int gofer_host_fallocate(int fd, int mode, off_t off, off_t len)
{
	return RET(fallocate(fd, mode, off, len));
}

off_t gofer_host_seek_hole(int fd, off_t off, int whence)
{
	return RET(lseek(fd, off, whence));
}
