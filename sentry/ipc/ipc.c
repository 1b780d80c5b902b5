/* ipc.c - tables of System V objects (ipc.h).
 *
 * HOW      An array of slots, given out round about, with a sequence number that goes up with every round: a process that
 *          kept an id of something removed gets EINVAL, not somebody else's object.
 * LINUX    ipc/util.c. Same ids in the same order. */
#include "sentry/ipc/ipc.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/kernel/user_ns.h"

#include <linux/capability.h>
#include <string.h>

#include "sentry/vfs/permission.h"

#define MIN_CYCLE 64                      /* indexes are not reused before so many others */
#define SEQUENCES (1 << (31 - IPC_INDEX_BITS))

struct ipc_object *ipc_find_index(const struct ipc_ids *ids, int index)
{
	return index >= 0 && index < ids->size ? ids->slots[index] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_ids *ids, int id)
{
	struct ipc_object *o = id < 0 ? NULL : ipc_find_index(ids, id & (IPC_INDEX_MAX - 1));
	return o && o->id == id ? o : NULL;
}

struct ipc_object *ipc_next(const struct ipc_ids *ids, int *index)
{
	while (*index < ids->size) {
		struct ipc_object *o = ids->slots[(*index)++];
		if (o)
			return o;
	}
	return NULL;
}

int ipc_max_index(const struct ipc_ids *ids)
{
	int last = 0;
	for (int i = 0; i < ids->size; i++) {
		if (ids->slots[i])
			last = i;
	}
	return last;
}

int ipc_get_key(struct ipc_ids *ids, int key, int flags, struct ipc_object **out)
{
	struct ipc_object *o = NULL;
	if (key != IPC_PRIVATE) {
		HASH_FIND(by_key, ids->keys, &key, sizeof(key), o);
		if (!o && !(flags & IPC_CREAT))
			return -ENOENT;
		if (o && (flags & IPC_CREAT) && (flags & IPC_EXCL))
			return -EEXIST;
	}
	*out = o;
	return 0;
}

static void grow(struct ipc_ids *ids, int index)
{
	int size = ids->size ? ids->size : MIN_CYCLE;
	while (size <= index)
		size *= 2;
	if (size == ids->size)
		return;
	struct ipc_object **slots = xzalloc((size_t)size * sizeof(struct ipc_object *));
	if (ids->size)
		memcpy(slots, ids->slots, (size_t)ids->size * sizeof(struct ipc_object *));
	free(ids->slots);
	ids->slots = slots;
	ids->size = size;
}

/* An index not in use below `limit`, the first behind the last one given out; there is one. */
static int free_index(struct ipc_ids *ids, int limit)
{
	for (int n = 1; n <= limit; n++) {
		int index = (ids->last_index + n) % limit;
		if (!ipc_find_index(ids, index))
			return index;
	}
	return -1;
}

static int new_id(struct ipc_ids *ids)
{
	int max = MIN(*ids->max, IPC_INDEX_MAX);
	if (ids->count >= max)
		return -ENOSPC;
	int want = ids->next_id;
	ids->next_id = -1;
	int index = want & (IPC_INDEX_MAX - 1);
	if (want >= 0 && !ipc_find_index(ids, index)) {
		grow(ids, index);
		return want;
	}
	index = free_index(ids, MIN(MAX(ids->count * 3 / 2, MIN_CYCLE), max));
	/* Only where the sysctl asked for high indexes is the low part ever full. */
	if (index < 0)
		index = free_index(ids, IPC_INDEX_MAX);
	if (index < 0)
		return -ENOSPC;
	if (index <= ids->last_index)
		ids->sequence = (ids->sequence + 1) % SEQUENCES;
	ids->last_index = index;
	grow(ids, index);
	return ids->sequence << IPC_INDEX_BITS | index;
}

int ipc_add(struct ipc_ids *ids, struct ipc_object *o, int key, mode_t mode, const struct cred *cred)
{
	int id = new_id(ids);
	if (id < 0)
		return id;
	o->ids = ids;
	o->id = id;
	o->key = key;
	o->refs = 1;
	o->mode = mode;
	o->uid = o->cuid = cred->euid;
	o->gid = o->cgid = cred->egid;
	ids->slots[id & (IPC_INDEX_MAX - 1)] = o;
	ids->count++;
	if (key != IPC_PRIVATE)
		HASH_ADD(by_key, ids->keys, key, sizeof(o->key), o);
	return id;
}

void ipc_forget_key(struct ipc_object *o)
{
	if (o->key != IPC_PRIVATE)
		HASH_DELETE(by_key, o->ids->keys, o);
	o->key = IPC_PRIVATE;
}

void ipc_remove(struct ipc_object *o)
{
	ipc_forget_key(o);
	o->ids->slots[o->id & (IPC_INDEX_MAX - 1)] = NULL;
	o->ids->count--;
	o->removed = true;
	ipc_put(o);
}

struct ipc_object *ipc_ref(struct ipc_object *o)
{
	o->refs++;
	return o;
}

void ipc_put(struct ipc_object *o)
{
	if (--o->refs == 0)
		o->ids->free(o);
}

static bool has_cap(const struct ipc_object *o, const struct cred *c, int cap)
{
	return cred_ns_cap(c, o->ids->ns ? o->ids->ns->id.owner : NULL, cap);
}

int ipc_permission(const struct ipc_object *o, const struct cred *c, mode_t wanted)
{
	mode_t asked = (wanted >> 6 | wanted >> 3 | wanted) & 7, granted = o->mode;
	if (c->euid == o->cuid || c->euid == o->uid)
		granted >>= 6;
	else if (cred_in_group(c, o->cgid) || cred_in_group(c, o->gid))
		granted >>= 3;
	return (asked & ~granted) && !has_cap(o, c, CAP_IPC_OWNER) ? -EACCES : 0;
}

bool ipc_is_owner(const struct ipc_object *o, const struct cred *c)
{
	return c->euid == o->cuid || c->euid == o->uid || has_cap(o, c, CAP_SYS_ADMIN);
}

void ipc_perm_get(const struct ipc_object *o, const struct cred *c, struct ipc_perm *out)
{
	*out = (struct ipc_perm){
		.__key = o->key, .uid = uid_shown(c, o->uid), .gid = gid_shown(c, o->gid), .cuid = uid_shown(c, o->cuid),
		.cgid = gid_shown(c, o->cgid), .mode = o->mode,
		.__seq = (unsigned short)(o->id >> IPC_INDEX_BITS),
	};
}

int ipc_perm_set(struct ipc_object *o, const struct cred *c, const struct ipc_perm *in)
{
	uint32_t uid = uid_given(c, in->uid), gid = gid_given(c, in->gid);
	if (uid == ID_NONE || gid == ID_NONE)
		return -EINVAL;
	o->uid = uid;
	o->gid = gid;
	o->mode = (o->mode & ~(mode_t)0777) | (in->mode & 0777);
	return 0;
}
