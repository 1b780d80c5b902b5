/* sys_keys.c - add_key(2), request_key(2).
 *
 * LINUX   security/keys/keyctl.c, key.c (key_create_or_update), request_key.c. Same: the order of checks.
 * MISSING Asking a program for a key (sentry/keys/README.md). */
#include <string.h>

#include "sentry/keys/keys.h"
#include "sentry/syscalls/keys_args.h"
#include "sentry/syscalls/table.h"

#define PAYLOAD_MAX (1024 * 1024 - 1)

int keys_get_type(struct task *t, uptr_t from, char out[KEY_TYPE_BYTES])
{
	ssize_t n = strncpy_from_user(t, out, from, KEY_TYPE_BYTES);
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : (int)n;
	return n == 0 ? -EINVAL : out[0] == '.' ? -EPERM : 0;
}

int keys_get_text(struct task *t, uptr_t from, char **out)
{
	int err = strndup_from_user(t, from, KEY_DESC_BYTES, out);
	return err == -ENAMETOOLONG ? -EINVAL : err;
}

int keys_get_payload(struct task *t, uptr_t from, uint64_t bytes, void **out)
{
	*out = NULL;
	if (!bytes)
		return 0;
	*out = xzalloc(bytes);
	return copy_from_user(t, *out, from, bytes);
}

/* A key's new contents, if it is one that takes them. */
static int update(struct task *t, struct key_ref r, const void *payload, uint64_t bytes)
{
	int err = key_permit(r, t->cred, KEY_WRITE);
	return err ? err : key_set_payload(r.key, payload, bytes);
}

static int create_or_update(struct task *t, const char *type_name, const char *desc, const void *payload, uint64_t bytes,
			    struct key_ref ring)
{
	const struct key_type *type = key_type_find(type_name);
	if (!type)
		return -ENODEV;
	if (!ring.key->type->is_ring)
		return -ENOTDIR;
	int err = type->check_payload(bytes);
	if (!err && !desc)
		err = -EINVAL;
	if (!err && type->check_desc)
		err = type->check_desc(desc);
	if (!err)
		err = keyring_may_link(ring.key, NULL);
	if (err)
		return err;
	struct key *old = type->can_update ? keyring_find(ring.key, type, desc) : NULL;
	if (old && !key_validate(old)) {
		err = update(t, (struct key_ref){ old, ring.possessed }, payload, bytes);
		return err ? err : old->serial;
	}
	AUTO(key_put) struct key *k = NULL;
	uint32_t perm = KEY_POSSESSOR(KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR) | KEY_USER(KEY_VIEW) | type->perm;
	err = key_new(type, desc, t->cred->fsuid, t->cred->fsgid, perm, true, bytes, &k);
	if (!err)
		err = key_set_payload(k, payload, bytes);
	if (!err)
		err = keyring_link(ring.key, k);
	return err ? err : k->serial;
}

long sys_add_key(struct task *t, uptr_t type, uptr_t description, uptr_t payload, uint64_t plen, int keyring)
{
	char type_name[KEY_TYPE_BYTES];
	AUTO(free) char *desc = NULL;
	AUTO(free) void *data = NULL;
	if (plen > PAYLOAD_MAX)
		return -EINVAL;
	int err = keys_get_type(t, type, type_name);
	if (!err && !uptr_null(description))
		err = keys_get_text(t, description, &desc);
	if (err)
		return err;
	if (desc && !*desc)
		free(TAKE(desc));
	else if (desc && desc[0] == '.' && !strncmp(type_name, "keyring", 7))
		return -EPERM;
	err = keys_get_payload(t, payload, plen, &data);
	if (err)
		return err;
	AUTO_KEY_REF ring = { 0 };
	err = keys_lookup(t, keyring, KEYS_CREATE, KEY_WRITE, &ring);
	return err ? err : create_or_update(t, type_name, desc, data, plen, ring);
}

long sys_request_key(struct task *t, uptr_t type, uptr_t description, uptr_t callout_info, int dest_keyring)
{
	char type_name[KEY_TYPE_BYTES];
	AUTO(free) char *desc = NULL, *callout = NULL;
	int err = keys_get_type(t, type, type_name);
	if (!err)
		err = keys_get_text(t, description, &desc);
	if (!err && !uptr_null(callout_info))
		err = keys_get_text(t, callout_info, &callout);
	AUTO_KEY_REF dest = { 0 };
	if (!err && dest_keyring)
		err = keys_lookup(t, dest_keyring, KEYS_CREATE, KEY_WRITE, &dest);
	if (err)
		return err;
	struct key_search s = { .type = key_type_find(type_name), .desc = desc, .cred = t->cred };
	struct key_ref found;
	if (!s.type)
		return -ENOKEY;
	err = keys_search(t, &s, &found);
	if (err == -EAGAIN)
		return callout ? keys_request(t, s.type, desc, dest.key) : -ENOKEY;
	if (!err && dest.key)
		err = keyring_link(dest.key, found.key);
	return err ? err : found.key->serial;
}
