/* exec_test.c - "#!" lines, and what a new program finds on its stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "sentry/kernel/exec.h"

/* argv after the line has been read, joined with '|'; or the error. */
static const char *script(const char *head, int *err)
{
	static char joined[1024];
	struct exec ex = { .filename = xstrdup("/s"), .interp = xstrdup("/s"), .args.max_bytes = 100000 };
	memcpy(ex.head, head, MIN(strlen(head) + 1, sizeof(ex.head)));
	assert_int_equal(strvec_prepend(&ex.args.argv, "a1"), 0);
	assert_int_equal(strvec_prepend(&ex.args.argv, "zero"), 0);
	*err = exec_script(&ex);
	joined[0] = '\0';
	const char *s = ex.args.argv.buf;
	for (unsigned i = 0; i < ex.args.argv.count; i++, s += strlen(s) + 1) {
		strncat(joined, s, sizeof(joined) - strlen(joined) - 1);
		strncat(joined, "|", sizeof(joined) - strlen(joined) - 1);
	}
	if (!*err)
		assert_true(strncmp(ex.interp, joined, strlen(ex.interp)) == 0);
	exec_args_fini(&ex.args);
	free(ex.filename);
	free(ex.interp);
	return joined;
}

static void script_lines_follow_linux(void **state)
{
	int err;
	assert_string_equal(script("#!/bin/sh\n", &err), "/bin/sh|/s|a1|");
	assert_string_equal(script("#! /bin/sh \t\necho", &err), "/bin/sh|/s|a1|");
	assert_string_equal(script("#!/usr/bin/env  python3 -u \n", &err), "/usr/bin/env|python3 -u|/s|a1|");
	assert_string_equal(script("#!/bin/sh", &err), "/bin/sh|/s|a1|");
	assert_string_equal(script("#!\n", &err), "zero|a1|");
	assert_int_equal(err, -ENOEXEC);
	script("#!   \t \n/bin/sh\n", &err);
	assert_int_equal(err, -ENOEXEC);
	script("#/bin/sh\n", &err);
	assert_int_equal(err, -ENOEXEC);
	script("", &err);
	assert_int_equal(err, -ENOEXEC);
}

static void a_name_longer_than_the_line_is_refused_a_long_argument_is_cut(void **state)
{
	char line[300];
	int err;
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!/", 3);
	line[299] = '\0';
	script(line, &err);
	assert_int_equal(err, -ENOEXEC);
	line[9] = ' ';
	const char *got = script(line, &err);
	assert_int_equal(err, 0);
	assert_int_equal(strchr(got + 9, '|') - (got + 8), 255 - 10);
}

static void stack_holds_what_the_abi_says(void **state)
{
	struct exec_args args = { 0 };
	for (int argc = 0; argc < 5; argc++) {
		uint64_t auxv[] = { AT_RANDOM, 0, AT_EXECFN, 0, AT_PLATFORM, 0, AT_UID, 7, AT_NULL, 0 };
		struct exec_stack st;
		uint64_t top = 0x7fff0000ULL + (uint64_t)argc * 16;
		if (argc)
			assert_int_equal(strvec_prepend(&args.argv, argc == 2 ? "" : "argument"), 0);
		assert_int_equal(strvec_prepend(&args.envp, "A=b"), 0);
		assert_int_equal(exec_stack_build(&args, "/bin/x", (const unsigned char *)"0123456789abcdef", top,
						  auxv, ARRAY_SIZE(auxv), &st), 0);
		assert_int_equal(st.sp % 16, 0);
		assert_int_equal(st.sp + st.len, top);
#define STR(addr) (st.bytes + ((addr) - st.sp))
		uint64_t *w = (uint64_t *)st.bytes;
		assert_int_equal(*w++, argc);
		const char *s = args.argv.buf;
		for (int i = 0; i < argc; i++, s += strlen(s) + 1)
			assert_string_equal(STR(*w++), s);
		assert_int_equal(*w++, 0);
		for (int i = 0; i <= argc; i++)
			assert_string_equal(STR(*w++), "A=b");
		assert_int_equal(*w++, 0);
		assert_int_equal(w[0], AT_RANDOM);
		assert_memory_equal(STR(w[1]), "0123456789abcdef", 16);
		assert_string_equal(STR(w[3]), "/bin/x");
		assert_string_equal(STR(w[5]), "x86_64");
		assert_int_equal(w[7], 7);
		assert_int_equal(w[8], AT_NULL);
		assert_int_equal(st.arg_end, st.env_start);
		assert_int_equal(st.arg_end - st.arg_start, args.argv.len);
		assert_int_equal(*(uint64_t *)STR(top - 8), 0);
#undef STR
		free(st.bytes);
	}
	exec_args_fini(&args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(script_lines_follow_linux),
		cmocka_unit_test(a_name_longer_than_the_line_is_refused_a_long_argument_is_cut),
		cmocka_unit_test(stack_holds_what_the_abi_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
