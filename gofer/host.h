/* host.h - the system calls the gofer makes once it serves; host_*.c have no others. All return -errno.
 *
 * Names are single components (gofer_name_ok()) and are never followed if they are symlinks. Descriptors are O_PATH where not
 * said otherwise; what O_PATH can't do goes through proc_fd, the gofer's own /proc/self/fd, whose entries are followed. */
#pragma once

#include "gofer/protocol.h"

/* Beneath dir, no magic links. */
int host_open_at(int dir, const char *name, int flags, mode_t mode) MUST_CHECK;
/* A new open file of the object behind fd, which is a regular file or a directory. */
int host_reopen(int proc_fd, int fd, int flags) MUST_CHECK;
void host_close(int fd);

int host_stat(int fd, struct gofer_attr *out) MUST_CHECK;
int host_stat_at(int dir, const char *name, struct gofer_attr *out) MUST_CHECK;
ssize_t host_readlink(int fd, char *buf, size_t bytes) MUST_CHECK;

int host_chown(int fd, uint32_t uid, uint32_t gid) MUST_CHECK;  /* -1: leave */
int host_chmod(int proc_fd, int fd, mode_t mode) MUST_CHECK;    /* not for symlinks */
int host_utimens(int proc_fd, int fd, const struct timespec ts[2]) MUST_CHECK;
int host_truncate(int rw_fd, int64_t size) MUST_CHECK;
int host_statfs(int fd, struct gofer_statfs *out) MUST_CHECK;
int host_sync(int open_fd, bool data_only) MUST_CHECK;
int host_syncfs(int open_fd) MUST_CHECK;
ssize_t host_pread(int open_fd, void *buf, size_t bytes, off_t off) MUST_CHECK;

int host_mkdir(int dir, const char *name, mode_t mode) MUST_CHECK;
int host_mknod(int dir, const char *name, mode_t mode) MUST_CHECK;      /* never a device */
int host_symlink(const char *target, int dir, const char *name) MUST_CHECK;
int host_link(int proc_fd, int fd, int dir, const char *name) MUST_CHECK;
int host_unlink(int dir, const char *name, bool is_dir) MUST_CHECK;
int host_rename(int old_dir, const char *old_name, int new_dir, const char *new_name, unsigned flags) MUST_CHECK;

/* Raw struct linux_dirent64 records. */
ssize_t host_getdents(int open_dir, void *buf, size_t bytes) MUST_CHECK;
int host_seek_dir(int open_dir, uint64_t pos) MUST_CHECK;

/* On open descriptors. */
ssize_t host_getxattr(int open_fd, const char *name, void *buf, size_t bytes) MUST_CHECK;
int host_setxattr(int open_fd, const char *name, const void *value, size_t bytes, int flags) MUST_CHECK;
ssize_t host_listxattr(int open_fd, char *buf, size_t bytes) MUST_CHECK;
int host_removexattr(int open_fd, const char *name) MUST_CHECK;

/* One datagram. recv: blocks, after polling for a while if `look`; 0: the other end is closed; -EMSGSIZE: larger than the buffer,
 * or with descriptors. send: with one descriptor, or -1. */
ssize_t host_recv(int sock, bool look, void *buf, size_t bytes) MUST_CHECK;
int host_send(int sock, const void *buf, size_t bytes, int fd) MUST_CHECK;
