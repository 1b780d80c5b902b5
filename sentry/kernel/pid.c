/* pid.c - see pid.h.
 *
 * HOW     A hash table of the ids in use. New ids go up from the last one and wrap around at pid_max to 300, past
 *         those in use, so that a number is not seen again soon.
 * LINUX   kernel/pid.c: alloc_pid(), RESERVED_PIDS. */
#include "sentry/kernel/pid.h"

#include <uthash.h>

#define PID_RESERVED 300

struct pid {
	int nr;
	bool reserved;                   /* a task has it, be it not published yet */
	struct task *task;
	struct pgrp *pgrp;
	struct session *session;
	UT_hash_handle hh;
};

int pid_max = 32768;
static struct pid *table;
static int last;

static struct pid *find(int nr)
{
	struct pid *p;
	HASH_FIND_INT(table, &nr, p);
	return p;
}

static void free_if_unused(struct pid *p)
{
	if (p->reserved || p->task || p->pgrp || p->session)
		return;
	HASH_DEL(table, p);
	free(p);
}

static int next_free(void)
{
	int nr = last;
	for (int tries = 0; tries < pid_max; tries++) {
		if (++nr >= pid_max)
			nr = PID_RESERVED;
		if (!find(nr))
			return nr;
	}
	return -EAGAIN;
}

int pid_reserve(int want)
{
	int nr = want;
	if (want < 0 || want >= pid_max)
		return -EINVAL;
	if (want == 0) {
		nr = next_free();
		if (nr < 0)
			return nr;
		last = nr;
	} else if (find(want)) {
		return -EEXIST;
	}
	struct pid *p = NEW(struct pid);
	p->nr = nr;
	p->reserved = true;
	HASH_ADD_INT(table, nr, p);
	return nr;
}

void pid_release(int nr)
{
	struct pid *p = find(nr);
	CHECK(p && p->reserved && !p->task);
	p->reserved = false;
	free_if_unused(p);
}

void pid_set_task(int nr, struct task *t)
{
	struct pid *p = find(nr);
	CHECK(p && p->reserved);
	p->task = t;
}

void pid_set_pgrp(int nr, struct pgrp *pg)
{
	struct pid *p = find(nr);
	CHECK(p);
	p->pgrp = pg;
	free_if_unused(p);
}

void pid_set_session(int nr, struct session *s)
{
	struct pid *p = find(nr);
	CHECK(p);
	p->session = s;
	free_if_unused(p);
}

struct task *pid_task(int nr)
{
	struct pid *p = find(nr);
	return p ? p->task : NULL;
}

struct pgrp *pid_pgrp(int nr)
{
	struct pid *p = find(nr);
	return p ? p->pgrp : NULL;
}

struct session *pid_session(int nr)
{
	struct pid *p = find(nr);
	return p ? p->session : NULL;
}

void pid_set_last(int nr)
{
	last = nr;
}

int pid_last(void)
{
	return last;
}
