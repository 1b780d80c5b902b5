/* seccomp_test.c - the allowlists of gofer, sentry and init against the kernel: what they must stop
 * is stopped, and is not stopped without them; what their owners need works. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/seccomp/seccomp.h"

struct attempt {
	const char *name;
	long nr;
	long args[6];
};

/* In a child, under the filter or none: the wait status. */
static int try_call(const struct filter *f, const struct attempt *a)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit no_core = {0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(10);
		if (f && seccomp_install(f, -1) < 0)
			_exit(2);
		long ret = syscall(a->nr, a->args[0], a->args[1], a->args[2], a->args[3],
				   a->args[4], a->args[5]);
		/* A call that made a process of ours: both say so. */
		(void)ret;
		syscall(SYS_exit_group, 0);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool is_stopped(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void stops(const struct filter *f, const struct attempt *attempts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int with = try_call(f, &attempts[i]), without = try_call(NULL, &attempts[i]);
#ifndef __SANITIZE_ADDRESS__
		if (!is_stopped(with))
			fail_msg("%s went through the filter: status %#x", attempts[i].name, with);
#else
		(void)with;
#endif
		if (is_stopped(without))
			fail_msg("%s is stopped by something else", attempts[i].name);
	}
}

static void lets_through(const struct filter *f, const struct attempt *attempts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int status = try_call(f, &attempts[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s is stopped: status %#x", attempts[i].name, status);
	}
}

#define P(s) ((long)(s))
#define TRY(call, ...)                              \
	{                                           \
#call " " #__VA_ARGS__, SYS_##call, \
		{                                   \
			__VA_ARGS__                 \
		}                                   \
	}

/* What no process of a sandbox but the loader may do. */
static const struct attempt hostile[] = {
	TRY(execve, P("/bin/true"), 0, 0),
	TRY(execveat, AT_FDCWD, P("/bin/true"), 0, 0, 0),
	TRY(socket, AF_INET, SOCK_STREAM, 0),
	TRY(socket, AF_UNIX, SOCK_STREAM, 0),
	TRY(socket, AF_NETLINK, SOCK_RAW, 0),
	TRY(fork),
	TRY(clone, SIGCHLD, 0),
	TRY(clone3, 0, 0),
	TRY(unshare, CLONE_NEWUSER),
	TRY(setns, 0, 0),
	TRY(mount, 0, 0, 0, 0, 0),
	TRY(umount2, P("/proc/none"), 0),
	TRY(pivot_root, P("."), P(".")),
	TRY(chroot, P("/proc/none")),
	TRY(open_tree, AT_FDCWD, P("/"), 0),
	TRY(move_mount, 0, 0, 0, 0, 0),
	TRY(fsopen, P("tmpfs"), 0),
	TRY(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	TRY(mprotect, 0x10000, 4096, PROT_EXEC),
	TRY(setuid, 0),
	TRY(setresuid, -1, -1, -1),
	TRY(capset, 0, 0),
	TRY(bpf, 0, 0, 0),
	TRY(io_uring_setup, 0, 0),
	TRY(userfaultfd, 0),
	TRY(perf_event_open, 0, 0, 0, 0, 0),
	TRY(add_key, 0, 0, 0, 0, 0),
	TRY(keyctl, 0, 0, 0, 0, 0),
	TRY(connect, -1, 0, 0),
	TRY(bind, -1, 0, 0),
	TRY(open_by_handle_at, -1, 0, 0),
	TRY(reboot, 0, 0, 0, 0),
	TRY(init_module, 0, 0, 0),
	TRY(kexec_load, 0, 0, 0, 0),
	TRY(pidfd_open, 0x7fffffff, 0),
	TRY(pidfd_getfd, -1, 0, 0),
	TRY(shmat, 0, 0, 0),
	TRY(kill, 0x7fffffff, SIGTERM),
	TRY(tgkill, 0x7fffffff, 0x7fffffff, SIGTERM),
	TRY(open, P("/etc/passwd"), 0),
	TRY(prctl, PR_SET_DUMPABLE, 1),
	TRY(prctl, PR_SET_SECCOMP, 0),
	TRY(personality, 0),
	TRY(chdir, P("/")),
};

static const struct attempt hostile_sentry[] = {
	TRY(openat, AT_FDCWD, P("/etc/passwd"), O_RDONLY),
	TRY(openat2, AT_FDCWD, 0, 0, 0),
	TRY(stat, P("/"), 0),
	TRY(readlink, P("/proc/self/exe"), 0, 0),
	TRY(unlink, P("/proc/none")),
	TRY(mkdir, P("/proc/none"), 0),
	TRY(getdents64, -1, 0, 0),
	TRY(newfstatat, AT_FDCWD, P("/etc"), 0, 0),
	TRY(statx, AT_FDCWD, P("/etc"), 0, 0, 0),
	TRY(ioctl, 0, TIOCSTI, 0),
	TRY(ioctl, 0, TIOCSCTTY, 0),
	TRY(fcntl, 0, F_SETOWN, 1),
	TRY(socketpair, AF_INET, SOCK_STREAM, 0, 0),
	TRY(fchmod, -1, 0),
	TRY(memfd_create, P("x"), MFD_HUGETLB),
	TRY(futex, 0, 6 /* FUTEX_LOCK_PI */, 0, 0),
	TRY(setsockopt, 0, SOL_SOCKET, SO_ATTACH_FILTER, 0, 0),
	TRY(prlimit64, 0x7fffffff, RLIMIT_NOFILE, 1, 0),
	TRY(prlimit64, 0, RLIMIT_CORE, 1, 0),
};

static const struct attempt hostile_gofer[] = {
	TRY(process_vm_readv, 1, 0, 0, 0, 0, 0),
	TRY(process_vm_writev, 1, 0, 0, 0, 0, 0),
	TRY(ptrace, PTRACE_ATTACH, 0x7fffffff, 0, 0),
	TRY(mknodat, AT_FDCWD, P("/proc/none/x"), S_IFCHR | 0600, 0),
	TRY(mknodat, AT_FDCWD, P("/proc/none/x"), S_IFBLK | 0600, 0),
	TRY(ioctl, 0, FIONREAD, 0),
	TRY(socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
	TRY(memfd_create, P("x"), 0),
	TRY(kill, 0x7fffffff, SIGKILL),
	TRY(prlimit64, 0, RLIMIT_NOFILE, 1, 0),
	TRY(chmod, P("/proc/none"), 0),
	TRY(unlink, P("/proc/none")),
	TRY(mkdir, P("/proc/none"), 0),
};

static const struct attempt hostile_init[] = {
	TRY(openat, AT_FDCWD, P("/etc/passwd"), O_RDONLY),
	TRY(read, -1, 0, 0),
	TRY(recvmsg, -1, 0, 0),
	TRY(ptrace, PTRACE_ATTACH, 0x7fffffff, 0, 0),
	TRY(process_vm_readv, 1, 0, 0, 0, 0, 0),
	TRY(mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	TRY(dup, 0),
};

static const struct attempt needed_sentry[] = {
	TRY(read, -1, 0, 0),
	TRY(preadv2, -1, 0, 0, 0, 0, 0),
	TRY(pwritev2, -1, 0, 0, 0, 0, 0),
	TRY(epoll_create1, 0),
	TRY(memfd_create, P("x"), MFD_CLOEXEC | MFD_ALLOW_SEALING),
	TRY(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	TRY(process_vm_readv, 1, 0, 0, 0, 0, 0),
	TRY(process_vm_writev, 1, 0, 0, 0, 0, 0),
	TRY(sendmsg, -1, 0, 0),
	TRY(recvmsg, -1, 0, 0),
	TRY(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0),
	TRY(kill, 0x7fffffff, SIGKILL),
	TRY(tgkill, 0x7fffffff, 0x7fffffff, SIGURG),
	TRY(sched_setaffinity, 0x7fffffff, 0, 0),
	TRY(futex, 0, 1, 0, 0),
	TRY(fallocate, -1, 0, 0, 0),
	TRY(ioctl, -1, TCGETS, 0),
	TRY(fcntl, -1, F_GETFL),
	TRY(getrandom, 0, 0, 0),
	TRY(newfstatat, -1, P(""), 0, AT_EMPTY_PATH),
	TRY(prlimit64, 0, RLIMIT_NOFILE, 0, 0),
};

static const struct attempt needed_gofer[] = {
	TRY(openat2, -1, P("x"), 0, 0),
	TRY(recvmsg, -1, 0, 0),
	TRY(sendmsg, -1, 0, 0),
	TRY(unlinkat, -1, P("x"), 0),
	TRY(mknodat, -1, P("x"), S_IFIFO | 0600, 0),
	TRY(renameat2, -1, P("x"), -1, P("y"), 0),
	TRY(getdents64, -1, 0, 0),
	TRY(fsync, -1),
	TRY(statx, -1, P(""), AT_EMPTY_PATH, 0, 0),
};

static void sentry_is_confined(void **state)
{
	stops(&filter_sentry, hostile, ARRAY_SIZE(hostile));
	stops(&filter_sentry, hostile_sentry, ARRAY_SIZE(hostile_sentry));
	lets_through(&filter_sentry, needed_sentry, ARRAY_SIZE(needed_sentry));
}

static void gofer_is_confined(void **state)
{
	stops(&filter_gofer, hostile, ARRAY_SIZE(hostile));
	stops(&filter_gofer, hostile_gofer, ARRAY_SIZE(hostile_gofer));
	lets_through(&filter_gofer, needed_gofer, ARRAY_SIZE(needed_gofer));
}

static void init_is_confined(void **state)
{
	stops(&filter_init, hostile, ARRAY_SIZE(hostile));
	stops(&filter_init, hostile_init, ARRAY_SIZE(hostile_init));
}

/* The 32-bit and the x32 way in have other numbers for the same calls. */
static void other_abis_are_closed(void **state)
{
	const struct attempt x32_getpid = {"x32 getpid", 0x40000000L + SYS_getpid, {0}};
	assert_true(is_stopped(try_call(&filter_sentry, &x32_getpid)));
	pid_t pid = fork();
	if (pid == 0) {
		if (seccomp_install(&filter_sentry, -1) < 0)
			_exit(2);
		long ret;
		__asm__ volatile("int $0x80" : "=a"(ret) : "0"(20L /* getpid */) : "memory");
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(
		WIFSIGNALED(status)); /* SIGSYS, or SIGSEGV where the host has no 32-bit calls */
}

static void a_refused_call_is_named(void **state)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit no_core = {0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		if (seccomp_install(&filter_init, fds[1]) < 0)
			_exit(2);
		syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		_exit(0);
	}
	close(fds[1]);
	char text[256] = "";
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_non_null(strstr(text, "refused system call 41"));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(is_stopped(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentry_is_confined),	   cmocka_unit_test(gofer_is_confined),
		cmocka_unit_test(init_is_confined),	   cmocka_unit_test(other_abis_are_closed),
		cmocka_unit_test(a_refused_call_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
