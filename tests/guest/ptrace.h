/* ptrace.h - what the ptrace tests share: tracees, and what wait(2) says of them. */
#pragma once

#include "tests/guest/guest.h"

#include <elf.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#define STOPPED_BY(sig) ((sig) << 8 | 0x7f)
#define EVENT(event) STOPPED_BY(SIGTRAP | (event) << 8)
#define SYSCALL_STOP STOPPED_BY(SIGTRAP | 0x80)
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/* glibc's ptrace() turns PEEK results into return values; this is the system call. */
static inline long xptrace(long request, int pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

/* The status that pid is seen with next; -1: none. */
static inline int next_status(int pid)
{
	int status;
	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

/* A child that asks to be traced, stops by SIGSTOP, then runs fn and exits with its result. */
static inline int traced_child(int (*fn)(void))
{
	int pid = fork();
	if (pid == 0) {
		if (xptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(99);
		raise(SIGSTOP);
		_exit(fn());
	}
	return pid;
}

/* A child that runs fn, not traced. */
static inline int child_of(int (*fn)(void))
{
	int pid = fork();
	if (pid == 0)
		_exit(fn());
	return pid;
}

static inline struct user_regs_struct regs_of(int pid)
{
	struct user_regs_struct r;
	memset(&r, 0, sizeof(r));
	EXPECT_OK(xptrace(PTRACE_GETREGS, pid, 0, (unsigned long)&r));
	return r;
}

static inline siginfo_t siginfo_of(int pid)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	EXPECT_OK(xptrace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info));
	return info;
}

static inline int resume(int pid, long request, int sig)
{
	return (int)xptrace(request, pid, 0, (unsigned long)sig);
}

static inline int resume_and_wait(int pid, long request, int sig)
{
	EXPECT_OK(resume(pid, request, sig));
	return next_status(pid);
}

static inline int exits(void)
{
	return 7;
}

_Noreturn static inline int pauses(void)
{
	for (;;)
		pause();
}

/* The letter of /proc/PID/stat. */
static inline char proc_state(int pid)
{
	char path[64], buf[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return '?';
	size_t n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = '\0';
	char *p = strrchr(buf, ')');
	return p ? p[2] : '?';
}

/* Until it sleeps in a system call. */
static inline void await_sleep(int pid)
{
	while (proc_state(pid) != 'S')
		sched_yield();
}

/* Up to its first stop, with these options. */
static inline int begin(int (*fn)(void), long options)
{
	int pid = traced_child(fn);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(xptrace(PTRACE_SETOPTIONS, pid, 0, (unsigned long)options));
	return pid;
}

static inline unsigned long message_of(int pid)
{
	unsigned long message = 0;
	EXPECT_OK(xptrace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message));
	return message;
}

/* Goes on to the entry of system call nr. */
static inline void run_to_call(int pid, long nr)
{
	for (;;) {
		ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
		struct user_regs_struct r = regs_of(pid);
		if ((long)r.orig_rax == nr)
			return;
		ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	}
}

static inline int forks(void)
{
	int pid = fork();
	if (pid == 0)
		_exit(9);
	int status;
	return waitpid(pid, &status, 0) == pid && status == 9 << 8 ? 4 : 5;
}
