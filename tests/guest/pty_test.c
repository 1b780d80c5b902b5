/* pty_test.c - pseudo terminals: both ends, their names and their death. */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "tests/guest/pty.h"

COVERS(open, read, write, ioctl, poll, close);

static int flag(int fd, unsigned long cmd)
{
	int n = -1;
	ASSERT_OK(ioctl(fd, cmd, &n));
	return n;
}

TEST(a_new_pty_is_locked_and_has_a_name)
{
	int m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	ASSERT_OK(m);
	char *name = ptsname(m);
	ASSERT(name != NULL);
	EXPECT_EQ(flag(m, TIOCGPTLCK), 1);
	EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	ASSERT_OK(grantpt(m));
	ASSERT_OK(unlockpt(m));
	EXPECT_EQ(flag(m, TIOCGPTLCK), 0);
	int s = open(name, O_RDWR | O_NOCTTY);
	ASSERT_OK(s);
	EXPECT(isatty(s));
	EXPECT(isatty(m));
	EXPECT_STREQ(ttyname(s), name);
	struct stat st;
	ASSERT_OK(fstat(s, &st));
	EXPECT(S_ISCHR(st.st_mode));
	EXPECT_EQ(major(st.st_rdev), 136);
	EXPECT_EQ(minor(st.st_rdev), flag(m, TIOCGPTN));
	EXPECT_EQ(st.st_uid, geteuid());
	ASSERT_OK(fstat(m, &st));
	EXPECT_EQ(st.st_rdev, makedev(5, 2));
	struct statfs fs;
	ASSERT_OK(statfs("/dev/pts", &fs));
	EXPECT_EQ(fs.f_type, 0x1cd1);
}

static bool is_listed(const char *name)
{
	DIR *d = opendir("/dev/pts");
	bool found = false;
	for (struct dirent *e; (e = readdir(d));)
		found |= strcmp(e->d_name, name) == 0;
	closedir(d);
	return found;
}

TEST(the_name_goes_with_the_master)
{
	struct pair p = pair_open();
	char name[64];
	snprintf(name, sizeof(name), "%s", ptsname(p.master));
	EXPECT(is_listed(strrchr(name, '/') + 1));
	EXPECT(is_listed("ptmx"));
	close(p.master);
	EXPECT_ERRNO(access(name, F_OK), ENOENT);
	EXPECT(!is_listed(strrchr(name, '/') + 1));
	/* Its number is not given out again while the slave is open. */
	struct pair q = pair_open();
	EXPECT(strcmp(ptsname(q.master), name) != 0);
}

TEST(opening_the_peer)
{
	int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), off = 0;
	EXPECT_ERRNO(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	ASSERT_OK(ioctl(m, TIOCSPTLCK, &off));
	int s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ASSERT_OK(s);
	EXPECT_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(s, F_GETFL) & (O_ACCMODE | O_NOCTTY), O_RDWR);
	EXPECT_STREQ(ttyname(s), ptsname(m));
}

TEST(bytes_go_both_ways)
{
	struct pair p = pair_open();
	make_raw(p.slave, 1, 0);
	type(p.master, "down\r\n");
	EXPECT_BYTES(p.slave, "down\r\n");
	type(p.slave, "up\r\n");
	EXPECT_BYTES(p.master, "up\r\n");
	EXPECT_ERRNO(lseek(p.slave, 0, SEEK_SET), ESPIPE);
	char c;
	EXPECT_ERRNO(pread(p.slave, &c, 1, 0), ESPIPE);
}

TEST(input_waits_for_a_slave_to_be_opened)
{
	struct pair p = pair_open();
	char *name = ptsname(p.master);
	close(p.slave);
	type(p.master, "early\n");
	int s = open(name, O_RDWR | O_NOCTTY);
	EXPECT_BYTES(s, "early\n");
}

TEST(closed_slave_is_eio_and_hangup_for_the_master_until_it_is_opened_again)
{
	struct pair p = pair_open();
	char buf[16];
	type(p.slave, "last");
	close(p.slave);
	struct pollfd pf = { .fd = p.master, .events = POLLIN | POLLOUT };
	ASSERT_EQ(poll(&pf, 1, 1000), 1);
	EXPECT_EQ(pf.revents, POLLIN | POLLOUT | POLLHUP);
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 4);
	EXPECT_ERRNO(read(p.master, buf, sizeof(buf)), EIO);
	int s = open(ptsname(p.master), O_RDWR | O_NOCTTY);
	pf.revents = 0;
	poll(&pf, 1, 0);
	EXPECT_EQ(pf.revents, POLLOUT);
	type(s, "again");
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 5);
}

TEST(closed_master_is_end_of_file_and_eio_for_the_slave)
{
	struct pair p = pair_open();
	char buf[16];
	struct winsize ws;
	type(p.master, "lost\n");
	close(p.master);
	EXPECT_EQ(read(p.slave, buf, sizeof(buf)), 0);
	EXPECT_ERRNO(write(p.slave, "x", 1), EIO);
	EXPECT_ERRNO(ioctl(p.slave, TIOCGWINSZ, &ws), EIO);
	EXPECT_ERRNO(tcgetattr(p.slave, &(struct termios){ 0 }), EIO);
	struct pollfd pf = { .fd = p.slave, .events = POLLIN | POLLOUT };
	ASSERT_EQ(poll(&pf, 1, 1000), 1);
	EXPECT_EQ(pf.revents, POLLIN | POLLOUT | POLLERR | POLLHUP);
}

TEST(a_reader_caught_by_the_hangup_gets_eio)
{
	struct pair p = pair_open();
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(p.master);
		ssize_t n = read(p.slave, &c, 1);
		_exit(n == -1 && errno == EIO ? 0 : n == 0 ? 10 : 11);
	}
	usleep(50000);                    /* either way it must end; this only makes the wait likely */
	close(p.master);
	int status;
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 10));
}

TEST(output_has_a_limit)
{
	struct pair p = pair_open();
	static char block[4096];
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	size_t total = 0;
	ssize_t n;
	memset(block, 'x', sizeof(block));
	/* Linux takes from one side's buffer to the other's behind one's back. */
	while ((n = write(p.slave, block, sizeof(block))) > 0 || (errno == EAGAIN && is_ready(p.slave, POLLOUT, 50)))
		total += n > 0 ? (size_t)n : 0;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(total >= 4096 && total <= 1 << 17);
	EXPECT(!is_ready(p.slave, POLLOUT, 0));
	size_t got = 0;
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	while ((n = read(p.master, block, sizeof(block))) > 0 || (errno == EAGAIN && is_ready(p.master, POLLIN, 100)))
		got += n > 0 ? (size_t)n : 0;
	EXPECT_EQ(got, total);
	EXPECT(is_ready(p.slave, POLLOUT, 1000));
}

TEST(input_has_a_limit_and_goes_on_when_read)
{
	struct pair p = pair_open();
	static char block[4096];
	make_raw(p.slave, 1, 0);
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	size_t total = 0, got = 0;
	ssize_t n;
	while ((n = write(p.master, block, sizeof(block))) > 0)
		total += (size_t)n;
	EXPECT_EQ(errno, EAGAIN);
	EXPECT(total >= 4096 && total <= 1 << 17);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	while ((n = read(p.slave, block, sizeof(block))) > 0 || (errno == EAGAIN && is_ready(p.slave, POLLIN, 100)))
		got += n > 0 ? (size_t)n : 0;
	EXPECT_EQ(got, total);
	EXPECT(is_ready(p.master, POLLOUT, 1000));
}

TEST(a_blocked_writer_goes_on_when_the_master_reads)
{
	struct pair p = pair_open();
	static char block[1 << 18];
	pid_t pid = fork();
	if (pid == 0) {
		close(p.master);
		set_flags(p.slave, 0, OPOST, 0, 0, 0);
		_exit(write(p.slave, block, sizeof(block)) == sizeof(block) ? 0 : 1);
	}
	close(p.slave);
	size_t got = 0;
	ssize_t n;
	while ((n = read(p.master, block, sizeof(block))) > 0)
		got += (size_t)n;
	EXPECT_EQ(got, sizeof(block));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(packet_mode)
{
	struct pair p = pair_open();
	char buf[16];
	int on = 1;
	ASSERT_OK(ioctl(p.master, TIOCPKT, &on));
	EXPECT_EQ(flag(p.master, TIOCGPKT), 1);
	type(p.slave, "ab");
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 3);
	EXPECT(memcmp(buf, "\0ab", 3) == 0);
	ASSERT_OK(tcflush(p.slave, TCIOFLUSH));
	EXPECT(is_ready(p.master, POLLPRI, 1000));
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 1);
	EXPECT_EQ(buf[0], TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	set_flags(p.slave, IXON, 0, 0, 0, 0);
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 1);
	EXPECT_EQ(buf[0], TIOCPKT_NOSTOP);
	set_flags(p.slave, 0, 0, 0, IXON, 0);
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 1);
	EXPECT_EQ(buf[0], TIOCPKT_DOSTOP);
	type(p.master, "\023");
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 1);
	EXPECT_EQ(buf[0], TIOCPKT_STOP);
	type(p.master, "\021");
	EXPECT_EQ(read(p.master, buf, sizeof(buf)), 1);
	EXPECT_EQ(buf[0], TIOCPKT_START);
}

TEST(the_node_can_be_given_away)
{
	if (geteuid() != 0)
		SKIP("needs root");
	struct pair p = pair_open();
	ASSERT_OK(fchown(p.slave, 12, 34));
	ASSERT_OK(fchmod(p.slave, 0604));
	struct stat st;
	ASSERT_OK(stat(ptsname(p.master), &st));
	EXPECT_EQ(st.st_uid, 12);
	EXPECT_EQ(st.st_gid, 34);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0604);
}

TEST(nothing_can_be_made_in_devpts)
{
	EXPECT(open("/dev/pts/file", O_CREAT | O_RDWR, 0600) < 0);
	EXPECT(mkdir("/dev/pts/dir", 0700) < 0);
}

TEST(many_ptys)
{
	int fds[64];
	for (int i = 0; i < 64; i++) {
		fds[i] = posix_openpt(O_RDWR | O_NOCTTY);
		ASSERT_OK(fds[i]);
	}
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < i; j++)
			EXPECT(flag(fds[i], TIOCGPTN) != flag(fds[j], TIOCGPTN));
}
