/* attack_calls.c - hostile system calls: their numbers, the instruction they come from, stack and frame they are made with. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/hostile/hostile.h"

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

void numbers(void)
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
					    SYS_arch_prctl, SYS_rseq, SYS_membarrier, SYS_sched_yield };
	uint64_t a[6];
	hostile_args(a, 9);
	jump(sites[arg % (uint32_t)nsites], rnd() % 3 ? (long)(rnd() % (LAST_NR + 1)) : allowed[rnd() % ARRAY_SIZE(allowed)], a);
}

static void jump_anywhere(uint32_t arg)
{
	(void)arg;
	uint64_t a[6];
	hostile_args(a, 9);
	jump((uint8_t *)STUB_TEXT + 32 + rnd() % 8192, (long)(rnd() % (LAST_NR + 1)), a);
}

void sites_round(void)
{
	for (int i = 0; i < 3 * nsites; i++)
		attack_once(jump_somewhere, (uint32_t)i, 100);
	for (int i = 0; i < 24; i++)
		attack_once(jump_anywhere, 0, 100);
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

void stacks(void)
{
	for (uint32_t i = 0; i < 24; i++)
		attack_once(call_on_stack, i, 80);
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

void frames(void)
{
	for (uint32_t how = 0; how < 64; how += 1 + (uint32_t)(rnd() % 3))
		attack_once(frame_attack, how, 60);
}
