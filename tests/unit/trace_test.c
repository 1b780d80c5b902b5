/* trace_test.c - the lines of --strace: numbers, flags, strings, results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/table.h"
#include "sentry/syscalls/trace.h"

static struct sentry_config config;
static struct task task = { .tid = 7 };
static int pipe_fds[2];

static int setup(void **state)
{
	(void)state;
	if (pipe(pipe_fds))
		return -1;
	config.strace_fd = pipe_fds[1];
	sentry_config = &config;
	return 0;
}

/* One call's line, without the newline. */
static const char *line(uint64_t nr, long ret, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	static char buf[16384];
	const uint64_t args[6] = { a, b, c, d, e, f };
	trace_enter(&task, nr, args);
	trace_exit(&task, nr, args, ret);
	ssize_t n = read(pipe_fds[0], buf, sizeof(buf) - 1);
	assert_true(n > 0 && buf[n - 1] == '\n');
	buf[n - 1] = '\0';
	return buf;
}
#define LINE(nr, ret, ...) line_((uint64_t)(nr), (ret), (uint64_t[6]){ __VA_ARGS__ })
static const char *line_(uint64_t nr, long ret, const uint64_t *v) { return line(nr, ret, v[0], v[1], v[2], v[3], v[4], v[5]); }

static void results(void **state)
{
	(void)state;
	assert_string_equal(LINE(SYS_close, 0, 3), "[pid     7] close(3) = 0");
	assert_string_equal(LINE(SYS_close, -EBADF, (uint64_t)-1), "[pid     7] close(-1) = -1 EBADF (Bad file descriptor)");
	assert_string_equal(LINE(SYS_getpid, 7), "[pid     7] getpid() = 7");
	assert_string_equal(LINE(SYS_exit_group, 0, 2), "[pid     7] exit_group(2) = ?");
	assert_string_equal(LINE(SYS_pause, -ERESTARTNOHAND),
			    "[pid     7] pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
	assert_string_equal(LINE(SYS_brk, 0x5000, 0), "[pid     7] brk(NULL) = 0x5000");
	assert_string_equal(LINE(SYS_umask, 022, 077), "[pid     7] umask(077) = 022");
}

static void flags(void **state)
{
	(void)state;
	assert_string_equal(LINE(SYS_mmap, 0x7000, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0),
			    "[pid     7] mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7000");
	assert_string_equal(LINE(SYS_mprotect, 0, 0x1000, 4096, PROT_NONE), "[pid     7] mprotect(0x1000, 4096, PROT_NONE) = 0");
	assert_string_equal(LINE(SYS_kill, 0, 9, SIGTERM), "[pid     7] kill(9, SIGTERM) = 0");
	assert_string_equal(LINE(SYS_tgkill, 0, 9, 9, 34), "[pid     7] tgkill(9, 9, SIGRT_2) = 0");
	assert_string_equal(LINE(SYS_lseek, 5, 3, (uint64_t)-1, SEEK_END), "[pid     7] lseek(3, -1, SEEK_END) = 5");
	assert_string_equal(LINE(SYS_fcntl, 1, 3, F_GETFD), "[pid     7] fcntl(3, F_GETFD) = 1");
	assert_string_equal(LINE(SYS_fcntl, 0, 3, F_SETFD, FD_CLOEXEC), "[pid     7] fcntl(3, F_SETFD, FD_CLOEXEC) = 0");
	assert_string_equal(LINE(SYS_pipe2, -EFAULT, 0, O_CLOEXEC), "[pid     7] pipe2(NULL, O_CLOEXEC) = -1 EFAULT (Bad address)");
	assert_string_equal(LINE(SYS_clone, 8, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0),
			    "[pid     7] clone(CLONE_VM|CLONE_VFORK|SIGCHLD, NULL, NULL, NULL, 0) = 8");
	assert_string_equal(LINE(SYS_unlinkat, -EFAULT, (uint64_t)AT_FDCWD, 0, AT_REMOVEDIR),
			    "[pid     7] unlinkat(AT_FDCWD, NULL, AT_REMOVEDIR) = -1 EFAULT (Bad address)");
	assert_string_equal(LINE(SYS_openat, -EFAULT, (uint64_t)AT_FDCWD, 0, O_WRONLY | O_CREAT | O_TRUNC, 0644),
			    "[pid     7] openat(AT_FDCWD, NULL, O_WRONLY|O_CREAT|O_TRUNC, 0644) = -1 EFAULT (Bad address)");
	assert_string_equal(LINE(SYS_openat, -EFAULT, 5, 0, O_RDONLY, 0644),
			    "[pid     7] openat(5, NULL, O_RDONLY) = -1 EFAULT (Bad address)");
	assert_string_equal(LINE(SYS_mprotect, -EINVAL, 0, 0, 0x40000000),
			    "[pid     7] mprotect(NULL, 0, 0x40000000) = -1 EINVAL (Invalid argument)");
}

static void strings_are_escaped(void **state)
{
	(void)state;
	struct trace tr = { .t = &task };
	trace_quoted(&tr, "a\"\\\n\t\0" "1\x1b\xff", 9, true);
	assert_string_equal(tr.buf, "\"a\\\"\\\\\\n\\t\\0001\\33\\377\"...");
}

static void sets_of_signals(void **state)
{
	(void)state;
	struct trace tr = { .t = &task };
	trace_set_of_signals(&tr, SIGBIT(SIGINT) | SIGBIT(SIGCHLD));
	trace_set_of_signals(&tr, ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP)));
	trace_set_of_signals(&tr, 0);
	assert_string_equal(tr.buf, "[INT CHLD]~[KILL STOP][]");
}

static void a_long_line_is_cut(void **state)
{
	(void)state;
	static struct trace tr;
	char big[6000];
	memset(big, 1, sizeof(big));
	for (int i = 0; i < 3; i++)
		trace_quoted(&tr, big, sizeof(big), false);
	assert_true(tr.len < sizeof(tr.buf));
	assert_int_equal(strlen(tr.buf), tr.len);
}

static void every_line_of_the_table_prints(void **state)
{
	(void)state;
	for (uint64_t nr = 0; nr < SYSCALL_MAX; nr++) {
		if (!syscall_table[nr].name)
			continue;
		assert_non_null(strstr(LINE(nr, -ENOSYS), syscall_table[nr].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results), cmocka_unit_test(flags), cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(sets_of_signals), cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(every_line_of_the_table_prints),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
