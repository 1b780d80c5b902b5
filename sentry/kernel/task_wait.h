/* task_wait.h - waiting for children (wait4, waitid). */
#pragma once

#include "sentry/kernel/task.h"

struct wait_query {
	enum { CHILD_ANY, CHILD_PID, CHILD_PGRP } type;
	int id;
	int options;                      /* WEXITED WSTOPPED WCONTINUED WNOHANG WNOWAIT __WALL __WCLONE __WNOTHREAD */
};
struct wait_result {
	int pid, code, status;            /* code: CLD_*; status: exit status or signal */
	uint32_t uid;
	int wstatus;                      /* as wait4 gives it */
	struct rusage rusage;
};

/* The id of a child in the state asked for, reaped unless WNOWAIT; 0: none yet (WNOHANG); -ECHILD; -ERESTARTSYS. Sleeps. */
int task_wait(struct task *t, const struct wait_query *q, struct wait_result *out) MUST_CHECK;
