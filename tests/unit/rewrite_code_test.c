/* rewrite_code_test.c - which call sites are recognised, and what their trampolines look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "sentry/mm/rewrite_code.h"

#define IP 0x400100ULL
#define ENTRY 0x7ff000000123ULL

/* The site's bytes; the system call instruction is at `at` of them. */
static bool recognise(const char *bytes, size_t n, size_t at, uint64_t nr, struct site_code *out)
{
	return site_recognise((const uint8_t *)bytes, n, at, IP, nr, out);
}
#define RECOGNISE(bytes, at, nr) recognise(bytes, sizeof(bytes) - 1, at, nr, &s)

static void forms(void **state)
{
	(void)state;
	struct site_code s;
	assert_true(RECOGNISE("\xfa\xb8\x27\0\0\0\x0f\x05\xc3", 6, 39));
	assert_int_equal(s.start, IP - 5);
	assert_false(s.over_syscall);
	assert_true(RECOGNISE("\x48\xc7\xc0\x27\0\0\0\x0f\x05\xc3", 7, 39));
	assert_int_equal(s.start, IP - 7);
	assert_true(RECOGNISE("\x4c\x8b\x4c\x24\x08\x0f\x05\xc3", 5, 1234));
	assert_int_equal(s.start, IP - 5);
	assert_true(RECOGNISE("\x31\xc0\x0f\x05\x48\x3d\0\xf0\xff\xff\x77\x01", 2, 0));
	assert_true(s.over_syscall);
	assert_int_equal(s.start, IP);
	assert_int_equal(s.moved_bytes, 6);
}

static void what_is_left_alone(void **state)
{
	(void)state;
	struct site_code s;
	assert_false(RECOGNISE("\xfa\xb8\x27\0\0\0\x0f\x05\xc3", 6, 40));               /* another number than was used */
	assert_false(RECOGNISE("\x41\xb8\x27\0\0\0\x0f\x05\xc3", 6, 39));               /* mov $39,%r8d */
	assert_false(RECOGNISE("\x90\x90\x0f\x05\xc3\x90\x90\x90", 2, 39));             /* too short: ret */
	assert_false(RECOGNISE("\x90\x90\x0f\x05\x0f\x82\0\0\0\0", 2, 39));             /* a branch */
	assert_false(RECOGNISE("\x90\x90\x0f\x05\xe8\0\0\0\0\x90", 2, 39));             /* a call */
	assert_false(RECOGNISE("\x90\x90\x0f\x05\x48\x8b\x05\0\0\0\0", 2, 39));         /* relative to rip */
	assert_false(RECOGNISE("\x90\x90\x0f\x05\x48\x3d", 2, 39));                     /* cut off */
	assert_false(RECOGNISE("\xb8\x27\0\0\0\x0f\x34\xc3\xc3", 5, 39));               /* sysenter */
	assert_false(RECOGNISE("\x90\x90\xcd\x80\x48\x3d\0\xf0\xff\xff", 2, 39));       /* int $0x80 */
}

/* push %rbp; mov %rsp,%rbp; ... a page of them; then a call, and one that is only the operand of another instruction. */
static void where_instructions_begin(void **state)
{
	(void)state;
	uint8_t code[512];
	for (size_t i = 0; i < 256; i += 8)
		memcpy(code + i, "\x55\x48\x89\xe5\x31\xc0\x5d\xc3", 8);
	memcpy(code + 256, "\xb8\x27\0\0\0\x0f\x05\xc3", 8);
	assert_true(site_is_code(code, 300, 256, 261));
	assert_false(site_is_code(code, 300, 257, 261));
	assert_false(site_is_code(code, 261, 256, 261));        /* behind the end */
	assert_false(site_is_code(code, 300, 64, 69));          /* too near to the beginning to know */
	memcpy(code + 256, "\x48\xba\xb8\x27\0\0\0\x0f\x05\xc3\xc3", 11);      /* mov $...,%rdx */
	assert_false(site_is_code(code, 300, 258, 263));
}

static uint64_t target(const uint8_t *rel, uint64_t next)
{
	int32_t v;
	memcpy(&v, rel, 4);
	return next + (uint64_t)(int64_t)v;
}

static void trampoline_before(void **state)
{
	(void)state;
	struct site_code s;
	uint8_t out[TRAMPOLINE_BYTES], patch[PATCH_BYTES];
	const uint64_t at = IP + 0x10000;
	uint64_t entry;
	assert_true(RECOGNISE("\xfa\xb8\x27\0\0\0\x0f\x05\xc3", 6, 39));
	assert_true(site_trampoline(&s, IP, at, ENTRY, out, patch));
	assert_int_equal(patch[0], 0xe9);
	assert_int_equal(target(patch + 1, IP), at);
	assert_memory_equal(out, "\xb8\x27\0\0\0\x48\x8d\x0d", 8);
	assert_int_equal(target(out + 8, at + 12), IP + 2);
	assert_memory_equal(out + 12, "\xff\x25\0\0\0\0", 6);
	memcpy(&entry, out + 18, 8);
	assert_int_equal(entry, ENTRY);
}

static void trampoline_over(void **state)
{
	(void)state;
	struct site_code s;
	uint8_t out[TRAMPOLINE_BYTES], patch[PATCH_BYTES];
	uint64_t at = IP + PATCH_BYTES + 0x10640;
	assert_true(RECOGNISE("\x31\xc0\x0f\x05\x48\x3d\0\xf0\xff\xff\x77\x01", 2, 0));
	assert_false(site_trampoline(&s, IP, at + 0x100, ENTRY, out, patch));
	assert_true(site_trampoline(&s, IP, at, ENTRY, out, patch));
	assert_int_equal(patch[2], 0x06);                 /* no instruction begins with it */
	assert_int_equal(target(patch + 1, IP + 5), at);
	assert_int_equal(target(out + 3, at + 7), at + TRAMPOLINE_TAIL);
	assert_memory_equal(out + TRAMPOLINE_TAIL - 2, "\x0f\x05\x48\x3d\0\xf0\xff\xff\xe9", 9);
	assert_int_equal(target(out + TRAMPOLINE_TAIL + 7, at + TRAMPOLINE_TAIL + 11), IP + 8);
}

static void out_of_reach(void **state)
{
	(void)state;
	struct site_code s;
	assert_true(RECOGNISE("\xfa\xb8\x27\0\0\0\x0f\x05\xc3", 6, 39));
	assert_true(site_fits(&s, IP + 0x7ffffff0));
	assert_false(site_fits(&s, IP + 0x80000000));
	assert_false(site_fits(&s, 0x7fe000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms), cmocka_unit_test(what_is_left_alone), cmocka_unit_test(where_instructions_begin),
		cmocka_unit_test(trampoline_before),
		cmocka_unit_test(trampoline_over), cmocka_unit_test(out_of_reach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
