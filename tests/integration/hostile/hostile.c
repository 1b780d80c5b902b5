/* hostile.c - a guest that attacks what it runs on: hostile SEED [ROUND...]
 *
 * HOW      Each attack runs in a forked child of its own, in a session of its own, that is killed when it takes too long; what
 *          counts is that this program, which only watches, is still able to say its verdict at the end. Attacks make calls by
 *          instructions of their own, and by jumping into the platform's trap code (platform/systrap/layout.h).
 *          Whether the host acted is checked from outside, by check_trace.py.
 * ROUNDS   numbers sites slots stacks descriptors processes mappings frames threads; all of them by default.
 *          only:slots and others: by the program itself, without a child.
 *          probe: a few calls by the trap code, to show what the filter of the stub is for. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/systrap/layout.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LAST_NR 500
#define MAX_SITES 64

/* mov %rdi,%rax; mov %rsi,%r11; arguments from (%r11); syscall; ret */
static const uint8_t helper_code[] = {
	0x48, 0x89, 0xf8, 0x49, 0x89, 0xf3, 0x49, 0x8b, 0x3b, 0x49, 0x8b, 0x73, 0x08, 0x49, 0x8b, 0x53, 0x10, 0x4d,
	0x8b, 0x53, 0x18, 0x4d, 0x8b, 0x43, 0x20, 0x4d, 0x8b, 0x4b, 0x28, 0x0f, 0x05, 0xc3,
};
static long (*host_call)(long nr, const uint64_t args[6]);
#define HOST(nr, ...) host_call((nr), (const uint64_t[6]){ __VA_ARGS__ })

static uint8_t *sites[MAX_SITES];                /* every 0f 05 in the trap code */
static int nsites;
static uint8_t *scratch;                         /* two pages, the third is not there */
static volatile uint32_t *progress;              /* shared with the children */
static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static long guest_call(long nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	long ret;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static uint64_t hostile_value(void)
{
	const uint64_t values[] = {
		0, 1, 2, 3, 4, 5, 8, 64, 4095, 4096, 65536, -1UL, -2UL, -100UL, 1UL << 31, 1UL << 32, 1UL << 63, (1UL << 63) - 1, 0xffffffff,
		0x7fffffff, (uint64_t)scratch, (uint64_t)scratch + 8191, (uint64_t)scratch + 8192, 0x7ffffffff000, 0x800000000000,
		0xffff800000000000, 0xffffffffff600000, STUB_TEXT, STUB_RO, STUB_AREAS, STUB_AREAS + AREA_BYTES - 440, STUB_END - 8,
		STUB_VVAR, (uint64_t)&seed & ~4095UL, rnd(), rnd() & 0xffff,
	};
	return values[rnd() % ARRAY_SIZE(values)];
}

static void hostile_args(uint64_t a[6], unsigned pattern)
{
	for (int i = 0; i < 6; i++)
		switch (pattern) {
		case 0: a[i] = 0; break;
		case 1: a[i] = -1UL; break;
		case 2: a[i] = (uint64_t)scratch + 4096 * 2 - 4; break;
		case 3: a[i] = STUB_AREAS; break;
		default: a[i] = hostile_value();
		}
}

static void look_for_sites(void)
{
	uint8_t *text = (uint8_t *)STUB_TEXT;
	for (size_t i = 0; i + sizeof(helper_code) < STUB_TEXT_BYTES; i++) {
		if (!host_call && memcmp(text + i, helper_code, sizeof(helper_code)) == 0)
			host_call = (long (*)(long, const uint64_t *))(text + i);
		if (text[i] == 0x0f && text[i + 1] == 0x05 && nsites < MAX_SITES)
			sites[nsites++] = text + i;
	}
}

/* All registers but rsp, then to the instruction; what comes back, if anything, is lost. */
static void jump(uint8_t *to, long nr, const uint64_t a[6])
{
	struct { uint64_t rax, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15, to; } r = {
		(uint64_t)nr, a[0], a[1], a[2], a[3], a[4], a[5], hostile_value(), hostile_value(), hostile_value(),
		hostile_value(), hostile_value(), hostile_value(), (uint64_t)to,
	};
	__asm__ volatile("mov %0, %%r11\n"
			 "pushq 104(%%r11)\n"
			 "mov (%%r11), %%rax; mov 8(%%r11), %%rdi; mov 16(%%r11), %%rsi; mov 24(%%r11), %%rdx\n"
			 "mov 32(%%r11), %%r10; mov 40(%%r11), %%r8; mov 48(%%r11), %%r9; mov 56(%%r11), %%rbx\n"
			 "mov 64(%%r11), %%rbp; mov 72(%%r11), %%r12; mov 80(%%r11), %%r13; mov 88(%%r11), %%r14\n"
			 "mov 96(%%r11), %%r15\n"
			 "ret" : : "r"(&r) : "memory");
	__builtin_unreachable();
}

/* --- watching --- */

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static pid_t start(void (*attack)(uint32_t), uint32_t arg)
{
	uint64_t child_seed = rnd();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	seed = child_seed | 1;
	setsid();
	alarm(5);
	attack(arg);
	_exit(0);
}

static pid_t dying[256];                         /* killed, and yet to be waited for */
static int ndying;

static void reap(void)
{
	for (int i = 0; i < ndying; i++)
		if (waitpid(dying[i], NULL, WNOHANG | __WALL) != 0)
			dying[i--] = dying[--ndying];
}

static void finish(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	reap();
	if (ndying < (int)ARRAY_SIZE(dying))
		dying[ndying++] = pid;
}

/* Until the child ends, or makes no progress for a while. */
static void watch(pid_t pid, unsigned patience_ms)
{
	uint32_t last = *progress;
	for (uint64_t deadline = now_ms() + patience_ms; now_ms() < deadline;) {
		if (waitpid(pid, NULL, WNOHANG | __WALL) == pid) {
			kill(-pid, SIGKILL);
			return;
		}
		if (*progress != last) {
			last = *progress;
			deadline = now_ms() + patience_ms;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	finish(pid);
}

static void attack_once(void (*attack)(uint32_t), uint32_t arg, unsigned ms)
{
	pid_t pid = start(attack, arg);
	if (pid > 0)
		watch(pid, ms);
}

/* --- numbers: every system call, by the guest's own instruction and by the trap code's helper --- */

static void try_numbers(uint32_t from)
{
	long self = syscall(SYS_getpid);
	bool by_trap_code = from >> 31;
	for (uint32_t nr = from & 0xffff; nr <= LAST_NR; nr++)
		for (unsigned pattern = 0; pattern < 6; pattern++) {
			*progress = nr << 8 | pattern;
			uint64_t a[6];
			hostile_args(a, pattern);
			/* Not the watcher, please; and a wait for ever shows nothing. */
			if (nr == SYS_kill || nr == SYS_tkill || nr == SYS_tgkill || nr == SYS_pause)
				a[0] = (uint64_t)self;
			if (by_trap_code)
				host_call(nr, a);
			else
				guest_call(nr, a);
			if (guest_call(SYS_getpid, a) != self)
				guest_call(SYS_exit_group, (uint64_t[6]){ 0 });
		}
	*progress = (LAST_NR + 1) << 8;
}

static void numbers(void)
{
	for (unsigned way = 0; way < 2; way++)
		for (uint32_t next = 0; next <= LAST_NR;) {
			*progress = next << 8;
			pid_t pid = start(try_numbers, next | way << 31);
			if (pid < 0)
				continue;
			watch(pid, 200);
			/* Hostile arguments may have hit the page of the progress, too. */
			uint32_t reached = *progress >> 8;
			next = reached >= next && reached <= LAST_NR + 1 ? reached + 1 : next + 1;
		}
}

/* --- sites: every system call instruction of the trap code --- */

static void jump_somewhere(uint32_t arg)
{
	static const uint16_t allowed[] = { SYS_futex, SYS_rt_sigreturn, SYS_write, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap,
					    SYS_madvise, SYS_msync, SYS_recvmsg, SYS_close, SYS_dup3, SYS_exit, SYS_clone,
					    SYS_arch_prctl, SYS_rseq, SYS_membarrier };
	uint64_t a[6];
	hostile_args(a, 9);
	jump(sites[arg % (uint32_t)nsites], rnd() % 3 ? (long)(rnd() % (LAST_NR + 1)) : allowed[rnd() % ARRAY_SIZE(allowed)], a);
}

static void jump_anywhere(uint32_t arg)
{
	(void)arg;
	uint64_t a[6];
	hostile_args(a, 9);
	jump((uint8_t *)STUB_TEXT + 32 + rnd() % 2048, (long)(rnd() % (LAST_NR + 1)), a);
}

static void sites_round(void)
{
	for (int i = 0; i < 3 * nsites; i++)
		attack_once(jump_somewhere, (uint32_t)i, 100);
	for (int i = 0; i < 24; i++)
		attack_once(jump_anywhere, 0, 100);
}

/* --- slots: a second thread writes where the first one talks to the sentry --- */

static int thread_of(int (*fn)(void *), void *arg)
{
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return clone(fn, stack + 65536, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, arg);
}

/* How a thread scribbles: over everything, over the first words (state, event, frame, command), with plausible values. */
static int scribble(void *arg)
{
	uint32_t how = (uint32_t)(uintptr_t)arg;
	uint64_t state = seed * 7 + how + 1;
	for (;;) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		uint8_t *area = (uint8_t *)STUB_AREAS + (how & 8 ? state % 4 : 0) * AREA_BYTES;
		struct slot *s = (struct slot *)area;
		uint64_t *words = (uint64_t *)area;
		switch (how % 8) {
		case 0: words[state % (AREA_BYTES / 8)] = state; break;
		case 1: words[state % 24] = state; break;
		case 2: s->state = (uint32_t)state % 4; break;
		case 3: s->state = (uint32_t)state % 4; s->event = (uint32_t)(state >> 8) % 40; break;
		case 4: s->event = state & 1 ? 31 : 0x100 + (state >> 8 & 1); break;
		case 5: s->frame = STUB_AREAS + (state & (AREA_BYTES - 8)); break;
		case 6: s->command = (uint32_t)state % 8; s->ncalls = (uint32_t)(state >> 8); s->ret = (int64_t)(state >> 40); break;
		case 7: s->tid = (uint32_t)state % 32; words[AREA_BYTES / 8 - 1 - state % 512] = state >> 20; break;
		}
		if (state % 64 == 0)
			guest_call(SYS_sched_yield, (uint64_t[6]){ 0 });
	}
	return 0;
}

static void talk(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	for (int i = 0; i < 200; i++) {
		++*progress;
		char buf[64];
		syscall(SYS_getppid);
		void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			munmap(p, 8192);
		pread(fd, buf, sizeof(buf), 0);
		int pipes[2];
		if (pipe(pipes) == 0) {
			write(pipes[1], buf, sizeof(buf));
			close(pipes[0]);
			close(pipes[1]);
		}
		if (i % 16 == 0) {
			pid_t pid = fork();
			if (pid == 0)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
		if (i % 32 == 0)
			mprotect(scratch, 4096, i & 64 ? PROT_READ : PROT_READ | PROT_WRITE);
		if (i % 64 == 9)
			thread_of(scribble, (void *)2);
	}
}

static void scribble_and_talk(uint32_t how)
{
	thread_of(scribble, (void *)(uintptr_t)how);
	talk();
}

static void slots(void)
{
	for (uint32_t how = 0; how < 16; how++)
		attack_once(scribble_and_talk, how, 150);
}

/* --- stacks: the stack pointer in the areas, in the trap code, nowhere --- */

static void call_on_stack(uint32_t arg)
{
	const uint64_t stacks[] = { STUB_AREAS + 64, STUB_AREAS + AREA_BYTES, STUB_AREAS + AREA_SLOT_BYTES, STUB_AREAS + 0x4000,
				    STUB_AREAS + 5 * AREA_BYTES, STUB_END, STUB_TEXT + 0x800, STUB_RO + 64, STUB_VVAR, 0, 8, -8UL,
				    0x800000000000, STUB_AREAS + AREA_BYTES - 440 };
	uint64_t sp = arg < ARRAY_SIZE(stacks) ? stacks[arg] : STUB_AREAS + rnd() % (2 * AREA_BYTES);
	__asm__ volatile("mov %0, %%rsp\n"
			 "1: mov $110, %%eax\n syscall\n"
			 "mov $0, %%ecx\n 2: inc %%ecx\n cmp $1000, %%ecx\n jne 2b\n"
			 "mov $57, %%eax\n syscall\n"
			 "push %%rax\n ud2" : : "r"(sp) : "memory");
}

static void stacks(void)
{
	for (uint32_t i = 0; i < 24; i++)
		attack_once(call_on_stack, i, 80);
}

/* --- descriptors: the control socket and the doorbell --- */

static int steal(void *arg)
{
	(void)arg;
	for (;;) {
		uint8_t byte, control[64] = { 0 };
		struct iovec iov = { &byte, 1 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		uint64_t flags[] = { 0, MSG_DONTWAIT, MSG_DONTWAIT | MSG_PEEK, MSG_DONTWAIT | MSG_CMSG_CLOEXEC };
		HOST(SYS_recvmsg, STUB_CONTROL_FD, (uint64_t)&m, flags[rnd() % 4]);
		for (uint64_t fd = 0; fd < 9; fd++) {
			/* What was caught: map it for writing, write to it by the control socket's number. */
			HOST(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (rnd() % 8 == 0)
				HOST(SYS_dup3, fd, STUB_CONTROL_FD, 0);
		}
		HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)scratch, 8);
	}
	return 0;
}

static void descriptor_attack(uint32_t how)
{
	static const uint64_t much = -2UL;
	switch (how % 6) {
	case 0: HOST(SYS_close, STUB_CONTROL_FD); break;
	case 1: HOST(SYS_close, STUB_DOORBELL_FD); break;
	case 2: HOST(SYS_dup3, STUB_DOORBELL_FD, STUB_CONTROL_FD, 0); break;
	case 3:
		for (int i = 0; i < 2000; i++)
			HOST(SYS_write, STUB_DOORBELL_FD, (uint64_t)&much, 8);
		break;
	case 4: thread_of(steal, NULL); break;
	case 5:
		for (int i = 0; i < 100; i++)
			HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)&much, 8);
		break;
	}
	talk();
}

static void descriptors(void)
{
	for (uint32_t how = 0; how < 8; how++)
		attack_once(descriptor_attack, how == 7 ? 4 : how, 150);
}

/* --- processes that the sentry knows nothing of --- */

static void unmanaged(uint32_t how)
{
	if (how & 1)
		HOST(SYS_madvise, STUB_AREAS, STUB_AREAS_BYTES, 11 /* MADV_DOFORK */);
	for (int i = 0; i < 12; i++) {
		long pid = HOST(SYS_clone, STUB_CLONE_FORK, 0);
		if (pid != 0)
			continue;
		/* Here nobody watches: it may only make calls by the trap code. */
		for (int k = 0; k < 200; k++) {
			switch ((how + (unsigned)k) % 5) {
			case 0: HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)scratch, 8); break;
			case 1: HOST(SYS_write, STUB_DOORBELL_FD, (uint64_t)scratch, 8); break;
			case 2: HOST(SYS_mmap, 0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1UL, 0); break;
			case 3: HOST(SYS_futex, STUB_AREAS, 1, 100); break;
			case 4: HOST(SYS_recvmsg, STUB_CONTROL_FD, (uint64_t)scratch, MSG_DONTWAIT); break;
			}
		}
		if (how & 2)
			guest_call(SYS_getpid, (uint64_t[6]){ 0 });
		HOST(SYS_exit, 0);
	}
	talk();
}

static void processes(void)
{
	for (uint32_t how = 0; how < 4; how++)
		attack_once(unmanaged, how, 200);
}

/* --- mappings: the platform's own pages --- */

static void mapping_attack(uint32_t how)
{
	switch (how) {
	case 0: HOST(SYS_munmap, STUB_TEXT, STUB_TEXT_BYTES); break;
	case 1: HOST(SYS_munmap, STUB_AREAS, STUB_AREAS_BYTES); break;
	case 2: HOST(SYS_mprotect, STUB_AREAS, AREA_BYTES, PROT_READ); break;
	case 3: HOST(SYS_mmap, STUB_AREAS, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1UL, 0); break;
	case 4: HOST(SYS_mprotect, STUB_TEXT, STUB_TEXT_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
		memset((void *)(STUB_TEXT + 0x1000), 0x90, 16);
		memcpy((void *)(STUB_TEXT + 0x1010), helper_code, sizeof(helper_code));
		host_call = (long (*)(long, const uint64_t *))(STUB_TEXT + 0x1000);
		for (long nr = 0; nr <= LAST_NR; nr++) {
			uint64_t a[6];
			hostile_args(a, 9);
			if (nr != SYS_exit && nr != SYS_clone && nr != SYS_munmap && nr != SYS_mmap && nr != SYS_mremap &&
			    nr != SYS_rt_sigreturn && nr != SYS_recvmsg && nr != SYS_futex && nr != SYS_kill && nr != SYS_tkill &&
			    nr != SYS_tgkill)
				host_call(nr, a);
			++*progress;
		}
		break;
	case 5:
		/* The page that all stubs share. A process that can write there says so by its exit status, see below. */
		HOST(SYS_mprotect, STUB_RO, STUB_RO_BYTES, PROT_READ | PROT_WRITE);
		*(volatile uint32_t *)STUB_RO = 1;
		*progress = 0xbad;
		break;
	case 6: HOST(SYS_mremap, STUB_AREAS, AREA_BYTES, AREA_BYTES * 2, MREMAP_MAYMOVE); break;
	case 7: HOST(SYS_madvise, STUB_AREAS, STUB_AREAS_BYTES, MADV_REMOVE); break;
	case 8: HOST(SYS_munmap, STUB_VVAR, 0x10000); break;
	case 9: HOST(SYS_munmap, 0x10000, STUB_TEXT - 0x10000); break;
	}
	talk();
}

static void mappings(void)
{
	for (uint32_t how = 0; how <= 9; how++) {
		*progress = 0;
		attack_once(mapping_attack, how, 150);
		if (how == 5 && *progress == 0xbad) {
			printf("hostile: the page shared by all stubs is writable\n");
			exit(1);
		}
	}
}

/* --- frames: rt_sigreturn with registers, masks and states of our choice --- */

static void frame_attack(uint32_t how)
{
	static uint8_t memory[8192] __attribute__((aligned(64)));
	struct host_frame *f = (struct host_frame *)(memory + 512);
	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(how & 1 ? rnd() : 0);
	f->uc_flags = rnd() % 8;
	f->rip = how & 2 ? (uint64_t)sites[rnd() % (unsigned)nsites] : (uint64_t)&call_on_stack;
	f->rsp = hostile_value();
	f->rax = rnd() % (LAST_NR + 1);
	f->cs = how & 4 ? 0x23 : 0x33;
	f->ss = 0x2b;
	f->eflags = how & 8 ? rnd() : 0x202;
	f->sigmask = how & 16 ? -1UL : 0;
	f->fpstate = how & 32 ? (uint64_t)memory + 2048 : 0;
	f->ss_sp = hostile_value();
	f->ss_size = hostile_value();
	__asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n jmp *%1" : : "r"((uint64_t)f + 8), "r"(sites[0]) : "memory");
}

static void frames(void)
{
	for (uint32_t how = 0; how < 64; how += 1 + (uint32_t)(rnd() % 3))
		attack_once(frame_attack, how, 60);
}

/* --- threads that end or go without the sentry's knowledge, and that nothing interrupts --- */

static int exit_behind_its_back(void *arg)
{
	(void)arg;
	HOST(SYS_exit, 0);
	return 0;
}

static int block_all_signals_and_spin(void *arg)
{
	(void)arg;
	static struct host_frame f;
	f.rip = (uint64_t)exit_behind_its_back;
	f.cs = 0x33;
	f.ss = 0x2b;
	f.eflags = 0x202;
	f.sigmask = -1UL;
	__asm__ volatile("lea 1f(%%rip), %%rcx\n mov %%rcx, %2\n mov %%rsp, %3\n"
			 "mov %0, %%rsp\n mov $15, %%eax\n jmp *%1\n"
			 "1: pause\n jmp 1b"
			 : : "r"((uint64_t)&f + 8), "r"(sites[0]), "m"(f.rip), "m"(f.rsp) : "rax", "rcx", "memory");
	return 0;
}

static void thread_attack(uint32_t how)
{
	thread_of(how & 1 ? exit_behind_its_back : block_all_signals_and_spin, NULL);
	if (how & 2)
		talk();
	if (how & 4)
		execl("/proc/self/exe", "hostile", "nothing", NULL);
	if (how & 8)
		HOST(SYS_exit, 0);
	if (how & 16)
		block_all_signals_and_spin(NULL);
}

static void threads(void)
{
	for (uint32_t how = 0; how < 32; how++)
		attack_once(thread_attack, how, 60);
}

static void probe(void)
{
	static const struct { const char *what; long nr; uint64_t args[6]; } calls[] = {
		{ "getppid", SYS_getppid, { 0 } },
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM } },
		{ "uname", SYS_uname, { 1 } },
		{ "openat", SYS_openat, { (uint64_t)AT_FDCWD, 0, 0 } },
		{ "prctl", SYS_prctl, { 3 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		printf("hostile: %s by the trap code: %ld\n", calls[i].what, host_call(calls[i].nr, calls[i].args));
}

static const struct { const char *name; void (*run)(void); } rounds[] = {
	{ "numbers", numbers }, { "sites", sites_round }, { "slots", slots }, { "stacks", stacks }, { "descriptors", descriptors },
	{ "processes", processes }, { "mappings", mappings }, { "frames", frames }, { "threads", threads }, { "probe", probe },
};

/* Attacks by this very process: PID 1 of the sandbox. It may end by them. */
static const struct { const char *name; void (*attack)(uint32_t); uint32_t how; } own[] = {
	{ "only:slots", scribble_and_talk, 0 },   { "only:descriptors", descriptor_attack, 4 }, { "only:processes", unmanaged, 3 },
	{ "only:mappings", mapping_attack, 1 },   { "only:threads", thread_attack, 3 },
};

static void nothing_is_wrong_with_others(void)
{
	int fd[2], status;
	char c = 0;
	for (uint64_t deadline = now_ms() + 20000; ndying > 0 && now_ms() < deadline; reap())
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	if (ndying > 0) {
		printf("hostile: %d processes can't be killed\n", ndying);
		exit(1);
	}
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	if (pipe(fd) == 0 && fork() == 0)
		_exit(write(fd[1], "x", 1) == 1 ? 42 : 1);
	if (read(fd[0], &c, 1) != 1 || c != 'x' || wait(&status) < 0 || WEXITSTATUS(status) != 42) {
		printf("hostile: an honest process suffered\n");
		exit(1);
	}
	close(fd[0]);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	seed = (argc > 1 ? strtoull(argv[1], NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL | 1;
	scratch = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(scratch + 8192, 4096);
	progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	look_for_sites();
	if (!host_call || nsites < 3) {
		printf("hostile: no trap code found\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(own); i++)
		if (strcmp(argv[2], own[i].name) == 0) {
			alarm(5);
			own[i].attack(own[i].how + (uint32_t)(seed % 2) * 2);
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(rounds); i++) {
		bool chosen = argc <= 2 && rounds[i].run != probe;
		for (int k = 2; k < argc; k++)
			chosen |= strcmp(argv[k], rounds[i].name) == 0;
		if (!chosen)
			continue;
		uint64_t from = now_ms();
		rounds[i].run();
		nothing_is_wrong_with_others();
		fprintf(stderr, "hostile: %s: %u ms\n", rounds[i].name, (unsigned)(now_ms() - from));
	}
	printf("hostile: verdict: alive\n");
	return 0;
}
