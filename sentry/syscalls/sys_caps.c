/* sys_caps.c - capget(2), capset(2) (capabilities(7)).
 *
 * LINUX   kernel/capability.c; security/commoncap.c: cap_capset(). */
#include <linux/capability.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/table.h"

#define ALL_CAPS ((1ULL << (CAP_LAST_CAP + 1)) - 1)

struct cap_header { uint32_t version; int pid; };
struct cap_word { uint32_t effective, permitted, inheritable; };

/* How many words a version has; 0: unknown, then the guest learns which one is best. -EFAULT. */
static int header_get(struct task *t, uptr_t addr, struct cap_header *h, int *out_words)
{
	if (get_user(t, h, addr) < 0)
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		*out_words = 1;
		return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		*out_words = 2;
		return 0;
	}
	uint32_t best = _LINUX_CAPABILITY_VERSION_3;
	*out_words = 0;
	return put_user(t, addr, &best);
}

long sys_capget(struct task *t, uptr_t hdrp, uptr_t datap)
{
	struct cap_header h;
	int words;
	int err = header_get(t, hdrp, &h, &words);
	if (err)
		return err;
	if (!words)
		return uptr_null(datap) ? 0 : -EINVAL;
	if (uptr_null(datap))
		return 0;
	if (h.pid < 0)
		return -EINVAL;
	const struct task *target = h.pid ? task_find_for(t, h.pid) : t;
	if (!target)
		return -ESRCH;
	const struct cred *c = target->cred;
	struct cap_word data[2] = {
		{ (uint32_t)c->cap_effective, (uint32_t)c->cap_permitted, (uint32_t)c->cap_inheritable },
		{ (uint32_t)(c->cap_effective >> 32), (uint32_t)(c->cap_permitted >> 32),
		  (uint32_t)(c->cap_inheritable >> 32) },
	};
	return copy_to_user(t, datap, data, (size_t)words * sizeof(data[0]));
}

static bool subset(uint64_t of_all, uint64_t caps)
{
	return !(caps & ~of_all);
}

long sys_capset(struct task *t, uptr_t hdrp, uptr_t datap)
{
	struct cap_header h;
	struct cap_word data[2] = { 0 };
	int words;
	int err = header_get(t, hdrp, &h, &words);
	if (err)
		return err;
	if (!words)
		return -EINVAL;
	if (h.pid != 0 && h.pid != t->vtid)
		return -EPERM;
	if (copy_from_user(t, data, datap, (size_t)words * sizeof(data[0])) < 0)
		return -EFAULT;
	uint64_t effective = ((uint64_t)data[1].effective << 32 | data[0].effective) & ALL_CAPS;
	uint64_t permitted = ((uint64_t)data[1].permitted << 32 | data[0].permitted) & ALL_CAPS;
	uint64_t inheritable = ((uint64_t)data[1].inheritable << 32 | data[0].inheritable) & ALL_CAPS;

	const struct cred *c = t->cred;
	if (!cred_has_own_cap(c, CAP_SETPCAP) && !subset(c->cap_inheritable | c->cap_permitted, inheritable))
		return -EPERM;
	if (!subset(c->cap_inheritable | c->cap_bset, inheritable))
		return -EPERM;
	if (!subset(c->cap_permitted, permitted) || !subset(permitted, effective))
		return -EPERM;
	struct cred *new = cred_copy(c);
	new->cap_effective = effective;
	new->cap_permitted = permitted;
	new->cap_inheritable = inheritable;
	new->cap_ambient &= permitted & inheritable;
	cred_install(t, new);
	return 0;
}
