/* pidns_test.c - pid namespaces: numbers, init, its end (pid_namespaces(7)). */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/guest/guest.h"

COVERS(clone, clone3, unshare, setns, kill, wait4, getppid);

static pid_t spawn(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

/* A child in a new namespace; as root there is no need of a user namespace. */
static pid_t spawn_init(void)
{
	return spawn(CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0));
}

static int exit_code(pid_t pid)
{
	int status;
	ASSERT_EQ(waitpid(pid, &status, __WALL), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(the_first_has_number_one_and_no_parent)
{
	pid_t pid = spawn_init();
	ASSERT_OK(pid);
	if (pid == 0) {
		EXPECT_EQ(getpid(), 1);
		EXPECT_EQ(syscall(SYS_gettid), 1);
		EXPECT_EQ(getppid(), 0);
		pid_t child = fork();
		if (child == 0) {
			EXPECT_EQ(getpid(), 2);
			EXPECT_EQ(getppid(), 1);
			EXPECT_EQ(getpgrp(), 0);      /* its group is outside */
			EXPECT_EQ(setsid(), 2);
			EXPECT_EQ(getsid(0), 2);
			_exit(guest_failed ? 1 : 7);
		}
		EXPECT_EQ(child, 2);
		EXPECT_EQ(exit_code(2), 7);
		_exit(guest_failed ? 1 : 9);
	}
	EXPECT(pid > 1);
	EXPECT_EQ(exit_code(pid), 9);
}

TEST(ids_from_outside_are_nobody)
{
	pid_t outside = getpid();
	pid_t pid = spawn_init();
	if (pid == 0) {
		EXPECT_ERRNO(kill(outside == 1 ? 12345 : outside, 0), ESRCH);
		EXPECT_ERRNO(getpgid(30000), ESRCH);
		EXPECT_ERRNO(waitpid(outside == 1 ? 12345 : outside, NULL, 0), ECHILD);
		_exit(guest_failed);
	}
	EXPECT_EQ(exit_code(pid), 0);
}

static void status_line(pid_t pid, const char *key, char *out, size_t bytes)
{
	char path[64], buf[4096] = "";
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	int fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_OK(read(fd, buf, sizeof(buf) - 1));
	close(fd);
	char *at = strstr(buf, key);
	ASSERT(at);
	snprintf(out, bytes, "%.*s", (int)strcspn(at, "\n"), at);
}

TEST(status_shows_all_numbers)
{
	char line[128], wanted[128];
	pid_t pid = spawn_init();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	status_line(pid, "NSpid:", line, sizeof(line));
	snprintf(wanted, sizeof(wanted), "NSpid:\t%d\t1", pid);
	EXPECT_STREQ(line, wanted);
	ASSERT_OK(kill(pid, SIGKILL));
	EXPECT_EQ(exit_code(pid), -SIGKILL);
}

TEST(unshare_is_for_the_children)
{
	pid_t before = getpid();
	ASSERT_OK(unshare(CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0)));
	EXPECT_EQ(getpid(), before);
	pid_t init = fork();
	if (init == 0) {
		EXPECT_EQ(getpid(), 1);
		pause();
		_exit(0);
	}
	pid_t second = fork();
	if (second == 0) {
		EXPECT_EQ(getpid(), 2);
		EXPECT_EQ(getppid(), 0);
		_exit(guest_failed ? 1 : 3);
	}
	EXPECT_EQ(exit_code(second), 3);
	/* A thread would be in two at once. */
	EXPECT_ERRNO(syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	ASSERT_OK(kill(init, SIGKILL));
	EXPECT_EQ(exit_code(init), -SIGKILL);
	EXPECT_ERRNO(fork(), ENOMEM);                 /* its init has gone */
}

TEST(the_end_of_init_is_the_end_of_all)
{
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	pid_t pid = spawn_init();
	if (pid == 0) {
		for (int i = 0; i < 5; i++) {
			if (fork() == 0) {
				setsid();
				if (i % 2)
					fork();
				for (;;)
					pause();
			}
		}
		_exit(4);
	}
	close(fds[1]);
	EXPECT_EQ(exit_code(pid), 4);
	EXPECT_EQ(read(fds[0], &c, 1), 0);            /* nobody has the other end any more */
}

static int got;
static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	got = info->si_pid == 0 ? 1 : 2;
}

TEST(init_takes_only_what_it_handles_but_kill_from_above)
{
	int fds[2];
	char c = 0;
	ASSERT_OK(pipe(fds));
	pid_t pid = spawn_init();
	if (pid == 0) {
		struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
		sigaction(SIGUSR1, &sa, NULL);
		kill(1, SIGTERM);
		kill(1, SIGKILL);                     /* not even its own */
		pid_t child = fork();
		if (child == 0) {
			kill(1, SIGKILL);
			kill(1, SIGTERM);
			_exit(0);
		}
		EXPECT_EQ(exit_code(child), 0);
		if (guest_failed || write(fds[1], &c, 1) != 1)
			_exit(1);
		while (!got)
			usleep(1000);
		if (write(fds[1], &got, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	ASSERT_OK(kill(pid, SIGTERM));                /* ignored */
	ASSERT_OK(kill(pid, SIGUSR1));
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	EXPECT_EQ(c, 1);                              /* the sender has no number there */
	ASSERT_OK(kill(pid, SIGKILL));
	EXPECT_EQ(exit_code(pid), -SIGKILL);
}

TEST(orphans_go_to_the_namespaces_init)
{
	pid_t pid = spawn_init();
	if (pid == 0) {
		pid_t child = fork();
		if (child == 0) {
			if (fork() == 0) {
				while (getppid() != 1)
					usleep(1000);
				_exit(5);
			}
			_exit(0);
		}
		EXPECT_EQ(exit_code(child), 0);
		int status;
		EXPECT_EQ(waitpid(-1, &status, 0), 3);
		EXPECT_EQ(WEXITSTATUS(status), 5);
		_exit(guest_failed ? 1 : 6);
	}
	EXPECT_EQ(exit_code(pid), 6);
}

TEST(kill_minus_one_stays_inside)
{
	pid_t witness = fork();
	if (witness == 0) {
		pause();
		_exit(0);
	}
	pid_t pid = spawn_init();
	if (pid == 0) {
		pid_t child = fork();
		if (child == 0) {
			pause();
			_exit(0);
		}
		EXPECT_OK(kill(-1, SIGKILL));
		EXPECT_EQ(exit_code(child), -SIGKILL);
		_exit(guest_failed);
	}
	EXPECT_EQ(exit_code(pid), 0);
	EXPECT_EQ(waitpid(witness, NULL, WNOHANG), 0);
	kill(witness, SIGKILL);
	EXPECT_EQ(exit_code(witness), -SIGKILL);
}

TEST(proc_shows_the_namespace_it_was_mounted_in)
{
	if (geteuid() != 0)
		SKIP("needs root");
	char dir[] = "/tmp/pidns-XXXXXX", path[64], target[16] = "";
	ASSERT(mkdtemp(dir));
	pid_t pid = spawn(CLONE_NEWPID | CLONE_NEWNS);
	if (pid == 0) {
		ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		ASSERT_OK(mount("proc", dir, "proc", 0, NULL));
		snprintf(path, sizeof(path), "%s/self", dir);
		EXPECT_EQ(readlink(path, target, sizeof(target)), 1);
		EXPECT_STREQ(target, "1");
		snprintf(path, sizeof(path), "%s/2", dir);
		EXPECT_ERRNO(access(path, F_OK), ENOENT);
		/* The outer one knows us by another number. */
		ASSERT(readlink("/proc/self", target, sizeof(target) - 1) > 0);
		EXPECT(atoi(target) > 1);
		_exit(guest_failed);
	}
	EXPECT_EQ(exit_code(pid), 0);
	rmdir(dir);
}

TEST(setns_joins_for_the_children)
{
	if (geteuid() != 0)
		SKIP("needs root");
	char path[64];
	pid_t init = spawn_init();
	if (init == 0) {
		for (;;)
			pause();
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	int fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_OK(setns(fd, CLONE_NEWPID));
	pid_t child = fork();
	if (child == 0) {
		EXPECT_EQ(getpid(), 2);
		EXPECT_EQ(getppid(), 0);
		_exit(guest_failed);
	}
	EXPECT_EQ(exit_code(child), 0);
	kill(init, SIGKILL);
	EXPECT_EQ(exit_code(init), -SIGKILL);
}

TEST(numbers_can_be_chosen_at_each_level)
{
	if (geteuid() != 0)
		SKIP("needs root");
	pid_t numbers[2] = { 1, 23456 };
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD, .set_tid = (uint64_t)numbers, .set_tid_size = 2 };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(getpid() == 1 ? 8 : 1);
	EXPECT_EQ(pid, 23456);
	EXPECT_EQ(exit_code(pid), 8);
	numbers[0] = 5;
	EXPECT_ERRNO(syscall(SYS_clone3, &args, sizeof(args)), EINVAL);       /* there is no init yet */
}
