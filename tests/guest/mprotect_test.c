/* mprotect_test.c - protection of mappings. */
#include <setjmp.h>
#include <sys/mman.h>

#include "tests/guest/guest.h"

COVERS(mprotect);

#define PG 4096UL
#define RW (PROT_READ | PROT_WRITE)

static char *anon(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PG, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(p != MAP_FAILED);
	return p;
}

static sigjmp_buf env;
static siginfo_t last;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	last = *info;
	siglongjmp(env, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	ASSERT_OK(sigaction(SIGSEGV, &sa, NULL));
}

/* si_code of the fault, or 0. */
static int try_read(volatile char *p)
{
	if (sigsetjmp(env, 1))
		return last.si_code;
	(void)*p;
	return 0;
}

static int try_write(volatile char *p)
{
	if (sigsetjmp(env, 1))
		return last.si_code;
	*p = 1;
	return 0;
}

TEST(each_protection_allows_what_it_says)
{
	catch_faults();
	char *p = anon(1, PROT_NONE);
	EXPECT_EQ(try_read(p), SEGV_ACCERR);
	EXPECT(last.si_addr == p);
	ASSERT_OK(mprotect(p, PG, PROT_READ));
	EXPECT_EQ(try_read(p), 0);
	EXPECT_EQ(try_write(p), SEGV_ACCERR);
	ASSERT_OK(mprotect(p, PG, RW));
	EXPECT_EQ(try_write(p), 0);
	ASSERT_OK(mprotect(p, PG, PROT_NONE));
	EXPECT_EQ(try_read(p), SEGV_ACCERR);
	ASSERT_OK(munmap(p, PG));
	EXPECT_EQ(try_read(p), SEGV_MAPERR);
}

TEST(the_middle_page_alone_changes)
{
	catch_faults();
	char *p = anon(3, RW);
	ASSERT_OK(mprotect(p + PG, PG, PROT_READ));
	EXPECT_EQ(try_write(p + PG - 1), 0);
	EXPECT_EQ(try_write(p + PG), SEGV_ACCERR);
	EXPECT_EQ(try_write(p + 2 * PG - 1), SEGV_ACCERR);
	EXPECT_EQ(try_write(p + 2 * PG), 0);
	ASSERT_OK(mprotect(p, 3 * PG, RW));
	EXPECT_EQ(try_write(p + PG), 0);
}

TEST(what_lies_before_a_hole_changes_nevertheless)
{
	catch_faults();
	char *p = anon(4, RW);
	ASSERT_OK(munmap(p + 2 * PG, PG));
	EXPECT_ERRNO(mprotect(p, 4 * PG, PROT_READ), ENOMEM);
	EXPECT_EQ(try_write(p), SEGV_ACCERR);
	EXPECT_EQ(try_write(p + PG), SEGV_ACCERR);
	EXPECT_EQ(try_write(p + 3 * PG), 0);
	EXPECT_ERRNO(mprotect(p + 2 * PG, PG, PROT_READ), ENOMEM);
}

TEST(bad_arguments_are_refused)
{
	char *p = anon(1, RW);
	EXPECT_ERRNO(mprotect(p + 1, PG, PROT_READ), EINVAL);
	EXPECT_ERRNO(mprotect(p, PG, 0x1000), EINVAL);
	EXPECT_ERRNO(mprotect(p, PG, RW | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	EXPECT_ERRNO(mprotect(p, PG, RW | PROT_GROWSDOWN), EINVAL);
	EXPECT_ERRNO(mprotect(p, -1UL & ~(PG - 1), PROT_READ), ENOMEM);
	EXPECT_OK(mprotect(p, 0, PROT_READ));
	EXPECT_OK(mprotect(p, 1, PROT_READ));
}

TEST(written_code_runs_when_made_executable)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	unsigned char *p = (unsigned char *)anon(1, RW);
	memcpy(p, code, sizeof(code));
	ASSERT_OK(mprotect(p, PG, PROT_READ | PROT_EXEC));
	EXPECT_EQ(((int (*)(void))p)(), 42);
	catch_faults();
	ASSERT_OK(mprotect(p, PG, PROT_READ));
	if (!sigsetjmp(env, 1)) {
		((int (*)(void))p)();
		FAIL("executed memory without PROT_EXEC");
	}
	EXPECT_EQ(last.si_code, SEGV_ACCERR);
}

TEST(stack_can_be_made_executable_downwards)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0) & ~(PG - 1);
	EXPECT_OK(mprotect((void *)here, PG, RW | PROT_EXEC | PROT_GROWSDOWN));
}

TEST(many_small_changes_stay_apart)
{
	catch_faults();
	enum { N = 300 };
	char *p = anon(N, RW);
	for (int i = 0; i < N; i += 2)
		ASSERT_OK(mprotect(p + (unsigned long)i * PG, PG, PROT_READ));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(try_write(p + (unsigned long)i * PG), i % 2 ? 0 : SEGV_ACCERR);
	ASSERT_OK(mprotect(p, N * PG, RW));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(try_write(p + (unsigned long)i * PG), 0);
}
