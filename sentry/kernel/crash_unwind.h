/* crash_unwind.h - walks the stack of a guest thread. */
#pragma once

#include "sentry/kernel/task.h"

/* DWARF's numbers of registers. */
enum { UNWIND_RBP = 6, UNWIND_RSP = 7, UNWIND_RIP = 16, UNWIND_REGS = 17 };

struct unwind {
	uint64_t regs[UNWIND_REGS];
	bool interrupted;                 /* rip is where a signal came, and not where a call returns to */
};

void unwind_init(struct unwind *u, const struct task *t);
/* To the caller; false: there is none, or none that can be told. Never sleeps. */
bool unwind_step(struct unwind *u, struct task *t);
/* The first mapping of the file that is mapped at addr, and there at an ELF header's place; NULL: none. */
struct vma *unwind_module(struct mm *mm, uint64_t addr);
