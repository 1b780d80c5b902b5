/* compat_exec.c - one run of a test, natively or by `sbx run`, from its start to its verdict.
 *
 * HOW      What it writes, on both outputs, comes through a pipe and is read as it comes: a test that never stops writing
 *          costs no memory. A sandbox is our own program, started anew; if it does not end in time of its own accord, it is
 *          killed, and a native run's keeper is told to end. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/compat.h"

#define GRACE_NS (15 * NS_PER_SEC)        /* for a sandbox to end itself */
#define WORDS_MAX 512

static const char *const shown[] = { "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/etc/" };

/* The directory that has to be shown in the sandbox for this program; NULL: it is there anyway. The caller frees. */
static char *program_dir(const char *program)
{
	char cwd[PATH_MAX], *real = NULL;
	if (strchr(program, '/')) {
		real = realpath(program, NULL);
	} else {
		AUTO(free) char *path = xstrdup(getenv("PATH") ? getenv("PATH") : "/bin:/usr/bin");
		char *save = NULL;
		for (char *dir = strtok_r(path, ":", &save); dir && !real; dir = strtok_r(NULL, ":", &save)) {
			char file[PATH_MAX];
			snprintf(file, sizeof(file), "%s/%s", dir, program);
			real = access(file, X_OK) == 0 ? realpath(file, NULL) : NULL;
		}
	}
	char *slash = real ? strrchr(real, '/') : NULL;
	bool there = !slash || slash == real;
	for (size_t i = 0; !there && i < ARRAY_SIZE(shown); i++)
		there = strncmp(real, shown[i], strlen(shown[i])) == 0;
	if (!there && getcwd(cwd, sizeof(cwd)) && cwd[1])
		there = strncmp(real, cwd, strlen(cwd)) == 0 && real[strlen(cwd)] == '/';
	if (there) {
		free(real);
		return NULL;
	}
	*slash = '\0';
	return real;
}

static _Noreturn void run_sandbox(const struct compat_options *o, const struct test *t, const char *platform, int calls_fd)
{
	char calls[48], pids[16];
	const char *words[WORDS_MAX] = { "sbx", "run", "--platform", platform, "--timeout", o->timeout_text };
	size_t n = 6;
	if (o->has_cgroup) {
		snprintf(pids, sizeof(pids), "%d", o->pids_limit);
		const char *more[] = { "--pids-limit", pids, "--memory", o->memory_text };
		memcpy(words + n, more, sizeof(more));
		n += ARRAY_SIZE(more);
	}
	char *dir = o->root ? xstrdup(o->root) : program_dir(t->argv[0]);
	if (dir) {
		const char *more[] = { "--ro-bind", dir, dir };
		memcpy(words + n, more, sizeof(more));
		n += ARRAY_SIZE(more);
	}
	for (int i = 0; i < o->nrun_options; i++)
		words[n++] = o->run_options[i];
	if (calls_fd >= 0) {
		snprintf(calls, sizeof(calls), "--strace=/proc/self/fd/%d", calls_fd);
		words[n++] = calls;
	}
	words[n++] = "--";
	for (size_t i = 0; t->argv[i]; i++) {
		/* Room was checked with the options and the list. */
		CHECK(n + 1 < WORDS_MAX);
		words[n++] = t->argv[i];
	}
	words[n] = NULL;
	setenv("TMPDIR", "/tmp", 1);
	execv("/proc/self/exe", (char *const *)words);
	_exit(EXIT_SBX);
}

static void become_run(struct execution *x, const struct compat_options *o, int out_fd, int calls_fd)
{
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0)
		_exit(EXIT_SBX);
	if (null > 2)
		close(null);
	/* The descriptors of other runs are close-on-exec; ours is for --strace to open. */
	if (calls_fd >= 0)
		fcntl(calls_fd, F_SETFD, 0);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (!x->platform) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		native_keeper(o, x->test, x->tmp_dir, x->native);
	}
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_sandbox(o, x->test, x->platform, calls_fd);
}

static struct err *make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return err_errno(errno, "pipe");
	return NULL;
}

static struct err *prepare_native(struct execution *x)
{
	x->native = mmap(NULL, sizeof(*x->native), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (x->native == MAP_FAILED) {
		x->native = NULL;
		return err_errno(errno, "mmap");
	}
	const char *tmp = getenv("TMPDIR");
	if (!tmp || !*tmp)
		tmp = "/tmp";
	if (snprintf(x->tmp_dir, sizeof(x->tmp_dir), "%s/sbx-compat.XXXXXX", tmp) >= (int)sizeof(x->tmp_dir))
		errno = ENAMETOOLONG;
	else if (mkdtemp(x->tmp_dir))
		tmp = NULL;
	if (tmp) {
		x->tmp_dir[0] = '\0';
		return err_errno(errno, "%s", tmp);
	}
	/* Tests may change to another user. */
	chmod(x->tmp_dir, 01777);
	return NULL;
}

static void cleanup(struct execution *x)
{
	if (x->out_fd >= 0)
		close(x->out_fd);
	if (x->calls_fd >= 0)
		close(x->calls_fd);
	if (x->pidfd >= 0)
		close(x->pidfd);
	if (x->native)
		munmap(x->native, sizeof(*x->native));
	if (x->tmp_dir[0]) {
		/* The test is dead: nobody changes the tree under rm. */
		pid_t pid = fork();
		if (pid == 0) {
			execlp("rm", "rm", "-rf", "--one-file-system", x->tmp_dir, NULL);
			_exit(1);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static void kill_run(struct execution *x)
{
	if (x->pid <= 0)
		return;
	kill(x->pid, x->platform ? SIGKILL : SIGTERM);
	while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
		;
	x->pid = 0;
}

struct err *execution_start(struct execution *x, const struct compat_options *o, const struct test *t, const char *platform,
			    bool traced, struct outcome *out)
{
	*x = (struct execution){ .test = t, .platform = platform, .pidfd = -1, .out_fd = -1, .calls_fd = -1, .out = out };
	*out = (struct outcome){ 0 };
	parser_init(&x->parser, out, platform != NULL);
	int text[2] = { -1, -1 }, calls[2] = { -1, -1 };
	struct err *e = make_pipe(text);
	if (!e && traced)
		e = make_pipe(calls);
	if (!e && !platform)
		e = prepare_native(x);
	if (!e) {
		fflush(NULL);
		x->pid = fork();
		if (x->pid == 0)
			become_run(x, o, text[1], calls[1]);
		x->pidfd = x->pid > 0 ? (int)syscall(SYS_pidfd_open, x->pid, 0) : -1;
		if (x->pidfd < 0)
			e = err_errno(errno, "starting a run");
	}
	x->out_fd = text[0];
	x->calls_fd = calls[0];
	if (text[1] >= 0)
		close(text[1]);
	if (calls[1] >= 0)
		close(calls[1]);
	if (e) {
		kill_run(x);
		cleanup(x);
		return e;
	}
	if (traced)
		out->calls = NEW(struct calls);
	x->started_ns = now_mono_ns();
	x->deadline_ns = x->started_ns + o->timeout_ns + (platform ? GRACE_NS : 0);
	return NULL;
}

static void drain(struct execution *x)
{
	char buf[65536];
	ssize_t n;
	/* Bounded, for another run's deadline may be near. */
	for (int i = 0; i < 64 && (n = read(x->out_fd, buf, sizeof(buf))) > 0; i++)
		parser_feed(&x->parser, buf, (size_t)n);
	for (int i = 0; i < 64 && x->calls_fd >= 0 && (n = read(x->calls_fd, buf, sizeof(buf))) > 0; i++)
		calls_feed(x->out->calls, buf, (size_t)n);
}

static void check_deadline(struct execution *x)
{
	if (now_mono_ns() < x->deadline_ns)
		return;
	/* The keeper is told first, then killed. */
	kill(x->pid, x->platform || x->killed ? SIGKILL : SIGTERM);
	x->killed = true;
	x->deadline_ns = now_mono_ns() + GRACE_NS;
}

bool execution_step(struct execution *x, const struct compat_options *o)
{
	int status;
	drain(x);
	check_deadline(x);
	if (waitpid(x->pid, &status, WNOHANG) != x->pid)
		return false;
	drain(x);
	parser_end(&x->parser);
	x->out->ns = now_mono_ns() - x->started_ns;
	struct ending end = { .status = status };
	if (x->platform)
		end.timed_out = x->killed || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_TIMED_OUT &&
					      strncmp(x->parser.sbx_said, "the time limit of", 17) == 0);
	else if (x->native->ended)
		end = x->native->end;
	else
		end.timed_out = x->killed;
	outcome_judge(x->out, &x->parser, &end, o);
	cleanup(x);
	return true;
}

void execution_abandon(struct execution *x)
{
	kill_run(x);
	cleanup(x);
}
