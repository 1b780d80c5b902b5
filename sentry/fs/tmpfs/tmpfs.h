/* tmpfs.h - a file system in memory, for others: mounting one, and what memfd and overlay need of it. */
#pragma once

#include "sentry/vfs/file.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* options as in mount(8): size= nr_blocks= nr_inodes= mode= uid= gid=; NULL or "": defaults. -EINVAL. *out: a reference. */
/* The same, mounted by c: it owns the root, and its namespace knows the options' numbers. NULL: the sandbox. */
struct cred;
int tmpfs_mount_by(const struct cred *c, const char *type, const char *options, struct superblock **out) MUST_CHECK;
int tmpfs_mount(const char *options, struct superblock **out) MUST_CHECK;
/* The same under another name ("devtmpfs", "overlay"'s upper …), so that /proc/mounts tells them apart. */
int tmpfs_mount_as(const char *type, const char *options, struct superblock **out) MUST_CHECK;
bool tmpfs_knows_option(const char *key, const char *value);      /* value NULL: a flag */
bool is_tmpfs(const struct superblock *sb);

/* A regular file without a name (nlink 0). cred NULL: root's. -ENOSPC. *out: a reference. */
int tmpfs_new_file(struct superblock *sb, mode_t mode, const struct cred *cred, struct inode **out) MUST_CHECK;
/* Opens any regular tmpfs inode; path may be NULL. Never sleeps. */
int tmpfs_open_file(struct inode *i, const struct path *path, int flags, struct file **out) MUST_CHECK;

/* File seals (F_SEAL_*): i is a regular tmpfs file. Files start with F_SEAL_SEAL: no seal can be added. */
unsigned tmpfs_get_seals(const struct inode *i);
void tmpfs_set_seals(struct inode *i, unsigned seals);
bool is_tmpfs_file(const struct inode *i);

/* Memory the sentry holds on behalf of guests' files: one budget for the sandbox, from sentry_config->memory_limit, so
 * that names, attributes and directory snapshots can't exhaust the sentry either. -ENOSPC. */
int fs_memory_charge(uint64_t bytes) MUST_CHECK;
void fs_memory_uncharge(uint64_t bytes);
uint64_t fs_memory_used(void);
