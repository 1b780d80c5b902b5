/* fs.h - a scratch directory for tests of file system calls, gone when the test ends well. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

static char scratch_dir[PATH_MAX];

/* Makes a fresh directory and changes into it. */
__attribute__((unused)) static void scratch(void)
{
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/sbx-guest-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ASSERT(mkdtemp(scratch_dir) != NULL);
	ASSERT_OK(chmod(scratch_dir, 0755));
	ASSERT_OK(chdir(scratch_dir));
}

/* A test's last line: a failed one leaves its files to be looked at. */
__attribute__((unused)) static void scratch_end(void)
{
	if (guest_failed || chdir("/") < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", scratch_dir, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

__attribute__((unused)) static int file_with(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

__attribute__((unused)) static const char *content_of(const char *name)
{
	static char buf[4096];
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		return strerrorname_np(errno);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

/* The rest of the test as an ordinary user; skips when not root. Returns in a child; the parent judges it. */
#define AS_USER(id, ...)                                                \
	do {                                                            \
		if (geteuid() != 0)                                     \
			SKIP("needs root");                             \
		fflush(NULL);                                           \
		pid_t user_pid_ = fork();                               \
		ASSERT_OK(user_pid_);                                   \
		if (user_pid_ == 0) {                                   \
			if (setgid(id) < 0 || setuid(id) < 0)           \
				_exit(3);                               \
			__VA_ARGS__;                                    \
			_exit(guest_failed);                            \
		}                                                       \
		int user_status_;                                       \
		ASSERT_EQ(waitpid(user_pid_, &user_status_, 0), user_pid_); \
		if (WIFEXITED(user_status_) && WEXITSTATUS(user_status_) == 3) \
			SKIP("this user has no other identities");      \
		if (user_status_ != 0)                                  \
			_exit(1);                                       \
	} while (0)
