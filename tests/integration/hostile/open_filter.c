/* open_filter.c - the stub's filter without its list: from the trap code every call is allowed. Linked instead of
 * platform/systrap/stub_filter.c into a program that only tests use, to show that the list is what holds a hostile guest. */
#include "platform/systrap/stub_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/systrap/layout.h"

#define IP offsetof(struct seccomp_data, instruction_pointer)

int stub_filter_install(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(STUB_TEXT >> 32), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(STUB_TEXT + STUB_TEXT_BYTES), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	struct sock_fprog prog = { .len = ARRAY_SIZE(filter), .filter = filter };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}
