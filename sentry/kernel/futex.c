/* futex.c - wait, wake, requeue (futex.h).
 *
 * HOW     Guest threads change the word while the sentry runs, but only the sentry wakes: reading the word and joining
 *         the queue happen without a sleep between them, so that no wake-up can fall in between.
 * LINUX   kernel/futex/waitwake.c, requeue.c. A wake for 0 waiters wakes one, as there.
 * MISSING Wake-ups in order of priority: they are in order of arrival. */
#include "sentry/kernel/futex.h"

#include <linux/futex.h>

#define BUCKETS 256
#define WAITV_MAX 128

struct futex_waiter {
	TAILQ_ENTRY(futex_waiter) link;
	struct futex_key key;
	uint32_t bitset;
	struct waitq *q;                 /* where its task sleeps */
	bool woken;                      /* and off the bucket */
};
static TAILQ_HEAD(bucket, futex_waiter) buckets[BUCKETS];

static struct bucket *bucket_of(const struct futex_key *key)
{
	uint64_t h = (key->object ^ key->offset >> 2) * 0x9e3779b97f4a7c15ULL;
	struct bucket *b = &buckets[h >> 56];
	if (!b->tqh_last)
		TAILQ_INIT(b);
	return b;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

static int key_of(struct task *t, uptr_t addr, bool shared, struct futex_key *out)
{
	uint32_t word;
	if (addr.addr % sizeof(word))
		return -EINVAL;
	/* Who says it is shared has Linux look at the page behind it; a private word is only a number until it is read. */
	if (shared && get_user(t, &word, addr) < 0)
		return -EFAULT;
	return mm_futex_key(t, addr, shared, out);
}

static void wake_waiter(struct futex_waiter *w)
{
	TAILQ_REMOVE(bucket_of(&w->key), w, link);
	w->woken = true;
	waitq_wake(w->q, 0);
}

/* Joins the queue if the word still is val. */
static int enqueue(struct task *t, uptr_t addr, bool shared, uint32_t val, struct futex_waiter *w)
{
	uint32_t now;
	int err = key_of(t, addr, shared, &w->key);
	if (err)
		return err;
	if (get_user(t, &now, addr) < 0)
		return -EFAULT;
	if (now != val)
		return -EAGAIN;
	TAILQ_INSERT_TAIL(bucket_of(&w->key), w, link);
	return 0;
}

static void dequeue(struct futex_waiter *w)
{
	if (!w->woken)
		TAILQ_REMOVE(bucket_of(&w->key), w, link);
}

int futex_wait(struct task *t, uptr_t addr, bool shared, uint32_t val, uint32_t bitset, uint64_t deadline_ns)
{
	if (!bitset)
		return -EINVAL;
	struct waitq q = WAITQ_INIT(q);
	struct futex_waiter w = { .bitset = bitset, .q = &q };
	int err = enqueue(t, addr, shared, val, &w);
	if (err)
		return err;
	err = wait_event_deadline(t, &q, w.woken, deadline_ns);
	dequeue(&w);
	return w.woken ? 0 : err;
}

static int first_woken(const struct futex_waiter *w, int n)
{
	for (int i = 0; i < n; i++)
		if (w[i].woken)
			return i;
	return -1;
}

int futex_wait_any(struct task *t, const struct futex_waitv_arg *v, int n, uint64_t deadline_ns)
{
	struct waitq q = WAITQ_INIT(q);
	struct futex_waiter w[WAITV_MAX];
	CHECK(n > 0 && n <= WAITV_MAX);
	int queued, err = 0;
	for (queued = 0; queued < n && !err; queued++) {
		w[queued] = (struct futex_waiter){ .bitset = FUTEX_ANY, .q = &q };
		err = enqueue(t, v[queued].addr, v[queued].shared, v[queued].val, &w[queued]);
		if (err)
			break;
	}
	if (!err)
		err = wait_event_deadline(t, &q, first_woken(w, n) >= 0, deadline_ns);
	for (int i = 0; i < queued; i++)
		dequeue(&w[i]);
	int woken = first_woken(w, queued);
	return woken >= 0 ? woken : err;
}

static int wake_key(const struct futex_key *key, int n, uint32_t bitset)
{
	int woken = 0;
	struct bucket *b = bucket_of(key);
	struct futex_waiter *w = TAILQ_FIRST(b);
	while (w) {
		struct futex_waiter *next = TAILQ_NEXT(w, link);
		if (same_key(&w->key, key) && (w->bitset & bitset)) {
			wake_waiter(w);
			if (++woken >= n)
				break;
		}
		w = next;
	}
	return woken;
}

int futex_wake(struct task *t, uptr_t addr, bool shared, int n, uint32_t bitset)
{
	struct futex_key key;
	if (!bitset)
		return -EINVAL;
	int err = key_of(t, addr, shared, &key);
	return err ? err : wake_key(&key, n, bitset);
}

void futex_wake_addr(struct task *t, uptr_t addr, int n)
{
	/* As the kernel's own wake-ups do: sleepers may or may not have said FUTEX_PRIVATE_FLAG. */
	struct futex_key private, shared;
	bool is_private = key_of(t, addr, false, &private) == 0;
	if (is_private)
		n -= wake_key(&private, n, FUTEX_ANY);
	if (n > 0 && key_of(t, addr, true, &shared) == 0 && !(is_private && same_key(&private, &shared)))
		wake_key(&shared, n, FUTEX_ANY);
}

int futex_requeue(struct task *t, struct futex_pair from, struct futex_pair to, int n_wake, int n_requeue, const uint32_t *cmp)
{
	struct futex_key key, target;
	if (n_wake < 0 || n_requeue < 0)
		return -EINVAL;
	int err = key_of(t, from.addr, from.shared, &key);
	if (!err)
		err = key_of(t, to.addr, to.shared, &target);
	if (err)
		return err;
	uint32_t now;
	if (cmp && get_user(t, &now, from.addr) < 0)
		return -EFAULT;
	if (cmp && now != *cmp)
		return -EAGAIN;

	int count = 0;
	struct bucket *b = bucket_of(&key);
	struct futex_waiter *w = TAILQ_FIRST(b);
	/* Moved ones may land in the same bucket: the old tail is the end. */
	struct futex_waiter *last = TAILQ_LAST(b, bucket);
	while (w && count - n_wake < n_requeue) {
		struct futex_waiter *next = w == last ? NULL : TAILQ_NEXT(w, link);
		if (same_key(&w->key, &key)) {
			count++;
			if (count <= n_wake) {
				wake_waiter(w);
			} else if (!same_key(&key, &target)) {
				TAILQ_REMOVE(b, w, link);
				w->key = target;
				TAILQ_INSERT_TAIL(bucket_of(&target), w, link);
			}
		}
		w = next;
	}
	return count;
}

static int32_t sign_extend12(uint32_t v)
{
	return (int32_t)(v << 20) >> 20;
}

static int apply_op(uint32_t encoded, uint32_t old, uint32_t *out)
{
	uint32_t arg = (uint32_t)sign_extend12(encoded >> 12 & 0xfff);
	if (encoded & ((uint32_t)FUTEX_OP_OPARG_SHIFT << 28))
		arg = 1U << (arg & 31);
	switch (encoded >> 28 & 7) {
	case FUTEX_OP_SET:
		*out = arg;
		return 0;
	case FUTEX_OP_ADD:
		*out = old + arg;
		return 0;
	case FUTEX_OP_OR:
		*out = old | arg;
		return 0;
	case FUTEX_OP_ANDN:
		*out = old & ~arg;
		return 0;
	case FUTEX_OP_XOR:
		*out = old ^ arg;
		return 0;
	}
	return -ENOSYS;
}

static int compare_op(uint32_t encoded, uint32_t old)
{
	int32_t arg = sign_extend12(encoded & 0xfff), value = (int32_t)old;
	switch (encoded >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return value == arg;
	case FUTEX_OP_CMP_NE:
		return value != arg;
	case FUTEX_OP_CMP_LT:
		return value < arg;
	case FUTEX_OP_CMP_GE:
		return value >= arg;
	case FUTEX_OP_CMP_LE:
		return value <= arg;
	case FUTEX_OP_CMP_GT:
		return value > arg;
	}
	return -ENOSYS;
}

int futex_wake_op(struct task *t, uptr_t addr, uptr_t addr2, bool shared, int n, int n2, uint32_t op)
{
	struct futex_key key, key2;
	int err = key_of(t, addr, shared, &key);
	if (!err)
		err = key_of(t, addr2, shared, &key2);
	if (err)
		return err;
	uint32_t old, new;
	if (get_user(t, &old, addr2) < 0)
		return -EFAULT;
	for (;;) {
		err = apply_op(op, old, &new);
		if (err)
			return err;
		err = pl_cmpxchg32(t->pl, addr2.addr, &old, new);
		if (err == 0)
			break;
		if (err != -EAGAIN)
			return err == -ESRCH ? -EFAULT : err;
		if (t->exiting)
			return -ERESTARTNOINTR;
	}
	int matches = compare_op(op, old);
	if (matches < 0)
		return matches;
	int woken = wake_key(&key, n, FUTEX_ANY);
	if (matches)
		woken += wake_key(&key2, n2, FUTEX_ANY);
	return woken;
}
