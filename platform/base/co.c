/* co.c - coroutines (co.h).
 *
 * HOW   Each has a small mmapped stack below a guard page; co_switch.S changes stacks in ~10 ns.
 *       Dead stacks are kept for reuse, up to a few. Under AddressSanitizer every switch is announced,
 *       or it would take the other stack for an overflow. */
#include "platform/base/co.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#define STACK_BYTES (512 * 1024UL)   /* redzones make frames several times larger */
#else
#define ASAN 0
#define STACK_BYTES (64 * 1024UL)
#endif
#define POOL_MAX 32

#include "platform/base/live.h"

struct co {
	void *sp;
	char *stack;                     /* STACK_BYTES, below it one guard page */
	void (*fn)(void *);
	void *arg;
	bool ready, done;
	TAILQ_ENTRY(co) link;            /* on `ready` while ready */
	void *asan_fake;
};

static TAILQ_HEAD(co_list, co) ready = TAILQ_HEAD_INITIALIZER(ready);
static struct co *current;
static struct co loop_co;                /* stands for the loop's own stack */
static unsigned no_sleep;
static char *pool[POOL_MAX];
static size_t pool_count;
#if ASAN
static const void *loop_stack;
static size_t loop_stack_bytes;
#endif

void co_switch(void **save_sp, void *load_sp);
void co_start(void);

static char *stack_get(void)
{
	if (pool_count > 0)
		return pool[--pool_count];
	char *p = mmap(NULL, STACK_BYTES + PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(mprotect(p + PAGE_SIZE, STACK_BYTES, PROT_READ | PROT_WRITE) == 0);
	return p + PAGE_SIZE;
}

static void stack_put(char *stack)
{
#if ASAN
	/* The frames that never returned left their redzones poisoned. */
	__asan_unpoison_memory_region(stack, STACK_BYTES);
#endif
	if (pool_count < POOL_MAX)
		pool[pool_count++] = stack;
	else
		munmap(stack - PAGE_SIZE, STACK_BYTES + PAGE_SIZE);
}

static void switch_to(struct co *from, struct co *to)
{
#if ASAN
	bool to_loop = to == &loop_co;
	__sanitizer_start_switch_fiber(from->done ? NULL : &from->asan_fake,
				       to_loop ? loop_stack : to->stack,
				       to_loop ? loop_stack_bytes : STACK_BYTES);
#endif
	co_switch(&from->sp, to->sp);
#if ASAN
	const void *old;
	size_t old_bytes;
	__sanitizer_finish_switch_fiber(from->asan_fake, &old, &old_bytes);
	if (from == &loop_co)
		return;
	loop_stack = old;
	loop_stack_bytes = old_bytes;
#endif
}

static void co_entry(struct co *co)
{
#if ASAN
	__sanitizer_finish_switch_fiber(NULL, &loop_stack, &loop_stack_bytes);
#endif
	co->fn(co->arg);
	CHECK(no_sleep == 0);
	co->done = true;
	switch_to(co, &loop_co);
	__builtin_unreachable();
}

struct co *co_spawn(void (*fn)(void *arg), void *arg)
{
	struct co *co = NEW(struct co);
	live_born(COROUTINE);
	co->stack = stack_get();
	co->fn = fn;
	co->arg = arg;

	/* What co_switch pops: r15 r14 r13 r12 rbx rbp, then the return address. */
	uint64_t *sp = (uint64_t *)(co->stack + STACK_BYTES - 64);
	*--sp = 0;
	*--sp = 0;                               /* co_start calls with an aligned stack */
	*--sp = (uint64_t)co_start;
	*--sp = 0;
	*--sp = 0;
	*--sp = (uint64_t)co;
	*--sp = (uint64_t)co_entry;
	*--sp = 0;
	*--sp = 0;
	co->sp = sp;
	co_wake(co);
	return co;
}

struct co *co_current(void)
{
	return current;
}

void co_wake(struct co *co)
{
	if (co->ready)
		return;
	co->ready = true;
	TAILQ_INSERT_TAIL(&ready, co, link);
}

void co_sleep(void)
{
	CHECK(current != NULL && no_sleep == 0);
	switch_to(current, &loop_co);
}

void co_yield(void)
{
	co_wake(current);
	co_sleep();
}

bool co_any_ready(void)
{
	return !TAILQ_EMPTY(&ready);
}

bool co_run_ready(void)
{
	/* Only what is ready now: who is woken meanwhile waits until the loop has looked at the host. */
	struct co_list batch = TAILQ_HEAD_INITIALIZER(batch);
	TAILQ_CONCAT(&batch, &ready, link);
	bool any = false;
	struct co *co;
	while ((co = TAILQ_FIRST(&batch))) {
		TAILQ_REMOVE(&batch, co, link);
		co->ready = false;
		any = true;
		current = co;
		switch_to(&loop_co, co);
		current = NULL;
		if (!co->done)
			continue;
		if (co->ready)                   /* woken before it ended */
			TAILQ_REMOVE(&ready, co, link);
		stack_put(co->stack);
		live_died(COROUTINE);
		free(co);
	}
	return any;
}

void co_no_sleep_begin(void)
{
	no_sleep++;
}

void co_no_sleep_end(void)
{
	CHECK(no_sleep > 0);
	no_sleep--;
}
