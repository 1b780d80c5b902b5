/* sentry_bench.c - what a system call costs inside the sentry once it has arrived.
 *
 * HOW      Links the sentry's objects; a fake task whose guest memory is this process's own, so that uaccess takes its real
 *          way (process_vm_readv and _writev on ourselves) or, with windows, the bytes that came along. Every case dispatches
 *          through the table. Prints nanoseconds a call; under valgrind --tool=callgrind (argument: cases, count) the
 *          instructions are what doesn't depend on the machine:
 *              sentry_bench [-w] [-n COUNT] [CASE…]       -w: without windows
 * MISSING  What a stub does: its calls of the host (mmap) succeed at once, as if they cost nothing. fork, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/impl.h"
#include "platform/systrap/blob_window.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/syscalls/table.h"
#include "tests/unit/fake_task.h"

static struct pl_as as;
static struct pl_thread thread;
static struct mm mm = { .refs = 1, .as = &as };
static bool with_windows = true;
static char path[256] = "/tmp/dir/micro.dat", path2[256] = "/tmp/dir/new";
static char buf[65536], statbuf[256];
static int fds[2];
static uint64_t one = 1;


/* --- the trap code's part --- */

size_t stub_copy(char *to, const char *from, size_t bytes)
{
	memcpy(to, from, bytes);
	return 0;
}

uint32_t stub_copy_string(char *to, uint64_t from, uint32_t max)
{
	size_t n = strnlen((const char *)from, max);
	memcpy(to, (const char *)from, n + 1);
	return n < max ? (uint32_t)n + 1 : 0;
}

int stub_touch(uint64_t addr)
{
	(void)addr;
	return 0;
}

/* The stub's part of a memory call (linked with --wrap=pl_calls). */
int __wrap_pl_calls(struct pl_thread *t, struct pl_call *v, int n);
int __wrap_pl_calls(struct pl_thread *t, struct pl_call *v, int n)
{
	(void)t;
	for (int i = 0; i < n; i++)
		v[i].ret = v[i].nr == SYS_mmap ? (long)v[i].args[0] : 0;
	return 0;
}

static long call6(struct task *t, uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	static struct slot_window win[PL_WINDOWS];
	static char area[WIN_AREA_BYTES];
	const uint64_t args[WIN_ARGS] = { a, b, c, d, e };
	unsigned n = with_windows ? stub_windows_in(nr, args, win, area) : 0;
	thread.nwindows = windows_take(thread.windows, win, n, area);
	long ret = syscall_dispatch(t, nr, args);
	windows_give(win, thread.windows, thread.nwindows);
	stub_windows_out(thread.nwindows, win, area);
	thread.nwindows = 0;
	return ret;
}
static long call(struct task *t, uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return call6(t, nr, a, b, c, d, 0);
}
#define CALL1(nr, a) call(t, SYS_##nr, (uint64_t)(a), 0, 0, 0)
#define CALL2(nr, a, b) call(t, SYS_##nr, (uint64_t)(a), (uint64_t)(b), 0, 0)
#define CALL3(nr, a, b, c) call(t, SYS_##nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0)
#define CALL4(nr, a, b, c, d) call(t, SYS_##nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))
static void must(long ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror((int)-ret));
	_exit(1);
}
#define MUST(expr) must((expr), #expr)

/* --- cases --- */

static int fd, epfd;

static void setup_none(struct task *t)
{
	(void)t;
}

static void setup_file(struct task *t)
{
	fd = (int)CALL3(open, path, O_RDWR, 0);
	MUST(fd);
}

static void setup_pipe(struct task *t)
{
	MUST(CALL2(pipe2, fds, 0));
}

static void setup_unix(struct task *t)
{
	MUST(CALL4(socketpair, AF_UNIX, SOCK_STREAM, 0, fds));
}

static void setup_epoll(struct task *t)
{
	epfd = (int)CALL1(epoll_create1, 0);
	fd = (int)CALL2(eventfd2, 0, 0);
	static struct epoll_event ev = { .events = EPOLLIN };   /* not on a stack: that may lie beyond what a guest has */
	MUST(CALL4(epoll_ctl, epfd, EPOLL_CTL_ADD, fd, &ev));
}

static void nothing(struct task *t, unsigned i) { (void)i; MUST(CALL1(getppid, 0)); }
static void open_close(struct task *t, unsigned i) { (void)i; long f = CALL3(open, path, O_RDONLY, 0); MUST(f); MUST(CALL1(close, f)); }
static void stat_(struct task *t, unsigned i) { (void)i; MUST(CALL2(stat, path, statbuf)); }
static void stat_missing(struct task *t, unsigned i) { (void)i; assert_int_equal(CALL2(stat, path2, statbuf), -ENOENT); }
static void fstat_(struct task *t, unsigned i) { (void)i; MUST(CALL2(fstat, fd, statbuf)); }
static void pread_512(struct task *t, unsigned i) { (void)i; assert_int_equal(CALL4(pread64, fd, buf, 512, 0), 512); }
static void pread_64k(struct task *t, unsigned i) { (void)i; assert_int_equal(CALL4(pread64, fd, buf, sizeof(buf), 0), sizeof(buf)); }
static void pwrite_4k(struct task *t, unsigned i) { assert_int_equal(CALL4(pwrite64, fd, buf, 4096, (i & 1023) * 4096), 4096); }
static void create_unlink(struct task *t, unsigned i)
{
	(void)i;
	long f = CALL3(open, path2, O_CREAT | O_RDWR, 0600);
	MUST(f);
	MUST(CALL1(close, f));
	MUST(CALL1(unlink, path2));
}
static void pipe_self(struct task *t, unsigned i) { (void)i; MUST(CALL3(write, fds[1], buf, 1)); MUST(CALL3(read, fds[0], buf, 1)); }
static void unix_self(struct task *t, unsigned i)
{
	(void)i;
	MUST(CALL4(sendto, fds[0], buf, 1, 0));
	MUST(CALL4(recvfrom, fds[1], buf, 1, 0));
}
static void eventfd_epoll(struct task *t, unsigned i)
{
	(void)i;
	static struct epoll_event ev;
	MUST(CALL3(write, fd, &one, 8));
	MUST(CALL4(epoll_wait, epfd, &ev, 1, -1));
	MUST(CALL3(read, fd, &one, 8));
}
static void pipe_64k(struct task *t, unsigned i)
{
	(void)i;
	assert_int_equal(CALL3(write, fds[1], buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(CALL3(read, fds[0], buf, sizeof(buf)), sizeof(buf));
}
static void sigprocmask_(struct task *t, unsigned i) { (void)i; MUST(CALL4(rt_sigprocmask, SIG_BLOCK, &one, statbuf, 8)); }

static void mmap_munmap(struct task *t, unsigned i)
{
	(void)i;
	long p = call6(t, SYS_mmap, 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1ULL);
	MUST(p);
	MUST(CALL2(munmap, p, 65536));
}

/* As a program has them before it starts: mappings that can't be merged. */
static void setup_mappings(struct task *t)
{
	for (int i = 0; i < 40; i++)
		MUST(call6(t, SYS_mmap, 0, 65536, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1ULL));
}

static const struct bench {
	const char *name;
	int calls;                        /* system calls a round */
	void (*setup)(struct task *t);
	void (*run)(struct task *t, unsigned i);
} benches[] = {
	{ "getppid", 1, setup_none, nothing },        { "open_close", 2, setup_none, open_close },
	{ "stat", 1, setup_none, stat_ },             { "stat_missing", 1, setup_none, stat_missing },
	{ "fstat", 1, setup_file, fstat_ },           { "pread_512", 1, setup_file, pread_512 },
	{ "pread_64k", 1, setup_file, pread_64k },    { "create_unlink", 3, setup_none, create_unlink },
	{ "pipe_self", 2, setup_pipe, pipe_self },    { "pipe_64k", 2, setup_pipe, pipe_64k },
	{ "unix_self", 2, setup_unix, unix_self },    { "eventfd_epoll", 3, setup_epoll, eventfd_epoll },
	{ "mmap_munmap", 2, setup_mappings, mmap_munmap },
	{ "sigprocmask", 1, setup_none, sigprocmask_ }, { "pwrite_4k", 1, setup_file, pwrite_4k },
};

/* --- */

#define TURNS 20
static int count = 100000, nnames;
static char **names;

static bool wanted(const char *name)
{
	for (int i = 0; i < nnames; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return nnames == 0;
}

static void make_tree(struct task *t)
{
	/* The root as in a sandbox: an overlay; here of two tmpfs. */
	MUST(vfs_mkdir(t, AT_FDCWD, "/tmp", 0777));
	MUST(vfs_mkdir(t, AT_FDCWD, "/tmp/dir", 0777));
	struct file *f;
	MUST(vfs_open(t, AT_FDCWD, path, O_CREAT | O_RDWR, 0600, 0, &f));
	MUST(fd_install(t, f, 0, false));
	MUST(CALL3(write, 0, buf, sizeof(buf)));
}

static int all(void)
{
	struct superblock *lower, *upper, *sb;
	struct mount_ns *ns;
	if (tmpfs_mount("", &lower) || tmpfs_mount("", &upper) || overlay_mount(lower, upper, &sb) || mount_ns_new(sb, &ns))
		return 1;
	struct task *t = fake_task(ns);
	as = (struct pl_as){ .refs = 1, .pid = getpid() };
	sleep_lock_init(&mm.lock);
	mm.mmap_base = PL_GUEST_END;
	thread.as = &as;
	t->pl = &thread;
	t->mm = &mm;
	t->tg->leader = t;
	make_tree(t);
	for (size_t b = 0; b < ARRAY_SIZE(benches); b++) {
		if (!wanted(benches[b].name))
			continue;
		benches[b].setup(t);
		for (int i = 0; i < 2000 && i < count; i++)
			benches[b].run(t, (unsigned)i);
		/* The best of several turns: others use the machine, too. */
		double best = 1e18;
		for (int turn = 0; turn < TURNS; turn++) {
			uint64_t began = now_mono_ns();
			for (int i = 0; i < count / TURNS; i++)
				benches[b].run(t, (unsigned)i);
			best = MIN(best, (double)(now_mono_ns() - began) / (count / TURNS) / benches[b].calls);
		}
		printf("%-16s %8.1f ns a call\n", benches[b].name, best);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int opt;
	while ((opt = getopt(argc, argv, "wn:")) != -1) {
		if (opt == 'w')
			with_windows = false;
		else
			count = atoi(optarg);
	}
	names = argv + optind;
	nnames = argc - optind;
	return run_in_coroutine(all);
}
