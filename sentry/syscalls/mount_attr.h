/* mount_attr.h - what the newer mount calls share: who may, and MOUNT_ATTR_* as MNT_*. */
#pragma once

#include <linux/capability.h>
#include <linux/mount.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/path.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define MOUNT_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME | \
		     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

static inline bool may_mount(struct task *t)
{
	return cred_ns_cap(t->cred, t->mnt_ns->id.owner, CAP_SYS_ADMIN);
}

/* All but the three ways of access times. */
static inline unsigned mount_attr_bits(uint64_t attrs)
{
	return (attrs & MOUNT_ATTR_RDONLY ? MNT_RDONLY : 0) | (attrs & MOUNT_ATTR_NOSUID ? MNT_NOSUID : 0) |
	       (attrs & MOUNT_ATTR_NODEV ? MNT_NODEV : 0) | (attrs & MOUNT_ATTR_NOEXEC ? MNT_NOEXEC : 0) |
	       (attrs & MOUNT_ATTR_NODIRATIME ? MNT_NODIRATIME : 0) | (attrs & MOUNT_ATTR_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);
}

/* -EINVAL: unknown ones, or two ways of access times at once. */
static inline int mount_attr_flags(uint64_t attrs, unsigned *out)
{
	uint64_t atime = attrs & MOUNT_ATTR__ATIME;
	if ((attrs & ~(uint64_t)MOUNT_ATTRS) ||
	    (atime != MOUNT_ATTR_RELATIME && atime != MOUNT_ATTR_NOATIME && atime != MOUNT_ATTR_STRICTATIME))
		return -EINVAL;
	*out = mount_attr_bits(attrs) | (atime == MOUNT_ATTR_RELATIME ? MNT_RELATIME : atime == MOUNT_ATTR_NOATIME ? MNT_NOATIME : 0);
	return 0;
}
