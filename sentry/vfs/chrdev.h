/* chrdev.h - who opens a character or block device: a registry by (major, minor) for each.
 *
 * Device nodes are only names for a number, in whatever file system they lie: open(2) looks the number up here. */
#pragma once

#include "sentry/vfs/file.h"

/* As inode_ops.open: permission is checked, O_CREAT and the like are done. Sleeps. */
typedef int (*chrdev_open_fn)(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);

/* At boot. minor_lo..minor_hi inclusive; ranges must not overlap (CHECKed). name: for /proc/devices. */
void chrdev_register(unsigned major, unsigned minor_lo, unsigned minor_hi, const char *name, chrdev_open_fn open);
/* -ENXIO: nobody registered it. */
int chrdev_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out) MUST_CHECK;
/* The same for block devices. */
void blkdev_register(unsigned major, unsigned minor_lo, unsigned minor_hi, const char *name, chrdev_open_fn open);
int blkdev_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out) MUST_CHECK;
/* For /proc/devices: the n-th range (from 0), or false. */
bool chrdev_nth(int n, unsigned *out_major, const char **out_name);
