/* inotify.h - see inotify.c. The events come in through sentry/vfs/notify.h. */
#pragma once

#include "sentry/vfs/file.h"

extern int inotify_max_queued, inotify_max_instances, inotify_max_watches;    /* sysctls fs.inotify.* */

/* flags: O_NONBLOCK. -EMFILE: the user has max_instances. */
int inotify_new(struct task *t, int flags, struct file **out) MUST_CHECK;
bool is_inotify(const struct file *f);
/* The watch's number: a new one, or that of the inode's watch that is changed. -EEXIST (IN_MASK_CREATE), -ENOSPC. */
int inotify_watch(struct file *f, struct inode *i, uint32_t mask) MUST_CHECK;
int inotify_unwatch(struct file *f, int wd) MUST_CHECK;                /* -EINVAL. May sleep */
