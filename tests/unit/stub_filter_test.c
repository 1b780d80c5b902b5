/* stub_filter_test.c - the stub's filter against the real kernel: every system call number, from guest code and from the
 * trap code's own addresses, with hostile arguments. Each attempt is a process of its own; what the filter refuses
 * raises SIGSYS before the host kernel has acted. The same attempts without the filter must show that they get through,
 * or this test would prove nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/base/base.h"
#include "platform/systrap/layout.h"
#include "platform/systrap/stub_filter.h"

enum { REFUSED = 77, PASSED = 78 };

/* mov %rdi,%rax; mov %rsi,%r11; args from (%r11); syscall; ret: as the trap code's stub_syscall */
static const unsigned char do_syscall[] = {
	0x48, 0x89, 0xf8, 0x49, 0x89, 0xf3, 0x49, 0x8b, 0x3b, 0x49, 0x8b, 0x73, 0x08, 0x49, 0x8b, 0x53, 0x10, 0x4d,
	0x8b, 0x53, 0x18, 0x4d, 0x8b, 0x43, 0x20, 0x4d, 0x8b, 0x4b, 0x28, 0x0f, 0x05, 0xc3,
};
typedef long (*call_fn)(long nr, const uint64_t args[6]);
static call_fn inside, outside;

/* A child tries one call. What it saw comes back in shared memory, for exit_group itself is refused under the filter:
 * REFUSED by the handler, PASSED after the call; then the child is killed. */
static volatile int *seen;
static void note_refused(int sig)
{
	(void)sig;
	*seen = REFUSED;
	for (;;)
		;
}

static int attempt(call_fn fn, bool filter, long nr, const uint64_t args[6])
{
	*seen = 0;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setpgid(0, 0) < 0 || chdir("/proc/self") < 0)
			_exit(1);
		struct sigaction sa = { .sa_handler = note_refused };
		sigaction(SIGSYS, &sa, NULL);
		if (filter && stub_filter_install() < 0)
			_exit(1);
		fn(nr, args);
		*seen = PASSED;
		for (;;)
			;
	}
	int status, result = 0;
	for (uint64_t end = now_mono_ns() + 2000000000; now_mono_ns() < end && !(result = *seen);)
		if (waitpid(pid, &status, WNOHANG) == pid) {
			kill(-pid, SIGKILL);      /* what it may have made */
			return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? -1 : PASSED;   /* it ended: so the call was made */
		}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, __WALL);
	return result;
}

static int setup(void **state)
{
	(void)state;
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *in = mmap((void *)STUB_TEXT, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	char *out = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (in != (void *)STUB_TEXT || out == MAP_FAILED)
		return -1;
	memcpy(in, do_syscall, sizeof(do_syscall));
	memcpy(out, do_syscall, sizeof(do_syscall));
	mprotect(in, 4096, PROT_READ | PROT_EXEC);
	mprotect(out, 4096, PROT_READ | PROT_EXEC);
	inside = (call_fn)in;
	outside = (call_fn)out;
	return 0;
}

/* Would harm the machine or the test if they got through without the filter. */
static bool too_dangerous_unfiltered(long nr)
{
	return nr == SYS_kill || nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_reboot || nr == SYS_vhangup;
}

/* Linux lets uretprobe and uprobe around every seccomp filter (kernel/seccomp.c); outside of a probe they do nothing. */
static bool is_exempt(long nr)
{
	return nr == 335 || nr == 336;
}

static void nothing_passes_from_guest_code(void **state)
{
	(void)state;
	const uint64_t none[6] = { 0 };
	for (long nr = 0; nr <= 500; nr++)
		if (!is_exempt(nr) && attempt(outside, true, nr, none) != REFUSED)
			fail_msg("system call %ld from guest code reached the host", nr);
}

static const long allowed[] = { SYS_futex, SYS_rt_sigreturn, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_msync,
				SYS_close, SYS_exit, SYS_arch_prctl, SYS_rseq, SYS_membarrier, SYS_mincore, SYS_sched_yield,
				SYS_getrusage, SYS_sched_setaffinity };
static bool is_allowed(long nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i] == nr)
			return true;
	return false;
}

static void only_the_list_passes_from_the_trap_code(void **state)
{
	(void)state;
	static const uint64_t patterns[][6] = {
		{ 0 },
		{ -1UL, -1UL, -1UL, -1UL, -1UL, -1UL },
		{ 1, 1, 1, 1, 1, 1 },
	};
	for (long nr = 0; nr <= 500; nr++)
		for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
			if (!is_allowed(nr) && !is_exempt(nr) && attempt(inside, true, nr, patterns[i]) != REFUSED)
				fail_msg("system call %ld (pattern %zu) from the trap code reached the host", nr, i);
}

struct probe {
	const char *what;
	long nr;
	uint64_t args[6];
};
/* Each of these acts on the host, or takes a resource from it, when it gets through. */
static const struct probe hostile[] = {
	{ "clone(fork)", SYS_clone, { SIGCHLD } },
	{ "clone(new user namespace)", SYS_clone, { 0x10000000 | SIGCHLD } },
	{ "clone(the fork word and a high bit)", SYS_clone, { STUB_CLONE_FORK | 1ULL << 32 } },
	{ "vfork", SYS_vfork, { 0 } },
	{ "mmap(MAP_HUGETLB)", SYS_mmap, { 0, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1UL } },
	{ "mmap(MAP_LOCKED)", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1UL } },
	{ "madvise(MADV_MERGEABLE)", SYS_madvise, { 0, 4096, MADV_MERGEABLE } },
	{ "madvise(MADV_COLLAPSE)", SYS_madvise, { 0, 4096, 25 } },
	{ "madvise(MADV_HWPOISON)", SYS_madvise, { 0, 4096, 100 } },
	{ "write to stdout", SYS_write, { 1, 0, 8 } },
	{ "write of 9 bytes to the doorbell", SYS_write, { STUB_DOORBELL_FD, 0, 9 } },
	{ "write with a descriptor above 32 bits", SYS_write, { 1ULL << 32 | 1, 0, 8 } },
	{ "recvmsg from descriptor 0", SYS_recvmsg, { 0, 0, 0 } },
	{ "dup3 onto stdout", SYS_dup3, { 3, 1, 0 } },
	{ "futex(FUTEX_LOCK_PI)", SYS_futex, { 0, FUTEX_LOCK_PI } },
	{ "futex(FUTEX_REQUEUE)", SYS_futex, { 0, FUTEX_REQUEUE } },
	{ "arch_prctl(ARCH_SET_CPUID)", SYS_arch_prctl, { 0x1012, 1 } },
	{ "membarrier(GLOBAL)", SYS_membarrier, { 1 } },
	{ "openat", SYS_openat, { (uint64_t)AT_FDCWD, 0, 0 } },
	{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "ptrace", SYS_ptrace, { 0 } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "prctl", SYS_prctl, { PR_SET_DUMPABLE } },
	{ "seccomp", SYS_seccomp, { 0 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "exit_group", SYS_exit_group, { 0 } },
};

static void hostile_arguments_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		if (attempt(inside, true, hostile[i].nr, hostile[i].args) != REFUSED)
			fail_msg("%s got through", hostile[i].what);
}

static void without_the_filter_they_get_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		if (!too_dangerous_unfiltered(hostile[i].nr) && attempt(inside, false, hostile[i].nr, hostile[i].args) != PASSED)
			fail_msg("%s did not get through even without the filter: the test shows nothing", hostile[i].what);
}

static void what_the_stub_needs_is_allowed(void **state)
{
	(void)state;
	static const struct probe needed[] = {
		{ "futex wake", SYS_futex, { 0, FUTEX_WAKE } },
		{ "mmap", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1UL } },
		{ "munmap", SYS_munmap, { 0x10000, 4096 } },
		{ "mprotect", SYS_mprotect, { 0x10000, 4096, 7 } },
		{ "madvise", SYS_madvise, { 0x10000, 4096, MADV_DONTNEED } },
		{ "clone of a process", SYS_clone, { STUB_CLONE_FORK } },
		{ "doorbell", SYS_write, { STUB_DOORBELL_FD, 0, 8 } },
		{ "control", SYS_recvmsg, { STUB_CONTROL_FD, 0, 0 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (attempt(inside, true, needed[i].nr, needed[i].args) != PASSED)
			fail_msg("%s was refused", needed[i].what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_passes_from_guest_code),
		cmocka_unit_test(only_the_list_passes_from_the_trap_code),
		cmocka_unit_test(hostile_arguments_are_refused),
		cmocka_unit_test(without_the_filter_they_get_through),
		cmocka_unit_test(what_the_stub_needs_is_allowed),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
