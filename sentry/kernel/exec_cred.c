/* exec_cred.c - who a new program runs as (credentials(7), capabilities(7)).
 *
 * LINUX    fs/exec.c (bprm_fill_uid), security/commoncap.c (cap_bprm_creds_from_file).
 * MISSING  File capabilities (security.capability): a program that has them runs without. */
#include "sentry/kernel/exec.h"
#include "sentry/kernel/user_ns.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#include "sentry/vfs/file.h"

static void take_ids_of_file(struct cred *c, const struct file *f)
{
	if (c->no_new_privs || (f->path.mnt && (f->path.mnt->flags & MNT_NOSUID)))
		return;
	mode_t mode = f->inode->mode;
	/* Of a file whose ids mean nothing there. */
	if (id_number(c->user_ns, ID_UID, f->inode->uid) == ID_NONE || id_number(c->user_ns, ID_GID, f->inode->gid) == ID_NONE)
		return;
	if (mode & S_ISUID)
		c->euid = f->inode->uid;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = f->inode->gid;
}

void exec_cred(struct exec *ex)
{
	const struct cred *old = ex->t->cred;
	struct cred *c = cred_copy(old);
	take_ids_of_file(c, ex->file);
	bool set_id = c->euid != old->uid || c->egid != old->gid;

	uint32_t root = cred_root(c);
	uint64_t permitted = 0;
	bool effective = false;
	if (!(c->securebits & (1u << SECURE_NOROOT))) {
		if (c->euid == root || c->uid == root)
			permitted = c->cap_bset | c->cap_inheritable;
		effective = c->euid == root;
	}
	if (set_id)
		c->cap_ambient = 0;
	c->cap_permitted = permitted | c->cap_ambient;
	/* Who is traced by somebody that may do less gets no more than it had. */
	const struct cred *tracer = ex->t->ptrace.tracer_cred;
	if (tracer && !cred_has_cap(tracer, CAP_SYS_PTRACE) && (set_id || (c->cap_permitted & ~old->cap_permitted))) {
		if (!cred_has_cap(old, CAP_SETUID)) {
			c->euid = c->uid;
			c->egid = c->gid;
		}
		c->cap_permitted &= old->cap_permitted;
	}
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	bool gained = c->cap_permitted & ~c->cap_ambient;
	ex->secure = set_id || (c->uid != root && (effective || gained));
	ex->cred = c;
}
