/* policy.h - what a seccomp policy is: the calls a process may make, each with conditions on its arguments.
 *
 * Used at build time only: mkfilters.c turns every policy into BPF. A call may have several lines; one that matches is
 * enough. Whatever matches none kills the process (see seccomp.h for what --debug changes). */
#pragma once

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct policy_rule {
	int nr;
	struct scmp_arg_cmp args[4];      /* in front; the rest is zero, which is no comparison */
};

struct policy {
	const char *name;
	const struct policy_rule *rules;
	size_t nrules;
	const struct policy *base;        /* what is allowed besides; or NULL */
};

#define ALLOW(call) { .nr = SCMP_SYS(call) }
#define ALLOW_IF(call, ...) { .nr = SCMP_SYS(call), .args = { __VA_ARGS__ } }

/* Conditions on argument i. Arguments that the kernel takes as int or unsigned are compared in their lower half. */
#define IS(i, value) { (i), SCMP_CMP_EQ, (uint64_t)(value), 0 }
#define IS32(i, value) { (i), SCMP_CMP_MASKED_EQ, 0xffffffffULL, (uint32_t)(value) }
#define HAS_NONE_OF(i, bits) { (i), SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0 }
#define HAS_IN(i, mask, value) { (i), SCMP_CMP_MASKED_EQ, (mask), (value) }

#define POLICY(id)                                                                    \
	const struct policy policy_##id = { .name = #id, .rules = rules,              \
					    .nrules = sizeof(rules) / sizeof(rules[0]) }

/* What a sanitizer's run-time needs on top: its allocator, its reports. Such a build isn't for untrusted programs. */
#ifdef SBX_SANITIZE
#define SANITIZER_RULES                                                                                        \
	ALLOW(mmap), ALLOW(munmap), ALLOW(mprotect), ALLOW(madvise), ALLOW(open), ALLOW(openat), ALLOW(read), ALLOW(pread64), \
	ALLOW(close), ALLOW(fstat), ALLOW(newfstatat), ALLOW(stat), ALLOW(readlink), ALLOW(readlinkat), ALLOW(write), ALLOW(writev), \
	ALLOW(getpid), ALLOW(gettid), ALLOW(tgkill), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(sigaltstack), \
	ALLOW(sched_yield), ALLOW(futex), ALLOW(getrlimit), ALLOW(prlimit64), ALLOW(getrusage), ALLOW(exit_group), ALLOW(exit), \
	ALLOW(ioctl), ALLOW(getcwd), ALLOW(prctl), ALLOW(clone), ALLOW(clone3), ALLOW(wait4), ALLOW(ptrace), ALLOW(lseek), \
	ALLOW(set_robust_list), ALLOW(rseq), ALLOW(brk), ALLOW(mremap), ALLOW(getdents64), ALLOW(dup), ALLOW(access), \
	ALLOW(pipe2), ALLOW(pipe), ALLOW(arch_prctl), ALLOW(nanosleep), ALLOW(clock_nanosleep), ALLOW(sched_getaffinity),
#else
#define SANITIZER_RULES
#endif
