/* table.c - syscall_table[] made from syscalls.def, and dispatch. */
#include "sentry/syscalls/table.h"

#include "sentry/sentry.h"

#define CALL_NONE(expr) (-ENOSYS)
#define CALL_PARTIAL(expr) (expr)
#define CALL_FULL(expr) (expr)
#define CALL_(level, expr) CALL_##level(expr)
#define SYSCALL(nr, name, level, note, argc, ...)                                                     \
	static long call_##name(struct task *t, const uint64_t *r)                                    \
	{                                                                                             \
		(void)t;                                                                              \
		(void)r;                                                                              \
		return CALL_(level, sys_##name(t VALUES_##argc(r, ##__VA_ARGS__)));                   \
	}
#include "sentry/syscalls/syscalls.def"
#undef SYSCALL

#define SYSCALL(nr, name_, level_, note_, argc_, ...)                                                 \
	[nr] = { .name = #name_, .call = (level_) == NONE ? NULL : call_##name_, .level = level_,     \
		 .note = note_, .argc = argc_, .kinds = { KINDS_##argc_(__VA_ARGS__) } },
struct syscall_entry syscall_table[SYSCALL_MAX] = {
#include "sentry/syscalls/syscalls.def"
};
#undef SYSCALL

#define SYSCALL(nr, name, level, note, argc, ...) \
	_Static_assert(level != PARTIAL || sizeof(note) > 1, #name ": PARTIAL says what is missing");
#include "sentry/syscalls/syscalls.def"
#undef SYSCALL

long syscall_dispatch(struct task *t, uint64_t nr, const uint64_t args[6])
{
	if (nr >= SYSCALL_MAX || !syscall_table[nr].name) {
		debugf("sbx: %d: system call %llu does not exist\n", t->tid, (unsigned long long)nr);
		return -ENOSYS;
	}
	struct syscall_entry *e = &syscall_table[nr];
	e->count++;
	bool tracing = sentry_config->strace_fd >= 0;
	if (tracing)
		trace_enter(t, nr, args);
	long ret = e->call ? e->call(t, args) : -ENOSYS;
	if (!e->call && e->count == 1)
		debugf("sbx: %d: %s is not implemented\n", t->tid, e->name);
	if (tracing)
		trace_exit(t, nr, args, ret);
	return ret;
}
