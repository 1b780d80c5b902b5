/* layout.h - what the stub's trap code and the sentry share: addresses, slots, commands.
 *
 * Above PL_GUEST_END every stub has, at fixed addresses:
 *
 *   STUB_TEXT   the trap code ("blob"), r-x: the only place host system calls may come from
 *   STUB_RO     one page the sentry writes and every stub reads: wake-up hints
 *   STUB_AREAS  one area a thread: its slot (a page), windows, its signal stack; shared with the sentry,
 *               one memfd an address space. Not inherited by fork (MADV_DONTFORK): a child maps its own.
 *
 * The sentry trusts nothing of it: every word is read once, then checked. */
#pragma once

#include <stdint.h>

#include "platform/window.h"

#define STUB_TEXT 0x7ff000000000ULL
#define STUB_TEXT_BYTES 0x10000ULL
#define STUB_RO 0x7ff000010000ULL
#define STUB_RO_BYTES 0x1000ULL
#define STUB_AREAS 0x7ff001000000ULL
#define AREA_BYTES 0x20000ULL
#define AREA_SLOT_BYTES 0x1000ULL
#define AREA_WINDOWS 0x2000ULL       /* offset of WIN_AREA_BYTES; a page lies free before */
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
};

/* slot->event: a signal number for what happened to guest code, or one of these. */
enum { EVENT_READY = 0x100, EVENT_DONE = 0x101 };

enum stub_command { CMD_RESUME = 1, CMD_CALLS, CMD_CLONE, CMD_FORK, CMD_CMPXCHG, CMD_EXIT };

struct slot_call {
	int64_t nr;
	uint64_t args[6];
	uint64_t takes_fd;           /* receive a descriptor, pass it as args[4], close it */
	int64_t ret;
};
#define SLOT_CALLS 32

struct slot {
	uint32_t state;
	uint32_t event;
	uint64_t frame;              /* the thread's signal frame: its guest registers; address in the stub */
	uint32_t command;
	uint32_t ncalls;
	uint64_t set_fs, fs_base;    /* CMD_RESUME: set_fs: load fs_base first */
	uint64_t set_gs, gs_base;
	uint64_t arg[4];             /* CMD_CLONE: the new thread's frame. CMD_CMPXCHG: address, old, new */
	int64_t ret;
	uint32_t tid;                /* host thread id, written by the kernel at clone */
	uint32_t pad;
	struct slot_call calls[SLOT_CALLS];
	uint64_t nwindows;           /* after SIGSYS: arguments that came along. CMD_RESUME: what to copy to the guest of them */
	struct slot_window windows[PL_WINDOWS];
};
_Static_assert(AREA_WINDOWS + WIN_AREA_BYTES <= AREA_SIGSTACK, "windows end before the stack");
_Static_assert(sizeof(struct slot) <= AREA_SLOT_BYTES, "a slot is a page");

struct stub_ro {
	uint32_t sentry_sleeps;      /* ring the doorbell */
	uint32_t spin;               /* how often to look before sleeping */
};

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
	uint64_t handler, restorer, template_start, end;
};

/* The two clone calls the stub's filter lets through. CLONE_PARENT: every stub is init's child. */
#define STUB_CLONE_THREAD 0x00350f00ULL  /* VM FS FILES SIGHAND THREAD SYSVSEM PARENT_SETTID CHILD_CLEARTID */
#define STUB_CLONE_FORK 0x00008011ULL    /* PARENT | SIGCHLD */
