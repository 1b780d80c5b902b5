/* itimer.c - a process's three interval timers (setitimer(2)), and RLIMIT_CPU.
 *
 * HOW      ITIMER_REAL is a plain timer. ITIMER_VIRTUAL and ITIMER_PROF run on the CPU time of the process, which is looked
 *          at when they may be up (clock.c).
 * LINUX    kernel/time/itimer.c. Same: SIGALRM comes from the kernel (SI_KERNEL); fork inherits nothing, exec keeps all.
 *          Over the soft RLIMIT_CPU, SIGXCPU comes every second, over the hard one SIGKILL.
 * MISSING  ITIMER_VIRTUAL counts system time too: the host does not tell them apart. */
#include <sys/time.h>

#include "sentry/kernel/timers.h"

struct cpu_limits {
	struct thread_group *tg;
	struct clock_timer virt, prof, rlimit;
};

/* More often than this, nobody's signal handler gets through. */
#define ITIMER_MIN_NS 20000ULL

static void real_fire(struct ktimer *kt)
{
	struct itimer *it = container_of(kt, struct itimer, timer);
	signal_send_group(it->tg, SIGALRM, NULL);
	if (!it->interval_ns)
		return;
	uint64_t now = now_mono_ns(), next = kt->deadline_ns + it->interval_ns;
	if (next <= now)
		next += (now - next) / it->interval_ns * it->interval_ns + it->interval_ns;
	ktimer_arm(kt, next);
}

static void virt_expired(struct clock_timer *ct)
{
	signal_send_group(container_of(ct, struct cpu_limits, virt)->tg, SIGVTALRM, NULL);
	clock_timer_forward(ct);
}

static void prof_expired(struct clock_timer *ct)
{
	signal_send_group(container_of(ct, struct cpu_limits, prof)->tg, SIGPROF, NULL);
	clock_timer_forward(ct);
}

static void rlimit_expired(struct clock_timer *ct)
{
	struct thread_group *tg = container_of(ct, struct cpu_limits, rlimit)->tg;
	struct rlimit *rl = &tg->rlimits[RLIMIT_CPU];
	uint64_t used_s = clock_now_ns(&ct->clock) / NS_PER_SEC;
	if (used_s >= rl->rlim_max) {
		signal_send_group(tg, SIGKILL, NULL);
		return;
	}
	signal_send_group(tg, SIGXCPU, NULL);
	rl->rlim_cur = used_s + 1;
	rlimit_cpu_changed(tg);
}

static struct cpu_limits *limits_of(struct thread_group *tg)
{
	if (!tg->cpu) {
		const struct clock c = { .host = -1, .tg = tg };
		tg->cpu = NEW(struct cpu_limits);
		tg->cpu->tg = tg;
		clock_timer_init(&tg->cpu->virt, &c, virt_expired);
		clock_timer_init(&tg->cpu->prof, &c, prof_expired);
		clock_timer_init(&tg->cpu->rlimit, &c, rlimit_expired);
	}
	return tg->cpu;
}

/* A process that is ending has given its timers up and gets no new ones. One that is being made has no threads yet. */
static bool is_ending(const struct thread_group *tg)
{
	const struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		if (t->live && !t->exiting)
			return false;
	return tg->zombie || !TAILQ_EMPTY(&tg->threads);
}

void rlimit_cpu_changed(struct thread_group *tg)
{
	if (is_ending(tg))
		return;
	uint64_t seconds = tg->rlimits[RLIMIT_CPU].rlim_cur, ns;
	if (!tg->cpu && seconds == RLIM_INFINITY)
		return;
	/* No time at all is taken for a second, as in Linux. */
	if (__builtin_mul_overflow(MAX(seconds, (uint64_t)1), NS_PER_SEC, &ns) || ns > INT64_MAX)
		ns = 0;
	clock_timer_set(&limits_of(tg)->rlimit, ns, 0, true);
}

void itimer_get(struct thread_group *tg, int which, struct timer_spec *out)
{
	if (which == ITIMER_REAL) {
		const struct itimer *it = &tg->itimer_real;
		uint64_t now = now_mono_ns();
		out->interval_ns = it->interval_ns;
		out->value_ns = 0;
		if (it->timer.armed)
			out->value_ns = it->timer.deadline_ns > now ? it->timer.deadline_ns - now : 1000;
		return;
	}
	struct cpu_limits *l = limits_of(tg);
	struct clock_timer *ct = which == ITIMER_VIRTUAL ? &l->virt : &l->prof;
	out->interval_ns = ct->interval_ns;
	out->value_ns = clock_timer_left(ct);
}

void itimer_set(struct thread_group *tg, int which, const struct timer_spec *spec)
{
	if (which != ITIMER_REAL) {
		struct cpu_limits *l = limits_of(tg);
		clock_timer_set(which == ITIMER_VIRTUAL ? &l->virt : &l->prof, spec->value_ns, spec->interval_ns, false);
		return;
	}
	struct itimer *it = &tg->itimer_real;
	ktimer_cancel(&it->timer);
	it->timer.fire = real_fire;
	it->tg = tg;
	it->interval_ns = spec->interval_ns ? MAX(spec->interval_ns, ITIMER_MIN_NS) : 0;
	if (spec->value_ns)
		ktimer_arm(&it->timer, now_mono_ns() + spec->value_ns);
}

void timers_exit(struct thread_group *tg)
{
	timers_exec(tg);
	ktimer_cancel(&tg->itimer_real.timer);
	if (tg->cpu) {
		clock_timer_cancel(&tg->cpu->virt);
		clock_timer_cancel(&tg->cpu->prof);
		clock_timer_cancel(&tg->cpu->rlimit);
		free(tg->cpu);
		tg->cpu = NULL;
	}
}
