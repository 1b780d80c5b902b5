/* host_file.c - system calls on files and directories (host.h).
 *
 * HOW      openat2 confines each step; on hosts without it openat with O_NOFOLLOW on a single component does the same,
 *          for there is nothing left to follow. */
#include "gofer/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RET(call) ({ __auto_type ret_ = (call); ret_ < 0 ? -errno : ret_; })

int host_open_at(int dir, const char *name, int flags, mode_t mode)
{
	static bool no_openat2;
	if (!no_openat2) {
		struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW), .mode = mode,
					.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
		/* An O_PATH descriptor of a symlink is what a walk ends at; NO_SYMLINKS would refuse it. */
		if (flags & O_PATH)
			how.resolve &= ~(uint64_t)RESOLVE_NO_SYMLINKS;
		long fd = -1;
		int tries = 16;                   /* EAGAIN: somebody renamed meanwhile, or holds a lease */
		do
			fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
		while (fd < 0 && (errno == EINTR || errno == EAGAIN) && --tries > 0);
		if (fd >= 0 || errno != ENOSYS)
			return fd < 0 ? -errno : (int)fd;
		no_openat2 = true;
	}
	int fd;
	do
		fd = openat(dir, name, flags | O_NOFOLLOW, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static void number(char buf[16], int fd)
{
	snprintf(buf, 16, "%d", fd);
}

int host_reopen(int proc_fd, int fd, int flags)
{
	char name[16];
	number(name, fd);
	/* O_NONBLOCK: a lease somebody holds on the file must not stop everybody else. */
	return RET(openat(proc_fd, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

void host_close(int fd)
{
	close(fd);
}

static struct gofer_time to_time(struct statx_timestamp ts)
{
	return (struct gofer_time){ .sec = ts.tv_sec, .ns = ts.tv_nsec };
}

static int stat_any(int dir, const char *name, int flags, struct gofer_attr *out)
{
	struct statx x;
	if (statx(dir, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
		return -errno;
	*out = (struct gofer_attr){
		.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.ino = x.stx_ino,
		.mode = x.stx_mode,
		.nlink = x.stx_nlink,
		.uid = x.stx_uid,
		.gid = x.stx_gid,
		.rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
		.size = (int64_t)x.stx_size,
		.blocks = x.stx_blocks,
		.blksize = x.stx_blksize,
		.atime = to_time(x.stx_atime),
		.mtime = to_time(x.stx_mtime),
		.ctime = to_time(x.stx_ctime),
		.btime = to_time(x.stx_btime),
	};
	return 0;
}

int host_stat(int fd, struct gofer_attr *out)
{
	return stat_any(fd, "", AT_EMPTY_PATH, out);
}

int host_stat_at(int dir, const char *name, struct gofer_attr *out)
{
	return stat_any(dir, name, 0, out);
}

ssize_t host_readlink(int fd, char *buf, size_t bytes)
{
	return RET(readlinkat(fd, "", buf, bytes));
}

int host_chown(int fd, uint32_t uid, uint32_t gid)
{
	return RET(fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

int host_chmod(int proc_fd, int fd, mode_t mode)
{
	char name[16];
	number(name, fd);
	return RET(fchmodat(proc_fd, name, mode, 0));
}

int host_utimens(int proc_fd, int fd, const struct timespec ts[2])
{
	char name[16];
	number(name, fd);
	return RET(utimensat(proc_fd, name, ts, 0));
}

int host_truncate(int rw_fd, int64_t size)
{
	return RET(ftruncate(rw_fd, size));
}

int host_statfs(int fd, struct gofer_statfs *out)
{
	struct statfs s;
	if (fstatfs(fd, &s) < 0)
		return -errno;
	*out = (struct gofer_statfs){
		.type = (uint64_t)s.f_type, .bsize = (uint64_t)s.f_bsize, .blocks = s.f_blocks, .bfree = s.f_bfree,
		.bavail = s.f_bavail, .files = s.f_files, .ffree = s.f_ffree, .namelen = (uint64_t)s.f_namelen,
		.frsize = (uint64_t)s.f_frsize,
	};
	return 0;
}

int host_sync(int open_fd, bool data_only)
{
	return RET(data_only ? fdatasync(open_fd) : fsync(open_fd));
}

int host_syncfs(int open_fd)
{
	return RET(syncfs(open_fd));
}

ssize_t host_pread(int open_fd, void *buf, size_t bytes, off_t off)
{
	return RET(pread(open_fd, buf, bytes, off));
}

int host_mkdir(int dir, const char *name, mode_t mode)
{
	return RET(mkdirat(dir, name, mode));
}

int host_mknod(int dir, const char *name, mode_t mode)
{
	return RET(mknodat(dir, name, mode, 0));
}

int host_symlink(const char *target, int dir, const char *name)
{
	return RET(symlinkat(target, dir, name));
}

int host_link(int proc_fd, int fd, int dir, const char *name)
{
	char number_name[16];
	number(number_name, fd);
	return RET(linkat(proc_fd, number_name, dir, name, AT_SYMLINK_FOLLOW));
}

int host_unlink(int dir, const char *name, bool is_dir)
{
	return RET(unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0));
}

int host_rename(int old_dir, const char *old_name, int new_dir, const char *new_name, unsigned flags)
{
	return RET(renameat2(old_dir, old_name, new_dir, new_name, flags));
}

ssize_t host_getdents(int open_dir, void *buf, size_t bytes)
{
	return RET(getdents64(open_dir, buf, bytes));
}

int host_seek_dir(int open_dir, uint64_t pos)
{
	return lseek(open_dir, (off_t)pos, SEEK_SET) < 0 ? -errno : 0;
}

ssize_t host_getxattr(int open_fd, const char *name, void *buf, size_t bytes)
{
	return RET(fgetxattr(open_fd, name, buf, bytes));
}

int host_setxattr(int open_fd, const char *name, const void *value, size_t bytes, int flags)
{
	return RET(fsetxattr(open_fd, name, value, bytes, flags));
}

ssize_t host_listxattr(int open_fd, char *buf, size_t bytes)
{
	return RET(flistxattr(open_fd, buf, bytes));
}

int host_removexattr(int open_fd, const char *name)
{
	return RET(fremovexattr(open_fd, name));
}
