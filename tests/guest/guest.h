/* guest.h - the harness of guest tests: ordinary Linux programs that judge the kernel they run on.
 *
 *	#include "tests/guest/guest.h"
 *
 *	TEST(write_end_closed_means_end_of_file)
 *	{
 *		COVERS(pipe2, read);
 *		int fds[2];
 *		ASSERT_OK(pipe2(fds, O_CLOEXEC));
 *		close(fds[1]);
 *		char c;
 *		EXPECT_EQ(read(fds[0], &c, 1), 0);
 *		EXPECT_ERRNO(read(fds[1], &c, 1), EBADF);
 *	}
 *
 * HOW      main() runs each TEST in a child of its own and kills it after GUEST_TIMEOUT_S seconds. It prints "ok name",
 *          "ok name # SKIP reason" or "not ok name: file:line: what", one line a test, and exits with 0 if none failed.
 *          Arguments are names of tests to run (default: all); -l lists them.
 *          ASSERT* ends the test at once, EXPECT* lets it go on (the first failure is the one that is printed).
 *          Both may be used in children that the test forks, as long as the test looks at their exit status. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef GUEST_TIMEOUT_S
#define GUEST_TIMEOUT_S 30
#endif
#define GUEST_SKIPPED 77

struct guest_test {
	const char *name;
	void (*fn)(void);
	struct guest_test *next;
};
static struct guest_test *guest_tests, **guest_tests_end = &guest_tests;
static const char *guest_name;            /* of the test that runs */
static bool guest_failed;

#define TEST(name)                                                                      \
	static void test_##name(void);                                                  \
	__attribute__((constructor)) static void guest_register_##name(void)            \
	{                                                                               \
		static struct guest_test self = { #name, test_##name, NULL };           \
		*guest_tests_end = &self;                                               \
		guest_tests_end = &self.next;                                           \
	}                                                                               \
	static void test_##name(void)

/* Names the system calls that a test, or a whole file, covers. Read by scripts; no code. */
#define COVERS(...) _Static_assert(1, #__VA_ARGS__)

/* Ends the test: it cannot be judged here. */
#define SKIP(...)                                                                       \
	do {                                                                            \
		guest_line("ok", " # SKIP ", __VA_ARGS__);                              \
		_exit(GUEST_SKIPPED);                                                   \
	} while (0)

#define FAIL(...) guest_fail(true, __FILE__, __LINE__, __VA_ARGS__)

#define GUEST_TRUE(stop, cond)                                                          \
	do {                                                                            \
		if (!(cond))                                                            \
			guest_fail(stop, __FILE__, __LINE__, "%s is false (errno %d)",  \
				   #cond, errno);                                       \
	} while (0)
#define GUEST_EQ(stop, a, b)                                                            \
	do {                                                                            \
		long long a_ = (long long)(a), b_ = (long long)(b);                     \
		if (a_ != b_)                                                           \
			guest_fail(stop, __FILE__, __LINE__,                            \
				   "%s is %lld, not %s = %lld (errno %d)", #a, a_, #b,  \
				   b_, errno);                                          \
	} while (0)
#define GUEST_OK(stop, expr)                                                            \
	do {                                                                            \
		errno = 0;                                                              \
		long long r_ = (long long)(expr);                                       \
		if (r_ < 0)                                                             \
			guest_fail(stop, __FILE__, __LINE__, "%s failed: %lld, %s",     \
				   #expr, r_, strerror(errno));                         \
	} while (0)
#define GUEST_ERRNO(stop, expr, err)                                                    \
	do {                                                                            \
		errno = 0;                                                              \
		long long r_ = (long long)(expr);                                       \
		int e_ = errno;                                                         \
		if (r_ != -1 || e_ != (err))                                            \
			guest_fail(stop, __FILE__, __LINE__,                            \
				   "%s returned %lld (errno %d %s), not %s", #expr, r_, \
				   e_, strerror(e_), #err);                             \
	} while (0)
#define GUEST_STREQ(stop, a, b)                                                         \
	do {                                                                            \
		const char *a_ = (a), *b_ = (b);                                        \
		if (strcmp(a_, b_) != 0)                                                \
			guest_fail(stop, __FILE__, __LINE__, "%s is \"%s\", not \"%s\"", \
				   #a, a_, b_);                                         \
	} while (0)

#define ASSERT(cond) GUEST_TRUE(true, cond)
#define EXPECT(cond) GUEST_TRUE(false, cond)
#define ASSERT_EQ(a, b) GUEST_EQ(true, a, b)
#define EXPECT_EQ(a, b) GUEST_EQ(false, a, b)
#define ASSERT_OK(expr) GUEST_OK(true, expr)              /* not negative */
#define EXPECT_OK(expr) GUEST_OK(false, expr)
#define ASSERT_ERRNO(expr, err) GUEST_ERRNO(true, expr, err)   /* -1 with this errno */
#define EXPECT_ERRNO(expr, err) GUEST_ERRNO(false, expr, err)
#define ASSERT_STREQ(a, b) GUEST_STREQ(true, a, b)
#define EXPECT_STREQ(a, b) GUEST_STREQ(false, a, b)

/* One write, so that lines of several processes do not mix; stdio stays the test's own. */
__attribute__((format(printf, 3, 4), unused)) static void guest_line(const char *verdict,
								     const char *sep,
								     const char *fmt, ...)
{
	char buf[1024];
	size_t room = sizeof(buf) - 1;
	size_t len = (size_t)snprintf(buf, room, "%s %s%s", verdict, guest_name, sep);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(buf + len, room - len, fmt, ap);
	va_end(ap);
	len = n < 0 ? len : len + (size_t)n < room ? len + (size_t)n : room - 1;
	for (char *p = buf; p < buf + len; p++)
		if (*p == '\n')
			*p = ' ';
	buf[len++] = '\n';
	if (write(STDOUT_FILENO, buf, len) < 0)
		_exit(2);
}

__attribute__((format(printf, 4, 5), unused)) static void guest_fail(bool stop, const char *file,
								     int line, const char *fmt,
								     ...)
{
	char what[768];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	const char *slash = strrchr(file, '/');
	if (!guest_failed)
		guest_line("not ok", ": ", "%s:%d: %s", slash ? slash + 1 : file, line, what);
	guest_failed = true;
	if (stop)
		_exit(1);
}

static volatile pid_t guest_child;
static volatile sig_atomic_t guest_timed_out;
static void guest_alarm(int sig)
{
	(void)sig;
	guest_timed_out = 1;
	kill(guest_child, SIGKILL);
}

static bool guest_run(const struct guest_test *test)
{
	guest_name = test->name;
	guest_timed_out = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		test->fn();
		fflush(NULL);
		_exit(guest_failed ? 1 : 0);
	}
	if (pid < 0) {
		guest_line("not ok", ": ", "fork: %s", strerror(errno));
		return false;
	}
	guest_child = pid;
	alarm(GUEST_TIMEOUT_S);
	int status;
	pid_t got;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	alarm(0);
	if (got != pid) {
		guest_line("not ok", ": ", "waitpid: %s", strerror(errno));
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		guest_line("ok", "", "%s", "");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == GUEST_SKIPPED)
		return true;
	else if (guest_timed_out)
		guest_line("not ok", ": ", "still running after %d seconds", GUEST_TIMEOUT_S);
	else if (WIFSIGNALED(status))
		guest_line("not ok", ": ", "killed by signal %d (%s)", WTERMSIG(status),
			   strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 1)
		guest_line("not ok", ": ", "exit status %d", WEXITSTATUS(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A file that starts itself again for execve tests defines GUEST_MAIN as the name it calls from its own main. */
#ifndef GUEST_MAIN
#define GUEST_MAIN main
#endif
int GUEST_MAIN(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = guest_alarm, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &sa, NULL);
	bool list = argc > 1 && strcmp(argv[1], "-l") == 0;
	bool all_ok = true;
	for (struct guest_test *test = guest_tests; test; test = test->next) {
		bool chosen = argc < 2;
		for (int i = 1; i < argc; i++)
			chosen |= strcmp(argv[i], test->name) == 0;
		if (list)
			puts(test->name);
		else if (chosen && !guest_run(test))
			all_ok = false;
	}
	return all_ok ? 0 : 1;
}
