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

static void charge(uint32_t uid, struct user_counts add)
{
	struct user_entry *u = find(uid);
	if (!u) {
		u = NEW(struct user_entry);
		u->uid = uid;
		HASH_ADD(hh, users, uid, sizeof(u->uid), u);
	}
	u->counts.tasks += add.tasks;
	u->counts.signals += add.signals;
	u->counts.inotifies += add.inotifies;
	CHECK(u->counts.tasks >= 0 && u->counts.signals >= 0 && u->counts.inotifies >= 0);
	if (u->counts.tasks == 0 && u->counts.signals == 0 && u->counts.inotifies == 0) {
		HASH_DEL(users, u);
		free(u);
	}
}

void user_charge(uint32_t uid, int tasks, int signals)
{
	charge(uid, (struct user_counts){ .tasks = tasks, .signals = signals });
}

void user_charge_inotify(uint32_t uid, int n)
{
	charge(uid, (struct user_counts){ .inotifies = n });
}
