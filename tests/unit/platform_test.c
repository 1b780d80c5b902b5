/* platform_test.c - the platform alone: address spaces, threads, events, calls; guest code as raw bytes.
 *
 * With the name of a platform as argument: on that one. Without: on each, in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/base/loop.h"
#include "platform/launch.h"

#define CODE 0x400000ULL
#define DATA 0x500000ULL
#define STACK_TOP 0x600f00ULL

static pid_t init_pid;

/* What init does in a sandbox: parent of all stubs, tells of deaths. */
static void init_main(struct pl_launch *l)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fork() == 0)
		pl_template_main(l);
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			_exit(0);
		struct pl_death d = { pid, status };
		send(l->init_sock, &d, sizeof(d), 0);
	}
}

static void template_died(int status)
{
	(void)status;
	check_failed("the template died", __FILE__, __LINE__);
}

static void start(struct pl_thread *t, const void *code, size_t bytes)
{
	struct pl_call v[] = {
		PL_CALL(SYS_mmap, CODE, 4096, PROT_READ | PROT_EXEC | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		PL_CALL(SYS_mmap, DATA, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		PL_CALL(SYS_mmap, 0x600000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	};
	assert_int_equal(pl_calls(t, v, 3), 0);
	assert_int_equal(v[0].ret, CODE);
	assert_int_equal(v[1].ret, DATA);
	assert_int_equal(pl_write(t->as, CODE, code, bytes), bytes);
	t->regs.rip = CODE;
	t->regs.rsp = STACK_TOP;
	t->regs.eflags = 0x202;
}

/* mov $39,%eax; mov $7,%edi; syscall; mov %rax,%rbx; inc %ebx; ud2 */
static const unsigned char syscall_code[] = { 0xb8, 39, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05, 0x48, 0x89, 0xc3, 0xff, 0xc3, 0x0f, 0x0b };

static void syscall_then_fault(void)
{
	struct pl_thread *t;
	struct pl_event ev;
	assert_int_equal(pl_as_new(&t), 0);
	start(t, syscall_code, sizeof(syscall_code));
	pl_run(t, &ev);
	assert_int_equal(ev.kind, PL_SYSCALL);
	assert_int_equal(t->regs.orig_rax, 39);
	assert_int_equal(t->regs.rdi, 7);
	assert_int_equal(t->regs.rip, CODE + 12);
	t->regs.rax = 41;
	pl_run(t, &ev);
	assert_int_equal(ev.kind, PL_FAULT);
	assert_int_equal(ev.fault.si_signo, SIGILL);
	assert_int_equal(t->regs.rbx, 42);
	pl_thread_exit(t);
}

/* 1: incl (DATA); jmp 1b */
static const unsigned char spin_code[] = { 0xff, 0x04, 0x25, 0, 0, 0x50, 0, 0xeb, 0xf7 };
static struct pl_thread *spinner;
static void interrupt_spinner(struct ktimer *kt)
{
	(void)kt;
	pl_interrupt(spinner);
}

static void interrupt_running(void)
{
	struct pl_event ev;
	assert_int_equal(pl_as_new(&spinner), 0);
	start(spinner, spin_code, sizeof(spin_code));
	struct ktimer kt = { .fire = interrupt_spinner };
	ktimer_arm(&kt, now_mono_ns() + 20000000);
	pl_run(spinner, &ev);
	assert_int_equal(ev.kind, PL_INTERRUPTED);
	pl_thread_exit(spinner);
}

static void forked_memory_is_private(void)
{
	struct pl_thread *a, *b;
	struct pl_event ev;
	uint32_t v = 5;
	assert_int_equal(pl_as_new(&a), 0);
	start(a, syscall_code, sizeof(syscall_code));
	pl_run(a, &ev);
	assert_int_equal(pl_write(a->as, DATA, &v, 4), 4);
	assert_int_equal(pl_as_fork(a, &b), 0);
	assert_int_equal(b->regs.rip, a->regs.rip);
	assert_true(pl_as_pid(a->as) != pl_as_pid(b->as));
	v = 6;
	assert_int_equal(pl_write(b->as, DATA, &v, 4), 4);
	assert_int_equal(pl_read(a->as, DATA, &v, 4), 4);
	assert_int_equal(v, 5);
	b->regs.rax = 1;
	pl_run(b, &ev);
	assert_int_equal(ev.kind, PL_FAULT);
	assert_int_equal(b->regs.rbx, 2);
	pl_thread_exit(a);
	pl_thread_exit(b);
}

static void threads_share_memory(void)
{
	struct pl_thread *a, *b;
	struct pl_event ev;
	assert_int_equal(pl_as_new(&a), 0);
	start(a, syscall_code, sizeof(syscall_code));
	pl_run(a, &ev);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(pl_thread_clone(a, &b), 0);
		assert_ptr_equal(a->as, b->as);
		b->regs.rax = 10;
		pl_run(b, &ev);
		assert_int_equal(ev.kind, PL_FAULT);
		assert_int_equal(b->regs.rbx, 11);
		pl_thread_exit(b);
	}
	pl_thread_exit(a);
}

static void cmpxchg(void)
{
	struct pl_thread *t;
	uint32_t v = 5, old = 4;
	assert_int_equal(pl_as_new(&t), 0);
	start(t, syscall_code, sizeof(syscall_code));
	assert_int_equal(pl_write(t->as, DATA, &v, 4), 4);
	assert_int_equal(pl_cmpxchg32(t, DATA, &old, 9), -EAGAIN);
	assert_int_equal(old, 5);
	assert_int_equal(pl_cmpxchg32(t, DATA, &old, 9), 0);
	assert_int_equal(pl_read(t->as, DATA, &v, 4), 4);
	assert_int_equal(v, 9);
	assert_int_equal(pl_cmpxchg32(t, 0x700000, &old, 9), -EFAULT);
	assert_int_equal(pl_cmpxchg32(t, DATA, &v, 1), 0);
	pl_thread_exit(t);
}

static void descriptor_is_mapped(void)
{
	struct pl_thread *t;
	assert_int_equal(pl_as_new(&t), 0);
	int fd = memfd_create("x", 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(pwrite(fd, "hello", 5, 0), 5);
	struct pl_call c = PL_CALL(SYS_mmap, DATA, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 0);
	c.fd = fd;
	assert_int_equal(pl_calls(t, &c, 1), 0);
	assert_int_equal(c.ret, DATA);
	char buf[6] = "";
	assert_int_equal(pl_read(t->as, DATA, buf, 5), 5);
	assert_string_equal(buf, "hello");
	close(fd);
	pl_thread_exit(t);
}

static void killed_stub_is_reported(void)
{
	struct pl_event ev;
	assert_int_equal(pl_as_new(&spinner), 0);
	start(spinner, spin_code, sizeof(spin_code));
	kill(pl_as_pid(spinner->as), SIGKILL);
	pl_run(spinner, &ev);
	assert_int_equal(ev.kind, PL_EXITED);
	assert_int_equal(ev.exit_status, SIGKILL);
	pl_thread_exit(spinner);
}

/* A thread with this code, run until its first event. */
static struct pl_thread *run_code(const void *code, size_t bytes, struct pl_event *ev)
{
	struct pl_thread *t;
	assert_int_equal(pl_as_new(&t), 0);
	start(t, code, bytes);
	pl_run(t, ev);
	return t;
}

static void foreign_calls_are_told_apart(void)
{
	/* mov $20,%eax; int $0x80 */
	static const unsigned char code[] = { 0xb8, 20, 0, 0, 0, 0xcd, 0x80 };
	struct pl_event ev;
	struct pl_thread *t = run_code(code, sizeof(code), &ev);
	assert_int_equal(ev.kind, PL_SYSCALL);
	assert_int_equal(t->regs.orig_rax, -1UL);
	pl_thread_exit(t);
}

static void vsyscall_page_reaches_us(void)
{
	/* mov $0xffffffffff600400,%rax; call *%rax; ud2: time(2) of old, where the host has that page */
	static const unsigned char code[] = { 0x48, 0xc7, 0xc0, 0x00, 0x04, 0x60, 0xff, 0xff, 0xd0, 0x0f, 0x0b };
	struct pl_event ev;
	struct pl_thread *t = run_code(code, sizeof(code), &ev);
	if (ev.kind == PL_SYSCALL) {
		assert_int_equal(t->regs.orig_rax, SYS_time);
		assert_int_equal(t->regs.rip, CODE + 9);
		assert_int_equal(t->regs.rsp, STACK_TOP);
	} else {
		assert_int_equal(ev.kind, PL_FAULT);
		assert_int_equal(ev.fault.si_signo, SIGSEGV);
	}
	pl_thread_exit(t);
}

static void faults_tell_what_the_processor_said(void)
{
	static const struct {
		unsigned char code[12];
		int signo;
		uint64_t trapno, error_code, addr;
	} v[] = {
		{ { 0x89, 0x04, 0x25, 0, 0, 0x70, 0 }, SIGSEGV, 14, 6, 0x700000 },           /* mov %eax,0x700000 */
		{ { 0x8b, 0x04, 0x25, 0, 0, 0x70, 0 }, SIGSEGV, 14, 4, 0x700000 },           /* mov 0x700000,%eax */
		{ { 0xb8, 0, 0, 0x70, 0, 0xff, 0xe0 }, SIGSEGV, 14, 0x14, 0x700000 },        /* mov $0x700000,%eax; jmp *%rax */
		{ { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0x10 }, SIGSEGV, 13, 0, 0 },   /* not canonical */
		{ { 0x31, 0xc9, 0xf7, 0xf1 }, SIGFPE, 0, 0, CODE + 2 },                      /* xor %ecx,%ecx; div %ecx */
		{ { 0xcc }, SIGTRAP, 3, 0, 0 },
		{ { 0x0f, 0x0b }, SIGILL, 6, 0, CODE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct pl_event ev;
		struct pl_thread *t = run_code(v[i].code, sizeof(v[i].code), &ev);
		assert_int_equal(ev.kind, PL_FAULT);
		assert_int_equal(ev.fault.si_signo, v[i].signo);
		assert_int_equal(ev.trapno, v[i].trapno);
		assert_int_equal(ev.error_code, v[i].error_code);
		assert_int_equal((uint64_t)ev.fault.si_addr, v[i].addr);
		assert_int_equal(t->regs.rsp, STACK_TOP);
		pl_thread_exit(t);
	}
}

/* movups (DATA),%xmm0; ud2; movups %xmm0,(DATA+16); ud2; jmp to the second movups */
static const unsigned char xmm_code[] = { 0x0f, 0x10, 0x04, 0x25, 0, 0, 0x50, 0, 0x0f, 0x0b,
					  0x0f, 0x11, 0x04, 0x25, 0x10, 0, 0x50, 0, 0x0f, 0x0b, 0xeb, 0xf4 };
#define XMM0_OFF 160
#define SW_MAGIC_OFF 464
#define MXCSR_OFF 24

/* Goes on behind an ud2, until the next; what xmm0 was then. */
static void next_xmm0(struct pl_thread *t, char out[16])
{
	struct pl_event ev;
	t->regs.rip += 2;
	pl_run(t, &ev);
	assert_int_equal(ev.kind, PL_FAULT);
	assert_int_equal(ev.fault.si_signo, SIGILL);
	assert_int_equal(pl_read(t->as, DATA + 16, out, 16), 16);
}

static void extended_state_is_kept_changed_and_reset(void)
{
	struct pl_thread *t, *child;
	struct pl_event ev;
	char out[16];
	assert_int_equal(pl_as_new(&t), 0);
	start(t, xmm_code, sizeof(xmm_code));
	assert_int_equal(pl_write(t->as, DATA, "0123456789abcdef", 16), 16);
	pl_run(t, &ev);
	assert_int_equal(ev.fault.si_signo, SIGILL);

	char *state = malloc(pl_fpstate_bytes());
	size_t bytes = pl_fpstate_get(t, state);
	uint32_t sw[5], magic2;
	assert_in_range(bytes, 512, pl_fpstate_bytes());
	memcpy(sw, state + SW_MAGIC_OFF, sizeof(sw));
	assert_int_equal(sw[0], FP_XSTATE_MAGIC1);
	assert_int_equal(sw[1], bytes);
	assert_int_equal(sw[4], bytes - 4);
	memcpy(&magic2, state + bytes - 4, 4);
	assert_int_equal(magic2, FP_XSTATE_MAGIC2);
	assert_memory_equal(state + XMM0_OFF, "0123456789abcdef", 16);

	next_xmm0(t, out);
	assert_memory_equal(out, "0123456789abcdef", 16);
	memcpy(state + XMM0_OFF, "ABCDEFGHIJKLMNOP", 16);
	pl_fpstate_set(t, state, bytes);
	assert_int_equal(pl_as_fork(t, &child), 0);
	next_xmm0(t, out);
	assert_memory_equal(out, "ABCDEFGHIJKLMNOP", 16);
	next_xmm0(child, out);
	assert_memory_equal(out, "ABCDEFGHIJKLMNOP", 16);
	pl_thread_exit(child);

	pl_fpstate_reset(t);
	next_xmm0(t, out);
	assert_memory_equal(out, (char[16]){ 0 }, 16);
	/* The legacy part alone, as a frame without a magic number has it. */
	pl_fpstate_set(t, state, 512);
	next_xmm0(t, out);
	assert_memory_equal(out, "ABCDEFGHIJKLMNOP", 16);

	memset(state + MXCSR_OFF, 0xff, 4);
	pl_fpstate_set(t, state, bytes);
	pl_run(t, &ev);
	assert_int_equal(ev.kind, PL_FAULT);
	assert_int_equal(ev.fault.si_signo, SIGSEGV);
	free(state);
	pl_thread_exit(t);
}

static void others_live_on_without_the_first_thread(void)
{
	struct pl_thread *a, *b, *c;
	struct pl_event ev;
	uint32_t v = 7;
	assert_int_equal(pl_as_new(&a), 0);
	start(a, syscall_code, sizeof(syscall_code));
	pl_run(a, &ev);
	assert_int_equal(pl_thread_clone(a, &b), 0);
	pl_thread_exit(a);
	assert_int_equal(pl_write(b->as, DATA, &v, 4), 4);
	assert_int_equal(pl_read(b->as, DATA, &v, 4), 4);
	assert_int_equal(pl_thread_clone(b, &c), 0);
	pl_thread_exit(b);
	c->regs.rax = 3;
	pl_run(c, &ev);
	assert_int_equal(ev.kind, PL_FAULT);
	assert_int_equal(c->regs.rbx, 4);
	pl_thread_exit(c);
}

/* Interruptions come at any point of a thread's life, most of them when it has just stopped by itself. */
static struct ktimer storm;
static void interrupt_again(struct ktimer *kt)
{
	pl_interrupt(spinner);
	ktimer_arm(kt, now_mono_ns() + 30000);
}
static void interruptions_do_no_harm(void)
{
	/* mov $39,%eax; syscall; inc %ebx; jmp to the start */
	static const unsigned char loop[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xff, 0xc3, 0xeb, 0xf5 };
	struct pl_event ev;
	assert_int_equal(pl_as_new(&spinner), 0);
	start(spinner, loop, sizeof(loop));
	storm.fire = interrupt_again;
	ktimer_arm(&storm, now_mono_ns());
	for (unsigned calls = 0; calls < 500;) {
		pl_run(spinner, &ev);
		if (ev.kind == PL_SYSCALL) {
			assert_int_equal((uint32_t)spinner->regs.rbx, calls);
			spinner->regs.rax = (uint64_t)-512;       /* ERESTARTSYS, which is nobody's business but ours */
			calls++;
		} else {
			assert_int_equal(ev.kind, PL_INTERRUPTED);
		}
		if (calls % 10 == 0) {
			struct pl_call c = PL_CALL(SYS_mprotect, DATA, 4096, PROT_READ | PROT_WRITE);
			assert_int_equal(pl_calls(spinner, &c, 1), 0);
			assert_int_equal(c.ret, 0);
		}
	}
	ktimer_cancel(&storm);
	pl_thread_exit(spinner);
}

/* A process may die at any moment, also while it makes another. */
static void kill_maker(struct ktimer *kt)
{
	(void)kt;
	kill(pl_as_pid(spinner->as), SIGKILL);
}
static void makers_may_die(void)
{
	for (int i = 0; i < 60; i++) {
		struct pl_thread *child;
		struct pl_event ev;
		spinner = run_code(syscall_code, sizeof(syscall_code), &ev);
		storm.fire = kill_maker;
		ktimer_arm(&storm, now_mono_ns() + (uint64_t)i * 20000);
		int err = 0;
		while (!err) {
			err = i % 2 ? pl_thread_clone(spinner, &child) : pl_as_fork(spinner, &child);
			if (!err)
				pl_thread_exit(child);
			co_yield();              /* a thread that is there already costs no wait */
		}
		pl_run(spinner, &ev);
		assert_int_equal(ev.kind, PL_EXITED);
		assert_int_equal(ev.exit_status, SIGKILL);
		pl_thread_exit(spinner);
	}
}

static struct co *sleeper;
static void fire_wakes(struct ktimer *kt)
{
	(void)kt;
	co_wake(sleeper);
}

static int count_stubs(void)
{
	static char text[65536];      /* a coroutine has little stack */
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", init_pid, init_pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	int count = 0;
	for (size_t i = 0; i < n; i++)
		count += text[i] == ' ';
	return count;
}

/* Of all that the tests have made only the template is there in the end, also of what was made by processes that died of it. */
static void no_stub_is_left(void)
{
	int n = -1;
	struct ktimer kt = { .fire = fire_wakes };
	sleeper = co_current();
	for (int tries = 0; tries < 500 && (n = count_stubs()) > 1; tries++) {
		ktimer_arm(&kt, now_mono_ns() + 10000000);
		while (kt.armed)
			co_sleep();
	}
	if (n < 0)
		skip();
	assert_int_equal(n, 1);
}

static void many_round_trips(void)
{
	/* 1: mov $39,%eax; syscall; jmp 1b */
	static const unsigned char loop[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7 };
	struct pl_thread *t;
	struct pl_event ev;
	assert_int_equal(pl_as_new(&t), 0);
	start(t, loop, sizeof(loop));
	uint64_t start_ns = now_mono_ns();
	for (int i = 0; i < 20000; i++) {
		pl_run(t, &ev);
		assert_int_equal(ev.kind, PL_SYSCALL);
	}
	print_message("round trip: %llu ns\n", (unsigned long long)(now_mono_ns() - start_ns) / 20000);
	pl_thread_exit(t);
}

static void (*body)(void);
static void co_main(void *arg)
{
	(void)arg;
	body();
	loop_stop();
}
static void in_loop(void (*fn)(void))
{
	body = fn;
	co_spawn(co_main, NULL);
	loop_run();
}
#define IN_LOOP(fn) static void test_##fn(void **s) { (void)s; in_loop(fn); }
IN_LOOP(syscall_then_fault)
IN_LOOP(interrupt_running)
IN_LOOP(forked_memory_is_private)
IN_LOOP(threads_share_memory)
IN_LOOP(cmpxchg)
IN_LOOP(descriptor_is_mapped)
IN_LOOP(killed_stub_is_reported)
IN_LOOP(foreign_calls_are_told_apart)
IN_LOOP(vsyscall_page_reaches_us)
IN_LOOP(faults_tell_what_the_processor_said)
IN_LOOP(extended_state_is_kept_changed_and_reset)
IN_LOOP(others_live_on_without_the_first_thread)
IN_LOOP(interruptions_do_no_harm)
IN_LOOP(makers_may_die)
IN_LOOP(many_round_trips)
IN_LOOP(no_stub_is_left)

static int test_platform(const char *name)
{
	static struct pl_launch l;
	if (pl_prepare(name, &l) < 0)
		return 1;
	init_pid = fork();
	if (init_pid == 0)
		init_main(&l);
	close(l.init_sock);
	close(l.stub_control);
	l.cfg.template_died = template_died;
	if (loop_init() < 0 || pl_init(&l.cfg) < 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syscall_then_fault),
		cmocka_unit_test(test_interrupt_running),
		cmocka_unit_test(test_forked_memory_is_private),
		cmocka_unit_test(test_threads_share_memory),
		cmocka_unit_test(test_cmpxchg),
		cmocka_unit_test(test_descriptor_is_mapped),
		cmocka_unit_test(test_killed_stub_is_reported),
		cmocka_unit_test(test_foreign_calls_are_told_apart),
		cmocka_unit_test(test_vsyscall_page_reaches_us),
		cmocka_unit_test(test_faults_tell_what_the_processor_said),
		cmocka_unit_test(test_extended_state_is_kept_changed_and_reset),
		cmocka_unit_test(test_others_live_on_without_the_first_thread),
		cmocka_unit_test(test_interruptions_do_no_harm),
		cmocka_unit_test(test_makers_may_die),
		cmocka_unit_test(test_many_round_trips),
		cmocka_unit_test(test_no_stub_is_left),
	};
	return _cmocka_run_group_tests(name, tests, ARRAY_SIZE(tests), NULL, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return test_platform(argv[1]);
	static const char *const names[] = { "systrap", "ptrace" };
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			execl("/proc/self/exe", argv[0], names[i], NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			failed = 1;
	}
	return failed;
}
