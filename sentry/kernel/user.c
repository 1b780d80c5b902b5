/* user.c - how much each user has of what is limited by user (cred.h).
 *
 * LINUX   kernel/ucount.c. Users that have nothing take no memory. */
#include "sentry/kernel/cred.h"

#include <uthash.h>

struct user_entry {
	uint32_t uid;
	struct user_counts counts;
	UT_hash_handle hh;
};
static struct user_entry *users;

static struct user_entry *find(uint32_t uid)
{
	struct user_entry *u;
	HASH_FIND(hh, users, &uid, sizeof(uid), u);
	return u;
}

struct user_counts user_counts(uint32_t uid)
{
	struct user_entry *u = find(uid);
	return u ? u->counts : (struct user_counts){ 0 };
}

void user_charge(uint32_t uid, int tasks, int signals)
{
	struct user_entry *u = find(uid);
	if (!u) {
		u = NEW(struct user_entry);
		u->uid = uid;
		HASH_ADD(hh, users, uid, sizeof(u->uid), u);
	}
	u->counts.tasks += tasks;
	u->counts.signals += signals;
	CHECK(u->counts.tasks >= 0 && u->counts.signals >= 0);
	if (u->counts.tasks == 0 && u->counts.signals == 0) {
		HASH_DEL(users, u);
		free(u);
	}
}
