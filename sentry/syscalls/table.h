/* table.h - the system call table and the handlers' prototypes, all from syscalls.def. */
#pragma once

#include "sentry/kernel/task.h"
#include "sentry/syscalls/foreach_arg.h"

enum support { NONE, PARTIAL, FULL };

/* Prototypes: a handler whose types disagree with the table does not compile. NONE lines need no handler. */
#define PROTO_NONE(name, ...)
#define PROTO_PARTIAL(name, ...) long sys_##name(struct task *t __VA_ARGS__);
#define PROTO_FULL(name, ...) long sys_##name(struct task *t __VA_ARGS__);
#define PROTO_(level, name, ...) PROTO_##level(name, __VA_ARGS__)
#define SYSCALL(nr, name, level, note, argc, ...) PROTO_(level, name, PARAMS_##argc(__VA_ARGS__))
#include "sentry/syscalls/syscalls.def"
#undef SYSCALL

struct syscall_entry {
	const char *name;                 /* NULL: no such number */
	long (*call)(struct task *t, const uint64_t args[6]);   /* NULL: ENOSYS */
	enum support level;
	const char *note;
	unsigned char argc;
	unsigned char kinds[6];           /* enum arg_kind */
	uint64_t count;                   /* calls so far */
};
#define SYSCALL_MAX 512
extern struct syscall_entry syscall_table[SYSCALL_MAX];

/* Tracing (--strace): one line a call, written when it ends. */
void trace_enter(struct task *t, uint64_t nr, const uint64_t args[6]);
void trace_exit(struct task *t, uint64_t nr, const uint64_t args[6], long ret);
