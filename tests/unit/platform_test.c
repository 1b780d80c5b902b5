/* platform_test.c - the platform alone: address spaces, threads, events, calls; guest code as raw bytes.
 *
 * With the name of a platform as argument: on that one. Without: on each, in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
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
IN_LOOP(many_round_trips)

static int test_platform(const char *name)
{
	static struct pl_launch l;
	if (pl_prepare(name, &l) < 0)
		return 1;
	if (fork() == 0)
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
		cmocka_unit_test(test_many_round_trips),
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
