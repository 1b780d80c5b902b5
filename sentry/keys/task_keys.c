/* task_keys.c - a task's own keyrings, and those of its user (keys.h).
 *
 * HOW     A user's two keyrings are made when somebody asks for them and stay: a user of a namespace has his own.
 * LINUX   security/keys/process_keys.c, persistent.c. In Linux they are in the credentials; there is no difference to see. */
#include "sentry/keys/keys.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/user_ns.h"

#define USERS_MAX 10000
#define RING_OWN (KEY_POSSESSOR(KEY_ALL) | KEY_USER(KEY_VIEW))
#define RING_USER (KEY_POSSESSOR(KEY_ALL & ~KEY_SETATTR) | KEY_USER(KEY_ALL))
#define RING_SESSION (RING_OWN | KEY_USER(KEY_READ))

struct user_rings {
	struct { uint32_t ns, uid; } id;
	struct key *user, *session, *persistent;
	UT_hash_handle hh;
};
static struct user_rings *users;

/* --- life --- */

static struct task_keys *keys_of(struct task *t)
{
	if (!t->keys)
		t->keys = NEW(struct task_keys);
	return t->keys;
}

static struct key *share(struct key *k)
{
	return k ? key_get(k) : NULL;
}

void keys_fork(const struct task *t, struct task *child, bool is_thread)
{
	if (!t->keys)
		return;
	*keys_of(child) = (struct task_keys){
		.process = is_thread ? share(t->keys->process) : NULL,
		.session = share(t->keys->session),
		.default_ring = t->keys->default_ring,
	};
}

void keys_exec(struct task *t)
{
	if (!t->keys)
		return;
	key_put(TAKE(t->keys->thread));
	key_put(TAKE(t->keys->process));
}

void keys_exit(struct task *t)
{
	if (!t->keys)
		return;
	keys_exec(t);
	key_put(t->keys->session);
	free(TAKE(t->keys));
}

void keys_user_ns_gone(uint32_t ino)
{
	struct user_rings *u, *next;
	HASH_ITER(hh, users, u, next) {
		if (u->id.ns != ino)
			continue;
		key_put(u->session);
		key_put(u->user);
		key_put(u->persistent);
		HASH_DEL(users, u);
		free(u);
	}
}

/* --- making them --- */

static int new_ring(const char *name, const struct cred *c, uint32_t perm, struct key **out)
{
	return key_new(&key_type_keyring, name, c->uid, c->gid, perm, true, 0, out);
}

/* NULL: he has asked for none yet; or, to make one, there are too many. */
static struct user_rings *rings_of(const struct cred *c, uint32_t uid, bool create)
{
	struct user_rings *u, want = { .id = { c->user_ns ? c->user_ns->id.ino : 0, uid } };
	HASH_FIND(hh, users, &want.id, sizeof(want.id), u);
	if (!u && create && HASH_COUNT(users) < USERS_MAX) {
		u = NEW(struct user_rings);
		u->id = want.id;
		HASH_ADD(hh, users, id, sizeof(u->id), u);
	}
	return u;
}

static int new_user_ring(const char *prefix, const struct cred *c, uint32_t uid, uint32_t perm, struct key **out)
{
	char name[40];
	snprintf(name, sizeof(name), "%s.%u", prefix, uid_shown(c, uid));
	return key_new(&key_type_keyring, name, uid, ID_NONE, perm, true, 0, out);
}

static int user_rings(const struct cred *c, struct user_rings **out)
{
	struct user_rings *u = rings_of(c, c->uid, true);
	if (!u)
		return -EDQUOT;
	int err = u->user ? 0 : new_user_ring("_uid", c, c->uid, RING_USER, &u->user);
	if (!err && !u->session) {
		AUTO(key_put) struct key *session = NULL;
		err = new_user_ring("_uid_ses", c, c->uid, RING_USER, &session);
		if (!err)
			err = keyring_link(session, u->user);
		if (!err)
			u->session = TAKE(session);
	}
	*out = u;
	return err;
}

static int own_ring(struct key **place, const char *name, const struct cred *c, bool create)
{
	if (*place)
		return 0;
	return create ? new_ring(name, c, RING_OWN, place) : -ENOKEY;
}

/* Who has none gets his user's; who wants to put something into that gets one of his own. */
static int session_ring(struct task *t, bool create)
{
	struct user_rings *u = rings_of(t->cred, t->cred->uid, false);
	struct task_keys *keys = keys_of(t);
	if (keys->session && (!create || !u || keys->session != u->session))
		return 0;
	int err = user_rings(t->cred, &u);
	if (err)
		return err;
	if (create) {
		int serial = keys_join_session(t, NULL);
		return serial < 0 ? serial : 0;
	}
	if (!keys->session)
		keys->session = key_get(u->session);
	return 0;
}

static struct key *find_by_name(const struct task *t, const char *name)
{
	for (struct key *k = key_next(NULL); k; k = key_next(k)) {
		struct key_ref r = { k, false };
		if (k->type->is_ring && !strcmp(k->desc, name) && !k->revoked && !k->invalidated && !key_permit(r, t->cred, KEY_SEARCH))
			return k;
	}
	return NULL;
}

int keys_join_session(struct task *t, const char *name)
{
	struct task_keys *keys = keys_of(t);
	struct key *ring = name ? find_by_name(t, name) : NULL;
	int err = 0;
	if (ring)
		key_get(ring);
	else
		err = new_ring(name ? name : "_ses", t->cred, RING_SESSION | (name ? KEY_USER(KEY_LINK) : 0), &ring);
	if (err)
		return err;
	key_put(keys->session);
	keys->session = ring;
	return ring->serial;
}

int keys_session_to_parent(struct task *t)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, KEY_SPEC_SESSION_KEYRING, 0, KEY_LINK, &r);
	if (err)
		return err;
	struct thread_group *tg = t->tg->parent;
	struct task *parent = tg ? tg->leader : NULL;
	if (!parent || tg->tgid == 1 || parent->exited || tg->nthreads != 1)
		return -EPERM;
	const struct cred *mine = t->cred, *its = parent->cred;
	bool same = its->uid == mine->euid && its->euid == mine->euid && its->suid == mine->euid && its->gid == mine->egid &&
		    its->egid == mine->egid && its->sgid == mine->egid;
	if (!parent->mm || !same || r.key->uid != mine->euid)
		return -EPERM;
	struct task_keys *keys = keys_of(parent);
	if (keys->session && keys->session->uid != mine->euid)
		return -EPERM;
	key_put(keys->session);
	keys->session = key_get(r.key);
	return 0;
}

int keys_persistent(struct task *t, uint32_t uid, struct key **out)
{
	const struct cred *c = t->cred;
	if (uid != c->uid && uid != c->euid && !cred_has_own_cap(c, CAP_SETUID))
		return -EPERM;
	struct user_rings *u = rings_of(c, uid, true);
	if (!u)
		return -EDQUOT;
	if (u->persistent && key_validate(u->persistent))
		key_put(TAKE(u->persistent));
	uint32_t perm = KEY_POSSESSOR(KEY_ALL & ~KEY_SETATTR) | KEY_USER(KEY_VIEW | KEY_READ);
	int err = u->persistent ? 0 : new_user_ring("_persistent", c, uid, perm, &u->persistent);
	if (err)
		return err;
	key_set_timeout(u->persistent, (unsigned)keys_persistent_expiry_s);
	*out = key_get(u->persistent);
	return 0;
}

/* --- finding --- */

static int special(struct task *t, int32_t id, bool create, struct key **out)
{
	struct task_keys *keys = keys_of(t);
	struct user_rings *u;
	int err;
	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
		err = own_ring(&keys->thread, "_tid", t->cred, create);
		*out = keys->thread;
		return err;
	case KEY_SPEC_PROCESS_KEYRING:
		err = own_ring(&keys->process, "_pid", t->cred, create);
		*out = keys->process;
		return err;
	case KEY_SPEC_SESSION_KEYRING:
		err = session_ring(t, create);
		*out = keys->session;
		return err;
	case KEY_SPEC_USER_KEYRING:
	case KEY_SPEC_USER_SESSION_KEYRING:
		err = user_rings(t->cred, &u);
		*out = id == KEY_SPEC_USER_KEYRING ? u->user : u->session;
		return err;
	case KEY_SPEC_REQKEY_AUTH_KEY:
	case KEY_SPEC_REQUESTOR_KEYRING:
		return -ENOKEY;         /* of programs that the kernel starts to make keys */
	default:
		return -EINVAL;
	}
}

int keys_search(struct task *t, const struct key_search *s, struct key_ref *out)
{
	const struct task_keys none = { 0 }, *keys = t->keys ? t->keys : &none;
	const struct user_rings *u = rings_of(t->cred, t->cred->uid, false);
	struct key *rings[] = { keys->thread, keys->process, keys->session ? keys->session : u ? u->session : NULL };
	int result = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rings); i++) {
		if (!rings[i])
			continue;
		int err = keyring_search((struct key_ref){ rings[i], true }, s, out);
		if (!err)
			return 0;
		/* A keyring without it beats a key in a bad state, as in Linux. */
		if (err == -ENOKEY || (err == -EAGAIN && result != -ENOKEY) || !result)
			result = err;
	}
	return result ? result : -EAGAIN;
}

static int find_ref(struct task *t, int32_t id, bool create, struct key_ref *out)
{
	if (id < 0) {
		int err = special(t, id, create, &out->key);
		out->possessed = true;
		return err;
	}
	out->key = id ? key_find(id) : NULL;
	if (!out->key || out->key->invalidated)
		return id ? -ENOKEY : -EINVAL;
	struct key_ref found;
	const struct key_search s = { .key = out->key, .cred = t->cred };
	out->possessed = keys_search(t, &s, &found) == 0;
	return 0;
}

int keys_lookup(struct task *t, int32_t id, int flags, int need, struct key_ref *out)
{
	struct key_ref r = { 0 };
	int err = find_ref(t, id, flags & KEYS_CREATE, &r);
	if (!err && !(flags & KEYS_ANY_STATE))
		err = r.key->negative ? -ENOKEY : key_validate(r.key);
	if (!err && need)
		err = key_permit(r, t->cred, need);
	if (err)
		return err;
	key_get(r.key);
	*out = r;
	return 0;
}

/* --- keys on request --- */

int keys_set_default_ring(struct task *t, int ring)
{
	struct task_keys *keys = keys_of(t);
	int old = keys->default_ring, err = 0;
	switch (ring) {
	case KEY_REQKEY_DEFL_NO_CHANGE:
		return old;
	case KEY_REQKEY_DEFL_THREAD_KEYRING:
		err = own_ring(&keys->thread, "_tid", t->cred, true);
		break;
	case KEY_REQKEY_DEFL_PROCESS_KEYRING:
		err = own_ring(&keys->process, "_pid", t->cred, true);
		break;
	case KEY_REQKEY_DEFL_DEFAULT:
	case KEY_REQKEY_DEFL_SESSION_KEYRING:
	case KEY_REQKEY_DEFL_USER_KEYRING:
	case KEY_REQKEY_DEFL_USER_SESSION_KEYRING:
	case KEY_REQKEY_DEFL_REQUESTOR_KEYRING:
		break;
	default:
		return -EINVAL;
	}
	if (!err)
		keys->default_ring = ring;
	return err ? err : old;
}

/* Where a requested key goes that nobody named a place for; it has to be writable. Borrowed. */
static int default_dest(struct task *t, struct key **out)
{
	struct user_rings *u;
	const struct task_keys *keys = keys_of(t);
	struct key *ring = NULL;
	int wish = keys->default_ring, err = user_rings(t->cred, &u);
	if (err)
		return err;
	if (wish == KEY_REQKEY_DEFL_DEFAULT || wish == KEY_REQKEY_DEFL_REQUESTOR_KEYRING)
		wish = KEY_REQKEY_DEFL_THREAD_KEYRING;
	if (wish == KEY_REQKEY_DEFL_THREAD_KEYRING)
		ring = keys->thread;
	if (!ring && wish <= KEY_REQKEY_DEFL_PROCESS_KEYRING)
		ring = keys->process;
	if (!ring && wish <= KEY_REQKEY_DEFL_SESSION_KEYRING)
		ring = keys->session;
	if (wish == KEY_REQKEY_DEFL_USER_KEYRING)
		ring = u->user;
	*out = ring ? ring : u->session;
	return key_permit((struct key_ref){ *out, true }, t->cred, KEY_WRITE);
}

#define NEGATIVE_S 60

int keys_request(struct task *t, const struct key_type *type, const char *desc, struct key *dest)
{
	AUTO(key_put) struct key *k = NULL;
	int err = dest ? 0 : default_dest(t, &dest);
	if (!err)
		err = keyring_may_link(dest, NULL);
	if (err)
		return err;
	uint32_t perm = KEY_POSSESSOR(KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR) | KEY_USER(KEY_VIEW) | type->perm;
	err = key_new(type, desc, t->cred->fsuid, t->cred->fsgid, perm, true, 0, &k);
	if (err)
		return err;
	k->negative = true;
	key_set_timeout(k, NEGATIVE_S);
	err = keyring_link(dest, k);
	return err ? err : -ENOENT;
}
