/* ns.c - namespaces of any kind: reference, identity, copy, join (ns.h).
 *
 * LINUX   kernel/nsproxy.c, kernel/utsname.c; each kind's install function for setns(2). */
#include "sentry/kernel/ns.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>

#include "sentry/ipc/ipc_ns.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/net/net.h"
#include "sentry/vfs/mount.h"

#define INO_FIRST_NEW 4026532200U

static unsigned live, next_ino = INO_FIRST_NEW;

static const struct { const char *name; uint64_t flag; uint32_t first_ino; } kinds[NS_KINDS] = {
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP, 4026531835U },
	[NS_IPC] = { "ipc", CLONE_NEWIPC, 4026531839U },
	[NS_MNT] = { "mnt", CLONE_NEWNS, 4026531841U },
	[NS_NET] = { "net", CLONE_NEWNET, 4026531840U },
	[NS_PID] = { "pid", CLONE_NEWPID, 4026531836U },
	[NS_TIME] = { "time", CLONE_NEWTIME, 4026531834U },
	[NS_USER] = { "user", CLONE_NEWUSER, 4026531837U },
	[NS_UTS] = { "uts", CLONE_NEWUTS, 4026531838U },
};

uint64_t ns_clone_flag(enum ns_kind kind)
{
	return kinds[kind].flag;
}

const char *ns_name(enum ns_kind kind)
{
	return kinds[kind].name;
}

int ns_id_init(struct ns_id *id, struct user_ns *owner)
{
	if (live >= NS_MAX)
		return -ENOSPC;
	live++;
	id->ino = next_ino++;
	id->owner = user_ns_get(owner);
	return 0;
}

void ns_id_init_first(struct ns_id *id, enum ns_kind kind)
{
	live++;
	*id = (struct ns_id){ .ino = kinds[kind].first_ino };
}

void ns_id_fini(struct ns_id *id)
{
	live--;
	user_ns_put(TAKE(id->owner));
}

/* --- the two small kinds --- */

struct uts_ns *uts_ns_first(const char *hostname)
{
	struct uts_ns *u = NEW(struct uts_ns);
	u->refs = 1;
	ns_id_init_first(&u->id, NS_UTS);
	snprintf(u->hostname, sizeof(u->hostname), "%s", hostname);
	snprintf(u->domainname, sizeof(u->domainname), "(none)");
	return u;
}

struct cgroup_ns *cgroup_ns_first(void)
{
	struct cgroup_ns *c = NEW(struct cgroup_ns);
	c->refs = 1;
	ns_id_init_first(&c->id, NS_CGROUP);
	return c;
}

static int uts_copy(const struct uts_ns *from, struct user_ns *owner, void **out)
{
	struct uts_ns *u = NEW(struct uts_ns);
	*u = *from;
	u->refs = 1;
	*out = u;
	return ns_id_init(&u->id, owner);
}

static int cgroup_new(struct user_ns *owner, void **out)
{
	struct cgroup_ns *c = NEW(struct cgroup_ns);
	c->refs = 1;
	*out = c;
	return ns_id_init(&c->id, owner);
}

static int net_copy(struct user_ns *owner, void **out)
{
	struct net *n = net_new(false);
	*out = n;
	ns_id_fini(&n->id);
	return ns_id_init(&n->id, owner);
}

/* --- any of them --- */

void ns_get(struct ns ns)
{
	switch (ns.kind) {
	case NS_CGROUP: ((struct cgroup_ns *)ns.obj)->refs++; break;
	case NS_IPC: ipc_ns_get(ns.obj); break;
	case NS_MNT: mount_ns_get(ns.obj); break;
	case NS_NET: net_get(ns.obj); break;
	case NS_PID: pid_ns_get(ns.obj); break;
	case NS_TIME: time_ns_get(ns.obj); break;
	case NS_USER: user_ns_get(ns.obj); break;
	case NS_UTS: ((struct uts_ns *)ns.obj)->refs++; break;
	case NS_KINDS: break;
	}
}

static void small_put(int *refs, struct ns_id *id, void *obj)
{
	if (--*refs > 0)
		return;
	ns_id_fini(id);
	free(obj);
}

void ns_put(struct ns ns)
{
	struct cgroup_ns *cg = ns.obj;
	struct uts_ns *uts = ns.obj;
	if (!ns.obj)
		return;
	switch (ns.kind) {
	case NS_CGROUP: small_put(&cg->refs, &cg->id, cg); break;
	case NS_IPC: ipc_ns_put(ns.obj); break;
	case NS_MNT: mount_ns_put(ns.obj); break;
	case NS_NET: net_put(ns.obj); break;
	case NS_PID: pid_ns_put(ns.obj); break;
	case NS_TIME: time_ns_put(ns.obj); break;
	case NS_USER: user_ns_put(ns.obj); break;
	case NS_UTS: small_put(&uts->refs, &uts->id, uts); break;
	case NS_KINDS: break;
	}
}

const struct ns_id *ns_id(struct ns ns)
{
	switch (ns.kind) {
	case NS_CGROUP: return &((struct cgroup_ns *)ns.obj)->id;
	case NS_IPC: return &((struct ipc_ns *)ns.obj)->id;
	case NS_MNT: return &((struct mount_ns *)ns.obj)->id;
	case NS_NET: return &((struct net *)ns.obj)->id;
	case NS_PID: return &((struct pid_ns *)ns.obj)->id;
	case NS_TIME: return &((struct time_ns *)ns.obj)->id;
	case NS_USER: return ns.obj ? &((struct user_ns *)ns.obj)->id : NULL;
	case NS_UTS: return &((struct uts_ns *)ns.obj)->id;
	case NS_KINDS: break;
	}
	return NULL;
}

uint32_t ns_ino(struct ns ns)
{
	const struct ns_id *id = ns_id(ns);
	return id ? id->ino : kinds[NS_USER].first_ino;
}

struct user_ns *ns_owner(struct ns ns)
{
	const struct ns_id *id = ns_id(ns);
	return id ? id->owner : NULL;
}

/* Where a task keeps its reference; NULL: a user namespace, which is its credentials'. */
static void **place_of(struct task *t, enum ns_kind kind)
{
	switch (kind) {
	case NS_CGROUP: return (void **)&t->cgroup_ns;
	case NS_IPC: return (void **)&t->ipc_ns;
	case NS_MNT: return (void **)&t->mnt_ns;
	case NS_NET: return (void **)&t->net;
	case NS_PID: return (void **)&t->pid_ns_children;
	case NS_TIME: return (void **)&t->time_ns_children;
	case NS_UTS: return (void **)&t->uts;
	case NS_USER:
	case NS_KINDS: break;
	}
	return NULL;
}

bool ns_of_task(const struct task *t, enum ns_kind kind, bool for_children, struct ns *out)
{
	out->kind = kind;
	if (kind == NS_USER) {
		out->obj = t->cred->user_ns;
		return true;
	}
	out->obj = *place_of((struct task *)t, kind);
	if (!for_children && kind == NS_PID)
		out->obj = t->pid_ns;
	if (!for_children && kind == NS_TIME)
		out->obj = t->time_ns;
	return out->obj && (kind != NS_PID || !t->exited);
}

void ns_fork(const struct task *t, struct task *child)
{
	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++) {
		if (kind == NS_USER)
			continue;
		struct ns ns = { kind, *place_of((struct task *)t, kind) };
		if (ns.obj)
			ns_get(ns);
		*place_of(child, kind) = ns.obj;
	}
	child->time_ns = time_ns_get(t->time_ns);
}

void ns_exit(struct task *t)
{
	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++) {
		void **place = place_of(t, kind);
		if (!place)
			continue;
		struct ns ns = { kind, TAKE(*place) };
		ns_put(ns);
	}
	time_ns_put(TAKE(t->time_ns));
}

/* --- changing --- */

void ns_change_drop(struct ns_change *c)
{
	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++)
		ns_put(c->set[kind]);
	cred_put(c->cred);
	fs_context_put(c->fs);
	*c = (struct ns_change){ 0 };
}

static int make_one(const struct task *t, enum ns_kind kind, struct user_ns *owner, struct ns_change *c)
{
	void **out = &c->set[kind].obj;
	switch (kind) {
	case NS_CGROUP: return cgroup_new(owner, out);
	case NS_IPC: return ipc_ns_new(owner, (struct ipc_ns **)out);
	case NS_MNT:
		c->fs = fs_context_copy(t->fs);
		return mount_ns_copy(t->mnt_ns, owner, c->fs, (struct mount_ns **)out);
	case NS_NET: return net_copy(owner, out);
	case NS_PID: return pid_ns_new(t->pid_ns_children, owner, (struct pid_ns **)out);
	case NS_TIME: return time_ns_copy(t->time_ns_children, owner, (struct time_ns **)out);
	case NS_UTS: return uts_copy(t->uts, owner, out);
	case NS_USER:
	case NS_KINDS: break;
	}
	return -EINVAL;
}

/* In a chroot the namespace would be a way out of it. */
static bool is_chrooted(const struct task *t)
{
	struct path root = { .mnt = t->mnt_ns->root, .dentry = t->mnt_ns->root->root };
	mount_top(&root);
	return root.mnt != t->fs->root.mnt || root.dentry != t->fs->root.dentry;
}

int ns_unshare(const struct task *t, uint64_t flags, struct ns_change *c)
{
	const struct cred *cred = t->cred;
	int err = 0;
	if (flags & CLONE_NEWUSER) {
		if (is_chrooted(t))
			return -EPERM;
		c->cred = cred_copy(cred);
		err = user_ns_new(cred, c->cred);
		cred = c->cred;
	}
	for (enum ns_kind kind = 0; kind < NS_KINDS && !err; kind++) {
		c->set[kind].kind = kind;
		if (kind == NS_USER || !(flags & kinds[kind].flag))
			continue;
		err = cred_has_own_cap(cred, CAP_SYS_ADMIN) ? make_one(t, kind, cred->user_ns, c) : -EPERM;
	}
	return err;
}

void ns_change_apply(struct task *t, struct ns_change *c)
{
	struct ns old[NS_KINDS] = { 0 };
	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++) {
		if (!c->set[kind].obj)
			continue;
		void **place = place_of(t, kind);
		old[kind] = (struct ns){ kind, *place };
		*place = TAKE(c->set[kind].obj);
	}
	if (c->cred)
		cred_install(t, TAKE(c->cred));
	struct fs_context *old_fs = NULL;
	if (c->fs) {
		old_fs = t->fs;
		t->fs = TAKE(c->fs);
	}
	fs_context_put(old_fs);
	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++)
		ns_put(old[kind]);
}

static int may_join(const struct cred *c, struct ns ns)
{
	return cred_ns_cap(c, ns_owner(ns), CAP_SYS_ADMIN) && cred_has_own_cap(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static int join_user(struct task *t, struct user_ns *ns, struct ns_change *out)
{
	if (ns == t->cred->user_ns || t->tg->nthreads > 1 || t->fs->refs > 1)
		return -EINVAL;
	if (!cred_ns_cap(t->cred, ns, CAP_SYS_ADMIN))
		return -EPERM;
	out->cred = cred_copy(t->cred);
	cred_enter_user_ns(out->cred, ns);
	return 0;
}

/* Linux's current_is_single_threaded(): does nobody else run in its memory? */
static bool is_alone(const struct task *t)
{
	if (t->tg->nthreads > 1)
		return false;
	FOREACH_PROCESS(tg) {
		const struct task *other;
		TAILQ_FOREACH(other, &tg->threads, thread_link)
			if (other != t && other->mm == t->mm)
				return false;
	}
	return true;
}

int ns_join(struct task *t, struct ns wanted, struct ns_change *out)
{
	if (wanted.kind == NS_USER)
		return join_user(t, wanted.obj, out);
	const struct cred *c = out->cred ? out->cred : t->cred;
	/* What it reads clocks by is about to change. */
	int err = wanted.kind == NS_TIME && !is_alone(t) ? -EUSERS : may_join(c, wanted);
	if (!err && wanted.kind == NS_MNT) {
		if (!cred_has_own_cap(c, CAP_SYS_CHROOT))
			err = -EPERM;
		else if (t->fs->refs > 1)
			err = -EINVAL;
	}
	if (!err && wanted.kind == NS_PID && !pid_ns_is_below(wanted.obj, t->pid_ns))
		err = -EINVAL;
	if (err)
		return err;
	if (wanted.kind == NS_MNT) {
		fs_context_put(out->fs);
		out->fs = fs_context_new(wanted.obj);
		out->fs->umask = t->fs->umask;
	}
	ns_get(wanted);
	out->set[wanted.kind] = wanted;
	return 0;
}
