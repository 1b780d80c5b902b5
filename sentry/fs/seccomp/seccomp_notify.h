/* seccomp_notify.h - asking a supervisor what to do about a system call (seccomp_unotify(2)). */
#pragma once

#include <linux/seccomp.h>

#include "platform/base/base.h"

struct file;
struct seccomp_listener;
struct task;

/* A listener: owned by its file. *place is where its only user keeps it; it is set to NULL when the file goes. */
int seccomp_listener_new(struct seccomp_listener **place, struct file **out) MUST_CHECK;
/* Nobody has the filter any more that the listener listens to; the place is gone. */
void seccomp_listener_orphan(struct seccomp_listener *l);
/* Asks. True: the call goes ahead; false: *ret is its result. killable: once the supervisor has seen it only fatal
 * signals end the wait. Sleeps. */
bool seccomp_listener_ask(struct seccomp_listener *l, struct task *t, const struct seccomp_data *sd, bool killable, long *ret);
