/* fdtable.h - descriptors of a process, and where it is in the file system (CLONE_FILES, CLONE_FS). */
#pragma once

#include "sentry/vfs/file.h"

struct fdtable {
	int refs;                         /* tasks that share it */
	int size;                         /* slots allocated */
	int next;                         /* no free slot below */
	uint64_t version;                 /* another, of no other table either, whenever a number loses its file */
	struct fdslot { struct file *file; bool cloexec, reserved; } *slots;
};
struct fdtable *fdtable_new(void);
struct fdtable *fdtable_get(struct fdtable *ft);
/* Closes all with the last; may sleep. t: who does, or NULL. */
void fdtable_put(struct task *t, struct fdtable *ft);
struct fdtable *fdtable_copy(struct fdtable *ft);                      /* fork */
void fdtable_close_exec(struct task *t);                               /* exec; may sleep */

/* Borrows nothing: a reference. NULL: EBADF. fd_get() refuses O_PATH descriptors, fd_get_raw() takes them. */
struct file *fd_get(struct task *t, int fd);
struct file *fd_get_raw(struct task *t, int fd);

/* Publishing. fd_install takes the reference over on success; lowest free number >= min; -EMFILE. */
int fd_install(struct task *t, struct file *f, int min, bool cloexec) MUST_CHECK;
/* For calls that copy a number out before it is published: reserve, copy out, then commit or abort. */
int fd_reserve(struct task *t, int min) MUST_CHECK;
void fd_commit(struct task *t, int fd, struct file *f, bool cloexec);  /* takes f over */
void fd_abort(struct task *t, int fd);
int fd_close(struct task *t, int fd);                                  /* may sleep */
bool fd_get_cloexec(struct task *t, int fd);                           /* false for what is not open, too */
int fd_set_cloexec(struct task *t, int fd, bool on);                   /* -EBADF */
int fd_next_open(struct task *t, int fd);                              /* the lowest open number >= fd, or -1: /proc/PID/fd */
int fd_dup_to(struct task *t, struct file *f, int fd, bool cloexec);   /* dup2/dup3: closes what was there; takes a reference itself */

struct fs_context {                       /* CLONE_FS */
	int refs;
	struct path root, cwd;
	mode_t umask;
};
struct fs_context *fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
struct fs_context *fs_context_copy(struct fs_context *fs);
struct fs_context *fs_context_new(struct mount_ns *ns);                /* root and cwd: the namespace's root; umask 022 */
