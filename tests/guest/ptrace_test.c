/* ptrace_test.c - beginning and ending to trace, resuming, signals of a tracee, memory and registers. */
#include "tests/guest/ptrace.h"

#include <fcntl.h>
#include <sys/mman.h>

COVERS(ptrace);

TEST(traceme_stops_for_each_signal_and_exits_to_the_parent)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	EXPECT_EQ(proc_state(pid), 't');
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(traceme_twice_is_refused)
{
	int pid = fork();
	if (pid == 0) {
		int first = xptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
		int second = xptrace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM;
		_exit(first && second ? 0 : 1);
	}
	EXPECT_EQ(next_status(pid), 0);
}

static int raises_usr1(void)
{
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	return 3;
}

TEST(an_ignored_signal_is_shown_all_the_same)
{
	int pid = traced_child(raises_usr1);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGUSR1), 3 << 8);
}

TEST(a_signal_can_be_suppressed_replaced_or_made_up)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(kill(pid, SIGTERM));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTERM));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGUSR2), SIGUSR2);
}

static volatile int got_signo, got_pid, got_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got_signo = sig;
	got_pid = info->si_pid;
	got_value = info->si_value.sival_int;
}

static int reports_siginfo(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR1);
	return got_signo == SIGUSR1 && got_value == 77 ? 1 : 0;
}

TEST(siginfo_can_be_read_and_changed)
{
	int pid = traced_child(reports_siginfo);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	siginfo_t info = siginfo_of(pid);
	EXPECT_EQ(info.si_signo, SIGUSR1);
	EXPECT_EQ(info.si_code, SI_TKILL);
	EXPECT_EQ(info.si_pid, pid);
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 77;
	EXPECT_OK(xptrace(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGUSR1), 1 << 8);
}

static int reports_sender(void)
{
	reports_siginfo();
	return got_signo == SIGUSR2 && got_pid == getppid() ? 1 : 0;
}

TEST(a_replaced_signal_comes_from_the_tracer)
{
	int pid = traced_child(reports_sender);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGUSR2), 1 << 8);
}

TEST(kill_ends_a_stopped_tracee)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(kill(pid, SIGKILL));
	EXPECT_EQ(next_status(pid), SIGKILL);

	pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(xptrace(PTRACE_KILL, pid, 0, 0));
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(attach_stops_and_detach_lets_go)
{
	int pid = child_of(pauses);
	await_sleep(pid);
	ASSERT_OK(xptrace(PTRACE_ATTACH, pid, 0, 0));
	EXPECT_ERRNO(xptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, 0));
	EXPECT_ERRNO(xptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
	await_sleep(pid);
	kill(pid, SIGTERM);
	EXPECT_EQ(next_status(pid), SIGTERM);
}

TEST(detach_can_deliver_a_signal)
{
	int pid = child_of(pauses);
	ASSERT_OK(xptrace(PTRACE_ATTACH, pid, 0, 0));
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	EXPECT_ERRNO(xptrace(PTRACE_DETACH, pid, 0, 65), EIO);
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, SIGTERM));
	EXPECT_EQ(next_status(pid), SIGTERM);
}

TEST(who_cannot_be_traced)
{
	EXPECT_ERRNO(xptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	EXPECT_ERRNO(xptrace(PTRACE_ATTACH, 999999999, 0, 0), ESRCH);
	EXPECT_ERRNO(xptrace(PTRACE_ATTACH, 0, 0, 0), ESRCH);
	EXPECT_ERRNO(xptrace(PTRACE_CONT, getppid(), 0, 0), ESRCH);
	int pid = child_of(exits);
	siginfo_t info;
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	EXPECT_ERRNO(xptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
	EXPECT_ERRNO(xptrace(PTRACE_SEIZE, pid, 1, 0), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_SEIZE, pid, 0, 1UL << 30), EIO);
	EXPECT_EQ(next_status(pid), 7 << 8);
}

TEST(other_users_processes_are_refused)
{
	if (geteuid() != 0)
		SKIP("needs root");
	int victim = child_of(pauses);
	int pid = fork();
	if (pid == 0) {
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(2);
		_exit(xptrace(PTRACE_ATTACH, victim, 0, 0) == -1 && errno == EPERM ? 0 : 1);
	}
	EXPECT_EQ(next_status(pid), 0);
	kill(victim, SIGKILL);
	next_status(victim);
}

TEST(requests_need_a_stopped_tracee)
{
	int pid = child_of(pauses);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	long word;
	EXPECT_ERRNO(xptrace(PTRACE_PEEKDATA, pid, (unsigned long)&word, (unsigned long)&word), ESRCH);
	EXPECT_ERRNO(xptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
	ASSERT_OK(xptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_STOP));
	EXPECT_ERRNO(xptrace(12345, pid, 0, 0), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_CONT, pid, 0, 65), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_SETOPTIONS, pid, 0, 1UL << 30), EINVAL);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

static int tracer_pid_of(int pid)
{
	char path[64], line[256];
	int tracer = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "TracerPid: %d", &tracer);
	if (f)
		fclose(f);
	return tracer;
}

TEST(proc_status_names_the_tracer)
{
	int pid = child_of(pauses);
	EXPECT_EQ(tracer_pid_of(pid), 0);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	EXPECT_EQ(tracer_pid_of(pid), getpid());
	kill(pid, SIGKILL);
	next_status(pid);
}

/* --- memory --- */

static long variable = 0x1122334455667788;

TEST(words_of_data_are_read_and_written)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	unsigned long at = (unsigned long)&variable, word = 0;
	ASSERT_OK(xptrace(PTRACE_PEEKDATA, pid, at, (unsigned long)&word));
	EXPECT_EQ(word, variable);
	ASSERT_OK(xptrace(PTRACE_POKEDATA, pid, at, 42));
	ASSERT_OK(xptrace(PTRACE_PEEKTEXT, pid, at, (unsigned long)&word));
	EXPECT_EQ(word, 42);
	EXPECT_EQ(variable, 0x1122334455667788);
	EXPECT_ERRNO(xptrace(PTRACE_PEEKDATA, pid, 8, (unsigned long)&word), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_POKEDATA, pid, 8, 1), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_PEEKDATA, pid, at, 8), EFAULT);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

__attribute__((noinline)) int function_with_breakpoint(void)
{
	__asm__ volatile("nop; nop; nop; nop");
	return 5;
}

TEST(a_breakpoint_in_read_only_text_is_private_to_the_tracee)
{
	int pid = traced_child(function_with_breakpoint);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	unsigned long at = (unsigned long)function_with_breakpoint, word = 0;
	ASSERT_OK(xptrace(PTRACE_PEEKTEXT, pid, at, (unsigned long)&word));
	ASSERT_OK(xptrace(PTRACE_POKETEXT, pid, at, (word & ~0xffUL) | 0xcc));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	siginfo_t info = siginfo_of(pid);
	EXPECT_EQ(info.si_code, SI_KERNEL);
	struct user_regs_struct r = regs_of(pid);
	EXPECT_EQ(r.rip, at + 1);
	EXPECT_EQ(function_with_breakpoint(), 5);
	r.rip = at;
	ASSERT_OK(xptrace(PTRACE_POKETEXT, pid, at, word));
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 5 << 8);
}

static char *page;

static int writes_page(void)
{
	page[0] = 1;
	return 1;
}

TEST(poke_does_not_change_the_protection)
{
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(page != MAP_FAILED);
	int pid = traced_child(writes_page);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	unsigned long word = 0;
	EXPECT_OK(xptrace(PTRACE_POKEDATA, pid, (unsigned long)page + 16, 99));
	EXPECT_OK(xptrace(PTRACE_PEEKDATA, pid, (unsigned long)page + 16, (unsigned long)&word));
	EXPECT_EQ(word, 99);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGSEGV));
	EXPECT_EQ((unsigned long)siginfo_of(pid).si_addr, (unsigned long)page);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGSEGV) & 0x7f, SIGSEGV);
}

TEST(shared_memory_is_not_written_against_its_protection)
{
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(page != MAP_FAILED);
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	EXPECT_ERRNO(xptrace(PTRACE_POKEDATA, pid, (unsigned long)page, 99), EIO);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(proc_mem_reads_and_writes_text)
{
	int pid = traced_child(function_with_breakpoint);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR);
	ASSERT_OK(fd);
	off_t at = (off_t)(uintptr_t)function_with_breakpoint;
	unsigned char was, breakpoint = 0xcc, now = 0;
	ASSERT_EQ(pread(fd, &was, 1, at), 1);
	ASSERT_EQ(pwrite(fd, &breakpoint, 1, at), 1);
	ASSERT_EQ(pread(fd, &now, 1, at), 1);
	EXPECT_EQ(now, 0xcc);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGKILL), SIGKILL);
}

TEST(a_process_writes_its_own_text_through_proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	ASSERT_OK(fd);
	unsigned char was, same = 0;
	off_t at = (off_t)(uintptr_t)function_with_breakpoint;
	ASSERT_EQ(pread(fd, &was, 1, at), 1);
	ASSERT_EQ(pwrite(fd, &was, 1, at), 1);
	ASSERT_EQ(pread(fd, &same, 1, at), 1);
	EXPECT_EQ(same, was);
}

/* --- registers --- */

TEST(user_words_are_the_registers)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	struct user_regs_struct r = regs_of(pid);
	unsigned long word = 0;
	ASSERT_OK(xptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rsp), (unsigned long)&word));
	EXPECT_EQ(word, r.rsp);
	ASSERT_OK(xptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, r15), 0x123));
	EXPECT_EQ(regs_of(pid).r15, 0x123);
	ASSERT_OK(xptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg), (unsigned long)&word));
	EXPECT_EQ(word, 0);
	EXPECT_ERRNO(xptrace(PTRACE_PEEKUSER, pid, 4, (unsigned long)&word), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_PEEKUSER, pid, sizeof(struct user) + 16, (unsigned long)&word), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, cs), 0), EIO);
	EXPECT_ERRNO(xptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, fs_base), 1UL << 63), EIO);
	EXPECT_EQ(r.cs, 0x33);
	EXPECT_EQ(r.ss, 0x2b);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(flags_that_are_not_the_guests_stay)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	struct user_regs_struct r = regs_of(pid), now;
	unsigned long before = r.eflags;
	r.eflags = (r.eflags ^ 1) & ~0x200UL;            /* carry; interrupts off */
	ASSERT_OK(xptrace(PTRACE_SETREGS, pid, 0, (unsigned long)&r));
	now = regs_of(pid);
	EXPECT_EQ(now.eflags, before ^ 1);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(register_sets_by_type)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	struct user_regs_struct r, plain = regs_of(pid);
	struct iovec iov = { &r, sizeof(r) + 64 };
	ASSERT_OK(xptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov));
	EXPECT_EQ(iov.iov_len, sizeof(r));
	EXPECT_EQ(memcmp(&r, &plain, sizeof(r)), 0);
	iov.iov_len = 16;
	r.r15 = 0x77;
	ASSERT_OK(xptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov));
	EXPECT_EQ(regs_of(pid).r15, 0x77);
	iov.iov_len = 12;
	EXPECT_ERRNO(xptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov), EINVAL);
	iov.iov_len = 16;
	EXPECT_ERRNO(xptrace(PTRACE_GETREGSET, pid, 0x999, (unsigned long)&iov), EINVAL);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

static int returns_xmm(void)
{
	int result;
	raise(SIGUSR1);
	__asm__ volatile("movd %%xmm15, %0" : "=r"(result));
	return result & 0xff;
}

/* xmm15 changed at the stop is what the program finds. */
TEST(floating_point_registers)
{
	signal(SIGUSR1, SIG_IGN);
	int pid = traced_child(returns_xmm);
	struct user_fpregs_struct fp;
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	ASSERT_OK(xptrace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&fp));
	EXPECT_EQ(fp.mxcsr & 0x1f80, 0x1f80);
	fp.xmm_space[15 * 4] = 0x5a;
	ASSERT_OK(xptrace(PTRACE_SETFPREGS, pid, 0, (unsigned long)&fp));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0x5a << 8);
}

TEST(extended_state)
{
	signal(SIGUSR1, SIG_IGN);
	int pid = traced_child(returns_xmm);
	static char state[16384] __attribute__((aligned(64)));
	struct iovec iov = { state, sizeof(state) };
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGUSR1));
	ASSERT_OK(xptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov));
	EXPECT(iov.iov_len >= 576 && iov.iov_len < sizeof(state));
	uint64_t features, used;
	memcpy(&features, state + 464, 8);
	memcpy(&used, state + 512, 8);
	EXPECT_EQ(features & 3, 3);
	EXPECT_EQ(used & ~features, 0);
	used |= 3;
	memcpy(state + 512, &used, 8);
	state[160 + 15 * 16] = 0x3c;
	size_t whole = iov.iov_len;
	iov.iov_len = 512;
	EXPECT_ERRNO(xptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov), EFAULT);
	iov.iov_len = whole;
	ASSERT_OK(xptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov));
	state[512 + 8] = 1;
	EXPECT_ERRNO(xptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov), EINVAL);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0x3c << 8);
}

/* --- signal masks and queues --- */

TEST(signal_mask_of_a_tracee)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	uint64_t mask = 0, all = ~0ULL;
	EXPECT_ERRNO(xptrace(PTRACE_GETSIGMASK, pid, 4, (unsigned long)&mask), EINVAL);
	ASSERT_OK(xptrace(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&all));
	ASSERT_OK(xptrace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask));
	EXPECT_EQ(mask, ~(1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1)));
	kill(pid, SIGTERM);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(queued_signals_can_be_peeked_at)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	for (int n = 0; n < 3; n++)
		ASSERT_OK(sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = n }));
	siginfo_t info[4];
	struct { uint64_t off; uint32_t flags; int32_t nr; } args = { 1, 1 /* PTRACE_PEEKSIGINFO_SHARED */, 4 };
	ASSERT_EQ(xptrace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)info), 2);
	EXPECT_EQ(info[0].si_value.sival_int, 1);
	EXPECT_EQ(info[1].si_value.sival_int, 2);
	args.flags = 0;
	EXPECT_EQ(xptrace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)info), 0);
	args.flags = 4;
	EXPECT_ERRNO(xptrace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)info), EINVAL);
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

/* --- the tracer's end --- */

TEST(tracees_go_on_when_their_tracer_exits)
{
	int go[2];
	ASSERT_OK(pipe(go));
	int pid = fork();
	if (pid == 0) {
		char c;
		close(go[1]);
		_exit(read(go[0], &c, 1) == 0 ? 5 : 6);
	}
	int tracer = fork();
	if (tracer == 0) {
		if (xptrace(PTRACE_ATTACH, pid, 0, 0) != 0 || next_status(pid) != STOPPED_BY(SIGSTOP))
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(next_status(tracer), 0);
	close(go[1]);
	EXPECT_EQ(next_status(pid), 5 << 8);
}

TEST(exitkill_takes_the_tracees_along)
{
	int pid = child_of(pauses);
	int tracer = fork();
	if (tracer == 0)
		_exit(xptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL) != 0);
	EXPECT_EQ(next_status(tracer), 0);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

/* The parent hears of its child's end only after the tracer has. */
TEST(a_zombie_is_the_tracers_first)
{
	int go[2], done[2];
	ASSERT_OK(pipe(go));
	ASSERT_OK(pipe(done));
	int pid = child_of(pauses);
	int tracer = fork();
	if (tracer == 0) {
		char c;
		int ok = xptrace(PTRACE_SEIZE, pid, 0, 0) == 0 && kill(pid, SIGTERM) == 0 &&
			 next_status(pid) == STOPPED_BY(SIGTERM) && resume(pid, PTRACE_CONT, SIGTERM) == 0;
		siginfo_t info;
		ok = ok && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL) == 0;
		ok = ok && write(go[1], "x", 1) == 1 && read(done[0], &c, 1) == 1;
		ok = ok && next_status(pid) == SIGTERM;
		_exit(ok ? 0 : 1);
	}
	char c;
	ASSERT_EQ(read(go[0], &c, 1), 1);
	int status;
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	ASSERT_EQ(write(done[1], "x", 1), 1);
	EXPECT_EQ(next_status(pid), SIGTERM);
	EXPECT_EQ(next_status(tracer), 0);
}

TEST(wait_ignores_other_peoples_tracees)
{
	int pid = traced_child(exits);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	int other = fork();
	if (other == 0) {
		int status;
		_exit(waitpid(pid, &status, __WALL) == -1 && errno == ECHILD ? 0 : 1);
	}
	EXPECT_EQ(next_status(other), 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}

TEST(waitid_tells_of_a_trap)
{
	int pid = traced_child(exits);
	siginfo_t info;
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	EXPECT_EQ(info.si_code, CLD_TRAPPED);
	EXPECT_EQ(info.si_status, SIGSTOP);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	info.si_pid = 1;
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG));
	EXPECT_EQ(info.si_pid, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 7 << 8);
}
