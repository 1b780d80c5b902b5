/* blob.c - the trap code: runs in every stub, between guest code and the sentry.
 *
 * HOW      A signal brings a thread here (blob_entry.S) with its registers in the signal frame. It publishes the
 *          event in its slot, waits for a command, carries it out, and so on until CMD_RESUME.
 * TRUST    Guest code can jump to any instruction of this file with any registers, and write its areas at any
 *          time. The stub's seccomp filter is what holds; nothing here is a check.
 * RULES    Freestanding, no writable data, no vector registers (the guest's are live), never touches guest
 *          memory but in stub_cmpxchg and the three words of blob_window.h, which may fault. */
#include "platform/systrap/blob_post.h"
#include "platform/systrap/blob_sigmask.h"
#include "platform/systrap/blob_window.h"
#include "platform/systrap/layout.h"

#include <asm/unistd.h>
#include <stddef.h>

long stub_syscall(long nr, const uint64_t args[6]);
int stub_cmpxchg(uint32_t *addr, uint32_t *old, uint32_t val);
long stub_clone_thread(uint64_t flags, uint64_t child_frame, uint32_t *tid);
long stub_fork(uint64_t flags, uint64_t frame, uint64_t areas, uint64_t bytes, long memfd, long control);
void stub_xsave(void *area);
uint32_t stub_event(uint64_t frame, struct slot *slot, uint32_t event);
void stub_signal(struct host_frame *frame, uint32_t sig);
void stub_hello(void);
void stub_unmap(const uint64_t *ranges);

#define SYS(nr, ...) stub_syscall((nr), (const uint64_t[6]){ __VA_ARGS__ })
#define RO ((const volatile struct stub_ro *)STUB_RO)
#define FUTEX_WAIT 0
#define SIGSYS 31
#define EFAULT 14
#define SIGINFO_SYSCALL 24                /* offset of si_syscall */
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGSEGV 11

_Static_assert(offsetof(struct slot, self) == SLOT_SELF && offsetof(struct slot, pending) == SLOT_PENDING &&
	       offsetof(struct slot, arith) == SLOT_ARITH && offsetof(struct slot, answer) == SLOT_ANSWER &&
	       offsetof(struct slot, answered) == SLOT_ANSWERED && offsetof(struct slot, result) == SLOT_RESULT &&
	       offsetof(struct slot, load) == SLOT_LOAD && offsetof(struct slot, rcx) == SLOT_RCX &&
	       offsetof(struct slot, r11) == SLOT_R11 && offsetof(struct slot, regs) == SLOT_REGS &&
	       offsetof(struct fast_regs, rsp) == 64 && offsetof(struct fast_regs, eflags) == 120, "blob_fast.S");

extern const char blob_end[], stub_answer_check[], stub_answer_end[], stub_exit_check[], stub_exit_end[], stub_frame_insn[],
	stub_full_check[], stub_full_end[], stub_full_insn[];

static const uint64_t one = 1;

const uint8_t stub_answer_index[256] = {
#define ANSWER(nr, index) [nr] = index,
#define ANSWER_HOST(nr, index)
#include "platform/answers.def"
#undef ANSWER
#undef ANSWER_HOST
};

/* Tells the sentry, by a message that carries our process id by the kernel's word (SCM_CREDENTIALS). */
void stub_hello(void)
{
	SYS(__NR_write, STUB_CONTROL_FD, (uint64_t)&one, 8);
}

/* Pairs (address, length), ended by length 0. The ranges lie on the signal stack, which stays. */
void stub_unmap(const uint64_t *ranges)
{
	for (; ranges[1]; ranges += 2)
		SYS(__NR_munmap, ranges[0], ranges[1]);
}

/* Descriptors from the control socket: how many. */
static int receive(int fds[SLOT_FDS])
{
	struct { uint64_t base, len; } iov;
	struct { uint64_t len; int level, type; int fd[SLOT_FDS]; } cmsg;
	struct { uint64_t name; uint32_t namelen, pad; uint64_t iov, iovlen, control, controllen; uint32_t flags, pad2; } msg;
	char byte;

	iov.base = (uint64_t)&byte;
	iov.len = 1;
	msg.name = 0;
	msg.namelen = 0;
	msg.iov = (uint64_t)&iov;
	msg.iovlen = 1;
	msg.control = (uint64_t)&cmsg;
	msg.controllen = sizeof(cmsg);
	msg.flags = 0;
	cmsg.len = 0;
	long n = SYS(__NR_recvmsg, STUB_CONTROL_FD, (uint64_t)&msg, 0x40000000 /* MSG_CMSG_CLOEXEC */);
	if (n < 0 || cmsg.len < 16)
		return 0;
	int count = (int)((cmsg.len - 16) / sizeof(int));
	for (int i = 0; i < count; i++)
		fds[i] = cmsg.fd[i];
	return count;
}

/* The lines that the next event will write, which the sentry has read: they come while guest code runs. */
static void take_back(const struct slot *slot)
{
	const char *regs = (const char *)&slot->regs, *window = (const char *)slot->windows;
	__asm__ volatile("prefetchw %0; prefetchw 64+%0; prefetchw %1" : : "m"(*regs), "m"(*window));
}

/* Looks and yields until there is a command, or that was in vain. */
static int look_for_command(struct slot *slot, uint32_t spin)
{
	for (; spin; spin--) {
		uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		if (state == SLOT_COMMAND) {
			take_back(slot);
			return 1;
		}
		if (state != SLOT_EVENT)
			break;
		__builtin_ia32_pause();
	}
	/* Where the sentry is one has to do: the host may give the processor back at once, as long as the sentry has had more
	 * than its share. */
	uint32_t yields = RO->yields;
	for (yields = yields && slot->cpu == RO->sentry_cpu ? 1 : yields; yields; yields--) {
		uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
		if (state == SLOT_COMMAND)
			return 1;
		if (state == SLOT_EVENT_LONG)
			break;
		uint64_t before = __builtin_ia32_rdtsc();
		SYS(__NR_sched_yield, 0);
		if (__builtin_ia32_rdtsc() - before > RO->long_yield) {
			slot->long_yields++;
			break;
		}
	}
	return 0;
}

static void wait_command(struct slot *slot)
{
	uint16_t cpu = cpu_now();
	slot->cpu = cpu;
	__atomic_store_n(&slot->state, SLOT_EVENT, __ATOMIC_SEQ_CST);
	uint32_t spin = RO->sentry_cpu == cpu ? 0 : RO->spin;
	if (RO->sentry_sleeps) {
		SYS(__NR_write, STUB_DOORBELL_FD, (uint64_t)&one, 8);
		spin = 0;
	}
	for (;;) {
		if (look_for_command(slot, spin))
			return;
		for (uint32_t seen = SLOT_EVENT; ; ) {
			if (__atomic_compare_exchange_n(&slot->state, &seen, SLOT_EVENT_ASLEEP, 0, __ATOMIC_SEQ_CST,
							__ATOMIC_SEQ_CST))
				break;
			if (seen == SLOT_COMMAND || seen == SLOT_RUN)
				return;
		}
		while (__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == SLOT_EVENT_ASLEEP)
			SYS(__NR_futex, (uint64_t)&slot->state, FUTEX_WAIT, SLOT_EVENT_ASLEEP, 0);
		slot->cpu = cpu = cpu_now();
		if (__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != SLOT_EVENT)
			return;
		spin = RO->sentry_cpu == cpu ? 0 : RO->spin;     /* woken in advance */
	}
}

static void drop(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		SYS(__NR_close, (uint64_t)(int64_t)fds[i]);
}

static void run_calls(struct slot *slot)
{
	uint32_t n = slot->ncalls;
	int fds[SLOT_FDS], have = 0, next = 0;
	int64_t fd = -1;
	for (uint32_t i = 0; i < n && i < SLOT_CALLS; i++) {
		struct slot_call *c = &slot->calls[i];
		if (c->fd == FD_NEXT) {
			if (next == have) {
				drop(fds, have);
				have = receive(fds);
				next = 0;
			}
			fd = next < have ? fds[next++] : -1;
		}
		if (c->fd != FD_NONE)
			c->args[4] = (uint64_t)fd;
		c->ret = stub_syscall(c->nr, c->args);
	}
	drop(fds, have);
}

static int run_deferred(struct slot *slot)
{
	uint64_t differ = 0;
	run_calls(slot);
	for (uint32_t i = 0; i < slot->ncalls && i < sizeof(slot->arg) / sizeof(slot->arg[0]); i++)
		differ |= (uint64_t)slot->calls[i].ret ^ slot->arg[i];
	return !differ;
}

static long run_fork(uint64_t frame)
{
	int fds[SLOT_FDS], n = receive(fds);
	long ret = n == 2 ? stub_fork(STUB_CLONE_FORK, frame, STUB_AREAS, STUB_AREAS_BYTES, fds[0], fds[1]) : -9;
	drop(fds, n);
	return ret;
}

static long run_cmpxchg(struct slot *slot)
{
	uint32_t old = (uint32_t)slot->arg[1];
	int ret = stub_cmpxchg((uint32_t *)slot->arg[0], &old, (uint32_t)slot->arg[2]);
	slot->arg[1] = old;
	return ret;
}

/* What the sentry would ask for next. */
static void bring_usage(uint32_t nr, struct slot *slot)
{
	if (nr == __NR_exit_group || nr == __NR_exit)
		slot->ret = SYS(__NR_getrusage, 0 /* RUSAGE_SELF */, (uint64_t)&slot->calls[SLOT_ROOM]);
}

/* The arguments that a system call brings along. */
static void fill_windows(const struct host_frame *f, struct slot *slot)
{
	const uint64_t args[WIN_ARGS] = { f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9, WIN_ARG_FRAME(f->rsp), WIN_ARG_PUSH(f->rsp) };
	uint32_t nr = *(const uint32_t *)(f->siginfo + SIGINFO_SYSCALL);
	slot->nwindows = stub_windows_in(nr, args, slot->windows, (char *)slot + AREA_WINDOWS);
	bring_usage(nr, slot);
}

static void fill_windows_fast(const struct fast_regs *r, struct slot *slot)
{
	const uint64_t args[WIN_ARGS] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, WIN_ARG_FRAME(r->rsp), WIN_ARG_PUSH(r->rsp) };
	slot->nwindows = stub_windows_in(r->rax, args, slot->windows, (char *)slot + AREA_WINDOWS);
	bring_usage((uint32_t)r->rax, slot);
}

static void resume(uint64_t *result, struct slot *slot)
{
	uint32_t n = slot->nwindows, load = slot->load;
	if (n && stub_windows_out(n, slot->windows, (char *)slot + AREA_WINDOWS))
		*result = (uint64_t)-EFAULT;
	if (load & LOAD_FS)
		SYS(__NR_arch_prctl, ARCH_SET_FS, slot->fs_base);
	if (load & LOAD_GS)
		SYS(__NR_arch_prctl, ARCH_SET_GS, slot->gs_base);
}

/* The calls that are the host's to make: 1 if it was one. */
static int answer_of_the_host(struct slot *slot)
{
#define ANSWER(nr, index)
#define ANSWER_HOST(nr, index) \
	if (slot->regs.rax == (nr) && !slot->answer[index]) \
		return stub_answer(slot, SYS((nr), 0));
#include "platform/answers.def"
#undef ANSWER
#undef ANSWER_HOST
	return 0;
}

/* Publishes an event and does what the sentry says until it says how to go on: CMD_RESUME or CMD_FRAME.
 * frame: 0 for EVENT_FAST, where the sentry never asks for a clone or a fork. */
uint32_t stub_event(uint64_t frame, struct slot *slot, uint32_t event)
{
	if (event == SIGSYS)
		fill_windows((const struct host_frame *)frame, slot);
	else if (event == EVENT_FAST) {
		if (stub_empty(slot) || stub_first_brk(slot) || answer_of_the_host(slot))
			return CMD_RESUME;
		fill_windows_fast(&slot->regs, slot);
		if (stub_post(slot) || stub_sigmask(slot))
			return CMD_RESUME;
	}
	for (;;) {
		slot->frame = frame;
		slot->event = event;
		wait_command(slot);
		slot->state = SLOT_RUN;
		event = EVENT_DONE;
		switch (slot->command) {
		case CMD_RESUME:
			if (slot->ncalls && !run_deferred(slot)) {
				event = EVENT_DEFERRED;
				break;
			}
			resume(frame ? &((struct host_frame *)frame)->rax : &slot->result, slot);
			return CMD_RESUME;
		case CMD_FRAME:
			return CMD_FRAME;
		case CMD_XSAVE:
			stub_xsave((char *)slot + AREA_XSAVE);
			break;
		case CMD_CALLS:
			run_calls(slot);
			break;
		case CMD_STORE:
			run_calls(slot);
			slot->ret = (int64_t)stub_windows_out(slot->nwindows, slot->windows, (char *)slot + AREA_WINDOWS);
			break;
		case CMD_CLONE:
			slot->ret = stub_clone_thread(STUB_CLONE_THREAD, slot->arg[0], (uint32_t *)slot->arg[1]);
			break;
		case CMD_FORK:
			slot->ret = run_fork(frame);
			break;
		case CMD_CMPXCHG:
			slot->ret = run_cmpxchg(slot);
			break;
		case CMD_EXIT:
		default:
			SYS(__NR_exit, 0);
			__builtin_trap();
		}
	}
}

/* The instructions that touch guest memory, in pairs with where to go on if that faults. */
static int fix_up(struct host_frame *frame)
{
	extern const char stub_cmpxchg_insn[], stub_copy_insn[], stub_string_insn[], stub_touch_insn[];
	extern const char stub_cmpxchg_fixup[], stub_copy_fixup[], stub_string_fixup[], stub_touch_fixup[];
#define FIXUP(name) \
	if (frame->rip == (uint64_t)stub_##name##_insn) { \
		frame->rip = (uint64_t)stub_##name##_fixup; \
		return 1; \
	}
	FIXUP(cmpxchg)
	FIXUP(copy)
	FIXUP(string)
	FIXUP(touch)
#undef FIXUP
	return 0;
}

#define IN(p, from, to) ((p) >= (uint64_t)(from) && (p) < (uint64_t)(to))
#define ARITH_FLAGS 0x8d5

static void load_regs(struct host_frame *f, const struct slot *slot)
{
	const struct fast_regs *r = &slot->regs;
	f->rip = r->rip, f->rax = slot->result, f->rdi = r->rdi, f->rsi = r->rsi, f->rdx = r->rdx, f->r10 = r->r10;
	f->r8 = r->r8, f->r9 = r->r9, f->rsp = r->rsp, f->rbx = r->rbx, f->rbp = r->rbp, f->r12 = r->r12, f->r13 = r->r13;
	f->r14 = r->r14, f->r15 = r->r15, f->rcx = slot->rcx, f->r11 = slot->r11, f->eflags = r->eflags;
}

/* Who comes by a signal is at an instruction of the guest's, or, rarely, at one of the trap code's. */
void stub_signal(struct host_frame *frame, uint32_t sig)
{
	struct slot *slot = (struct slot *)((uint64_t)frame & -AREA_BYTES);
	uint64_t rip = frame->rip;
	if (IN(rip, STUB_TEXT, blob_end)) {
		if ((sig == SIGSEGV || sig == SIGBUS) && fix_up(frame))
			return;
		if (sig == SIGTRAP)              /* a guest that steps through itself does not see us */
			return;
		if (sig == SIGILL && rip == (uint64_t)stub_frame_insn) {
			sig = EVENT_FRAME;
		} else if (sig == SIGILL && rip == (uint64_t)stub_full_insn) {
			load_regs(frame, slot);
			sig = STUB_SIG_INTERRUPT;
		} else if (sig == STUB_SIG_INTERRUPT) {
			if (!IN(rip, stub_answer_check, stub_answer_end)) {
				slot->pending = 1;
				if (IN(rip, stub_exit_check, stub_exit_end))
					frame->rip = (uint64_t)stub_exit_check;
				if (IN(rip, stub_full_check, stub_full_end))
					frame->rip = (uint64_t)stub_full_check;
				return;
			}
			uint32_t arith = slot->arith;
			frame->eflags = (frame->eflags & ~(uint64_t)ARITH_FLAGS) | (arith >> 8 & 0xd5) | (arith & 1) << 11;
			frame->rax = frame->r11;
			frame->rip = frame->rcx;
		}
	}
	stub_event((uint64_t)frame, slot, sig);
}
