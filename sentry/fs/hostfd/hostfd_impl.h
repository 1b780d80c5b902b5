/* hostfd_impl.h - for the files of this folder. */
#pragma once

#include "platform/base/loop.h"
#include "sentry/vfs/file.h"

struct hostfd_inode {
	struct inode inode;
	int fd;                           /* owned */
	int accmode;                      /* O_RDONLY, O_WRONLY, O_RDWR */
	bool stream;                      /* no positions on the host */
	bool pollable;                    /* the host's epoll takes it */
	struct waitq wq;
	struct loop_fd watch;             /* edge-triggered; added while `watched` */
	bool watched;
};

struct hostfd_file {
	struct file file;
	bool own_pos;                     /* opened again by name: its position is not the host descriptor's */
};

static inline struct hostfd_inode *to_hostfd_inode(struct inode *i) { return container_of(i, struct hostfd_inode, inode); }
static inline struct hostfd_file *to_hostfd_file(struct file *f) { return container_of(f, struct hostfd_file, file); }

/* hostfd_watch.c: asks the loop to wake hi->wq when one of the EPOLL* bits comes true (also if it is by now). */
void hostfd_watch(struct hostfd_inode *hi, uint32_t events);
void hostfd_watch_init(struct hostfd_inode *hi);
void hostfd_watch_fini(struct hostfd_inode *hi);

/* hostfd_tty.c */
long hostfd_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg);
