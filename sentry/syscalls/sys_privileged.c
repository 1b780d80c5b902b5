/* sys_privileged.c - calls that manage the machine: nobody in a sandbox may make them.
 *
 * LINUX    Each asks for a capability in the first user namespace, which a container's root does not have: EPERM, before any
 *          look at the arguments. */
#include "sentry/syscalls/table.h"

#define NOT_PERMITTED(name, ...)                                                                      \
	long sys_##name(struct task *t __VA_OPT__(,) __VA_ARGS__)                                     \
	{                                                                                             \
		(void)t;                                                                              \
		return -EPERM;                                                                        \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOT_PERMITTED(acct, uptr_t filename)
NOT_PERMITTED(swapon, uptr_t path, int swapflags)
NOT_PERMITTED(swapoff, uptr_t path)
NOT_PERMITTED(reboot, int magic, int magic2, int cmd, uptr_t arg)
NOT_PERMITTED(iopl, int level)
NOT_PERMITTED(ioperm, uint64_t from, uint64_t num, int turn_on)
NOT_PERMITTED(init_module, uptr_t module_image, uint64_t len, uptr_t param_values)
NOT_PERMITTED(finit_module, int fd, uptr_t param_values, int flags)
NOT_PERMITTED(delete_module, uptr_t name, unsigned flags)
NOT_PERMITTED(kexec_load, uint64_t entry, uint64_t nr_segments, uptr_t segments, uint64_t flags)
NOT_PERMITTED(kexec_file_load, int kernel_fd, int initrd_fd, uint64_t cmdline_len, uptr_t cmdline, uint64_t flags)
NOT_PERMITTED(vhangup)
