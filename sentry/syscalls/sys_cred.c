/* sys_cred.c - user and group ids (credentials(7)).
 *
 * HOW     Each call works on a private copy of the credentials and installs it when nothing can fail any more.
 * LINUX   kernel/sys.c: __sys_setuid() and so on; security/commoncap.c: cap_emulate_setxuid(); kernel/cred.c:
 *         commit_creds(). */
#include <linux/capability.h>
#include <linux/securebits.h>

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
	bool had_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool has_root = new->uid == 0 || new->euid == 0 || new->suid == 0;
	if (had_root && !has_root) {
		if (!secure(old, SECURE_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (old->euid == 0 && new->euid != 0)
		new->cap_effective = 0;
	if (old->euid != 0 && new->euid == 0)
		new->cap_effective = new->cap_permitted;
}

long sys_getuid(struct task *t)
{
	return t->cred->uid;
}

long sys_geteuid(struct task *t)
{
	return t->cred->euid;
}

long sys_getgid(struct task *t)
{
	return t->cred->gid;
}

long sys_getegid(struct task *t)
{
	return t->cred->egid;
}

static long put_ids(struct task *t, uptr_t pr, uptr_t pe, uptr_t ps, uint32_t r, uint32_t e, uint32_t s)
{
	if (put_user(t, pr, &r) < 0 || put_user(t, pe, &e) < 0 || put_user(t, ps, &s) < 0)
		return -EFAULT;
	return 0;
}

long sys_getresuid(struct task *t, uptr_t ruid, uptr_t euid, uptr_t suid)
{
	return put_ids(t, ruid, euid, suid, t->cred->uid, t->cred->euid, t->cred->suid);
}

long sys_getresgid(struct task *t, uptr_t rgid, uptr_t egid, uptr_t sgid)
{
	return put_ids(t, rgid, egid, sgid, t->cred->gid, t->cred->egid, t->cred->sgid);
}

long sys_setuid(struct task *t, uint32_t uid)
{
	if (uid == UNCHANGED)
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	if (cred_has_cap(old, CAP_SETUID))
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
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	bool able = cred_has_cap(old, CAP_SETUID);
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
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	const uint32_t ids[3] = { ruid, euid, suid };
	for (int i = 0; i < 3 && !cred_has_cap(old, CAP_SETUID); i++)
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
	if (gid == UNCHANGED)
		return -EINVAL;
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	if (cred_has_cap(old, CAP_SETGID))
		new->gid = new->sgid = gid;
	else if (gid != old->gid && gid != old->sgid)
		return -EPERM;
	new->egid = new->fsgid = gid;
	cred_install(t, TAKE(new));
	return 0;
}

long sys_setregid(struct task *t, uint32_t rgid, uint32_t egid)
{
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	bool able = cred_has_cap(old, CAP_SETGID);
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
	AUTO(cred_put) struct cred *new = cred_copy(t->cred);
	const struct cred *old = t->cred;
	const uint32_t ids[3] = { rgid, egid, sgid };
	for (int i = 0; i < 3 && !cred_has_cap(old, CAP_SETGID); i++)
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
	uint32_t was = old->fsuid;
	bool may = fsuid == old->uid || fsuid == old->euid || fsuid == old->suid || fsuid == old->fsuid ||
		   cred_has_cap(old, CAP_SETUID);
	if (!may || fsuid == UNCHANGED || fsuid == was)
		return was;
	struct cred *new = cred_copy(old);
	new->fsuid = fsuid;
	if (!secure(old, SECURE_NO_SETUID_FIXUP)) {
		if (was == 0)
			new->cap_effective &= ~FS_CAPS;
		else if (fsuid == 0)
			new->cap_effective |= new->cap_permitted & FS_CAPS;
	}
	cred_install(t, new);
	return was;
}

long sys_setfsgid(struct task *t, uint32_t fsgid)
{
	const struct cred *old = t->cred;
	uint32_t was = old->fsgid;
	bool may = fsgid == old->gid || fsgid == old->egid || fsgid == old->sgid || fsgid == old->fsgid ||
		   cred_has_cap(old, CAP_SETGID);
	if (!may || fsgid == UNCHANGED || fsgid == was)
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
	if (size && c->ngroups && copy_to_user(t, list, c->groups, (size_t)c->ngroups * sizeof(*c->groups)) < 0)
		return -EFAULT;
	return c->ngroups;
}

long sys_setgroups(struct task *t, uint64_t size, uptr_t list)
{
	if (!cred_has_cap(t->cred, CAP_SETGID))
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
	for (size_t i = 0; i < size; i++)
		if (groups[i] == UNCHANGED)
			return -EINVAL;
	struct cred *new = cred_copy(t->cred);
	free(new->groups);
	new->groups = TAKE(groups);
	new->ngroups = (int)size;
	cred_install(t, new);
	return 0;
}
