/* platform.c - choosing a platform by name; what all platforms have in common. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "platform/base/live.h"
#include "platform/base/wait.h"
#include "platform/impl.h"

static const struct platform_ops *const platforms[] = { &platform_systrap, &platform_ptrace };
static const struct platform_ops no_ops;  /* before pl_prepare() or pl_init(): tests and benchmarks of the sentry alone */
static const struct platform_ops *ops = &no_ops;
struct pl_stats pl_stats_;
static cpu_set_t may_use;

const char *pl_default(const char **why_not)
{
	*why_not = NULL;
	return platforms[0]->name;
}

static int choose(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (strcmp(platforms[i]->name, name) == 0) {
			ops = platforms[i];
			return 0;
		}
	return -EINVAL;
}

int pl_prepare(const char *platform, struct pl_launch *out)
{
	int err = choose(platform);
	if (err)
		return err;
	*out = (struct pl_launch){ .cfg.name = ops->name };
	return ops->prepare(out);
}

void pl_template_main(struct pl_launch *l)
{
	ops->template_main(l);
	__builtin_unreachable();
}

int pl_init(const struct pl_config *cfg)
{
	int err = choose(cfg->name);
	if (!err && sched_getaffinity(0, sizeof(may_use), &may_use) < 0)
		CPU_ZERO(&may_use);
	return err ? err : ops->init(cfg);
}

const struct pl_stats *pl_stats(void)
{
	return &pl_stats_;
}

/* --- address spaces --- */

static struct sleep_lock spare_lock = { .q = WAITQ_INIT(spare_lock.q) };
static struct pl_thread *spare;           /* NULL: none */

void stub_counts(bool counts)
{
	live_objects[LIVE_STUB] += counts ? 1 : -1;
	live_objects[LIVE_HOST_THREAD] += counts ? 1 : -1;
}

#define QUIET_NS 30000
#define QUIET_TURNS 20

static void make_spare(void *unused)
{
	(void)unused;
	sleep_lock_acquire(&spare_lock);
	/* If it fails, so will the one who needs it, and say why. */
	if (!spare && ops->as_new(&spare) == 0)
		stub_counts(false);
	sleep_lock_release(&spare_lock);
}

/* --- what can wait until guests are busy with themselves --- */

/* A program that was just started has something to ask for, and so has its parent; both would wait where there are few
 * processors. So it is done when nobody has asked for anything for a while, or for too long somebody always has. */
static struct {
	struct ktimer timer;
	uint64_t calls;                   /* so many there were when it was set */
	unsigned turns;
	bool want_spare;
} quiet;

static void quiet_set(void)
{
	quiet.calls = pl_stats_.syscalls;
	ktimer_arm(&quiet.timer, now_mono_ns() + QUIET_NS);
}

static void quiet_fires(struct ktimer *kt)
{
	(void)kt;
	bool busy = pl_stats_.syscalls != quiet.calls || (ops->busy && ops->busy());
	if (busy && ++quiet.turns < QUIET_TURNS) {
		quiet_set();
		return;
	}
	if (ops->quiet)
		ops->quiet(busy);
	if (quiet.want_spare)
		co_spawn(make_spare, NULL);
	quiet.want_spare = false;
}

void pl_quiet_soon(void)
{
	if (quiet.timer.armed)
		return;
	quiet.timer.fire = quiet_fires;
	quiet.turns = 0;
	quiet_set();
}

void pl_as_prepare(void)
{
	quiet.want_spare = true;
	pl_quiet_soon();
}

int pl_as_new(struct pl_thread **out)
{
	sleep_lock_acquire(&spare_lock);
	struct pl_thread *t = TAKE(spare);
	if (t)
		stub_counts(true);
	sleep_lock_release(&spare_lock);
	int err = 0;
	if (!t || t->as->dead) {
		pl_thread_exit(t);
		err = ops->as_new(&t);
	}
	if (err)
		return err;
	if (ops->as_taken)
		ops->as_taken(t);
	*out = t;
	return 0;
}

int pl_as_fork(struct pl_thread *t, struct pl_thread **out)
{
	int err = ops->as_fork(t, out);
	if (!err)                                 /* where it may run is inherited */
		(*out)->as->pinned = t->as->pinned;
	return err;
}

/* From now on another clock says what t used: it goes on from where the first one is. */
static void change_clock(struct pl_thread *t)
{
	if (!t->as->cloned)
		t->cpu_before = (int64_t)(pl_as_cpu_ns(t->as) - ops->thread_run_ns(t));
}

int pl_thread_clone(struct pl_thread *t, struct pl_thread **out)
{
	change_clock(t);
	return ops->thread_clone(t, out);
}

int pl_thread_lend(struct pl_thread *t, struct pl_thread **out)
{
	change_clock(t);
	return (ops->thread_lend ? ops->thread_lend : ops->thread_clone)(t, out);
}

void pl_thread_exit(struct pl_thread *t)
{
	if (!t)
		return;
	if (ops->answered)
		pl_stats_.answered += ops->answered(t);
	ops->thread_exit(t);
}

struct pl_as *pl_as_none(void)
{
	static struct pl_as none = { .refs = 1, .dead = true };
	return pl_as_get(&none);
}

bool pl_is_plain(const struct pl_thread *t)
{
	return !t->as->cloned && !t->as->pinned;
}

struct pl_as *pl_as_get(struct pl_as *as)
{
	as->refs++;
	return as;
}

void pl_as_put(struct pl_as *as)
{
	if (!as || --as->refs > 0)
		return;
	pl_as_kill(as);
	pl_as_forget(as);
	ops->as_free(as);
}

int pl_as_pid(const struct pl_as *as)
{
	return as->pid;
}

void pl_as_lost(struct pl_as *as, int status)
{
	if (as->dead)
		return;
	as->dead = true;
	as->exit_status = status;
	ops->as_lost(as);
}

void pl_as_kill(struct pl_as *as)
{
	if (as->dead)
		return;
	if (as->pid)
		kill(as->pid, SIGKILL);
	pl_as_lost(as, SIGKILL);
}

/* --- running --- */

void pl_run(struct pl_thread *t, struct pl_event *out)
{
	ops->run(t, out);
}

void pl_interrupt(struct pl_thread *t)
{
	ops->interrupt(t);
}

void pl_will_wait(struct pl_thread *t)
{
	if (ops->will_wait)
		ops->will_wait(t);
}

void pl_thread_expire(struct pl_thread *t)
{
	if (ops->thread_expire)
		ops->thread_expire(t);
}

bool pl_can_defer(void)
{
	return ops->can_defer;
}

int pl_calls(struct pl_thread *t, struct pl_call *v, int n)
{
	if (t->deferred.n) {
		struct pl_deferred first = t->deferred;
		t->deferred.n = 0;
		int err = ops->calls(t, first.calls, first.n);
		if (err)
			return err;
		/* Whoever deferred them believes that they were made. */
		for (int i = 0; i < first.n; i++)
			if (first.calls[i].ret != t->deferred.calls[i].ret)
				pl_as_kill(t->as);
	}
	return ops->calls(t, v, n);
}

static int store(struct pl_as *as, const struct pl_bytes *b)
{
	static const char zeroes[4096];
	for (size_t done = 0, n; done < b->bytes; done += n) {
		n = b->from ? b->bytes : MIN(b->bytes - done, sizeof(zeroes));
		ssize_t put = pl_write(as, b->addr + done, b->from ? b->from : zeroes, n);
		if (put != (ssize_t)n)
			return put == -ESRCH ? -ESRCH : -EFAULT;
	}
	return 0;
}

int pl_calls_store(struct pl_thread *t, struct pl_call *v, int n, const struct pl_bytes *b, int nb)
{
	int err = nb && !t->deferred.n && ops->calls_store ? ops->calls_store(t, v, n, b, nb) : -E2BIG;
	if (err != -E2BIG)
		return err;
	err = n ? pl_calls(t, v, n) : 0;
	for (int i = 0; i < nb && !err; i++)
		err = store(t->as, &b[i]);
	return err;
}

#define USAGE_MAX (1L << 48)              /* so that sums don't overflow */
static long sane(long n)
{
	return n < 0 || n > USAGE_MAX ? 0 : n;
}

void pl_usage(struct pl_thread *t, bool thread_only, struct rusage *out)
{
	struct rusage ru = { 0 };
	struct pl_call c = PL_CALL(SYS_getrusage, thread_only ? RUSAGE_THREAD : RUSAGE_SELF);
	bool came = !thread_only && ops->usage && ops->usage(t, &ru);
	if (!came && (ops->call_with(t, &c, 1, NULL, &ru, sizeof(ru)) < 0 || c.ret))
		ru = (struct rusage){ 0 };
	*out = (struct rusage){
		.ru_maxrss = sane(ru.ru_maxrss), .ru_minflt = sane(ru.ru_minflt), .ru_majflt = sane(ru.ru_majflt),
		.ru_inblock = sane(ru.ru_inblock), .ru_oublock = sane(ru.ru_oublock),
	};
}

void pl_pin(struct pl_thread *t, const uint64_t *mask, unsigned ncpus)
{
	cpu_set_t set = may_use;
	bool all = true;
	unsigned n = 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && n < ncpus; cpu++) {
		if (!CPU_ISSET(cpu, &may_use))
			continue;
		if (!(mask[n / 64] >> n % 64 & 1)) {
			CPU_CLR(cpu, &set);
			all = false;
		}
		n++;
	}
	/* With --cpus the guest has fewer than there are: those it doesn't know are for who may use all that it does. */
	for (unsigned cpu = 0, seen = 0; cpu < CPU_SETSIZE && !all; cpu++)
		if (CPU_ISSET(cpu, &may_use) && seen++ >= ncpus)
			CPU_CLR(cpu, &set);
	struct pl_call c = PL_CALL(SYS_sched_setaffinity, 0, sizeof(set));
	t->as->pinned = true;
	t->moved = false;
	if (CPU_COUNT(&set) > 0 && ops->call_with(t, &c, 2, &set, NULL, sizeof(set)) == 0 && c.ret < 0)
		debugf("sbx: sched_setaffinity in a stub: %s\n", strerror((int)-c.ret));
}

int pl_cmpxchg32(struct pl_thread *t, uint64_t addr, uint32_t *old, uint32_t val)
{
	return addr % 4 || addr >= PL_GUEST_END ? -EFAULT : ops->cmpxchg32(t, addr, old, val);
}

uint64_t pl_fast_entry(void)
{
	return ops->fast_entry ? ops->fast_entry() : 0;
}

void pl_answer(struct pl_thread *t, unsigned nr, int64_t value)
{
	if (ops->answer)
		ops->answer(t, nr, value);
}

bool pl_sigmask_lend(struct pl_thread *t, uint64_t mask, uint64_t ask)
{
	if (ops->sigmask_lend)
		ops->sigmask_lend(t, mask, ask);
	return ops->sigmask_lend;
}

uint64_t pl_sigmask(const struct pl_thread *t)
{
	return ops->sigmask_now(t);
}

void pl_sigmask_ask(struct pl_thread *t, uint64_t signals)
{
	ops->sigmask_ask(t, signals);
}

void pl_sigmask_keep(struct pl_thread *t)
{
	if (ops->sigmask_keep)
		ops->sigmask_keep(t);
}

void pl_post_set(struct pl_thread *t, int epfd)
{
	if (ops->post_set)
		ops->post_set(t, epfd);
}

void pl_post_fd(struct pl_thread *t, int fd, bool in)
{
	if (ops->post_fd)
		ops->post_fd(t, fd, in);
}

void pl_empty_fd(struct pl_thread *t, int fd, bool empty)
{
	if (ops->empty_fd)
		ops->empty_fd(t, fd, empty);
}

/* --- extended state --- */

size_t pl_fpstate_bytes(void)
{
	static size_t bytes;
	if (bytes)
		return bytes;
	/* CPUID 0xd: bytes of the XSAVE area for what XCR0 enables; then the kernel's second magic word. */
	uint32_t eax = 0xd, ebx, ecx = 0, edx;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	bytes = (size_t)ebx + 4;
	return bytes;
}

size_t pl_fpstate_get(struct pl_thread *t, void *buf)
{
	return ops->fpstate_get(t, buf);
}

void pl_fpstate_set(struct pl_thread *t, const void *buf, size_t bytes)
{
	ops->fpstate_set(t, buf, bytes);
}

void pl_fpstate_reset(struct pl_thread *t)
{
	ops->fpstate_reset(t);
}

/* --- memory and time --- */

ssize_t pl_read(struct pl_as *as, uint64_t addr, void *buf, size_t bytes)
{
	struct iovec local = { buf, bytes }, remote = { (void *)addr, bytes };
	if (as->dead)
		return -ESRCH;
	pl_stats_.reads++;
	ssize_t n = process_vm_readv(as->pid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

ssize_t pl_write(struct pl_as *as, uint64_t addr, const void *buf, size_t bytes)
{
	struct iovec local = { (void *)buf, bytes }, remote = { (void *)addr, bytes };
	if (as->dead)
		return -ESRCH;
	pl_stats_.writes++;
	ssize_t n = process_vm_writev(as->pid, &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

uint64_t pl_as_cpu_ns(struct pl_as *as)
{
	/* A process's CPU clock, as clock_getcpuclockid(3) makes them: any process may read it. */
	clockid_t id = (clockid_t)(~(unsigned)as->pid << 3 | 2);
	struct timespec ts;
	if (!as->pid || as->dead || clock_gettime(id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t pl_thread_cpu_ns(struct pl_thread *t)
{
	/* A thread's clock is its own process's to read: with several threads, the time it was away running has to do. */
	return t->as->cloned ? ops->thread_run_ns(t) + (uint64_t)t->cpu_before : pl_as_cpu_ns(t->as);
}
