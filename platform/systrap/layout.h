/* layout.h - what the stub's trap code and the sentry share: addresses, slots, commands.
 *
 * Above PL_GUEST_END every stub has, at fixed addresses:
 *
 *   STUB_TEXT   the trap code ("blob"), r-x: the only place host system calls may come from
 *   STUB_RO     one page the sentry writes and every stub reads: wake-up hints
 *   STUB_AREAS  one area a thread: its slot (a page), a page of stack, windows, extended state, its signal stack;
 *               shared with the sentry,
 *               one memfd an address space. Not inherited by fork (MADV_DONTFORK): a child maps its own.
 *
 * A thread's GS base is the address of its slot, as long as the guest uses none itself.
 *
 * The sentry trusts nothing of it: every word is read once, then checked. */
#pragma once

/* For blob_fast.S; checked in blob.c. */
#define SLOT_SELF 8
#define SLOT_PENDING 24
#define SLOT_ARITH 28
#define SLOT_RESULT 32
#define SLOT_LOAD 20
#define SLOT_REGS 64
#define SLOT_ANSWER 448
#define SLOT_ANSWERED 576
#define SLOT_RCX 584
#define SLOT_R11 592
#define AREA_BYTES 0x20000
#define AREA_WINDOWS 0x2000          /* offset of WIN_AREA_BYTES; the page before is the stack of the fast entry */
#define AREA_XSAVE 0x13000           /* offset: the extended state, when sentry and fast entry hand it over */
#define AREA_XSAVE_BYTES 0x4000
#define EVENT_FAST 0x102
#define CMD_FRAME 7
#define LOAD_ALL 4
#define LOAD_XSTATE 8

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "platform/post.h"
#include "platform/window.h"

#define STUB_TEXT 0x7ff000000000ULL
#define STUB_TEXT_BYTES 0x10000ULL
#define STUB_RO 0x7ff000010000ULL
#define STUB_RO_BYTES 0x1000ULL
#define STUB_AREAS 0x7ff001000000ULL
#define AREA_SLOT_BYTES 0x1000ULL
#define AREA_SIGSTACK 0x19000ULL     /* offset; up to the end */
#define AREA_COUNT 4096
#define STUB_AREAS_BYTES (AREA_BYTES * AREA_COUNT)
#define STUB_END (STUB_AREAS + STUB_AREAS_BYTES)
#define STUB_VVAR 0x7ff030000000ULL  /* the host's vDSO data and code are moved here: same place in every stub */

/* The stub's own descriptors; everything else is closed as soon as it was used. */
#define STUB_CONTROL_FD 3
#define STUB_DOORBELL_FD 4

#define STUB_SIG_INTERRUPT 23        /* SIGURG */

/* slot->state, a futex word. */
enum {
	SLOT_RUN = 0,                /* the stub's: guest code runs, or a command is being executed */
	SLOT_EVENT = 1,              /* the sentry's: something happened; the stub polls for the command */
	SLOT_EVENT_ASLEEP = 2,       /* the same, and the stub must be woken */
	SLOT_COMMAND = 3,            /* the stub's: there is a command */
	SLOT_EVENT_PARKED = 4,       /* the sentry's: the answer will take a while; the stub leaves its processor to others */
	SLOT_EVENT_LONG = 5,         /* the sentry's: it will take long; the stub sleeps */
};

/* slot->event: a signal number for what happened to guest code, or one of these.
 * EVENT_FAST: a system call by the fast entry; slot->regs has the registers, there is no frame.
 * LOAD_ALL after it: the guest goes on with the registers in slot->regs, rcx and r11, at any place.
 * EVENT_DEFERRED: after CMD_RESUME with ncalls: a calls[i].ret is not arg[i]; nothing else has happened.
 * EVENT_FRAME: between two instructions of the guest; there is a frame, but the guest's rip is in its rcx. */
enum { EVENT_READY = 0x100, EVENT_DONE = 0x101, /* EVENT_FAST, */ EVENT_FRAME = 0x103, EVENT_DEFERRED = 0x104 };

/* CMD_FRAME: after EVENT_FAST, go on by way of EVENT_FRAME.
 * CMD_STORE: CMD_CALLS, then what is in the windows goes to the guest; ret: how many bytes could not. */
enum stub_command { CMD_RESUME = 1, CMD_CALLS, CMD_CLONE, CMD_FORK, CMD_CMPXCHG, CMD_EXIT, /* CMD_FRAME */ CMD_XSAVE = 8, CMD_STORE };

struct slot_call {
	int64_t nr;
	uint64_t args[6];
	uint64_t fd;                 /* FD_NEXT: pass the next descriptor as args[4]; FD_SAME: the one before once more */
	int64_t ret;
};
enum { FD_NONE, FD_NEXT, FD_SAME };
#define SLOT_FDS 8                   /* in a message at most; the next is received when those are used up */
#define SLOT_CALLS 32
#define SLOT_ROOM 16                 /* calls[SLOT_ROOM] on: bytes for a batch of fewer; with exit(2): what getrusage(2) says */

/* What the fast entry saves; blob_fast.S knows the order. rip: where the guest goes on. rax: the number.
 * eflags: its arithmetic flags are in slot->arith. Two cache lines, the first is enough for most calls. */
struct fast_regs {
	uint64_t rip, rax, rdi, rsi, rdx, r10, r8, r9;
	uint64_t rsp, rbx, rbp, r12, r13, r14, r15, eflags;
};

/* Calls that only tell a number are answered without an event; answer[i] for these, or one with bit 63 set: ask the sentry. */
#define ANSWERS 16

struct slot {
	/* What every hand-over needs, in one cache line: a line that the other side has written costs about 100 ns. */
	uint32_t state;
	uint32_t event;
	uint64_t self;               /* this slot's address in the stub: what GS points at */
	uint32_t command;
	uint32_t load;               /* CMD_RESUME: LOAD_*: FS and GS base; after EVENT_FAST also all of regs, the extended state */
	uint32_t pending;            /* an interrupt came while the trap code ran: the fast entry leaves by EVENT_FRAME */
	uint32_t arith;              /* EVENT_FAST: the arithmetic flags as seto (bits 0-7) and lahf (8-15) give them */
	uint64_t result;             /* CMD_RESUME after EVENT_FAST: rax */
	uint32_t nwindows;           /* an event: arguments that came along. CMD_RESUME, CMD_STORE: windows to look into for the guest */
	uint32_t ncalls;             /* CMD_CALLS; CMD_RESUME: how many are to be made first */
	uint64_t frame;              /* the thread's signal frame: its guest registers; address in the stub */
	uint16_t long_yields;        /* how often a yield took longer than stub_ro->long_yield */
	uint16_t cpu;                /* the stub's, when it published its event or was woken */
	uint32_t nposts;             /* an event: calls of post.set that were made before it */

	struct fast_regs regs __attribute__((aligned(64)));
	struct slot_window windows[PL_WINDOWS] __attribute__((aligned(64)));
	uint64_t answer[ANSWERS];
	uint64_t answered;           /* how many calls were */
	uint64_t rcx, r11;           /* LOAD_ALL: what regs has not */
	uint64_t fs_base, gs_base;
	uint64_t arg[4];             /* CMD_CLONE: the new thread's frame. CMD_CMPXCHG: address, old, new. CMD_RESUME: expected results */
	int64_t ret;
	uint32_t tid;                /* host thread id, written by the kernel at clone */
	uint32_t pad;
	struct slot_call calls[SLOT_CALLS];
	struct slot_post post;
	/* CMD_RESUME: the guest's signal mask, which rt_sigprocmask(2) by the fast entry changes here as long as no signal of
	 * sigmask_ask changes sides; without sigmask_on it asks. */
	uint64_t sigmask, sigmask_ask;
	uint32_t sigmask_on, pad2;
	uint64_t first_brk;          /* CMD_RESUME: what brk(0) returns until the next event; 0: ask */
};
enum { LOAD_FS = 1, LOAD_GS = 2, /* LOAD_ALL, LOAD_XSTATE */ };
_Static_assert(offsetof(struct slot, regs) == 64, "the first line is one");
_Static_assert(AREA_WINDOWS + WIN_AREA_BYTES <= AREA_XSAVE, "windows end before the extended state");
_Static_assert(AREA_XSAVE + AREA_XSAVE_BYTES <= AREA_SIGSTACK, "which ends before the stack");
_Static_assert(sizeof(struct slot) <= AREA_SLOT_BYTES, "a slot is a page");

struct stub_ro {
	uint32_t sentry_sleeps;      /* ring the doorbell */
	uint32_t spin;               /* how often to look for an answer before the processor is left to others */
	uint32_t yields;             /* and how often to do that before sleeping */
	uint32_t long_yield;         /* cycles: a yield that takes longer was to somebody who computes */
	uint32_t sentry_cpu;         /* who is on the same processor need not look */
};

/* The processor we are on, as the kernel keeps it in a segment's limit (its vDSO reads it there). */
static inline uint16_t cpu_now(void)
{
	uint32_t limit = 0;
	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(0x7b) : "cc");
	return limit & 0xfff;
}

/* The kernel's rt_sigframe on x86-64 (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h). */
struct host_frame {
	uint64_t pretcode;
	uint64_t uc_flags, uc_link;
	uint64_t ss_sp;
	uint32_t ss_flags, ss_pad;
	uint64_t ss_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;            /* address of the XSAVE area, 0: none */
	uint64_t reserved[8];
	uint64_t sigmask;
	uint8_t siginfo[128];
};
_Static_assert(sizeof(struct host_frame) == 440, "as the kernel builds it");

/* First words of the blob. */
struct blob_header {
	uint64_t handler, restorer, template_start, fast, end;
};

/* The two clone calls the stub's filter lets through. CLONE_PARENT: every stub is init's child. */
#define STUB_CLONE_THREAD 0x00350f00ULL  /* VM FS FILES SIGHAND THREAD SYSVSEM PARENT_SETTID CHILD_CLEARTID */
#define STUB_CLONE_FORK 0x00008011ULL    /* PARENT | SIGCHLD */
#endif
