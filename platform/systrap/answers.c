/* answers.c - what a stub may answer by itself (platform/answers.def, platform/post.h), as its slot says it.
 *
 * TRUST    The words are in memory that the guest can write: who changes them lies to itself. */
#include <string.h>

#include "platform/systrap/systrap.h"

extern const char blob_image[];

uint64_t systrap_fast_entry(void)
{
	return ((const struct blob_header *)blob_image)->fast;
}

static const uint8_t answer_index[256] = {
#define ANSWER(nr, index) [nr] = index,
#define ANSWER_HOST(nr, index) [nr] = index,
#include "platform/answers.def"
#undef ANSWER
#undef ANSWER_HOST
};

void systrap_answer(struct pl_thread *pt, unsigned nr, int64_t value)
{
	if (nr < ARRAY_SIZE(answer_index) && answer_index[nr])
		__atomic_store_n(&to_systrap(pt)->slot->answer[answer_index[nr]], (uint64_t)value, __ATOMIC_RELAXED);
}

void systrap_sigmask_lend(struct pl_thread *pt, uint64_t mask, uint64_t ask)
{
	struct slot *s = to_systrap(pt)->slot;
	/* Mostly all is as it was: a line that is only read stays in both caches. */
	if (s->sigmask != mask)
		s->sigmask = mask;
	if (s->sigmask_ask != ask)
		s->sigmask_ask = ask;
	if (!s->sigmask_on)
		s->sigmask_on = 1;
}

uint64_t systrap_sigmask(const struct pl_thread *pt)
{
	return __atomic_load_n(&container_of(pt, struct systrap_thread, base)->slot->sigmask, __ATOMIC_SEQ_CST);
}

void systrap_sigmask_ask(struct pl_thread *pt, uint64_t signals)
{
	__atomic_fetch_or(&to_systrap(pt)->slot->sigmask_ask, signals, __ATOMIC_SEQ_CST);
}

void systrap_sigmask_keep(struct pl_thread *pt)
{
	to_systrap(pt)->slot->sigmask_on = 0;
}

void systrap_post_set(struct pl_thread *pt, int epfd)
{
	struct slot_post *p = &to_systrap(pt)->slot->post;
	if (epfd >= 0) {
		memset(p->in, 0, sizeof(p->in));
		memset(p->out, 0, sizeof(p->out));
	}
	__atomic_store_n(&p->set, epfd, __ATOMIC_RELAXED);
}

void systrap_post_fd(struct pl_thread *pt, int fd, bool in)
{
	struct slot_post *p = &to_systrap(pt)->slot->post;
	if (fd < 0 || fd >= PL_POST_FDS)
		return;
	uint64_t bit = 1ULL << fd % 64;
	p->in[fd / 64] = in ? p->in[fd / 64] | bit : p->in[fd / 64] & ~bit;
	p->out[fd / 64] = in ? p->out[fd / 64] & ~bit : p->out[fd / 64] | bit;
}

/* While the guest runs, too: nobody else writes these words. */
void systrap_empty_fd(struct pl_thread *pt, int fd, bool empty)
{
	if (fd < 0 || fd >= PL_POST_FDS)
		return;
	uint64_t bit = 1ULL << fd % 64, *word = &to_systrap(pt)->slot->post.empty[fd / 64];
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
	__atomic_store_n(word, empty ? old | bit : old & ~bit, __ATOMIC_RELEASE);
}

uint64_t systrap_answered(struct pl_thread *pt)
{
	return __atomic_load_n(&to_systrap(pt)->slot->answered, __ATOMIC_RELAXED);
}
