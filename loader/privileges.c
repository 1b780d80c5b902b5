/* privileges.c - giving up what a process of the sandbox does not need. */
#include "loader/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct err *become_nobody(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(errno, "PR_SET_KEEPCAPS");
	if (setgroups(0, NULL) < 0)
		return err_errno(errno, "setgroups");
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_errno(errno, "setresuid");
	return NULL;
}

/* What may still be in this process's bounding set: a child starts from what its parent has given up already. */
static uint64_t bounding = ~0ULL;

struct err *privileges_bound(uint64_t keep)
{
	for (uint64_t left = bounding & ~keep; left; left &= left - 1) {
		int cap = __builtin_ctzll(left);
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)              /* behind the last one that this kernel has */
			break;
		return err_errno(errno, "dropping capability %d", cap);
	}
	bounding &= keep;
	return NULL;
}

static struct err *set_caps(uint64_t keep)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_errno(errno, "dropping ambient capabilities");
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++) {
		uint32_t bits = (uint32_t)(keep >> (32 * i));
		data[i] = (struct __user_cap_data_struct){ .effective = bits, .permitted = bits };
	}
	return syscall(SYS_capset, &head, data) < 0 ? err_errno(errno, "capset") : NULL;
}

struct err *privileges_drop(bool nobody, uint64_t keep_caps, bool dumpable)
{
	struct err *e = privileges_bound(keep_caps);    /* while it still may */
	if (!e && nobody)
		e = become_nobody();
	if (!e)
		e = set_caps(keep_caps);
	if (!e && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		e = err_errno(errno, "no_new_privs");
	/* Changing ids cleared it. */
	if (!e && prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) < 0)
		e = err_errno(errno, "PR_SET_DUMPABLE");
	return err_in(e, "giving up privileges");
}

int close_all_but(const int *keep, int n)
{
	for (int next = 0;;) {
		int lowest = -1;
		for (int i = 0; i < n; i++)
			if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
				lowest = keep[i];
		if (lowest < 0)
			return close_range((unsigned)next, ~0U, 0) < 0 ? -errno : 0;
		if (lowest > next && close_range((unsigned)next, (unsigned)lowest - 1, 0) < 0)
			return -errno;
		next = lowest + 1;
	}
}
