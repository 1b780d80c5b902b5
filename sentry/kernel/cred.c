/* cred.c - credentials: allocation, copying, group membership (cred.h). The calls that change them: syscalls/sys_cred.c. */
#include "sentry/kernel/cred.h"

#include <linux/capability.h>
#include <string.h>

#include "platform/base/live.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"

#define ALL_CAPS ((1ULL << (CAP_LAST_CAP + 1)) - 1)

struct cred *cred_new(uint32_t uid, uint32_t gid)
{
	struct cred *c = NEW(struct cred);
	live_born(CRED);
	c->refs = 1;
	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = gid;
	c->cap_bset = ALL_CAPS;
	if (uid == 0)
		c->cap_permitted = c->cap_effective = ALL_CAPS;
	return c;
}

struct cred *cred_get(const struct cred *c)
{
	struct cred *shared = (struct cred *)c;
	shared->refs++;
	return shared;
}

void cred_put(struct cred *c)
{
	if (!c || --c->refs > 0)
		return;
	free(c->groups);
	user_ns_put(c->user_ns);
	live_died(CRED);
	free(c);
}

struct cred *cred_copy(const struct cred *c)
{
	struct cred *copy = NEW(struct cred);
	live_born(CRED);
	*copy = *c;
	copy->refs = 1;
	user_ns_get(copy->user_ns);
	if (c->ngroups > 0) {
		size_t bytes = (size_t)c->ngroups * sizeof(*c->groups);
		copy->groups = xzalloc(bytes);
		memcpy(copy->groups, c->groups, bytes);
	}
	return copy;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (int i = 0; i < c->ngroups; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

/* May `new` do nothing that `old` could not? Who made a user namespace could do everything in it. */
static bool is_subset(const struct cred *new, const struct cred *old)
{
	if (new->user_ns == old->user_ns)
		return !(new->cap_permitted & ~old->cap_permitted);
	for (const struct user_ns *ns = new->user_ns; ns; ns = ns->id.owner)
		if (ns->id.owner == old->user_ns && ns->uid == old->euid)
			return true;
	return false;
}

void cred_install(struct task *t, struct cred *new)
{
	struct cred *old = t->cred;
	bool gained = !is_subset(new, old);
	if (old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid || old->fsgid != new->fsgid ||
	    gained) {
		if (t->mm)
			t->mm->dumpable = 0;
		t->pdeath_signal = 0;
	}
	if (t->published && t->nproc_uid != new->uid) {
		user_charge(t->nproc_uid, -1, 0);
		user_charge(new->uid, 1, 0);
		t->nproc_uid = new->uid;
	}
	t->cred = new;
	answers_forget(t);
	cred_put(old);
}
