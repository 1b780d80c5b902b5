/* run.c - handing a thread over to its stub and getting it back.
 *
 * HOW   The slot's state word says whose turn it is (layout.h). The sentry's loop polls the slots of running threads
 *       while there is traffic, then announces its sleep in the read-only page and waits for the doorbell.
 *
 *       The two sides can't miss each other:    stub                      sentry
 *                                               state = EVENT             sentry_sleeps = 1
 *                                               (full barrier)            (full barrier)
 *                                               sentry_sleeps? ring       any state == EVENT? stay awake
 *       Whichever store comes first, the other side's load sees it. */
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/cycles.h"
#include "platform/systrap/placement.h"
#include "platform/systrap/systrap.h"
#include "platform/systrap/turns.h"
#include "platform/systrap/waiting.h"

#define TURNS_NS 500000                   /* how often to look for who computes */
#define HOG_NS 2000000                    /* so long without a call: its turns are of the usual length */
#define COMPUTES_NS 300000                /* so long without a call: it has use for its processor */

static TAILQ_HEAD(thread_list, systrap_thread) running_threads = TAILQ_HEAD_INITIALIZER(running_threads);
static struct thread_list answering_threads = TAILQ_HEAD_INITIALIZER(answering_threads);
static unsigned running_count;
static unsigned guests_running;           /* of these, run guest code; the others do something for us */

static void stop_answering(struct systrap_thread *t)
{
	if (t->answering)
		TAILQ_REMOVE(&answering_threads, t, run_link);
	t->answering = false;
}

void systrap_expect(struct systrap_thread *t)
{
	CHECK(!t->running);
	stop_answering(t);
	t->running = true;
	TAILQ_INSERT_HEAD(&running_threads, t, run_link);
	running_count++;
}

static bool in_guest_for(const struct systrap_thread *t, uint64_t ns)
{
	return t->in_guest && cycles_now() - t->resumed > cycles_from_ns(ns);
}

static bool computes(const struct systrap_thread *t)
{
	return in_guest_for(t, COMPUTES_NS);
}

static void lengthen_turns(void)
{
	static uint64_t next;
	struct systrap_thread *t;
	if (guests_running < waiting_processors() || cycles_now() < next)
		return;
	next = cycles_now() + cycles_from_ns(TURNS_NS);
	TAILQ_FOREACH(t, &running_threads, run_link)
		if (in_guest_for(t, HOG_NS))
			turns_lengthen(t);
}

void systrap_post(struct systrap_thread *t, enum stub_command command)
{
	t->co = co_current();
	t->posts++;
	systrap_expect(t);
	if (command == CMD_RESUME)                /* while none runs guest code, a stub's wait is long */
		waiting_policy();
	struct slot *s = t->slot;
	s->command = command;
	if (__atomic_exchange_n(&s->state, SLOT_COMMAND, __ATOMIC_SEQ_CST) == SLOT_EVENT_ASLEEP) {
		if (!placement_full())               /* else it wakes where it was */
			s->cpu = UINT16_MAX;
		lengthen_turns();
		syscall(SYS_futex, &s->state, FUTEX_WAKE, 1, NULL, NULL, 0);
		pl_stats_.wakeups++;
	}
}

static void stop_running(struct systrap_thread *t)
{
	t->running = false;
	TAILQ_REMOVE(&running_threads, t, run_link);
	running_count--;
	if (t->co)
		co_wake(t->co);
}

void systrap_thread_lost(struct systrap_thread *t)
{
	stop_answering(t);
	if (t->running)
		stop_running(t);
}

/* What a call brings with it will be read one after the other; its lines come all at once, 100 to 200 ns each. */
static void fetch(const struct systrap_thread *t)
{
	const char *regs = (const char *)&t->slot->regs;
	__builtin_prefetch(regs);
	__builtin_prefetch(regs + 64);
	__builtin_prefetch(t->slot->windows);
	__builtin_prefetch((const char *)t->slot + AREA_WINDOWS);
}

static bool has_event(struct systrap_thread *t)
{
	uint32_t state = __atomic_load_n(&t->slot->state, __ATOMIC_ACQUIRE);
	if (state != SLOT_EVENT && state != SLOT_EVENT_ASLEEP)
		return false;
	fetch(t);
	return true;
}

/* Everybody ran who could: who has no answer now waits for something. */
static void park_waiting(void)
{
	struct systrap_thread *t;
	while ((t = TAILQ_FIRST(&answering_threads))) {
		uint32_t seen = SLOT_EVENT;
		stop_answering(t);
		__atomic_compare_exchange_n(&t->slot->state, &seen, SLOT_EVENT_PARKED, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
}

void systrap_will_wait(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	uint32_t seen = SLOT_EVENT;
	if (t->running || pt->as->dead)
		return;
	if (!__atomic_compare_exchange_n(&t->slot->state, &seen, SLOT_EVENT_LONG, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED) &&
	    seen == SLOT_EVENT_PARKED)
		__atomic_compare_exchange_n(&t->slot->state, &seen, SLOT_EVENT_LONG, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void systrap_wake(struct systrap_thread *t)
{
	uint32_t seen = SLOT_EVENT_ASLEEP;
	CHECK(!t->running);
	if (!__atomic_compare_exchange_n(&t->slot->state, &seen, SLOT_EVENT, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	syscall(SYS_futex, &t->slot->state, FUTEX_WAKE, 1, NULL, NULL, 0);
	pl_stats_.wakeups++;
}

static void look_at_yields(struct systrap_thread *t)
{
	uint16_t n = __atomic_load_n(&t->slot->long_yields, __ATOMIC_RELAXED);
	if (n != t->long_yields)
		waiting_contended();
	t->long_yields = n;
}

unsigned systrap_guests_elsewhere(void)
{
	unsigned n = 0;
	struct systrap_thread *t;
	TAILQ_FOREACH(t, &running_threads, run_link) {
		uint16_t cpu = __atomic_load_n(&t->slot->cpu, __ATOMIC_RELAXED);
		n += t->in_guest && cpu != UINT16_MAX && !placement_same(t);
	}
	return n;
}

bool systrap_others_compute(void)
{
	struct systrap_thread *t;
	TAILQ_FOREACH(t, &running_threads, run_link)
		if (!placement_same(t) && computes(t))
			return true;
	return false;
}

/* Does who could have work for us wait for the processor we are on? */
static bool in_the_way(void)
{
	struct systrap_thread *t, *clash = NULL;
	TAILQ_FOREACH(t, &running_threads, run_link)
		if (placement_same(t))
			clash = t;
	return clash && !placement_clash(clash, systrap_others_compute());
}

static bool poll_slots(struct loop_hook *h)
{
	(void)h;
	bool any = false;
	struct systrap_thread *t, *next;
	placement_publish();
	park_waiting();
	lengthen_turns();
	for (t = TAILQ_FIRST(&running_threads); t; t = next) {
		next = TAILQ_NEXT(t, run_link);
		if (!has_event(t))
			continue;
		stop_running(t);
		look_at_yields(t);
		turns_shorten(t);
		t->answering = true;
		TAILQ_INSERT_TAIL(&answering_threads, t, run_link);
		any = true;
	}
	return any;
}

static uint64_t asleep_since;

static bool before_sleep(struct loop_hook *h)
{
	asleep_since = cycles_now();
	__atomic_store_n(&stub_ro->sentry_sleeps, 1, __ATOMIC_SEQ_CST);
	if (!poll_slots(h))
		return true;
	stub_ro->sentry_sleeps = 0;
	return false;
}

static void after_sleep(struct loop_hook *h)
{
	(void)h;
	__atomic_store_n(&stub_ro->sentry_sleeps, 0, __ATOMIC_SEQ_CST);
	waiting_slept(cycles_now() - asleep_since);
}

static bool any_placed(void)
{
	struct systrap_thread *t;
	TAILQ_FOREACH(t, &running_threads, run_link)
		if (__atomic_load_n(&t->slot->cpu, __ATOMIC_RELAXED) != UINT16_MAX)
			return true;
	return false;
}

static uint64_t spin_cycles(struct loop_hook *h, bool again)
{
	(void)h;
	if (running_count == 0 || in_the_way())
		return 0;
	return waiting_spin(guests_running, systrap_thread_count, guests_running == 0 && !any_placed(), again);
}

static void doorbell(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	uint64_t count;
	if (read(lf->fd, &count, sizeof(count)) == sizeof(count))
		pl_stats_.doorbells += count;
}

void systrap_run_init(const struct pl_config *cfg)
{
	static struct loop_hook hook = { .poll = poll_slots, .before_sleep = before_sleep, .after_sleep = after_sleep,
					 .spin = spin_cycles };
	static struct loop_fd bell = { .events = EPOLLIN, .ready = doorbell };
	waiting_init(cfg->ncpus, cfg->load_fd, cfg->host_cpus);
	placement_init();
	loop_set_hook(&hook);
	bell.fd = cfg->doorbell_fd;
	CHECK(loop_fd_add(&bell) == 0);
}

int systrap_wait(struct systrap_thread *t, uint32_t *out_event)
{
	while (t->running)
		co_sleep();
	t->co = NULL;
	if (t->base.as->dead)
		return -ESRCH;
	placement_settled(t);
	*out_event = __atomic_load_n(&t->slot->event, __ATOMIC_RELAXED);
	return 0;
}

static unsigned expected;                 /* events */

bool systrap_busy(void)
{
	return expected > 0;
}

int systrap_expected(struct systrap_thread *t, uint32_t *out_event)
{
	expected++;
	int err = systrap_wait(t, out_event);
	expected--;
	return err;
}

int systrap_command(struct systrap_thread *t, enum stub_command command)
{
	if (systrap_await_return(t) || t->base.as->dead)
		return -ESRCH;
	systrap_post(t, command);
	uint32_t event;
	int err = systrap_expected(t, &event);
	if (err)
		return err;
	if (event == EVENT_DONE)
		return 0;
	/* The guest has had its hands in its own slot. */
	pl_as_kill(t->base.as);
	return -ESRCH;
}

bool systrap_fds_taken(struct systrap_as *as)
{
	int bytes;
	return ioctl(as->control, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

bool systrap_find_frame(struct systrap_thread *t)
{
	uint64_t addr = __atomic_load_n(&t->slot->frame, __ATOMIC_RELAXED);
	uint64_t area = stub_area(t);
	if (addr < area + AREA_SIGSTACK || addr > area + AREA_BYTES - sizeof(struct host_frame) || addr % 8)
		return false;
	t->frame_off = addr - area;
	t->fast = t->xstate_saved = t->xstate_new = false;
	memcpy(&t->frame, thread_area(t) + t->frame_off, sizeof(t->frame));
	return true;
}

int systrap_need_frame(struct systrap_thread *t)
{
	if (systrap_await_return(t))
		return -ESRCH;
	if (!t->fast)
		return 0;
	if (t->base.as->dead)
		return -ESRCH;
	t->slot->load = t->xstate_new ? LOAD_XSTATE : 0;
	systrap_post(t, CMD_FRAME);
	uint32_t event;
	int err = systrap_wait(t, &event);
	if (err)
		return err;
	if (event == EVENT_FRAME && systrap_find_frame(t))
		return 0;
	pl_as_kill(t->base.as);
	return -ESRCH;
}

static void exited(struct systrap_thread *t, struct pl_event *ev)
{
	ev->kind = PL_EXITED;
	ev->exit_status = t->base.as->exit_status;
}

static void take_windows(struct systrap_thread *t)
{
	t->base.nwindows = windows_take(t->base.windows, t->slot->windows,
					(unsigned)__atomic_load_n(&t->slot->nwindows, __ATOMIC_RELAXED), thread_area(t) + AREA_WINDOWS);
}

static void look_for_usage(struct systrap_thread *t)
{
	uint64_t nr = t->base.regs.orig_rax;
	t->usage_came = (nr == SYS_exit_group || nr == SYS_exit) && __atomic_load_n(&t->slot->ret, __ATOMIC_RELAXED) == 0;
}

static void take_posts(struct systrap_thread *t)
{
	struct slot *s = t->slot;
	unsigned n = __atomic_load_n(&s->nposts, __ATOMIC_RELAXED);
	if (!n)
		return;
	t->base.nposts = MIN(n, (unsigned)PL_POSTS);
	memcpy(t->base.posts, s->post.posts, t->base.nposts * sizeof(s->post.posts[0]));
	s->nposts = 0;
}

/* What the frame says happened, as an event. */
static void decode(struct systrap_thread *t, uint32_t event, struct pl_event *ev)
{
	struct user_regs_struct *r = &t->base.regs;
	siginfo_t info;

	if (t->fast) {
		systrap_fast_to_regs(&t->fast_regs, __atomic_load_n(&t->slot->arith, __ATOMIC_RELAXED), r);
		ev->kind = PL_SYSCALL;
		ev->trapped = false;
		take_windows(t);
		look_for_usage(t);
		pl_stats_.syscalls++;
		pl_stats_.fast++;
		return;
	}
	systrap_frame_to_regs(&t->frame, r);
	if (event == EVENT_FRAME)
		r->rip = r->rcx;
	memcpy(&info, t->frame.siginfo, sizeof(info));
	if (event == SIGSYS && info.si_code == 1 /* SYS_SECCOMP */) {
		ev->kind = PL_SYSCALL;
		ev->trapped = true;
		r->orig_rax = info.si_arch == AUDIT_ARCH_X86_64 ? (uint64_t)(uint32_t)info.si_syscall : -1UL;
		r->rax = (uint64_t)-ENOSYS;
		take_windows(t);
		look_for_usage(t);
		pl_stats_.syscalls++;
	} else if (event == SIGSEGV || event == SIGBUS || event == SIGFPE || event == SIGILL || event == SIGTRAP) {
		ev->kind = PL_FAULT;
		ev->fault = info;
		ev->fault.si_signo = (int)event;
		ev->error_code = t->frame.err;
		ev->trapno = t->frame.trapno;
		pl_stats_.faults++;
	} else {
		ev->kind = PL_INTERRUPTED;
		pl_stats_.interrupts++;
	}
}

static void load_bases(struct systrap_thread *t, uint64_t gs_base)
{
	const struct user_regs_struct *r = &t->base.regs;
	struct slot *s = t->slot;
	s->load = (r->fs_base != t->fs_base ? LOAD_FS : 0) | (gs_base != t->gs_base ? LOAD_GS : 0);
	if (r->fs_base != t->fs_base)
		s->fs_base = t->fs_base = r->fs_base;
	if (gs_base != t->gs_base)
		s->gs_base = t->gs_base = gs_base;
}

void systrap_run(struct pl_thread *pt, struct pl_event *ev)
{
	struct systrap_thread *t = to_systrap(pt);
	if (systrap_await_return(t) || pt->as->dead) {
		exited(t, ev);
		return;
	}
	struct slot *s = t->slot;
	uint64_t gs_base = pt->regs.gs_base ? pt->regs.gs_base : stub_area(t);
	bool elsewhere = t->fast && (t->xstate_new || !systrap_same_but_rax(t));
	if ((gs_base != stub_area(t) || (elsewhere && pt->regs.rip >= PL_GUEST_END)) && systrap_need_frame(t)) {
		exited(t, ev);
		return;
	}
	load_bases(t, gs_base);
	if (!t->fast)
		systrap_regs_to_frame(&pt->regs, (void *)(thread_area(t) + t->frame_off));
	else if (elsewhere)
		systrap_regs_to_slot(t);
	s->result = pt->regs.rax;
	if (s->first_brk != pt->first_brk)
		s->first_brk = pt->first_brk;
	pt->first_brk = 0;
	s->nwindows = windows_give(s->windows, pt->windows, pt->nwindows);
	pt->nwindows = 0;
	systrap_put_deferred(t);
	if (pt->as->dead) {               /* it did not take the descriptors: nobody would tell again that it is gone */
		exited(t, ev);
		return;
	}

	t->in_guest = true;
	t->resumed = cycles_now();
	guests_running++;
	systrap_post(t, CMD_RESUME);
	uint32_t event;
	int err = systrap_wait(t, &event);
	guests_running--;
	t->in_guest = false;
	t->run_cycles += cycles_now() - t->resumed;
	if (!err && t->owes_fds && !systrap_fds_taken(to_systrap_as(pt->as))) {
		pl_as_kill(pt->as);
		err = -ESRCH;
	}
	t->owes_fds = false;
	if (!err && pt->deferred.n && event == EVENT_DEFERRED) {
		ev->kind = PL_DEFERRED;
		ev->result = systrap_deferred_result(t);
		pt->deferred.n = 0;
		t->fs_base = t->gs_base = -1UL;   /* not loaded, for all we know */
		return;
	}
	pt->deferred.n = 0;
	t->usage_came = t->fast = t->xstate_saved = t->xstate_new = false;
	if (!err && event == EVENT_FAST) {
		t->fast = true;
		memcpy(&t->fast_regs, &s->regs, sizeof(t->fast_regs));
	} else if (!err && !systrap_find_frame(t)) {
		pl_as_kill(pt->as);
		err = -ESRCH;
	}
	if (err)
		exited(t, ev);
	else
		decode(t, event, ev);
	if (!err)
		take_posts(t);
}

void systrap_interrupt(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	if (!t->running || !t->in_guest || pt->as->dead)
		return;
	/* The tid is the guest's word; the kernel makes sure that it is a thread of that process. */
	int tid = (int)__atomic_load_n(&t->slot->tid, __ATOMIC_RELAXED);
	syscall(SYS_tgkill, pt->as->pid, tid > 0 ? tid : pt->as->pid, STUB_SIG_INTERRUPT);
}

/* --- threads that are to end --- */

#define EXPIRY_TURN_NS NS_PER_SEC
#define EXPIRY_TURNS 3                    /* several, so that a sandbox that was frozen gets time to answer */

static void expiry_fires(struct ktimer *kt)
{
	struct systrap_thread *t = container_of(kt, struct systrap_thread, expiry);
	bool stuck = (t->running || t->forking) && t->posts == t->expiry_posts;
	t->expiry_turns = stuck ? t->expiry_turns + 1 : 0;
	if (t->expiry_turns == EXPIRY_TURNS) {
		pl_as_kill(t->base.as);
		return;
	}
	t->expiry_posts = t->posts;
	systrap_interrupt(&t->base);
	ktimer_arm(kt, now_mono_ns() + EXPIRY_TURN_NS);
}

void systrap_thread_expire(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	if (pt->as->dead || t->expiry.armed)
		return;
	t->expiry.fire = expiry_fires;
	t->expiry_posts = t->posts;
	t->expiry_turns = 0;
	ktimer_arm(&t->expiry, now_mono_ns() + EXPIRY_TURN_NS);
	if (t->borrower && t->co)         /* it waits for what it has lent */
		co_wake(t->co);
}

uint64_t systrap_thread_run_ns(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	return cycles_to_ns(t->run_cycles + (t->in_guest ? cycles_now() - t->resumed : 0));
}
