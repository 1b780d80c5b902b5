/* auxv_test.c - what a program finds when it starts: auxiliary vector, stack, address layout, vDSO. */
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(execve, personality);

extern char **environ;
extern char __executable_start[], end[];

/* With AUXV_HELPER it prints where its parts lie and ends. */
__attribute__((constructor(101))) static void helper(void)
{
	if (!getenv("AUXV_HELPER"))
		return;
	int local;
	printf("%p %p %p %lx", (void *)&local, (void *)__executable_start, sbrk(0), getauxval(AT_BASE));
	fflush(stdout);
	_exit(0);
}

static void layout(char *out, size_t bytes)
{
	FILE *f = popen("AUXV_HELPER=1 exec /proc/$PPID/exe", "r");
	ASSERT(f && fgets(out, (int)bytes, f));
	pclose(f);
}

TEST(auxv_has_what_libraries_need)
{
	EXPECT_EQ(getauxval(AT_PAGESZ), 4096);
	EXPECT_EQ(getauxval(AT_CLKTCK), 100);
	EXPECT_EQ(getauxval(AT_UID), getuid());
	EXPECT_EQ(getauxval(AT_EUID), geteuid());
	EXPECT_EQ(getauxval(AT_GID), getgid());
	EXPECT_EQ(getauxval(AT_EGID), getegid());
	EXPECT_EQ(getauxval(AT_SECURE), 0);
	EXPECT_EQ(getauxval(AT_FLAGS), 0);
	EXPECT(getauxval(AT_HWCAP) != 0);
	EXPECT_STREQ((char *)getauxval(AT_PLATFORM), "x86_64");
	EXPECT(strstr((char *)getauxval(AT_EXECFN), "auxv_test") != NULL);
	const unsigned char *r = (unsigned char *)getauxval(AT_RANDOM);
	int ones = 0;
	for (int i = 0; i < 16; i++)
		ones += __builtin_popcount(r[i]);
	EXPECT(ones > 20 && ones < 108);
}

TEST(program_headers_are_our_own)
{
	const Elf64_Phdr *ph = (Elf64_Phdr *)getauxval(AT_PHDR);
	const Elf64_Ehdr *eh = (Elf64_Ehdr *)__executable_start;
	ASSERT(ph != NULL);
	EXPECT_EQ(memcmp(eh->e_ident, ELFMAG, SELFMAG), 0);
	EXPECT((char *)ph == (char *)eh + eh->e_phoff);
	EXPECT_EQ(getauxval(AT_PHENT), sizeof(*ph));
	EXPECT_EQ(getauxval(AT_PHNUM), eh->e_phnum);
	EXPECT(getauxval(AT_ENTRY) == (unsigned long)eh + eh->e_entry || getauxval(AT_ENTRY) == eh->e_entry);
	if (getauxval(AT_BASE))
		EXPECT_EQ(memcmp((void *)getauxval(AT_BASE), ELFMAG, SELFMAG), 0);
}

TEST(stack_is_laid_out_by_the_abi)
{
	/* envp follows argv's NULL, auxv follows envp's NULL; strings lie above all of it, in order */
	char **e = environ;
	while (*e)
		e++;
	const Elf64_auxv_t *av = (Elf64_auxv_t *)(e + 1);
	bool pagesz = false;
	int n = 0;
	for (; av->a_type != AT_NULL; av++, n++) {
		ASSERT(n < 64);
		pagesz |= av->a_type == AT_PAGESZ && av->a_un.a_val == 4096;
	}
	EXPECT(pagesz);
	EXPECT((char *)av < environ[0]);
	for (char **p = environ; p[0] && p[1]; p++)
		EXPECT(p[1] == p[0] + strlen(p[0]) + 1);
	EXPECT((char *)getauxval(AT_EXECFN) > environ[0]);
}

TEST(layouts_differ_from_start_to_start)
{
	char a[256], b[256];
	layout(a, sizeof(a));
	layout(b, sizeof(b));
	void *sa, *xa, *ba, *sb, *xb, *bb;
	ASSERT_EQ(sscanf(a, "%p %p %p", &sa, &xa, &ba), 3);
	ASSERT_EQ(sscanf(b, "%p %p %p", &sb, &xb, &bb), 3);
	EXPECT(sa != sb && xa != xb && ba != bb);
	EXPECT(ba > xa && sa > ba);
}

TEST(layouts_are_the_same_without_randomization)
{
	char a[256], b[256];
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		SKIP("personality is refused");
	layout(a, sizeof(a));
	layout(b, sizeof(b));
	EXPECT_STREQ(a, b);
}

TEST(bss_is_zero_and_writable_to_its_end)
{
	static char big[100000];
	for (size_t i = 0; i < sizeof(big); i++)
		ASSERT_EQ(big[i], 0);
	memset(big, 1, sizeof(big));
	/* to the last byte of its last page */
	char *p = (char *)(((unsigned long)end + 4095) & ~4095UL);
	p[-1] = 1;
}

static int use_stack(size_t bytes)
{
	volatile char page[4096];
	page[0] = (char)bytes;
	return bytes <= sizeof(page) ? page[0] : use_stack(bytes - sizeof(page)) + page[0];
}

TEST(stack_has_its_limit_and_no_more)
{
	struct rlimit rl;
	ASSERT_OK(getrlimit(RLIMIT_STACK, &rl));
	if (rl.rlim_cur < (4UL << 20) || rl.rlim_cur > (64UL << 20))
		SKIP("unusual stack limit");
	use_stack((size_t)rl.rlim_cur - (1UL << 20));
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		use_stack((size_t)rl.rlim_cur + (1UL << 20));
		_exit(0);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
}

TEST(stack_is_not_executable)
{
	unsigned char code[] = { 0xc3 };
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		((void (*)(void))code)();
		_exit(0);
	}
	int st;
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	EXPECT(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
}

TEST(vdso_is_an_elf_image_that_tells_the_time)
{
	const unsigned char *vdso = (unsigned char *)getauxval(AT_SYSINFO_EHDR);
	if (!vdso)
		SKIP("no vDSO");
	EXPECT_EQ(memcmp(vdso, ELFMAG, SELFMAG), 0);
	struct timespec a, b;
	ASSERT_OK(clock_gettime(CLOCK_MONOTONIC, &a));
	ASSERT_OK(clock_gettime(CLOCK_MONOTONIC, &b));
	EXPECT(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
	EXPECT(time(NULL) > 1600000000);
}
