/* pipe_test.c - the pipe's ring against a plain queue of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/kernel/task.h"

static struct cred no_rights;
static struct task nobody = { .cred = &no_rights };

static ssize_t put(struct file *f, const void *data, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, (void *)data, bytes);
	return f->ops->write(f, &u, NULL);
}

static ssize_t get(struct file *f, void *data, size_t bytes)
{
	struct uio u;
	uio_init_kernel(&u, data, bytes);
	return f->ops->read(f, &u, NULL);
}

static uint32_t rnd(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* What goes in comes out, in order, through random sizes and resizing; and a full pipe can be filled no further. */
static void bytes_come_out_as_they_went_in(void **state)
{
	static uint8_t in[200000], out[200000];
	uint32_t seed = 42;
	uint8_t next_in = 0, next_out = 0;
	size_t held = 0;
	struct file *rd, *wr;
	assert_int_equal(pipe_new(O_NONBLOCK, &rd, &wr), 0);
	for (int round = 0; round < 20000; round++) {
		size_t n = rnd(&seed) % (rnd(&seed) % 4 ? 5000 : sizeof(in));
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(next_in + i);
		ssize_t w = put(wr, in, n);
		if (w == -EAGAIN)
			assert_true(n > 0 && !(file_poll(wr) & EPOLLOUT || (n <= 4096 && held == 0)));
		else
			assert_true(w >= 0 && (size_t)w <= n && (n > 4096 || (size_t)w == n));
		held += w > 0 ? (size_t)w : 0;
		next_in = (uint8_t)(next_in + (w > 0 ? w : 0));

		n = rnd(&seed) % (rnd(&seed) % 4 ? 5000 : sizeof(out));
		ssize_t r = get(rd, out, n);
		if (n > 0 && held == 0)
			assert_int_equal(r, -EAGAIN);
		else
			assert_int_equal(r, MIN(n, held));
		for (ssize_t i = 0; i < r; i++)
			assert_int_equal(out[i], (uint8_t)(next_out + i));
		held -= r > 0 ? (size_t)r : 0;
		next_out = (uint8_t)(next_out + (r > 0 ? r : 0));

		if (round % 100 == 0) {
			int size = pipe_set_size(&nobody, wr, 4096U << rnd(&seed) % 7);
			assert_true(size > 0 || size == -EBUSY);
		}
	}
	file_put(wr);
	file_put(rd);
}

static void packets_are_never_joined(void **state)
{
	char buf[100];
	struct file *rd, *wr;
	assert_int_equal(pipe_new(O_NONBLOCK | O_DIRECT, &rd, &wr), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(put(wr, "abc", 3), 3);
	assert_int_equal(put(wr, "abc", 3), -EAGAIN);
	for (int i = 0; i < 16; i++)
		assert_int_equal(get(rd, buf, i % 2 ? 2 : 100), i % 2 ? 2 : 3);
	assert_int_equal(get(rd, buf, 100), -EAGAIN);
	file_put(rd);
	assert_int_equal(put(wr, "abc", 3), -EPIPE);
	assert_true(file_poll(wr) & EPOLLERR);
	file_put(wr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_as_they_went_in),
		cmocka_unit_test(packets_are_never_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
