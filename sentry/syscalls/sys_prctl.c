/* sys_prctl.c - prctl(2): odds and ends of a thread, a process, its credentials, its memory.
 *
 * LINUX   kernel/sys.c, security/commoncap.c: cap_task_prctl(). Options that aren't here: EINVAL, as with a kernel that
 *         lacks the feature.
 * MISSING PR_SET_MM, PR_SCHED_CORE, PR_SET_MDWE, PR_SET_TAGGED_ADDR_CTRL, speculation control. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>

#include "sentry/syscalls/table.h"

#define VMA_NAME_MAX 80                  /* with the NUL */
#define OPT_GET_AUXV 0x41555856
#define KEPT_BITS ((unsigned)(SECURE_ALL_BITS | SECURE_ALL_LOCKS))

static long put_int(struct task *t, uint64_t addr, int value)
{
	return put_user(t, UPTR(addr), &value);
}

static long set_name(struct task *t, uint64_t addr)
{
	char name[TASK_COMM_LEN] = { 0 };
	/* Longer names are cut, not refused. */
	ssize_t len = strncpy_from_user(t, name, UPTR(addr), sizeof(name) - 1);
	if (len < 0 && len != -ENAMETOOLONG)
		return len;
	if (len >= 0)
		memset(name + len, 0, sizeof(name) - (size_t)len);
	name[sizeof(name) - 1] = '\0';
	memcpy(t->comm, name, sizeof(name));
	return 0;
}

static long set_vma_name(struct task *t, uint64_t what, uint64_t addr, uint64_t len, uint64_t name_addr)
{
	if (what != PR_SET_VMA_ANON_NAME)
		return -EINVAL;
	if (!name_addr)
		return mm_set_vma_name(t, addr, len, NULL);
	char name[VMA_NAME_MAX];
	ssize_t n = strncpy_from_user(t, name, UPTR(name_addr), sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	for (const char *p = name; *p; p++)
		if (*p < 0x20 || *p > 0x7e || strchr("\\`$[]", *p))
			return -EINVAL;
	return mm_set_vma_name(t, addr, len, name);
}

static long set_securebits(struct task *t, uint64_t arg)
{
	const struct cred *c = t->cred;
	unsigned bits = (unsigned)arg, old = c->securebits;
	if ((old & SECURE_ALL_LOCKS) >> 1 & (old ^ bits))
		return -EPERM;                  /* a locked bit */
	if (old & SECURE_ALL_LOCKS & ~bits)
		return -EPERM;                  /* a lock */
	if (arg & ~(uint64_t)KEPT_BITS)
		return -EPERM;
	if (!cred_has_own_cap(c, CAP_SETPCAP))
		return -EPERM;
	struct cred *new = cred_copy(c);
	new->securebits = bits;
	cred_install(t, new);
	return 0;
}

static long set_keepcaps(struct task *t, uint64_t on)
{
	if (on > 1)
		return -EINVAL;
	if (t->cred->securebits & issecure_mask(SECURE_KEEP_CAPS_LOCKED))
		return -EPERM;
	struct cred *new = cred_copy(t->cred);
	new->securebits &= ~(unsigned)issecure_mask(SECURE_KEEP_CAPS);
	if (on)
		new->securebits |= issecure_mask(SECURE_KEEP_CAPS);
	cred_install(t, new);
	return 0;
}

static long drop_bounding(struct task *t, uint64_t cap)
{
	if (!cred_has_own_cap(t->cred, CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	struct cred *new = cred_copy(t->cred);
	new->cap_bset &= ~(1ULL << cap);
	cred_install(t, new);
	return 0;
}

static long ambient(struct task *t, uint64_t op, uint64_t cap, uint64_t arg4, uint64_t arg5)
{
	const struct cred *c = t->cred;
	if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (cap || arg4 || arg5)
			return -EINVAL;
		struct cred *cleared = cred_copy(c);
		cleared->cap_ambient = 0;
		cred_install(t, cleared);
		return 0;
	}
	if (cap > CAP_LAST_CAP || arg4 || arg5)
		return -EINVAL;
	uint64_t bit = 1ULL << cap;
	if (op == PR_CAP_AMBIENT_IS_SET)
		return !!(c->cap_ambient & bit);
	if (op != PR_CAP_AMBIENT_RAISE && op != PR_CAP_AMBIENT_LOWER)
		return -EINVAL;
	bool raise = op == PR_CAP_AMBIENT_RAISE;
	if (raise && (!(c->cap_permitted & c->cap_inheritable & bit) ||
		      (c->securebits & issecure_mask(SECURE_NO_CAP_AMBIENT_RAISE))))
		return -EPERM;
	struct cred *new = cred_copy(c);
	new->cap_ambient = raise ? new->cap_ambient | bit : new->cap_ambient & ~bit;
	cred_install(t, new);
	return 0;
}

static long set_no_new_privs(struct task *t)
{
	struct cred *new = cred_copy(t->cred);
	new->no_new_privs = true;
	cred_install(t, new);
	return 0;
}

/* The options that concern credentials; -ENOSYS: it is none of them. */
static long prctl_cred(struct task *t, int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	const struct cred *c = t->cred;
	switch (option) {
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || arg3 || arg4 || arg5 ? -EINVAL : set_no_new_privs(t);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : c->no_new_privs;
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : (long)(c->cap_bset >> arg2 & 1);
	case PR_CAPBSET_DROP:
		return drop_bounding(t, arg2);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(t, arg2);
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & issecure_mask(SECURE_KEEP_CAPS));
	case PR_SET_KEEPCAPS:
		return set_keepcaps(t, arg2);
	case PR_CAP_AMBIENT:
		return ambient(t, arg2, arg3, arg4, arg5);
	}
	return -ENOSYS;
}

static long set_seccomp(struct task *t, uint64_t mode, uptr_t prog)
{
	if (mode == SECCOMP_MODE_STRICT)
		return seccomp_set_strict(t);
	return mode == SECCOMP_MODE_FILTER ? seccomp_add_filter(t, 0, prog) : -EINVAL;
}

static long get_auxv(struct task *t, uint64_t addr, uint64_t bytes, uint64_t arg4, uint64_t arg5)
{
	if (arg4 || arg5)
		return -EINVAL;
	size_t n = MIN(bytes, (uint64_t)sizeof(t->mm->auxv));
	return copy_to_user(t, UPTR(addr), t->mm->auxv, n) < 0 ? -EFAULT : (long)sizeof(t->mm->auxv);
}

long sys_prctl(struct task *t, int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	long ret = prctl_cred(t, option, arg2, arg3, arg4, arg5);
	if (ret != -ENOSYS)
		return ret;
	switch (option) {
	case PR_SET_NAME:
		return set_name(t, arg2);
	case PR_GET_NAME:
		return copy_to_user(t, UPTR(arg2), t->comm, sizeof(t->comm));
	case PR_SET_PDEATHSIG:
		if (arg2 > NSIG64)
			return -EINVAL;
		t->pdeath_signal = (int)arg2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_int(t, arg2, t->pdeath_signal);
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		t->mm->dumpable = (int)arg2;
		return 0;
	case PR_GET_DUMPABLE:
		return t->mm->dumpable;
	case PR_SET_CHILD_SUBREAPER:
		t->tg->child_subreaper = arg2 != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int(t, arg2, t->tg->child_subreaper);
	case PR_SET_TIMERSLACK:
		t->timer_slack_ns = arg2 > 0 && arg2 <= INT32_MAX ? (int)arg2 : t->default_timer_slack_ns;
		return 0;
	case PR_GET_TIMERSLACK:
		return t->timer_slack_ns;
	case PR_GET_TID_ADDRESS:
		return put_user(t, UPTR(arg2), &t->clear_child_tid);
	case PR_SET_VMA:
		return set_vma_name(t, arg2, arg3, arg4, arg5);
	case PR_SET_THP_DISABLE:
		if (arg3 || arg4 || arg5)
			return -EINVAL;
		t->tg->thp_disabled = arg2 != 0;
		return 0;
	case PR_GET_THP_DISABLE:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : t->tg->thp_disabled;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return arg2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_SECCOMP:
		return t->seccomp.mode;
	case PR_SET_SECCOMP:
		return set_seccomp(t, arg2, UPTR(arg3));
	case PR_GET_TSC:
		return put_int(t, arg2, PR_TSC_ENABLE);
	case OPT_GET_AUXV:
		return get_auxv(t, arg2, arg3, arg4, arg5);
	}
	return -EINVAL;
}
