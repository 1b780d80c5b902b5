/* proc_keys.c - /proc/keys, /proc/key-users, /proc/sys/kernel/keys.
 *
 * LINUX    security/keys/proc.c, sysctl.c. Only the keys that the reader may view are shown. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/keys/keys.h"

static void time_left(const struct key *k, char out[16])
{
	static const struct { int64_t seconds; char unit; } units[] = {
		{ 7 * 24 * 3600, 'w' }, { 24 * 3600, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' },
	};
	int64_t left = k->expires_s - (int64_t)(now_real_ns() / NS_PER_SEC);
	if (!k->expires_s) {
		snprintf(out, 16, "perm");
		return;
	}
	snprintf(out, 16, "expd");
	for (size_t i = 0; i < ARRAY_SIZE(units) && left > 0; i++) {
		if (left < units[i].seconds)
			continue;
		snprintf(out, 16, "%d%c", (int)MIN(left / units[i].seconds, INT_MAX), units[i].unit);
		return;
	}
}

static void show_key(struct seq *s, const struct key *k, const struct cred *c)
{
	char left[16];
	time_left(k, left);
	seq_printf(s, "%08x %c%c%c%c%c%c%c %5d %4s %08x %5d %5d %-9.9s ", (unsigned)k->serial, 'I', k->revoked ? 'R' : '-', '-',
		   k->in_quota ? 'Q' : '-', '-', k->negative ? 'N' : '-', k->invalidated ? 'i' : '-', k->refs, left, k->perm,
		   (int)uid_shown(c, k->uid), (int)(k->gid == ID_NONE ? ID_OVERFLOW : gid_shown(c, k->gid)), k->type->name);
	seq_escaped(s, k->desc, "\n");
	if (k->type->is_ring && !k->nlinks)
		seq_puts(s, ": empty");
	else if (!k->negative)
		seq_printf(s, ": %zu", k->type->is_ring ? k->nlinks : k->payload_bytes);
	seq_puts(s, "\n");
}

int proc_keys(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	if (!viewer)
		return 0;
	for (struct key *k = key_next(NULL); k; k = key_next(k)) {
		struct key_ref found, r = { k, false };
		const struct key_search search = { .key = k, .cred = viewer->cred };
		/* Who may see it anyway need not be looked for in all his keyrings. */
		if (key_permit(r, viewer->cred, KEY_VIEW))
			r.possessed = k->perm & KEY_POSSESSOR(KEY_VIEW) && keys_search(viewer, &search, &found) == 0;
		if (key_permit(r, viewer->cred, KEY_VIEW) == 0)
			show_key(s, k, viewer->cred);
	}
	return 0;
}

int proc_key_users(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	for (const struct key_user *u = key_user_next(NULL); u; u = key_user_next(u))
		seq_printf(s, "%5u: %5d %d/%d %d/%d %" PRId64 "/%d\n", viewer ? uid_shown(viewer->cred, u->uid) : u->uid, u->keys, u->keys,
			   u->keys, u->quota_keys, key_limit_count(u->uid), u->quota_bytes, key_limit_bytes(u->uid));
	return 0;
}

#define LIMIT(var) { .ints = &(var), .n = 1, .max = INT_MAX }
static const struct proc_limit limits[] = {
	LIMIT(keys_gc_delay_s), LIMIT(keys_max_bytes), LIMIT(keys_max_count), LIMIT(keys_persistent_expiry_s), LIMIT(keys_root_max_bytes),
	LIMIT(keys_root_max_count),
};
const struct pseudo_entry proc_sys_keys_entries[] = {
	PROC_LIMIT("gc_delay", limits[0]),
	PROC_LIMIT("maxbytes", limits[1]),
	PROC_LIMIT("maxkeys", limits[2]),
	PROC_LIMIT("persistent_keyring_expiry", limits[3]),
	PROC_LIMIT("root_maxbytes", limits[4]),
	PROC_LIMIT("root_maxkeys", limits[5]),
	{ 0 },
};
