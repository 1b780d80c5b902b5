/* memfd_test.c - memfd_create(2) and file seals. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

TEST(is_a_file_without_a_place)
{
	COVERS(memfd_create, read, write, ftruncate, fstat);
	int fd = memfd_create("some name", MFD_CLOEXEC);
	ASSERT(fd >= 0);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	EXPECT_EQ(write(fd, "hello", 5), 5);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT(S_ISREG(st.st_mode));
	EXPECT_EQ(st.st_mode & 0777, 0777);
	EXPECT_EQ(st.st_size, 5);
	EXPECT_EQ(st.st_nlink, 0);
	char buf[100] = "", path[40];
	EXPECT_EQ(pread(fd, buf, 10, 0), 5);
	EXPECT_STREQ(buf, "hello");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_OK(readlink(path, buf, sizeof(buf)));
	EXPECT_STREQ(buf, "/memfd:some name (deleted)");
	int again = open(path, O_RDONLY);
	ASSERT(again >= 0);
	EXPECT_EQ(read(again, buf, 5), 5);
	EXPECT_ERRNO(write(again, "x", 1), EBADF);
}

TEST(arguments_are_checked)
{
	COVERS(memfd_create);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[249] = '\0';
	EXPECT_OK(memfd_create(name, 0));
	name[249] = 'n';
	name[250] = '\0';
	EXPECT_ERRNO(memfd_create(name, 0), EINVAL);
	EXPECT_ERRNO(memfd_create("x", 0x8000), EINVAL);
	EXPECT_ERRNO(memfd_create((char *)1, 0), EFAULT);
	EXPECT_OK(memfd_create("", 0));
}

TEST(seals_start_closed_without_allow_sealing)
{
	COVERS(fcntl);
	int fd = memfd_create("m", 0);
	EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	fd = memfd_create("m", MFD_ALLOW_SEALING);
	EXPECT_EQ(fcntl(fd, F_GET_SEALS), 0);
	EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, 0x4000), EINVAL);
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	int p[2];
	ASSERT_OK(pipe(p));
	EXPECT_ERRNO(fcntl(p[0], F_GET_SEALS), EINVAL);
}

TEST(sizes_are_sealed)
{
	COVERS(fcntl, ftruncate, write, fallocate);
	int fd = memfd_create("m", MFD_ALLOW_SEALING);
	ASSERT_OK(ftruncate(fd, 8192));
	ASSERT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	EXPECT_ERRNO(ftruncate(fd, 4096), EPERM);
	EXPECT_OK(ftruncate(fd, 12288));
	ASSERT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	EXPECT_ERRNO(ftruncate(fd, 16384), EPERM);
	EXPECT_ERRNO(pwrite(fd, "x", 1, 12288), EPERM);
	EXPECT_ERRNO(fallocate(fd, 0, 0, 16384), EPERM);
	EXPECT_OK(ftruncate(fd, 12288));
	EXPECT_EQ(pwrite(fd, "x", 1, 0), 1);
}

TEST(writing_is_sealed)
{
	COVERS(fcntl, write, mmap, mprotect, munmap);
	int fd = memfd_create("m", MFD_ALLOW_SEALING);
	ASSERT_EQ(write(fd, "text", 4), 4);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	ASSERT_OK(munmap(p, 4096));
	ASSERT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	EXPECT_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	p[0] = 'T';
	char c;
	EXPECT_EQ(pread(fd, &c, 1, 0), 1);
	EXPECT_EQ(c, 't');
}

TEST(future_writes_are_sealed)
{
	COVERS(fcntl, mmap, mprotect);
	int fd = memfd_create("m", MFD_ALLOW_SEALING);
	ASSERT_OK(ftruncate(fd, 4096));
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	p[0] = 'w';                               /* what was mapped before may go on */
	EXPECT_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	char *q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(q != MAP_FAILED);
	EXPECT_EQ(q[0], 'w');
	EXPECT_ERRNO(mprotect(q, 4096, PROT_READ | PROT_WRITE), EACCES);
}

TEST(execution_is_sealed)
{
	COVERS(memfd_create, fchmod, fcntl);
	int fd = memfd_create("m", MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		SKIP("kernel without MFD_NOEXEC_SEAL");
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_mode & 0777, 0666);
	EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC);
	EXPECT_ERRNO(fchmod(fd, 0777), EPERM);
	EXPECT_OK(fchmod(fd, 0600));
	EXPECT_ERRNO(memfd_create("m", MFD_NOEXEC_SEAL | MFD_EXEC), EINVAL);
}

TEST(is_shared_across_fork)
{
	COVERS(memfd_create, mmap, fork);
	int fd = memfd_create("m", 0);
	ASSERT_OK(ftruncate(fd, 4096));
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid = fork();
	if (pid == 0) {
		char *q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		q[10] = 'c';
		_exit(pwrite(fd, "d", 1, 11) != 1);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(p[10], 'c');
	EXPECT_EQ(p[11], 'd');
}
