/* epoll_set_test.c - epoll's ready list and its bounds, on eventfds, without tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "sentry/fs/epoll/epoll.h"
#include "sentry/fs/eventfd/eventfd.h"

static struct file *event_file(unsigned count)
{
	struct file *f;
	assert_int_equal(eventfd_new(count, false, O_NONBLOCK, &f), 0);
	return f;
}

static struct file *set(void)
{
	struct file *f;
	assert_int_equal(epoll_new(&f), 0);
	return f;
}

static int add(struct file *ep, struct file *f, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = (uint64_t)fd };
	return epoll_ctl_add(ep, f, fd, &ev);
}

static void post(struct file *f)
{
	uint64_t one = 1;
	struct uio u;
	uio_init_kernel(&u, &one, sizeof(one));
	assert_int_equal(f->ops->write(f, &u, NULL), 8);
}

static struct epoll_event got[1000];
static int put(void *arg, const struct epoll_event *ev, int n, int at)
{
	memcpy(&got[at], ev, (size_t)n * sizeof(*ev));
	return arg ? -EFAULT : 0;
}

static void what_cannot_be_told_stays_ready(void **state)
{
	struct file *ep = set(), *f[100];
	for (int i = 0; i < 100; i++) {
		f[i] = event_file(1);
		assert_int_equal(add(ep, f[i], i, EPOLLIN | EPOLLET), 0);
	}
	assert_int_equal(epoll_collect(ep, 100, put, ep), -EFAULT);
	assert_int_equal(epoll_collect(ep, 10, put, NULL), 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(got[i].data.u64, i);       /* their order stayed, too */
	assert_int_equal(epoll_collect(ep, 1000, put, NULL), 90);
	assert_int_equal(epoll_collect(ep, 1000, put, NULL), 0);
	for (int i = 0; i < 100; i++) {
		post(f[i]);
		file_put(f[i]);
	}
	assert_false(epoll_maybe_ready(ep));
	file_put(ep);
}

static void an_event_reaches_the_outermost_set(void **state)
{
	struct file *f = event_file(0), *ep[6];
	for (int i = 0; i < 6; i++)
		ep[i] = set();
	assert_int_equal(add(ep[0], f, 0, EPOLLIN | EPOLLET), 0);
	for (int i = 1; i < 5; i++)
		assert_int_equal(add(ep[i], ep[i - 1], i, EPOLLIN | EPOLLET), 0);
	assert_int_equal(add(ep[5], ep[4], 5, EPOLLIN), -ELOOP);
	assert_int_equal(add(ep[0], ep[4], 4, EPOLLIN), -ELOOP);
	for (int round = 0; round < 3; round++) {
		post(f);
		assert_int_equal(epoll_collect(ep[4], 10, put, NULL), 1);
		assert_int_equal(epoll_collect(ep[4], 10, put, NULL), 0);
	}
	file_put(ep[2]);
	post(f);
	assert_int_equal(epoll_collect(ep[4], 10, put, NULL), 0);
	for (int i = 0; i < 6; i++)
		if (i != 2)
			file_put(ep[i]);
	file_put(f);
}

/* A wake-up runs through every way up: their number is bounded, or a guest could make one cost hours. */
static void ways_up_are_bounded(void **state)
{
	struct file *f = event_file(0), *low = set(), *mid = set(), *top[600];
	assert_int_equal(add(low, f, 0, EPOLLIN), 0);
	assert_int_equal(add(mid, low, 1, EPOLLIN), 0);
	int i, err = 0;
	for (i = 0; i < 600 && !err; i++) {
		top[i] = set();
		err = add(top[i], mid, 2, EPOLLIN);
	}
	assert_int_equal(err, -EINVAL);
	assert_int_equal(i, 101);
	post(f);
	while (i-- > 0)
		file_put(top[i]);
	file_put(mid);
	file_put(low);
	file_put(f);
}

/* Sets on four levels, each of them in all of the next: 100^4 ways lead through them. */
static void ways_that_meet_are_walked_once(void **state)
{
	(void)state;
	static struct file *level[4][100];
	for (int l = 0; l < 4; l++)
		for (int i = 0; i < 100; i++) {
			level[l][i] = set();
			for (int k = 0; l > 0 && k < 100; k++)
				assert_int_equal(add(level[l][i], level[l - 1][k], k, EPOLLIN), 0);
		}
	struct file *top = set(), *above = set();
	assert_int_equal(add(top, level[3][0], 0, EPOLLIN), 0);
	assert_int_equal(add(above, top, 0, EPOLLIN), -ELOOP);
	assert_int_equal(add(level[0][0], level[3][7], 0, EPOLLIN), -ELOOP);
	for (int l = 3; l >= 0; l--)
		for (int i = 0; i < 100; i++)
			file_put(level[l][i]);
	file_put(top);
	file_put(above);
}

/* A file that counts how often it is asked. */
struct counted {
	struct file file;
	struct waitq wq;
	bool ready;
};
static unsigned asked;

static uint32_t counted_poll(struct file *f)
{
	asked++;
	return container_of(f, struct counted, file)->ready ? EPOLLIN : 0;
}

static void counted_release(struct file *f)
{
	file_fini(f);
	free(container_of(f, struct counted, file));
}

static const struct file_ops counted_ops = { .name = "counted", .poll = counted_poll, .release = counted_release };

/* How often files are asked for 1,000 events, one after the other, in a set of n. */
static unsigned cost_of_events(int n, uint32_t how)
{
	struct file *ep = set();
	struct counted **all = calloc((size_t)n, sizeof(*all));
	for (int i = 0; i < n; i++) {
		all[i] = calloc(1, sizeof(**all));
		assert_int_equal(file_init_anon(&all[i]->file, &counted_ops, 0600, O_RDWR), 0);
		waitq_init(&all[i]->wq);
		all[i]->file.wq = &all[i]->wq;
		assert_int_equal(add(ep, &all[i]->file, i, EPOLLIN | how), 0);
	}
	asked = 0;
	for (int i = 0; i < 1000; i++) {
		struct counted *c = all[i * 7919 % n];
		c->ready = true;
		waitq_wake(&c->wq, EPOLLIN);
		assert_int_equal(epoll_collect(ep, 1000, put, NULL), 1);
		assert_int_equal(got[0].data.u64, i * 7919 % n);
		c->ready = false;
		assert_int_equal(epoll_collect(ep, 1000, put, NULL), 0);
	}
	unsigned cost = asked;
	for (int i = 0; i < n; i++)
		file_put(&all[i]->file);
	free(all);
	file_put(ep);
	return cost;
}

static void an_event_costs_the_same_in_large_sets(void **state)
{
	(void)state;
	assert_int_equal(cost_of_events(10000, 0), 2000);
	assert_int_equal(cost_of_events(10, 0), 2000);
	assert_int_equal(cost_of_events(10000, EPOLLET), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_told_stays_ready),
		cmocka_unit_test(an_event_costs_the_same_in_large_sets),
		cmocka_unit_test(ways_that_meet_are_walked_once),
		cmocka_unit_test(an_event_reaches_the_outermost_set),
		cmocka_unit_test(ways_up_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
