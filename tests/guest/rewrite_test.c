/* rewrite_test.c - call sites that are used so often that a platform may change their code: nothing else may change.
 *
 * The sites are made here, as JIT compilers do, byte by byte: each shape that compilers and libraries emit. */
#include "tests/guest/guest.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define OFTEN 100

/* Functions of one site each, long f(long nr, long a, long b, long c): */
static const uint8_t code_mov[] = {       /* mov $nr,%eax; syscall; ret, with rdi, rsi, rdx in place after shifting */
	0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3 };
#define CODE_MOV_NR 10
#define CODE_MOV_SYSCALL 14
static const uint8_t code_cmp[] = {       /* mov %rdi,%rax; shifts; syscall; cmp $-4095,%rax; jae 1f; ret; 1: mov $-1,%rax; ret */
	0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x0f, 0x05,
	0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73, 0x01, 0xc3, 0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xc3 };
static const uint8_t code_long_mov[] = {  /* mov $nr,%rax, seven bytes */
	0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0x0f, 0x05, 0xc3 };
static const uint8_t code_stack[] = {     /* mov %rdi,%rax; shifts; mov 8(%rsp),%r9; syscall; ret */
	0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3 };

typedef long call_fn(long nr, long a, long b, long c);

static uint8_t *page_of_code(void)
{
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static call_fn *put(uint8_t *at, const uint8_t *code, size_t bytes, int nr)
{
	memcpy(at, code, bytes);
	if (code == code_mov)
		memcpy(at + CODE_MOV_NR, &nr, 4);
	if (code == code_long_mov)
		memcpy(at + 12, &nr, 4);
	return (call_fn *)at;
}

static const struct { const uint8_t *code; size_t bytes; } shapes[] = {
	{ code_mov, sizeof(code_mov) }, { code_cmp, sizeof(code_cmp) }, { code_long_mov, sizeof(code_long_mov) },
	{ code_stack, sizeof(code_stack) },
};
#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

TEST(every_shape_goes_on_working)
{
	uint8_t *p = page_of_code();
	ASSERT(p);
	for (size_t s = 0; s < NSHAPES; s++) {
		call_fn *f = put(p + s * 64, shapes[s].code, shapes[s].bytes, SYS_lseek);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(f(SYS_lseek, -1, 0, 0) == (shapes[s].code == code_cmp ? -1 : -EBADF));
		f = put(p + 1024 + s * 64, shapes[s].code, shapes[s].bytes, SYS_getppid);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(f(SYS_getppid, 0, 0, 0) == getppid());
	}
	munmap(p, 4096);
}

/* All registers but rax rcx r11 survive, and the arithmetic flags: 0x8d5. */
TEST(registers_and_flags_survive)
{
	for (int round = 0; round < OFTEN; round++) {
		uint64_t in[13], out[13], flags_in = round & 1 ? 0x8d5 : 0, flags_out, result;
		for (int i = 0; i < 13; i++)
			in[i] = 0x1111111111111111ULL * (uint64_t)(i + 1) + (uint64_t)round;
		__asm__ volatile(
			"pushq %%rbx\n pushq %%rbp\n pushq %%r12\n pushq %%r13\n pushq %%r14\n pushq %%r15\n"
			"pushq %[out]\n pushq %[fout]\n pushq %[res]\n"
			"movq %[fin], %%rcx\n movq %[in], %%rax\n pushq %%rcx\n"
			"movq 0(%%rax), %%rdi\n movq 8(%%rax), %%rsi\n movq 16(%%rax), %%rdx\n movq 24(%%rax), %%r10\n"
			"movq 32(%%rax), %%r8\n movq 40(%%rax), %%r9\n movq 48(%%rax), %%rbx\n movq 56(%%rax), %%rbp\n"
			"movq 64(%%rax), %%r12\n movq 72(%%rax), %%r13\n movq 80(%%rax), %%r14\n movq 88(%%rax), %%r15\n"
			"popfq\n"
			"movl $" "140" ", %%eax\n syscall\n"           /* getpriority(rubbish): EINVAL, asks the kernel each time */
			"pushfq\n popq %%rcx\n"
			"popq %%r11\n movq %%rax, (%%r11)\n popq %%r11\n movq %%rcx, (%%r11)\n popq %%r11\n"
			"movq %%rdi, 0(%%r11)\n movq %%rsi, 8(%%r11)\n movq %%rdx, 16(%%r11)\n movq %%r10, 24(%%r11)\n"
			"movq %%r8, 32(%%r11)\n movq %%r9, 40(%%r11)\n movq %%rbx, 48(%%r11)\n movq %%rbp, 56(%%r11)\n"
			"movq %%r12, 64(%%r11)\n movq %%r13, 72(%%r11)\n movq %%r14, 80(%%r11)\n movq %%r15, 88(%%r11)\n"
			"popq %%r15\n popq %%r14\n popq %%r13\n popq %%r12\n popq %%rbp\n popq %%rbx\n"
			:: [in] "r"(in), [out] "r"(out), [fin] "r"(flags_in), [fout] "r"(&flags_out), [res] "r"(&result)
			: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
		ASSERT(memcmp(in, out, 12 * 8) == 0);
		EXPECT_EQ(flags_out & 0x8d5, flags_in);
		EXPECT_EQ((long)result, -EINVAL);
	}
}

/* Somebody jumps to the system call instruction itself, and to what follows it. */
TEST(a_branch_into_a_site)
{
	uint8_t *p = page_of_code();
	ASSERT(p);
	call_fn *f = put(p, code_mov, sizeof(code_mov), SYS_getpriority);
	call_fn *g = put(p + 64, code_cmp, sizeof(code_cmp), 0);
	for (int i = 0; i < OFTEN; i++) {
		ASSERT(f(0, 99, 0, 0) == -EINVAL);
		ASSERT(g(SYS_getpriority, 99, 0, 0) == -1);
		long ret = SYS_getppid;
		__asm__ volatile("call *%1" : "+a"(ret) : "r"(p + CODE_MOV_SYSCALL) : "rcx", "r11", "memory");
		ASSERT(ret == getppid());
		ret = -4000 + i % 2 * 8000;              /* at the cmp */
		long want = ret < 0 ? -1 : ret;
		__asm__ volatile("call *%1" : "+a"(ret) : "r"(p + 64 + 14) : "rcx", "r11", "memory");
		ASSERT(ret == want);
	}
	munmap(p, 4096);
}

static atomic_int ticks;
static void on_tick(int sig)
{
	(void)sig;
	atomic_fetch_add(&ticks, 1);
}

TEST(signals_while_a_site_is_busy)
{
	uint8_t *p = page_of_code();
	ASSERT(p);
	struct sigaction sa = { .sa_handler = on_tick };
	ASSERT(sigaction(SIGALRM, &sa, NULL) == 0);
	call_fn *f[NSHAPES], *g[NSHAPES];
	for (size_t s = 0; s < NSHAPES; s++) {
		f[s] = put(p + s * 64, shapes[s].code, shapes[s].bytes, SYS_getppid);
		g[s] = put(p + 1024 + s * 64, shapes[s].code, shapes[s].bytes, SYS_lseek);
	}
	ticks = 0;
	struct itimerval every = { .it_interval.tv_usec = 500, .it_value.tv_usec = 500 }, off = { 0 };
	ASSERT(setitimer(ITIMER_REAL, &every, NULL) == 0);
	long parent = getppid();
	while (ticks < 200)
		for (size_t s = 0; s < NSHAPES; s++) {
			ASSERT(f[s](SYS_getppid, 0, 0, 0) == parent);
			ASSERT(g[s](SYS_lseek, -1, 0, 0) < 0);
		}
	ASSERT(setitimer(ITIMER_REAL, &off, NULL) == 0);
	signal(SIGALRM, SIG_DFL);
	munmap(p, 4096);
}

static int interrupted_pipe[2];
static void write_on_signal(int sig)
{
	(void)sig;
	(void)!write(interrupted_pipe[1], "y", 1);
}

/* SA_RESTART: the interrupted call is made again, from whatever address. */
TEST(an_interrupted_call_is_repeated)
{
	uint8_t *p = page_of_code();
	ASSERT(p && pipe(interrupted_pipe) == 0);
	struct sigaction sa = { .sa_handler = write_on_signal, .sa_flags = SA_RESTART };
	ASSERT(sigaction(SIGALRM, &sa, NULL) == 0);
	for (size_t s = 0; s < NSHAPES; s++) {
		call_fn *f = put(p + s * 64, shapes[s].code, shapes[s].bytes, SYS_read);
		char c;
		for (int i = 0; i < OFTEN; i++) {
			ASSERT(write(interrupted_pipe[1], "x", 1) == 1);
			ASSERT(f(SYS_read, interrupted_pipe[0], (long)&c, 1) == 1 && c == 'x');
		}
		struct itimerval soon = { .it_value.tv_usec = 2000 };
		ASSERT(setitimer(ITIMER_REAL, &soon, NULL) == 0);
		ASSERT(f(SYS_read, interrupted_pipe[0], (long)&c, 1) == 1 && c == 'y');
	}
	signal(SIGALRM, SIG_DFL);
	close(interrupted_pipe[0]);
	close(interrupted_pipe[1]);
	munmap(p, 4096);
}

#define RACERS 4
#define ROUNDS 60
static uint8_t *race_page;
static pthread_barrier_t race_barrier;
static atomic_int race_wrong;

static void *racer(void *arg)
{
	(void)arg;
	for (int r = 0; r < ROUNDS; r++) {
		pthread_barrier_wait(&race_barrier);
		call_fn *f = (call_fn *)(race_page + r * 64);
		bool minus_one = shapes[(size_t)r % NSHAPES].code == code_cmp;
		for (int i = 0; i < OFTEN; i++)
			if (f(SYS_lseek, -1, 0, 0) != (minus_one ? -1 : -EBADF))
				atomic_fetch_add(&race_wrong, 1);
	}
	return NULL;
}

TEST(threads_race_for_fresh_sites)
{
	race_page = page_of_code();
	ASSERT(race_page);
	for (int r = 0; r < ROUNDS; r++)
		put(race_page + r * 64 + r % 5, shapes[(size_t)r % NSHAPES].code, shapes[(size_t)r % NSHAPES].bytes, SYS_lseek);
	for (int r = 0; r < ROUNDS; r++) {              /* at any alignment: a jump to it */
		if (r % 5)
			put(race_page + r * 64, shapes[(size_t)r % NSHAPES].code, shapes[(size_t)r % NSHAPES].bytes, SYS_lseek);
	}
	ASSERT(pthread_barrier_init(&race_barrier, NULL, RACERS) == 0);
	pthread_t t[RACERS];
	for (int i = 0; i < RACERS; i++)
		ASSERT(pthread_create(&t[i], NULL, racer, NULL) == 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(race_wrong, 0);
	munmap(race_page, 4096);
}

TEST(a_fork_takes_sites_along)
{
	uint8_t *p = page_of_code();
	ASSERT(p);
	call_fn *f = put(p, code_mov, sizeof(code_mov), SYS_getppid), *g = put(p + 64, code_cmp, sizeof(code_cmp), 0);
	for (int i = 0; i < OFTEN; i++)
		ASSERT(f(0, 0, 0, 0) == getppid() && g(SYS_getpid, 0, 0, 0) == getpid());
	pid_t me = getpid(), child = fork();
	ASSERT(child >= 0);
	if (child == 0) {
		for (int i = 0; i < OFTEN; i++)
			if (f(0, 0, 0, 0) != me || g(SYS_getpid, 0, 0, 0) == me)
				_exit(1);
		/* and a site that only the child makes hot */
		call_fn *h = put(p + 128, code_mov, sizeof(code_mov), SYS_lseek);
		for (int i = 0; i < OFTEN; i++)
			if (h(0, -1, 0, 0) != -EBADF)
				_exit(2);
		_exit(0);
	}
	int status;
	ASSERT(waitpid(child, &status, 0) == child);
	EXPECT_EQ(status, 0);
	for (int i = 0; i < OFTEN; i++)
		ASSERT(g(SYS_getpid, 0, 0, 0) == me);
	munmap(p, 4096);
}

/* A JIT writes new code over old, and unmaps it. */
TEST(code_is_replaced_by_its_owner)
{
	for (int r = 0; r < 20; r++) {
		uint8_t *p = mmap((void *)0x200000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT(p != MAP_FAILED);
		size_t s = (size_t)r % NSHAPES;
		call_fn *f = put(p, shapes[s].code, shapes[s].bytes, SYS_lseek);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(f(SYS_lseek, -1, 0, 0) < 0);
		s = (s + 1) % NSHAPES;
		f = put(p, shapes[s].code, shapes[s].bytes, SYS_getppid);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(f(SYS_getppid, 0, 0, 0) == getppid());
		ASSERT(munmap(p, 4096) == 0);
	}
}

TEST(code_that_moves)
{
	for (size_t s = 0; s < NSHAPES; s++) {
		uint8_t *p = page_of_code(), *to = (uint8_t *)0x300000000;
		ASSERT(p);
		call_fn *f = put(p, shapes[s].code, shapes[s].bytes, SYS_getppid);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(f(SYS_getppid, 0, 0, 0) == getppid());
		ASSERT(mremap(p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
		for (int i = 0; i < OFTEN; i++)
			ASSERT(((call_fn *)to)(SYS_getppid, 0, 0, 0) == getppid());
		munmap(to, 4096);
	}
}

TEST(a_guest_with_a_gs_of_its_own)
{
	COVERS("arch_prctl");
	pid_t child = fork();
	ASSERT(child >= 0);
	if (child == 0) {
		static uint64_t there = 0x1234567890abcdefULL;
		for (int i = 0; i < OFTEN; i++)
			syscall(SYS_lseek, -1, 0, 0);
		if (syscall(SYS_arch_prctl, ARCH_SET_GS, &there))
			_exit(1);
		for (int i = 0; i < OFTEN; i++) {
			uint64_t seen;
			unsigned long base = 0;
			__asm__ volatile("movq %%gs:0, %0" : "=r"(seen));
			if (seen != there || syscall(SYS_lseek, -1, 0, 0) != -1)
				_exit(2);
			if (syscall(SYS_arch_prctl, ARCH_GET_GS, &base) || base != (unsigned long)&there)
				_exit(3);
		}
		_exit(0);
	}
	int status;
	ASSERT(waitpid(child, &status, 0) == child);
	EXPECT_EQ(status, 0);
}

static volatile sig_atomic_t steps;
static void on_step(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	if (++steps > 5000)
		((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
}

/* The trap flag: every instruction raises SIGTRAP, and the call behaves. */
TEST(a_guest_steps_through_its_own_calls)
{
	uint8_t *p = page_of_code();
	ASSERT(p);
	call_fn *f = put(p, code_mov, sizeof(code_mov), SYS_lseek);
	for (int i = 0; i < OFTEN; i++)
		ASSERT(f(0, -1, 0, 0) == -EBADF);
	struct sigaction sa = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	ASSERT(sigaction(SIGTRAP, &sa, NULL) == 0);
	steps = 0;
	__asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq" ::: "memory", "cc");
	long ret = f(0, -1, 0, 0);
	__asm__ volatile("pushfq\n andq $~0x100, (%%rsp)\n popfq" ::: "memory", "cc");
	EXPECT_EQ(ret, -EBADF);
	EXPECT(steps >= 5 && steps < 100);
	signal(SIGTRAP, SIG_DFL);
	munmap(p, 4096);
}

static volatile uint32_t mxcsr_in_handler;
static void on_state(int sig, siginfo_t *info, void *p)
{
	ucontext_t *uc = p;
	uint32_t mxcsr;
	(void)sig;
	(void)info;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	mxcsr_in_handler = mxcsr;
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm3\n movdqa %%xmm0, %%xmm7\n movdqa %%xmm0, %%xmm15"
			 ::: "xmm0", "xmm3", "xmm7", "xmm15");
	uc->uc_mcontext.fpregs->_xmm[3].element[0] = 0x5b5b5b5b;
}

/* A handler starts with a clean state, sees the interrupted one, may change it, and the rest comes back. */
TEST(the_extended_state_travels_with_signals)
{
	struct sigaction sa = { .sa_sigaction = on_state, .sa_flags = SA_SIGINFO };
	ASSERT(sigaction(SIGUSR1, &sa, NULL) == 0);
	for (uint32_t i = 0; i < OFTEN; i++) {
		uint32_t in[4] = { i, i + 1, i + 2, i + 3 }, x3[4], x7[4], x15[4], flush = 0x9fc0, back, usual = 0x1f80;
		long ret = SYS_kill;
		__asm__ volatile("ldmxcsr %[flush]\n"
				 "movdqu (%[in]), %%xmm3\n movdqu (%[in]), %%xmm7\n movdqu (%[in]), %%xmm15\n"
				 "syscall\n"
				 "cmp $-4095, %[ret]\n"             /* so that there is room for a jump */
				 "movdqu %%xmm3, (%[x3])\n movdqu %%xmm7, (%[x7])\n movdqu %%xmm15, (%[x15])\n"
				 "stmxcsr %[back]\n ldmxcsr %[usual]\n"
				 : [ret] "+a"(ret), [back] "=m"(back)
				 : [in] "r"(in), [x3] "r"(x3), [x7] "r"(x7), [x15] "r"(x15), [flush] "m"(flush), [usual] "m"(usual),
				   "D"(getpid()), "S"(SIGUSR1)
				 : "rcx", "r11", "xmm3", "xmm7", "xmm15", "memory", "cc");
		EXPECT_EQ(ret, 0);
		EXPECT_EQ(mxcsr_in_handler, 0x1f80);
		EXPECT_EQ(back, flush);
		EXPECT(x3[0] == 0x5b5b5b5b && x3[1] == in[1] && x3[3] == in[3]);
		EXPECT(memcmp(x7, in, 16) == 0 && memcmp(x15, in, 16) == 0);
	}
	signal(SIGUSR1, SIG_DFL);
}
