/* compat.h - `sbx compat`: what its parts share.
 *
 *	compat_list.c      which tests                     compat_verdict.c   what a run's end means
 *	compat_run.c       the schedule                    compat_compare.c   native against sandbox
 *	compat_exec.c      one run, its limits             compat_text.c, compat_json.c, compat_html.c   reports
 *	compat_native.c    containment without a sandbox   compat_formats.c   case by case output of test frameworks
 *	compat_calls.c     the end of a --strace output
 */
#pragma once

#include <limits.h>
#include <stdio.h>
#include <uthash.h>

#include "loader/err.h"

#define COMPAT_PLATFORMS_MAX 8
#define COMPAT_TEXT_MAX (256 << 10)       /* of a run's output, kept to be compared */
#define COMPAT_CASES_MAX 200000
#define COMPAT_WHY_MAX 400

enum verdict {
	V_PASS, V_SKIP, V_WARN, V_FAIL, V_BROKEN, V_CRASH, V_TIMEOUT, V_PROCESSES, V_MEMORY,
	V_SANDBOX,                        /* sbx itself failed */
	V_ABSENT,                         /* a case that only the other run had */
};
const char *verdict_name(enum verdict v);

struct test {
	char *name;
	char **argv;                      /* NULL-terminated; argv[0] as it was given */
};
struct test_list {
	struct test *v;
	int count, room;
};

struct compat_options {
	const char *platforms[COMPAT_PLATFORMS_MAX];
	int nplatforms;
	int jobs;
	uint64_t timeout_ns;
	const char *timeout_text;
	uint64_t memory_bytes;
	const char *memory_text;
	int pids_limit;
	bool has_cgroup;                  /* limits can be had */
	enum { COMPAT_TEXT, COMPAT_JSON, COMPAT_TAP } output;
	const char *html_file;            /* NULL: none */
	const char *match;                /* pattern of names, or NULL */
	const char **run_options;         /* for sbx run */
	int nrun_options;
	char *const *command;             /* after "--"; or NULL, and: */
	const char *where;                /* directory or list file */
	const char *root;                 /* directory, if `where` is one: shown in the sandbox */
	bool help;
};
struct err *compat_options_parse(int nargs, char **args, struct compat_options *out) MUST_CHECK;

/* --- compat_list.c --- */
struct err *test_list_make(const struct compat_options *o, struct test_list *out) MUST_CHECK;

/* --- compat_calls.c: fed with --strace output, it remembers the last calls, and those that got ENOSYS --- */
#define CALLS_LAST 6
#define CALLS_ENOSYS 8
#define CALLS_LINE 160
struct calls {
	char last[CALLS_LAST][CALLS_LINE];        /* a ring: the oldest at count % CALLS_LAST */
	uint64_t count;
	char enosys[CALLS_ENOSYS][CALLS_LINE];
	int nenosys;
	char line[CALLS_LINE];
	size_t line_len;
};
void calls_feed(struct calls *c, const char *data, size_t len);
/* The i-th of the last calls, the oldest first; NULL: no more. */
const char *calls_last(const struct calls *c, int i);

/* --- one run's result --- */
struct test_case {
	UT_hash_handle hh;
	char *name;
	enum verdict verdict;
	char *why;                        /* or NULL */
};
struct outcome {
	enum verdict verdict;             /* of the run as a whole */
	char *why;
	struct test_case *cases;          /* in the order of appearance; NULL: the output names none */
	bool any_case_failed;
	char *text;                       /* what it wrote, or the beginning of it; NUL-terminated */
	size_t text_len;
	uint64_t ns;
	struct calls *calls;              /* of a traced run, or NULL */
};
void outcome_free(struct outcome *oc);

/* --- compat_formats.c --- */
#define PARSER_LINE 4096
struct parser {
	struct outcome *out;
	bool sandbox;                     /* lines "sbx: …" are sbx's own words */
	char line[PARSER_LINE];
	size_t line_len;
	bool in_escape;                   /* a colour: ESC [ … letter */
	char said[COMPAT_WHY_MAX];        /* what a running case said so far */
	char current[512];                /* the case that runs, or "" */
	bool in_unittest;                 /* current is one of Python's unittest */
	char complaint[512];              /* Python: the case whose traceback is being printed */
	bool ltp;                         /* it uses LTP's words */
	bool unnumbered;                  /* TAP without numbers */
	char first_complaint[COMPAT_WHY_MAX];     /* the first line that tells of a failure */
	char last_line[COMPAT_WHY_MAX];
	char sbx_said[COMPAT_WHY_MAX];    /* sbx's last words */
	bool out_of_memory, out_of_processes;     /* sbx said so */
};
void parser_init(struct parser *p, struct outcome *out, bool sandbox);
void parser_feed(struct parser *p, const char *data, size_t len);
void parser_end(struct parser *p);

/* --- compat_verdict.c --- */
struct ending {
	int status;                       /* as of wait(2) */
	bool timed_out;
	bool out_of_memory, out_of_processes;
	int exec_errno;                   /* natively: the program could not be started */
};
/* Fills in verdict and why, once parser_end() was called. */
void outcome_judge(struct outcome *oc, const struct parser *p, const struct ending *end, const struct compat_options *o);

/* --- compat_native.c --- */
struct native_result {
	struct ending end;
	bool ended;
};
/* In a fresh child: runs the program, waits for it or for SIGTERM (the time limit), and leaves none of its descendants alive. */
_Noreturn void native_keeper(const struct compat_options *o, const struct test *t, const char *tmp_dir,
			     struct native_result *shared);

/* --- compat_exec.c --- */
struct execution {
	const struct test *test;
	const char *platform;             /* NULL: natively */
	pid_t pid;
	int pidfd, out_fd, calls_fd;      /* calls_fd: -1 unless traced */
	uint64_t started_ns, deadline_ns;
	bool killed;
	struct native_result *native;     /* shared memory */
	char tmp_dir[PATH_MAX];           /* natively: $TMPDIR; it is made in ours */
	struct parser parser;
	struct outcome *out;
};
/* tmp_dir: where natively run tests may leave files; a directory of ours. */
struct err *execution_start(struct execution *x, const struct compat_options *o, const struct test *t, const char *platform,
			    bool traced, struct outcome *out) MUST_CHECK;
/* Takes what it wrote; true: it has ended and *x->out is filled in. */
bool execution_step(struct execution *x, const struct compat_options *o);
/* Ends a run whose result nobody wants any more. */
void execution_abandon(struct execution *x);

/* --- compat_compare.c --- */
enum agreement { BOTH_PASS, ONLY_NATIVE, ONLY_SANDBOX, NEITHER, SKIPPED, AGREEMENTS };
struct row {
	const struct test *test;
	char *name;                       /* of the case, or NULL: the whole test */
	int platform;
	enum verdict native, sandbox;
	enum agreement agreement;
	char *why_native, *why_sandbox;   /* or NULL */
	char *differs;                    /* ONLY_NATIVE: the first differing line */
	bool passed_again;                /* ONLY_NATIVE: the traced run passed */
	struct calls *calls;              /* ONLY_NATIVE; shared by the test's rows, or NULL */
};
struct report_rows {
	struct row *v;
	size_t count, room;
	size_t sums[COMPAT_PLATFORMS_MAX][AGREEMENTS];
	uint64_t wall_ns;
	int done, total;                  /* tests */
	bool interrupted;
};
bool outcomes_differ(const struct outcome *native, const struct outcome *sandbox);
/* Adds a row for each case. `again` is a second, traced run in the sandbox, or NULL; its calls are taken over. */
void compare(struct report_rows *rows, const struct test *t, int platform, const struct outcome *native,
	     const struct outcome *sandbox, struct outcome *again);
/* The first line of b that a does not have in the same place, numbers aside; the caller frees; NULL: none. */
char *first_difference(const char *a, const char *b);

/* --- compat_run.c --- */
struct err *compat_run(const struct compat_options *o, const struct test_list *tests, struct report_rows *out) MUST_CHECK;

/* --- reports --- */
size_t rows_sum(const struct report_rows *rows, enum agreement a);        /* over all platforms */
void report_text(FILE *to, const struct compat_options *o, const struct report_rows *rows);
void report_json(FILE *to, const struct compat_options *o, const struct report_rows *rows);
void report_tap(FILE *to, const struct compat_options *o, const struct report_rows *rows);
void report_html(FILE *to, const struct compat_options *o, const struct report_rows *rows);
/* "name: case" */
const char *row_name(const struct row *r, char *buf, size_t room);
