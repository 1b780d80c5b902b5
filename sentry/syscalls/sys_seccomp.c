/* sys_seccomp.c - seccomp(2). What it does: kernel/seccomp.c.
 *
 * LINUX   kernel/seccomp.c: do_seccomp(). */
#include "sentry/syscalls/table.h"

static long get_action_avail(struct task *t, uptr_t uaction)
{
	uint32_t action;
	int err = get_user(t, &action, uaction);
	if (err)
		return err;
	return seccomp_action_known(action) ? 0 : -EOPNOTSUPP;
}

static long get_notif_sizes(struct task *t, uptr_t usizes)
{
	const struct seccomp_notif_sizes sizes = {
		sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp), sizeof(struct seccomp_data),
	};
	return put_user(t, usizes, &sizes);
}

long sys_seccomp(struct task *t, unsigned operation, unsigned flags, uptr_t args)
{
	if (operation != SECCOMP_SET_MODE_FILTER && flags)
		return -EINVAL;
	switch (operation) {
	case SECCOMP_SET_MODE_STRICT:
		return uptr_null(args) ? seccomp_set_strict(t) : -EINVAL;
	case SECCOMP_SET_MODE_FILTER:
		return seccomp_add_filter(t, flags, args);
	case SECCOMP_GET_ACTION_AVAIL:
		return get_action_avail(t, args);
	case SECCOMP_GET_NOTIF_SIZES:
		return get_notif_sizes(t, args);
	}
	return -EINVAL;
}
