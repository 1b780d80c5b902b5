/* proc.h - the process file system (proc(5)). */
#pragma once

#include "sentry/vfs/file.h"

struct thread_group;

struct pid_ns;
int proc_mount(struct pid_ns *ns, struct superblock **out) MUST_CHECK;
/* Whose directory /proc/PID the file is, in place of a pidfd; borrowed; NULL: it is something else. */
struct thread_group *proc_pid_dir_tg(struct file *f);
