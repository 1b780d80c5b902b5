/* sys_sched.c - scheduling: policies, affinity (sched(7)).
 *
 * HOW      What a task asks for is kept and reported; host threads are scheduled by the host's own choice.
 * LINUX    kernel/sched/syscalls.c. Same checks and permissions.
 * MISSING  Effect on the host; admission control of SCHED_DEADLINE (EBUSY). */
#include <linux/capability.h>
#include <sched.h>
#include <string.h>

#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/table.h"

/* struct sched_attr (linux/sched/types.h, which cannot be included beside <sched.h>). */
struct ksched_attr {
	uint32_t size, sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint32_t sched_util_min, sched_util_max;
};
#define SCHED_ATTR_SIZE_VER0 48
#define RESET_ON_FORK 0x40000000
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
enum { FLAG_RESET_ON_FORK = 1, FLAG_KEEP_POLICY = 8, FLAG_KEEP_PARAMS = 16, FLAGS_KNOWN = 0x7f };

static struct task *find(struct task *t, int pid)
{
	return pid ? task_find_for(t, pid) : t;
}

static bool may_change(const struct task *t, const struct task *p)
{
	return t->cred->euid == p->cred->euid || t->cred->euid == p->cred->uid ||
	       cred_ns_cap(t->cred, p->cred->user_ns, CAP_SYS_NICE);
}

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

long sys_sched_yield(struct task *t)
{
	(void)t;
	co_yield();
	return 0;
}

/* policy < 0: as it is, and so is reset_on_fork. */
static long set_policy(struct task *t, struct task *p, int policy, int priority, const int *nice)
{
	bool reset = policy < 0 ? p->sched.reset_on_fork : policy & RESET_ON_FORK;
	policy = policy < 0 ? p->sched.policy : policy & ~RESET_ON_FORK;
	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE && !is_rt(policy))
		return -EINVAL;
	if (priority < 0 || priority > 99 || is_rt(policy) != (priority > 0))
		return -EINVAL;
	if (!may_change(t, p))
		return -EPERM;
	if (is_rt(policy) && !cred_has_cap(t->cred, CAP_SYS_NICE)) {
		uint64_t limit = p->tg->rlimits[RLIMIT_RTPRIO].rlim_cur;
		bool raises = priority > p->sched.priority || policy != p->sched.policy;
		if ((policy != p->sched.policy && !limit) || (raises && (uint64_t)priority > limit))
			return -EPERM;
	}
	if (p->sched.reset_on_fork && !reset && !cred_has_cap(t->cred, CAP_SYS_NICE))
		return -EPERM;
	if (nice && *nice < p->sched.nice && !cred_has_cap(t->cred, CAP_SYS_NICE) &&
	    (uint64_t)(20 - *nice) > p->tg->rlimits[RLIMIT_NICE].rlim_cur)
		return -EPERM;
	p->sched.policy = policy;
	p->sched.priority = priority;
	p->sched.reset_on_fork = reset;
	if (nice)
		p->sched.nice = *nice;
	return 0;
}

static long set_scheduler(struct task *t, int pid, int policy, uptr_t param)
{
	struct sched_param sp;
	if (uptr_null(param) || pid < 0)
		return -EINVAL;
	if (get_user(t, &sp, param))
		return -EFAULT;
	struct task *p = find(t, pid);
	return p ? set_policy(t, p, policy, sp.sched_priority, NULL) : -ESRCH;
}

long sys_sched_setscheduler(struct task *t, int pid, int policy, uptr_t param)
{
	return policy < 0 ? -EINVAL : set_scheduler(t, pid, policy, param);
}

long sys_sched_setparam(struct task *t, int pid, uptr_t param)
{
	return set_scheduler(t, pid, -1, param);
}

long sys_sched_getscheduler(struct task *t, int pid)
{
	struct task *p = pid < 0 ? NULL : find(t, pid);
	return pid < 0 ? -EINVAL : p ? p->sched.policy | (p->sched.reset_on_fork ? RESET_ON_FORK : 0) : -ESRCH;
}

long sys_sched_getparam(struct task *t, int pid, uptr_t param)
{
	if (uptr_null(param) || pid < 0)
		return -EINVAL;
	struct task *p = find(t, pid);
	if (!p)
		return -ESRCH;
	struct sched_param sp = { .sched_priority = p->sched.priority };
	return put_user(t, param, &sp);
}

static long priority_limit(int policy, int rt)
{
	if (is_rt(policy))
		return rt;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_max(struct task *t, int policy)
{
	(void)t;
	return priority_limit(policy, 99);
}

long sys_sched_get_priority_min(struct task *t, int policy)
{
	(void)t;
	return priority_limit(policy, 1);
}

long sys_sched_rr_get_interval(struct task *t, int pid, uptr_t tp)
{
	if (pid < 0)
		return -EINVAL;
	struct task *p = find(t, pid);
	if (!p)
		return -ESRCH;
	int policy = p->sched.policy;
	struct { int64_t sec, nsec; } ts = { 0, policy == SCHED_RR ? 100000000 : policy == SCHED_FIFO ? 0 : 3000000 };
	return put_user(t, tp, &ts);
}

/* Linux's __checkparam_dl(). */
static long set_deadline(struct task *t, struct task *p, const struct ksched_attr *a)
{
	const uint64_t shortest = 100000, longest = 4194304000ULL;    /* of a period, in ns */
	uint64_t period = a->sched_period ? a->sched_period : a->sched_deadline;
	if (a->sched_priority || !a->sched_deadline || a->sched_runtime < 1024)
		return -EINVAL;
	if ((a->sched_deadline | a->sched_period) >> 63 || period < a->sched_deadline || a->sched_deadline < a->sched_runtime)
		return -EINVAL;
	if (period < shortest || period > longest)
		return -EINVAL;
	if (!cred_has_cap(t->cred, CAP_SYS_NICE))
		return -EPERM;
	p->sched.policy = SCHED_DEADLINE;
	p->sched.priority = 0;
	p->sched.reset_on_fork = a->sched_flags & FLAG_RESET_ON_FORK;
	p->sched.runtime_ns = a->sched_runtime;
	p->sched.deadline_ns = a->sched_deadline;
	p->sched.period_ns = period;
	return 0;
}

long sys_sched_setattr(struct task *t, int pid, uptr_t attr, unsigned flags)
{
	struct ksched_attr a;
	uint32_t size;
	if (uptr_null(attr) || pid < 0 || flags)
		return -EINVAL;
	if (get_user(t, &size, attr))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -E2BIG;
	int err = copy_struct_from_user(t, &a, sizeof(a), attr, size, SCHED_ATTR_SIZE_VER0);
	if (err)
		return err;
	if ((int)a.sched_policy < 0 || a.sched_flags & ~(uint64_t)FLAGS_KNOWN)
		return -EINVAL;
	struct task *p = find(t, pid);
	if (!p)
		return -ESRCH;
	int nice = a.sched_nice < -20 ? -20 : a.sched_nice > 19 ? 19 : a.sched_nice;
	int policy = a.sched_flags & FLAG_KEEP_POLICY ? -1 : (int)a.sched_policy;
	if (policy == SCHED_DEADLINE && !(a.sched_flags & FLAG_KEEP_PARAMS))
		return set_deadline(t, p, &a);
	if (policy >= 0 && (a.sched_flags & FLAG_RESET_ON_FORK))
		policy |= RESET_ON_FORK;
	if (a.sched_flags & FLAG_KEEP_PARAMS)
		return set_policy(t, p, policy, p->sched.priority, NULL);
	int effective = policy < 0 ? p->sched.policy : policy & ~RESET_ON_FORK;
	bool fair = effective == SCHED_OTHER || effective == SCHED_BATCH;
	return set_policy(t, p, policy, a.sched_priority, fair ? &nice : NULL);
}

long sys_sched_getattr(struct task *t, int pid, uptr_t attr, unsigned size, unsigned flags)
{
	if (uptr_null(attr) || pid < 0 || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags)
		return -EINVAL;
	struct task *p = find(t, pid);
	if (!p)
		return -ESRCH;
	struct ksched_attr a = {
		.size = MIN(size, (unsigned)sizeof(a)),
		.sched_policy = p->sched.policy,
		.sched_priority = p->sched.priority,
		.sched_nice = is_rt(p->sched.policy) ? 0 : p->sched.nice,
		.sched_flags = p->sched.reset_on_fork ? FLAG_RESET_ON_FORK : 0,
	};
	if (p->sched.policy == SCHED_DEADLINE) {
		a.sched_nice = 0;
		a.sched_runtime = p->sched.runtime_ns;
		a.sched_deadline = p->sched.deadline_ns;
		a.sched_period = p->sched.period_ns;
	}
	return copy_to_user(t, attr, &a, a.size);
}

/* Bytes of the kernel's CPU sets, as sched_getaffinity(2) returns them. */
static size_t cpu_set_bytes(void)
{
	return ALIGN_UP((size_t)machine_cpus(), 64) / 8;
}

static void possible_cpus(uint64_t mask[16])
{
	memset(mask, 0, 16 * sizeof(uint64_t));
	for (int i = 0; i < machine_cpus(); i++)
		mask[i / 64] |= 1ULL << i % 64;
}

long sys_sched_setaffinity(struct task *t, int pid, uint64_t cpusetsize, uptr_t mask)
{
	uint64_t want[16] = { 0 }, possible[16], any = 0;
	int err = copy_from_user(t, want, mask, MIN(cpusetsize, (uint64_t)cpu_set_bytes()));
	if (err)
		return err;
	struct task *p = pid < 0 ? NULL : find(t, pid);
	if (!p)
		return -ESRCH;
	if (!may_change(t, p))
		return -EPERM;
	possible_cpus(possible);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		any |= want[i] &= possible[i];
	if (!any)
		return -EINVAL;
	memcpy(p->cpu_mask, want, sizeof(want));
	p->pinned = p->pin_stale = true;          /* its host thread's own call, before guest code goes on */
	if (p != t)
		task_kick(p);
	return 0;
}

long sys_sched_getaffinity(struct task *t, int pid, uint64_t cpusetsize, uptr_t mask)
{
	uint64_t out[16];
	if (cpusetsize > UINT32_MAX / 8 || cpusetsize * 8 < (uint64_t)machine_cpus() || cpusetsize % 8)
		return -EINVAL;
	struct task *p = pid < 0 ? NULL : find(t, pid);
	if (!p)
		return -ESRCH;
	possible_cpus(out);
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		out[i] &= p->cpu_mask[i];
	size_t bytes = MIN(cpusetsize, (uint64_t)cpu_set_bytes());
	int err = copy_to_user(t, mask, out, bytes);
	return err ? err : (long)bytes;
}
