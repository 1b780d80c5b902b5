/* futex_pi.c - futexes whose word names the owner: FUTEX_LOCK_PI and its like.
 *
 * HOW     The word is the owner's tid, 0 when free, with FUTEX_WAITERS set while somebody sleeps here: then the owner's
 *         unlock comes to us too, and hands the word over to the first in the queue. Changing the word sleeps, so a waiter
 *         that is about to get it is marked "chosen" and does not go away meanwhile, whatever comes. An unlock that found
 *         nobody looks again when the word is free: who joined the queue in between is sent to try anew.
 * LINUX   kernel/futex/pi.c. Returned errors as there: EDEADLK, ESRCH (no such owner), EPERM.
 * MISSING The inheritance of priorities: guest threads have none that we enforce. FUTEX_WAIT_REQUEUE_PI. */
#include <linux/futex.h>

#include "sentry/kernel/futex.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/process.h"

struct pi_waiter {
	TAILQ_ENTRY(pi_waiter) link;
	struct task *task;
	struct waitq q;
	bool chosen, granted, owner_died, again;
};
/* A futex with waiters. */
struct futex_pi {
	TAILQ_ENTRY(futex_pi) link, owned_link;
	struct futex_key key;
	struct task *owner;              /* borrowed: futex_exit_pi() takes it out. NULL: died */
	TAILQ_HEAD(, pi_waiter) waiters;
};
static TAILQ_HEAD(pi_list, futex_pi) all = TAILQ_HEAD_INITIALIZER(all);

static struct futex_pi *find(const struct futex_key *key)
{
	struct futex_pi *pi;
	TAILQ_FOREACH(pi, &all, link)
		if (pi->key.object == key->object && pi->key.offset == key->offset)
			return pi;
	return NULL;
}

static void set_owner(struct futex_pi *pi, struct task *owner)
{
	if (pi->owner)
		TAILQ_REMOVE(&pi->owner->pi_owned, pi, owned_link);
	pi->owner = owner;
	if (owner)
		TAILQ_INSERT_TAIL(&owner->pi_owned, pi, owned_link);
}

static void waiter_join(const struct futex_key *key, struct task *owner, struct pi_waiter *w)
{
	struct futex_pi *pi = find(key);
	if (!pi) {
		pi = NEW(struct futex_pi);
		pi->key = *key;
		TAILQ_INIT(&pi->waiters);
		TAILQ_INSERT_TAIL(&all, pi, link);
	}
	if (pi->owner != owner)
		set_owner(pi, owner);
	TAILQ_INSERT_TAIL(&pi->waiters, w, link);
}

static void waiter_leave(const struct futex_key *key, struct pi_waiter *w)
{
	struct futex_pi *pi = find(key);
	CHECK(pi != NULL);
	TAILQ_REMOVE(&pi->waiters, w, link);
	if (!TAILQ_EMPTY(&pi->waiters))
		return;
	set_owner(pi, NULL);
	TAILQ_REMOVE(&all, pi, link);
	free(pi);
}

static int key_of(struct task *t, uptr_t addr, bool shared, struct futex_key *out)
{
	return addr.addr % sizeof(uint32_t) ? -EINVAL : mm_futex_key(t, addr, shared, out);
}

/* Makes the word ours: free, or left by an owner that died. */
static int take_word(struct task *t, uptr_t addr, const struct futex_key *key, uint32_t *val, uint32_t extra)
{
	struct futex_pi *pi = find(key);
	uint32_t new = (uint32_t)t->vtid | (*val & FUTEX_OWNER_DIED) | extra;
	if (pi && !TAILQ_EMPTY(&pi->waiters))
		new |= FUTEX_WAITERS;
	return pl_cmpxchg32(t->pl, addr.addr, val, new);
}

/* The owner died while we were first in the queue: the word is for us to set. */
static int take_over(struct task *t, uptr_t addr, const struct futex_key *key)
{
	uint32_t val;
	if (get_user(t, &val, addr) < 0)
		return -EFAULT;
	int err;
	do
		err = take_word(t, addr, key, &val, FUTEX_OWNER_DIED);
	while (err == -EAGAIN && !t->exiting);
	return err;
}

/* 0: the word is ours. -EAGAIN: it was let go without us. */
static int sleep_for_it(struct task *t, uptr_t addr, const struct futex_key *key, struct task *owner, uint64_t deadline_ns)
{
	struct pi_waiter w = { .task = t, .q = WAITQ_INIT(w.q) };
	waiter_join(key, owner, &w);
	int err = wait_event_deadline(t, &w.q, w.granted || w.owner_died || w.again, deadline_ns);
	if (w.chosen)
		wait_event_uninterruptible(&w.q, !w.chosen);
	if (w.granted || w.owner_died)
		err = 0;
	else if (w.again && !err)
		err = -EAGAIN;
	if (w.owner_died)
		set_owner(find(key), t);
	waiter_leave(key, &w);
	return w.owner_died ? take_over(t, addr, key) : err;
}

int futex_lock_pi(struct task *t, uptr_t addr, bool shared, bool try_only, uint64_t deadline_ns)
{
	struct futex_key key;
	int err = key_of(t, addr, shared, &key);
	if (err)
		return err;
	for (;;) {
		uint32_t val;
		if (t->exiting)
			return -ERESTARTNOINTR;
		if (get_user(t, &val, addr) < 0)
			return -EFAULT;
		int owner_tid = (int)(val & FUTEX_TID_MASK);
		if (owner_tid == t->vtid)
			return -EDEADLK;
		if (owner_tid == 0) {
			err = take_word(t, addr, &key, &val, 0);
			if (err != -EAGAIN)
				return err;
			continue;
		}
		if (try_only)
			return -EAGAIN;
		if (!(val & FUTEX_WAITERS)) {
			err = pl_cmpxchg32(t->pl, addr.addr, &val, val | FUTEX_WAITERS);
			if (err && err != -EAGAIN)
				return err;
			continue;               /* the owner may have let go meanwhile: look again */
		}
		struct task *owner = task_find_for(t, owner_tid);
		if (!owner || !owner->live || owner->exiting)
			return -ESRCH;
		err = sleep_for_it(t, addr, &key, owner, deadline_ns);
		if (err == -EAGAIN)
			continue;
		return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
	}
}

static int hand_over(struct task *t, uptr_t addr, struct futex_pi *pi, uint32_t *val)
{
	struct pi_waiter *w = TAILQ_FIRST(&pi->waiters);
	uint32_t new = (uint32_t)w->task->vtid | FUTEX_WAITERS;
	w->chosen = true;
	int err = pl_cmpxchg32(t->pl, addr.addr, val, new);
	w->granted = err == 0;
	w->chosen = false;
	if (w->granted)
		set_owner(pi, w->task);
	waitq_wake(&w->q, 0);
	return err;
}

/*	unlocker                                locker
 *	finds no queue
 *	                                        reads the word: not free; joins the queue, sleeps
 *	the word becomes 0
 *	…and nobody would ever wake the locker. */
static void send_to_try_again(const struct futex_key *key)
{
	struct futex_pi *pi = find(key);
	struct pi_waiter *w;
	if (!pi)
		return;
	TAILQ_FOREACH(w, &pi->waiters, link) {
		w->again = true;
		waitq_wake(&w->q, 0);
	}
}

int futex_unlock_pi(struct task *t, uptr_t addr, bool shared)
{
	struct futex_key key;
	uint32_t val;
	int err = key_of(t, addr, shared, &key);
	if (err)
		return err;
	if (get_user(t, &val, addr) < 0)
		return -EFAULT;
	do {
		if ((int)(val & FUTEX_TID_MASK) != t->vtid)
			return -EPERM;
		struct futex_pi *pi = find(&key);
		err = pi ? hand_over(t, addr, pi, &val) : pl_cmpxchg32(t->pl, addr.addr, &val, 0);
		if (!pi && !err)
			send_to_try_again(&key);
	} while (err == -EAGAIN && !t->exiting);
	return err;
}

void futex_exit_pi(struct task *t)
{
	struct futex_pi *pi;
	while ((pi = TAILQ_FIRST(&t->pi_owned))) {
		set_owner(pi, NULL);
		struct pi_waiter *w = TAILQ_FIRST(&pi->waiters);
		w->owner_died = true;
		waitq_wake(&w->q, 0);
	}
}
