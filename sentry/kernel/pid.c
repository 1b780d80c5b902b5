/* pid.c - see pid.h and pid_ns.h.
 *
 * HOW     A hash table of the ids in use, and one of the numbers they have in further namespaces. New numbers go up
 *         from the last one and wrap around at pid_max to 300, past those in use, so that one is not seen again soon.
 * LINUX   kernel/pid.c: alloc_pid(), RESERVED_PIDS. */
#include "sentry/kernel/pid.h"

#include <uthash.h>

#include "platform/base/live.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"

#define PID_RESERVED 300

/* A pid's number in a namespace that is not the first. */
struct alias {
	struct alias_key { struct pid_ns *ns; uint64_t number; } key;
	struct pid *pid;
	UT_hash_handle hh;
};

struct pid {
	int nr;
	bool reserved;                   /* a task has it, be it not published yet */
	struct task *task;
	struct pgrp *pgrp;
	struct session *session;
	struct pid_ns *ns;               /* a reference */
	struct alias *aliases;           /* ns->level of them: of level 1, 2, … */
	UT_hash_handle hh;
};

int pid_max = 32768;
static struct pid *table;
static struct alias *aliases;

static struct pid *find(int nr)
{
	struct pid *p;
	HASH_FIND_INT(table, &nr, p);
	return p;
}

static struct alias *find_alias(struct pid_ns *ns, int number)
{
	struct alias *a;
	struct alias_key key = { ns, (uint64_t)number };
	HASH_FIND(hh, aliases, &key, sizeof(key), a);
	return a;
}

static void free_if_unused(struct pid *p)
{
	if (p->reserved || p->task || p->pgrp || p->session)
		return;
	for (int i = 0; i < p->ns->level; i++)
		HASH_DEL(aliases, &p->aliases[i]);
	HASH_DEL(table, p);
	pid_ns_put(p->ns);
	free(p->aliases);
	live_died(PID);
	free(p);
}

static bool in_use(struct pid_ns *ns, int number)
{
	return ns->level ? find_alias(ns, number) != NULL : find(number) != NULL;
}

static int next_free(struct pid_ns *ns)
{
	int nr = ns->last;
	for (int tries = 0; tries < pid_max; tries++) {
		if (++nr >= pid_max)
			nr = PID_RESERVED;
		if (!in_use(ns, nr))
			return nr;
	}
	return -EAGAIN;
}

static int choose(struct pid_ns *ns, int want)
{
	if (want < 0 || want >= pid_max)
		return -EINVAL;
	if (want)
		return in_use(ns, want) ? -EEXIST : want;
	int nr = next_free(ns);
	if (nr > 0)
		ns->last = nr;
	return nr;
}

int pid_reserve_in(struct pid_ns *ns, const int *want, int nwant)
{
	int number[PID_NS_LEVELS + 1];
	struct pid_ns *at = ns;
	for (int i = 0; at; i++, at = at->parent) {
		number[at->level] = choose(at, i < nwant ? want[i] : 0);
		if (number[at->level] < 0)
			return number[at->level];
	}
	struct pid *p = NEW(struct pid);
	live_born(PID);
	p->nr = number[0];
	p->reserved = true;
	p->ns = pid_ns_get(ns);
	HASH_ADD_INT(table, nr, p);
	if (ns->level)
		p->aliases = xzalloc((size_t)ns->level * sizeof(*p->aliases));
	for (at = ns; at->level; at = at->parent) {
		struct alias *a = &p->aliases[at->level - 1];
		a->key = (struct alias_key){ at, (uint64_t)number[at->level] };
		a->pid = p;
		HASH_ADD(hh, aliases, key, sizeof(a->key), a);
	}
	return p->nr;
}

int pid_reserve(int want)
{
	return pid_reserve_in(pid_ns_first(), &want, 1);
}

struct pid_ns *pid_ns_of(int nr)
{
	return find(nr)->ns;
}

/* --- numbers --- */

int pid_number(const struct pid_ns *ns, int id)
{
	if (!ns->level)
		return id;
	const struct pid *p = find(id);
	if (!p || p->ns->level < ns->level)
		return 0;
	const struct alias *a = &p->aliases[ns->level - 1];
	return a->key.ns == ns ? (int)a->key.number : 0;
}

int pid_of_number(const struct pid_ns *ns, int number)
{
	if (!ns->level || number <= 0)
		return ns->level ? 0 : number;
	const struct alias *a = find_alias((struct pid_ns *)ns, number);
	return a ? a->pid->nr : 0;
}

int pid_numbers(const struct pid_ns *top, int id, int out[PID_NS_LEVELS + 1])
{
	const struct pid *p = find(id);
	int n = 0;
	for (int level = top->level; p && level <= p->ns->level; level++)
		out[n++] = level ? (int)p->aliases[level - 1].key.number : p->nr;
	return n;
}

int pid_shown(const struct task *t, int id)
{
	return id > 0 && t->pid_ns ? pid_number(t->pid_ns, id) : id;
}

int pid_given(const struct task *t, int number)
{
	return number > 0 && t->pid_ns ? pid_of_number(t->pid_ns, number) : number;
}

struct task *task_find_for(const struct task *t, int number)
{
	return number > 0 ? pid_task(pid_given(t, number)) : NULL;
}

struct thread_group *tg_find_for(const struct task *t, int number)
{
	return number > 0 ? tg_find(pid_given(t, number)) : NULL;
}

struct pgrp *pgrp_find_for(const struct task *t, int number)
{
	return number > 0 ? pid_pgrp(pid_given(t, number)) : NULL;
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

int pid_last(void)
{
	return pid_ns_first()->last;
}
