/* at.h - what the *at() calls share: flags and lookups. */
#pragma once

#include <fcntl.h>

#include "sentry/vfs/fdtable.h"
#include "sentry/vfs/path.h"

/* AT_* flags to LOOKUP_*; links are followed unless AT_SYMLINK_NOFOLLOW. */
static inline unsigned at_lookup_flags(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) |
	       LOOKUP_NO_AUTOMOUNT;
}

/* The usual start of a call with (dirfd, pathname, flags). *out: references. Sleeps. */
static inline int at_lookup(struct task *t, int dirfd, uptr_t pathname, int flags, struct path *out)
{
	return path_lookup_user(t, dirfd, pathname, at_lookup_flags(flags), out);
}

/* What an open descriptor stands for, as a place: also for anonymous files. */
static inline int fd_path(struct task *t, int fd, bool o_path_too, struct path *out)
{
	AUTO(file_put) struct file *f = o_path_too ? fd_get_raw(t, fd) : fd_get(t, fd);
	if (!f)
		return -EBADF;
	file_get_path(f, out);
	return 0;
}
