/* template.c - from a forked copy of the program to an empty stub: what happens before the sentry traces it.
 *
 * HOW   The stub's text is two instructions, each with a breakpoint behind it, a system call and a locked cmpxchg, and a
 *       signal handler that is nothing but a breakpoint (frame.c). The template says hello, installs its filter and receives from
 *       its control socket, in the text. The sentry attaches and then sends a byte: so the template's first stop is the
 *       breakpoint, with the sentry tracing it. From there on it does what is injected: unmaps the program, then forks. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/ptrace/ptrace.h"
#include "platform/stub.h"
#include "platform/systrap/stub_filter.h"
#include "platform/vdso.h"

static const uint8_t text[] = {
	0x0f, 0x05, 0xcc,                 /* syscall; int3 */
	0xf0, 0x0f, 0xb1, 0x17, 0xcc,     /* lock cmpxchg %edx,(%rdi); int3 */
	0xcc,                             /* int3: the handler */
};
const uint64_t ptrace_syscall_insn = STUB_TEXT, ptrace_cmpxchg_insn = STUB_TEXT + 3, ptrace_handler_insn = STUB_TEXT + 8;

int ptrace_prepare(struct pl_launch *l)
{
	l->cfg.template_memfd = l->cfg.ro_memfd = l->cfg.doorbell_fd = l->cfg.load_fd = -1;
	int err = pl_vdso_look();
	if (!err)
		err = stub_place_text(text, sizeof(text));
	int fd[2];
	if (!err)
		err = stub_control_new(fd);
	if (err)
		return err;
	l->cfg.template_fd = fd[0];
	l->stub_control = fd[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	l->cfg.init_fd = fd[0];
	l->init_sock = fd[1];
	return 0;
}

/* No signal reaches a stub but those that frame.c has delivered; none is blocked, on no stack of its own. */
static void set_signals(void)
{
	struct { uint64_t handler, flags, restorer, mask; } dfl = { 0 }, known = {
		ptrace_handler_insn, SA_SIGINFO | SA_NODEFER | 0x04000000 /* SA_RESTORER */, ptrace_handler_insn, 0,
	};
	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, &dfl, NULL, 8);
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, STUB_SIG_INTERRUPT };
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		CHECK(syscall(SYS_rt_sigaction, signals[i], &known, NULL, 8) == 0);
	uint64_t none = 0;
	CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8) == 0);
	stack_t no_stack = { .ss_flags = SS_DISABLE };
	CHECK(sigaltstack(&no_stack, NULL) == 0);
}

void ptrace_template_main(struct pl_launch *l)
{
	void *scratch = mmap((void *)STUB_AREAS, PTRACE_SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(scratch == (void *)STUB_AREAS);
	stub_keep_fds(l->stub_control, -1);
	set_signals();
	stub_forget_rseq();
	setsid();
	stub_move_vdso();
	static const uint64_t hello = 1;
	CHECK(write(STUB_CONTROL_FD, &hello, sizeof(hello)) == sizeof(hello));
	CHECK(stub_filter_install() == 0);

	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	__asm__ volatile("jmp *%0"
			 : : "r"(ptrace_syscall_insn), "a"(SYS_recvmsg), "D"(STUB_CONTROL_FD), "S"(&msg), "d"(0)
			 : "rcx", "r11", "memory");
	__builtin_unreachable();
}
