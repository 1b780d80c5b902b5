/* file.h - an open file (Linux's struct file) and what a kind of file implements.
 *
 * A kind embeds struct file first and implements struct file_ops; an empty slot means what its comment says, and only
 * vfs/ applies that meaning. No op blocks: read and write return -EAGAIN and the verb's one loop in
 * vfs/file_rw.c waits on f->wq, deciding O_NONBLOCK, time-outs and signals there. Ops marked "sleeps" may wait for the
 * gofer or the host (waits that are sure to end), never for the guest. */
#pragma once

#include <sys/queue.h>

#include "platform/base/wait.h"
#include "sentry/mm/uio.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/path.h"

struct file;
struct task;
struct fdtable;
struct flock_owner;

/* What a mapping of a file is made of. Zeroed by the caller. */
struct mmap_source {
	int host_fd;                      /* borrowed from the file; valid as long as the file is; -1: anonymous memory (/dev/zero) */
	int deny_prot;                    /* PROT_* that this mapping may never get, by mprotect either (seals) */
	bool of_host;                     /* a file of the host's: stat(2) of host_fd tells when it has changed */
	uint64_t host_off;                /* of the file's byte 0 in host_fd */
};

/* getdents: emit() returns false when the buffer is full; then iterate stops, with pos at the entry not taken. */
struct dir_context {
	bool (*emit)(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned d_type, off_t next_pos);
	off_t pos;                        /* in and out: opaque to all but the file system; 0 is the start */
};

struct file_ops {
	const char *name;                 /* of files without a path, as in /proc/self/fd: "anon_inode:[eventfd]", "pipe" */

	/* Regular files: write and fallocate run with inode->lock held by vfs/ (so that O_APPEND is atomic).
	 * Moves bytes; advances *pos if the file has positions (FMODE_STREAM not set). 0 is end of file. -EAGAIN: not now.
	 * Empty: the file can't be read (written): EINVAL. A write that took less than it was given is called again, in a
	 * blocking descriptor, for the rest. -EPIPE from write: file_write() sends the caller SIGPIPE. sleeps */
	ssize_t (*read)(struct file *f, struct uio *dst, off_t *pos);
	ssize_t (*write)(struct file *f, struct uio *src, off_t *pos);

	/* What is ready now, in EPOLL* bits. Empty: always EPOLLIN|EPOLLOUT. Never sleeps. */
	uint32_t (*poll)(struct file *f);

	/* Directories. Empty: ENOTDIR. sleeps */
	int (*iterate)(struct file *f, struct dir_context *ctx);

	/* Empty: SEEK_SET/CUR/END with the inode's size; FMODE_STREAM: ESPIPE. sleeps */
	off_t (*llseek)(struct file *f, off_t off, int whence);

	/* Empty: ENOTTY. FIONBIO, FIOCLEX, FIOASYNC are handled before. sleeps */
	long (*ioctl)(struct task *t, struct file *f, unsigned cmd, uint64_t arg);

	/* Something to map at [off, off+len). Empty: ENODEV. prot and flags are mmap(2)'s. sleeps */
	int (*mmap)(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out);

	/* A mapping that holds the file has come (1) or gone (-1): by mmap, fork, a split, munmap, exit. Empty: nothing. May sleep
	 * (-1, while no other mapping holds it) */
	void (*mapped)(struct file *f, int change);

	int (*fsync)(struct file *f, bool datasync);                                   /* Empty: EINVAL. sleeps */
	int (*fallocate)(struct file *f, int mode, off_t off, off_t len);              /* Empty: EOPNOTSUPP (ENODEV for pipes). sleeps */
	int (*set_flags)(struct file *f, int flags);                                   /* told about F_SETFL; empty: just stored */
	int (*show_fdinfo)(struct file *f, char *buf, size_t bytes);                   /* lines after the common ones; returns length */
	int (*flush)(struct task *t, struct file *f);                                  /* on every close(2); empty: nothing. sleeps */
	void (*release)(struct file *f);                                               /* the last reference is gone: free it. May sleep */
};

enum {
	FMODE_READ = 1, FMODE_WRITE = 2, FMODE_EXEC = 4, FMODE_PATH = 8,               /* O_PATH */
	FMODE_STREAM = 16,                /* no positions: pipes, sockets, ttys: lseek/pread give ESPIPE */
	FMODE_NOWAIT_POLL = 32,           /* epoll refuses it (EPERM): regular files and directories */
	FMODE_WRITER = 64, FMODE_DENY_WRITE = 128,   /* counted in inode->writers; vfs/ sets and clears them */
	FMODE_READER = 256,               /* counted in inode->readers */
	FMODE_CREATED = 512,              /* this open(2) made it (F_CREATED_QUERY) */
};

struct file {
	const struct file_ops *ops;
	int refs;
	unsigned mode;                    /* FMODE_* */
	int flags;                        /* O_* status flags: O_APPEND O_NONBLOCK O_DIRECT O_ASYNC O_NOATIME, and the access mode */
	off_t pos;
	struct path path;                 /* references; both NULL for anonymous files */
	struct inode *inode;              /* a reference; anonymous files have one too (fstat), shared by kind */
	struct waitq *wq;                 /* woken with EPOLL* bits when readiness changes; NULL: always ready */
	struct sleep_lock pos_lock;       /* read/write/lseek on the shared offset */
	uint64_t id;                      /* unique for the sandbox's life: kcmp, epoll */
	struct epitem *epitems;           /* epoll sets it is in: the last file_put() calls epoll_file_released() before release */
	struct empty *empties;            /* tasks whose stubs know that there is nothing to read: kernel/empties.c */
	uint64_t rcv_timeout_ns, snd_timeout_ns;     /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none. file_read, file_write: -EAGAIN then */
	struct { int pid, type, sig; uint32_t uid, euid; } owner;                      /* F_SETOWN, F_SETSIG, O_ASYNC */
	struct file_async *async;         /* O_ASYNC is on: vfs/async.c */
};

/* Fills the embedded base; takes over neither path nor inode (takes references). flags: as in open(2). refs = 1. */
void file_init(struct file *f, const struct file_ops *ops, struct inode *inode, const struct path *path, int flags);
/* For anonymous kinds: an inode of mode `type` (S_IFIFO | 0600, 0600 …) of the internal file system. */
int file_init_anon(struct file *f, const struct file_ops *ops, mode_t type, int flags) MUST_CHECK;
void file_fini(struct file *f);           /* a kind's release calls it, then frees its object */
struct file *file_get(struct file *f);
void file_put(struct file *f);            /* may sleep */
DEFINE_AUTO(file_put, struct file *)

uint32_t file_poll(struct file *f);
void notify_file(struct file *f, uint32_t mask);   /* IN_ACCESS …: notify_dentry() of its name; never sleeps */
/* Where it is: f->path, or for anonymous files a nameless place of their inode outside every mount namespace, so that
 * /proc/PID/fd/N can be followed and opened. *out: references. path_name() shows such a place as "pipe:[ino]". */
void file_get_path(struct file *f, struct path *out);
/* The blocking verbs: check the mode, loop on -EAGAIN. *pos NULL: f->pos under pos_lock. Sleep; -ERESTARTSYS. */
ssize_t file_read(struct task *t, struct file *f, struct uio *dst, off_t *pos);
ssize_t file_write(struct task *t, struct file *f, struct uio *src, off_t *pos);
/* For the sentry's own reading (ELF headers, scripts): all of it, short only at end of file. Sleeps. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t bytes, off_t pos);
/* lseek(2). Sleeps. */
off_t file_seek(struct file *f, off_t off, int whence);
/* Provided by fs/epoll; called for files with epitems before release. */
void epoll_file_released(struct file *f);
/* Provided by kernel/empties.c: for files with empties, that reading them may no longer say EAGAIN: by anybody; by this number. */
void empties_drop_file(struct file *f);
void empties_drop_fd(struct fdtable *ft, struct file *f, int fd);
/* Provided by fs/pipe: opens a FIFO, as inode_ops.open. */
int fifo_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out) MUST_CHECK;
