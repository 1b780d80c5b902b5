/* bufq_test.c - the queue of bytes between two sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/bufq.h"

static char in[300000], out[300000];

static size_t put(struct bufq *q, size_t at, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, in + at, bytes);
	ssize_t n = bufq_write(q, &u, bytes);
	assert_true(n >= 0);
	return (size_t)n;
}

static size_t get(struct bufq *q, size_t at, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, out + at, bytes);
	ssize_t n = bufq_read(q, &u, bytes);
	assert_true(n >= 0);
	return (size_t)n;
}

static void bytes_come_out_in_order(void **state)
{
	struct bufq a, b;
	size_t sizes[] = { 1, 1, 500, 7, 70000, 4096, 130000, 3 }, at = 0, got = 0;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7 + i / 251);
	bufq_init(&a);
	bufq_init(&b);
	uint64_t before = fs_memory_used();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		at += put(&a, at, sizes[i]);
	assert_int_equal(a.bytes, at);
	got += get(&a, got, 11);
	while (a.bytes) {
		assert_true(bufq_move(&b, &a, 20000) > 0);
		got += get(&b, got, 9999);
	}
	got += get(&b, got, sizeof(out));
	assert_int_equal(got, at);
	assert_memory_equal(in, out, at);
	assert_int_equal(b.bytes, 0);
	assert_int_equal(fs_memory_used(), before);
}

static void peeking_leaves_them_there(void **state)
{
	struct bufq q;
	struct uio u;
	bufq_init(&q);
	put(&q, 0, 100000);
	uio_init_kernel(&u, out, 50);
	assert_int_equal(bufq_peek(&q, &u, 70000, 50), 50);
	assert_memory_equal(out, in + 70000, 50);
	bufq_drop(&q, 70000);
	assert_int_equal(q.bytes, 30000);
	assert_int_equal(get(&q, 0, 50), 50);
	assert_memory_equal(out, in + 70000, 50);
	bufq_purge(&q);
	assert_int_equal(q.bytes, 0);
}

/* However small the pieces, they cost memory in proportion to their bytes. */
static void single_bytes_share_buffers(void **state)
{
	struct bufq q;
	uint64_t before = fs_memory_used();
	bufq_init(&q);
	for (size_t i = 0; i < 100000; i++)
		put(&q, i, 1);
	assert_true(fs_memory_used() - before < 4 * 100000);
	bufq_purge(&q);
	assert_int_equal(fs_memory_used(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(peeking_leaves_them_there),
		cmocka_unit_test(single_bytes_share_buffers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
