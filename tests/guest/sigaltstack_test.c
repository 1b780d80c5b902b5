/* sigaltstack_test.c - handlers on a stack of their own. */
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tests/guest/guest.h"

COVERS(sigaltstack, rt_sigreturn);

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static char stack[65536] __attribute__((aligned(16)));
static volatile bool on_stack;
static stack_t in_handler;

static void look(int sig)
{
	char here;
	(void)sig;
	on_stack = &here >= stack && &here < stack + sizeof(stack);
	sigaltstack(NULL, &in_handler);
}

static void handle(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };
	ASSERT_OK(sigaction(sig, &sa, NULL));
}

static void set_stack(int flags)
{
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = flags };
	ASSERT_OK(sigaltstack(&ss, NULL));
}

TEST(only_handlers_that_ask_for_it_run_there)
{
	set_stack(0);
	handle(SIGUSR1, look, SA_ONSTACK);
	handle(SIGUSR2, look, 0);
	raise(SIGUSR1);
	EXPECT(on_stack);
	EXPECT_EQ(in_handler.ss_flags, SS_ONSTACK);
	raise(SIGUSR2);
	EXPECT(!on_stack);
	EXPECT_EQ(in_handler.ss_flags, 0);
}

TEST(bad_stacks_are_refused)
{
	stack_t ss = { .ss_sp = stack, .ss_size = 1024 }, old;
	EXPECT_ERRNO(sigaltstack(&ss, NULL), ENOMEM);
	ss.ss_size = sizeof(stack);
	ss.ss_flags = 0x40;
	EXPECT_ERRNO(sigaltstack(&ss, NULL), EINVAL);
	EXPECT_ERRNO(sigaltstack((stack_t *)8, NULL), EFAULT);
	EXPECT_OK(sigaltstack(NULL, &old));
	EXPECT_EQ(old.ss_flags, SS_DISABLE);
	set_stack(0);
	EXPECT_OK(sigaltstack(NULL, &old));
	EXPECT_EQ(old.ss_flags, 0);
	EXPECT_EQ(old.ss_size, sizeof(stack));
	EXPECT(old.ss_sp == stack);
	ss = (stack_t){ .ss_flags = SS_DISABLE };
	EXPECT_OK(sigaltstack(&ss, NULL));
}

static int change_error;
static void change(int sig)
{
	(void)sig;
	stack_t ss = { .ss_flags = SS_DISABLE };
	errno = 0;
	change_error = sigaltstack(&ss, NULL) == -1 ? errno : 0;
}

TEST(the_stack_in_use_cannot_be_changed)
{
	set_stack(0);
	handle(SIGUSR1, change, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT_EQ(change_error, EPERM);
	set_stack((int)SS_AUTODISARM);
	raise(SIGUSR1);
	EXPECT_EQ(change_error, 0);
}

TEST(autodisarm_switches_it_off_until_return)
{
	stack_t old;
	set_stack((int)SS_AUTODISARM);
	handle(SIGUSR1, look, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT(on_stack);
	EXPECT_EQ(in_handler.ss_flags & SS_DISABLE, SS_DISABLE);
	EXPECT_OK(sigaltstack(NULL, &old));
	EXPECT_EQ((unsigned)old.ss_flags, SS_AUTODISARM);
	EXPECT(old.ss_sp == stack);
}

static sigjmp_buf env;
static volatile bool overflow_on_stack;
static void escape(int sig)
{
	char here;
	(void)sig;
	overflow_on_stack = &here >= stack && &here < stack + sizeof(stack);
	siglongjmp(env, 1);
}

static int recurse(int n)
{
	volatile char pad[1024];
	pad[0] = (char)n;
	return n <= 0 ? 0 : recurse(n - 1) + pad[0];
}

TEST(stack_overflow_is_handled_on_the_alternate_stack)
{
	struct rlimit rl = { 1 << 20, 1 << 20 };
	setrlimit(RLIMIT_STACK, &rl);
	pid_t pid = fork();
	if (pid == 0) {
		set_stack(0);
		handle(SIGSEGV, escape, SA_ONSTACK);
		if (sigsetjmp(env, 1) == 0)
			recurse(100000);
		_exit(overflow_on_stack ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(overflow_of_the_alternate_stack_kills)
{
	pid_t pid = fork();
	if (pid == 0) {
		char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		stack_t ss = { .ss_sp = page, .ss_size = 2048 };
		sigaltstack(&ss, NULL);
		handle(SIGUSR1, look, SA_ONSTACK);
		/* From the middle of the small stack: a frame does not fit any more. */
		long nr = SYS_tkill;
		__asm__ volatile("mov %%rsp, %%rbx\n mov %3, %%rsp\n syscall\n mov %%rbx, %%rsp\n"
				 : "+a"(nr)
				 : "D"(gettid()), "S"(SIGUSR1), "r"(page + 600)
				 : "rbx", "rcx", "r11", "memory");
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(fork_keeps_it)
{
	set_stack(0);
	pid_t pid = fork();
	if (pid == 0) {
		stack_t old;
		sigaltstack(NULL, &old);
		_exit(old.ss_sp == stack && old.ss_flags == 0 ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}
