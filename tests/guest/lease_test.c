/* lease_test.c - leases, O_ASYNC, F_NOTIFY: files that tell their owner (fcntl(2)). */
#include "tests/guest/fs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

COVERS(fcntl, open, truncate);

static sigset_t told;

static void block(int sig)
{
	sigemptyset(&told);
	sigaddset(&told, sig);
	sigprocmask(SIG_BLOCK, &told, NULL);
}

static int wait_told(siginfo_t *info, int seconds)
{
	struct timespec limit = { seconds, 0 };
	return sigtimedwait(&told, info, &limit);
}

TEST(leases_need_the_file_for_themselves)
{
	scratch();
	close(file_with("f", "x"));
	int rd = open("f", O_RDONLY);
	ASSERT_OK(rd);
	if (fcntl(rd, F_SETLEASE, F_RDLCK) < 0 && errno == EINVAL)
		SKIP("no leases on this file system");
	EXPECT_EQ(fcntl(rd, F_GETLEASE), F_RDLCK);
	EXPECT_EQ(fcntl(rd, F_SETLEASE, F_WRLCK), 0);
	EXPECT_EQ(fcntl(rd, F_GETLEASE), F_WRLCK);
	EXPECT_EQ(fcntl(rd, F_SETLEASE, F_UNLCK), 0);
	EXPECT_EQ(fcntl(rd, F_GETLEASE), F_UNLCK);
	EXPECT_ERRNO(fcntl(rd, F_SETLEASE, F_UNLCK), EAGAIN);
	EXPECT_ERRNO(fcntl(rd, F_SETLEASE, 77), EINVAL);
	int second = open("f", O_RDONLY);
	EXPECT_ERRNO(fcntl(rd, F_SETLEASE, F_WRLCK), EAGAIN);
	EXPECT_EQ(fcntl(rd, F_SETLEASE, F_RDLCK), 0);
	EXPECT_EQ(fcntl(second, F_SETLEASE, F_RDLCK), 0);
	close(second);
	EXPECT_EQ(fcntl(rd, F_SETLEASE, F_UNLCK), 0);
	int wr = open("f", O_WRONLY);
	EXPECT_ERRNO(fcntl(rd, F_SETLEASE, F_RDLCK), EAGAIN);
	EXPECT_ERRNO(fcntl(wr, F_SETLEASE, F_RDLCK), EAGAIN);
	EXPECT_ERRNO(fcntl(open(".", O_RDONLY), F_SETLEASE, F_RDLCK), EINVAL);
	scratch_end();
}

TEST(who_opens_waits_for_the_holder)
{
	scratch();
	close(file_with("f", "x"));
	block(SIGIO);
	int rd = open("f", O_RDONLY);
	if (fcntl(rd, F_SETLEASE, F_RDLCK) < 0)
		SKIP("no leases on this file system");
	EXPECT_OK(close(open("f", O_RDONLY)));            /* not in the way */
	EXPECT_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
	EXPECT_EQ(wait_told(NULL, 5), SIGIO);
	EXPECT_EQ(fcntl(rd, F_GETLEASE), F_UNLCK);        /* what it has to become */
	pid_t pid = fork();
	if (!pid) {
		close(rd);
		_exit(open("f", O_WRONLY) < 0);
	}
	int status;
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	EXPECT_EQ(fcntl(rd, F_SETLEASE, F_UNLCK), 0);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);

	close(rd);
	rd = open("f", O_RDONLY);
	ASSERT_OK(fcntl(rd, F_SETLEASE, F_WRLCK));
	pid = fork();
	if (!pid)
		_exit(truncate("f", 0) != 0);
	EXPECT_EQ(wait_told(NULL, 5), SIGIO);
	close(rd);                                        /* the child's copy keeps it */
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	scratch_end();
}

TEST(a_ready_pipe_tells_its_owner)
{
	int p[2];
	siginfo_t info;
	block(SIGRTMIN + 1);
	ASSERT_OK(pipe(p));
	ASSERT_OK(fcntl(p[0], F_SETOWN, getpid()));
	ASSERT_OK(fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
	ASSERT_OK(write(p[1], "a", 1));
	EXPECT_EQ(wait_told(&info, 0), -1);               /* nobody asked yet */
	ASSERT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
	EXPECT(fcntl(p[0], F_GETFL) & O_ASYNC);
	ASSERT_OK(write(p[1], "a", 1));
	EXPECT_EQ(wait_told(&info, 5), SIGRTMIN + 1);
	EXPECT_EQ(info.si_fd, p[0]);
	EXPECT_EQ(info.si_code, POLL_IN);
	ASSERT_OK(fcntl(p[0], F_SETFL, 0));
	EXPECT(!(fcntl(p[0], F_GETFL) & O_ASYNC));
	ASSERT_OK(write(p[1], "a", 1));
	while (wait_told(&info, 0) > 0)
		;
	ASSERT_OK(write(p[1], "a", 1));
	EXPECT_EQ(wait_told(&info, 0), -1);
}

TEST(a_ready_socket_sends_sigio)
{
	int s[2];
	block(SIGIO);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	ASSERT_OK(fcntl(s[0], F_SETOWN, getpid()));
	ASSERT_OK(fcntl(s[0], F_SETFL, O_ASYNC));
	ASSERT_OK(write(s[1], "a", 1));
	EXPECT_EQ(wait_told(NULL, 5), SIGIO);
}

TEST(open_tells_whether_it_made_the_file)
{
	enum { QUERY = 1024 + 4 };
	scratch();
	int made = open("f", O_CREAT | O_RDWR, 0600), found = open("f", O_CREAT | O_RDWR, 0600);
	int answer = fcntl(made, QUERY, 0);
	if (answer < 0 && errno == EINVAL)
		SKIP("this kernel doesn't know");
	EXPECT_EQ(answer, 1);
	EXPECT_EQ(fcntl(found, QUERY, 0), 0);
	scratch_end();
}

TEST(a_directory_tells_what_happens_in_it)
{
	siginfo_t info;
	scratch();
	block(SIGRTMIN + 2);
	int dir = open(".", O_RDONLY);
	close(file_with("f", "x"));
	ASSERT_OK(fcntl(dir, F_SETSIG, SIGRTMIN + 2));
	if (fcntl(dir, F_NOTIFY, DN_ATTRIB) < 0 && errno == EINVAL)
		SKIP("no F_NOTIFY in this kernel");
	EXPECT_ERRNO(fcntl(open("f", O_RDONLY), F_NOTIFY, DN_ATTRIB), ENOTDIR);
	ASSERT_OK(chmod("f", 0600));
	EXPECT_EQ(wait_told(&info, 5), SIGRTMIN + 2);
	EXPECT_EQ(info.si_fd, dir);
	ASSERT_OK(chmod("f", 0640));
	EXPECT_EQ(wait_told(&info, 0), -1);               /* it was for once */
	ASSERT_OK(fcntl(dir, F_NOTIFY, DN_RENAME | DN_MULTISHOT));
	ASSERT_OK(mkdir("d", 0700));
	EXPECT_EQ(wait_told(&info, 0), -1);
	ASSERT_OK(rename("f", "g"));
	EXPECT_EQ(wait_told(&info, 5), SIGRTMIN + 2);
	ASSERT_OK(rename("g", "d/g"));                    /* out of it: no rename within */
	EXPECT_EQ(wait_told(&info, 0), -1);
	ASSERT_OK(rename("d", "e"));
	EXPECT_EQ(wait_told(&info, 5), SIGRTMIN + 2);
	close(dup(dir));                                  /* any close ends it */
	ASSERT_OK(rename("e", "d"));
	EXPECT_EQ(wait_told(&info, 0), -1);
	scratch_end();
}
