/* jobctl_tty_test.c - controlling terminals, foreground and background, hangup (credentials(7), ioctl_tty(2)). */
#include <sys/stat.h>

#include "tests/guest/pty.h"

COVERS(ioctl, setsid, setpgid, kill, read, write, open);

static int wait_for(pid_t pid, int options)
{
	int status = -1;
	ASSERT_EQ(waitpid(pid, &status, options), pid);
	return status;
}

/* Runs fn in a child that leads a session of its own with the slave as its controlling terminal. */
static pid_t session(struct pair p, void (*fn)(struct pair p))
{
	fflush(NULL);
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid)
		return pid;
	ASSERT_OK(setsid());
	ASSERT_OK(ioctl(p.slave, TIOCSCTTY, 0));
	fn(p);
	_exit(guest_failed ? 1 : 0);
}

static void run_session(void (*fn)(struct pair p))
{
	EXPECT_EQ(wait_for(session(pair_open(), fn), 0), 0);
}

static void basics(struct pair p)
{
	EXPECT_EQ(tcgetpgrp(p.slave), getpgrp());
	EXPECT_EQ(tcgetsid(p.slave), getpid());
	EXPECT_EQ(tcgetpgrp(p.master), getpgrp());
	EXPECT_EQ(tcgetsid(p.master), getpid());
	EXPECT_OK(ioctl(p.slave, TIOCSCTTY, 0));          /* again */
	int fd = open("/dev/tty", O_RDWR);
	ASSERT_OK(fd);
	type(fd, "hello");
	EXPECT_BYTES(p.master, "hello");
	EXPECT_ERRNO(tcsetpgrp(p.slave, 999999), ESRCH);
	EXPECT_ERRNO(tcsetpgrp(p.slave, -5), EINVAL);
	EXPECT_ERRNO(tcsetpgrp(p.slave, getppid()), EPERM);
	struct pair q = pair_open();
	EXPECT_ERRNO(ioctl(q.slave, TIOCSCTTY, 0), EPERM);        /* one is enough */
	EXPECT_ERRNO(tcgetpgrp(q.slave), ENOTTY);
	EXPECT_ERRNO(tcgetsid(q.slave), ENOTTY);
	EXPECT_EQ(tcgetpgrp(q.master), 0);
}

TEST(a_session_and_its_terminal)
{
	run_session(basics);
}

static void stat_fields(int *tty_nr, int *tpgid)
{
	char buf[1024] = { 0 };
	int fd = open("/proc/self/stat", O_RDONLY);
	read(fd, buf, sizeof(buf) - 1);
	close(fd);
	ASSERT_EQ(sscanf(strrchr(buf, ')') + 1, " %*c %*d %*d %*d %d %d", tty_nr, tpgid), 2);
}

static void in_proc(struct pair p)
{
	int nr, pgid, index;
	ioctl(p.master, TIOCGPTN, &index);
	stat_fields(&nr, &pgid);
	EXPECT_EQ(nr, 136 << 8 | index);
	EXPECT_EQ(pgid, getpgrp());
	ASSERT_OK(ioctl(p.slave, TIOCNOTTY));
	stat_fields(&nr, &pgid);
	EXPECT_EQ(nr, 0);
	EXPECT_EQ(pgid, -1);
}

TEST(proc_stat_tells_the_terminal)
{
	signal(SIGHUP, SIG_IGN);
	run_session(in_proc);
}

TEST(opening_a_terminal_makes_it_the_controlling_one_unless_told_not_to)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY);
	unlockpt(m);
	char *name = ptsname(m);
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
		int s = open(name, O_RDWR | O_NOCTTY);
		EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
		close(open(name, O_WRONLY));              /* one must be able to read it */
		EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
		close(open(name, O_RDWR));
		EXPECT_OK(open("/dev/tty", O_RDWR));
		EXPECT_EQ(tcgetsid(s), getpid());
		_exit(guest_failed ? 1 : 0);
	}
	EXPECT_EQ(wait_for(pid, 0), 0);
}

TEST(only_session_leaders_get_one)
{
	struct pair p = pair_open();
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t child = fork();
		if (child == 0) {
			EXPECT_ERRNO(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
			_exit(guest_failed ? 1 : 0);
		}
		_exit(wait_for(child, 0) ? 1 : 0);
	}
	EXPECT_EQ(wait_for(pid, 0), 0);
}

static void wait_forever(struct pair p)
{
	type(p.slave, "r");
	for (;;)
		pause();
}

TEST(keys_send_signals_to_the_foreground_group)
{
	static const struct { const char *key; int sig; } keys[] = { { "\003", SIGINT }, { "\034", SIGQUIT } };
	for (int i = 0; i < 2; i++) {
		struct pair p = pair_open();
		pid_t pid = session(p, wait_forever);
		EXPECT_BYTES(p.master, "r");
		type(p.master, keys[i].key);
		EXPECT_EQ(wait_for(pid, 0) & 0x7f, keys[i].sig);
	}
}

static void susp_stops_child(struct pair p)
{
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(p.slave, getpid());
		signal(SIGTTOU, SIG_DFL);
		wait_forever(p);
	}
	EXPECT_BYTES(p.master, "r");
	type(p.master, "\032");
	int status = wait_for(child, WUNTRACED);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
	signal(SIGTTOU, SIG_IGN);
	EXPECT_OK(tcsetpgrp(p.slave, getpgrp()));
	kill(child, SIGCONT);
	EXPECT(WIFCONTINUED(wait_for(child, WCONTINUED)));
	kill(child, SIGKILL);
	wait_for(child, 0);
}

TEST(the_suspend_key_stops_the_foreground_job)
{
	run_session(susp_stops_child);
}

static volatile sig_atomic_t got_int, got_winch;
static void on_signal(int sig)
{
	if (sig == SIGINT)
		got_int++;
	else
		got_winch++;
}

static void await(volatile sig_atomic_t *what)
{
	for (int i = 0; i < 2000 && !*what; i++)
		usleep(1000);
}

static void keys_and_data(struct pair p)
{
	signal(SIGINT, on_signal);
	type(p.master, "lost");
	EXPECT_BYTES(p.master, "lost");
	type(p.master, "\003kept\n");
	await(&got_int);
	EXPECT_EQ(got_int, 1);
	EXPECT_BYTES(p.slave, "kept\n");
	EXPECT_BYTES(p.master, "^Ckept\r\n");
	set_flags(p.slave, 0, 0, 0, 0, NOFLSH);
	got_int = 0;
	type(p.master, "a\003b\n");
	await(&got_int);
	EXPECT_EQ(got_int, 1);
	EXPECT_BYTES(p.slave, "ab\n");
	set_flags(p.slave, 0, 0, ISIG, 0, 0);
	type(p.master, "\003\n");
	EXPECT_BYTES(p.slave, "\003\n");
}

TEST(signal_keys_throw_typed_input_away_unless_noflsh)
{
	run_session(keys_and_data);
}

static void resize(struct pair p)
{
	signal(SIGWINCH, on_signal);
	struct winsize ws = { .ws_row = 40, .ws_col = 100, .ws_xpixel = 1 }, got;
	ASSERT_OK(ioctl(p.slave, TIOCGWINSZ, &got));
	EXPECT_EQ(got.ws_row, 0);
	ASSERT_OK(ioctl(p.master, TIOCSWINSZ, &ws));
	await(&got_winch);
	EXPECT_EQ(got_winch, 1);
	ASSERT_OK(ioctl(p.slave, TIOCGWINSZ, &got));
	EXPECT_EQ(memcmp(&ws, &got, sizeof(ws)), 0);
	ASSERT_OK(ioctl(p.slave, TIOCSWINSZ, &ws));       /* the same: no news */
	usleep(10000);
	EXPECT_EQ(got_winch, 1);
}

TEST(window_size_changes_are_told)
{
	run_session(resize);
}

/* What a background job of the session does, as the status of its end or stop. */
static int background(struct pair p, int (*fn)(struct pair p))
{
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(fn(p));
	}
	setpgid(child, child);
	int status = wait_for(child, WUNTRACED);
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		wait_for(child, 0);
	}
	return status;
}

static int bg_read(struct pair p)
{
	char c;
	return read(p.slave, &c, 1) == 1 ? 1 : errno;
}
static int bg_read_ignoring(struct pair p)
{
	signal(SIGTTIN, SIG_IGN);
	return bg_read(p);
}
static int bg_write(struct pair p)
{
	return write(p.slave, "x", 1) == 1 ? 0 : errno;
}
static int bg_write_ignoring(struct pair p)
{
	signal(SIGTTOU, SIG_IGN);
	return bg_write(p);
}
static int bg_settings(struct pair p)
{
	struct termios t;
	tcgetattr(p.slave, &t);
	return tcsetattr(p.slave, TCSANOW, &t) == 0 ? 0 : errno;
}
static int bg_tcsetpgrp(struct pair p)
{
	return tcsetpgrp(p.slave, getpid()) == 0 ? 0 : errno;
}
static int bg_orphan(struct pair p)
{
	pid_t own = getpid();
	int fds[2];
	pipe(fds);
	pid_t child = fork();
	if (child == 0) {
		while (getppid() == own)          /* now the group is an orphan */
			usleep(1000);
		int err = bg_read(p);
		if (err == EIO && (errno = 0, bg_settings(p)) == EIO && bg_tcsetpgrp(p) == ENOTTY)
			write(p.slave, "orphan", 6);
		write(fds[1], "x", 1);
		_exit(0);
	}
	return 0;
}

static void jobs(struct pair p)
{
	int status = background(p, bg_read);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
	EXPECT_EQ(background(p, bg_read_ignoring), EIO << 8);
	EXPECT_EQ(background(p, bg_write), 0);
	status = background(p, bg_settings);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
	status = background(p, bg_tcsetpgrp);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
	set_flags(p.slave, 0, 0, 0, 0, TOSTOP);
	status = background(p, bg_write);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
	EXPECT_EQ(background(p, bg_write_ignoring), 0);
	set_flags(p.slave, 0, 0, TOSTOP, 0, 0);
	EXPECT_BYTES(p.master, "xx");
	EXPECT_EQ(background(p, bg_orphan), 0);
	EXPECT_BYTES(p.master, "orphan");
}

TEST(what_background_jobs_may_do)
{
	run_session(jobs);
}

static int stopped_reader(struct pair p)
{
	char c;
	return read(p.slave, &c, 1) == 1 && c == 'k' ? 0 : 1;
}

static void bring_to_front(struct pair p)
{
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(stopped_reader(p));
	}
	setpgid(child, child);
	int status = wait_for(child, WUNTRACED);
	EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
	ASSERT_OK(tcsetpgrp(p.slave, child));
	kill(-child, SIGCONT);
	type(p.master, "k\n");
	EXPECT_EQ(wait_for(child, 0), 0);
}

TEST(a_job_stopped_for_reading_reads_when_in_the_foreground)
{
	run_session(bring_to_front);
}

static int hup_pipe[2];
static void leader_with_job(struct pair p)
{
	pid_t child = fork();
	if (child == 0) {
		close(hup_pipe[0]);
		wait_forever(p);          /* dies of SIGHUP, which closes the pipe */
	}
	close(hup_pipe[1]);
	EXPECT_BYTES(p.master, "r");
}

TEST(the_leaders_exit_hangs_up_the_foreground_job)
{
	ASSERT_OK(pipe(hup_pipe));
	struct pair p = pair_open();
	pid_t pid = session(p, leader_with_job);
	close(hup_pipe[1]);
	EXPECT_EQ(wait_for(pid, 0), 0);
	char c;
	EXPECT_EQ(read(hup_pipe[0], &c, 1), 0);
	/* The terminal is free again. */
	EXPECT_EQ(tcgetpgrp(p.master), 0);
	EXPECT_EQ(wait_for(session(p, basics), 0), 0);
}

static void leader_keeps_slave_only(struct pair p)
{
	close(p.master);
	wait_forever(p);
}

TEST(closing_the_master_sends_the_leader_sighup)
{
	struct pair p = pair_open();
	pid_t pid = session(p, leader_keeps_slave_only);
	EXPECT_BYTES(p.master, "r");
	close(p.slave);
	close(p.master);
	EXPECT_EQ(wait_for(pid, 0), SIGHUP);
}

static void give_up(struct pair p)
{
	signal(SIGHUP, SIG_IGN);
	int tty = open("/dev/tty", O_RDWR);
	ASSERT_OK(tty);
	pid_t child = fork();
	if (child == 0) {
		EXPECT_OK(ioctl(tty, TIOCNOTTY));         /* of itself alone */
		EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
		_exit(guest_failed ? 1 : 0);
	}
	EXPECT_EQ(wait_for(child, 0), 0);
	EXPECT_OK(open("/dev/tty", O_RDWR));
	EXPECT_OK(ioctl(tty, TIOCNOTTY));
	EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
	EXPECT_ERRNO(ioctl(tty, TIOCNOTTY), ENOTTY);
	EXPECT_OK(ioctl(p.slave, TIOCSCTTY, 0));
}

TEST(giving_the_terminal_up)
{
	run_session(give_up);
}

TEST(a_terminal_is_stolen_by_root_only)
{
	struct pair p = pair_open();
	pid_t owner = session(p, wait_forever);
	EXPECT_BYTES(p.master, "r");
	pid_t thief = fork();
	if (thief == 0) {
		setsid();
		EXPECT_ERRNO(ioctl(p.slave, TIOCSCTTY, 0), EPERM);
		if (geteuid() == 0)
			EXPECT_OK(ioctl(p.slave, TIOCSCTTY, 1));
		else
			EXPECT_ERRNO(ioctl(p.slave, TIOCSCTTY, 1), EPERM);
		_exit(guest_failed ? 1 : 0);
	}
	EXPECT_EQ(wait_for(thief, 0), 0);
	kill(owner, SIGKILL);
	wait_for(owner, 0);
}

TEST(exclusive_use)
{
	struct pair p = pair_open();
	int n = -1;
	ASSERT_OK(ioctl(p.slave, TIOCEXCL));
	ASSERT_OK(ioctl(p.slave, TIOCGEXCL, &n));
	EXPECT_EQ(n, 1);
	pid_t pid = fork();
	if (pid == 0) {
		char name[64];
		snprintf(name, sizeof(name), "%s", ptsname(p.master));
		if (geteuid() == 0) {
			chmod(name, 0666);
			setgid(1000);
			setuid(1000);
		}
		EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), EBUSY);
		ASSERT_OK(ioctl(p.slave, TIOCNXCL));
		EXPECT_OK(open(name, O_RDWR | O_NOCTTY));
		_exit(guest_failed ? 1 : 0);
	}
	EXPECT_EQ(wait_for(pid, 0), 0);
}

static void sti(struct pair p)
{
	EXPECT_OK(ioctl(p.slave, TIOCSTI, "q"));
	EXPECT_OK(ioctl(p.slave, TIOCSTI, "\n"));
	EXPECT_BYTES(p.slave, "q\n");
}

TEST(simulated_input)
{
	if (geteuid() != 0)
		SKIP("needs root");
	run_session(sti);
}
