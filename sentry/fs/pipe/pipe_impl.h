/* pipe_impl.h - what pipe.c (the bytes) and pipe_open.c (the ends) share. */
#pragma once

#include "sentry/fs/pipe/pipe.h"

struct pipe_slot {
	uint16_t off, len;                /* within the slot's page */
	bool packet;                      /* written with O_DIRECT */
};

struct pipe {
	unsigned nslots;                  /* a power of two */
	unsigned head, tail;              /* count slots filled and emptied; their difference is what is used */
	struct pipe_slot *slots;
	char *mem;                        /* nslots pages; NULL until the first write */
	unsigned users;                   /* ends, and those waiting in open; the last one frees */
	unsigned readers, writers;
	bool unnamed;                     /* made by pipe(2): opened again by /proc/PID/fd, it waits for nobody */
	unsigned r_count, w_count;        /* how many ever opened: for those waiting in open */
	struct waitq wq;
};

struct pipe_end {
	struct file file;
	struct pipe *pipe;
	unsigned w_seen;                  /* w_count when a FIFO was opened without a writer; else w_count - 1 */
};
#define to_pipe_end(f) container_of(f, struct pipe_end, file)

struct pipe *pipe_alloc(void);
void pipe_free(struct pipe *p);
ssize_t pipe_read(struct file *f, struct uio *dst, off_t *pos);
ssize_t pipe_write(struct file *f, struct uio *src, off_t *pos);
uint32_t pipe_poll(struct file *f);
long pipe_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg);
