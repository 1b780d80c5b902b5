/* memfd.h - files of memory without a place in any tree (memfd_create(2)), and seals. */
#pragma once

#include "sentry/vfs/file.h"

struct cred;
struct task;

/* flags: MFD_*, checked by the caller. Opened for reading and writing. -ENOSPC. *out: a reference. */
int memfd_new(const char *name, unsigned flags, const struct cred *cred, struct file **out) MUST_CHECK;

/* fcntl(2): F_ADD_SEALS, F_GET_SEALS. Any open file may be asked. Never sleep.
 * -EINVAL: not a file in memory, unknown seal; -EPERM: not writable, or F_SEAL_SEAL; -EBUSY: F_SEAL_WRITE while a
 * writable shared mapping exists. */
int memfd_add_seals(struct task *t, struct file *f, unsigned seals) MUST_CHECK;
int memfd_get_seals(struct file *f) MUST_CHECK;
