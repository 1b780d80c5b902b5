/* ldisc_test.c - the terminal's line discipline: editing, echo, output, VMIN and VTIME (termios(3)). */
#include <time.h>

#include "tests/guest/pty.h"

COVERS(read, write, ioctl, poll);

#define ESC "\033"

static ssize_t get(int fd, char *buf, size_t bytes)
{
	memset(buf, 0, bytes);
	return read(fd, buf, bytes - 1);
}

#define EXPECT_LINE(fd, want)                                           \
	do {                                                            \
		char buf_[256];                                         \
		ASSERT(is_ready(fd, POLLIN, 2000));                     \
		EXPECT_EQ(get(fd, buf_, sizeof(buf_)), strlen(want));   \
		EXPECT_STREQ(buf_, want);                               \
	} while (0)

/* The kernel may take what the master writes a moment later. */
#define EVENTUALLY(cond)                                                \
	do {                                                            \
		int tries_ = 0;                                         \
		while (!(cond) && tries_++ < 2000)                      \
			usleep(1000);                                   \
		ASSERT(cond);                                           \
	} while (0)

static int count(int fd)
{
	int n = -1;
	ASSERT_OK(ioctl(fd, FIONREAD, &n));
	return n;
}

TEST(the_settings_of_a_new_terminal)
{
	struct pair p = pair_open();
	struct termios t;
	ASSERT_OK(tcgetattr(p.slave, &t));
	EXPECT_EQ(t.c_iflag, ICRNL | IXON);
	EXPECT_EQ(t.c_oflag, OPOST | ONLCR);
	EXPECT_EQ(t.c_cflag, B38400 | CS8 | CREAD);
	EXPECT_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	static const cc_t cc[NCCS] = { 3, 034, 0177, 025, 4, 0, 1, 0, 021, 023, 032, 0, 022, 017, 027, 026, 0 };
	for (int i = 0; i < 17; i++)
		EXPECT_EQ(t.c_cc[i], cc[i]);
	EXPECT_EQ(cfgetospeed(&t), B38400);
	/* Through the master the same. */
	struct termios m;
	ASSERT_OK(tcgetattr(p.master, &m));
	EXPECT_EQ(m.c_lflag, t.c_lflag);
	cfsetspeed(&t, B115200);
	t.c_cflag = (t.c_cflag & ~CSIZE) | CS7 | PARENB;
	ASSERT_OK(tcsetattr(p.master, TCSANOW, &t));
	ASSERT_OK(tcgetattr(p.slave, &t));
	EXPECT_EQ(cfgetospeed(&t), B115200);
	EXPECT_EQ(t.c_cflag & (CSIZE | PARENB), CS8);
}

TEST(settings_in_system_v_form)
{
	struct pair p = pair_open();
	struct termio old;
	struct termios t;
	ASSERT_OK(ioctl(p.slave, TCGETA, &old));
	EXPECT_EQ(old.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	EXPECT_EQ(old.c_cc[VINTR], 3);
	old.c_lflag &= (unsigned short)~ECHO;
	old.c_cc[VINTR] = 'i';
	ASSERT_OK(ioctl(p.slave, TCSETAF, &old));
	ASSERT_OK(tcgetattr(p.master, &t));
	EXPECT_EQ(t.c_lflag, ISIG | ICANON | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	EXPECT_EQ(t.c_cc[VINTR], 'i');
	EXPECT_EQ(t.c_cc[VSUSP], 032);
	EXPECT_ERRNO(ioctl(p.slave, TCGETA, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(p.slave, TCSETA, NULL), EFAULT);
}

TEST(locked_settings_stay)
{
	struct pair p = pair_open();
	struct termios lock, t;
	memset(&lock, 0xff, sizeof(lock));
	ASSERT_OK(ioctl(p.slave, TIOCGLCKTRMIOS, &lock));
	EXPECT_EQ(lock.c_lflag, 0);
	EXPECT_EQ(lock.c_cc[VINTR], 0);
	lock.c_lflag = ECHO;
	lock.c_cc[VINTR] = 1;
	if (ioctl(p.slave, TIOCSLCKTRMIOS, &lock) < 0) {
		EXPECT_EQ(errno, EPERM);
		SKIP("needs CAP_SYS_ADMIN");
	}
	ASSERT_OK(tcgetattr(p.slave, &t));
	t.c_lflag &= (tcflag_t)~(ECHO | ICANON);
	t.c_cc[VINTR] = 'i';
	t.c_cc[VQUIT] = 'q';
	ASSERT_OK(tcsetattr(p.slave, TCSANOW, &t));
	ASSERT_OK(tcgetattr(p.slave, &t));
	EXPECT_EQ(t.c_lflag & (ECHO | ICANON), ECHO);
	EXPECT_EQ(t.c_cc[VINTR], 3);
	EXPECT_EQ(t.c_cc[VQUIT], 'q');
}

TEST(lines_come_whole_and_one_at_a_time)
{
	struct pair p = pair_open();
	char buf[16];
	type(p.master, "on");
	EXPECT_QUIET(p.slave);
	type(p.master, "e\ntwo\r");
	EXPECT_LINE(p.slave, "one\n");
	EXPECT_LINE(p.slave, "two\n");
	type(p.master, "abcdef\n");
	EXPECT_EQ(get(p.slave, buf, 4), 3);
	EXPECT_STREQ(buf, "abc");
	EXPECT_LINE(p.slave, "def\n");
}

TEST(end_of_file_key)
{
	struct pair p = pair_open();
	char buf[16];
	type(p.master, "\004");
	ASSERT(is_ready(p.slave, POLLIN, 1000));
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 0);
	type(p.master, "ab\004cd\n");
	EXPECT_LINE(p.slave, "ab");
	EXPECT_LINE(p.slave, "cd\n");
	/* Exactly what fits: the end-of-file mark is not left over. */
	type(p.master, "abc\004d\n");
	EXPECT_EQ(get(p.slave, buf, 4), 3);
	EXPECT_LINE(p.slave, "d\n");
}

TEST(erasing)
{
	struct pair p = pair_open();
	type(p.master, "ax\177b\n");
	EXPECT_LINE(p.slave, "ab\n");
	EXPECT_BYTES(p.master, "ax\b \bb\r\n");
	type(p.master, "\177\177a\n");
	EXPECT_LINE(p.slave, "a\n");
	EXPECT_BYTES(p.master, "a\r\n");
	type(p.master, "one two_x  \027 \027z\n");
	EXPECT_LINE(p.slave, "z\n");
	EXPECT_BYTES(p.master, "one two_x  \b \b\b \b\b \b\b \b\b \b\b \b\b \b \b \b\b \b\b \b\b \b\b \bz\r\n");
	type(p.master, "kill\025x\n");
	EXPECT_LINE(p.slave, "x\n");
	EXPECT_BYTES(p.master, "kill\b \b\b \b\b \b\b \bx\r\n");
	type(p.master, "\001\177\n");
	EXPECT_LINE(p.slave, "\n");
	EXPECT_BYTES(p.master, "^A\b \b\b \b\r\n");
	type(p.master, "ab\t\177c\n");
	EXPECT_LINE(p.slave, "abc\n");
	EXPECT_BYTES(p.master, "ab\t\b\b\b\b\b\bc\r\n");
	/* Lines that are complete are out of reach. */
	type(p.master, "l1\n\025\177l2\n");
	EXPECT_LINE(p.slave, "l1\n");
	EXPECT_LINE(p.slave, "l2\n");
}

TEST(erasing_characters_of_several_bytes)
{
	struct pair p = pair_open();
	set_flags(p.slave, 0, 0, 0, IUTF8, 0);
	type(p.master, "\xc3\xa4\xe2\x82\xac\177x\n");
	EXPECT_LINE(p.slave, "\xc3\xa4x\n");
	EXPECT_BYTES(p.master, "\xc3\xa4\xe2\x82\xac\b \bx\r\n");
}

TEST(kill_without_a_clever_screen)
{
	struct pair p = pair_open();
	set_flags(p.slave, 0, 0, ECHOKE, 0, 0);
	type(p.master, "ab\025c\n");
	EXPECT_LINE(p.slave, "c\n");
	EXPECT_BYTES(p.master, "ab^U\r\nc\r\n");
	set_flags(p.slave, 0, 0, ECHOE, 0, 0);
	type(p.master, "ab\177c\n");
	EXPECT_LINE(p.slave, "ac\n");
	EXPECT_BYTES(p.master, "ab^?c\r\n");
	set_flags(p.slave, 0, 0, 0, 0, ECHOPRT);
	type(p.master, "ab\177\177c\n");
	EXPECT_LINE(p.slave, "c\n");
	EXPECT_BYTES(p.master, "ab\\ba/c\r\n");
}

TEST(echo)
{
	struct pair p = pair_open();
	type(p.master, "a\tb" ESC "\n");
	EXPECT_LINE(p.slave, "a\tb" ESC "\n");
	EXPECT_BYTES(p.master, "a\tb^[\r\n");
	set_flags(p.slave, 0, 0, ECHOCTL, 0, 0);
	type(p.master, ESC "\n");
	EXPECT_BYTES(p.master, ESC "\r\n");
	EXPECT_LINE(p.slave, ESC "\n");
	set_flags(p.slave, 0, 0, ECHO, 0, 0);
	type(p.master, "silent\n");
	EXPECT_LINE(p.slave, "silent\n");
	EXPECT_QUIET(p.master);
	set_flags(p.slave, 0, 0, 0, 0, ECHONL);
	type(p.master, "nl\n");
	EXPECT_LINE(p.slave, "nl\n");
	EXPECT_BYTES(p.master, "\r\n");
	EXPECT_QUIET(p.master);
}

TEST(literal_next_and_reprint)
{
	struct pair p = pair_open();
	type(p.master, "a\026\003\026\004b\022c\n");
	EXPECT_LINE(p.slave, "a\003\004bc\n");
	EXPECT_BYTES(p.master, "a^\b^C^\b^Db^R\r\na^C^Dbc\r\n");
}

TEST(more_line_ends)
{
	struct pair p = pair_open();
	struct termios t;
	tcgetattr(p.slave, &t);
	t.c_cc[VEOL] = ';';
	t.c_cc[VEOL2] = '!';
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.master, "a;b!c\n");
	EXPECT_LINE(p.slave, "a;");
	EXPECT_LINE(p.slave, "b!");
	EXPECT_LINE(p.slave, "c\n");
	EXPECT_BYTES(p.master, "a;b!c\r\n");
}

TEST(carriage_returns_on_input)
{
	struct pair p = pair_open();
	make_raw(p.slave, 1, 0);
	set_flags(p.slave, 0, 0, 0, ICRNL, 0);
	type(p.master, "\r\n");
	EXPECT_BYTES(p.slave, "\n\n");
	set_flags(p.slave, ICRNL, 0, 0, INLCR, 0);
	type(p.master, "\r\n");
	EXPECT_BYTES(p.slave, "\r\r");
	set_flags(p.slave, INLCR, 0, 0, IGNCR, 0);
	type(p.master, "\ra\n");
	EXPECT_BYTES(p.slave, "a\n");
	set_flags(p.slave, IGNCR, 0, 0, ISTRIP, 0);
	type(p.master, "\xe1");
	EXPECT_BYTES(p.slave, "a");
}

TEST(output_processing)
{
	struct pair p = pair_open();
	struct termios t;
	type(p.slave, "a\nb\tc");
	EXPECT_BYTES(p.master, "a\r\nb\tc");
	tcgetattr(p.slave, &t);
	t.c_oflag = OPOST | XTABS;
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.slave, "\rb\tc\n");
	EXPECT_BYTES(p.master, "\rb       c\n");
	t.c_oflag = OPOST | OCRNL;
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.slave, "x\r");
	EXPECT_BYTES(p.master, "x\n");
	t.c_oflag = OPOST | ONOCR | OLCUC;
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.slave, "\r\ry\rz");
	EXPECT_BYTES(p.master, "\rY\rZ");
	t.c_oflag = 0;
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.slave, "raw\n");
	EXPECT_BYTES(p.master, "raw\n");
}

TEST(stop_and_start)
{
	struct pair p = pair_open();
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	type(p.master, "\023");
	EVENTUALLY(!is_ready(p.slave, POLLOUT, 0));
	EXPECT_ERRNO(write(p.slave, "x", 1), EAGAIN);
	type(p.master, "e");              /* is echoed later */
	EXPECT_QUIET(p.master);
	type(p.master, "\021");
	EXPECT_BYTES(p.master, "e");
	EXPECT(is_ready(p.slave, POLLOUT, 1000));
	type(p.slave, "y");
	EXPECT_BYTES(p.master, "y");
	ASSERT_OK(tcflow(p.slave, TCOOFF));
	EXPECT_ERRNO(write(p.slave, "x", 1), EAGAIN);
	type(p.master, "\021q\n");         /* does not undo what tcflow did */
	EVENTUALLY(is_ready(p.slave, POLLIN, 0));
	EXPECT_ERRNO(write(p.slave, "x", 1), EAGAIN);
	ASSERT_OK(tcflow(p.slave, TCOON));
	EXPECT_EQ(write(p.slave, "x", 1), 1);
	EXPECT_BYTES(p.master, "q\r\nx");
	ASSERT_OK(tcflow(p.slave, TCIOFF));
	ASSERT_OK(tcflow(p.slave, TCION));
	EXPECT_BYTES(p.master, "\023\021");
	EXPECT_ERRNO(tcflow(p.slave, 77), EINVAL);
}

TEST(any_key_starts_with_ixany)
{
	struct pair p = pair_open();
	set_flags(p.slave, 0, 0, 0, IXANY, 0);
	type(p.master, "\023z");
	EXPECT_BYTES(p.master, "z");
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(write(p.slave, "x", 1), 1);
}

TEST(an_overlong_line_keeps_its_newline)
{
	struct pair p = pair_open();
	static char block[5000], got[8192];
	set_flags(p.slave, 0, 0, ECHO, 0, 0);
	memset(block, 'x', sizeof(block));
	ASSERT_EQ(write(p.master, block, sizeof(block)), sizeof(block));
	type(p.master, "\n");
	ASSERT(is_ready(p.slave, POLLIN, 1000));
	EXPECT_EQ(read(p.slave, got, sizeof(got)), 4096);
	EXPECT_EQ(got[4095], '\n');
	EXPECT_EQ(got[4094], 'x');
}

TEST(how_much_can_be_read)
{
	struct pair p = pair_open();
	int n = -1;
	type(p.master, "abc\n\004de");
	EVENTUALLY(count(p.master) == 7);
	EXPECT_EQ(count(p.slave), 4);
	ASSERT_OK(ioctl(p.slave, TIOCOUTQ, &n));
	EXPECT_EQ(n, 0);
	set_flags(p.slave, 0, 0, ICANON, 0, 0);
	EXPECT_EQ(count(p.slave), 7);
}

TEST(flushing)
{
	struct pair p = pair_open();
	type(p.master, "abc\nde");
	EXPECT_BYTES(p.master, "abc\r\nde");
	ASSERT_OK(tcflush(p.slave, TCIFLUSH));
	EXPECT_QUIET(p.slave);
	type(p.master, "f\n");
	EXPECT_LINE(p.slave, "f\n");
	EXPECT_BYTES(p.master, "f\r\n");
	type(p.slave, "out");
	EVENTUALLY(count(p.master) == 3);
	ASSERT_OK(tcflush(p.master, TCIFLUSH));
	EXPECT_EQ(count(p.master), 0);
	type(p.master, "gone\n");
	EXPECT_BYTES(p.master, "gone\r\n");
	struct termios t;
	tcgetattr(p.slave, &t);
	ASSERT_OK(tcsetattr(p.slave, TCSAFLUSH, &t));
	EXPECT_QUIET(p.slave);
	EXPECT_ERRNO(ioctl(p.slave, TCFLSH, 9), EINVAL);
	EXPECT_OK(tcdrain(p.slave));
	EXPECT_OK(tcsendbreak(p.slave, 0));
}

TEST(leaving_and_entering_line_mode)
{
	struct pair p = pair_open();
	type(p.master, "ab");
	EXPECT_QUIET(p.slave);
	set_flags(p.slave, 0, 0, ICANON, 0, 0);
	EXPECT_BYTES(p.slave, "ab");
	type(p.master, "cd");
	EVENTUALLY(count(p.slave) == 2);
	set_flags(p.slave, 0, 0, 0, 0, ICANON);
	EXPECT_LINE(p.slave, "cd");
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

TEST(vmin_zero_vtime_zero_polls)
{
	struct pair p = pair_open();
	char buf[16];
	make_raw(p.slave, 0, 0);
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 0);
	type(p.master, "x");
	EXPECT_BYTES(p.slave, "x");
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 0);
}

TEST(vmin_counts_bytes)
{
	struct pair p = pair_open();
	char buf[16];
	make_raw(p.slave, 3, 0);
	type(p.master, "ab");
	EXPECT(!is_ready(p.slave, POLLIN, 50));
	pid_t pid = fork();
	if (pid == 0) {
		usleep(30000);
		type(p.master, "c");
		_exit(0);
	}
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 3);
	waitpid(pid, NULL, 0);
	type(p.master, "xy");
	EXPECT_EQ(read(p.slave, buf, 2), 2);              /* no more was asked for */
	type(p.master, "z");
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 1);
	EXPECT_ERRNO(read(p.slave, buf, sizeof(buf)), EAGAIN);
}

TEST(vtime_alone_limits_the_wait)
{
	struct pair p = pair_open();
	char buf[16];
	struct timespec start;
	make_raw(p.slave, 0, 2);
	clock_gettime(CLOCK_MONOTONIC, &start);
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 0);
	EXPECT(ms_since(&start) >= 190 && ms_since(&start) < 2000);
	type(p.master, "x");
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 1);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(read(p.slave, buf, sizeof(buf)), EAGAIN);
}

TEST(vtime_with_vmin_is_the_time_between_bytes)
{
	struct pair p = pair_open();
	char buf[16];
	struct timespec start;
	make_raw(p.slave, 10, 2);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(300000);           /* longer than VTIME: no byte, no clock */
		type(p.master, "a");
		usleep(100000);
		type(p.master, "b");
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 2);
	EXPECT(ms_since(&start) >= 500);
	waitpid(pid, NULL, 0);
}
