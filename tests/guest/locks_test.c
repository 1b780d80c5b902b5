/* locks_test.c - flock(2) and fcntl(2) locks between processes. */
#include "tests/guest/fs.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

COVERS(flock, fcntl);

static int setlk(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	return fcntl(fd, cmd, &fl);
}

/* Runs the block in a child that has the file open anew as fd; its failures are the test's. */
#define OTHER_PROCESS(...)                                              \
	do {                                                            \
		pid_t other_ = fork();                                  \
		ASSERT_OK(other_);                                      \
		if (other_ == 0) {                                      \
			int fd = open("f", O_RDWR);                     \
			ASSERT_OK(fd);                                  \
			__VA_ARGS__;                                    \
			_exit(guest_failed);                            \
		}                                                       \
		int other_status_;                                      \
		ASSERT_EQ(waitpid(other_, &other_status_, 0), other_);  \
		if (other_status_)                                      \
			_exit(1);                                       \
	} while (0)

TEST(record_locks)
{
	scratch();
	int mine = file_with("f", "0123456789");
	EXPECT_OK(setlk(mine, F_SETLK, F_WRLCK, 2, 3));
	EXPECT_OK(setlk(mine, F_SETLK, F_RDLCK, 8, 0));
	pid_t me = getpid();
	OTHER_PROCESS({
		EXPECT_ERRNO(setlk(fd, F_SETLK, F_RDLCK, 0, 3), EAGAIN);
		EXPECT_OK(setlk(fd, F_SETLK, F_WRLCK, 0, 2));
		EXPECT_OK(setlk(fd, F_SETLK, F_RDLCK, 9, 1));
		EXPECT_ERRNO(setlk(fd, F_SETLK, F_WRLCK, 100, 1), EAGAIN);
		struct flock fl = { .l_type = F_WRLCK, .l_start = 3, .l_len = 1 };
		EXPECT_OK(fcntl(fd, F_GETLK, &fl));
		EXPECT_EQ(fl.l_type, F_WRLCK);
		EXPECT_EQ(fl.l_start, 2);
		EXPECT_EQ(fl.l_len, 3);
		EXPECT_EQ(fl.l_pid, me);
		fl = (struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
		EXPECT_OK(fcntl(fd, F_GETLK, &fl));
		EXPECT_EQ(fl.l_type, F_UNLCK);
	});
	/* Not inherited by fork, and any close of the file drops them. */
	close(open("f", O_RDONLY));
	OTHER_PROCESS(EXPECT_OK(setlk(fd, F_SETLK, F_WRLCK, 0, 0)));
	EXPECT_ERRNO(setlk(mine, F_SETLK, 99, 0, 0), EINVAL);
	EXPECT_ERRNO(setlk(mine, F_SETLK, F_WRLCK, -5, 1), EINVAL);
	int rd = open("f", O_RDONLY);
	EXPECT_ERRNO(setlk(rd, F_SETLK, F_WRLCK, 0, 0), EBADF);
	EXPECT_OK(setlk(rd, F_SETLK, F_RDLCK, 0, 0));
	EXPECT_ERRNO(fcntl(mine, F_SETLK, 8), EFAULT);
	scratch_end();
}

/* Setting only reads it, getting writes it too; other commands take what looks like its address for a number. */
TEST(where_the_struct_lies)
{
	static const struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1 };
	scratch();
	int fd = file_with("f", "0123456789");
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_OK(p == MAP_FAILED ? -1 : 0);
	ASSERT_OK(munmap(p + page, (size_t)page));
	char *end = p + page - 16;
	memcpy(end, &lock, 16);
	for (int i = 0; i < 40; i++) {            /* so often that the site is rewritten */
		EXPECT_OK(fcntl(fd, F_SETLK, &lock));
		EXPECT_OK(fcntl(fd, F_OFD_GETLK, &(struct flock){ .l_type = F_RDLCK, .l_start = 5, .l_len = 1 }));
		EXPECT_ERRNO(fcntl(fd, F_SETLK, end), EFAULT);
		EXPECT_ERRNO(fcntl(fd, F_GETLK, end), EFAULT);
		EXPECT_ERRNO(fcntl(fd, F_SETLK, NULL), EFAULT);
		EXPECT_OK(fcntl(fd, F_SETFD, end));
		EXPECT_ERRNO(fcntl(fd, F_GETLK, &lock), EFAULT);
	}
	munmap(p, (size_t)page);
	scratch_end();
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(waiting_for_a_lock)
{
	scratch();
	int mine = file_with("f", ""), p[2];
	ASSERT_OK(pipe(p));
	ASSERT_OK(setlk(mine, F_SETLK, F_WRLCK, 0, 0));
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("f", O_RDWR);
		struct sigaction sa = { .sa_handler = nothing };
		sigaction(SIGALRM, &sa, NULL);
		alarm(1);
		EXPECT_ERRNO(setlk(fd, F_SETLKW, F_RDLCK, 0, 0), EINTR);
		EXPECT_EQ(write(p[1], "x", 1), 1);
		EXPECT_OK(setlk(fd, F_SETLKW, F_RDLCK, 0, 0));
		_exit(guest_failed);
	}
	char c;
	ASSERT_EQ(read(p[0], &c, 1), 1);
	ASSERT_OK(setlk(mine, F_SETLK, F_UNLCK, 0, 0));
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	scratch_end();
}

TEST(deadlock_is_noticed)
{
	scratch();
	int mine = file_with("f", ""), p[2];
	ASSERT_OK(pipe(p));
	ASSERT_OK(setlk(mine, F_SETLK, F_WRLCK, 0, 1));
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("f", O_RDWR);
		ASSERT_OK(setlk(fd, F_SETLK, F_WRLCK, 1, 1));
		ASSERT_EQ(write(p[1], "x", 1), 1);
		/* One of the two waits, the other one is told. */
		int r = setlk(fd, F_SETLKW, F_WRLCK, 0, 1);
		_exit(r == 0 ? 10 : errno == EDEADLK ? 11 : 12);
	}
	char c;
	ASSERT_EQ(read(p[0], &c, 1), 1);
	int r = setlk(mine, F_SETLKW, F_WRLCK, 1, 1), told = r < 0 && errno == EDEADLK, status;
	setlk(mine, F_SETLK, F_UNLCK, 0, 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), told ? 10 : 11);
	scratch_end();
}

TEST(open_file_description_locks)
{
	scratch();
	int a = file_with("f", ""), b = open("f", O_RDWR), dup_a = dup(a);
	EXPECT_OK(setlk(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	EXPECT_ERRNO(setlk(b, F_OFD_SETLK, F_RDLCK, 5, 1), EAGAIN);
	EXPECT_ERRNO(setlk(b, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	EXPECT_OK(setlk(dup_a, F_OFD_SETLK, F_RDLCK, 0, 10));
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	EXPECT_OK(fcntl(b, F_OFD_GETLK, &fl));
	EXPECT_EQ(fl.l_type, F_RDLCK);
	EXPECT_EQ(fl.l_pid, -1);
	fl = (struct flock){ .l_type = F_WRLCK, .l_pid = 1 };
	EXPECT_ERRNO(fcntl(b, F_OFD_SETLK, &fl), EINVAL);
	close(a);
	EXPECT_ERRNO(setlk(b, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	close(dup_a);
	EXPECT_OK(setlk(b, F_OFD_SETLK, F_WRLCK, 0, 1));
	scratch_end();
}

TEST(deadlock_that_shows_only_when_another_lock_goes)
{
	scratch();
	int f = file_with("f", ""), ready[2], status;
	ASSERT_OK(pipe(ready));
	EXPECT_OK(setlk(f, F_SETLK, F_WRLCK, 0, 1));          /* the parent: byte 0 */
	pid_t second = fork();
	if (!second) {
		if (setlk(f, F_SETLK, F_WRLCK, 1, 1) || write(ready[1], "x", 1) != 1)
			_exit(1);
		while (access("third", F_OK))
			sched_yield();
		int r = setlk(f, F_SETLKW, F_WRLCK, 2, 1);        /* waits for the third */
		_exit(r == -1 && errno == EDEADLK ? 11 : r ? 1 : 0);
	}
	char c;
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	pid_t third = fork();
	if (!third) {
		if (setlk(f, F_SETLK, F_WRLCK, 2, 1))
			_exit(1);
		close(open("third", O_CREAT | O_RDWR, 0600));
		int r = setlk(f, F_SETLKW, F_WRLCK, 0, 2);        /* the parent's first, then the second's */
		_exit(r == -1 && errno == EDEADLK ? 11 : r ? 1 : 0);
	}
	while (access("third", F_OK))
		sched_yield();
	usleep(50000);                    /* makes it likely that both wait already; one of them is told in any case */
	EXPECT_OK(setlk(f, F_SETLK, F_UNLCK, 0, 1));
	ASSERT_EQ(waitpid(third, &status, 0), third);
	int codes = WEXITSTATUS(status);
	ASSERT_EQ(waitpid(second, &status, 0), second);
	EXPECT_EQ(codes + WEXITSTATUS(status), 11);
	scratch_end();
}

TEST(whole_file_locks)
{
	scratch();
	int a = file_with("f", ""), b = open("f", O_RDONLY);
	EXPECT_OK(flock(a, LOCK_SH));
	EXPECT_OK(flock(b, LOCK_SH | LOCK_NB));
	EXPECT_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	EXPECT_OK(flock(a, LOCK_UN));
	EXPECT_OK(flock(b, LOCK_EX | LOCK_NB));
	EXPECT_ERRNO(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	EXPECT_ERRNO(flock(a, 0), EINVAL);
	EXPECT_ERRNO(flock(999, LOCK_SH), EBADF);
	pid_t pid = fork();
	if (pid == 0) {                           /* the child's descriptor is the same open file: it may unlock */
		EXPECT_OK(flock(b, LOCK_UN));
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_OK(flock(a, LOCK_EX | LOCK_NB));
	pid = fork();
	if (pid == 0) {
		close(a);
		EXPECT_OK(flock(b, LOCK_EX));     /* waits until the parent closes */
		_exit(guest_failed);
	}
	close(a);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	scratch_end();
}

/* How often the file has a line with these words in it. */
static int lines_with(const char *file, const char *words)
{
	char line[256];
	int n = 0;
	FILE *f = fopen(file, "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, words) != NULL;
	fclose(f);
	return n;
}

TEST(proc_tells_of_locks)
{
	scratch();
	int whole = file_with("f", "some bytes"), ranges = open("f", O_RDWR), own = open("f", O_RDWR);
	ASSERT_OK(flock(whole, LOCK_EX));
	ASSERT_OK(setlk(ranges, F_SETLK, F_RDLCK, 5, 10));
	ASSERT_OK(setlk(ranges, F_SETLK, F_WRLCK, 50, 0));
	ASSERT_OK(setlk(own, F_OFD_SETLK, F_RDLCK, 20, 3));
	struct stat st;
	char id[64], line[200], file[64];
	ASSERT_OK(fstat(own, &st));
	snprintf(id, sizeof(id), "%02x:%02x:%lu", major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
	const struct { int fd, pid; const char *what, *range; } want[] = {
		{ whole, getpid(), "FLOCK  ADVISORY  WRITE", "0 EOF" },
		{ ranges, getpid(), "POSIX  ADVISORY  READ", "5 14" },
		{ ranges, getpid(), "POSIX  ADVISORY  WRITE", "50 EOF" },
		{ own, -1, "OFDLCK ADVISORY  READ", "20 22" },
	};
	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), ": %s %d %s %s\n", want[i].what, want[i].pid, id, want[i].range);
		EXPECT_EQ(lines_with("/proc/locks", line), 1);
		for (int k = 0; k < 3; k++) {
			int fd = (int[]){ whole, ranges, own }[k];
			snprintf(file, sizeof(file), "/proc/self/fdinfo/%d", fd);
			EXPECT_EQ(lines_with(file, line), fd == want[i].fd);
		}
	}
	close(own);
	EXPECT_EQ(lines_with("/proc/locks", id), 1);        /* closing one took the process's ranges, too */
	close(whole);
	EXPECT_EQ(lines_with("/proc/locks", id), 0);
	close(ranges);
	scratch_end();
}
