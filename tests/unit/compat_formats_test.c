/* compat_formats_test.c - what tests write, and the verdicts that `sbx compat` takes from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "loader/compat.h"

static const struct compat_options options = { .memory_text = "1g", .pids_limit = 10, .timeout_ns = NS_PER_SEC };

/* Fed byte by byte: pieces come as they come. */
static void parse(struct parser *p, struct outcome *oc, bool sandbox, int exit_code, const char *text)
{
	*oc = (struct outcome){ 0 };
	parser_init(p, oc, sandbox);
	for (; *text; text++)
		parser_feed(p, text, 1);
	parser_end(p);
	outcome_judge(oc, p, &(struct ending){ .status = exit_code << 8 }, &options);
}

static void expect(const struct outcome *oc, const char *name, enum verdict v, const char *why)
{
	struct test_case *c;
	HASH_FIND_STR(oc->cases, name, c);
	if (!c)
		fail_msg("no case %s", name);
	assert_string_equal(verdict_name(c->verdict), verdict_name(v));
	if (why)
		assert_string_equal(c->why, why);
	else
		assert_null(c->why);
}

static void tap(void **state)
{
	struct parser p;
	struct outcome oc;
	parse(&p, &oc, false, 1, "TAP version 13\n1..6\nok 1 - first\nnot ok 2 - second\nok 3 # SKIP not here\n"
	      "not ok 4 later # TODO some day\nok 5 - first\n    ok 1 - inner\nok 6\n");
	assert_int_equal(HASH_COUNT(oc.cases), 6);
	expect(&oc, "first", V_PASS, NULL);
	expect(&oc, "first #2", V_PASS, NULL);
	expect(&oc, "second", V_FAIL, NULL);
	expect(&oc, "3", V_SKIP, "SKIP not here");
	expect(&oc, "later", V_PASS, NULL);
	expect(&oc, "6", V_PASS, NULL);
	assert_true(oc.any_case_failed);
	outcome_free(&oc);
}

static void tap_without_numbers(void **state)
{
	struct parser p;
	struct outcome oc;
	parse(&p, &oc, false, 1, "ok fork \nnot ok wait: wait.c:3: x is 1\nok busy # SKIP one CPU\nok\nokay then\n");
	assert_int_equal(HASH_COUNT(oc.cases), 3);
	expect(&oc, "fork", V_PASS, NULL);
	expect(&oc, "wait", V_FAIL, "wait.c:3: x is 1");
	expect(&oc, "busy", V_SKIP, "SKIP one CPU");
	outcome_free(&oc);
}

static void gtest(void **state)
{
	struct parser p;
	struct outcome oc;
	parse(&p, &oc, false, 1,
	      "[==========] Running 4 tests\n\033[0;32m[ RUN      ] \033[mA.B\n[       OK ] A.B (3 ms)\n[ RUN      ] A.C\n"
	      "a.cc:4: Failure\nExpected: 1\n[  FAILED  ] A.C, where GetParam() = 3 (0 ms)\n[ RUN      ] A.D\n[  SKIPPED ] A.D (0 ms)\n"
	      "[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.C\n[ RUN      ] A.E\n");
	assert_int_equal(HASH_COUNT(oc.cases), 4);
	expect(&oc, "A.B", V_PASS, NULL);
	expect(&oc, "A.C", V_FAIL, "a.cc:4: Failure | Expected: 1");
	expect(&oc, "A.D", V_SKIP, NULL);
	expect(&oc, "A.E", V_CRASH, NULL);
	outcome_free(&oc);
}

static void cmocka_output(void **state)
{
	struct parser p;
	struct outcome oc;
	parse(&p, &oc, false, 1, "[ RUN      ] adds\n[  ERROR   ] --- 0x1 != 0x2\n[   LINE   ] --- t.c:7: error: Failure!\n"
	      "[  FAILED  ] adds\n[ RUN      ] frees\n[       OK ] frees\n[  PASSED  ] 1 test(s).\n[  FAILED  ] tests: 1 test(s), listed below:\n");
	assert_int_equal(HASH_COUNT(oc.cases), 2);
	expect(&oc, "adds", V_FAIL, "0x1 != 0x2 | t.c:7: error: Failure!");
	expect(&oc, "frees", V_PASS, NULL);
	outcome_free(&oc);
}

static void unittest_output(void **state)
{
	struct parser p;
	struct outcome oc;
	parse(&p, &oc, false, 2,
	      "test_a (test.m.T.test_a) ... ok\ntest_b (test.m.T.test_b)\nWhat it does. ... noise\nmore noise\nok\n"
	      "test_c (test.m.T) ... skipped 'no root'\ntest_d (test.m.T.test_d) ... FAIL\ntest_e (test.m.T.test_e) ... \n"
	      "  test_e (test.m.T.test_e) (i=1) ... ERROR\nok\ntest_f (test.m.T.test_f) ... expected failure\n"
	      "test_g (test.m.T.test_g) ... 0.21s ok\n\n"
	      "======\nERROR: test_e (test.m.T.test_e) (i=1)\n------\nTraceback (most recent call last):\n  File \"x\", line 1\n"
	      "OSError: [Errno 97] no family\n\n======\nFAIL: test_d (test.m.T.test_d)\n------\nTraceback (most recent call last):\n"
	      "  File \"x\"\nAssertionError: 1 != 2\n\n------\nRan 6 tests in 1 s\n");
	assert_int_equal(HASH_COUNT(oc.cases), 7);
	expect(&oc, "test.m.T.test_a", V_PASS, NULL);
	expect(&oc, "test.m.T.test_g", V_PASS, NULL);
	expect(&oc, "test.m.T.test_b", V_PASS, NULL);
	expect(&oc, "test.m.T.test_c", V_SKIP, "'no root'");
	expect(&oc, "test.m.T.test_d", V_FAIL, "AssertionError: 1 != 2");
	expect(&oc, "test.m.T.test_e", V_BROKEN, "OSError: [Errno 97] no family");
	expect(&oc, "test.m.T.test_f", V_PASS, NULL);
	outcome_free(&oc);
}

static void exit_statuses(void **state)
{
	static const struct {
		int code;
		const char *text;
		enum verdict verdict;
	} runs[] = {
		{ 0, "", V_PASS }, { 1, "bad\n", V_FAIL }, { 77, "", V_SKIP }, { 32, "x.c:1: TCONF: no\n", V_SKIP },
		{ 1, "x.c:1: TFAIL: no\n", V_FAIL }, { 2, "x.c:1: TBROK: no\n", V_BROKEN }, { 4, "x.c:1: TWARN: no\n", V_WARN },
		{ 3, "x.c:1: TFAIL: no\n", V_FAIL }, { 2, "no LTP\n", V_FAIL }, { 4, "", V_FAIL },
		{ 0, "name 1 TPASS : fine\n", V_PASS },
	};
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct parser p;
		struct outcome oc;
		parse(&p, &oc, false, runs[i].code, runs[i].text);
		assert_string_equal(verdict_name(oc.verdict), verdict_name(runs[i].verdict));
		assert_null(oc.cases);
		outcome_free(&oc);
	}
}

static void sandbox_endings(void **state)
{
	static const struct {
		int code;
		const char *text;
		enum verdict verdict;
		const char *why;
	} runs[] = {
		{ 139, "", V_CRASH, "killed by signal 11 (Segmentation fault)" },
		{ 125, "sbx: the gofer was killed\n", V_SANDBOX, "the gofer was killed" },
		{ 127, "sbx: x: not found in the sandbox\n", V_BROKEN, "x: not found in the sandbox" },
		{ 137, "sbx: out of memory: the sandbox reached its limit of 1g\n", V_MEMORY, "more memory than 1g" },
		{ 1, "sbx: out of processes: the sandbox reached its limit of 10\n", V_PROCESSES, "more than 10 processes" },
		{ 0, "sbx: out of processes: the sandbox reached its limit of 10\n", V_PASS, NULL },
		{ 137, "left open sbx: out of memory: the sandbox reached its limit of 1g\n", V_MEMORY, "more memory than 1g" },
		{ 125, "its own 125\n", V_FAIL, "exit status 125: its own 125" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct parser p;
		struct outcome oc;
		parse(&p, &oc, true, runs[i].code, runs[i].text);
		assert_string_equal(verdict_name(oc.verdict), verdict_name(runs[i].verdict));
		if (runs[i].why)
			assert_string_equal(oc.why, runs[i].why);
		outcome_free(&oc);
	}
}

/* Any bytes: nothing crashes, and memory stays bounded. */
static void noise(void **state)
{
	struct parser p;
	struct outcome oc = { 0 };
	parser_init(&p, &oc, true);
	uint32_t seed = 1;
	static const char bytes[] = "ok not[RUN]FAIL: (a.b) ... #1\n\033\377";
	char buf[4096];
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(buf); k++) {
			seed = seed * 1664525 + 1013904223;
			buf[k] = bytes[(seed >> 16) % sizeof(bytes)];
		}
		parser_feed(&p, buf, sizeof(buf));
	}
	parser_end(&p);
	assert_true(oc.text_len <= COMPAT_TEXT_MAX);
	outcome_free(&oc);
}

static void first_difference_ignores_numbers(void **state)
{
	assert_null(first_difference("pid 12 at 0x7ff3\nend\n", "pid 3456 at 0x1\nend\n"));
	char *d = first_difference("a\nb 1\nc\n", "a\nd 2\nc\n");
	assert_string_equal(d, "d 2");
	free(d);
	d = first_difference("a\nb\n", "a\n");
	assert_string_equal(d, "ends before: b");
	free(d);
	d = first_difference("a\n", "a\nmore\n");
	assert_string_equal(d, "more");
	free(d);
}

static void calls_of_an_endless_trace(void **state)
{
	struct calls c = { 0 };
	char line[600];
	for (int i = 0; i < 100000; i++) {
		int n = snprintf(line, sizeof(line), "[pid %5d] write(1, \"%*s\", %d) = %s\n", 1, i % 300, "", i,
				 i % 1000 == 7 ? "-1 ENOSYS (Function not implemented)" : "1");
		calls_feed(&c, line, (size_t)n);
	}
	calls_feed(&c, "[pid     1] exit_group(0) = ?\n[pid     1] +++ exited with 0 +++\n", 62);
	assert_int_equal(c.nenosys, 1);
	assert_non_null(strstr(calls_last(&c, CALLS_LAST - 1), "exit_group(0)"));
	assert_null(calls_last(&c, CALLS_LAST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tap), cmocka_unit_test(tap_without_numbers), cmocka_unit_test(gtest),
		cmocka_unit_test(cmocka_output), cmocka_unit_test(unittest_output), cmocka_unit_test(exit_statuses),
		cmocka_unit_test(sandbox_endings), cmocka_unit_test(noise), cmocka_unit_test(first_difference_ignores_numbers),
		cmocka_unit_test(calls_of_an_endless_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
