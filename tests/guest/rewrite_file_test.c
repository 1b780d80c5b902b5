/* rewrite_file_test.c - programs and libraries that are started so often that a platform may keep a changed copy of their code. */
#include "tests/guest/guest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OFTEN 40

static pid_t start(char *const argv[], int in)
{
	pid_t pid = vfork();
	if (pid == 0) {
		if (in >= 0)
			dup2(in, 0);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static int run(const char *script)
{
	int status;
	pid_t pid = start((char *[]){ "/bin/sh", "-c", (char *)script, NULL }, -1);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

TEST(the_fortieth_runs_as_the_first)
{
	for (int i = 0; i < OFTEN; i++)
		ASSERT_EQ(run("echo $((6 * 7)) | { read x; test \"$x\" = 42; } && test \"$(cd / && pwd)\" = /"), 0);
}

/* System calls are seen at a system call instruction, by whoever comes to look. */
static void expect_instruction(pid_t pid)
{
	struct user_regs_struct r;
	ASSERT_OK(ptrace(PTRACE_GETREGS, pid, 0, &r));
	errno = 0;
	long code = ptrace(PTRACE_PEEKTEXT, pid, r.rip - 2, 0);
	ASSERT(errno == 0);
	EXPECT_EQ(code & 0xffff, 0x050f);
}

static void next_call(pid_t pid)
{
	int status;
	ASSERT_OK(ptrace(PTRACE_SYSCALL, pid, 0, 0));
	ASSERT(waitpid(pid, &status, 0) == pid);
	ASSERT(WIFSTOPPED(status));
	expect_instruction(pid);
}

TEST(a_tracer_that_comes_later_finds_the_code_as_it_is_in_the_file)
{
	for (int i = 0; i < OFTEN; i++)
		ASSERT_EQ(run("exec /bin/cat </dev/null"), 0);
	int fd[2], status;
	ASSERT_OK(pipe(fd));
	fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	pid_t pid = start((char *[]){ "/bin/cat", NULL }, fd[0]);
	ASSERT(pid > 0);
	close(fd[0]);
	ASSERT_OK(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
	ASSERT_OK(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT(waitpid(pid, &status, 0) == pid);
	ASSERT(WIFSTOPPED(status));
	next_call(pid);
	close(fd[1]);
	next_call(pid);
	next_call(pid);
	ASSERT_OK(ptrace(PTRACE_DETACH, pid, 0, 0));
	ASSERT(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(status, 0);
}

TEST(a_library_comes_and_goes)
{
	for (int i = 0; i < OFTEN; i++)
		ASSERT_EQ(run("exec /bin/true"), 0);
	uintptr_t first = 0;
	for (int i = 0; i < OFTEN; i++) {
		void *lib = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
		ASSERT(lib);
		pid_t (*get)(void) = (pid_t (*)(void))dlsym(lib, "getppid");
		ASSERT(get && get() == getppid());
		/* what it took is free again */
		if (i == 0)
			first = (uintptr_t)get;
		EXPECT((first > (uintptr_t)get ? first - (uintptr_t)get : (uintptr_t)get - first) < 64 << 20);
		ASSERT(dlclose(lib) == 0);
	}
}

/* The code of pid's C library, byte by byte, against the file's. */
static void expect_code_of_the_file(pid_t pid)
{
	char line[512], name[64], path[256];
	unsigned long start, end, off;
	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	FILE *maps = fopen(name, "r");
	ASSERT(maps);
	bool found = false;
	while (!found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%lx-%lx r-xp %lx %*s %*s %255s", &start, &end, &off, path) == 4 && strstr(path, "/libc");
	fclose(maps);
	ASSERT(found);
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	int mem = open(name, O_RDONLY), file = open(path, O_RDONLY);
	ASSERT(mem >= 0 && file >= 0);
	static char a[4096], b[4096];
	for (unsigned long at = 0; at < end - start; at += sizeof(a)) {
		ASSERT_EQ(pread(mem, a, sizeof(a), (off_t)(start + at)), (long)sizeof(a));
		ASSERT(pread(file, b, sizeof(b), (off_t)(off + at)) > 0);
		ASSERT(memcmp(a, b, sizeof(a)) == 0);
	}
	close(mem);
	close(file);
}

/* A call was interrupted and repeated before. */
TEST(all_of_the_code_is_as_in_the_file_for_a_tracer)
{
	for (int i = 0; i < OFTEN; i++)
		ASSERT_EQ(run("exec /bin/cat /dev/null"), 0);
	int fd[2], status;
	ASSERT_OK(pipe2(fd, O_CLOEXEC));
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(fd[1], 1);
		execl("/bin/cat", "cat", "/dev/zero", NULL);
		_exit(127);
	}
	ASSERT(pid > 0);
	close(fd[1]);
	char c;
	ASSERT_EQ(read(fd[0], &c, 1), 1);
	for (int i = 0; i < 3; i++) {             /* it writes until the pipe is full */
		ASSERT_OK(kill(pid, SIGSTOP));
		ASSERT(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
		ASSERT_OK(kill(pid, SIGCONT));
		ASSERT(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
		usleep(2000);                     /* not needed; makes it likely that it is back in the call */
	}
	ASSERT_OK(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
	ASSERT_OK(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	ASSERT(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	expect_code_of_the_file(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(fd[0]);
}

/* Children of a process that has it have it, too. */
TEST(forks_of_such)
{
	for (int i = 0; i < OFTEN; i++)
		ASSERT_EQ(run("(: ) & wait; x=$(:); (exit 3) || (exit 4); test $? = 4"), 0);
}
