/* ptrace_stops_test.c - stops at system calls, events and steps. */
#include "tests/guest/ptrace.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

COVERS(ptrace);

/* Up to its first stop, with these options. */
static int begin(int (*fn)(void), long options)
{
	int pid = traced_child(fn);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(xptrace(PTRACE_SETOPTIONS, pid, 0, (unsigned long)options));
	return pid;
}

static unsigned long message_of(int pid)
{
	unsigned long message = 0;
	EXPECT_OK(xptrace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message));
	return message;
}

/* --- system calls --- */

static int gets_ids(void)
{
	return syscall(SYS_getppid) == 4242 ? 1 : 0;
}

/* Goes on to the entry of system call nr. */
static void run_to_call(int pid, long nr)
{
	for (;;) {
		ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
		struct user_regs_struct r = regs_of(pid);
		if ((long)r.orig_rax == nr)
			return;
		ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	}
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

static int forks(void)
{
	int pid = fork();
	if (pid == 0)
		_exit(9);
	int status;
	return waitpid(pid, &status, 0) == pid && status == 9 << 8 ? 4 : 5;
}

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

/* --- events --- */

TEST(fork_is_followed)
{
	int pid = begin(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
	int status = resume_and_wait(pid, PTRACE_CONT, 0);
	ASSERT_EQ(status, EVENT(PTRACE_EVENT_FORK));
	int child = (int)message_of(pid);
	ASSERT(child > 0 && child != pid);
	ASSERT_EQ(next_status(child), STOPPED_BY(SIGSTOP));
	EXPECT_EQ(regs_of(child).rax, 0);
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGCHLD), 4 << 8);
}

static int vforks(void)
{
	int pid = vfork();
	if (pid == 0)
		_exit(9);
	return pid > 0 ? 4 : 5;
}

TEST(vfork_and_its_end_are_events)
{
	int pid = begin(vforks, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_VFORK));
	int child = (int)message_of(pid);
	ASSERT_EQ(next_status(child), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_VFORK_DONE));
	EXPECT_EQ(message_of(pid), child);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 4 << 8);
}

static int exits_by_exit(void)
{
	_exit(12);
}

TEST(exit_is_an_event_with_the_status)
{
	int pid = begin(exits_by_exit, PTRACE_O_TRACEEXIT);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_EXIT));
	EXPECT_EQ(message_of(pid), 12 << 8);
	unsigned long word;
	EXPECT_OK(xptrace(PTRACE_PEEKDATA, pid, (unsigned long)&handled, (unsigned long)&word));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 12 << 8);

	pid = begin(pauses, PTRACE_O_TRACEEXIT);
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_EXIT));
	EXPECT_EQ(message_of(pid), SIGKILL);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), SIGKILL);
}

static int executes(void)
{
	execl("/bin/true", "true", NULL);
	return 5;
}

TEST(exec_is_an_event_or_a_sigtrap)
{
	int pid = begin(executes, PTRACE_O_TRACEEXEC);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_EXEC));
	EXPECT_EQ(message_of(pid), pid);
	EXPECT_EQ(regs_of(pid).orig_rax, SYS_execve);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);

	pid = begin(executes, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, SI_USER);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
}

TEST(exec_is_a_call_with_entry_and_exit)
{
	int pid = begin(executes, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_execve);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), EVENT(PTRACE_EVENT_EXEC));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	EXPECT_EQ(regs_of(pid).orig_rax, SYS_execve);
	EXPECT_EQ(regs_of(pid).rax, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
}

/* --- threads --- */

static void *thread_exits(void *arg)
{
	return arg;
}

static int makes_a_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, thread_exits, NULL);
	pthread_join(t, NULL);
	return 6;
}

TEST(threads_are_followed_and_waited_for_one_by_one)
{
	int pid = begin(makes_a_thread, PTRACE_O_TRACECLONE);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_CLONE));
	int tid = (int)message_of(pid);
	ASSERT_EQ(next_status(tid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	/* Its own status, or the process's if that exits meanwhile. */
	int status = resume_and_wait(tid, PTRACE_CONT, 0);
	EXPECT(status == 0 || status == 6 << 8);
	EXPECT_EQ(next_status(pid), 6 << 8);
}

static void *thread_executes(void *arg)
{
	execl("/bin/true", "true", NULL);
	return arg;
}

static int executes_from_a_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, thread_executes, NULL);
	pauses();
}

TEST(a_thread_that_execs_takes_over_the_process)
{
	int pid = begin(executes_from_a_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_CLONE));
	int tid = (int)message_of(pid);
	ASSERT_EQ(next_status(tid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_OK(resume(tid, PTRACE_CONT, 0));
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_EXEC));
	EXPECT_EQ(message_of(pid), tid);
	EXPECT_ERRNO(xptrace(PTRACE_CONT, tid, 0, 0), ESRCH);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
	int status;
	EXPECT_ERRNO(waitpid(-1, &status, __WALL | WNOHANG), ECHILD);
}

/* --- job control --- */

TEST(a_group_stop_of_an_attached_tracee)
{
	int pid = begin(pauses, 0);
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	await_sleep(pid);
	kill(pid, SIGTSTP);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGTSTP));
	EXPECT_EQ(siginfo_of(pid).si_signo, SIGTSTP);
	siginfo_t info;
	kill(pid, SIGSTOP);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGSTOP), STOPPED_BY(SIGSTOP));
	EXPECT_ERRNO(xptrace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), EINVAL);
	EXPECT_ERRNO(xptrace(PTRACE_LISTEN, pid, 0, 0), EIO);
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, 0));
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT_EQ(status, STOPPED_BY(SIGSTOP));
	while (proc_state(pid) != 'T')
		sched_yield();
	kill(pid, SIGCONT);
	kill(pid, SIGTERM);
	EXPECT_EQ(next_status(pid), SIGTERM);
}

TEST(a_seized_tracee_listens_through_a_group_stop)
{
	int pid = child_of(pauses);
	await_sleep(pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	kill(pid, SIGSTOP);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGSTOP), STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8));
	EXPECT_EQ(siginfo_of(pid).si_code, SIGSTOP | PTRACE_EVENT_STOP << 8);
	ASSERT_OK(xptrace(PTRACE_LISTEN, pid, 0, 0));
	struct user_regs_struct r;
	EXPECT_ERRNO(xptrace(PTRACE_GETREGS, pid, 0, (unsigned long)&r), ESRCH);
	int status;
	EXPECT_EQ(waitpid(pid, &status, __WALL | WNOHANG), 0);
	kill(pid, SIGCONT);
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_STOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGCONT));
	ASSERT_OK(resume(pid, PTRACE_CONT, SIGCONT));
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(interrupt_stops_a_sleeping_tracee_and_its_call_goes_on)
{
	int go[2];
	ASSERT_OK(pipe(go));
	int pid = fork();
	if (pid == 0) {
		char c;
		_exit(read(go[0], &c, 1) == 1 ? 11 : 12);
	}
	await_sleep(pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	for (int n = 0; n < 3; n++) {
		ASSERT_OK(xptrace(PTRACE_INTERRUPT, pid, 0, 0));
		ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_STOP));
		ASSERT_OK(resume(pid, PTRACE_CONT, 0));
		await_sleep(pid);
	}
	ASSERT_EQ(write(go[1], "x", 1), 1);
	EXPECT_EQ(next_status(pid), 11 << 8);
}

TEST(children_of_a_seized_tracee_begin_with_a_trap)
{
	int pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(forks());
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK));
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8));
	kill(pid, SIGCONT);
	int child = 0;
	while (!child) {
		status = resume_and_wait(pid, PTRACE_CONT, 0);
		if (status == EVENT(PTRACE_EVENT_FORK))
			child = (int)message_of(pid);
		else
			ASSERT(status == EVENT(PTRACE_EVENT_STOP) || status == STOPPED_BY(SIGCONT));
	}
	ASSERT_EQ(next_status(child), EVENT(PTRACE_EVENT_STOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	EXPECT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 4 << 8);
}

TEST(attach_to_a_stopped_process_is_stopped_at_once)
{
	int pid = child_of(pauses);
	int status;
	kill(pid, SIGSTOP);
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_OK(xptrace(PTRACE_ATTACH, pid, 0, 0));
	ASSERT_EQ(waitpid(pid, &status, __WALL | WNOHANG), pid);
	EXPECT_EQ(status, STOPPED_BY(SIGSTOP));
	EXPECT(regs_of(pid).rip != 0);
	/* A signal to go on with has no effect here: it is no signal's stop. */
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, SIGTERM));
	while (proc_state(pid) != 'T')
		sched_yield();
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

static void *spins_for_stop(void *arg)
{
	for (;;)
		usleep(1000);
	return arg;
}

static int has_threads(void)
{
	pthread_t t;
	for (int n = 0; n < 3; n++)
		pthread_create(&t, NULL, spins_for_stop, NULL);
	pauses();
}

/* One thread is traced, the others are not: the real parent hears of the stop when all have stopped. */
TEST(a_group_stop_with_one_traced_thread_is_complete)
{
	int pid = fork();
	if (pid == 0) {
		int child = child_of(has_threads), status;
		int tracer = fork();
		if (tracer == 0) {
			if (xptrace(PTRACE_SEIZE, child, 0, 0) != 0)
				_exit(1);
			kill(child, SIGSTOP);
			for (;;) {
				status = next_status(child);
				if (status == STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8))
					break;
				resume(child, PTRACE_CONT, WSTOPSIG(status));
			}
			pauses();
		}
		int ok = waitpid(child, &status, WUNTRACED) == child && status == STOPPED_BY(SIGSTOP);
		kill(tracer, SIGKILL);
		ok = ok && next_status(tracer) == SIGKILL;
		kill(child, SIGKILL);
		ok = ok && next_status(child) == SIGKILL;
		_exit(ok ? 0 : 1);
	}
	EXPECT_EQ(next_status(pid), 0);
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
