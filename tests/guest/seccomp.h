/* seccomp.h - small filters for the tests of seccomp(2). */
#pragma once

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

#define FIELD(f) ((unsigned)offsetof(struct seccomp_data, f))
#define LOAD(off) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define RET(v) BPF_STMT(BPF_RET | BPF_K, v)
#define JEQ(v, jt, jf) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, jt, jf)

static inline int seccomp(unsigned op, unsigned flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args);
}

static inline int add_filter(struct sock_filter *insns, size_t n, unsigned flags)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = insns };
	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
}
#define ADD(flags, ...)                                                                  \
	({                                                                               \
		struct sock_filter insns_[] = { __VA_ARGS__ };                           \
		add_filter(insns_, sizeof(insns_) / sizeof(insns_[0]), flags);           \
	})
/* One call gets a verdict; all others are allowed. */
#define ON_CALL(flags, nr, verdict) ADD(flags, LOAD(0), JEQ(nr, 0, 1), RET(verdict), RET(SECCOMP_RET_ALLOW))

static inline void no_new_privs(void)
{
	ASSERT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* A line of /proc/self/status as a number, or -1. */
static inline int status_number(const char *path, const char *key)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	char *at = strstr(buf, key);
	return at ? atoi(at + strlen(key)) : -1;
}
