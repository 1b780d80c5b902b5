/* proc_self_test.c - /proc/PID: what a process finds about itself and others. */
#include "tests/guest/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char text[1 << 20];

/* The whole file into text; its length. */
static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	ssize_t len = 0, n;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return n < 0 ? -1 : len;
}

static const char *line_of(const char *key)
{
	static char line[512];
	size_t n = strlen(key);
	for (char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, key, n)) {
			snprintf(line, sizeof(line), "%.*s", (int)strcspn(p + n, "\n"), p + n);
			return line + strspn(line, " \t");
		}
	return "";
}

static const char *target(const char *path)
{
	static char buf[4096];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

TEST(self_is_the_reader)
{
	COVERS(readlink, open, read, getpid, gettid);
	char want[64];
	snprintf(want, sizeof(want), "%d", getpid());
	EXPECT_STREQ(target("/proc/self"), want);
	snprintf(want, sizeof(want), "%d/task/%d", getpid(), gettid());
	EXPECT_STREQ(target("/proc/thread-self"), want);
	EXPECT_STREQ(target("/proc/mounts"), "self/mounts");
	pid_t pid = fork();
	if (!pid) {
		snprintf(want, sizeof(want), "%d", getpid());
		_exit(strcmp(target("/proc/self"), want) != 0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(status_tells_ids_and_state)
{
	char want[64];
	ASSERT(slurp("/proc/self/status") > 0);
	snprintf(want, sizeof(want), "%d", getpid());
	EXPECT_STREQ(line_of("Pid:"), want);
	EXPECT_STREQ(line_of("Tgid:"), want);
	snprintf(want, sizeof(want), "%d", getppid());
	EXPECT_STREQ(line_of("PPid:"), want);
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", getuid(), geteuid(), geteuid(), geteuid());
	EXPECT_STREQ(line_of("Uid:"), want);
	EXPECT_STREQ(line_of("Threads:"), "1");
	EXPECT_STREQ(line_of("State:"), "R (running)");
	EXPECT(atoi(line_of("VmSize:")) > 100);
}

TEST(status_shows_signal_sets)
{
	COVERS(rt_sigprocmask, rt_sigaction, kill);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, SIG_IGN);
	kill(getpid(), SIGUSR1);
	ASSERT(slurp("/proc/self/status") > 0);
	unsigned long long bit1 = 1ULL << (SIGUSR1 - 1), bit2 = 1ULL << (SIGUSR2 - 1);
	EXPECT(strtoull(line_of("SigBlk:"), NULL, 16) & bit1);
	EXPECT(strtoull(line_of("ShdPnd:"), NULL, 16) & bit1);
	EXPECT(strtoull(line_of("SigIgn:"), NULL, 16) & bit2);
}

TEST(stat_has_52_fields_and_survives_odd_names)
{
	COVERS(prctl);
	ASSERT_OK(prctl(PR_SET_NAME, "a) b ("));
	ASSERT(slurp("/proc/self/stat") > 0);
	char *open_paren = strchr(text, '('), *close_paren = strrchr(text, ')');
	ASSERT(open_paren && close_paren);
	EXPECT_EQ(atoi(text), getpid());
	EXPECT(!strncmp(open_paren, "(a) b ()", 8));
	int fields = 2, ppid = 0, pgrp = 0, sid = 0;
	char state = 0;
	ASSERT_EQ(sscanf(close_paren + 1, " %c %d %d %d", &state, &ppid, &pgrp, &sid), 4);
	EXPECT_EQ(state, 'R');
	EXPECT_EQ(ppid, getppid());
	EXPECT_EQ(pgrp, getpgrp());
	EXPECT_EQ(sid, getsid(0));
	for (char *p = close_paren + 1; *p; p++)
		fields += *p == ' ';
	EXPECT_EQ(fields, 52);
	ASSERT(slurp("/proc/self/comm") > 0);
	EXPECT_STREQ(text, "a) b (\n");
}

TEST(zombies_and_sleepers_are_told_apart)
{
	COVERS(wait4, pause);
	char path[64];
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t zombie = fork();
	if (!zombie)
		_exit(3);
	pid_t sleeper = fork();
	if (!sleeper) {
		close(fds[1]);
		char c;
		read(fds[0], &c, 1);
		_exit(0);
	}
	siginfo_t si;
	ASSERT_OK(waitid(P_PID, zombie, &si, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/%d/status", zombie);
	ASSERT(slurp(path) > 0);
	EXPECT_STREQ(line_of("State:"), "Z (zombie)");
	snprintf(path, sizeof(path), "/proc/%d/cmdline", zombie);
	EXPECT_EQ(slurp(path), 0);
	snprintf(path, sizeof(path), "/proc/%d/status", sleeper);
	for (int i = 0; i < 1000; i++) {
		ASSERT(slurp(path) > 0);
		if (!strcmp(line_of("State:"), "S (sleeping)"))
			break;
		sched_yield();
		usleep(1000);
	}
	EXPECT_STREQ(line_of("State:"), "S (sleeping)");
	kill(sleeper, SIGSTOP);
	ASSERT_OK(waitid(P_PID, sleeper, &si, WSTOPPED));
	ASSERT(slurp(path) > 0);
	EXPECT_STREQ(line_of("State:"), "T (stopped)");
	kill(sleeper, SIGKILL);
	waitpid(zombie, NULL, 0);
	waitpid(sleeper, NULL, 0);
	EXPECT_ERRNO(open(path, O_RDONLY), ENOENT);
}

TEST(files_of_a_reaped_process_are_gone)
{
	COVERS(openat);
	char path[64];
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (!pid) {
		close(fds[1]);
		char c;
		read(fds[0], &c, 1);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d", pid);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_OK(dir);
	int stat = openat(dir, "stat", O_RDONLY);
	ASSERT_OK(stat);
	close(fds[1]);
	waitpid(pid, NULL, 0);
	char buf[16];
	EXPECT_ERRNO(read(stat, buf, sizeof(buf)), ESRCH);
	EXPECT(openat(dir, "stat", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
	close(stat);
	close(dir);
}

TEST(an_open_directory_of_a_reaped_process_does_not_keep_its_number)
{
	COVERS(clone3);
	char path[64], name[64] = "";
	pid_t pid = fork();
	if (!pid)
		_exit(0);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_OK(dir);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)&pid, .set_tid_size = 1 };
	long again = syscall(SYS_clone3, &args, sizeof(args));
	if (again == 0) {
		prctl(PR_SET_NAME, "second");
		pause();
		_exit(0);
	}
	if (again < 0 && errno == EPERM)
		SKIP("no right to choose a number");
	ASSERT_EQ(again, pid);
	strcat(path, "/comm");
	while (strcmp(name, "second\n")) {
		int fd = open(path, O_RDONLY);
		ASSERT_OK(fd);
		ssize_t n = read(fd, name, sizeof(name) - 1);
		ASSERT_OK(n);
		name[n] = '\0';
		close(fd);
		sched_yield();
	}
	EXPECT(openat(dir, "comm", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(what_is_resident_is_told)
{
	const size_t bytes = 32 << 20;
	unsigned long size, resident, field[26] = { 0 };
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	memset(p, 1, bytes);
	ASSERT(slurp("/proc/self/statm") > 0);
	ASSERT_EQ(sscanf(text, "%lu %lu", &size, &resident), 2);
	EXPECT(resident >= bytes / 4096 && resident <= size);
	ASSERT(slurp("/proc/self/status") > 0);
	EXPECT(atol(line_of("VmRSS:")) >= (long)bytes / 1024);
	EXPECT(atol(line_of("VmHWM:")) >= (long)bytes / 1024);
	ASSERT(slurp("/proc/self/stat") > 0);
	int n = 3;
	for (char *word = strrchr(text, ')') + 4; n < 25; n++)
		field[n + 1] = strtoul(word, &word, 10);
	EXPECT(field[10] >= 1);
	EXPECT(field[24] >= bytes / 4096);
}

TEST(schedstat_is_three_numbers)
{
	unsigned long long cpu, wait, turns;
	do {
		ASSERT(slurp("/proc/self/schedstat") > 0);
		ASSERT_EQ(sscanf(text, "%llu %llu %llu", &cpu, &wait, &turns), 3);
	} while (cpu == 0);
}

TEST(cmdline_and_environ_are_the_programs_own)
{
	COVERS(execve);
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		char *argv[] = { "cat", "/proc/self/cmdline", "/proc/self/environ", NULL };
		char *envp[] = { "A=1", "BC=two", NULL };
		execve("/bin/cat", argv, envp);
		_exit(127);
	}
	close(fds[1]);
	char buf[256];
	ssize_t len = 0, n;
	while ((n = read(fds[0], buf + len, sizeof(buf) - len)) > 0)
		len += n;
	waitpid(pid, NULL, 0);
	static const char want[] = "cat\0/proc/self/cmdline\0/proc/self/environ\0A=1\0BC=two";
	EXPECT_EQ(len, (ssize_t)sizeof(want));
	EXPECT(!memcmp(buf, want, sizeof(want)));
}

TEST(maps_shows_every_mapping_with_its_file)
{
	COVERS(mmap, munmap, mprotect);
	char path[] = "/tmp/sbx-maps-XXXXXX", want[128];
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	ASSERT_OK(ftruncate(fd, 8192));
	char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	ASSERT(p != MAP_FAILED);
	struct stat st;
	fstat(fd, &st);
	ASSERT(slurp("/proc/self/maps") > 0);
	snprintf(want, sizeof(want), "%08lx-%08lx r--s 00001000 ", (unsigned long)p, (unsigned long)p + 4096);
	char *line = strstr(text, want);
	ASSERT(line);
	unsigned long ino = 0;
	char name[64] = "";
	ASSERT_EQ(sscanf(line + strlen(want), "%*x:%*x %lu %63s", &ino, name), 2);
	EXPECT_EQ(ino, st.st_ino);
	EXPECT_STREQ(name, path);
	EXPECT_EQ(strstr(line, path) - line, 73);
	EXPECT(strstr(text, "[stack]\n"));
	EXPECT(strstr(text, "[vdso]\n"));
	unlink(path);
	ASSERT(slurp("/proc/self/maps") > 0);
	snprintf(want, sizeof(want), "%s (deleted)\n", path);
	EXPECT(strstr(text, want));
	munmap(p, 4096);
	ASSERT(slurp("/proc/self/maps") > 0);
	EXPECT(!strstr(text, want));
}

TEST(links_lead_to_files)
{
	COVERS(chdir, readlink, stat);
	struct stat a, b;
	ASSERT_OK(chdir("/tmp"));
	EXPECT_STREQ(target("/proc/self/cwd"), "/tmp");
	EXPECT_STREQ(target("/proc/self/root"), "/");
	ASSERT_OK(stat("/proc/self/cwd", &a));
	ASSERT_OK(stat("/tmp", &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	ASSERT_OK(stat("/proc/self/exe", &a));
	EXPECT(S_ISREG(a.st_mode) && a.st_size > 0);
	ASSERT_OK(lstat("/proc/self/exe", &a));
	EXPECT(S_ISLNK(a.st_mode));
	EXPECT(access(target("/proc/self/exe"), X_OK) == 0);
}

TEST(fd_lists_descriptors_and_tells_how_they_are_open)
{
	COVERS(getdents64, dup2, pipe, eventfd2);
	int fds[2], found = 0;
	char path[64], want[64];
	struct stat st;
	ASSERT_OK(pipe(fds));
	ASSERT_EQ(dup2(fds[0], 100), 100);
	DIR *d = opendir("/proc/self/fd");
	ASSERT(d);
	for (struct dirent *e; (e = readdir(d));)
		found += !strcmp(e->d_name, "100");
	closedir(d);
	EXPECT_EQ(found, 1);
	ASSERT_OK(fstat(100, &st));
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
	EXPECT_STREQ(target("/proc/self/fd/100"), want);
	ASSERT_OK(lstat("/proc/self/fd/100", &st));
	EXPECT_EQ(st.st_mode & 0777, 0500);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	ASSERT_OK(lstat(path, &st));
	EXPECT_EQ(st.st_mode & 0777, 0300);
	int ev = eventfd(0, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ev);
	EXPECT_STREQ(target(path), "anon_inode:[eventfd]");
	EXPECT_ERRNO(lstat("/proc/self/fd/999", &st), ENOENT);
	EXPECT_ERRNO(lstat("/proc/self/fd/0100", &st), ENOENT);
}

TEST(a_pipe_can_be_opened_again_through_fd)
{
	COVERS(open);
	int fds[2];
	char path[64], c = 0;
	ASSERT_OK(pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	int again = open(path, O_WRONLY);
	ASSERT_OK(again);
	ASSERT_EQ(write(again, "x", 1), 1);
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	EXPECT_EQ(c, 'x');
}

TEST(an_unlinked_file_can_be_opened_again_through_fd)
{
	char path[] = "/tmp/sbx-fd-XXXXXX", link[64], want[64], c = 0;
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, "y", 1), 1);
	unlink(path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "%s (deleted)", path);
	EXPECT_STREQ(target(link), want);
	int again = open(link, O_RDONLY);
	ASSERT_OK(again);
	ASSERT_EQ(read(again, &c, 1), 1);
	EXPECT_EQ(c, 'y');
}

TEST(fdinfo_shows_position_and_flags)
{
	COVERS(lseek);
	char path[] = "/tmp/sbx-fdinfo-XXXXXX", info[64];
	int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
	ASSERT_OK(fd);
	unlink(path);
	ASSERT_EQ(write(fd, "hello", 5), 5);
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	ASSERT(slurp(info) > 0);
	EXPECT_STREQ(line_of("pos:"), "5");
	long flags = strtol(line_of("flags:"), NULL, 8);
	EXPECT_EQ(flags & (O_ACCMODE | O_APPEND | O_CLOEXEC), O_RDWR | O_APPEND | O_CLOEXEC);
	int ev = eventfd(7, 0);
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", ev);
	ASSERT(slurp(info) > 0);
	EXPECT_EQ(strtol(line_of("eventfd-count:"), NULL, 16), 7);
}

static void *thread_main(void *arg)
{
	char c;
	prctl(PR_SET_NAME, "worker");
	*(int *)arg = gettid();
	read(*(int *)((char *)arg + sizeof(int)), &c, 1);
	return NULL;
}

TEST(threads_are_listed_under_task_only)
{
	int fds[2], seen = 0, listed = 0;
	char path[64];
	struct { volatile int tid, fd; } arg = { 0 };
	pthread_t th;
	ASSERT_OK(pipe(fds));
	arg.fd = fds[0];
	ASSERT_EQ(pthread_create(&th, NULL, thread_main, (void *)&arg), 0);
	while (!arg.tid)
		sched_yield();
	DIR *d = opendir("/proc/self/task");
	ASSERT(d);
	for (struct dirent *e; (e = readdir(d));)
		seen += e->d_name[0] != '.';
	closedir(d);
	EXPECT_EQ(seen, 2);
	struct stat st;
	ASSERT_OK(stat("/proc/self/task", &st));
	EXPECT_EQ(st.st_nlink, 4);               /* two of its own, and one a thread */
	snprintf(path, sizeof(path), "%d", arg.tid);
	ASSERT((d = opendir("/proc")));
	for (struct dirent *e; (e = readdir(d));)
		listed += !strcmp(e->d_name, path);
	closedir(d);
	EXPECT_EQ(listed, 0);
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", arg.tid);
	ASSERT(slurp(path) > 0);
	EXPECT_STREQ(text, "worker\n");
	snprintf(path, sizeof(path), "/proc/%d/status", arg.tid);
	ASSERT(slurp(path) > 0);
	EXPECT_EQ(atoi(line_of("Tgid:")), getpid());
	EXPECT_STREQ(line_of("Threads:"), "2");
	close(fds[1]);
	pthread_join(th, NULL);
}

/* One thread left, as who forks without exec makes sure of. A joined thread may still be on its way out. */
TEST(links_of_task_count_threads)
{
	struct stat st, fd;
	do
		ASSERT_OK(stat("/proc/self/task", &st));
	while (st.st_nlink > 3);
	EXPECT_EQ(st.st_nlink, 3);
	ASSERT_OK(stat("/proc/self", &st));
	ASSERT_OK(stat("/proc/self/fd", &fd));
	EXPECT(st.st_nlink > 4);
	EXPECT_EQ(fd.st_nlink, 2);
}

TEST(comm_can_be_written_by_its_own_process)
{
	int fd = open("/proc/self/comm", O_RDWR);
	ASSERT_OK(fd);
	EXPECT_EQ(write(fd, "a-very-long-name-indeed\n", 24), 24);
	char name[17] = "";
	prctl(PR_GET_NAME, name);
	EXPECT_STREQ(name, "a-very-long-nam");
}

TEST(auxv_is_what_the_program_got)
{
	ssize_t n = slurp("/proc/self/auxv");
	ASSERT(n > 0 && n % 16 == 0);
	unsigned long *av = (unsigned long *)(void *)text, found = 0;
	for (; av[0] != AT_NULL; av += 2)
		if (av[0] == AT_PHDR || av[0] == AT_RANDOM) {
			EXPECT_EQ(av[1], getauxval(av[0]));
			found++;
		}
	EXPECT_EQ(found, 2);
}

TEST(mem_reads_and_writes_by_address)
{
	COVERS(pread64, pwrite64);
	static char secret[] = "secret";
	char buf[8] = "";
	int fd = open("/proc/self/mem", O_RDWR);
	ASSERT_OK(fd);
	EXPECT_EQ(pread(fd, buf, 7, (off_t)secret), 7);
	EXPECT_STREQ(buf, "secret");
	EXPECT_EQ(pwrite(fd, "S", 1, (off_t)secret), 1);
	EXPECT_EQ(secret[0], 'S');
	EXPECT_ERRNO(pread(fd, buf, 1, 0), EIO);
	EXPECT_EQ(lseek(fd, (off_t)secret, SEEK_SET), (off_t)secret);
	EXPECT_EQ(read(fd, buf, 3), 3);
}

TEST(limits_and_scores)
{
	struct rlimit rl;
	char want[32];
	ASSERT(slurp("/proc/self/limits") > 0);
	getrlimit(RLIMIT_NOFILE, &rl);
	snprintf(want, sizeof(want), "%lu ", (unsigned long)rl.rlim_cur);
	EXPECT(!strncmp(line_of("Max open files"), want, strlen(want)));
	ASSERT(slurp("/proc/self/oom_score_adj") > 0);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	ASSERT_OK(fd);
	EXPECT_EQ(write(fd, "1000", 4), 4);
	ASSERT(slurp("/proc/self/oom_score_adj") > 0);
	EXPECT_STREQ(text, "1000\n");
	EXPECT_ERRNO(write(fd, "1001", 4), EINVAL);
}

TEST(mounts_show_the_root_and_proc)
{
	ASSERT(slurp("/proc/self/mounts") > 0);
	EXPECT(strstr(text, " / "));
	EXPECT(strstr(text, " /proc proc "));
	ASSERT(slurp("/proc/self/mountinfo") > 0);
	EXPECT(strstr(text, " - proc "));
	int id, parent;
	unsigned maj, min;
	EXPECT_EQ(sscanf(text, "%d %d %u:%u /", &id, &parent, &maj, &min), 4);
}

TEST(namespaces_are_named)
{
	unsigned long n = 0;
	EXPECT_EQ(sscanf(target("/proc/self/ns/uts"), "uts:[%lu]", &n), 1);
	EXPECT(n > 0);
}

TEST(another_users_process_does_not_show_its_files)
{
	COVERS(setresuid);
	char path[64], buf[64];
	if (getuid())
		SKIP("needs root");
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (!pid) {
		char c;
		close(fds[1]);
		read(fds[0], &c, 1);
		_exit(0);
	}
	ASSERT_OK(setresgid(12345, 12345, 12345));
	ASSERT_OK(setresuid(12345, 12345, 12345));
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	EXPECT_ERRNO(readlink(path, buf, sizeof(buf)), EACCES);
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	EXPECT(slurp(path) > 0);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	EXPECT(slurp(path) > 0);
	close(fds[1]);
}

TEST(files_read_in_small_steps_show_one_moment)
{
	char one[2];
	ASSERT(slurp("/proc/self/limits") > 0);
	int fd = open("/proc/self/limits", O_RDONLY);
	ASSERT_OK(fd);
	for (size_t i = 0; text[i]; i++) {
		ASSERT_EQ(read(fd, one, 1), 1);
		ASSERT_EQ(one[0], text[i]);
	}
	EXPECT_EQ(read(fd, one, 1), 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
	EXPECT_EQ(read(fd, one, 1), 1);
}
