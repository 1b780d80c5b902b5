/* pty.h - a pair of ends of a pseudo terminal, for tests of terminals. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/guest/guest.h"

struct pair { int master, slave; };

/* The slave does not become the caller's controlling terminal. */
static inline struct pair pair_open(void)
{
	struct pair p = { .master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) };
	ASSERT_OK(p.master);
	int unlock = 0;
	ASSERT_OK(ioctl(p.master, TIOCSPTLCK, &unlock));
	p.slave = open(ptsname(p.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ASSERT_OK(p.slave);
	return p;
}

static inline void set_flags(int fd, tcflag_t in_off, tcflag_t out_off, tcflag_t local_off, tcflag_t in_on, tcflag_t local_on)
{
	struct termios t;
	ASSERT_OK(tcgetattr(fd, &t));
	t.c_iflag = (t.c_iflag & ~in_off) | in_on;
	t.c_oflag &= ~out_off;
	t.c_lflag = (t.c_lflag & ~local_off) | local_on;
	ASSERT_OK(tcsetattr(fd, TCSANOW, &t));
}

static inline void make_raw(int fd, int vmin, int vtime)
{
	struct termios t;
	ASSERT_OK(tcgetattr(fd, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)vmin;
	t.c_cc[VTIME] = (cc_t)vtime;
	ASSERT_OK(tcsetattr(fd, TCSANOW, &t));
}

static inline void type(int fd, const char *s)
{
	ASSERT_EQ(write(fd, s, strlen(s)), (long)strlen(s));
}

static inline bool is_ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, ms) == 1 && (p.revents & events);
}

/* The next len bytes of fd are these. */
static inline void expect_bytes(const char *file, int line, int fd, const char *want)
{
	char got[4096] = { 0 };
	size_t len = strlen(want), done = 0;
	while (done < len && is_ready(fd, POLLIN, 2000)) {
		ssize_t n = read(fd, got + done, len - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done != len || memcmp(got, want, len) != 0)
		guest_fail(false, file, line, "got %zu bytes \"%s\", not \"%s\"", done, got, want);
}
#define EXPECT_BYTES(fd, want) expect_bytes(__FILE__, __LINE__, fd, want)
/* Nothing can be read from fd. Input and echo are handled in the writer's call or soon after. */
#define EXPECT_QUIET(fd) EXPECT(!is_ready(fd, POLLIN, 50))
