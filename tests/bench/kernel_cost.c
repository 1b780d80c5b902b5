/* kernel_cost.c - what the host's kernel takes for the parts of a sandbox's start: the floor of sbx's own. As root.
 *
 *	kernel_cost [RUNS]                 prints "what: fastest, median, of ten the slowest" in microseconds */

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(x) ({ __typeof__(x) r_ = (x); if (r_ < 0) err(1, "%s", #x); r_; })
#define RUNS_MAX 1000
#define ALL (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

enum { FORK, USER, PID, NS, NET, IPC, EVERYTHING, FORKS, PIVOT = FORKS, DETACH, END, ROWS };
static const struct { const char *what; unsigned long flags; } rows[ROWS] = {
	[FORK] = { "fork", 0 },
	[USER] = { "fork with a user namespace", CLONE_NEWUSER },
	[PID] = { "fork with a pid namespace", CLONE_NEWPID },
	[NS] = { "fork with a mount namespace", CLONE_NEWNS },
	[NET] = { "fork with a network namespace", CLONE_NEWNET },
	[IPC] = { "fork with an ipc namespace", CLONE_NEWIPC },
	[EVERYTHING] = { "fork with all of them", ALL },
	[PIVOT] = { "pivot_root", 0 },
	[DETACH] = { "detach the old root (a grace period of RCU)", 0 },
	[END] = { "end and wait, with that mount namespace", 0 },
};
static double (*took)[RUNS_MAX];          /* shared with the children */

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static pid_t fork_with(unsigned long flags)
{
	return (pid_t)MUST(syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0));
}

static int new_tmpfs(void)
{
	int fs = MUST(fsopen("tmpfs", FSOPEN_CLOEXEC));
	MUST(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	int fd = MUST(fsmount(fs, FSMOUNT_CLOEXEC, 0));
	close(fs);
	return fd;
}

static void leave_the_root(int run)
{
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	int fd = new_tmpfs();
	MUST(move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	MUST(fchdir(fd));
	double start = now_us();
	MUST(syscall(SYS_pivot_root, ".", "."));
	double pivoted = now_us();
	MUST(umount2(".", MNT_DETACH));
	took[PIVOT][run] = pivoted - start;
	took[DETACH][run] = now_us() - pivoted;
}

static void run_all(int run)
{
	for (int i = 0; i < FORKS; i++) {
		double start = now_us();
		pid_t pid = fork_with(rows[i].flags);
		if (pid == 0)
			_exit(0);
		took[i][run] = now_us() - start;
		MUST(waitpid(pid, NULL, 0));
	}
	pid_t pid = fork_with(CLONE_NEWUSER | CLONE_NEWNS);
	if (pid == 0) {
		leave_the_root(run);
		raise(SIGSTOP);
		_exit(0);
	}
	MUST(waitpid(pid, NULL, WUNTRACED));
	double start = now_us();
	MUST(kill(pid, SIGCONT));
	MUST(waitpid(pid, NULL, 0));
	took[END][run] = now_us() - start;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 50;
	if (runs < 1 || runs > RUNS_MAX)
		errx(2, "usage: kernel_cost [RUNS]");
	took = mmap(NULL, sizeof(*took) * ROWS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (took == MAP_FAILED)
		err(1, "mmap");
	for (int run = 0; run < runs; run++)
		run_all(run);
	printf("%-46s %8s %8s %8s us\n", "", "fastest", "median", "9 of 10");
	for (int i = 0; i < ROWS; i++) {
		qsort(took[i], (size_t)runs, sizeof(double), compare);
		printf("%-46s %8.0f %8.0f %8.0f\n", rows[i].what, took[i][0], took[i][runs / 2], took[i][runs * 9 / 10]);
	}
	return 0;
}
