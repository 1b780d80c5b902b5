/* keys.h - the keyrings a task has, and finding keys by them (thread-keyring(7) and its like). */
#pragma once

#include "sentry/keys/key.h"

/* A task that has never used keys has none of this. Threads share process and session keyring while nobody changes his. */
struct task_keys {
	struct key *thread, *process, *session;   /* references; NULL: not yet */
	int default_ring;                 /* KEY_REQKEY_DEFL_*: where requested keys go */
};
void keys_fork(const struct task *t, struct task *child, bool is_thread);
void keys_exec(struct task *t);           /* a new program keeps the session keyring only */
void keys_exit(struct task *t);
void keys_user_ns_gone(uint32_t ino);     /* a user namespace's users, and their keyrings */

/* id: a serial, or KEY_SPEC_*. need: KEY_VIEW …, 0: nothing. out: a reference. Linux's lookup_user_key(): -EINVAL -ENOKEY -EACCES
 * -EKEYREVOKED -EKEYEXPIRED -EDQUOT. */
enum { KEYS_CREATE = 1, KEYS_ANY_STATE = 2 };
int keys_lookup(struct task *t, int32_t id, int flags, int need, struct key_ref *out) MUST_CHECK;
static inline void key_ref_put(struct key_ref *r) { key_put(r->key); }
#define AUTO_KEY_REF __attribute__((cleanup(key_ref_put))) struct key_ref

/* From all that t has: thread, process, session keyring, in this order. As keyring_search(). */
int keys_search(struct task *t, const struct key_search *s, struct key_ref *out) MUST_CHECK;

int keys_join_session(struct task *t, const char *name);      /* NULL: a new one without a name. Its serial, or -errno */
int keys_session_to_parent(struct task *t) MUST_CHECK;
int keys_persistent(struct task *t, uint32_t uid, struct key **out) MUST_CHECK;
int keys_set_default_ring(struct task *t, int ring);          /* The old one; -EINVAL; -1: stays */
/* request_key(2) when there is no such key: a negative one that says so for a minute. -ENOENT, or why that can't be made. */
int keys_request(struct task *t, const struct key_type *type, const char *desc, struct key *dest);
