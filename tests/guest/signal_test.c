/* signal_test.c - handlers, masks, default actions, frames (signal(7), sigreturn(2)). */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(rt_sigaction, rt_sigprocmask, rt_sigreturn, rt_sigpending, rt_sigsuspend, kill, tkill, tgkill, pause);

static volatile sig_atomic_t seen, order[8], nseen;
static void note(int sig)
{
	seen++;
	if (nseen < 8)
		order[nseen++] = sig;
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };
	ASSERT_OK(sigaction(sig, &sa, NULL));
}

static void block(int sig)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void unblock_all(void)
{
	sigset_t set;
	sigemptyset(&set);
	ASSERT_OK(sigprocmask(SIG_SETMASK, &set, NULL));
}

static int wait_status(pid_t pid)
{
	int status = -1;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

TEST(handler_runs_before_kill_returns)
{
	handle(SIGUSR1, note, 0);
	ASSERT_OK(kill(getpid(), SIGUSR1));
	EXPECT_EQ(seen, 1);
	ASSERT_OK(syscall(SYS_tkill, gettid(), SIGUSR1));
	EXPECT_EQ(seen, 2);
	ASSERT_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	EXPECT_EQ(seen, 3);
}

TEST(bad_arguments)
{
	struct sigaction sa = { .sa_handler = note };
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGKILL, &sa, NULL, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGSTOP, &sa, NULL, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16), EINVAL);
	EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
	EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, 17, &sa, NULL, 8), EINVAL);
	EXPECT_ERRNO(kill(getpid(), 65), EINVAL);
	EXPECT_ERRNO(kill(getpid(), -1), EINVAL);
	EXPECT_ERRNO(kill(0x7ffffff, SIGUSR1), ESRCH);
	EXPECT_ERRNO(syscall(SYS_tgkill, 0, gettid(), 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_tgkill, getppid(), gettid(), 0), ESRCH);
	EXPECT_ERRNO(syscall(SYS_tkill, -1, 0), EINVAL);
	EXPECT_OK(kill(getpid(), 0));
	EXPECT_OK(kill(0, 0));
}

TEST(blocked_signals_wait_and_merge)
{
	handle(SIGUSR1, note, 0);
	block(SIGUSR1);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	EXPECT_EQ(seen, 0);
	sigset_t pending;
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGUSR1));
	unblock_all();
	EXPECT_EQ(seen, 1);
	sigpending(&pending);
	EXPECT(!sigismember(&pending, SIGUSR1));
}

TEST(low_numbers_first_frames_nest)
{
	handle(SIGUSR1, note, 0);
	handle(SIGUSR2, note, 0);
	handle(SIGHUP, note, 0);
	block(SIGUSR1);
	block(SIGUSR2);
	block(SIGHUP);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGHUP);
	unblock_all();
	/* All frames are pushed before any handler runs: the last pushed runs first. */
	EXPECT_EQ(nseen, 3);
	EXPECT_EQ(order[0], SIGUSR2);
	EXPECT_EQ(order[1], SIGUSR1);
	EXPECT_EQ(order[2], SIGHUP);
}

static sigset_t mask_in_handler;
static void record_mask(int sig)
{
	(void)sig;
	sigprocmask(SIG_SETMASK, NULL, &mask_in_handler);
}

TEST(mask_while_the_handler_runs)
{
	struct sigaction sa = { .sa_handler = record_mask };
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGKILL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	EXPECT(sigismember(&mask_in_handler, SIGUSR1));
	EXPECT(sigismember(&mask_in_handler, SIGUSR2));
	EXPECT(!sigismember(&mask_in_handler, SIGKILL));
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(!sigismember(&now, SIGUSR1));
	EXPECT(!sigismember(&now, SIGUSR2));
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	EXPECT(!sigismember(&mask_in_handler, SIGUSR1));
}

TEST(resethand_runs_once)
{
	handle(SIGUSR1, note, (int)SA_RESETHAND);
	raise(SIGUSR1);
	struct sigaction sa;
	sigaction(SIGUSR1, NULL, &sa);
	EXPECT(sa.sa_handler == SIG_DFL);
	EXPECT_EQ(seen, 1);
}

TEST(ignoring_drops_what_is_pending)
{
	block(SIGUSR1);
	handle(SIGUSR1, note, 0);
	raise(SIGUSR1);
	handle(SIGUSR1, SIG_IGN, 0);
	handle(SIGUSR1, note, 0);
	unblock_all();
	EXPECT_EQ(seen, 0);
}

TEST(a_blocked_ignored_signal_is_kept)
{
	handle(SIGUSR1, SIG_IGN, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	sigset_t pending;
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGUSR1));
	unblock_all();
	EXPECT_EQ(seen, 0);
}

TEST(sigsuspend_swaps_masks_atomically)
{
	handle(SIGUSR1, note, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	sigset_t empty, now;
	sigemptyset(&empty);
	EXPECT_ERRNO(sigsuspend(&empty), EINTR);
	EXPECT_EQ(seen, 1);
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(sigismember(&now, SIGUSR1));
}

static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2,
			     SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO, SIGSYS, 40 };

TEST(default_action_is_death_or_nothing)
{
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			signal(fatal[i], SIG_DFL);
			kill(getpid(), fatal[i]);
			_exit(0);
		}
		int status = wait_status(pid);
		EXPECT(WIFSIGNALED(status));
		EXPECT_EQ(WTERMSIG(status), fatal[i]);
	}
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	raise(SIGCONT);
}

static siginfo_t last_info;
static ucontext_t last_context;
static void record_info(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	last_info = *info;
	last_context = *(ucontext_t *)ctx;
}

static void handle_info(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };
	ASSERT_OK(sigaction(sig, &sa, NULL));
}

TEST(siginfo_names_the_sender)
{
	handle_info(SIGUSR1, record_info, 0);
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(last_info.si_signo, SIGUSR1);
	EXPECT_EQ(last_info.si_code, SI_USER);
	EXPECT_EQ(last_info.si_pid, getpid());
	EXPECT_EQ(last_info.si_uid, getuid());
	raise(SIGUSR1);
	EXPECT_EQ(last_info.si_code, SI_TKILL);
}

TEST(context_has_all_registers_and_returns_changes)
{
	handle_info(SIGUSR1, record_info, 0);
	uint64_t rbx, r12, r15;
	long nr = SYS_tkill;
	__asm__ volatile("mov $0x1234, %%rbx\n mov $0x5678, %%r12\n mov $0x9abc, %%r15\n syscall\n"
			 "mov %%rbx, %0\n mov %%r12, %1\n mov %%r15, %2\n"
			 : "=&r"(rbx), "=&r"(r12), "=&r"(r15), "+a"(nr)
			 : "D"(gettid()), "S"(SIGUSR1)
			 : "rbx", "r12", "r15", "rcx", "r11", "memory");
	EXPECT_EQ(nr, 0);
	EXPECT_EQ(rbx, 0x1234);
	EXPECT_EQ(r12, 0x5678);
	EXPECT_EQ(r15, 0x9abc);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_RBX], 0x1234);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_R12], 0x5678);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_R15], 0x9abc);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_RAX], 0);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_RDI], gettid());
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
	EXPECT_EQ(last_context.uc_flags & 7, 7);
}

static char *fault_page;
static void make_readable(int sig, siginfo_t *info, void *ctx)
{
	record_info(sig, info, ctx);
	mprotect(fault_page, 4096, PROT_READ | PROT_WRITE);
}

TEST(a_fault_can_be_repaired)
{
	fault_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	handle_info(SIGSEGV, make_readable, 0);
	*(volatile char *)(fault_page + 10) = 5;
	EXPECT_EQ(fault_page[10], 5);
	EXPECT_EQ(last_info.si_code, SEGV_ACCERR);
	EXPECT(last_info.si_addr == fault_page + 10);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_TRAPNO], 14);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_ERR] & 6, 6);
	EXPECT_EQ(last_context.uc_mcontext.gregs[REG_CR2], (long)(fault_page + 10));
}

static void skip_insn(int sig, siginfo_t *info, void *ctx)
{
	record_info(sig, info, ctx);
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += 2;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RAX] = 0x77;
}

TEST(a_handler_may_move_the_program_counter)
{
	handle_info(SIGILL, skip_insn, 0);
	long rax = 1;
	__asm__ volatile("ud2" : "+a"(rax));
	EXPECT_EQ(rax, 0x77);
	EXPECT_EQ(last_info.si_code, ILL_ILLOPN);
	handle_info(SIGFPE, skip_insn, 0);
	int zero = 0;
	__asm__ volatile("cltd\n idivl %%ecx" : "+a"(rax) : "c"(zero) : "rdx");
	EXPECT_EQ(last_info.si_code, FPE_INTDIV);
	EXPECT_EQ(rax, 0x77);
}

static void spoil_fpu(int sig)
{
	(void)sig;
	__asm__ volatile("pcmpeqd %%xmm6, %%xmm6\n pcmpeqd %%xmm7, %%xmm7\n fldz\n" ::: "xmm6", "xmm7");
}

TEST(vector_registers_survive_a_handler)
{
	handle(SIGUSR1, spoil_fpu, 0);
	uint64_t in = 0x123456789abcdef0, out = 0;
	long nr = SYS_tkill;
	__asm__ volatile("movq %2, %%xmm6\n syscall\n movq %%xmm6, %0\n"
			 : "=&r"(out), "+a"(nr)
			 : "r"(in), "D"(gettid()), "S"(SIGUSR1)
			 : "rcx", "r11", "xmm6", "memory");
	EXPECT_EQ(out, in);
}

static void spoil_red_zone(int sig)
{
	char buf[4096];
	memset(buf, sig, sizeof(buf));
	__asm__ volatile("" ::"r"(buf) : "memory");
}

TEST(red_zone_is_left_alone)
{
	handle(SIGUSR1, spoil_red_zone, 0);
	uint64_t out;
	long nr = SYS_tkill;
	__asm__ volatile("movq $0x4242, -128(%%rsp)\n syscall\n movq -128(%%rsp), %0\n"
			 : "=&r"(out), "+a"(nr)
			 : "D"(gettid()), "S"(SIGUSR1)
			 : "rcx", "r11", "memory");
	EXPECT_EQ(out, 0x4242);
}

TEST(a_fault_that_is_blocked_or_ignored_kills)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			handle(SIGSEGV, i ? SIG_IGN : note, 0);
			if (!i)
				block(SIGSEGV);
			*(volatile int *)16 = 1;
			_exit(0);
		}
		int status = wait_status(pid);
		EXPECT(WIFSIGNALED(status));
		EXPECT_EQ(WTERMSIG(status), SIGSEGV);
	}
}

TEST(no_stack_for_the_frame_means_sigsegv)
{
	pid_t pid = fork();
	if (pid == 0) {
		handle(SIGUSR1, note, 0);
		long nr = SYS_tkill;
		__asm__ volatile("mov %%rsp, %%rbx\n mov $16, %%rsp\n syscall\n mov %%rbx, %%rsp\n"
				 : "+a"(nr)
				 : "D"(gettid()), "S"(SIGUSR1)
				 : "rbx", "rcx", "r11", "memory");
		_exit(0);
	}
	int status = wait_status(pid);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(sigreturn_of_nonsense_means_sigsegv)
{
	pid_t pid = fork();
	if (pid == 0) {
		__asm__ volatile("mov $64, %%rsp\n mov %0, %%eax\n syscall\n hlt" ::"i"(SYS_rt_sigreturn));
		_exit(0);
	}
	int status = wait_status(pid);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

static void bad_rip(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] = (long)0x8000000000000000UL;
}

TEST(returning_to_nowhere_means_sigsegv)
{
	pid_t pid = fork();
	if (pid == 0) {
		handle_info(SIGUSR1, bad_rip, 0);
		raise(SIGUSR1);
		_exit(0);
	}
	int status = wait_status(pid);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

static sigjmp_buf env;
static void jump(int sig)
{
	siglongjmp(env, sig);
}

TEST(jumping_out_of_a_handler)
{
	handle(SIGSEGV, jump, 0);
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(env, 1) == 0) {
			*(volatile int *)24 = 1;
			FAIL("not reached");
		}
	}
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	EXPECT(!sigismember(&now, SIGSEGV));
}

static pthread_t main_thread;
static volatile sig_atomic_t wrong_thread, count;
static void check_thread(int sig)
{
	(void)sig;
	if (pthread_equal(pthread_self(), main_thread))
		wrong_thread = 1;
	__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static int ready[2];
static void *receiver(void *arg)
{
	sigset_t none;
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	write(ready[1], "x", 1);
	while (!__atomic_load_n(&count, __ATOMIC_SEQ_CST))
		pause();
	return arg;
}

TEST(process_signals_go_to_a_thread_that_takes_them)
{
	pthread_t th;
	char c;
	ASSERT_OK(pipe(ready));
	main_thread = pthread_self();
	handle(SIGUSR1, check_thread, 0);
	block(SIGUSR1);
	pthread_create(&th, NULL, receiver, NULL);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	/* It may not be in pause() yet: then the signal comes before, and pause() is not entered; or again. */
	while (!__atomic_load_n(&count, __ATOMIC_SEQ_CST)) {
		kill(getpid(), SIGUSR1);
		sched_yield();
	}
	pthread_join(th, NULL);
	EXPECT(!wrong_thread);
}

TEST(interrupting_a_spinning_program)
{
	handle(SIGALRM, note, 0);
	struct itimerval it = { .it_value.tv_usec = 1000, .it_interval.tv_usec = 1000 };
	setitimer(ITIMER_REAL, &it, NULL);
	volatile uint64_t spins = 0;
	while (seen < 5)
		spins++;
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	EXPECT(spins > 0);
}

static volatile sig_atomic_t after_return;
static void leave_with_the_least_number(int sig, siginfo_t *info, void *ctx)
{
	(void)sig, (void)info;
	raise(SIGUSR2);                           /* blocked; comes as soon as we return */
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RAX] = INT64_MIN;
}
static void count_return(int sig) { (void)sig; after_return++; }

/* A handler gives the call that it interrupted any result, and the next one comes at once. */
TEST(a_handler_sets_the_result_and_another_follows)
{
	struct sigaction sa = { .sa_sigaction = leave_with_the_least_number, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaddset(&sa.sa_mask, SIGUSR2);
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	ASSERT(signal(SIGUSR2, count_return) != SIG_ERR);
	EXPECT(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == INT64_MIN);
	EXPECT_EQ(after_return, 1);
}
