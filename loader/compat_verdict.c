/* compat_verdict.c - what the end of a run says about the test.
 *
 * LINUX    LTP's exit statuses are bits: 1 TFAIL, 2 TBROK, 4 TWARN, 32 TCONF. automake's 77 means skipped, and so does 32,
 *          which nothing else uses. Other programs pass with 0. */
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "loader/compat.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[V_PASS] = "pass", [V_SKIP] = "skip", [V_WARN] = "warning", [V_FAIL] = "fail", [V_BROKEN] = "broken",
		[V_CRASH] = "crash", [V_TIMEOUT] = "time limit", [V_PROCESSES] = "process limit", [V_MEMORY] = "memory limit",
		[V_SANDBOX] = "sbx failed", [V_ABSENT] = "did not run",
	};
	return names[v];
}

void outcome_free(struct outcome *oc)
{
	struct test_case *c, *next;
	HASH_ITER(hh, oc->cases, c, next) {
		HASH_DEL(oc->cases, c);
		free(c->name);
		free(c->why);
		free(c);
	}
	free(oc->text);
	free(oc->why);
	free(oc->calls);
	*oc = (struct outcome){ 0 };
}

static void say(struct outcome *oc, enum verdict v, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct outcome *oc, enum verdict v, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	oc->verdict = v;
	CHECK(vasprintf(&oc->why, fmt, ap) >= 0);
	va_end(ap);
}

static enum verdict of_exit(int code, bool ltp)
{
	if (code == 0)
		return V_PASS;
	if (code == 32 || code == 77)
		return V_SKIP;
	if (!ltp)
		return V_FAIL;
	if (code & ~(1 | 2 | 4 | 32) || code & 1)
		return V_FAIL;
	return code & 2 ? V_BROKEN : V_WARN;
}

static void judge_exit(struct outcome *oc, const struct parser *p, int code)
{
	oc->verdict = of_exit(code, p->ltp);
	if (oc->verdict == V_PASS)
		return;
	const char *text = p->first_complaint[0] ? p->first_complaint : p->last_line;
	say(oc, oc->verdict, "exit status %d%s%s", code, *text ? ": " : "", text);
}

void outcome_judge(struct outcome *oc, const struct parser *p, const struct ending *end, const struct compat_options *o)
{
	bool signalled = WIFSIGNALED(end->status);
	int code = WEXITSTATUS(end->status), sig = WTERMSIG(end->status);
	bool oom = end->out_of_memory || p->out_of_memory, processes = end->out_of_processes || p->out_of_processes;
	/* The loader says "128 + N" and, about its own failures, "125" with a reason. */
	if (p->sandbox && !signalled && code > EXIT_SIGNAL && code <= EXIT_SIGNAL + 64) {
		signalled = true;
		sig = code - EXIT_SIGNAL;
	}
	bool well = !end->timed_out && !signalled && code == 0;
	if (end->exec_errno)
		say(oc, V_BROKEN, "can't be started: %s", strerror(end->exec_errno));
	else if (processes && !well)
		say(oc, V_PROCESSES, "more than %d processes%s", o->pids_limit, end->timed_out ? ", and no end in time" : "");
	else if (oom && !well)
		say(oc, V_MEMORY, "more memory than %s", o->memory_text);
	else if (end->timed_out)
		say(oc, V_TIMEOUT, "still running after %g s", (double)o->timeout_ns / 1e9);
	else if (p->sandbox && p->sbx_said[0] && (signalled || (code >= EXIT_SBX && code <= EXIT_NOT_FOUND)))
		say(oc, code == EXIT_SBX || WIFSIGNALED(end->status) ? V_SANDBOX : V_BROKEN, "%s", p->sbx_said);
	else if (p->sandbox && WIFSIGNALED(end->status))
		say(oc, V_SANDBOX, "sbx was killed by signal %d (%s)", sig, strsignal(sig));
	else if (signalled)
		say(oc, V_CRASH, "killed by signal %d (%s)", sig, strsignal(sig));
	else
		judge_exit(oc, p, code);
}
