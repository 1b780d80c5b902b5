/* ptrace_events_test.c - what a tracer hears of forks, execs, exits and job control. */
#include "tests/guest/ptrace.h"

#include <linux/ptrace.h>
#include <pthread.h>
#include <time.h>

COVERS(ptrace);

/* --- events --- */

TEST(fork_is_followed)
{
	int pid = begin(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
	int status = resume_and_wait(pid, PTRACE_CONT, 0);
	ASSERT_EQ(status, EVENT(PTRACE_EVENT_FORK));
	int child = (int)message_of(pid);
	ASSERT(child > 0 && child != pid);
	ASSERT_EQ(next_status(child), STOPPED_BY(SIGSTOP));
	EXPECT_EQ(regs_of(child).rax, 0);
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGCHLD), 4 << 8);
}

static int vforks(void)
{
	int pid = vfork();
	if (pid == 0)
		_exit(9);
	return pid > 0 ? 4 : 5;
}

TEST(vfork_and_its_end_are_events)
{
	int pid = begin(vforks, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_VFORK));
	int child = (int)message_of(pid);
	ASSERT_EQ(next_status(child), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_VFORK_DONE));
	EXPECT_EQ(message_of(pid), child);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 4 << 8);
}

static int exits_by_exit(void)
{
	_exit(12);
}

TEST(exit_is_an_event_with_the_status)
{
	int pid = begin(exits_by_exit, PTRACE_O_TRACEEXIT);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_EXIT));
	EXPECT_EQ(message_of(pid), 12 << 8);
	unsigned long word;
	EXPECT_OK(xptrace(PTRACE_PEEKDATA, pid, (unsigned long)&guest_tests, (unsigned long)&word));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 12 << 8);

	pid = begin(pauses, PTRACE_O_TRACEEXIT);
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_EXIT));
	EXPECT_EQ(message_of(pid), SIGKILL);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), SIGKILL);
}

static int executes(void)
{
	execl("/bin/true", "true", NULL);
	return 5;
}

TEST(exec_is_an_event_or_a_sigtrap)
{
	int pid = begin(executes, PTRACE_O_TRACEEXEC);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_EXEC));
	EXPECT_EQ(message_of(pid), pid);
	EXPECT_EQ(regs_of(pid).orig_rax, SYS_execve);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);

	pid = begin(executes, 0);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGTRAP));
	EXPECT_EQ(siginfo_of(pid).si_code, SI_USER);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
}

TEST(exec_is_a_call_with_entry_and_exit)
{
	int pid = begin(executes, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	run_to_call(pid, SYS_execve);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), EVENT(PTRACE_EVENT_EXEC));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_SYSCALL, 0), SYSCALL_STOP);
	EXPECT_EQ(regs_of(pid).orig_rax, SYS_execve);
	EXPECT_EQ(regs_of(pid).rax, 0);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
}

/* --- threads --- */

static void *thread_exits(void *arg)
{
	return arg;
}

static int makes_a_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, thread_exits, NULL);
	pthread_join(t, NULL);
	return 6;
}

TEST(threads_are_followed_and_waited_for_one_by_one)
{
	int pid = begin(makes_a_thread, PTRACE_O_TRACECLONE);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_CLONE));
	int tid = (int)message_of(pid);
	ASSERT_EQ(next_status(tid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	/* Its own status, or the process's if that exits meanwhile. */
	int status = resume_and_wait(tid, PTRACE_CONT, 0);
	EXPECT(status == 0 || status == 6 << 8);
	EXPECT_EQ(next_status(pid), 6 << 8);
}

static void *thread_executes(void *arg)
{
	execl("/bin/true", "true", NULL);
	return arg;
}

static int executes_from_a_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, thread_executes, NULL);
	pauses();
}

TEST(a_thread_that_execs_takes_over_the_process)
{
	int pid = begin(executes_from_a_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), EVENT(PTRACE_EVENT_CLONE));
	int tid = (int)message_of(pid);
	ASSERT_EQ(next_status(tid), STOPPED_BY(SIGSTOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	ASSERT_OK(resume(tid, PTRACE_CONT, 0));
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_EXEC));
	EXPECT_EQ(message_of(pid), tid);
	EXPECT_ERRNO(xptrace(PTRACE_CONT, tid, 0, 0), ESRCH);
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 0);
	int status;
	EXPECT_ERRNO(waitpid(-1, &status, __WALL | WNOHANG), ECHILD);
}

/* --- job control --- */

TEST(a_group_stop_of_an_attached_tracee)
{
	int pid = begin(pauses, 0);
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	await_sleep(pid);
	kill(pid, SIGTSTP);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGTSTP));
	EXPECT_EQ(siginfo_of(pid).si_signo, SIGTSTP);
	siginfo_t info;
	kill(pid, SIGSTOP);
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGSTOP), STOPPED_BY(SIGSTOP));
	EXPECT_ERRNO(xptrace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), EINVAL);
	EXPECT_ERRNO(xptrace(PTRACE_LISTEN, pid, 0, 0), EIO);
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, 0));
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT_EQ(status, STOPPED_BY(SIGSTOP));
	while (proc_state(pid) != 'T')
		sched_yield();
	kill(pid, SIGCONT);
	kill(pid, SIGTERM);
	EXPECT_EQ(next_status(pid), SIGTERM);
}

TEST(a_seized_tracee_listens_through_a_group_stop)
{
	int pid = child_of(pauses);
	await_sleep(pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	kill(pid, SIGSTOP);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, SIGSTOP), STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8));
	EXPECT_EQ(siginfo_of(pid).si_code, SIGSTOP | PTRACE_EVENT_STOP << 8);
	ASSERT_OK(xptrace(PTRACE_LISTEN, pid, 0, 0));
	struct user_regs_struct r;
	EXPECT_ERRNO(xptrace(PTRACE_GETREGS, pid, 0, (unsigned long)&r), ESRCH);
	int status;
	EXPECT_EQ(waitpid(pid, &status, __WALL | WNOHANG), 0);
	kill(pid, SIGCONT);
	ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_STOP));
	ASSERT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), STOPPED_BY(SIGCONT));
	ASSERT_OK(resume(pid, PTRACE_CONT, SIGCONT));
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

TEST(interrupt_stops_a_sleeping_tracee_and_its_call_goes_on)
{
	int go[2];
	ASSERT_OK(pipe(go));
	int pid = fork();
	if (pid == 0) {
		char c;
		_exit(read(go[0], &c, 1) == 1 ? 11 : 12);
	}
	await_sleep(pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, 0));
	for (int n = 0; n < 3; n++) {
		ASSERT_OK(xptrace(PTRACE_INTERRUPT, pid, 0, 0));
		ASSERT_EQ(next_status(pid), EVENT(PTRACE_EVENT_STOP));
		ASSERT_OK(resume(pid, PTRACE_CONT, 0));
		await_sleep(pid);
	}
	ASSERT_EQ(write(go[1], "x", 1), 1);
	EXPECT_EQ(next_status(pid), 11 << 8);
}

TEST(children_of_a_seized_tracee_begin_with_a_trap)
{
	int pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(forks());
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_OK(xptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK));
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8));
	kill(pid, SIGCONT);
	int child = 0;
	while (!child) {
		status = resume_and_wait(pid, PTRACE_CONT, 0);
		if (status == EVENT(PTRACE_EVENT_FORK))
			child = (int)message_of(pid);
		else
			ASSERT(status == EVENT(PTRACE_EVENT_STOP) || status == STOPPED_BY(SIGCONT));
	}
	ASSERT_EQ(next_status(child), EVENT(PTRACE_EVENT_STOP));
	ASSERT_OK(resume(pid, PTRACE_CONT, 0));
	EXPECT_EQ(resume_and_wait(child, PTRACE_CONT, 0), 9 << 8);
	ASSERT_EQ(next_status(pid), STOPPED_BY(SIGCHLD));
	EXPECT_EQ(resume_and_wait(pid, PTRACE_CONT, 0), 4 << 8);
}

TEST(attach_to_a_stopped_process_is_stopped_at_once)
{
	int pid = child_of(pauses);
	int status;
	kill(pid, SIGSTOP);
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_OK(xptrace(PTRACE_ATTACH, pid, 0, 0));
	ASSERT_EQ(waitpid(pid, &status, __WALL | WNOHANG), pid);
	EXPECT_EQ(status, STOPPED_BY(SIGSTOP));
	EXPECT(regs_of(pid).rip != 0);
	/* A signal to go on with has no effect here: it is no signal's stop. */
	ASSERT_OK(xptrace(PTRACE_DETACH, pid, 0, SIGTERM));
	while (proc_state(pid) != 'T')
		sched_yield();
	kill(pid, SIGKILL);
	EXPECT_EQ(next_status(pid), SIGKILL);
}

static void *spins_for_stop(void *arg)
{
	for (;;)
		usleep(1000);
	return arg;
}

static int has_threads(void)
{
	pthread_t t;
	for (int n = 0; n < 3; n++)
		pthread_create(&t, NULL, spins_for_stop, NULL);
	pauses();
}

/* One thread is traced, the others are not: the real parent hears of the stop when all have stopped. */
TEST(a_group_stop_with_one_traced_thread_is_complete)
{
	int pid = fork();
	if (pid == 0) {
		int child = child_of(has_threads), status;
		int tracer = fork();
		if (tracer == 0) {
			if (xptrace(PTRACE_SEIZE, child, 0, 0) != 0)
				_exit(1);
			kill(child, SIGSTOP);
			for (;;) {
				status = next_status(child);
				if (status == STOPPED_BY(SIGSTOP | PTRACE_EVENT_STOP << 8))
					break;
				resume(child, PTRACE_CONT, WSTOPSIG(status));
			}
			pauses();
		}
		int ok = waitpid(child, &status, WUNTRACED) == child && status == STOPPED_BY(SIGSTOP);
		kill(tracer, SIGKILL);
		ok = ok && next_status(tracer) == SIGKILL;
		kill(child, SIGKILL);
		ok = ok && next_status(child) == SIGKILL;
		_exit(ok ? 0 : 1);
	}
	EXPECT_EQ(next_status(pid), 0);
}
