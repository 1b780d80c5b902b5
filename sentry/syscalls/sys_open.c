/* sys_open.c - open(2), openat(2), openat2(2), creat(2), close(2), close_range(2).
 *
 * LINUX    fs/open.c, fs/file.c. open() ignores flags it doesn't know, openat2() refuses them.
 * MISSING  File handles; RESOLVE_CACHED (EAGAIN, which callers must expect). */
#include <fcntl.h>
#include <linux/openat2.h>

#include "sentry/syscalls/table.h"
#include "sentry/vfs/namei.h"

#define VALID_OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | \
			  O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |      \
			  O_CLOEXEC | O_PATH | O_TMPFILE)

static long open_user(struct task *t, int dirfd, uptr_t pathname, int flags, mode_t mode, unsigned lookup)
{
	AUTO(free) char *name = NULL;
	int err = path_copy_user(t, pathname, &name);
	if (err)
		return err;
	int fd = fd_reserve(t, 0);
	if (fd < 0)
		return fd;
	struct file *f;
	err = vfs_open(t, dirfd, name, flags, mode, lookup, &f);
	if (err) {
		fd_abort(t, fd);
		return err;
	}
	fd_commit(t, fd, f, flags & O_CLOEXEC);
	return fd;
}

long sys_open(struct task *t, uptr_t pathname, int flags, uint32_t mode)
{
	return sys_openat(t, AT_FDCWD, pathname, flags, mode);
}

long sys_creat(struct task *t, uptr_t pathname, uint32_t mode)
{
	return sys_openat(t, AT_FDCWD, pathname, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_openat(struct task *t, int dirfd, uptr_t pathname, int flags, uint32_t mode)
{
	return open_user(t, dirfd, pathname, flags & VALID_OPEN_FLAGS, mode & 07777, 0);
}

static int resolve_to_lookup(uint64_t resolve, unsigned *out)
{
	static const struct { uint64_t resolve; unsigned lookup; } table[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV },         { RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS }, { RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
	};
	*out = 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (resolve & table[i].resolve)
			*out |= table[i].lookup;
		resolve &= ~table[i].resolve;
	}
	if (resolve & ~(uint64_t)RESOLVE_CACHED)
		return -EINVAL;
	if ((*out & LOOKUP_BENEATH) && (*out & LOOKUP_IN_ROOT))
		return -EINVAL;
	return resolve ? -EAGAIN : 0;
}

long sys_openat2(struct task *t, int dirfd, uptr_t pathname, uptr_t how_ptr, uint64_t size)
{
	struct open_how how;
	int err = copy_struct_from_user(t, &how, sizeof(how), how_ptr, size, sizeof(how));
	if (err)
		return err;
	if (how.flags & ~(uint64_t)VALID_OPEN_FLAGS)
		return -EINVAL;
	bool makes = how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
	if (how.mode & ~07777ULL || (how.mode && !makes))
		return -EINVAL;
	if ((how.flags & O_PATH) && (how.flags & ~(uint64_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)))
		return -EINVAL;
	unsigned lookup;
	err = resolve_to_lookup(how.resolve, &lookup);
	return err ? err : open_user(t, dirfd, pathname, (int)how.flags, (mode_t)how.mode, lookup);
}

long sys_close(struct task *t, int fd)
{
	long err = fd_close(t, fd);
	/* The descriptor is gone already: there is nothing to restart. */
	return err == -ERESTARTSYS || err == -ERESTARTNOINTR ? -EINTR : err;
}

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

long sys_close_range(struct task *t, unsigned first, unsigned last, unsigned flags)
{
	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && t->files->refs > 1) {
		struct fdtable *shared = t->files;
		t->files = fdtable_copy(shared);
		fdtable_put(t, shared);
	}
	if (first > INT32_MAX)
		return 0;
	for (int fd = (int)first; (fd = fd_next_open(t, fd)) >= 0 && (unsigned)fd <= last; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_cloexec(t, fd, true);
		else
			fd_close(t, fd);
	}
	return 0;
}

long sys_name_to_handle_at(struct task *t, int dirfd, uptr_t pathname, uptr_t handle, uptr_t mount_id, int flags)
{
	(void)t, (void)dirfd, (void)pathname, (void)handle, (void)mount_id, (void)flags;
	return -EOPNOTSUPP;               /* what a file system without export operations answers */
}
