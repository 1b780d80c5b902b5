/* sys_cred.c - user and group ids (credentials(7)).
 *
 * HOW     Each call works on a private copy of the credentials and installs it when nothing can fail any more.
 * LINUX   kernel/sys.c: __sys_setuid() and so on; security/commoncap.c: cap_emulate_setxuid(); kernel/cred.c:
 *         commit_creds(). */
#include <linux/capability.h>
#include <linux/securebits.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/table.h"

#define UNCHANGED 0xffffffffU            /* -1: leave it; no id has this number */
#define GROUPS_MAX 65536

static bool secure(const struct cred *c, int bit)
{
	return c->securebits & issecure_mask(bit);
}

/* Root's capabilities come and go with the id 0. */
static void fix_caps(struct cred *new, const struct cred *old)
{
	if (secure(old, SECURE_NO_SETUID_FIXUP))
		return;
	uint32_t root = cred_root(old);
	bool had_root = old->uid == root || old->euid == root || old->suid == root;
	bool has_root = new->uid == root || new->euid == root || new->suid == root;
	if (had_root && !has_root) {
		if (!secure(old, SECURE_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (old->euid == root && new->euid != root)
		new->cap_effective = 0;
	if (old->euid != root && new->euid == root)
		new->cap_effective = new->cap_permitted;
}

/* Numbers to ids; false: one of them, and not UNCHANGED, is no id here. */
static bool ids_given(const struct cred *c, enum id_kind kind, uint32_t *ids[3])
{
	for (int i = 0; i < 3; i++) {
		if (!ids[i] || *ids[i] == UNCHANGED)
			continue;
		*ids[i] = id_inner(c->user_ns, kind, *ids[i]);
		if (*ids[i] == ID_NONE)
			return false;
	}
	return true;
}

static bool uids_given(const struct task *t, uint32_t *a, uint32_t *b, uint32_t *c)
{
	return ids_given(t->cred, ID_UID, (uint32_t *[]){ a, b, c });
}

static bool gids_given(const struct task *t, uint32_t *a, uint32_t *b, uint32_t *c)
{
	return ids_given(t->cred, ID_GID, (uint32_t *[]){ a, b, c });
}

long sys_getuid(struct task *t)
{
	return uid_shown(t->cred, t->cred->uid);
}

long sys_geteuid(struct task *t)
{
	return uid_shown(t->cred, t->cred->euid);
}

long sys_getgid(struct task *t)
{
	return gid_shown(t->cred, t->cred->gid);
}

long sys_getegid(struct task *t)
{
	return gid_shown(t->cred, t->cred->egid);
}

static long put_ids(struct task *t, uptr_t pr, uptr_t pe, uptr_t ps, uint32_t r, uint32_t e, uint32_t s)
{
	if (put_user(t, pr, &r) < 0 || put_user(t, pe, &e) < 0 || put_user(t, ps, &s) < 0)
		return -EFAULT;
	return 0;
}

long sys_getresuid(struct task *t, uptr_t ruid, uptr_t euid, uptr_t suid)
{
	const struct cred *c = t->cred;
	return put_ids(t, ruid, euid, suid, uid_shown(c, c->uid), uid_shown(c, c->euid), uid_shown(c, c->suid));
}

long sys_getresgid(struct task *t, uptr_t rgid, uptr_t egid, uptr_t sgid)
{
	const struct cred *c = t->cred;
	return put_ids(t, rgid, egid, sgid, gid_shown(c, c->gid), gid_shown(c, c->egid), gid_shown(c, c->sgid));
}

long sys_setuid(struct task *t, uint32_t uid)
{
	uid = uid_given(t->cred, uid);
	if (uid == UNCHANGED)
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	if (cred_has_own_cap(old, CAP_SETUID))
		new->uid = new->suid = uid;
	else if (uid != old->uid && uid != old->suid)
		return -EPERM;
	new->euid = new->fsuid = uid;
	fix_caps(new, old);
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setreuid(struct task *t, uint32_t ruid, uint32_t euid)
{
	if (!uids_given(t, &ruid, &euid, NULL))
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	bool able = cred_has_own_cap(old, CAP_SETUID);
	if (ruid != UNCHANGED) {
		if (!able && ruid != old->uid && ruid != old->euid)
			return -EPERM;
		new->uid = ruid;
	}
	if (euid != UNCHANGED) {
		if (!able && euid != old->uid && euid != old->euid && euid != old->suid)
			return -EPERM;
		new->euid = euid;
	}
	if (ruid != UNCHANGED || (euid != UNCHANGED && euid != old->uid))
		new->suid = new->euid;
	new->fsuid = new->euid;
	fix_caps(new, old);
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setresuid(struct task *t, uint32_t ruid, uint32_t euid, uint32_t suid)
{
	if (!uids_given(t, &ruid, &euid, &suid))
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	const uint32_t ids[3] = { ruid, euid, suid };
	for (int i = 0; i < 3 && !cred_has_own_cap(old, CAP_SETUID); i++)
		if (ids[i] != UNCHANGED && ids[i] != old->uid && ids[i] != old->euid && ids[i] != old->suid)
			return -EPERM;
	if (ruid != UNCHANGED)
		new->uid = ruid;
	if (euid != UNCHANGED)
		new->euid = euid;
	if (suid != UNCHANGED)
		new->suid = suid;
	new->fsuid = new->euid;
	fix_caps(new, old);
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setgid(struct task *t, uint32_t gid)
{
	gid = gid_given(t->cred, gid);
	if (gid == UNCHANGED)
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	if (cred_has_own_cap(old, CAP_SETGID))
		new->gid = new->sgid = gid;
	else if (gid != old->gid && gid != old->sgid)
		return -EPERM;
	new->egid = new->fsgid = gid;
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setregid(struct task *t, uint32_t rgid, uint32_t egid)
{
	if (!gids_given(t, &rgid, &egid, NULL))
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	bool able = cred_has_own_cap(old, CAP_SETGID);
	if (rgid != UNCHANGED) {
		if (!able && rgid != old->gid && rgid != old->egid)
			return -EPERM;
		new->gid = rgid;
	}
	if (egid != UNCHANGED) {
		if (!able && egid != old->gid && egid != old->egid && egid != old->sgid)
			return -EPERM;
		new->egid = egid;
	}
	if (rgid != UNCHANGED || (egid != UNCHANGED && egid != old->gid))
		new->sgid = new->egid;
	new->fsgid = new->egid;
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setresgid(struct task *t, uint32_t rgid, uint32_t egid, uint32_t sgid)
{
	if (!gids_given(t, &rgid, &egid, &sgid))
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	const uint32_t ids[3] = { rgid, egid, sgid };
	for (int i = 0; i < 3 && !cred_has_own_cap(old, CAP_SETGID); i++)
		if (ids[i] != UNCHANGED && ids[i] != old->gid && ids[i] != old->egid && ids[i] != old->sgid)
			return -EPERM;
	if (rgid != UNCHANGED)
		new->gid = rgid;
	if (egid != UNCHANGED)
		new->egid = egid;
	if (sgid != UNCHANGED)
		new->sgid = sgid;
	new->fsgid = new->egid;
	cred_install(t, TAKE(new));
	return 0;
}

#define FS_CAPS (1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER | \
		 1ULL << CAP_FSETID | 1ULL << CAP_MKNOD | 1ULL << CAP_LINUX_IMMUTABLE | 1ULL << CAP_MAC_OVERRIDE)

/* These two never fail: they return what was, and change it if they may. */
long sys_setfsuid(struct task *t, uint32_t fsuid)
{
	const struct cred *old = t->cred;
	uint32_t was = uid_shown(old, old->fsuid);
	fsuid = uid_given(old, fsuid);
	bool may = fsuid == old->uid || fsuid == old->euid || fsuid == old->suid || fsuid == old->fsuid ||
		   cred_has_own_cap(old, CAP_SETUID);
	if (!may || fsuid == UNCHANGED || fsuid == old->fsuid)
		return was;
	struct cred *new = cred_copy(old);
	new->fsuid = fsuid;
	if (!secure(old, SECURE_NO_SETUID_FIXUP)) {
		if (old->fsuid == cred_root(old))
			new->cap_effective &= ~FS_CAPS;
		else if (fsuid == cred_root(old))
			new->cap_effective |= new->cap_permitted & FS_CAPS;
	}
	cred_install(t, new);
	return was;
}

long sys_setfsgid(struct task *t, uint32_t fsgid)
{
	const struct cred *old = t->cred;
	uint32_t was = gid_shown(old, old->fsgid);
	fsgid = gid_given(old, fsgid);
	bool may = fsgid == old->gid || fsgid == old->egid || fsgid == old->sgid || fsgid == old->fsgid ||
		   cred_has_own_cap(old, CAP_SETGID);
	if (!may || fsgid == UNCHANGED || fsgid == old->fsgid)
		return was;
	struct cred *new = cred_copy(old);
	new->fsgid = fsgid;
	cred_install(t, new);
	return was;
}

long sys_getgroups(struct task *t, int size, uptr_t list)
{
	const struct cred *c = t->cred;
	if (size < 0 || (size && c->ngroups > size))
		return -EINVAL;
	for (int i = 0; size && i < c->ngroups; i++) {
		uint32_t gid = gid_shown(c, c->groups[i]);
		if (put_user(t, uptr_add(list, (uint64_t)i * sizeof(gid)), &gid))
			return -EFAULT;
	}
	return c->ngroups;
}

long sys_setgroups(struct task *t, uint64_t size, uptr_t list)
{
	if (!cred_has_own_cap(t->cred, CAP_SETGID) || !user_ns_may_setgroups(t->cred->user_ns))
		return -EPERM;
	if (size > GROUPS_MAX)
		return -EINVAL;
	AUTO(free) uint32_t *groups = NULL;
	if (size) {
		groups = calloc(size, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(t, groups, list, size * sizeof(*groups)) < 0)
			return -EFAULT;
	}
	for (size_t i = 0; i < size; i++) {
		groups[i] = gid_given(t->cred, groups[i]);
		if (groups[i] == UNCHANGED)
			return -EINVAL;
	}
	struct cred *new = cred_copy(t->cred);
	free(new->groups);
	new->groups = TAKE(groups);
	new->ngroups = (int)size;
	cred_install(t, new);
	return 0;
}
