/* sys_impl.h - parts of /sys's tree that have a file of their own. */
#pragma once

#include "sentry/fs/pseudo/pseudo.h"

/* The directory cpuN/cache; the inode's arg is N. As in struct pseudo_entry. */
int sys_cache_lookup(struct pseudo_inode *dir, const char *name, struct inode **out);
int sys_cache_iterate(struct pseudo_inode *dir, struct dir_context *ctx);

/* The directories of disks, in four places; the entry's arg says which it is. */
enum { IN_DEVICES, IN_BLOCK, IN_CLASS, IN_DEV };
int sys_block_lookup(struct pseudo_inode *dir, const char *name, struct inode **out);
int sys_block_iterate(struct pseudo_inode *dir, struct dir_context *ctx);

/* devices/virtual/net and class/net. */
extern const struct pseudo_entry sys_net_devices[], sys_class_net[];
