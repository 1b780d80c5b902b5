/* rw_test.c - read(2), write(2) and all their forms, lseek(2), copying between files, syncing. */
#include "tests/guest/fs.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* Where nothing is mapped, and a number the compiler doesn't look through. */
static void *volatile bad_pointer = (void *)8;
static volatile int minus_one = -1, too_many = 1025;

COVERS(read, write, pread64, pwrite64, readv, writev, preadv, pwritev, preadv2, pwritev2, lseek);
COVERS(sendfile, copy_file_range);
COVERS(fallocate, fsync, fdatasync, sync, syncfs, sync_file_range, fadvise64, readahead);

TEST(positions)
{
	scratch();
	int fd = file_with("f", "0123456789");
	char buf[32];
	EXPECT_EQ(read(fd, buf, 4), 4);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
	EXPECT_EQ(pread(fd, buf, 4, 8), 2);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
	EXPECT_EQ(lseek(fd, -1, SEEK_END), 9);
	EXPECT_EQ(read(fd, buf, 10), 1);
	EXPECT_EQ(read(fd, buf, 10), 0);
	EXPECT_EQ(lseek(fd, 20, SEEK_SET), 20);
	EXPECT_EQ(read(fd, buf, 10), 0);
	EXPECT_EQ(write(fd, "x", 1), 1);
	EXPECT_EQ(pread(fd, buf, 32, 0), 21);
	EXPECT_EQ(buf[15], 0);
	EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	EXPECT_ERRNO(lseek(fd, 0, 99), EINVAL);
	EXPECT_ERRNO(lseek(999, 0, SEEK_SET), EBADF);
	EXPECT_EQ(lseek(fd, 0, SEEK_HOLE) <= 21, 1);
	EXPECT_EQ(lseek(fd, 20, SEEK_DATA), 20);
	EXPECT_ERRNO(lseek(fd, 21, SEEK_DATA), ENXIO);
	EXPECT_ERRNO(pread(fd, buf, 1, -1), EINVAL);
	EXPECT_ERRNO(pwrite(fd, buf, 1, -1), EINVAL);
	int p[2];
	ASSERT_OK(pipe(p));
	EXPECT_ERRNO(lseek(p[0], 0, SEEK_SET), ESPIPE);
	EXPECT_ERRNO(pread(p[0], buf, 1, 0), ESPIPE);
	scratch_end();
}

TEST(modes_and_pointers)
{
	scratch();
	close(file_with("f", "abc"));
	int rd = open("f", O_RDONLY), wr = open("f", O_WRONLY);
	char c;
	EXPECT_ERRNO(write(rd, "x", 1), EBADF);
	EXPECT_ERRNO(read(wr, &c, 1), EBADF);
	EXPECT_ERRNO(read(rd, bad_pointer, 1), EFAULT);
	EXPECT_ERRNO(write(wr, bad_pointer, 1), EFAULT);
	EXPECT_ERRNO(read(999, &c, 1), EBADF);
	EXPECT_EQ(read(rd, bad_pointer, 0), 0);
	EXPECT_EQ(write(wr, bad_pointer, 0), 0);
	EXPECT_EQ(read(rd, &c, 1), 1);
	EXPECT_EQ(c, 'a');
	scratch_end();
}

TEST(appending)
{
	scratch();
	close(file_with("f", "abc"));
	int fd = open("f", O_RDWR | O_APPEND);
	EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
	EXPECT_EQ(write(fd, "d", 1), 1);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
	EXPECT_EQ(pwrite(fd, "e", 1, 0), 1);      /* Linux appends even here */
	EXPECT_STREQ(content_of("f"), "abcde");
	int other = open("f", O_WRONLY | O_APPEND);
	EXPECT_EQ(write(other, "f", 1), 1);
	EXPECT_EQ(write(fd, "g", 1), 1);
	EXPECT_STREQ(content_of("f"), "abcdefg");
	scratch_end();
}

TEST(vectors)
{
	scratch();
	int fd = file_with("f", "");
	struct iovec v[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	EXPECT_EQ(writev(fd, v, 3), 5);
	EXPECT_EQ(pwritev(fd, v, 1, 5), 2);
	char a[3] = "", b[16] = "";
	struct iovec r[2] = { { a, 2 }, { b, 15 } };
	EXPECT_EQ(preadv(fd, r, 2, 0), 7);
	EXPECT_STREQ(a, "ab");
	EXPECT_STREQ(b, "cdeab");
	EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
	EXPECT_EQ(readv(fd, r, 2), 7);
	EXPECT_EQ(readv(fd, r, 0), 0);
	EXPECT_ERRNO(readv(fd, r, minus_one), EINVAL);
	EXPECT_ERRNO(readv(fd, r, too_many), EINVAL);
	struct iovec bad[2] = { { a, SSIZE_MAX }, { b, 10 } };
	EXPECT_ERRNO(readv(fd, bad_pointer, 1), EFAULT);
	bad[0].iov_len = (size_t)-1;
	EXPECT_ERRNO(readv(fd, bad, 2), EINVAL);
	EXPECT_EQ(preadv2(fd, r, 1, -1, 0), 0);   /* -1: the file's own offset, which is at the end */
	EXPECT_EQ(preadv2(fd, r, 1, 1, 0), 2);
	EXPECT_STREQ(a, "bc");
	EXPECT_EQ(pwritev2(fd, v, 1, 0, RWF_APPEND), 2);
	EXPECT_STREQ(content_of("f"), "abcdeabab");
	EXPECT_ERRNO(preadv2(fd, r, 1, 0, 0x40000000), EOPNOTSUPP);
	scratch_end();
}

TEST(a_partly_bad_buffer_is_a_short_read)
{
	scratch();
	int fd = file_with("f", "0123456789");
	char good[4] = "";
	struct iovec v[2] = { { good, 3 }, { bad_pointer, 3 } };
	EXPECT_EQ(preadv(fd, v, 2, 0), 3);
	EXPECT_STREQ(good, "012");
	v[0].iov_len = 0;
	EXPECT_ERRNO(preadv(fd, v, 2, 0), EFAULT);
	scratch_end();
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(pipes_and_signals)
{
	int p[2];
	ASSERT_OK(pipe(p));
	struct sigaction sa = { .sa_handler = nothing };
	sigaction(SIGALRM, &sa, NULL);
	char c;
	alarm(1);
	EXPECT_ERRNO(read(p[0], &c, 1), EINTR);
	static char big[200000];
	alarm(1);
	ssize_t n = write(p[1], big, sizeof(big));
	EXPECT_EQ(n, 65536);                      /* what went in before the signal */
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	EXPECT_ERRNO(write(p[1], "x", 1), EPIPE);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		write(p[1], "x", 1);
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

TEST(a_blocking_write_writes_all)
{
	int p[2];
	ASSERT_OK(pipe(p));
	static char big[300000];
	pid_t pid = fork();
	if (pid == 0) {
		close(p[1]);
		size_t total = 0;
		ssize_t n;
		while ((n = read(p[0], big, 7777)) > 0)
			total += (size_t)n;
		_exit(total == sizeof(big) ? 0 : 1);
	}
	EXPECT_EQ(write(p[1], big, sizeof(big)), sizeof(big));
	close(p[1]);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(limit_of_file_size)
{
	scratch();
	int fd = file_with("f", "");
	struct rlimit rl = { 10, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_OK(setrlimit(RLIMIT_FSIZE, &rl));
	EXPECT_EQ(write(fd, "0123456789abc", 13), 10);
	EXPECT_ERRNO(write(fd, "x", 1), EFBIG);
	EXPECT_ERRNO(ftruncate(fd, 11), EFBIG);
	EXPECT_OK(ftruncate(fd, 5));
	EXPECT_EQ(pwrite(fd, "abc", 3, 9), 1);
	EXPECT_ERRNO(fallocate(fd, 0, 0, 20), EFBIG);
	scratch_end();
}

TEST(copying)
{
	scratch();
	int in = file_with("in", "0123456789"), out = file_with("out", "");
	off_t off = 2, to = 1;
	EXPECT_EQ(sendfile(out, in, &off, 5), 5);
	EXPECT_EQ(off, 7);
	EXPECT_EQ(lseek(in, 0, SEEK_CUR), 0);
	EXPECT_EQ(sendfile(out, in, NULL, 100), 10);
	EXPECT_EQ(lseek(in, 0, SEEK_CUR), 10);
	EXPECT_STREQ(content_of("out"), "234560123456789");
	off = 0;
	EXPECT_EQ(copy_file_range(in, &off, out, &to, 3, 0), 3);
	EXPECT_EQ(to, 4);
	EXPECT_STREQ(content_of("out"), "201260123456789");
	EXPECT_ERRNO(copy_file_range(in, &off, out, &to, 3, 1), EINVAL);
	off = 0;
	to = 1;
	EXPECT_ERRNO(copy_file_range(in, &off, in, &to, 3, 0), EINVAL);
	int dir = open(".", O_RDONLY), p[2];
	ASSERT_OK(pipe(p));
	EXPECT_ERRNO(copy_file_range(dir, NULL, out, NULL, 3, 0), EISDIR);
	EXPECT_ERRNO(copy_file_range(p[0], NULL, out, NULL, 3, 0), EINVAL);
	EXPECT_ERRNO(sendfile(in, 999, NULL, 1), EBADF);
	EXPECT_ERRNO(sendfile(999, in, NULL, 1), EBADF);
	EXPECT_ERRNO(sendfile(out, dir, NULL, 1), EINVAL);
	off = -1;
	EXPECT_ERRNO(sendfile(out, in, &off, 1), EINVAL);
	scratch_end();
}

TEST(allocating_and_syncing)
{
	scratch();
	int fd = file_with("f", "abc"), rd = open("f", O_RDONLY), p[2], dir = open(".", O_RDONLY);
	struct stat st;
	ASSERT_OK(pipe(p));
	EXPECT_OK(fallocate(fd, 0, 0, 100));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, 100);
	EXPECT_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10000));
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, 100);
	EXPECT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2));
	char buf[4];
	EXPECT_EQ(pread(fd, buf, 3, 0), 3);
	EXPECT_EQ(memcmp(buf, "\0\0c", 3), 0);
	EXPECT_ERRNO(fallocate(fd, 0, -1, 1), EINVAL);
	EXPECT_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	EXPECT_ERRNO(fallocate(rd, 0, 0, 1), EBADF);
	EXPECT_ERRNO(fallocate(p[1], 0, 0, 1), ESPIPE);
	EXPECT_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	EXPECT_OK(fsync(fd));
	EXPECT_OK(fdatasync(rd));
	EXPECT_OK(fsync(dir));
	EXPECT_ERRNO(fsync(p[0]), EINVAL);
	EXPECT_ERRNO(fsync(999), EBADF);
	EXPECT_OK(syncfs(fd));
	EXPECT_OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	EXPECT_ERRNO(sync_file_range(fd, -1, 0, 0), EINVAL);
	EXPECT_ERRNO(sync_file_range(p[0], 0, 0, 0), ESPIPE);
	EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
	EXPECT_EQ(posix_fadvise(fd, 0, 0, 99), EINVAL);
	EXPECT_EQ(posix_fadvise(p[0], 0, 0, 0), ESPIPE);
	EXPECT_OK(readahead(fd, 0, 10));
	EXPECT_ERRNO(readahead(p[0], 0, 10), EINVAL);
	sync();
	scratch_end();
}

TEST(writers_of_one_offset_do_not_overlap)
{
	scratch();
	int fd = file_with("f", "");
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			char line[11];
			memset(line, 'a' + i, 10);
			line[9] = '\n';
			for (int n = 0; n < 50; n++)
				if (write(fd, line, 10) != 10)
					_exit(1);
			_exit(0);
		}
	}
	int status;
	while (wait(&status) > 0)
		EXPECT_EQ(status, 0);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_size, 2000);
	scratch_end();
}

TEST(positions_on_pipes_are_refused_first)
{
	COVERS(pread64, pwrite64, preadv2, pwritev2);
	int p[2];
	char c = 0;
	struct iovec v = { &c, 1 };
	ASSERT_OK(pipe(p));
	EXPECT_ERRNO(pwrite(p[0], &c, 1, 0), ESPIPE);
	EXPECT_ERRNO(pread(p[1], &c, 1, 0), ESPIPE);
	EXPECT_ERRNO(pwritev2(p[0], &v, 1, 0, 0), ESPIPE);
	EXPECT_ERRNO(preadv2(p[1], &v, 1, 0, 0), ESPIPE);
	EXPECT_ERRNO(pwritev2(p[0], &v, 1, -1, 0), EBADF);
}

TEST(sendfile_of_nothing_still_writes_the_offset)
{
	char empty[] = "/tmp/rw_emptyXXXXXX";
	int in = mkstemp(empty), out = open("/dev/null", O_WRONLY);
	ASSERT_OK(in);
	unlink(empty);
	off_t *off = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(off != MAP_FAILED);
	EXPECT_ERRNO(sendfile(out, in, off, 1), EFAULT);
}
