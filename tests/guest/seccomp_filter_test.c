/* seccomp_filter_test.c - what filters make of system calls, and which programs are filters (seccomp(2)). */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/guest/seccomp.h"

COVERS(seccomp, prctl);

/* Runs fn in a child and returns its wait status. */
static int status_of(void (*fn)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		fn();
		_exit(guest_failed ? 1 : 0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

TEST(errno_is_returned_and_the_call_not_made)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | EXDEV));
	EXPECT_ERRNO(syscall(SYS_getppid), EXDEV);
	EXPECT_EQ(getpid(), syscall(SYS_getpid));
}

TEST(errno_zero_is_success_and_too_large_ones_are_cut)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO));
	EXPECT_EQ(syscall(SYS_getppid), 0);
	ASSERT_OK(ON_CALL(0, SYS_getpid, SECCOMP_RET_ERRNO | 5000));
	EXPECT_ERRNO(syscall(SYS_getpid), 4095);
}

TEST(a_call_that_does_not_exist_can_be_filtered)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, 9999, SECCOMP_RET_ERRNO | EXDEV));
	EXPECT_ERRNO(syscall(9999), EXDEV);
	EXPECT_ERRNO(syscall(9998), ENOSYS);
}

TEST(arguments_are_seen)
{
	no_new_privs();
	/* lseek(fd, 0x1122334455667788, 7): both halves, the third argument, the architecture. */
	ASSERT_OK(ADD(0, LOAD(FIELD(arch)), JEQ(AUDIT_ARCH_X86_64, 0, 9), LOAD(FIELD(nr)), JEQ(SYS_lseek, 0, 7),
		      LOAD(FIELD(args[1])), JEQ(0x55667788, 0, 5), LOAD(FIELD(args[1]) + 4), JEQ(0x11223344, 0, 3),
		      LOAD(FIELD(args[2])), JEQ(7, 0, 1), RET(SECCOMP_RET_ERRNO | EXDEV), RET(SECCOMP_RET_ALLOW)));
	EXPECT_ERRNO(syscall(SYS_lseek, -1, 0x1122334455667788, 7), EXDEV);
	EXPECT_ERRNO(syscall(SYS_lseek, -1, 0x1122334455667788, 6), EBADF);
	EXPECT_ERRNO(syscall(SYS_lseek, -1, 0x1122334555667788, 7), EBADF);
}

TEST(instruction_pointer_is_after_the_call)
{
	no_new_privs();
	extern char after_call[];
	uint64_t ip = (uint64_t)after_call;
	ASSERT_OK(ADD(0, LOAD(FIELD(instruction_pointer)), JEQ((uint32_t)ip, 0, 3), LOAD(FIELD(instruction_pointer) + 4),
		      JEQ((uint32_t)(ip >> 32), 0, 1), RET(SECCOMP_RET_ERRNO | EXDEV), RET(SECCOMP_RET_ALLOW)));
	long ret;
	__asm__ volatile("syscall\n.globl after_call\nafter_call:" : "=a"(ret) : "a"(SYS_getppid) : "rcx", "r11", "memory");
	EXPECT_EQ(ret, -EXDEV);
	EXPECT_OK(syscall(SYS_getppid));
}

TEST(arithmetic_is_as_in_linux)
{
	no_new_privs();
	/* errno = ((((7 * 6) / 4) ^ 1) << 33) >> 1 with X = 33: shifts count modulo 32: 11 << 1 = 22, - 2, neg twice = 20 */
	ASSERT_OK(ADD(0, LOAD(0), JEQ(SYS_getppid, 1, 0), RET(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_IMM, 7),
		      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 6), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 4),
		      BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1), BPF_STMT(BPF_LDX | BPF_IMM, 33),
		      BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 2),
		      BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15),
		      BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
		      BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)));
	EXPECT_ERRNO(syscall(SYS_getppid), 20);
}

TEST(len_is_the_size_of_the_data)
{
	no_new_privs();
	ASSERT_OK(ADD(0, LOAD(0), JEQ(SYS_getppid, 1, 0), RET(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		      BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)));
	EXPECT_ERRNO(syscall(SYS_getppid), sizeof(struct seccomp_data));
}

static void divide_by_zero(void)
{
	no_new_privs();
	ASSERT_OK(ADD(0, LOAD(0), JEQ(SYS_getppid, 1, 0), RET(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LDX | BPF_IMM, 0),
		      BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RET(SECCOMP_RET_ALLOW)));
	syscall(SYS_getppid);
}

TEST(division_by_zero_kills)
{
	int status = status_of(divide_by_zero);
	ASSERT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

TEST(the_least_permissive_verdict_wins_and_the_newest_among_equals)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | 1));
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | 2));
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ALLOW));
	EXPECT_ERRNO(syscall(SYS_getppid), 2);
	EXPECT_EQ(status_number("/proc/self/status", "Seccomp:\t"), 2);
	EXPECT_EQ(status_number("/proc/self/status", "Seccomp_filters:\t"), 3);
	EXPECT_EQ(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
}

TEST(trace_without_a_tracer_fails_and_log_allows)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_TRACE | 3));
	ASSERT_OK(ON_CALL(SECCOMP_FILTER_FLAG_LOG, SYS_getpid, SECCOMP_RET_LOG));
	EXPECT_ERRNO(syscall(SYS_getppid), ENOSYS);
	EXPECT_OK(syscall(SYS_getpid));
}

static siginfo_t trapped;
static long trapped_rax;
static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	ucontext_t *uc = context;
	trapped = *info;
	trapped_rax = uc->uc_mcontext.gregs[REG_RAX];
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
}

TEST(trap_sends_sigsys_and_the_handler_may_emulate)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	ASSERT_OK(sigaction(SIGSYS, &sa, NULL));
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_TRAP | 0x123));
	EXPECT_EQ(syscall(SYS_getppid), 4711);
	EXPECT_EQ(trapped.si_signo, SIGSYS);
	EXPECT_EQ(trapped.si_code, 1);
	EXPECT_EQ(trapped.si_errno, 0x123);
	EXPECT_EQ(trapped.si_syscall, SYS_getppid);
	EXPECT_EQ(trapped.si_arch, AUDIT_ARCH_X86_64);
	EXPECT(trapped.si_call_addr != NULL);
	EXPECT_EQ(trapped_rax, SYS_getppid);
}

static void trap_blocked(void)
{
	sigset_t set;
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	sigaction(SIGSYS, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_TRAP));
	syscall(SYS_getppid);
}

TEST(trap_with_sigsys_blocked_kills)
{
	int status = status_of(trap_blocked);
	ASSERT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

static void kill_process(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	sigaction(SIGSYS, &sa, NULL);
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_KILL_PROCESS));
	syscall(SYS_getppid);
}

TEST(kill_process_ends_it_by_sigsys_though_handled)
{
	int status = status_of(kill_process);
	ASSERT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

static void unknown_action(void)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, 0x10000000));
	syscall(SYS_getppid);
}

TEST(an_unknown_action_kills)
{
	int status = status_of(unknown_action);
	ASSERT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

static void *ask_and_die(void *arg)
{
	*(int *)arg = 1;
	syscall(SYS_getppid);
	*(int *)arg = 2;
	return NULL;
}

TEST(kill_thread_ends_only_that_thread)
{
	pthread_t thread;
	int reached = 0;
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_KILL_THREAD));
	ASSERT_EQ(pthread_create(&thread, NULL, ask_and_die, &reached), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(reached, 1);
}

static void strict_mode(void)
{
	ASSERT_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	if (write(STDERR_FILENO, "", 0) != 0)
		syscall(SYS_exit, 2);
	syscall(SYS_exit, 3);
}

static void strict_then_getpid(void)
{
	ASSERT_OK(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
	syscall(SYS_getpid);
	syscall(SYS_exit, 0);
}

TEST(strict_mode_allows_read_write_exit_and_kills_the_rest)
{
	int status = status_of(strict_mode);
	ASSERT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 3);
	status = status_of(strict_then_getpid);
	ASSERT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(filters_are_inherited_by_fork_and_exec)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO | EXDEV));
	pid_t pid = fork();
	if (pid == 0) {
		EXPECT_ERRNO(syscall(SYS_getppid), EXDEV);
		if (guest_failed)
			_exit(1);
		execl("/bin/sh", "sh", "-c", "grep -q 'Seccomp:.2' /proc/self/status && exit 5; exit 6", NULL);
		_exit(7);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 5);
}

/* --- which programs are taken --- */

#define EXPECT_BAD(...) EXPECT_ERRNO(ADD(0, __VA_ARGS__), EINVAL)

TEST(bad_programs_are_refused)
{
	no_new_privs();
	struct sock_filter ret = RET(SECCOMP_RET_ALLOW);
	EXPECT_ERRNO(add_filter(&ret, 0, 0), EINVAL);
	EXPECT_ERRNO(add_filter(NULL, 1, 0), EINVAL);
	EXPECT_ERRNO(add_filter((struct sock_filter *)16, 1, 0), EFAULT);
	EXPECT_ERRNO(add_filter(&ret, 4097, 0), EINVAL);
	EXPECT_ERRNO(seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
	EXPECT_BAD(LOAD(0));                                             /* does not return */
	EXPECT_BAD(LOAD(64), ret);                                       /* beyond the data */
	EXPECT_BAD(LOAD(2), ret);                                        /* not aligned */
	EXPECT_BAD(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ret);
	EXPECT_BAD(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ret);
	EXPECT_BAD(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 2), ret);
	EXPECT_BAD(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ret);
	EXPECT_BAD(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ret);
	EXPECT_BAD(BPF_STMT(BPF_ST, 16), ret);
	EXPECT_BAD(BPF_STMT(BPF_LD | BPF_MEM, 3), ret);                  /* never written */
	EXPECT_BAD(BPF_STMT(BPF_JMP | BPF_JA, 1), ret);
	EXPECT_BAD(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), ret);
	EXPECT_BAD(JEQ(0, 1, 0), ret);
	EXPECT_BAD(JEQ(0, 0, 1), ret);
	EXPECT_BAD(BPF_STMT(0xffff, 0), ret);
	EXPECT_BAD(BPF_STMT(BPF_RET | BPF_X, 0));
	/* Written on one of two ways only. */
	EXPECT_BAD(LOAD(0), JEQ(1, 0, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), ret);
	EXPECT_EQ(prctl(PR_GET_SECCOMP), 0);
}

TEST(arguments_of_the_call_are_checked)
{
	uint32_t action = 0x12340000;
	no_new_privs();
	EXPECT_ERRNO(seccomp(77, 0, NULL), EINVAL);
	EXPECT_ERRNO(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	EXPECT_ERRNO(seccomp(SECCOMP_SET_MODE_STRICT, 0, &action), EINVAL);
	EXPECT_ERRNO(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
	EXPECT_ERRNO(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
	EXPECT_ERRNO(seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &action), EINVAL);
	EXPECT_ERRNO(prctl(PR_SET_SECCOMP, 3), EINVAL);
	EXPECT_ERRNO(ON_CALL(0x80000000, SYS_getppid, SECCOMP_RET_ALLOW), EINVAL);
	EXPECT_ERRNO(ON_CALL(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getppid, SECCOMP_RET_ALLOW), EINVAL);
	EXPECT_ERRNO(ON_CALL(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, SYS_getppid, SECCOMP_RET_ALLOW), EINVAL);
	static const uint32_t known[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
		SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW,
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		action = known[i];
		EXPECT_OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action));
	}
	struct seccomp_notif_sizes sizes;
	ASSERT_OK(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	EXPECT_EQ(sizes.seccomp_notif, sizeof(struct seccomp_notif));
	EXPECT_EQ(sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
	EXPECT_EQ(sizes.seccomp_data, sizeof(struct seccomp_data));
}

TEST(without_privileges_no_new_privs_is_needed)
{
	if (geteuid() == 0)
		ASSERT_OK(setresuid(65534, 65534, 65534));
	EXPECT_ERRNO(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO), EACCES);
	no_new_privs();
	EXPECT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO));
}

TEST(a_mode_is_for_good)
{
	no_new_privs();
	ASSERT_OK(ON_CALL(0, SYS_getppid, SECCOMP_RET_ERRNO));
	EXPECT_ERRNO(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL), EINVAL);
}

TEST(a_chain_has_a_limit)
{
	static struct sock_filter insns[4096];
	for (int i = 0; i < 4096; i++)
		insns[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	no_new_privs();
	int n = 0;
	while (n < 100 && add_filter(insns, 4096, 0) == 0)
		n++;
	EXPECT_EQ(errno, ENOMEM);
	EXPECT(n >= 3 && n <= 8);
}

TEST(proc_lists_the_actions)
{
	char buf[200] = "";
	int fd = open("/proc/sys/kernel/seccomp/actions_avail", O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_OK(read(fd, buf, sizeof(buf) - 1));
	EXPECT_STREQ(buf, "kill_process kill_thread trap errno user_notif trace log allow\n");
}
