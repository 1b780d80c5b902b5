/* clone_test.c - clone(2), clone3(2), unshare(2): flags that go together and flags that don't. */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(clone, clone3, unshare);

static long raw_clone(unsigned long flags, void *stack, int *ptid, int *ctid, unsigned long tls)
{
	return syscall(SYS_clone, flags, stack, ptid, ctid, tls);
}

static long raw_clone3(struct clone_args *args)
{
	return syscall(SYS_clone3, args, sizeof(*args));
}

static int wait_status(pid_t pid, int options)
{
	int status = -1;
	ASSERT_EQ(waitpid(pid, &status, options), pid);
	return status;
}

TEST(impossible_combinations_are_refused)
{
	EXPECT_ERRNO(raw_clone(CLONE_THREAD | CLONE_VM, NULL, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(raw_clone(CLONE_SIGHAND, NULL, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(raw_clone(CLONE_NEWNS | CLONE_FS, NULL, NULL, NULL, 0), EINVAL);
	EXPECT_ERRNO(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID, NULL, NULL, NULL, 0), EINVAL);
	struct clone_args a = { .flags = 1ULL << 40 };
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
	a = (struct clone_args){ .exit_signal = 65 };
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
	a = (struct clone_args){ .stack = 4096 };
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
	a = (struct clone_args){ .stack_size = 4096 };
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
	a = (struct clone_args){ .flags = CLONE_PARENT, .exit_signal = SIGCHLD };
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
	EXPECT_ERRNO(syscall(SYS_clone3, &a, 63), EINVAL);
	EXPECT_ERRNO(syscall(SYS_clone3, &a, 8192), E2BIG);
	EXPECT_ERRNO(syscall(SYS_clone3, NULL, sizeof(a)), EFAULT);
}

TEST(set_tid_words_are_written)
{
	int *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, &words[0], &words[1], 0);
	ASSERT_OK(pid);
	if (pid == 0)
		_exit(words[1] == getpid() ? 0 : 1);
	EXPECT_EQ(words[0], pid);
	EXPECT_EQ(words[1], 0);
	EXPECT_EQ(wait_status(pid, 0), 0);
}

TEST(clone3_takes_an_exit_signal)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct clone_args a = { .exit_signal = SIGUSR2 };
	pid_t pid = raw_clone3(&a);
	ASSERT_OK(pid);
	if (pid == 0)
		_exit(5);
	siginfo_t info;
	ASSERT_EQ(sigwaitinfo(&set, &info), SIGUSR2);
	EXPECT_EQ(info.si_pid, pid);
	EXPECT_EQ(info.si_code, CLD_EXITED);
	EXPECT_EQ(info.si_status, 5);
	/* Not SIGCHLD: a "clone" child. */
	EXPECT_ERRNO(waitpid(pid, NULL, 0), ECHILD);
	EXPECT_EQ(wait_status(pid, __WCLONE), 5 << 8);
}

TEST(no_exit_signal_is_possible)
{
	pid_t pid = raw_clone(0, NULL, NULL, NULL, 0);
	if (pid == 0)
		_exit(3);
	EXPECT_EQ(wait_status(pid, __WALL), 3 << 8);
}

static char child_stack[65536] __attribute__((aligned(16)));
static int shared_value;
static int set_value(void *arg)
{
	shared_value = *(int *)arg;
	return 9;
}

TEST(a_process_may_share_memory)
{
	int arg = 77;
	pid_t pid = clone(set_value, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD, &arg);
	ASSERT_OK(pid);
	EXPECT_EQ(wait_status(pid, 0), 9 << 8);
	EXPECT_EQ(shared_value, 77);
}

static int close_and_chdir(void *arg)
{
	close(*(int *)arg);
	return chdir("/proc") == 0 ? 0 : 1;
}

TEST(files_and_directory_are_shared_when_asked)
{
	int fd = dup(1);
	char cwd[64];
	pid_t pid = clone(close_and_chdir, child_stack + sizeof(child_stack), CLONE_FILES | CLONE_FS | SIGCHLD, &fd);
	ASSERT_OK(pid);
	EXPECT_EQ(wait_status(pid, 0), 0);
	EXPECT_ERRNO(fcntl(fd, F_GETFD), EBADF);
	EXPECT_STREQ(getcwd(cwd, sizeof(cwd)), "/proc");
}

TEST(unshare_ends_the_sharing)
{
	int fd = dup(1);
	pid_t pid = raw_clone(CLONE_FILES | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		if (unshare(CLONE_FILES | CLONE_FS) != 0)
			_exit(1);
		close(fd);
		_exit(chdir("/proc") == 0 ? 0 : 2);
	}
	EXPECT_EQ(wait_status(pid, 0), 0);
	EXPECT_OK(fcntl(fd, F_GETFD));
	char cwd[256];
	EXPECT(strcmp(getcwd(cwd, sizeof(cwd)), "/proc") != 0);
	EXPECT_ERRNO(unshare(CLONE_PARENT), EINVAL);
}

TEST(a_sibling_by_clone_parent)
{
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		pid_t sibling = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
		if (sibling == 0)
			_exit(4);
		write(fds[1], &sibling, sizeof(sibling));
		_exit(waitpid(sibling, NULL, 0) == -1 && errno == ECHILD ? 0 : 1);
	}
	pid_t sibling;
	ASSERT_EQ(read(fds[0], &sibling, sizeof(sibling)), sizeof(sibling));
	EXPECT_EQ(wait_status(pid, 0), 0);
	EXPECT_EQ(wait_status(sibling, 0), 4 << 8);
}

static void ignore_it(int sig)
{
	(void)sig;
}

TEST(clear_sighand_resets_handlers)
{
	signal(SIGUSR1, ignore_it);
	signal(SIGUSR2, SIG_IGN);
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	pid_t pid = raw_clone3(&a);
	ASSERT_OK(pid);
	if (pid == 0) {
		struct sigaction one, two;
		sigaction(SIGUSR1, NULL, &one);
		sigaction(SIGUSR2, NULL, &two);
		_exit(one.sa_handler == SIG_DFL && two.sa_handler == SIG_IGN ? 0 : 1);
	}
	EXPECT_EQ(wait_status(pid, 0), 0);
}

TEST(pidfd_becomes_readable_at_exit)
{
	COVERS(poll, waitid);
	int pidfd = -1;
	struct clone_args a = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd };
	pid_t pid = raw_clone3(&a);
	ASSERT_OK(pid);
	if (pid == 0)
		_exit(0);
	ASSERT(pidfd >= 0);
	EXPECT_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	EXPECT_EQ(poll(&p, 1, 10000), 1);
	EXPECT(p.revents & POLLIN);
	siginfo_t info = { 0 };
	EXPECT_OK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	EXPECT_EQ(info.si_pid, pid);
	EXPECT_ERRNO(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), ECHILD);
	EXPECT_ERRNO(waitid(P_PIDFD, 1, &info, WEXITED), EBADF);
}

TEST(set_tid_picks_the_id)
{
	if (geteuid() != 0)
		SKIP("needs CAP_SYS_ADMIN");
	pid_t want = getpid() > 16000 ? getpid() - 1000 : getpid() + 1000;    /* below any pid_max */
	struct clone_args a = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1 };
	pid_t pid = raw_clone3(&a);
	if (pid < 0 && (errno == EEXIST || errno == EPERM))
		SKIP("the id is in use, or not ours to choose");
	if (pid == 0)
		_exit(getpid() == want ? 0 : 1);
	EXPECT_EQ(pid, want);
	EXPECT_EQ(wait_status(pid, 0), 0);
	a.set_tid_size = 0;
	EXPECT_ERRNO(raw_clone3(&a), EINVAL);
}

static int *tid_word;
static int thread_exits(void *arg)
{
	(void)arg;
	syscall(SYS_exit, 0);
	return 0;
}

TEST(cleared_tid_word_wakes_a_futex)
{
	COVERS(futex, exit, set_tid_address);
	static int word = 1;
	tid_word = &word;
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		    CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int tid = clone(thread_exits, child_stack + sizeof(child_stack), flags, NULL, &word, NULL, &word);
	ASSERT_OK(tid);
	int now;
	while ((now = __atomic_load_n(&word, __ATOMIC_ACQUIRE)) != 0)
		syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, now, NULL, NULL, 0);
	EXPECT_EQ(syscall(SYS_tgkill, getpid(), tid, 0), -1);
}
