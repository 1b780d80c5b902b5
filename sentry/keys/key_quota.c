/* key_quota.c - how many keys a user may have, and how big they may be (key.h).
 *
 * LINUX   security/keys/key.c, key_user_lookup(). Root of the sandbox has a limit of its own, which is lower than Linux's: keys are
 *         the sentry's memory. All keys together are limited too. */
#include "sentry/keys/key.h"

#define KEYS_MAX 50000

int keys_max_count = 200, keys_max_bytes = 20000, keys_root_max_count = 20000, keys_root_max_bytes = 25000000;
int keys_gc_delay_s = 300, keys_persistent_expiry_s = 3 * 24 * 3600;

static struct key_user *users;
static int total;

int key_limit_count(uint32_t uid)
{
	return uid ? keys_max_count : keys_root_max_count;
}

int key_limit_bytes(uint32_t uid)
{
	return uid ? keys_max_bytes : keys_root_max_bytes;
}

const struct key_user *key_user_next(const struct key_user *u)
{
	return u ? u->hh.next : users;
}

static struct key_user *user_of(uint32_t uid)
{
	struct key_user *u;
	HASH_FIND_INT(users, &uid, u);
	if (!u) {
		u = NEW(struct key_user);
		u->uid = uid;
		HASH_ADD_INT(users, uid, u);
	}
	return u;
}

static void forget_if_empty(struct key_user *u)
{
	if (u->keys)
		return;
	HASH_DEL(users, u);
	free(u);
}

/* A key that has counted for nothing so far is a new one; one that counts for nothing any more is gone. */
int key_charge(struct key *k, int64_t bytes)
{
	bool born = k->quota_bytes == 0, dies = !born && k->quota_bytes + (uint64_t)bytes == 0;
	struct key_user *u = user_of(k->uid);
	bool over = k->in_quota && bytes > 0 && (u->quota_bytes + bytes > key_limit_bytes(k->uid) ||
						 (born && u->quota_keys >= key_limit_count(k->uid)));
	if (over || (born && total >= KEYS_MAX)) {
		forget_if_empty(u);
		return -EDQUOT;
	}
	k->quota_bytes += (uint64_t)bytes;
	total += born - dies;
	u->keys += born - dies;
	if (k->in_quota) {
		u->quota_keys += born - dies;
		u->quota_bytes += bytes;
	}
	forget_if_empty(u);
	return 0;
}

int key_chown(struct key *k, uint32_t uid)
{
	struct key moved = { .uid = uid, .in_quota = k->in_quota };
	int64_t bytes = (int64_t)k->quota_bytes;
	if (uid == k->uid)
		return 0;
	int err = key_charge(&moved, bytes);
	if (err)
		return err;
	CHECK(key_charge(k, -bytes) == 0);
	k->uid = uid;
	k->quota_bytes = (size_t)bytes;
	return 0;
}
