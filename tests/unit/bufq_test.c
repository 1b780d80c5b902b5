/* bufq_test.c - the queue of bytes between two sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"
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

static ssize_t give(void *arg, void *to, size_t bytes)
{
	size_t *left = arg, n = MIN(bytes, *left);
	memcpy(to, in + sizeof(in) - *left, n);
	*left -= n;
	return n ? (ssize_t)n : -EAGAIN;
}

/* What somebody else puts there is as good as what was copied; little of it takes little memory. */
static void bytes_can_be_got_and_seen(void **state)
{
	struct bufq q;
	bufq_init(&q);
	uint64_t before = fs_memory_used();
	size_t small = 100;
	assert_int_equal(bufq_append(&q, 1000, give, &small), 100);
	assert_int_equal(bufq_append(&q, 1000, give, &small), -EAGAIN);
	assert_true(fs_memory_used() - before <= 512);
	bufq_drop(&q, 100);
	size_t left = sizeof(in), got = 0;
	ssize_t n;
	while ((n = bufq_append(&q, 70000, give, &left)) > 0)
		got += (size_t)n;
	assert_int_equal(got, sizeof(in));
	assert_int_equal(q.bytes, sizeof(in));
	struct iovec iov[8];
	size_t seen = 0;
	while (q.bytes > 0) {
		int used = bufq_iov(&q, iov, 3);
		assert_in_range(used, 1, 3);
		for (int i = 0; i < used; i++) {
			assert_memory_equal(iov[i].iov_base, in + seen, iov[i].iov_len);
			seen += iov[i].iov_len;
			bufq_drop(&q, iov[i].iov_len);
		}
	}
	assert_int_equal(seen, sizeof(in));
	assert_int_equal(fs_memory_used(), before);
}

/* Others may have all the memory while they wait for what comes now. */
static void who_has_nothing_gets_a_little_always(void **state)
{
	struct bufq q;
	bufq_init(&q);
	uint64_t before = fs_memory_used(), rest = fs_memory_total() / 4 * 3 - before;
	assert_int_equal(fs_memory_charge(rest), 0);
	size_t left = sizeof(in);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bufq_append(&q, 70000, give, &left), 4096);
		assert_int_equal(bufq_append(&q, 70000, give, &left), -ENOBUFS);
		assert_int_equal(get(&q, 0, sizeof(out)), 4096);
	}
	assert_memory_equal(out, in + 8192, 4096);
	fs_memory_uncharge(rest);
	assert_int_equal(bufq_append(&q, 70000, give, &left), 70000);
	bufq_purge(&q);
	assert_int_equal(fs_memory_used(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_can_be_got_and_seen),
		cmocka_unit_test(who_has_nothing_gets_a_little_always),
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(peeking_leaves_them_there),
		cmocka_unit_test(single_bytes_share_buffers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
