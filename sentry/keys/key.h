/* key.h - keys and keyrings: things that the kernel keeps for a user or a process (keyrings(7)).
 *
 * A key is found by its serial number, or by type and description from the keyrings that a task has (keys.h). It goes
 * with its last reference: a link from a keyring, a task that has it as one of its own, a call that is using it. */
#pragma once

#include <uthash.h>

#include "sentry/kernel/task.h"

struct key;

struct key_type {
	const char *name;
	uint32_t perm;                    /* what its owner gets, beyond viewing */
	bool is_ring, can_read, can_update;
	/* -EINVAL: a payload, a description that it does not take. NULL: any. */
	int (*check_payload)(size_t bytes);
	int (*check_desc)(const char *desc);
};
extern const struct key_type key_type_keyring, key_type_user, key_type_logon;
const struct key_type *key_type_find(const char *name);       /* NULL */

enum { KEY_VIEW = 1, KEY_READ = 2, KEY_WRITE = 4, KEY_SEARCH = 8, KEY_LINK = 16, KEY_SETATTR = 32, KEY_ALL = 63 };
#define KEY_POSSESSOR(perm) ((uint32_t)(perm) << 24)
#define KEY_USER(perm) ((uint32_t)(perm) << 16)
#define KEY_GROUP(perm) ((uint32_t)(perm) << 8)
#define KEY_PERM_BITS (KEY_POSSESSOR(KEY_ALL) | KEY_USER(KEY_ALL) | KEY_GROUP(KEY_ALL) | KEY_ALL)

struct key {
	int refs;
	int32_t serial;
	const struct key_type *type;
	char *desc;
	uint32_t uid, gid, perm;
	bool in_quota, revoked, invalidated, negative, sealed;        /* sealed: a keyring that takes no links any more */
	int64_t expires_s;                /* CLOCK_REALTIME; 0: never */
	size_t quota_bytes, payload_bytes;
	void *payload;
	struct key **links;               /* of a keyring: references */
	unsigned nlinks, room;
	unsigned visit;                   /* of the search that was here last */
	struct key *next_dead;
	UT_hash_handle hh;
};

/* A key and whether the task possesses it, which is a reason of its own to be allowed something. */
struct key_ref { struct key *key; bool possessed; };

/* -EDQUOT: its user has too many, or the sandbox. serial is new; refs 1. */
int key_new(const struct key_type *type, const char *desc, uint32_t uid, uint32_t gid, uint32_t perm, bool in_quota,
	    size_t payload_bytes, struct key **out) MUST_CHECK;
struct key *key_get(struct key *k);
void key_put(struct key *k);
DEFINE_AUTO(key_put, struct key *)
struct key *key_find(int32_t serial);                         /* borrowed; NULL */
struct key *key_next(const struct key *k);                    /* all, NULL first; oldest first */

int key_set_payload(struct key *k, const void *data, size_t bytes) MUST_CHECK;    /* -EDQUOT. Makes a negative one positive */
int key_validate(const struct key *k);                        /* -ENOKEY -EKEYREVOKED -EKEYEXPIRED */
int key_permit(struct key_ref r, const struct cred *c, int need);     /* -EACCES */
void key_revoke(struct key *k);                               /* its contents go; its name stays for a while */
void key_invalidate(struct key *k);                           /* gone, from all keyrings */
void key_set_timeout(struct key *k, unsigned seconds);        /* 0: none */
int key_chown(struct key *k, uint32_t uid) MUST_CHECK;        /* with what it counts for. -EDQUOT */

/* A keyring's links. */
struct key *keyring_find(const struct key *ring, const struct key_type *type, const char *desc);     /* borrowed; NULL */
int keyring_may_link(const struct key *ring, const struct key *k) MUST_CHECK;    /* -EDEADLK -ELOOP -EKEYREVOKED -EPERM -ENFILE */
int keyring_link(struct key *ring, struct key *k) MUST_CHECK; /* in place of one of the same name. The above, -EDQUOT */
int keyring_unlink(struct key *ring, const struct key *k) MUST_CHECK;    /* -ENOENT */
void keyring_clear(struct key *ring);
void keys_collect(void);                                      /* what has been dead for a while leaves its keyrings */

/* Looks for a key below `from`, by name or (`key`) for this one. */
struct key_search {
	const struct key_type *type;
	const char *desc;
	const struct key *key;            /* or this very one, whatever its state */
	const struct cred *cred;
};
/* -EAGAIN: nothing; -EACCES -EKEYREVOKED -EKEYEXPIRED -ENOKEY (negative) of what was found; -ENOTDIR. out: borrowed. */
int keyring_search(struct key_ref from, const struct key_search *s, struct key_ref *out) MUST_CHECK;

/* Limits by user, and /proc/sys/kernel/keys. */
extern int keys_max_count, keys_max_bytes, keys_root_max_count, keys_root_max_bytes, keys_gc_delay_s, keys_persistent_expiry_s;
struct key_user { uint32_t uid; int keys, quota_keys; int64_t quota_bytes; UT_hash_handle hh; };
const struct key_user *key_user_next(const struct key_user *u);       /* NULL first */
int key_charge(struct key *k, int64_t bytes) MUST_CHECK;      /* its quota_bytes change. -EDQUOT */
int key_limit_count(uint32_t uid);
int key_limit_bytes(uint32_t uid);
