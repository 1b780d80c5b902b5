/* tty_impl.h - for the files of this folder: what a pty is made of.
 *
 *	            staged          ldisc.buf
 *	master  ─────────────▶ ldisc ────────▶ slave       (input: echo, lines, signals)
 *	        ◀───────────── out ◀── opost ──            (output; echo that has to wait: echo)
 */
#pragma once

#include <asm/termbits.h>

#include "platform/base/loop.h"
#include "sentry/fs/tty/tty.h"

/* As much as Linux holds: its line discipline's buffer, and the flip buffers of a pty behind it. */
#define LDISC_BYTES 4096
#define STAGED_BYTES 8192
#define OUT_BYTES 16384
#define OUT_WRITE_BYTES 12288             /* what writers may fill; the rest is for echo */
#define OUT_KEPT_BYTES 4096               /* output that a flush does not reach any more: it is "on the wire" */
#define ECHO_BYTES 4096
#define PTS_MAJOR 136

struct ring {
	unsigned char *buf;
	size_t cap, head, tail;           /* cap: a power of two; head and tail run on */
};

struct ldisc {                            /* kernel names of drivers/tty/n_tty.c */
	unsigned char buf[LDISC_BYTES];
	uint64_t marks[LDISC_BYTES / 64]; /* where lines end */
	size_t head, tail, canon_head;    /* run on; lines are complete up to canon_head */
	unsigned column, canon_column;
	bool lnext, erasing;
	uint64_t last_input_ns;
};

struct tty {
	int refs;
	int index;
	struct pts_table *table;          /* who gave the index */
	struct inode *inode;              /* its node; a reference; NULL once the master is closed */
	struct termios2 tio;
	struct termios2 tio_lock;         /* what is set here in flags, or not 0 in c_line and c_cc, can't be changed */
	struct winsize winsize;
	struct ldisc ld;
	struct ring staged, out, echo;
	bool stopped, tco_stopped;        /* by STOP or by tcflow(3); the latter alone */
	bool locked, exclusive, packet;
	bool slave_closed;                /* it was open, and is not any more */
	bool master_closed;
	unsigned char packet_status;      /* TIOCPKT_*: what the master is still to be told */
	int nslaves;                      /* open files */
	unsigned hangups;
	struct session *session;          /* whose controlling terminal it is; borrowed: it lets go in time */
	struct pgrp *pgrp;                /* in the foreground; a reference, or NULL */
	struct waitq wq, master_wq;
	struct ktimer vtime;
};

struct tty_file {                         /* either end */
	struct file file;
	struct tty *tty;                  /* a reference */
	bool master;
	unsigned hangups;                 /* the tty's when it was opened */
	struct path devpts;               /* master: where its slave's node is */
};
static inline struct tty_file *to_tty_file(struct file *f) { return container_of(f, struct tty_file, file); }

#define CC(tty, which) ((tty)->tio.c_cc[which])
#define IFLAG(tty, bits) ((tty)->tio.c_iflag & (bits))
#define OFLAG(tty, bits) ((tty)->tio.c_oflag & (bits))
#define LFLAG(tty, bits) ((tty)->tio.c_lflag & (bits))

/* --- tty.c --- */
struct tty *tty_new(void);                /* refs 1; no index yet */
struct tty *tty_get(struct tty *tty);
void tty_put(struct tty *tty);            /* never sleeps */
dev_t tty_dev(const struct tty *tty);     /* 136:index */
void tty_wake_master(struct tty *tty, uint32_t events);
void tty_stop(struct tty *tty);
void tty_start(struct tty *tty);
void tty_packet(struct tty *tty, unsigned clear, unsigned set);          /* news for a master in packet mode */
void tty_out_drained(struct tty *tty);    /* the master has taken output: there is room for echo and writers */
void tty_flush_input(struct tty *tty);
void tty_flush_output(struct tty *tty);
void tty_resize(struct tty *tty, const struct winsize *ws);

static inline size_t ring_used(const struct ring *r) { return r->head - r->tail; }
static inline size_t ring_room(const struct ring *r) { return r->cap - ring_used(r); }
size_t ring_put(struct ring *r, const void *src, size_t bytes);          /* how many went in */
size_t ring_peek(const struct ring *r, const unsigned char **out);       /* those in one piece from the tail on */
/* As uio_fill() of everything there is; what was filled is gone from the ring. */
ssize_t ring_fill(struct ring *r, struct uio *dst);

/* --- ldisc_in.c: what the master writes --- */
size_t ldisc_input_room(const struct tty *tty);
size_t ldisc_feed(struct tty *tty, const unsigned char *src, size_t bytes);   /* how many were taken */
void ldisc_pump(struct tty *tty);         /* what waited for room goes on */

/* --- ldisc_read.c: what the slave reads --- */
bool ldisc_readable(const struct tty *tty, bool poll);
ssize_t ldisc_read(struct tty *tty, struct uio *dst, bool nonblock);
int ldisc_count(const struct tty *tty);   /* FIONREAD */
void ldisc_reset(struct tty *tty);        /* empties it */
void ldisc_termios_changed(struct tty *tty, const struct termios2 *old);

/* --- ldisc_out.c: what the slave writes, and echo --- */
size_t ldisc_output_room(const struct tty *tty);
ssize_t ldisc_write(struct tty *tty, struct uio *src);
void echo_raw(struct tty *tty, unsigned char c);
void echo_char(struct tty *tty, unsigned char c);       /* ^X for control characters, with ECHOCTL */
void echo_erase_tab(struct tty *tty, unsigned chars, bool after_tab);
void echo_flush(struct tty *tty);
static inline bool is_control(unsigned char c) { return c < 32 || c == 127; }
static inline bool is_continuation(const struct tty *tty, unsigned char c)
{
	return IFLAG(tty, IUTF8) && (c & 0xc0) == 0x80;
}

/* --- tty_job.c --- */
struct tty *tty_controlling(const struct thread_group *tg);              /* borrowed, NULL */
/* May t change or read it, from where it is? 0; -ERESTARTSYS after sending sig to t's group; -EIO: an orphaned one. */
int tty_check_change(struct task *t, struct tty *tty, int sig) MUST_CHECK;
void tty_set_controlling(struct tty *tty, struct task *t);
void tty_clear_session(struct tty *tty);                                 /* nobody's any more */
void tty_give_up(struct task *t);                                        /* TIOCNOTTY */
void tty_signal(struct tty *tty, int sig);                               /* to the foreground group */
void tty_hangup(struct tty *tty);
long tty_ioctl_job(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg);   /* -ENOIOCTLCMD: not one of these */

/* --- termios.c --- */
#define ENOIOCTLCMD 515
extern const struct termios2 termios_default;
long tty_ioctl_termios(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg);

/* --- tty_ioctl.c --- */
long tty_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg);

/* --- pty.c --- */
int tty_open_slave(struct tty *tty, struct inode *i, const struct path *path, int flags, struct task *t, struct file **out);
long pty_master_ioctl(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg);

/* --- console.c --- */
struct tty *console_tty(void);            /* borrowed, NULL */
void console_wanted(const struct tty *tty);       /* somebody wants input of it, or sets it up; any tty */

/* --- devpts.c --- */
/* A new pty in it, owned by who. -ENOSPC. *out: a reference. */
int devpts_new_tty(struct superblock *sb, uint32_t uid, uint32_t gid, struct tty **out) MUST_CHECK;
/* Which devpts a ptmx node at that path opens: its root. -ENODEV. *out: references. Sleeps. */
int devpts_of_ptmx(const struct path *ptmx, struct path *out) MUST_CHECK;
void devpts_remove(struct tty *tty);      /* its name goes. Sleeps */
void devpts_free_index(struct tty *tty);
