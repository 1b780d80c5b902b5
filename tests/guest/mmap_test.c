/* mmap_test.c - new mappings and their end. */
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "tests/guest/guest.h"

COVERS(mmap, munmap, mincore, msync, mlock, mlock2, munlock, mlockall, munlockall, remap_file_pages, mseal);
COVERS(pkey_alloc, pkey_free, pkey_mprotect, process_vm_readv, process_vm_writev);

#define PG 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static char *anon(size_t pages)
{
	char *p = mmap(NULL, pages * PG, RW, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	return p;
}

static int temp_file(size_t bytes)
{
	char name[] = "/tmp/mmap_testXXXXXX";
	int fd = mkstemp(name);
	ASSERT_OK(fd);
	unlink(name);
	for (size_t i = 0; i < bytes; i++) {
		char c = (char)('a' + i % 26);
		ASSERT_EQ(pwrite(fd, &c, 1, (off_t)i), 1);
	}
	return fd;
}

/* The signal that reading (or writing) one byte ends a child with; 0: none. */
static int access_signal(volatile char *p, bool write_it)
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (write_it)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	return WIFSIGNALED(st) ? WTERMSIG(st) : 0;
}

/* Is it in /proc/self/maps with that protection, e.g. "rw-p"? */
static bool in_maps(const void *addr, const char *perms)
{
	FILE *f = fopen("/proc/self/maps", "r");
	if (!f)
		SKIP("no /proc/self/maps");
	unsigned long lo, hi;
	char line[512], p[8];
	bool found = false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &lo, &hi, p) == 3 && (unsigned long)addr >= lo && (unsigned long)addr < hi)
			found = strcmp(p, perms) == 0;
	}
	fclose(f);
	return found;
}

TEST(anonymous_memory_is_zero_and_writable)
{
	char *p = anon(3);
	for (size_t i = 0; i < 3 * PG; i++)
		ASSERT_EQ(p[i], 0);
	memset(p, 7, 3 * PG);
	EXPECT_OK(munmap(p, 3 * PG));
	EXPECT_EQ(access_signal(p, false), SIGSEGV);
}

TEST(bad_arguments_are_refused)
{
	EXPECT_ERRNO((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	EXPECT_ERRNO((long)mmap(NULL, PG, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_mmap, NULL, PG, RW, ANON, -1, 1L), EINVAL);
	EXPECT_ERRNO((long)mmap(NULL, PG, RW, MAP_PRIVATE, -1, 0), EBADF);
	EXPECT_ERRNO((long)mmap(NULL, -1UL, RW, ANON, -1, 0), ENOMEM);
	EXPECT_ERRNO((long)mmap(NULL, 1UL << 47, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), ENOMEM);
	EXPECT_ERRNO((long)mmap((void *)1, PG, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	EXPECT_ERRNO((long)mmap((void *)(-1UL & ~(PG - 1)), PG, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	EXPECT_ERRNO((long)mmap(NULL, PG, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	/* All flags at once ask, among other things, for huge pages of a size that does not exist. */
	EXPECT_ERRNO((long)mmap(NULL, PG, RW, ~0, -1, 0), EINVAL);
	int fd = memfd_create("bad", 0);
	ASSERT_OK(fd);
	EXPECT_ERRNO((long)mmap(NULL, -PG, RW, MAP_SHARED, fd, 0), ENOMEM);
	EXPECT_ERRNO(syscall(SYS_mmap, NULL, PG, RW, MAP_SHARED, fd, (1L << 63) - PG), EOVERFLOW);
	close(fd);
	EXPECT_ERRNO(munmap((void *)1, PG), EINVAL);
	EXPECT_ERRNO(munmap((void *)PG, 0), EINVAL);
	EXPECT_ERRNO(munmap((void *)PG, -1UL), EINVAL);
	EXPECT_ERRNO(munmap((void *)(1UL << 62), PG), EINVAL);
}

TEST(hints_are_honoured_when_the_place_is_free)
{
	char *p = anon(16);
	ASSERT_OK(munmap(p + 4 * PG, 4 * PG));
	char *q = mmap(p + 5 * PG, PG, RW, ANON, -1, 0);
	EXPECT(q == p + 5 * PG);
	q = mmap(p, PG, RW, ANON, -1, 0);
	EXPECT(q != p && q != MAP_FAILED);
	q = mmap(p + 6 * PG + 1, PG, RW, ANON, -1, 0);
	EXPECT(q != MAP_FAILED && ((unsigned long)q & (PG - 1)) == 0);
}

TEST(fixed_replaces_and_noreplace_does_not)
{
	char *p = anon(4);
	memset(p, 1, 4 * PG);
	EXPECT_ERRNO((long)mmap(p + PG, PG, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	ASSERT(mmap(p + PG, PG, PROT_READ, ANON | MAP_FIXED, -1, 0) == p + PG);
	EXPECT_EQ(p[PG - 1], 1);
	EXPECT_EQ(p[PG], 0);
	EXPECT_EQ(p[2 * PG], 1);
	EXPECT_EQ(access_signal(p + PG, true), SIGSEGV);
	ASSERT_OK(munmap(p + 2 * PG, PG));
	EXPECT(mmap(p + 2 * PG, PG, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + 2 * PG);
}

TEST(map_32bit_lies_low)
{
	char *p = mmap(NULL, PG, RW, ANON | MAP_32BIT, -1, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT((unsigned long)p >= 0x40000000 && (unsigned long)p < 0x80000000);
}

TEST(low_addresses_work_down_to_the_limit)
{
	char *p = mmap((void *)0x10000, PG, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT(p == (char *)0x10000);
	*p = 1;
}

TEST(a_hole_splits_and_filling_it_joins)
{
	char *p = anon(9);
	ASSERT_OK(munmap(p + 3 * PG, 3 * PG));
	EXPECT(in_maps(p, "rw-p"));
	EXPECT(!in_maps(p + 4 * PG, "rw-p"));
	EXPECT(in_maps(p + 6 * PG, "rw-p"));
	p[0] = p[6 * PG] = 1;
	ASSERT(mmap(p + 3 * PG, 3 * PG, RW, ANON | MAP_FIXED, -1, 0) == p + 3 * PG);
	EXPECT_OK(munmap(p, 9 * PG));
	EXPECT_OK(munmap(p, 9 * PG));   /* nothing there: no error */
}

TEST(shared_anonymous_memory_outlives_fork)
{
	volatile int *p = mmap(NULL, PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *q = (int *)anon(1);
	ASSERT(p != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		*p = *q = 42;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	EXPECT_EQ(*p, 42);
	EXPECT_EQ(*q, 0);
}

TEST(futex_in_shared_memory_wakes_the_other_process)
{
	int *p = mmap(NULL, 2 * PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	int *word = p + PG / sizeof(int);
	/* The same memory at another address: the key is the object, not the address. */
	int *alias = mremap(p, 0, 2 * PG, MREMAP_MAYMOVE);
	ASSERT(alias != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		while (*(volatile int *)word == 0)
			syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(*word);
	}
	alias[PG / sizeof(int)] = 5;
	syscall(SYS_futex, &alias[PG / sizeof(int)], FUTEX_WAKE, 1, NULL, NULL, 0);
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT_EQ(WEXITSTATUS(st), 5);
}

TEST(private_file_mapping_is_copied_on_write)
{
	int fd = temp_file(6000);
	char *p = mmap(NULL, 8192, RW, MAP_PRIVATE, fd, 0), c;
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(p[0], 'a');
	EXPECT_EQ(p[5999], 'a' + 5999 % 26);
	EXPECT_EQ(p[6000], 0);          /* the page's rest is zero */
	EXPECT_EQ(p[8191], 0);
	p[0] = 'X';
	ASSERT_EQ(pread(fd, &c, 1, 0), 1);
	EXPECT_EQ(c, 'a');
	close(fd);
	EXPECT_EQ(p[1], 'b');           /* the mapping keeps the file */
}

TEST(shared_file_mapping_and_write_see_each_other)
{
	int fd = temp_file(6000);
	char *p = mmap(NULL, 8192, RW, MAP_SHARED, fd, 0), c;
	ASSERT(p != MAP_FAILED);
	p[100] = 'X';
	ASSERT_EQ(pread(fd, &c, 1, 100), 1);
	EXPECT_EQ(c, 'X');
	ASSERT_EQ(pwrite(fd, "Y", 1, 5000), 1);
	EXPECT_EQ(p[5000], 'Y');
	EXPECT_OK(msync(p, 8192, MS_SYNC));
	EXPECT_OK(msync(p, 8192, MS_ASYNC));
	EXPECT_ERRNO(msync(p, 8192, MS_SYNC | MS_ASYNC), EINVAL);
	EXPECT_ERRNO(msync(p + 1, 1, MS_SYNC), EINVAL);
	ASSERT_OK(munmap(p + PG, PG));
	EXPECT_ERRNO(msync(p, 8192, MS_SYNC), ENOMEM);
}

TEST(beyond_the_end_of_the_file_is_sigbus)
{
	int fd = temp_file(100);
	char *p = mmap(NULL, 2 * PG, RW, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(access_signal(p + 4000, false), 0);
	EXPECT_EQ(access_signal(p + PG, false), SIGBUS);
	ASSERT_OK(ftruncate(fd, 2 * PG));
	EXPECT_EQ(access_signal(p + PG, true), 0);
	ASSERT_OK(ftruncate(fd, 0));
	EXPECT_EQ(access_signal(p, false), SIGBUS);
}

TEST(offset_chooses_the_part_of_the_file)
{
	int fd = temp_file(3 * PG);
	char *p = mmap(NULL, PG, PROT_READ, MAP_PRIVATE, fd, 2 * PG);
	ASSERT(p != MAP_FAILED);
	EXPECT_EQ(p[0], 'a' + 2 * PG % 26);
}

TEST(file_mode_limits_the_mapping)
{
	int rw = temp_file(100);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rw);
	int ro = open(path, O_RDONLY), wo = open(path, O_WRONLY);
	ASSERT_OK(ro);
	ASSERT_OK(wo);
	EXPECT_ERRNO((long)mmap(NULL, PG, RW, MAP_SHARED, ro, 0), EACCES);
	EXPECT_ERRNO((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	EXPECT_ERRNO((long)mmap(NULL, PG, PROT_WRITE, MAP_SHARED, wo, 0), EACCES);
	char *p = mmap(NULL, PG, PROT_READ, MAP_SHARED, ro, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_ERRNO(mprotect(p, PG, RW), EACCES);
	p = mmap(NULL, PG, RW, MAP_PRIVATE, ro, 0);
	ASSERT(p != MAP_FAILED);
	*p = 1;
	int pipes[2];
	ASSERT_OK(pipe(pipes));
	EXPECT_ERRNO((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, pipes[0], 0), ENODEV);
	int dir = open("/", O_RDONLY | O_DIRECTORY);
	EXPECT_ERRNO((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	int path_fd = open("/", O_PATH);
	EXPECT_ERRNO((long)mmap(NULL, PG, PROT_READ, MAP_PRIVATE, path_fd, 0), EBADF);
}

TEST(as_limit_is_enomem)
{
	struct rlimit rl = { 0 };
	ASSERT_OK(getrlimit(RLIMIT_AS, &rl));
	rl.rlim_cur = 256UL << 20;
	ASSERT_OK(setrlimit(RLIMIT_AS, &rl));
	EXPECT_ERRNO((long)mmap(NULL, 300UL << 20, PROT_NONE, ANON, -1, 0), ENOMEM);
	void *p = mmap(NULL, 16UL << 20, RW, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	/* What is replaced does not count twice. */
	for (int i = 0; i < 40; i++)
		ASSERT(mmap(p, 16UL << 20, RW, ANON | MAP_FIXED, -1, 0) == p);
	EXPECT_ERRNO((long)mremap(p, 16UL << 20, 300UL << 20, MREMAP_MAYMOVE), ENOMEM);
}

TEST(data_limit_counts_private_writable_memory)
{
	struct rlimit rl = { .rlim_cur = 64UL << 20, .rlim_max = RLIM_INFINITY };
	if (setrlimit(RLIMIT_DATA, &rl))
		SKIP("cannot set RLIMIT_DATA");
	EXPECT_ERRNO((long)mmap(NULL, 80UL << 20, RW, ANON, -1, 0), ENOMEM);
	void *p = mmap(NULL, 80UL << 20, PROT_READ, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	EXPECT_ERRNO(mprotect(p, 80UL << 20, RW), ENOMEM);
	EXPECT(mmap(NULL, 80UL << 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

TEST(growsdown_grows_on_touch)
{
	/* Room below, and nothing that would be in the way. */
	char *room = mmap(NULL, 4UL << 20, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	ASSERT(room != MAP_FAILED);
	ASSERT_OK(munmap(room, 4UL << 20));
	char *p = mmap(room + (3UL << 20), 2 * PG, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	ASSERT(p != MAP_FAILED);
	p[-1] = 1;
	p[-3 * (long)PG] = 2;
	EXPECT_EQ(p[-1], 1);
	EXPECT(in_maps(p - 2 * PG, "rw-p"));
}

TEST(mincore_tells_what_is_there)
{
	unsigned char vec[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	char *p = anon(4);
	p[PG] = 1;
	ASSERT_OK(mincore(p, 4 * PG, vec));
	EXPECT_EQ(vec[0] & 1, 0);
	EXPECT_EQ(vec[1] & 1, 1);
	EXPECT_EQ(vec[2] & 1, 0);
	EXPECT_ERRNO(mincore(p + 1, PG, vec), EINVAL);
	EXPECT_ERRNO(mincore(p, 4 * PG, (unsigned char *)8), EFAULT);
	ASSERT_OK(munmap(p + 2 * PG, PG));
	EXPECT_ERRNO(mincore(p, 4 * PG, vec), ENOMEM);
}

TEST(mlock_counts_and_has_a_limit)
{
	char *p = anon(32);
	struct rlimit rl = { .rlim_cur = 16 * PG, .rlim_max = 16 * PG };
	ASSERT_OK(setrlimit(RLIMIT_MEMLOCK, &rl));
	EXPECT_OK(mlock(p, 8 * PG));
	unsigned char vec[8];
	ASSERT_OK(mincore(p, 8 * PG, vec));
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(vec[i] & 1, 1);
	EXPECT_OK(munlock(p, 8 * PG));
	EXPECT_ERRNO(madvise(p, 8 * PG, 999), EINVAL);
	EXPECT_OK(mlock(p + 100, 100));
	EXPECT_ERRNO(madvise(p, PG, MADV_DONTNEED), EINVAL);    /* locked */
	EXPECT_OK(syscall(SYS_mlock2, p, PG, 1));
	EXPECT_ERRNO(syscall(SYS_mlock2, p, PG, 2), EINVAL);
	EXPECT_ERRNO(mlockall(0), EINVAL);
	EXPECT_ERRNO(mlockall(99), EINVAL);
	EXPECT_OK(munlockall());
	ASSERT_OK(munmap(p + PG, PG));
	EXPECT_ERRNO(mlock(p, 3 * PG), ENOMEM);
	EXPECT_ERRNO(munlock(p, 3 * PG), ENOMEM);
	if (geteuid() != 0) {
		EXPECT_ERRNO(mlock(p + 4 * PG, 20 * PG), ENOMEM);
		EXPECT_ERRNO((long)mmap(NULL, 20 * PG, RW, ANON | MAP_LOCKED, -1, 0), EAGAIN);
	}
}

TEST(remap_file_pages_reorders_a_shared_file)
{
	int fd = temp_file(3 * PG);
	char *p = mmap(NULL, 3 * PG, RW, MAP_SHARED, fd, 0);
	ASSERT(p != MAP_FAILED);
	if (remap_file_pages(p, PG, 0, 2, 0) && errno == ENOSYS)
		SKIP("not in this kernel");
	EXPECT_EQ(p[0], 'a' + 2 * PG % 26);
	EXPECT_EQ(p[PG], 'a' + PG % 26);
	EXPECT_ERRNO(remap_file_pages(p, PG, PROT_READ, 2, 0), EINVAL);
	char *q = anon(1);
	EXPECT_ERRNO(remap_file_pages(q, PG, 0, 0, 0), EINVAL);
}

TEST(sealed_memory_stays)
{
	char *p = anon(4);
	if (syscall(462, p, 2 * PG, 0UL)) {
		ASSERT_EQ(errno, ENOSYS);
		SKIP("no mseal in this kernel");
	}
	EXPECT_ERRNO(munmap(p, PG), EPERM);
	EXPECT_ERRNO(mprotect(p, PG, PROT_READ), EPERM);
	EXPECT_ERRNO((long)mmap(p, PG, RW, ANON | MAP_FIXED, -1, 0), EPERM);
	EXPECT_ERRNO((long)mremap(p, PG, 2 * PG, MREMAP_MAYMOVE), EPERM);
	EXPECT_OK(munmap(p + 2 * PG, 2 * PG));
	EXPECT_ERRNO(syscall(462, p, 2 * PG, 1UL), EINVAL);
	EXPECT_ERRNO(syscall(462, p + 2 * PG, PG, 0UL), ENOMEM);
}

TEST(protection_keys_are_there_or_refused)
{
	int key = (int)syscall(SYS_pkey_alloc, 0, 0);
	if (key < 0)
		EXPECT(errno == ENOSPC || errno == ENOSYS || errno == EINVAL);
	char *p = anon(1);
	EXPECT_ERRNO(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_pkey_free, 99), EINVAL);
	EXPECT_OK(syscall(SYS_pkey_mprotect, p, PG, PROT_READ, -1));
	EXPECT_EQ(access_signal(p, true), SIGSEGV);
}

TEST(process_vm_copies_between_processes)
{
	char *p = anon(2);
	memcpy(p, "parent", 7);
	int go[2], ready[2];
	ASSERT_OK(pipe(go));
	ASSERT_OK(pipe(ready));
	pid_t pid = fork();
	if (pid == 0) {
		memcpy(p, "child!", 7);
		char c = 0;
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(strcmp(p, "poked") == 0 ? 0 : 2);
	}
	char c, buf[32] = "";
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	struct iovec l[2] = { { buf, 3 }, { buf + 3, 20 } }, r = { p, 7 };
	EXPECT_EQ(process_vm_readv(pid, l, 2, &r, 1, 0), 7);
	EXPECT_STREQ(buf, "child!");
	memcpy(buf, "poked", 6);
	l[0] = (struct iovec){ buf, 6 };
	EXPECT_EQ(process_vm_writev(pid, l, 1, &r, 1, 0), 6);
	EXPECT_STREQ(p, "parent");
	r.iov_base = (void *)8;
	EXPECT_ERRNO(process_vm_readv(pid, l, 1, &r, 1, 0), EFAULT);
	EXPECT_ERRNO(process_vm_readv(pid, l, 1, &r, 1, 1), EINVAL);
	r = (struct iovec){ p, 7 };
	EXPECT_ERRNO(process_vm_readv(0x3fffff, l, 1, &r, 1, 0), ESRCH);
	ASSERT_EQ(write(go[1], &c, 1), 1);
	int st;
	waitpid(pid, &st, 0);
	EXPECT_EQ(st, 0);
}

TEST(bad_pointers_are_efault_whatever_lies_there)
{
	char *p = anon(2);
	ASSERT_OK(munmap(p + PG, PG));
	int fds[2];
	ASSERT_OK(pipe(fds));
	EXPECT_ERRNO(write(fds[1], p + PG, 1), EFAULT);
	EXPECT_ERRNO(write(fds[1], (void *)0x7ff000000000, 1), EFAULT);
	EXPECT_ERRNO(write(fds[1], (void *)-4096L, 1), EFAULT);
	EXPECT_ERRNO(pipe((int *)(p + PG)), EFAULT);
	ASSERT_OK(mprotect(p, PG, PROT_READ));
	EXPECT_ERRNO(pipe((int *)p), EFAULT);
	/* A string that ends right before a hole is fine. */
	ASSERT_OK(mprotect(p, PG, RW));
	memcpy(p + PG - 2, "/", 2);
	EXPECT_OK(access(p + PG - 2, F_OK));
	p[PG - 1] = 'x';
	EXPECT_ERRNO(access(p + PG - 2, F_OK), EFAULT);
}

/* More than the machine has: refused, and forgotten. */
TEST(what_was_refused_is_not_there)
{
	char maps[1 << 16];
	for (int i = 0; i < 20; i++) {
		char *p = anon(1), *there = p - (1UL << 46);
		EXPECT_ERRNO((long)mmap(there, 1UL << 45, RW, ANON, -1, 0), ENOMEM);
		char *q = mmap(there, PG, RW, ANON, -1, 0);
		EXPECT(q == there);
		*q = 1;
		EXPECT_OK(munmap(q, PG));
		EXPECT_OK(munmap(p, PG));
	}
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t n = 0, got;
	while ((got = read(fd, maps + n, sizeof(maps) - 1 - (size_t)n)) > 0)
		n += got;
	close(fd);
	maps[n] = '\0';
	for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long start, end;
		EXPECT(sscanf(line, "%lx-%lx", &start, &end) == 2 && end - start < 1UL << 44);
	}
}

static void count(int sig) { (void)sig; }

TEST(signals_come_between_memory_calls)
{
	struct itimerval often = { .it_interval = { 0, 300 }, .it_value = { 0, 300 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	ASSERT_OK(sigaction(SIGALRM, &sa, NULL));
	ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 3000; i++) {
		char *p = anon(4);
		p[PG] = 7;
		ASSERT_OK(mprotect(p, PG, PROT_READ));
		ASSERT_OK(mprotect(p, PG, RW));
		ASSERT(p[0] == 0 && p[PG] == 7);
		p[0] = 1;
		ASSERT_OK(munmap(p, 4 * PG));
	}
	ASSERT_OK(setitimer(ITIMER_REAL, &never, NULL));
}
