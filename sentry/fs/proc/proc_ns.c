/* proc_ns.c - /proc/PID/ns: which namespaces a task is in.
 *
 * HOW      Two tasks share a namespace when the links say the same. The first ones have Linux's own numbers.
 * MISSING  Opening them (setns(2) is missing, too). */
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/host_random.h"

enum { NS_FIXED, NS_UTS, NS_MNT, NS_USER };

static const void *object(const struct task *t, long kind)
{
	switch (kind) {
	case NS_UTS: return t->uts;
	case NS_MNT: return t->mnt_ns;
	case NS_USER: return t->cred ? t->cred->user_ns : NULL;
	default: return NULL;
	}
}

/* A number that tells nothing about the address it is made of. */
static uint32_t number_of(const void *p)
{
	static uint64_t key;
	if (!key)
		host_random(&key, sizeof(key));
	uint64_t h = ((uintptr_t)p ^ key) * 0x9e3779b97f4a7c15ULL;
	return 0xf0000000U | (uint32_t)(h >> 36);
}

static ssize_t ns_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	char text[64];
	const struct task *first = task_find(1);
	const void *own = object(i->task, i->entry->arg & 0xf);
	uint32_t n = (uint32_t)(4026531834 + (i->entry->arg >> 4));
	if (!proc_may_look(viewer, i->task))
		return -EACCES;
	if (own && first && own != object(first, i->entry->arg & 0xf))
		n = number_of(own);
	int len = snprintf(text, sizeof(text), "%s:[%u]", (const char *)i->entry->ptr, n);
	size_t out = MIN((size_t)len, bytes);
	memcpy(buf, text, out);
	return out;
}

#define NS(name_, type, offset, kind)                                                                         \
	PSEUDO_LINK(name_, .readlink = ns_readlink, .ptr = type, .arg = ((offset) << 4) | (kind),             \
		    .refresh = proc_pid_refresh, .check = proc_pid_check)
const struct pseudo_entry proc_ns_entries[] = {
	NS("cgroup", "cgroup", 1, NS_FIXED),
	NS("ipc", "ipc", 5, NS_FIXED),
	NS("mnt", "mnt", 6, NS_MNT),
	NS("net", "net", 7, NS_FIXED),
	NS("pid", "pid", 2, NS_FIXED),
	NS("pid_for_children", "pid", 2, NS_FIXED),
	NS("time", "time", 0, NS_FIXED),
	NS("time_for_children", "time", 0, NS_FIXED),
	NS("user", "user", 3, NS_USER),
	NS("uts", "uts", 4, NS_UTS),
	{ 0 },
};
