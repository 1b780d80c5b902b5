/* tty.h - terminals: pseudo terminals, /dev/tty, /dev/console, and the sandbox's own terminal. */
#pragma once

#include <sys/ioctl.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/file.h"

struct tty;

/* At boot: /dev/tty, /dev/console, /dev/ptmx (major 5), and 136, whose nodes work in devpts only. */
void tty_devices_register(void);

/* A devpts of its own. options: "gid=5,mode=620,ptmxmode=666,max=…" or NULL. *out: a reference. */
int devpts_mount(const char *options, struct superblock **out) MUST_CHECK;

/* For /proc/PID/stat: the controlling terminal's device number as user space sees it (0: none), and its foreground process
 * group (-1: no terminal). */
void tty_of_process(const struct thread_group *tg, int *out_nr, int *out_pgid);

/* --- the sandbox's own terminal: console.c --- */

/* The first pty of that devpts, its master's side connected to host descriptors in and out (borrowed for ever, never
 * changed to O_NONBLOCK here). It becomes the controlling terminal of t's session. */
int console_create(struct task *t, struct superblock *devpts, uint32_t uid, int in, int out) MUST_CHECK;
void console_resize(const struct winsize *ws);     /* nothing where there is none */
bool console_signal(int sig);                      /* to the foreground process group; false: there is none */
/* Calls fn once all output is with the host: at once if there is none or no console. Never sleeps. */
void console_when_drained(void (*fn)(void));
