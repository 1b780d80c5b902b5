/* locks_test.c - flock and record locks between two processes. */
#include "tests/unit/fake_task.h"

#include <fcntl.h>
#include <sys/file.h>

#include "sentry/vfs/locks.h"

struct two { struct task *a, *b; struct file *fa, *fb; };

static int setup(void **state)
{
	void *task;
	fake_setup(&task);
	struct two *w = NEW(struct two);
	w->a = task;
	w->b = fake_task(w->a->mnt_ns);
	assert_int_equal(vfs_open(w->a, AT_FDCWD, "/f", O_RDWR | O_CREAT, 0644, 0, &w->fa), 0);
	assert_int_equal(vfs_open(w->b, AT_FDCWD, "/f", O_RDWR, 0, 0, &w->fb), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct two *w = *state;
	locks_release_process(w->a->files, w->fa->inode);
	locks_release_process(w->b->files, w->fa->inode);
	file_put(w->fa);
	file_put(w->fb);
	fake_task_free(w->b);
	fake_task_free(w->a);
	free(w);
	return 0;
}

static int set(struct task *t, struct file *f, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_start = start, .l_len = len };
	return posix_lock_set(t, f, &fl, OWNER_PROCESS, false);
}

static void ranges_conflict_where_they_overlap(void **state)
{
	struct two *w = *state;
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 10, 10), 0);
	assert_int_equal(set(w->b, w->fb, F_RDLCK, 0, 11), -EAGAIN);
	assert_int_equal(set(w->b, w->fb, F_RDLCK, 19, 0), -EAGAIN);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 0, 10), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 20, 0), 0);
	assert_int_equal(set(w->a, w->fa, F_RDLCK, 10, 10), 0);
	assert_int_equal(set(w->b, w->fb, F_RDLCK, 0, 0), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 15, 1), -EAGAIN);
}

static void unlocking_the_middle_splits(void **state)
{
	struct two *w = *state;
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 0, 100), 0);
	assert_int_equal(set(w->a, w->fa, F_UNLCK, 40, 20), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 40, 20), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 39, 1), -EAGAIN);
	struct flock fl = { .l_type = F_WRLCK, .l_start = 0, .l_len = 0 };
	assert_int_equal(posix_lock_test(w->b, w->fb, &fl, OWNER_PROCESS), 0);
	assert_int_equal(fl.l_type, F_WRLCK);
	assert_int_equal(fl.l_start, 0);
	assert_int_equal(fl.l_len, 40);
	assert_int_equal(fl.l_pid, w->a->tg->tgid);
}

static void neighbours_join(void **state)
{
	struct two *w = *state;
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 0, 10), 0);
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 20, 10), 0);
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 10, 10), 0);
	struct flock fl = { .l_type = F_RDLCK };
	assert_int_equal(posix_lock_test(w->b, w->fb, &fl, OWNER_PROCESS), 0);
	assert_int_equal(fl.l_start, 0);
	assert_int_equal(fl.l_len, 30);
}

static void arguments(void **state)
{
	struct two *w = *state;
	struct flock fl = { .l_type = F_WRLCK, .l_start = -1 };
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, false), -EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = -6 };
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, false), -EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_start = INT64_MAX, .l_len = 2 };
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, false), -EOVERFLOW);
	fl = (struct flock){ .l_type = 77 };
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, false), -EINVAL);
	fl = (struct flock){ .l_type = F_WRLCK, .l_start = 5, .l_len = -5 };
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, false), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 5, 0), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 4, 1), -EAGAIN);
}

static void closing_any_descriptor_drops_them(void **state)
{
	struct two *w = *state;
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 0, 0), 0);
	struct file *other;
	assert_int_equal(vfs_open(w->a, AT_FDCWD, "/f", O_RDONLY, 0, 0, &other), 0);
	int fd = fd_install(w->a, other, 0, false);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 0, 0), -EAGAIN);
	assert_int_equal(fd_close(w->a, fd), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 0, 0), 0);
}

static void open_file_locks_belong_to_the_open_file(void **state)
{
	struct two *w = *state;
	struct flock fl = { .l_type = F_WRLCK };
	struct file *again;
	assert_int_equal(posix_lock_set(w->a, w->fa, &fl, OWNER_FILE, false), 0);
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 0, 0), -EAGAIN);
	assert_int_equal(vfs_open(w->a, AT_FDCWD, "/f", O_RDWR, 0, 0, &again), 0);
	assert_int_equal(posix_lock_set(w->a, again, &fl, OWNER_FILE, false), -EAGAIN);
	struct flock got = { .l_type = F_WRLCK };
	assert_int_equal(posix_lock_test(w->b, w->fb, &got, OWNER_PROCESS), 0);
	assert_int_equal(got.l_pid, -1);
	file_put(again);
	locks_release_file(w->fa);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 0, 0), 0);
}

static void flock_modes(void **state)
{
	struct two *w = *state;
	assert_int_equal(flock_set(w->a, w->fa, LOCK_SH), 0);
	assert_int_equal(flock_set(w->b, w->fb, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(flock_set(w->b, w->fb, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
	assert_int_equal(flock_set(w->b, w->fb, LOCK_UN), 0);
	assert_int_equal(flock_set(w->a, w->fa, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(flock_set(w->b, w->fb, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
	assert_int_equal(flock_set(w->a, w->fa, 99), -EINVAL);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 0, 0), 0);     /* the two kinds don't see each other */
}

/* --- waiting --- */

static int waiter_err;
static void wait_for_b(void *arg)
{
	struct two *w = arg;
	w->a->co = co_current();
	struct flock fl = { .l_type = F_WRLCK, .l_start = 100, .l_len = 1 };
	waiter_err = posix_lock_set(w->a, w->fa, &fl, OWNER_PROCESS, true);
}

static void waiting_and_deadlock(void **state)
{
	struct two *w = *state;
	assert_int_equal(set(w->a, w->fa, F_WRLCK, 0, 1), 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 100, 1), 0);
	waiter_err = 1;
	co_spawn(wait_for_b, w);
	co_yield();
	assert_int_equal(waiter_err, 1);
	/* a waits for b's byte; if b now waited for a's, nobody would ever go on. */
	struct flock fl = { .l_type = F_WRLCK, .l_start = 0, .l_len = 1 };
	assert_int_equal(posix_lock_set(w->b, w->fb, &fl, OWNER_PROCESS, true), -EDEADLK);
	assert_int_equal(set(w->b, w->fb, F_UNLCK, 100, 1), 0);
	co_yield();
	assert_int_equal(waiter_err, 0);
	assert_int_equal(set(w->b, w->fb, F_WRLCK, 100, 1), -EAGAIN);
}

#define TWO(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int tests(void)
{
	const struct CMUnitTest list[] = {
		TWO(ranges_conflict_where_they_overlap), TWO(unlocking_the_middle_splits), TWO(neighbours_join),
		TWO(arguments), TWO(closing_any_descriptor_drops_them), TWO(open_file_locks_belong_to_the_open_file),
		TWO(flock_modes), TWO(waiting_and_deadlock),
	};
	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return run_in_coroutine(tests);
}
