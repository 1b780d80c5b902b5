/* guest_syscalls.c - random system calls from inside a sandbox: guest_syscalls SEED SECONDS [THREADS]
 *
 * HOW      The kinds of arguments come from the system call table; each kind has its own choice of good, odd and hostile
 *          values: descriptors of every sort, addresses at page ends, structures full of random but plausible words, huge
 *          sizes. Children do it, several threads each, and are replaced when they die. What is tested is the kernel under
 *          it, best one built with sanitizers: the parent goes on to the end and says so, or something is broken.
 * USE      sbx run -m 400m --ro-bind BUILD/tests /t -- /t/fuzz/guest_syscalls 1 60 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The table, as far as it concerns us: kinds by name. */
typedef struct { uint64_t addr; } uptr_t;
#define UPTR(a) ((uptr_t){ a })
#include "sentry/syscalls/foreach_arg.h"
enum { NONE, PARTIAL, FULL };
struct call {
	const char *name;
	int level;
	unsigned char argc, kinds[6];
};
#define SYSCALL(nr, name_, level_, note_, argc_, ...) \
	[nr] = { .name = #name_, .level = level_, .argc = argc_, .kinds = { KINDS_##argc_(__VA_ARGS__) } },
static const struct call calls[512] = {
#include "sentry/syscalls/syscalls.def"
};

#define PAGES 64
#define SPARE 16                                 /* more pages behind, for calls that change memory */
static uint8_t *area;                            /* PAGES pages; every eighth is missing, some can't be written */
static const char *const paths[] = {
	"/", ".", "..", "a", "b", "d", "d/x", "d/y", "d/../a", "sym", "loop", "fifo", "sock", "a/b", "", "/tmp", "/usr/bin/env",
	"/usr", "/proc/self", "/proc/self/fd/3", "/proc/self/mem", "/proc/self/maps", "/proc/self/environ", "/proc/self/status",
	"/proc/1/root/etc/passwd", "/proc/self/cwd", "/proc/thread-self/comm", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty",
	"/dev/ptmx", "/dev/urandom", "/dev/shm/s", "/etc/passwd", "/proc/sys/kernel/hostname", "/proc/self/oom_score_adj",
	"/proc/self/uid_map", "/sys/devices/system/cpu/online", "/nonexistent/x", "user.a", "security.b", "tmpfs", "overlay", "proc",
	"/proc/self/fd", "/proc/self/fdinfo/3", "/proc/self/task", "/proc/self/exe", "/proc/self/ns/mnt", "bind", "/usr/share",
};
static char long_path[5000];

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 7, 8, 15, 16, 24, 31, 32, 48, 63, 64, 100, 127, 128, 255, 256, 511, 512, 1023, 1024, 1025, 4095, 4096, 4097,
		8192, 65535, 65536, 65537, 1 << 20, 1 << 24, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1UL << 40, 1UL << 47,
		(1UL << 63) - 1, 1UL << 63, -1UL, -2UL, -4095UL, -4096UL, -100UL, (1UL << 63) - 4096, 0x7ffffffff000,
	};
	return below(4) ? odd[below(ARRAY_SIZE(odd))] : below(2) ? below(64) : rnd() >> below(64);
}

/* An address: mostly in the area, often so that little is left of its page. */
static uint64_t address(void)
{
	static const uint64_t odd[] = { 0, 1, 8, 4096, -1UL, -8UL, 0x7fffffffe000, 0x7ff000000000, 0x7ff001000000, 0x7fefffffffff,
					0x800000000000, 0xffff888000000000 };
	uint64_t at = (uint64_t)area + below(PAGES) * 4096;
	switch (below(10)) {
	case 0: return odd[below(ARRAY_SIZE(odd))];
	case 1: return at + 4096 - below(64);
	case 2: return at + 4096 - 8 * below(16);
	case 3: return at + below(4096);
	case 4: return at;
	default: return at + below(128) * 8;
	}
}

/* A word as structures have them. */
static uint64_t word(void)
{
	switch (below(8)) {
	case 0: return address();
	case 1: return odd_number();
	case 2: return rnd();
	case 3: return 1UL << below(64);
	case 4: return below(40) | below(40) << 32;
	default: return below(16);
	}
}

static uint64_t structure(unsigned words)
{
	uint64_t at = (uint64_t)area + (below(PAGES / 8) * 8 + below(6)) * 4096 + below(2) * 8 * below(400);
	for (unsigned i = 0; i < words; i++)
		((uint64_t *)at)[i] = word();
	return below(12) ? at : address();
}

static uint64_t path(void)
{
	char *at = (char *)area + (below(PAGES / 8) * 8 + below(6)) * 4096 + below(1024);
	if (below(40) == 0)
		return (uint64_t)long_path;
	if (below(20) == 0)
		return address();
	strcpy(at, paths[below(ARRAY_SIZE(paths))]);
	if (below(8) == 0)
		strcat(strcat(at, "/"), paths[below(ARRAY_SIZE(paths))]);
	return (uint64_t)at;
}

static uint64_t descriptor(void)
{
	return below(16) ? below(64) : odd_number();
}

static uint64_t vectors(void)
{
	uint64_t at = (uint64_t)area + (below(PAGES / 8) * 8 + below(6)) * 4096 + below(2) * 8 * below(400), n = below(20);
	if (below(12) == 0)
		return address();
	for (uint64_t i = 0; i < n; i++) {
		((uint64_t *)at)[2 * i] = address();
		((uint64_t *)at)[2 * i + 1] = below(4) ? below(8192) : odd_number();
	}
	return at;
}

static uint64_t socket_address(void)
{
	struct sockaddr_un *sa = (struct sockaddr_un *)((char *)area + below(PAGES / 8) * 8 * 4096 + below(64));
	sa->sun_family = below(8) ? AF_UNIX : (sa_family_t)below(46);
	memset(sa->sun_path, (int)below(3) * 'a', sizeof(sa->sun_path));
	if (below(2))
		strcpy(sa->sun_path + below(2), "sock");
	return (uint64_t)sa;
}

/* A struct msghdr whose parts are plausible, with control messages. */
static uint64_t message(void)
{
	uint64_t *h = (uint64_t *)(area + below(PAGES / 8) * 8 * 4096 + 512);
	uint64_t *c = (uint64_t *)(area + 4096 + below(64) * 8);
	h[0] = below(3) ? 0 : socket_address();
	h[1] = below(3) ? 0 : below(130);
	h[2] = vectors();
	h[3] = below(20);
	h[4] = below(4) ? (uint64_t)c : address();
	h[5] = below(3) ? below(8) * 8 : odd_number();
	h[6] = 0;
	c[0] = below(3) ? 16 + below(4) * 4 : odd_number();
	c[1] = 1 | (1 + below(3)) << 32;
	for (int i = 2; i < 8; i++)
		c[i] = descriptor() | descriptor() << 32;
	return (uint64_t)h;
}

static uint64_t time_value(void)
{
	uint64_t *at = (uint64_t *)(area + below(PAGES / 8) * 8 * 4096 + below(500) * 8);
	at[0] = below(8) ? 0 : word();
	at[1] = below(8) ? below(3000) : word();
	at[2] = below(8) ? 0 : word();
	at[3] = below(8) ? below(3000) : word();
	return below(10) ? (uint64_t)at : below(2) ? 0 : address();
}

static uint64_t flags(void)
{
	return below(3) == 0 ? 0 : below(3) ? 1UL << below(32) : below(2) ? 1UL << below(32) | 1UL << below(32) : odd_number();
}

static uint64_t argument(enum arg_kind kind)
{
	static const uint64_t ioctls[] = { 0x5401, 0x5402, 0x5410, 0x540f, 0x5413, 0x5414, 0x541b, 0x5421, 0x5450, 0x5451, 0x5460,
					   0x80045430, 0x40045431, 0x540e, 0x5422, 0x8905, 0x8910, 0x8912, 0x5411, 0x40049409 };
	switch (kind) {
	case ARG_FD: case ARG_DIRFD:
		return kind == ARG_DIRFD && below(2) ? (uint64_t)AT_FDCWD : descriptor();
	case ARG_PATH: case ARG_STR:
		return path();
	case ARG_ARGV: case ARG_ENVP: {
		uint64_t *v = (uint64_t *)(area + 8 * 4096 + below(64) * 8);
		v[0] = path(), v[1] = path(), v[2] = below(10) ? 0 : address(), v[3] = 0;
		return below(6) ? (uint64_t)v : address();
	}
	case ARG_PID: {
		/* Not the watcher: a child that has the privilege would trace it, or set its limits, and nobody would watch. */
		uint64_t n = below(4) ? (uint64_t)getpid() : odd_number();
		return (pid_t)n == getppid() ? 0 : n;
	}
	case ARG_SIZE: case ARG_OFF: case ARG_ULONG: case ARG_LONG:
		return below(2) ? below(8192) : odd_number();
	case ARG_IOVEC: case ARG_OUT_IOVEC:
		return vectors();
	case ARG_SOCKADDR: case ARG_OUT_SOCKADDR:
		return below(4) ? socket_address() : address();
	case ARG_TIMESPEC: case ARG_TIMEVAL: case ARG_FUTEX_TIMEOUT: case ARG_OUT_TIMESPEC: case ARG_OUT_TIMEVAL:
		return time_value();
	case ARG_SIGNAL:
		return below(3) ? 10 + below(2) * 2 : below(70);
	case ARG_IOCTL:
		return below(8) ? ioctls[below(ARRAY_SIZE(ioctls))] : odd_number();
	case ARG_UID: return below(2) ? below(3) : odd_number();
	case ARG_DOMAIN: return below(8) ? AF_UNIX : below(46);
	case ARG_SOCK_TYPE: return (1 + below(5)) | flags();
	case ARG_INT: case ARG_UINT: case ARG_FCNTL: case ARG_PRCTL: case ARG_RESOURCE: case ARG_CLOCKID: case ARG_WHENCE:
	case ARG_FUTEX_OP: case ARG_MADVICE: case ARG_EPOLL_OP: case ARG_SIG_HOW:
		return below(5) ? below(24) : odd_number();
	case ARG_MODE: return below(2) ? 0644 : flags();
	case ARG_HEX: case ARG_FCNTL_ARG:
		return below(2) ? structure(8) : odd_number();
	case ARG_OPEN_FLAGS: return flags() | below(4);
	case ARG_FD_FLAGS: case ARG_ACCESS: case ARG_PROT: case ARG_MAP_FLAGS: case ARG_MREMAP_FLAGS: case ARG_AT_FLAGS: case ARG_MSG_FLAGS:
	case ARG_WAIT_OPTIONS: case ARG_CLONE_FLAGS: case ARG_ARCH_PRCTL:
		return flags();
	case ARG_PTR:
		return below(4) ? structure(16) : address();
	default:
		return below(3) ? address() : structure(16);
	}
}

/* Calls that would end the test rather than do it. */
static bool left_out(long nr)
{
	switch (nr) {
	case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigsuspend: case SYS_vfork: case SYS_fork: case SYS_clone:
	case SYS_clone3: case SYS_rt_sigreturn: case SYS_reboot: case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo: case SYS_chroot: case SYS_pivot_root: case SYS_seccomp:
		return true;
	}
	return !calls[nr].name || calls[nr].level == NONE;
}

static void adjust(long nr, uint64_t a[6])
{
	switch (nr) {
	case SYS_sendmsg: case SYS_recvmsg: a[1] = message(); break;
	case SYS_sendmmsg: case SYS_recvmmsg: a[1] = message(), a[2] = below(4); break;
	case SYS_mmap:
		/* Near the area, not over this program. */
		a[0] = below(2) ? 0 : (uint64_t)area + (PAGES + below(8)) * 4096;
		a[1] = below(16) ? 4096 * (1 + below(8)) : odd_number();
		if ((a[3] & MAP_FIXED) && (!a[0] || a[1] > 8 * 4096))
			a[3] &= ~(uint64_t)MAP_FIXED;
		a[3] |= 1 + below(2);
		break;
	case SYS_munmap: case SYS_mprotect: case SYS_madvise: case SYS_mremap:
		a[0] = (uint64_t)area + (PAGES + below(8)) * 4096 + below(20) / 19;
		a[1] = below(16) ? 4096 * below(8) : odd_number() & 0x7fff;
		if (nr == SYS_mremap)
			a[3] &= 5, a[2] = below(32) * 4096;
		break;
	case SYS_brk: a[0] = below(2) ? 0 : odd_number(); break;
	case SYS_alarm: a[0] = 0; break;
	/* Not the watcher's standard output. */
	case SYS_pidfd_getfd: a[1] |= 4; break;
	/* What soon ends this process, now and then only. */
	case SYS_rt_sigaction: if (below(64)) a[0] = 33 + below(32); break;
	case SYS_rt_sigprocmask: if (below(64)) a[1] = 0; break;
	case SYS_arch_prctl: if (below(64)) a[0] = 0x1003; break;
	case SYS_rseq: case SYS_sigaltstack: if (below(64)) a[0] = 0; break;
	case SYS_shmat: a[2] &= ~040000UL; break;
	case SYS_setrlimit: case SYS_prlimit64: case SYS_close_range: a[0] = below(4) ? 30 + below(40) : a[0]; break;
	case SYS_execve: case SYS_execveat: if (below(8)) a[0] = -1UL; break;
	case SYS_prctl: if (a[0] == PR_SET_SECCOMP || a[0] == PR_SET_PDEATHSIG) a[0] = PR_GET_NAME; break;
	case SYS_setresuid: case SYS_setreuid: case SYS_setuid: case SYS_setfsuid: if (below(32)) a[0] = a[1] = a[2] = 0; break;
	case SYS_poll: if ((int)a[2] > 5) a[2] = 1; break;
	case SYS_epoll_wait: case SYS_epoll_pwait: if ((int)a[3] > 5) a[3] = 1; break;
	}
}

static volatile uint64_t *counter;
static struct { volatile long nr; volatile uint64_t a[6]; } *last;     /* of each thread, for who looks at a broken kernel */

static volatile int tids[16];

/* Nobody waits for ever. */
static void *tick(void *arg)
{
	(void)arg;
	for (;;) {
		for (size_t i = 0; i < ARRAY_SIZE(tids); i++)
			if (tids[i])
				syscall(SYS_tgkill, getpid(), tids[i], SIGUSR1);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return NULL;
}

static void *fuzz(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	tids[me] = (int)syscall(SYS_gettid);
	seed = *counter * 0x9e3779b97f4a7c15ULL + me * 77 + 1;
	for (;;) {
		long nr = (long)below(ARRAY_SIZE(calls));
		if (left_out(nr))
			continue;
		uint64_t a[6];
		for (unsigned i = 0; i < 6; i++)
			a[i] = i < calls[nr].argc ? argument(calls[nr].kinds[i]) : rnd();
		adjust(nr, a);
		last[me].nr = nr;
		for (int i = 0; i < 6; i++)
			last[me].a[i] = a[i];
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

static int null_fd;

static void make_things(void)
{
	char dir[64];
	/* Not the real ones, that the host would have to store. Most children leave the machine as it is for the next. */
	for (int fd = 0; fd < 3; fd++)
		dup2(null_fd, fd);
	snprintf(dir, sizeof(dir), "/tmp/f%d", getpid());
	mkdir(dir, 0777);
	chmod(dir, 0777);
	if (chdir(dir) < 0)
		chdir("/");              /* an earlier child has seen to /tmp */
	int p[2], fd = open("a", O_RDWR | O_CREAT, 0644);
	write(fd, paths, sizeof(paths));
	mkdir("d", 0755);
	close(open("d/x", O_WRONLY | O_CREAT, 0600));
	symlink("a", "sym");
	symlink("loop", "loop");
	mkfifo("fifo", 0600);
	pipe(p);
	pipe2(p, O_NONBLOCK);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p);
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p);
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bind(s, (struct sockaddr *)&sa, sizeof(sa));
	listen(s, 3);
	eventfd(3, EFD_NONBLOCK);
	epoll_create1(0);
	epoll_create1(0);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	sigset_t set;
	sigfillset(&set);
	signalfd(-1, &set, SFD_NONBLOCK);
	inotify_init1(IN_NONBLOCK);
	syscall(SYS_memfd_create, "m", MFD_ALLOW_SEALING);
	syscall(SYS_pidfd_open, getpid(), 0);
	static const char *const files[] = { ".", "/", "/usr/bin/env", "/etc/passwd", "/dev/null", "/dev/zero", "/dev/ptmx", "/proc/self/maps",
					     "/proc/self/mem", "/proc/self", "/proc/self/fd", "/proc/stat", "/sys/devices/system/cpu",
					     "/dev/urandom", "/usr/share" };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		open(files[i], O_RDONLY | O_NONBLOCK);
	open("a", O_RDWR | O_APPEND);
	open(".", O_PATH);
	open(".", O_RDWR | O_TMPFILE, 0600);
}

static void child(unsigned threads, bool root)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE)
			sigaction(sig, &(struct sigaction){ .sa_handler = nothing }, NULL);
	area = mmap(NULL, (PAGES + SPARE) * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PAGES / 8; i++) {
		mprotect(area + (i * 8 + 6) * 4096, 4096, PROT_READ);
		munmap(area + (i * 8 + 7) * 4096, 4096);
	}
	memset(long_path, 'p', sizeof(long_path) - 1);
	make_things();
	if (!root && (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0))
		_exit(1);
	struct rlimit lim = { 256, 256 };
	setrlimit(RLIMIT_NOFILE, &lim);
	pthread_t t;
	pthread_create(&t, NULL, tick, NULL);
	for (uintptr_t i = 1; i < threads; i++) {
		pthread_create(&t, NULL, fuzz, (void *)i);
	}
	fuzz(NULL);
}

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 4, children = 0;
	uint64_t from = now_ms(), end = from + (argc > 2 ? strtoull(argv[2], NULL, 0) : 10) * 1000, total = 0;
	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	threads = threads < ARRAY_SIZE(tids) ? threads : ARRAY_SIZE(tids);
	last = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	null_fd = open("/dev/null", O_RDWR);
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) * 1000003 : 1;
	while (now_ms() < end) {
		uint64_t start = *counter = first + children * 100003;
		pid_t pid = fork();
		if (pid == 0)
			child(threads, children % 16 == 15);
		/* A child is done when its calls no longer get through: all threads wait, or it has spoiled itself. */
		uint64_t seen = start, until = now_ms() + 3000, idle_since = now_ms();
		while (pid > 0 && now_ms() < until && now_ms() - idle_since < 300) {
			if (waitpid(pid, NULL, WNOHANG) == pid)
				pid = 0;
			if (*counter != seen)
				seen = *counter, idle_since = now_ms();
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		}
		total += *counter - start;
		if (pid > 0) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			until = now_ms() + 20000;
			while (waitpid(pid, NULL, WNOHANG) == 0) {
				/* A thread that had itself traced (PTRACE_TRACEME) is ours to wait for, before its process is. */
				waitpid(-1, NULL, WNOHANG | __WALL);
				if (now_ms() > until) {
					printf("guest_syscalls: a child can't be killed; its last calls:\n");
					for (unsigned i = 0; i < threads; i++)
						printf("  %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n", calls[last[i].nr].name, last[i].a[0],
						       last[i].a[1], last[i].a[2], last[i].a[3], last[i].a[4], last[i].a[5]);
					return 1;
				}
				nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
			}
		}
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		children++;
	}
	printf("guest_syscalls: verdict: alive after %lu calls by %u children\n", total, children);
	return 0;
}
