/* core_test.c - core files (core(5)). */
#include "tests/guest/fs.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static const char needle[] = "a word in memory that only a core file can show";

/* The system's own choice of the file's name: empty if it is not simply "core". */
static bool plain_pattern(void)
{
	char text[200] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && !strcmp(text, "core\n");
}

static int die(rlim_t limit, bool dumpable)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		struct rlimit rl = { limit, limit };
		setrlimit(RLIMIT_CORE, &rl);
		if (!dumpable)
			prctl(PR_SET_DUMPABLE, 0);
		char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; i < sizeof(needle); i++)
			p[(32 << 20) + i] = needle[i];
		abort();
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return status;
}

/* The file's bytes at an address of its segments. */
static bool core_shows(const char *map, size_t bytes)
{
	const Elf64_Ehdr *e = (const void *)map;
	const Elf64_Phdr *p = (const void *)(map + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_filesz && p[i].p_offset + p[i].p_filesz <= bytes &&
		    memmem(map + p[i].p_offset, p[i].p_filesz, needle, sizeof(needle)))
			return true;
	return false;
}

static bool has_note(const char *map, unsigned type)
{
	const Elf64_Ehdr *e = (const void *)map;
	const Elf64_Phdr *p = (const void *)(map + e->e_phoff);
	for (size_t at = 0; p->p_type == PT_NOTE && at < p->p_filesz;) {
		const Elf64_Nhdr *n = (const void *)(map + p->p_offset + at);
		if (n->n_type == type)
			return true;
		at += sizeof(*n) + ((n->n_namesz + 3) & ~3U) + ((n->n_descsz + 3) & ~3U);
	}
	return false;
}

TEST(a_crash_leaves_a_core_file)
{
	COVERS(wait4, waitid, exit_group);
	if (!plain_pattern())
		SKIP("core files go elsewhere here");
	scratch();
	int status = die(RLIM_INFINITY, true);
	EXPECT(WCOREDUMP(status));
	int fd = open("core", O_RDONLY);
	ASSERT_OK(fd);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	EXPECT_EQ(st.st_mode & 07777, 0600);
	EXPECT(st.st_size > 64 << 20);
	EXPECT(st.st_blocks * 512 < 32 << 20);           /* zeroes are holes */
	char *map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(map != MAP_FAILED);
	const Elf64_Ehdr *e = (const void *)map;
	EXPECT(!memcmp(e->e_ident, ELFMAG, SELFMAG));
	EXPECT_EQ(e->e_type, ET_CORE);
	EXPECT(has_note(map, NT_PRSTATUS));
	EXPECT(has_note(map, NT_PRPSINFO));
	EXPECT(has_note(map, NT_AUXV));
	EXPECT(core_shows(map, st.st_size));
	unlink("core");
	scratch_end();
}

/* It is the whole system's: changed only where that is this test's own. */
TEST(core_uses_pid_names_the_process)
{
	char name[40];
	struct utsname uts;
	int fd = open("/proc/sys/kernel/core_uses_pid", O_WRONLY);
	uname(&uts);
	if (!plain_pattern() || !strstr(uts.release, "-sbx"))
		SKIP("others use this system");
	ASSERT_EQ(write(fd, "1\n", 2), 2);
	scratch();
	pid_t pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
		abort();
	}
	waitpid(pid, NULL, 0);
	snprintf(name, sizeof(name), "core.%d", pid);
	EXPECT_OK(unlink(name));
	scratch_end();
	ASSERT_EQ(pwrite(fd, "0\n", 2, 0), 2);
}

TEST(no_core_file_without_limit_or_leave)
{
	scratch();
	EXPECT(!WCOREDUMP(die(0, true)));
	EXPECT_ERRNO(access("core", F_OK), ENOENT);
	EXPECT(!WCOREDUMP(die(RLIM_INFINITY, false)) || !plain_pattern());
	EXPECT_ERRNO(access("core", F_OK), ENOENT);
	scratch_end();
}

TEST(waitid_tells_that_there_is_a_core_file)
{
	if (!plain_pattern())
		SKIP("core files go elsewhere here");
	siginfo_t info;
	scratch();
	pid_t pid = fork();
	if (!pid) {
		struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };
		setrlimit(RLIMIT_CORE, &rl);
		raise(SIGQUIT);
	}
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED));
	EXPECT_EQ(info.si_code, CLD_DUMPED);
	EXPECT_EQ(info.si_status, SIGQUIT);
	unlink("core");
	scratch_end();
}

/* --- threads --- */

static void *sleeps(void *arg)
{
	sem_post(arg);
	for (;;)
		pause();
	return NULL;
}

static void die_with_threads(void)
{
	sem_t ready;
	pthread_t t;
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_CORE, &rl);
	sem_init(&ready, 0, 0);
	for (int n = 0; n < 3; n++)
		pthread_create(&t, NULL, sleeps, &ready);
	for (int n = 0; n < 3; n++)
		sem_wait(&ready);
	abort();
}

/* Threads with registers in the file, the one that died first; 0: they are not all different. */
static int threads_in_core(const char *map)
{
	const Elf64_Ehdr *e = (const void *)map;
	const Elf64_Phdr *p = (const void *)(map + e->e_phoff);
	int tids[16], found = 0, fp = 0;
	for (size_t at = 0; p->p_type == PT_NOTE && at < p->p_filesz;) {
		const Elf64_Nhdr *n = (const void *)(map + p->p_offset + at);
		const char *desc = (const char *)(n + 1) + ((n->n_namesz + 3) & ~3U);
		if (n->n_type == NT_PRSTATUS && found < 16) {
			const struct elf_prstatus *st = (const void *)desc;
			for (int i = 0; i < found; i++)
				if (tids[i] == st->pr_pid)
					return 0;
			if (!st->pr_reg[16] || !st->pr_reg[19])
				return 0;                        /* rip, rsp */
			tids[found++] = st->pr_pid;
		}
		fp += n->n_type == NT_PRFPREG;
		at += sizeof(*n) + ((n->n_namesz + 3) & ~3U) + ((n->n_descsz + 3) & ~3U);
	}
	return fp == found ? found : 0;
}

TEST(a_core_file_has_all_threads)
{
	if (!plain_pattern())
		SKIP("core files go elsewhere here");
	scratch();
	int status;
	pid_t pid = fork();
	if (!pid)
		die_with_threads();
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGABRT);
	EXPECT(WCOREDUMP(status));
	int fd = open("core", O_RDONLY);
	ASSERT_OK(fd);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	char *map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(map != MAP_FAILED);
	EXPECT_EQ(threads_in_core(map), 4);
	unlink("core");
	scratch_end();
}

static unsigned filter_of(const char *path)
{
	unsigned filter = 0;
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%x", &filter) != 1)
		filter = ~0U;
	if (f)
		fclose(f);
	return filter;
}

TEST(what_goes_into_a_core_file_can_be_chosen)
{
	const char *path = "/proc/self/coredump_filter";
	if (filter_of(path) == ~0U)
		SKIP("no coredump_filter");
	int fd = open(path, O_WRONLY);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, "0x1f0", 5), 5);
	EXPECT_ERRNO(write(fd, "x", 1), EINVAL);
	close(fd);
	EXPECT_EQ(filter_of(path), 0x1f0);
	if (!plain_pattern())
		return;
	scratch();
	EXPECT(WCOREDUMP(die(RLIM_INFINITY, true)));
	fd = open("core", O_RDONLY);
	ASSERT_OK(fd);
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	char *map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(map != MAP_FAILED);
	EXPECT(!core_shows(map, st.st_size));
	EXPECT(has_note(map, NT_PRSTATUS));
	unlink("core");
	scratch_end();
}
