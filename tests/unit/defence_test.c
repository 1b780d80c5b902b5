/* defence_test.c - what gofer, sentry and init could do if somebody else had taken them over: each defence is attacked from
 * inside, once with it and once without. Without it every attack must get through, or the test would prove nothing.
 * (The stub's filter: stub_filter_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/privileges.h"
#include "loader/start.h"
#include "platform/seccomp/seccomp.h"

/* How a child's attempt ended. */
enum { REFUSED = 70, THROUGH, SIGSYS_KILLED, BROKEN };

static int outcome(pid_t pid)
{
	int status;
	if (pid < 0 || waitpid(pid, &status, __WALL) != pid)
		return BROKEN;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? SIGSYS_KILLED : BROKEN;
	return WEXITSTATUS(status);
}

/* --- filters --- */

struct call {
	const char *what;
	long nr;
	uint64_t args[6];
};
/* What no process of a sandbox needs. They are made without the filter, too: with arguments that change nothing on this
 * machine, for the call counts, not its success. */
static const struct call hostile[] = {
	{ "open", SYS_open, { (uint64_t)"/etc/passwd", O_RDONLY } },
	{ "creat", SYS_creat, { (uint64_t)"", 0600 } },
	{ "execve", SYS_execve, { (uint64_t)"/bin/true" } },
	{ "execveat", SYS_execveat, { (uint64_t)AT_FDCWD, (uint64_t)"/bin/true" } },
	{ "fork", SYS_fork, { 0 } },
	{ "clone", SYS_clone, { SIGCHLD } },
	{ "clone into a user namespace", SYS_clone, { CLONE_NEWUSER | SIGCHLD } },
	{ "clone3", SYS_clone3, { 0, 0 } },
	{ "socket(AF_UNIX)", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "socket(AF_INET)", SYS_socket, { AF_INET, SOCK_DGRAM } },
	{ "connect", SYS_connect, { 0, 0, 0 } },
	{ "bind", SYS_bind, { 0, 0, 0 } },
	{ "mmap(PROT_EXEC)", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1UL } },
	{ "mprotect(PROT_EXEC)", SYS_mprotect, { 0, 0, PROT_EXEC } },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 0, PROT_EXEC, 0 } },
	{ "mount", SYS_mount, { 0, 0, 0 } },
	{ "move_mount", SYS_move_mount, { 0 } },
	{ "open_tree", SYS_open_tree, { (uint64_t)AT_FDCWD, (uint64_t)"/" } },
	{ "umount2", SYS_umount2, { 0, 0 } },
	{ "pivot_root", SYS_pivot_root, { 0, 0 } },
	{ "chroot", SYS_chroot, { (uint64_t)"/" } },
	{ "chdir", SYS_chdir, { (uint64_t)"/" } },
	{ "fchdir", SYS_fchdir, { 0 } },
	{ "unshare", SYS_unshare, { 0 } },
	{ "setns", SYS_setns, { 0, 0 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
	{ "capset", SYS_capset, { 0 } },
	{ "prctl(PR_SET_DUMPABLE)", SYS_prctl, { PR_SET_DUMPABLE, 1 } },
	{ "prctl(PR_SET_PDEATHSIG)", SYS_prctl, { PR_SET_PDEATHSIG, 0 } },
	{ "seccomp", SYS_seccomp, { SECCOMP_GET_ACTION_AVAIL } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1 } },
	{ "keyctl", SYS_keyctl, { 0 } },
	{ "add_key", SYS_add_key, { 0 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { 0 } },
	{ "pidfd_open", SYS_pidfd_open, { 1 } },
	{ "pidfd_getfd", SYS_pidfd_getfd, { 0 } },
	{ "personality", SYS_personality, { 0 } },
	{ "modify_ldt", SYS_modify_ldt, { 0 } },
	{ "init_module", SYS_init_module, { 0 } },
	{ "kexec_load", SYS_kexec_load, { 0, 0, 0, -1UL } },
	{ "swapon", SYS_swapon, { 0 } },
	{ "syslog", SYS_syslog, { 3 } },
	{ "settimeofday", SYS_settimeofday, { 0 } },
	{ "sethostname", SYS_sethostname, { (uint64_t)"", -1UL } },
	{ "shmget", SYS_shmget, { 12345, 0, 0 } },
	{ "quotactl", SYS_quotactl, { 0 } },
	{ "ioctl(TIOCSTI)", SYS_ioctl, { 0, TIOCSTI, 0 } },
	{ "ioctl(TIOCLINUX)", SYS_ioctl, { 0, TIOCLINUX, 0 } },
	{ "ioctl(TIOCSTI) with high bits", SYS_ioctl, { 0, 1ULL << 32 | TIOCSTI, 0 } },
	{ "kill(1, SIGTERM)", SYS_kill, { 0, 0 } },
	{ "getdents", SYS_getdents, { 0 } },
	{ "memfd_secret", SYS_memfd_secret, { 0 } },
	{ "a number of the x32 ABI", 0x40000000 + SYS_getpid, { 0 } },
};
static const struct call hostile_to_sentry[] = {
	{ "openat", SYS_openat, { (uint64_t)AT_FDCWD, (uint64_t)"/etc/passwd", O_RDONLY } },
	{ "openat2", SYS_openat2, { (uint64_t)AT_FDCWD, (uint64_t)"/etc/passwd" } },
	{ "stat by path", SYS_newfstatat, { (uint64_t)AT_FDCWD, (uint64_t)"/etc/passwd", 0, 0 } },
	{ "unlinkat", SYS_unlinkat, { (uint64_t)AT_FDCWD, (uint64_t)"", 0 } },
	{ "readlinkat", SYS_readlinkat, { (uint64_t)AT_FDCWD, (uint64_t)"", 0, 0 } },
	{ "getdents64", SYS_getdents64, { 0 } },
	{ "socketpair(AF_INET)", SYS_socketpair, { AF_INET, SOCK_DGRAM } },
	{ "setsockopt(SO_ATTACH_FILTER)", SYS_setsockopt, { 0, SOL_SOCKET, SO_ATTACH_FILTER } },
	{ "memfd_create(MFD_HUGETLB)", SYS_memfd_create, { (uint64_t)"", 4 } },
	{ "fchmod", SYS_fchmod, { -1UL, 0600 } },
	{ "tgkill(SIGTERM)", SYS_tgkill, { 0, 0, 0 } },
	{ "setting RLIMIT_CORE", SYS_prlimit64, { 0, 4, 8, 0 } },
};
static const struct call hostile_to_sentry_unpublished[] = {
	{ "accept4", SYS_accept4, { -1UL, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC } },
	{ "shutdown", SYS_shutdown, { -1UL, SHUT_WR } },
	{ "setsockopt(SO_LINGER)", SYS_setsockopt, { -1UL, SOL_SOCKET, SO_LINGER } },
};
/* With sockets of the host's network at hand: nothing that makes a connection, or another listener. */
static const struct call hostile_to_sentry_publishing[] = {
	{ "accept", SYS_accept, { -1UL, 0, 0 } },
	{ "accept4 without O_CLOEXEC", SYS_accept4, { -1UL, 0, 0, SOCK_NONBLOCK } },
	{ "listen", SYS_listen, { -1UL, 1 } },
	{ "shutdown(SHUT_RD)", SYS_shutdown, { -1UL, SHUT_RD } },
	{ "shutdown(SHUT_RDWR)", SYS_shutdown, { -1UL, SHUT_RDWR } },
	{ "sendto(MSG_FASTOPEN)", SYS_sendto, { -1UL, 0, 0, MSG_FASTOPEN, 0, 0 } },
	{ "sendmsg(MSG_FASTOPEN)", SYS_sendmsg, { -1UL, 0, MSG_FASTOPEN | MSG_DONTWAIT } },
	{ "sendmmsg", SYS_sendmmsg, { -1UL, 0, 0, 0 } },
	{ "setsockopt(TCP_FASTOPEN_CONNECT)", SYS_setsockopt, { -1UL, IPPROTO_TCP, TCP_FASTOPEN_CONNECT } },
	{ "setsockopt(SO_BINDTODEVICE)", SYS_setsockopt, { -1UL, SOL_SOCKET, SO_BINDTODEVICE } },
	{ "getsockopt", SYS_getsockopt, { -1UL, SOL_SOCKET, SO_ERROR } },
};
static const struct call hostile_to_gofer[] = {
	{ "ptrace", SYS_ptrace, { 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
	{ "mknodat of a device", SYS_mknodat, { (uint64_t)AT_FDCWD, (uint64_t)"", S_IFCHR, 0x103 } },
	{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, 0 } },
	{ "setting a limit", SYS_prlimit64, { 0, 7, 8, 0 } },
	{ "memfd_create", SYS_memfd_create, { (uint64_t)"", 0 } },
	{ "ioctl", SYS_ioctl, { 0, 0 } },
};
static const struct call hostile_to_init[] = {
	{ "openat", SYS_openat, { (uint64_t)AT_FDCWD, (uint64_t)"/etc/passwd", O_RDONLY } },
	{ "read", SYS_read, { 0, 0, 0 } },
	{ "kill", SYS_kill, { 0, 0 } },
	{ "ptrace", SYS_ptrace, { 0 } },
	{ "mmap", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1UL } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1 } },
	{ "ioctl", SYS_ioctl, { 0, 0 } },
	{ "recvmsg", SYS_recvmsg, { 0, 0, 0 } },
};

/* In a process group and session of its own: an attempt that gets through may make something. */
static int attempt(const struct filter *f, const struct call *c)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (f && seccomp_install(f, -1) < 0)
			_exit(BROKEN);
		syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5]);
		syscall(SYS_exit_group, THROUGH);
	}
	int how = outcome(pid);
	/* The program that execve() ran ended well. */
	return how == 0 ? THROUGH : how;
}

static void each(const struct filter *f, const char *who, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int with = attempt(f, &calls[i]), without = attempt(NULL, &calls[i]);
		if (with != SIGSYS_KILLED)
			fail_msg("%s: %s is not refused (%d)", who, calls[i].what, with);
		if (without != THROUGH)
			fail_msg("%s: %s does not get through without the filter either (%d)", who, calls[i].what, without);
	}
}

#ifdef __SANITIZE_ADDRESS__
#define SKIP_SANITIZED skip()             /* its run-time makes calls that no policy has; the filters are wider there */
#else
#define SKIP_SANITIZED (void)0
#endif

static void the_sentrys_filter_holds(void **state)
{
	SKIP_SANITIZED;
	each(&filter_sentry, "sentry", hostile, ARRAY_SIZE(hostile));
	each(&filter_sentry, "sentry", hostile_to_sentry, ARRAY_SIZE(hostile_to_sentry));
	each(&filter_sentry, "sentry", hostile_to_sentry_unpublished, ARRAY_SIZE(hostile_to_sentry_unpublished));
}

static void a_publishing_sentrys_filter_holds(void **state)
{
	SKIP_SANITIZED;
	const struct filter *f = &filter_sentry_publish;
	each(f, "sentry", hostile, ARRAY_SIZE(hostile));
	each(f, "sentry", hostile_to_sentry, ARRAY_SIZE(hostile_to_sentry));
	each(f, "sentry", hostile_to_sentry_publishing, ARRAY_SIZE(hostile_to_sentry_publishing));
	for (size_t i = 0; i < ARRAY_SIZE(hostile_to_sentry_unpublished); i++)
		assert_int_equal(attempt(f, &hostile_to_sentry_unpublished[i]), THROUGH);
}

static void the_gofers_filter_holds(void **state)
{
	SKIP_SANITIZED;
	each(&filter_gofer, "gofer", hostile, ARRAY_SIZE(hostile));
	each(&filter_gofer, "gofer", hostile_to_gofer, ARRAY_SIZE(hostile_to_gofer));
}

static void inits_filter_holds(void **state)
{
	SKIP_SANITIZED;
	each(&filter_init, "init", hostile, ARRAY_SIZE(hostile));
	each(&filter_init, "init", hostile_to_init, ARRAY_SIZE(hostile_to_init));
}

static void int80(void)
{
	long ret = 20;                         /* getpid of the 32-bit ABI */
	__asm__ volatile("int $0x80" : "+a"(ret) : : "memory", "r8", "r9", "r10", "r11");
}

/* The 32-bit ABI has other numbers: a filter that compares numbers only would let its calls pass. */
static void the_other_abi_is_no_way_around(void **state)
{
	SKIP_SANITIZED;
	const struct filter *filters[] = { &filter_sentry, &filter_gofer, &filter_init, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			if (filters[i] && seccomp_install(filters[i], -1) < 0)
				_exit(BROKEN);
			int80();
			syscall(SYS_exit_group, THROUGH);
		}
		int how = outcome(pid);
		if (!filters[i] && how == BROKEN)
			skip();                        /* a host without that ABI raises SIGSEGV */
		assert_int_equal(how, filters[i] ? SIGSYS_KILLED : THROUGH);
	}
}

/* --- privileges --- */

static bool can_bind_mount(void) { return unshare(CLONE_NEWNS) == 0; }
static bool can_become_root(void) { return setresuid(0, 0, 0) == 0; }
static bool can_change_groups(void) { gid_t g = 0; return setgroups(1, &g) == 0; }
static bool can_regain_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 1 << CAP_CHOWN, .permitted = 1 << CAP_CHOWN } };
	return syscall(SYS_capset, &head, data) == 0;
}
static bool has_bounding_caps(void)
{
	for (int cap = 0; cap < 40; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return true;
	return false;
}
static bool can_gain_by_exec(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }
static bool can_be_traced(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; }
static bool can_read_what_is_roots(void) { return open("/etc/shadow", O_RDONLY) >= 0; }
static bool can_kill_others(void) { return kill(getppid(), 0) == 0; }

static const struct { const char *what; bool (*works)(void); bool as_nobody; } powers[] = {
	{ "mount namespace of its own", can_bind_mount, false },
	{ "becoming root", can_become_root, true },
	{ "changing groups", can_change_groups, false },
	{ "raising capabilities", can_regain_caps, false },
	{ "bounding capabilities", has_bounding_caps, false },
	{ "gaining privileges by exec", can_gain_by_exec, false },
	{ "being traced", can_be_traced, false },
	{ "reading root's files", can_read_what_is_roots, true },
	{ "sending signals to root's processes", can_kill_others, true },
};

static int try_power(size_t i, bool dropped, bool nobody)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct err *e = dropped ? privileges_drop(nobody, 0, false) : NULL;
		_exit(e ? BROKEN : powers[i].works() ? THROUGH : REFUSED);
	}
	return outcome(pid);
}

static void privileges_do_not_come_back(void **state)
{
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		if (try_power(i, true, true) != REFUSED)
			fail_msg("%s is still possible", powers[i].what);
		/* As an ordinary user's sandbox has it: without an id to change to. */
		if (!powers[i].as_nobody && try_power(i, true, false) != REFUSED)
			fail_msg("%s is still possible when the id stays", powers[i].what);
		if (try_power(i, false, false) != THROUGH)
			fail_msg("%s is not possible before either", powers[i].what);
	}
}

static void what_is_not_kept_is_closed(void **state)
{
	for (int closed = 0; closed < 2; closed++) {
		pid_t pid = fork();
		if (pid == 0) {
			int a = open("/dev/null", O_RDONLY), b = fcntl(a, F_DUPFD, 700), keep = fcntl(a, F_DUPFD, 300);
			if (closed && close_all_but((int[]){ keep }, 1) < 0)
				_exit(BROKEN);
			bool kept = fcntl(keep, F_GETFD) >= 0;
			bool others = fcntl(a, F_GETFD) >= 0 || fcntl(b, F_GETFD) >= 0 || fcntl(0, F_GETFD) >= 0;
			_exit(!kept ? BROKEN : others ? THROUGH : REFUSED);
		}
		assert_int_equal(outcome(pid), closed ? REFUSED : THROUGH);
	}
}

/* --- the empty root --- */

static bool can_open_a_path(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool can_climb(void) { return open("../../../../../../../../../etc/passwd", O_RDONLY) >= 0; }
static bool can_see_processes(void) { return open("/proc/self/status", O_RDONLY) >= 0; }
static bool can_make_a_file(void)
{
	int fd = open("/tmp/sbx-defence-test", O_WRONLY | O_CREAT, 0600);
	return unlink("/tmp/sbx-defence-test") == 0 && fd >= 0;
}
static bool can_escape_by_chroot(void)
{
	/* The old way out of a chroot: a directory above the new root stays open. */
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	if (mkdir("sbx-defence-test", 0700) < 0 && errno != EEXIST)
		return false;
	bool out = chroot("sbx-defence-test") == 0 && fchdir(fd) == 0;
	for (int i = 0; out && i < 64; i++)
		out = chdir("..") == 0;
	out = out && chroot(".") == 0 && rmdir("/tmp/sbx-defence-test") == 0 && access("/etc/passwd", F_OK) == 0;
	return out;
}
static const struct { const char *what; bool (*works)(void); } ways[] = {
	{ "opening a path", can_open_a_path }, { "climbing up", can_climb }, { "seeing /proc", can_see_processes },
	{ "making a file", can_make_a_file }, { "escaping by chroot", can_escape_by_chroot },
};

/* As exports_mount() and init do it, without exports. */
static struct err *enter_empty_root(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int base = tmpfs_new("1m", "16");
	if (base < 0)
		return err_errno(-base, "tmpfs");
	struct err *e = root_attach(base);
	if (!e && (mkdirat(base, EMPTY_DIR, 0555) < 0 || mount_setattr(base, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0))
		e = err_errno(errno, "making the root");
	bool old_on_top = false;
	if (!e)
		e = root_enter(base, &old_on_top);
	if (!e)
		e = root_enter_dir(base, EMPTY_DIR);
	if (!e && old_on_top)
		e = root_forget_old(base);
	close(base);
	return e;
}

static int try_way(size_t i, bool empty)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir("/tmp") < 0)
			_exit(BROKEN);
		struct err *e = empty ? enter_empty_root() : NULL;
		_exit(e ? BROKEN : ways[i].works() ? THROUGH : REFUSED);
	}
	return outcome(pid);
}

static void nothing_is_in_the_empty_root(void **state)
{
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int with = try_way(i, true), without = try_way(i, false);
		if (with != REFUSED)
			fail_msg("%s is possible in the empty root (%d)", ways[i].what, with);
		if (without != THROUGH)
			fail_msg("%s is not possible outside of it either (%d)", ways[i].what, without);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sentrys_filter_holds), cmocka_unit_test(a_publishing_sentrys_filter_holds),
		cmocka_unit_test(the_gofers_filter_holds),
		cmocka_unit_test(inits_filter_holds),
		cmocka_unit_test(the_other_abi_is_no_way_around),
		cmocka_unit_test(privileges_do_not_come_back),
		cmocka_unit_test(what_is_not_kept_is_closed),
		cmocka_unit_test(nothing_is_in_the_empty_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
