/* ptrace_stops_test.c - stops at system calls and steps, by breakpoints and filters. */
#include "tests/guest/ptrace.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

COVERS(ptrace);

/* --- system calls --- */

static int gets_ids(void)
{
	return syscall(SYS_getppid) == 4242 ? 1 : 0;
}

TEST(calls_stop_before_and_after_and_results_can_be_changed)
{
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_getppid);
	struct user_regs_struct r = regs_of(pid);
	EXPECT_EQ((long)r.rax, -ENOSYS);
	siginfo_t info = siginfo_of(pid);
	EXPECT_EQ(info.si_signo, SIGTRAP);
	EXPECT_EQ(info.si_code, SIGTRAP | 0x80);
	EXPECT_EQ(info.si_pid, pid);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	r = regs_of(pid);
	EXPECT_EQ(r.rax, getpid());
	r.rax = 4242;
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

TEST(without_sysgood_a_call_is_a_plain_sigtrap)
{
	int pid = begin(gets_ids, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, SIGTRAP);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(a_call_can_be_skipped)
{
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_getppid);
	struct user_regs_struct r = regs_of(pid);
	r.orig_rax = -1UL;
	r.rax = 4242;
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

TEST(a_call_can_become_another)
{
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_getppid);
	struct user_regs_struct r = regs_of(pid);
	r.orig_rax = SYS_exit_group;
	r.rdi = 33;
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 33 << 8);
}

TEST(sysemu_makes_no_calls)
{
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	int status;
	for (;;) {
		status = resume_and_wait(pid, 31 /* PTRACE_SYSEMU */, 0);
		ASSERT_EQ(status, SYSCALL_STOP);
		struct user_regs_struct r = regs_of(pid);
		if (r.orig_rax == SYS_exit_group)
			break;
		r.rax = r.orig_rax == SYS_getppid ? 4242 : 0;
		ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	}
	EXPECT_EQ(regs_of(pid).rdi, 1);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(syscall_info)
{
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	struct ptrace_syscall_info si;
	EXPECT_EQ(xptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), (unsigned long)&si), 24);
	EXPECT_EQ(si.op, PTRACE_SYSCALL_INFO_NONE);
	run_to_call(pid, SYS_getppid);
	EXPECT_EQ(xptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), (unsigned long)&si), 80);
	EXPECT_EQ(si.op, PTRACE_SYSCALL_INFO_ENTRY);
	EXPECT_EQ(si.arch, AUDIT_ARCH_X86_64);
	EXPECT_EQ(si.entry.nr, SYS_getppid);
	EXPECT_EQ(si.instruction_pointer, regs_of(pid).rip);
	EXPECT_EQ(si.stack_pointer, regs_of(pid).rsp);
	EXPECT_EQ(message_of(pid), 1);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	EXPECT_EQ(xptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), (unsigned long)&si), 33);
	EXPECT_EQ(si.op, PTRACE_SYSCALL_INFO_EXIT);
	EXPECT_EQ(si.exit.rval, getpid());
	EXPECT_EQ(si.exit.is_error, 0);
	EXPECT_EQ(message_of(pid), 2);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

static int sleeps_a_little(void)
{
	struct timespec ts = { 0, 200000000 };
	return nanosleep(&ts, NULL) == 0 ? 2 : errno;
}

/* The signal that the tracer keeps back leaves no trace: the sleep goes on. */
TEST(an_interrupted_call_is_restarted)
{
	int pid = begin(sleeps_a_little, PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_clock_nanosleep);
	ASSERT_OK(resume(pid, PTRACE_SYSCALL, 0));
	await_sleep(pid);
	kill(pid, SIGUSR1);
	ASSERT_EQ(next_status(pid), SYSCALL_STOP);
	EXPECT_EQ((long)regs_of(pid).rax, -516);         /* ERESTART_RESTARTBLOCK */
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), STOPPED_BY(SIGUSR1));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	EXPECT_EQ(regs_of(pid).orig_rax, SYS_restart_syscall);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 2 << 8);
}

/* --- steps --- */

__attribute__((noinline)) static int counts(void)
{
	int n = 0;
	__asm__ volatile("int3\n\tincl %0\n\tincl %0\n\tincl %0\n\tnop" : "+r"(n));
	return n;
}

TEST(steps_are_single_instructions)
{
	int pid = begin(counts, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	struct user_regs_struct before = regs_of(pid), after = before;
	for (int n = 0; n < 3; n++) {
		ASSERT_EQ(resume_and_wait(pid, PTRACE_SINGLESTEP, 0), STOPPED_BY(SIGTRAP));
		siginfo_t info = siginfo_of(pid);
		EXPECT_EQ(info.si_code, TRAP_TRACE);
		after = regs_of(pid);
		EXPECT_EQ((unsigned long)info.si_addr, after.rip);
		EXPECT(after.rip > before.rip && after.rip <= before.rip + 3);
		EXPECT_EQ(after.eflags & 0x100, 0);
		before = after;
	}
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 3 << 8);
}

TEST(a_block_is_stepped_to_its_end_or_by_instructions)
{
	int pid = begin(counts, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	unsigned long before = regs_of(pid).rip;
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SINGLEBLOCK, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_TRACE);
	EXPECT(regs_of(pid).rip != before);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 3 << 8);
}

__attribute__((noinline)) static int calls_getpid(void)
{
	long r;
	__asm__ volatile("int3\n\tsyscall\n\tnop" : "=a"(r) : "0"(SYS_getpid) : "rcx", "r11", "memory");
	return r == getpid();
}

TEST(a_step_over_a_system_call)
{
	int pid = begin(calls_getpid, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	struct user_regs_struct before = regs_of(pid);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SINGLESTEP, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_BRKPT);
	EXPECT_EQ(regs_of(pid).rip, before.rip + 2);
	EXPECT_EQ(regs_of(pid).rax, pid);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SINGLESTEP, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(regs_of(pid).rip, before.rip + 3);
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_TRACE);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

static volatile int handled;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static int raises_in_a_handler(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	return handled;
}

TEST(a_step_with_a_signal_ends_in_the_handler)
{
	int pid = begin(raises_in_a_handler, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SINGLESTEP, SIGUSR1), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(regs_of(pid).rip, (unsigned long)handler);
	EXPECT_EQ(regs_of(pid).rdi, SIGUSR1);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

/* Every instruction of a program part that makes system calls and takes signals, and nothing else. */
TEST(a_whole_function_step_by_step)
{
	int pid = begin(raises_in_a_handler, 0);
	int status, steps = 0;
	int sig = 0;
	while (WIFSTOPPED(status = resume_and_wait(pid, PTRACE_SINGLESTEP, sig))) {
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		unsigned long rip = regs_of(pid).rip;
		ASSERT(rip > 0x10000 && rip < 0x800000000000);
		steps++;
	}
	EXPECT_EQ(status, 1 << 8);
	EXPECT(steps > 100);
}

/* --- debug registers --- */

static volatile long watched;

__attribute__((noinline)) static int touches_watched(void)
{
	long n;
	__asm__ volatile("movq $1, %1\n\tmovq %1, %0\n\tnop" : "=r"(n), "+m"(watched));
	return (int)n;
}

static void set_debugreg(int pid, int n, unsigned long value)
{
	ASSERT_OK(xptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + 8 * (unsigned)n, value));
}

static unsigned long debugreg(int pid, int n)
{
	unsigned long value = 0;
	EXPECT_OK(xptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg) + 8 * (unsigned)n, (unsigned long)&value));
	return value;
}

#define DR7_EXEC0 0x1UL
#define DR7_WRITE8_0 (1UL | 1UL << 16 | 2UL << 18)
#define DR7_ACCESS8_0 (1UL | 3UL << 16 | 2UL << 18)

/* A child with register 0 armed, or a skip where the machine has none. */
static int begin_armed(int (*fn)(void), const volatile void *addr, unsigned long control)
{
	int pid = begin(fn, 0);
	set_debugreg(pid, 0, (unsigned long)addr);
	EXPECT_EQ(debugreg(pid, 0), addr);
	if (xptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), control) != 0)
		SKIP("no debug registers");
	EXPECT_EQ(debugreg(pid, 7), control);
	return pid;
}

TEST(a_breakpoint_register_stops_before_the_instruction)
{
	int pid = begin_armed(touches_watched, (void *)touches_watched, DR7_EXEC0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_HWBKPT);
	EXPECT_EQ(regs_of(pid).rip, (unsigned long)touches_watched);
	EXPECT_EQ(debugreg(pid, 6) & 0xf, 1);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

TEST(a_watchpoint_register_stops_after_the_write)
{
	int pid = begin_armed(touches_watched, &watched, DR7_WRITE8_0);
	unsigned long value = 0;
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_HWBKPT);
	EXPECT_EQ(debugreg(pid, 6) & 0xf, 1);
	ASSERT_OK(xptrace(PTRACE_PEEKDATA, pid, (unsigned long)&watched, (unsigned long)&value));
	EXPECT_EQ(value, 1);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

TEST(an_access_register_stops_after_writes_and_reads)
{
	int pid = begin_armed(touches_watched, &watched, DR7_ACCESS8_0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, TRAP_HWBKPT);
	set_debugreg(pid, 7, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);
}

TEST(children_begin_without_debug_registers)
{
	int pid = begin_armed(forks, &watched, DR7_WRITE8_0);
	ASSERT_OK(xptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_FORK));
	int child = (int)message_of(pid);
	ASSERT_EQ(next_status(child), STOPPED_BY(SIGSTOP));
	EXPECT_EQ(debugreg(child, 0), 0);
	EXPECT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(debug_registers_are_checked)
{
	int pid = begin_armed(exits, (void *)0x1001, DR7_EXEC0);
	unsigned long at = offsetof(struct user, u_debugreg);
	EXPECT_ERRNO(xptrace(PTRACE_POKEUSER, pid, at, 0xffff800000000000), EINVAL);
	EXPECT_EQ(debugreg(pid, 0), 0x1001);
	EXPECT_ERRNO(xptrace(PTRACE_POKEUSER, pid, at + 56, DR7_WRITE8_0), EINVAL);
	EXPECT_EQ(debugreg(pid, 7), DR7_EXEC0);
	EXPECT_ERRNO(xptrace(PTRACE_POKEUSER, pid, at + 56, 1UL | 2UL << 16), EINVAL);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

/* --- seccomp --- */

/* getppid goes to the tracer, with 0x123. */
static int filters_getppid(void)
{
	struct sock_filter prog[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 0x123),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog fprog = { sizeof(prog) / sizeof(prog[0]), prog };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog))
		return 99;
	return gets_ids();
}

TEST(a_filter_hands_a_call_to_the_tracer)
{
	int pid = begin(filters_getppid, PTRACE_O_TRACESECCOMP);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_SECCOMP));
	EXPECT_EQ(message_of(pid), 0x123);
	struct ptrace_syscall_info si;
	EXPECT_EQ(xptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), (unsigned long)&si), 84);
	EXPECT_EQ(si.op, PTRACE_SYSCALL_INFO_SECCOMP);
	EXPECT_EQ(si.seccomp.nr, SYS_getppid);
	EXPECT_EQ(si.seccomp.ret_data, 0x123);
	struct user_regs_struct r = regs_of(pid);
	r.orig_rax = -1UL;
	r.rax = 4242;
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 1 << 8);

	pid = begin(filters_getppid, PTRACE_O_TRACESECCOMP);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_SECCOMP));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
}

/* --- what else there is --- */

TEST(rseq_configuration)
{
	struct { uint64_t area; uint32_t len, sig, flags, pad; } conf;
	int pid = begin(exits, 0);
	long n = xptrace(0x420f, pid, sizeof(conf), (unsigned long)&conf);
	if (n == -1 && errno == EIO)
		SKIP("no PTRACE_GET_RSEQ_CONFIGURATION");
	EXPECT_EQ(n, 24);
	EXPECT_EQ(conf.flags, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(proc_syscall_of_a_tracee)
{
	char path[64], line[256] = "";
	int pid = begin(gets_ids, PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_getppid);
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		SKIP("no /proc/PID/syscall");
	ASSERT(fgets(line, sizeof(line), f) != NULL);
	fclose(f);
	EXPECT_EQ(atol(line), SYS_getppid);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}
