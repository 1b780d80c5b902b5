/* rseq_test.c - restartable sequences (rseq(2)) and signals: a handler never runs in the middle of one that then goes on. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/time.h>

#include "tests/guest/guest.h"

COVERS(rseq, setitimer, mmap, rt_sigreturn);

static volatile long counter, handled, aborts;

static void count(int sig)
{
	(void)sig;
	counter++;
	handled++;
}

/* counter++, slowly, as a sequence that starts anew when it is interrupted. touch is read in its middle. */
static void increment(volatile char *touch)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	__asm__ volatile(
		".pushsection sequences, \"aw\"\n"
		".balign 32\n"
		"3:	.long 0, 0\n"
		"	.quad 1f, 2f - 1f, 4f\n"
		".popsection\n"
		"5:	leaq 3b(%%rip), %%rax\n"
		"	movq %%rax, %[cs]\n"
		"1:	movq %[counter], %%rax\n"
		"	movl $20000, %%ecx\n"
		"6:	decl %%ecx\n"
		"	jnz 6b\n"
		"	movb (%[touch]), %%cl\n"
		"	incq %%rax\n"
		"	movq %%rax, %[counter]\n"
		"2:	jmp 7f\n"
		"	.long 0x53053053\n"
		"4:	incq %[aborts]\n"
		"	jmp 5b\n"
		"7:\n"
		: [cs] "=m"(area->rseq_cs), [counter] "+m"(counter), [aborts] "+m"(aborts)
		: [touch] "r"(touch)
		: "rax", "rcx", "cc", "memory");
}

TEST(signals_abort_sequences)
{
	if (__rseq_size == 0)
		SKIP("the C library has not registered rseq");
	char here = 0;
	struct sigaction sa = { .sa_handler = count };
	struct itimerval every = { { 0, 500 }, { 0, 500 } }, off = { 0 };
	ASSERT_OK(sigaction(SIGALRM, &sa, NULL));
	ASSERT_OK(setitimer(ITIMER_REAL, &every, NULL));
	long done = 0;
	for (; handled < 200; done++)
		increment(&here);
	ASSERT_OK(setitimer(ITIMER_REAL, &off, NULL));
	EXPECT_EQ(counter, done + handled);
	EXPECT(aborts > 0);
}

static char *page;
static void make_readable(int sig)
{
	counter++;
	handled++;
	if (mprotect(page, 4096, PROT_READ) < 0)
		_exit(sig);
}

TEST(faults_abort_sequences)
{
	if (__rseq_size == 0)
		SKIP("the C library has not registered rseq");
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(page != MAP_FAILED);
	struct sigaction sa = { .sa_handler = make_readable };
	ASSERT_OK(sigaction(SIGSEGV, &sa, NULL));
	counter = handled = aborts = 0;
	for (int i = 0; i < 20; i++) {
		ASSERT_OK(mprotect(page, 4096, PROT_NONE));
		increment(page);
	}
	EXPECT_EQ(handled, 20);
	EXPECT_EQ(counter, 40);
	EXPECT(aborts >= 20);
}
