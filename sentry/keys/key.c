/* key.c - keys as objects: types, numbers, lifetime, permission (key.h).
 *
 * LINUX   security/keys/key.c, permission.c, user_defined.c. Same: the layout of permissions, whose they are, what counts for
 *         the quota. A key's contents are given back at once when it is revoked.
 * MISSING Types that are cryptography or somebody else's service: asymmetric, encrypted, trusted, big_key, dns_resolver … */
#include "sentry/keys/key.h"

#include <linux/capability.h>
#include <string.h>

#include "sentry/kernel/host_random.h"

#define PAYLOAD_MAX 32767

static struct key *all;

/* --- types --- */

static int check_bytes(size_t bytes)
{
	return bytes > 0 && bytes <= PAYLOAD_MAX ? 0 : -EINVAL;
}

static int check_none(size_t bytes)
{
	return bytes ? -EINVAL : 0;
}

/* "service:name" */
static int check_qualified(const char *desc)
{
	const char *colon = strchr(desc, ':');
	return colon && colon != desc ? 0 : -EINVAL;
}

const struct key_type key_type_keyring = {
	.name = "keyring", .is_ring = true, .can_read = true, .check_payload = check_none, .perm = KEY_POSSESSOR(KEY_READ | KEY_WRITE),
};
const struct key_type key_type_user = {
	.name = "user", .can_read = true, .can_update = true, .check_payload = check_bytes,
	.perm = KEY_POSSESSOR(KEY_READ | KEY_WRITE),
};
const struct key_type key_type_logon = {
	.name = "logon", .can_update = true, .check_payload = check_bytes, .check_desc = check_qualified,
	.perm = KEY_POSSESSOR(KEY_WRITE),
};
static const struct key_type *const types[] = { &key_type_keyring, &key_type_user, &key_type_logon };

const struct key_type *key_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

/* --- lifetime --- */

struct key *key_find(int32_t serial)
{
	struct key *k;
	HASH_FIND_INT(all, &serial, k);
	return k;
}

struct key *key_next(const struct key *k)
{
	return k ? k->hh.next : all;
}

static int32_t new_serial(void)
{
	int32_t serial;
	do {
		host_random(&serial, sizeof(serial));
		serial &= INT32_MAX;
	} while (serial < 3 || key_find(serial));
	return serial;
}

int key_new(const struct key_type *type, const char *desc, uint32_t uid, uint32_t gid, uint32_t perm, bool in_quota,
	    size_t payload_bytes, struct key **out)
{
	struct key *k = NEW(struct key);
	*k = (struct key){ .refs = 1, .type = type, .uid = uid, .gid = gid, .perm = perm, .in_quota = in_quota };
	keys_collect();
	k->serial = new_serial();
	int err = key_charge(k, (int64_t)(strlen(desc) + 1 + payload_bytes));
	if (err) {
		free(k);
		return err;
	}
	k->payload_bytes = payload_bytes;
	k->desc = xstrdup(desc);
	HASH_ADD_INT(all, serial, k);
	*out = k;
	return 0;
}

struct key *key_get(struct key *k)
{
	k->refs++;
	return k;
}

static void wipe(struct key *k)
{
	if (k->payload)
		explicit_bzero(k->payload, k->payload_bytes);
	free(TAKE(k->payload));
}

/* Keyrings in keyrings to any depth: no recursion. */
void key_put(struct key *k)
{
	struct key *dead = NULL;
	if (!k || --k->refs > 0)
		return;
	for (k->next_dead = NULL, dead = k; dead; ) {
		k = dead;
		dead = k->next_dead;
		for (unsigned i = 0; i < k->nlinks; i++) {
			if (--k->links[i]->refs > 0)
				continue;
			k->links[i]->next_dead = dead;
			dead = k->links[i];
		}
		CHECK(key_charge(k, -(int64_t)k->quota_bytes) == 0);
		HASH_DEL(all, k);
		wipe(k);
		free(k->links);
		free(k->desc);
		free(k);
	}
}

int key_set_payload(struct key *k, const void *data, size_t bytes)
{
	int err = key_charge(k, (int64_t)bytes - (int64_t)k->payload_bytes);
	if (err)
		return err;
	wipe(k);
	k->payload = bytes ? xzalloc(bytes) : NULL;
	if (bytes)
		memcpy(k->payload, data, bytes);
	k->payload_bytes = bytes;
	if (k->negative)
		k->expires_s = 0;
	k->negative = false;
	return 0;
}

/* --- state --- */

static int64_t now_s(void)
{
	return (int64_t)(now_real_ns() / NS_PER_SEC);
}

int key_validate(const struct key *k)
{
	if (k->invalidated)
		return -ENOKEY;
	if (k->revoked)
		return -EKEYREVOKED;
	return k->expires_s && now_s() >= k->expires_s ? -EKEYEXPIRED : 0;
}

int key_permit(struct key_ref r, const struct cred *c, int need)
{
	const struct key *k = r.key;
	uint32_t perm = k->perm;
	if (k->uid == c->fsuid)
		perm >>= 16;
	else if (k->perm & KEY_GROUP(KEY_ALL) && cred_in_group(c, k->gid))
		perm >>= 8;
	if (r.possessed)
		perm |= k->perm >> 24;
	return (perm & (uint32_t)need) == (uint32_t)need ? 0 : -EACCES;
}

void key_revoke(struct key *k)
{
	if (k->revoked)
		return;
	k->revoked = true;
	k->expires_s = now_s();           /* when keys_collect() begins to count */
	keyring_clear(k);
	wipe(k);
	CHECK(key_charge(k, -(int64_t)k->payload_bytes) == 0);
	k->payload_bytes = 0;
}

void key_set_timeout(struct key *k, unsigned seconds)
{
	k->expires_s = seconds ? now_s() + (int64_t)seconds : 0;
}

void key_invalidate(struct key *k)
{
	key_get(k);
	k->invalidated = true;
	for (struct key *ring = all; ring; ring = ring->hh.next)
		if (ring->type->is_ring)
			(void)!keyring_unlink(ring, k);
	key_put(k);
}

void keys_collect(void)
{
	static int64_t last;
	int64_t now = now_s();
	if (now == last)
		return;
	last = now;
	for (struct key *ring = all; ring; ring = ring->hh.next) {
		for (unsigned i = 0; ring->type->is_ring && i < ring->nlinks; ) {
			struct key *k = ring->links[i];
			/* One that is some task's own, too, stays there; and no keyring goes from under this loop. */
			if (!k->expires_s || now < k->expires_s + keys_gc_delay_s || (k->type->is_ring && k->refs == 1) ||
			    keyring_unlink(ring, k))
				i++;
		}
	}
}
