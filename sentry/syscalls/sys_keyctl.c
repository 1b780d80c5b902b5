/* sys_keyctl.c - keyctl(2): an operation a function.
 *
 * LINUX   security/keys/keyctl.c. Same: which permission each asks for, what it does about keys in a bad state.
 * MISSING Instantiating keys on request, public-key operations, Diffie-Hellman, watching: EPERM and EOPNOTSUPP, as for a
 *         process that was not asked, and a kernel without them. */
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/user_ns.h"
#include "sentry/keys/keys.h"
#include "sentry/syscalls/keys_args.h"
#include "sentry/syscalls/table.h"

/* Everything or nothing: how long the text is, with its NUL. */
static long put_text(struct task *t, const char *text, uptr_t to, uint64_t room)
{
	size_t bytes = strlen(text) + 1;
	if (!uptr_null(to) && room >= bytes && copy_to_user(t, to, text, bytes))
		return -EFAULT;
	return (long)bytes;
}

static long get_keyring_id(struct task *t, int32_t id, bool create)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, create ? KEYS_CREATE : 0, KEY_SEARCH, &r);
	return err ? err : r.key->serial;
}

static long join_session(struct task *t, uptr_t name)
{
	AUTO(free) char *text = NULL;
	int err = uptr_null(name) ? 0 : keys_get_text(t, name, &text);
	if (err)
		return err;
	return text && text[0] == '.' ? -EPERM : keys_join_session(t, text);
}

static long update(struct task *t, int32_t id, uptr_t payload, uint64_t bytes)
{
	AUTO(free) void *data = NULL;
	AUTO_KEY_REF r = { 0 };
	if (bytes > PAGE_SIZE)
		return -EINVAL;
	int err = keys_get_payload(t, payload, bytes, &data);
	if (!err)
		err = keys_lookup(t, id, 0, KEY_WRITE, &r);
	if (err)
		return err;
	if (!r.key->type->can_update)
		return -EOPNOTSUPP;
	err = r.key->type->check_payload(bytes);
	return err ? err : key_set_payload(r.key, data, bytes);
}

static long revoke_key(struct task *t, int32_t id)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, 0, KEY_WRITE, &r);
	if (err == -EACCES)
		err = keys_lookup(t, id, 0, KEY_SETATTR, &r);
	if (!err)
		key_revoke(r.key);
	return err;
}

static long invalidate(struct task *t, int32_t id)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, 0, KEY_SEARCH, &r);
	if (!err)
		key_invalidate(r.key);
	return err;
}

static bool is_admin(const struct task *t)
{
	return cred_has_cap(t->cred, CAP_SYS_ADMIN);
}

static long chown_key(struct task *t, int32_t id, uint32_t uid, uint32_t gid)
{
	const struct cred *c = t->cred;
	uint32_t to_uid = uid_given(c, uid), to_gid = gid_given(c, gid);
	AUTO_KEY_REF r = { 0 };
	if ((uid != UINT32_MAX && to_uid == ID_NONE) || (gid != UINT32_MAX && to_gid == ID_NONE))
		return -EINVAL;
	if (uid == UINT32_MAX && gid == UINT32_MAX)
		return 0;
	int err = keys_lookup(t, id, KEYS_CREATE | KEYS_ANY_STATE, KEY_SETATTR, &r);
	if (err)
		return err;
	bool moves = uid != UINT32_MAX && to_uid != r.key->uid;
	bool regroups = gid != UINT32_MAX && to_gid != r.key->gid;
	if (!is_admin(t) && (moves || (regroups && !cred_in_group(c, to_gid))))
		return -EACCES;
	if (moves)
		err = key_chown(r.key, to_uid);
	if (!err && regroups)
		r.key->gid = to_gid;
	return err;
}

static long setperm(struct task *t, int32_t id, uint32_t perm)
{
	AUTO_KEY_REF r = { 0 };
	if (perm & ~KEY_PERM_BITS)
		return -EINVAL;
	int err = keys_lookup(t, id, KEYS_CREATE | KEYS_ANY_STATE, KEY_SETATTR, &r);
	if (err)
		return err;
	if (!is_admin(t) && r.key->uid != t->cred->fsuid)
		return -EACCES;
	r.key->perm = perm;
	return 0;
}

static long describe(struct task *t, int32_t id, uptr_t to, uint64_t room)
{
	AUTO_KEY_REF r = { 0 };
	AUTO(free) char *text = NULL;
	int err = keys_lookup(t, id, KEYS_ANY_STATE, KEY_VIEW, &r);
	if (err)
		return err;
	const struct key *k = r.key;
	if (asprintf(&text, "%s;%d;%d;%08x;%s", k->type->name, (int)uid_shown(t->cred, k->uid),
		     (int)(k->gid == ID_NONE ? ID_OVERFLOW : gid_shown(t->cred, k->gid)), k->perm, k->desc) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return put_text(t, text, to, room);
}

static long clear(struct task *t, int32_t id)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, KEYS_CREATE, KEY_WRITE, &r);
	if (err)
		return err;
	if (!r.key->type->is_ring)
		return -ENOTDIR;
	keyring_clear(r.key);
	return 0;
}

static long link_key(struct task *t, int32_t id, int32_t ring_id)
{
	AUTO_KEY_REF ring = { 0 }, r = { 0 };
	int err = keys_lookup(t, ring_id, KEYS_CREATE, KEY_WRITE, &ring);
	if (!err)
		err = keys_lookup(t, id, KEYS_CREATE, KEY_LINK, &r);
	return err ? err : keyring_link(ring.key, r.key);
}

static long unlink_key(struct task *t, int32_t id, int32_t ring_id)
{
	AUTO_KEY_REF ring = { 0 }, r = { 0 };
	int err = keys_lookup(t, ring_id, 0, KEY_WRITE, &ring);
	if (!err)
		err = keys_lookup(t, id, KEYS_ANY_STATE, 0, &r);
	if (err)
		return err;
	return ring.key->type->is_ring ? keyring_unlink(ring.key, r.key) : -ENOTDIR;
}

static long move_key(struct task *t, int32_t id, int32_t from_id, int32_t to_id, unsigned flags)
{
	AUTO_KEY_REF r = { 0 }, from = { 0 }, to = { 0 };
	if (flags & ~(unsigned)KEYCTL_MOVE_EXCL)
		return -EINVAL;
	int err = keys_lookup(t, id, KEYS_CREATE, KEY_LINK, &r);
	if (!err)
		err = keys_lookup(t, from_id, 0, KEY_WRITE, &from);
	if (!err)
		err = keys_lookup(t, to_id, KEYS_CREATE, KEY_WRITE, &to);
	if (err)
		return err;
	if (!from.key->type->is_ring || !to.key->type->is_ring)
		return -ENOTDIR;
	if (from.key == to.key)
		return 0;
	bool there = false;
	for (unsigned i = 0; i < from.key->nlinks; i++)
		there |= from.key->links[i] == r.key;
	if (!there)
		return -ENOENT;
	if ((flags & KEYCTL_MOVE_EXCL) && keyring_find(to.key, r.key->type, r.key->desc))
		return -EEXIST;
	err = keyring_link(to.key, r.key);
	return err ? err : keyring_unlink(from.key, r.key);
}

static long search(struct task *t, int32_t ring_id, uptr_t type, uptr_t description, int32_t dest_id)
{
	char name[KEY_TYPE_BYTES];
	AUTO(free) char *desc = NULL;
	AUTO_KEY_REF ring = { 0 }, dest = { 0 };
	int err = keys_get_type(t, type, name);
	if (!err)
		err = keys_get_text(t, description, &desc);
	if (!err)
		err = keys_lookup(t, ring_id, 0, KEY_SEARCH, &ring);
	if (!err && dest_id)
		err = keys_lookup(t, dest_id, KEYS_CREATE, KEY_WRITE, &dest);
	if (err)
		return err;
	const struct key_search s = { .type = key_type_find(name), .desc = desc, .cred = t->cred };
	struct key_ref found;
	if (!s.type)
		return -ENOKEY;
	err = keyring_search(ring, &s, &found);
	if (!err && dest.key) {
		err = key_permit(found, t->cred, KEY_LINK);
		if (!err)
			err = keyring_link(dest.key, found.key);
	}
	return err == -EAGAIN ? -ENOKEY : err ? err : found.key->serial;
}

/* How long it is; as much of it as there is room for. */
static long read_key(struct task *t, int32_t id, uptr_t to, uint64_t room)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, KEYS_ANY_STATE, 0, &r);
	if (err || r.key->negative)
		return -ENOKEY;
	const struct key *k = r.key;
	if (key_permit(r, t->cred, KEY_READ) && !r.possessed)
		return -EACCES;
	if (!k->type->can_read)
		return -EOPNOTSUPP;
	err = key_validate(k);
	if (err)
		return err;
	if (uptr_null(to))
		room = 0;
	if (!k->type->is_ring) {
		size_t n = MIN(room, k->payload_bytes);
		return n && copy_to_user(t, to, k->payload, n) ? -EFAULT : (long)k->payload_bytes;
	}
	for (unsigned i = 0; i < k->nlinks && room >= sizeof(int32_t) * (i + 1); i++)
		if (put_user(t, uptr_add(to, i * sizeof(int32_t)), &k->links[i]->serial))
			return -EFAULT;
	return (long)(k->nlinks * sizeof(int32_t));
}

static long set_timeout(struct task *t, int32_t id, unsigned seconds)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, KEYS_CREATE | KEYS_ANY_STATE, KEY_SETATTR, &r);
	if (!err)
		key_set_timeout(r.key, seconds);
	return err;
}

static long get_security(struct task *t, int32_t id, uptr_t to, uint64_t room)
{
	AUTO_KEY_REF r = { 0 };
	int err = keys_lookup(t, id, KEYS_ANY_STATE, KEY_VIEW, &r);
	return err ? err : put_text(t, "", to, room);
}

static long get_persistent(struct task *t, uint32_t uid, int32_t dest_id)
{
	AUTO_KEY_REF dest = { 0 };
	AUTO(key_put) struct key *k = NULL;
	uint32_t whose = uid == UINT32_MAX ? t->cred->uid : uid_given(t->cred, uid);
	if (whose == ID_NONE)
		return -EINVAL;
	int err = keys_lookup(t, dest_id, KEYS_CREATE, KEY_WRITE, &dest);
	if (!err)
		err = keys_persistent(t, whose, &k);
	if (!err)
		err = keyring_link(dest.key, k);
	return err ? err : k->serial;
}

/* Only the restriction that nothing may be linked any more: the others are about types that are missing. */
static long restrict_ring(struct task *t, int32_t id, uptr_t type, uptr_t restriction)
{
	AUTO_KEY_REF r = { 0 };
	char name[KEY_TYPE_BYTES];
	int err = keys_lookup(t, id, 0, KEY_SETATTR, &r);
	if (!err && !uptr_null(type))
		err = uptr_null(restriction) ? -EINVAL : keys_get_type(t, type, name);
	else if (!err && !uptr_null(restriction))
		err = -EINVAL;
	if (err)
		return err;
	if (!uptr_null(type))
		return key_type_find(name) ? -ENOENT : -ENOKEY;
	if (!r.key->type->is_ring)
		return -ENOTDIR;
	if (r.key->sealed)
		return -EEXIST;
	r.key->sealed = true;
	return 0;
}

static long capabilities(struct task *t, uptr_t to, uint64_t room)
{
	const uint8_t caps[] = {
		KEYCTL_CAPS0_CAPABILITIES | KEYCTL_CAPS0_PERSISTENT_KEYRINGS | KEYCTL_CAPS0_INVALIDATE |
			KEYCTL_CAPS0_RESTRICT_KEYRING | KEYCTL_CAPS0_MOVE,
		0,
	};
	size_t n = MIN(room, sizeof(caps));
	if (!uptr_null(to) && (copy_to_user(t, to, caps, n) || (room > n && clear_user(t, uptr_add(to, n), room - n))))
		return -EFAULT;
	return sizeof(caps);
}

long sys_keyctl(struct task *t, int operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	int32_t id = (int32_t)a;
	switch (operation) {
	case KEYCTL_GET_KEYRING_ID: return get_keyring_id(t, id, b);
	case KEYCTL_JOIN_SESSION_KEYRING: return join_session(t, UPTR(a));
	case KEYCTL_UPDATE: return update(t, id, UPTR(b), c);
	case KEYCTL_REVOKE: return revoke_key(t, id);
	case KEYCTL_CHOWN: return chown_key(t, id, (uint32_t)b, (uint32_t)c);
	case KEYCTL_SETPERM: return setperm(t, id, (uint32_t)b);
	case KEYCTL_DESCRIBE: return describe(t, id, UPTR(b), c);
	case KEYCTL_CLEAR: return clear(t, id);
	case KEYCTL_LINK: return link_key(t, id, (int32_t)b);
	case KEYCTL_UNLINK: return unlink_key(t, id, (int32_t)b);
	case KEYCTL_SEARCH: return search(t, id, UPTR(b), UPTR(c), (int32_t)d);
	case KEYCTL_READ: return read_key(t, id, UPTR(b), c);
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
	case KEYCTL_NEGATE:
	case KEYCTL_REJECT: return -EPERM;
	case KEYCTL_SET_REQKEY_KEYRING: return keys_set_default_ring(t, id);
	case KEYCTL_SET_TIMEOUT: return set_timeout(t, id, (unsigned)b);
	case KEYCTL_ASSUME_AUTHORITY: return id < 0 ? -EINVAL : id ? -ENOKEY : 0;
	case KEYCTL_GET_SECURITY: return get_security(t, id, UPTR(b), c);
	case KEYCTL_SESSION_TO_PARENT: return keys_session_to_parent(t);
	case KEYCTL_INVALIDATE: return invalidate(t, id);
	case KEYCTL_GET_PERSISTENT: return get_persistent(t, (uint32_t)a, (int32_t)b);
	case KEYCTL_RESTRICT_KEYRING: return restrict_ring(t, id, UPTR(b), UPTR(c));
	case KEYCTL_MOVE: return move_key(t, id, (int32_t)b, (int32_t)c, (unsigned)d);
	case KEYCTL_CAPABILITIES: return capabilities(t, UPTR(a), b);
	default: return -EOPNOTSUPP;
	}
}
