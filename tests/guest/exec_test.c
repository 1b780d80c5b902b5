/* exec_test.c - execve and what survives it. The test executes itself, or scripts that name it: with EXEC_HELPER in its
 * environment it does what that says instead of testing. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/guest/guest.h"

COVERS(execve, execveat);

extern char **environ;
#define EMPTY_PATH 0x1000

/* --- the helper --- */

static int helper_state(void)
{
	struct sigaction sa;
	sigset_t mask, pending;
	stack_t ss;
	int ok = 1;
	sigaction(SIGUSR1, NULL, &sa);
	ok &= sa.sa_handler == SIG_DFL && sa.sa_flags == 0;
	sigaction(SIGUSR2, NULL, &sa);
	ok &= sa.sa_handler == SIG_IGN;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	ok &= sigismember(&mask, SIGHUP) && !sigismember(&mask, SIGTERM);
	sigpending(&pending);
	ok &= sigismember(&pending, SIGHUP);
	ok &= sigaltstack(NULL, &ss) == 0 && ss.ss_flags == SS_DISABLE;
	struct itimerval it;
	getitimer(ITIMER_REAL, &it);
	ok &= it.it_value.tv_sec > 900;
	return ok ? 0 : 1;
}

__attribute__((constructor(101))) static void helper(int argc, char **argv, char **envp)
{
	(void)envp;
	const char *what = getenv("EXEC_HELPER");
	if (!what)
		return;
	if (strcmp(what, "args") == 0) {
		printf("%d", argc);
		for (int i = 0; i < argc; i++)
			printf("|%s", argv[i]);
		const char *e = getenv("EXTRA");
		printf("|%s", e ? e : "-");
		fflush(stdout);
	} else if (strcmp(what, "comm") == 0) {
		char name[17] = "";
		prctl(PR_GET_NAME, name);
		printf("%s", name);
		fflush(stdout);
	} else if (strcmp(what, "fds") == 0) {
		_exit(fcntl(atoi(argv[1]), F_GETFD) >= 0 ? fcntl(atoi(argv[2]), F_GETFD) >= 0 ? 1 : 0 : 2);
	} else if (strcmp(what, "state") == 0) {
		_exit(helper_state());
	} else if (strcmp(what, "ids") == 0) {
		_exit(getpid() == atoi(argv[1]) && (int)syscall(SYS_gettid) == atoi(argv[1]) ? 0 : 1);
	} else if (strcmp(what, "euid") == 0) {
		_exit(geteuid() == 1234 && getuid() == 0 ? 0 : 1);
	} else if (strcmp(what, "wait") == 0) {
		char c;
		if (write(1, "r", 1) != 1)
			_exit(1);
		_exit(read(0, &c, 1) < 0);
	} else if (strcmp(what, "count") == 0) {
		size_t bytes = 0;
		for (int i = 0; i < argc; i++)
			bytes += strlen(argv[i]);
		printf("%d %zu", argc, bytes);
		fflush(stdout);
	}
	_exit(0);
}

/* --- tools --- */

static char self[4096], dir[64];

static void setup(void)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ASSERT(n > 0);
	self[n] = '\0';
	snprintf(dir, sizeof(dir), "/tmp/exec_testXXXXXX");
	ASSERT(mkdtemp(dir));
}

static char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *p = paths[next++ % 8];
	snprintf(p, 128, "%s/%s", dir, name);
	return p;
}

static char *make_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
	char *path = in_dir(name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0700);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, bytes, len), len);
	ASSERT_OK(fchmod(fd, mode));
	close(fd);
	return path;
}

static char *make_script(const char *name, const char *fmt, const char *arg)
{
	char text[8192];
	int n = snprintf(text, sizeof(text), fmt, arg);
	return make_file(name, text, (size_t)n, 0700);
}

static char *copy_self(const char *name, mode_t mode)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	char *buf = malloc((size_t)st.st_size);
	ASSERT_EQ(read(fd, buf, (size_t)st.st_size), st.st_size);
	close(fd);
	char *path = make_file(name, buf, (size_t)st.st_size, mode);
	free(buf);
	return path;
}

static void cleanup(void)
{
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return;
}

/* What path prints when executed, or "!errno". */
static const char *output_of(const char *path, char *const argv[], char *const envp[])
{
	static char out[65536];
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execve(path, argv, envp);
		dprintf(1, "!%d", errno);
		_exit(0);
	}
	close(fds[1]);
	size_t len = 0;
	ssize_t n;
	while ((n = read(fds[0], out + len, sizeof(out) - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return out;
}

static int status_of(const char *path, char *const argv[], char *const envp[])
{
	pid_t pid = fork();
	if (pid == 0) {
		execve(path, argv, envp);
		_exit(100);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 200 + WTERMSIG(st);
}

#define ARGS(...) ((char *[]){ __VA_ARGS__, NULL })
#define ENV(what) ((char *[]){ "EXEC_HELPER=" what, "EXTRA=x", NULL })

/* --- tests --- */

TEST(arguments_and_environment_arrive)
{
	setup();
	EXPECT_STREQ(output_of(self, ARGS("zero", "", "two words"), ENV("args")), "3|zero||two words|x");
	/* A list that is missing is empty; nobody starts without a name. */
	EXPECT_STREQ(output_of(self, NULL, ENV("args")), "1||x");
	cleanup();
}

TEST(failures_have_linux_errors)
{
	setup();
	char *argv[] = { "x", NULL };
	EXPECT_ERRNO(execve("/nonexistent/x", argv, environ), ENOENT);
	EXPECT_ERRNO(execve("", argv, environ), ENOENT);
	EXPECT_ERRNO(execve("/dev/null/x", argv, environ), ENOTDIR);
	EXPECT_ERRNO(execve("/tmp", argv, environ), EACCES);
	EXPECT_ERRNO(execve("/dev/null", argv, environ), EACCES);
	EXPECT_ERRNO(execve(make_file("noexec", "#!/bin/sh\n", 10, 0600), argv, environ), EACCES);
	EXPECT_ERRNO(execve(make_file("text", "echo hello\n", 11, 0700), argv, environ), ENOEXEC);
	EXPECT_ERRNO(execve(make_file("empty", "", 0, 0700), argv, environ), ENOEXEC);
	EXPECT_ERRNO(execve(make_file("elf", "\177ELF\2\1\1", 7, 0700), argv, environ), ENOEXEC);
	EXPECT_ERRNO(execve(make_script("lost", "#!%s/none\n", dir), argv, environ), ENOENT);
	EXPECT_ERRNO(execve(make_script("blank", "#!%s\n", ""), argv, environ), ENOEXEC);
	EXPECT_ERRNO(syscall(SYS_execve, 8L, argv, environ), EFAULT);
	EXPECT_ERRNO(syscall(SYS_execve, self, 8L, environ), EFAULT);
	EXPECT_ERRNO(syscall(SYS_execve, self, (char *[]){ (char *)8, NULL }, environ), EFAULT);
	EXPECT_ERRNO(syscall(SYS_execve, self, argv, 8L), EFAULT);
	ASSERT_OK(symlink("loop", in_dir("loop")));
	EXPECT_ERRNO(execve(in_dir("loop"), argv, environ), ELOOP);
	cleanup();
}

TEST(scripts_get_interpreter_argument_and_own_name)
{
	setup();
	char want[8192];
	char *path = make_script("plain", "#!%s\n", self);
	snprintf(want, sizeof(want), "3|%s|%s|a|x", self, path);
	EXPECT_STREQ(output_of(path, ARGS("gone", "a"), ENV("args")), want);
	path = make_script("arg", "#! %s \t one two  \nrest", self);
	snprintf(want, sizeof(want), "4|%s|one two|%s|a|x", self, path);
	EXPECT_STREQ(output_of(path, ARGS("gone", "a"), ENV("args")), want);
	/* a script's interpreter may be a script */
	char *outer = make_script("outer", "#!%s outer-arg\n", path);
	snprintf(want, sizeof(want), "6|%s|one two|%s|outer-arg|%s|a|x", self, path, outer);
	EXPECT_STREQ(output_of(outer, ARGS("gone", "a"), ENV("args")), want);
	/* a relative interpreter is looked for here */
	ASSERT_OK(chdir(dir));
	copy_self("prog", 0700);
	make_script("rel", "#!prog%s\n", "");
	EXPECT_STREQ(output_of("rel", ARGS("gone"), ENV("args")), "2|prog|rel|x");
	cleanup();
}

TEST(chains_of_scripts_have_a_limit)
{
	setup();
	char *prev = self;
	for (int i = 1; i <= 6; i++) {
		char name[8];
		snprintf(name, sizeof(name), "s%d", i);
		prev = make_script(name, "#!%s\n", prev);
		const char *out = output_of(prev, ARGS("x"), ENV("args"));
		if (i <= 5)
			EXPECT_EQ(out[0], '1' + i);
		else
			EXPECT_EQ(atoi(out + 1), ELOOP);
	}
	cleanup();
}

TEST(busy_files_cannot_be_executed_nor_running_ones_written)
{
	setup();
	char *path = copy_self("busy", 0700);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	EXPECT_ERRNO(execve(path, ARGS("x"), environ), ETXTBSY);
	close(fd);
	int in[2], out[2];
	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execve(path, ARGS("x"), ENV("wait"));
		_exit(1);
	}
	char c;
	ASSERT_EQ(read(out[0], &c, 1), 1);
	EXPECT_ERRNO(open(path, O_WRONLY), ETXTBSY);
	EXPECT_OK(open(path, O_RDONLY));
	ASSERT_EQ(write(in[1], "x", 1), 1);
	waitpid(pid, NULL, 0);
	EXPECT_OK(open(path, O_WRONLY));
	cleanup();
}

TEST(argument_limits_are_e2big)
{
	setup();
	char *big = malloc(131072 + 1);
	memset(big, 'x', 131072);
	big[131072] = '\0';
	EXPECT_ERRNO(execve(self, ARGS("x", big), environ), E2BIG);
	big[131071] = '\0';
	EXPECT_STREQ(output_of(self, ARGS("x", big), ENV("count")), "2 131072");
	char *argv[64] = { "x" };
	for (int i = 1; i < 40; i++)
		argv[i] = big;
	EXPECT_ERRNO(execve(self, argv, environ), E2BIG);       /* 5 MB, with a stack limit of 8 MB */
	argv[15] = NULL;
	EXPECT_STREQ(output_of(self, argv, ENV("count")), "15 1834995");
	struct rlimit rl = { 1 << 20, RLIM_INFINITY };
	ASSERT_OK(setrlimit(RLIMIT_STACK, &rl));
	argv[3] = NULL;
	EXPECT_ERRNO(execve(self, argv, environ), E2BIG);       /* a quarter of 1 MB */
	free(big);
	cleanup();
}

TEST(many_small_arguments_arrive)
{
	setup();
	enum { N = 20000 };
	char **argv = calloc(N + 1, sizeof(*argv));
	for (int i = 0; i < N; i++)
		argv[i] = "abcdefghij";
	EXPECT_STREQ(output_of(self, argv, ENV("count")), "20000 200000");
	free(argv);
	cleanup();
}

TEST(close_on_exec_descriptors_close_and_others_stay)
{
	setup();
	int stays = dup(1), goes = fcntl(1, F_DUPFD_CLOEXEC, 20);
	ASSERT_OK(stays);
	ASSERT_OK(goes);
	char a[16], b[16];
	snprintf(a, sizeof(a), "%d", stays);
	snprintf(b, sizeof(b), "%d", goes);
	EXPECT_EQ(status_of(self, ARGS("x", a, b), ENV("fds")), 0);
	EXPECT_OK(fcntl(goes, F_GETFD));
	cleanup();
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(handlers_go_ignored_mask_and_pending_stay)
{
	setup();
	static char stack[65536];
	pid_t pid = fork();
	if (pid == 0) {
		stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
		sigset_t mask;
		struct sigaction sa = { .sa_handler = nothing, .sa_flags = SA_RESTART | SA_ONSTACK };
		struct itimerval it = { .it_value.tv_sec = 1000 };
		sigaltstack(&ss, NULL);
		sigaction(SIGUSR1, &sa, NULL);
		signal(SIGUSR2, SIG_IGN);
		sigemptyset(&mask);
		sigaddset(&mask, SIGHUP);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		kill(getpid(), SIGHUP);
		setitimer(ITIMER_REAL, &it, NULL);
		execve(self, ARGS("x"), ENV("state"));
		_exit(100);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT_EQ(st, 0);
	cleanup();
}

TEST(the_process_is_named_for_the_file)
{
	setup();
	char *path = copy_self("a-rather-long-name", 0700);
	EXPECT_STREQ(output_of(path, ARGS("other"), ENV("comm")), "a-rather-long-n");
	EXPECT_STREQ(output_of(make_script("script", "#!%s\n", self), ARGS("other"), ENV("comm")), "script");
	cleanup();
}

static void *exec_in_thread(void *arg)
{
	execve(self, arg, ENV("ids"));
	_exit(100);
}

static void *sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void *spin(void *arg)
{
	volatile unsigned *n = arg;
	for (;;)
		++*n;
	return NULL;
}

TEST(exec_in_a_thread_ends_the_others_and_keeps_the_pid)
{
	setup();
	for (int leader_execs = 0; leader_execs < 2; leader_execs++) {
		pid_t pid = fork();
		if (pid == 0) {
			char id[16];
			static unsigned n;
			snprintf(id, sizeof(id), "%d", getpid());
			pthread_t th;
			pthread_create(&th, NULL, sleep_for_ever, NULL);
			pthread_create(&th, NULL, spin, &n);
			if (leader_execs)
				exec_in_thread(ARGS("x", id));
			pthread_create(&th, NULL, exec_in_thread, ARGS("x", id));
			sleep_for_ever(NULL);
		}
		int st;
		ASSERT_EQ(waitpid(pid, &st, 0), pid);
		EXPECT_EQ(st, 0);
	}
	cleanup();
}

TEST(vfork_parent_goes_on_at_exec)
{
	setup();
	int in[2], out[2];
	ASSERT_OK(pipe2(in, O_CLOEXEC));
	ASSERT_OK(pipe2(out, O_CLOEXEC));
	char **env = ENV("wait");
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execve(self, ARGS("x"), env);
		_exit(1);
	}
	char c;
	ASSERT_EQ(read(out[0], &c, 1), 1);      /* the child runs, and so do we */
	ASSERT_EQ(write(in[1], "x", 1), 1);
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT_EQ(st, 0);
	/* and at a failed one, with the child's errno in our memory */
	pid = vfork();
	if (pid == 0) {
		execve("/nonexistent", ARGS("x"), env);
		_exit(errno == ENOENT ? 7 : 8);
	}
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT_EQ(WEXITSTATUS(st), 7);
	cleanup();
}

static const char *output_at(int fd, const char *path, int flags)
{
	static char out[4096];
	int fds[2];
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		syscall(SYS_execveat, fd, path, ARGS("x"), ENV("args"), flags);
		dprintf(1, "!%d", errno);
		_exit(0);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return out;
}

TEST(execveat_takes_descriptors)
{
	setup();
	copy_self("prog", 0700);
	ASSERT_OK(symlink("prog", in_dir("link")));
	make_script("script", "#!%s\n", self);
	int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), f = open(in_dir("prog"), O_RDONLY | O_CLOEXEC);
	int script = open(in_dir("script"), O_RDONLY), script_ce = open(in_dir("script"), O_RDONLY | O_CLOEXEC);
	EXPECT_STREQ(output_at(d, "prog", 0), "1|x|x");
	EXPECT_STREQ(output_at(-1, in_dir("prog"), 0), "1|x|x");
	EXPECT_STREQ(output_at(f, "", EMPTY_PATH), "1|x|x");
	EXPECT_EQ(atoi(output_at(f, "", 0) + 1), ENOENT);
	EXPECT_EQ(atoi(output_at(-1, "prog", 0) + 1), EBADF);
	EXPECT_EQ(atoi(output_at(d, "link", AT_SYMLINK_NOFOLLOW) + 1), ELOOP);
	EXPECT_STREQ(output_at(d, "link", 0), "1|x|x");
	EXPECT_EQ(atoi(output_at(d, "prog", 0x40) + 1), EINVAL);
	char want[8192];
	snprintf(want, sizeof(want), "2|%s|/dev/fd/%d|x", self, script);
	EXPECT_STREQ(output_at(script, "", EMPTY_PATH), want);
	EXPECT_EQ(atoi(output_at(script_ce, "", EMPTY_PATH) + 1), ENOENT);
	cleanup();
}

TEST(set_user_id_is_honoured)
{
	setup();
	if (geteuid() != 0)
		SKIP("needs root");
	char *path = copy_self("suid", 0755);
	ASSERT_OK(chmod(dir, 0755));
	if (chown(path, 1234, 0) || chmod(path, 04755))
		SKIP("no second user here");
	int st = status_of(path, ARGS("x"), ENV("euid"));
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(status_of(path, ARGS("x"), ENV("euid")));
	}
	int nnp;
	waitpid(pid, &nnp, 0);
	cleanup();
	if (st == 1)
		SKIP("/tmp is mounted nosuid, or nobody may be anybody else");
	EXPECT_EQ(st, 0);
	EXPECT_EQ(WEXITSTATUS(nnp), 1);
}

TEST(a_failed_exec_leaves_everything_as_it_was)
{
	setup();
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = fcntl(1, F_DUPFD_CLOEXEC, 30);
	signal(SIGUSR1, nothing);
	*p = 5;
	for (int i = 0; i < 50; i++)
		ASSERT_ERRNO(execve(make_file("bad", "\177ELF", 4, 0700), ARGS("x"), environ), ENOEXEC);
	EXPECT_EQ(*p, 5);
	EXPECT_OK(fcntl(fd, F_GETFD));
	EXPECT(signal(SIGUSR1, SIG_DFL) == nothing);
	cleanup();
}
