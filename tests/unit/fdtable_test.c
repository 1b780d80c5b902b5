/* fdtable_test.c - descriptors. */
#include "tests/unit/fake_task.h"

#include <fcntl.h>

static struct file *a_file(struct task *t)
{
	struct file *f;
	assert_int_equal(vfs_open(t, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, 0, &f), 0);
	return f;
}

static void lowest_free_number(void **state)
{
	struct task *t = *state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(fd_install(t, a_file(t), 0, false), i);
	assert_int_equal(fd_close(t, 40), 0);
	assert_int_equal(fd_close(t, 7), 0);
	assert_int_equal(fd_install(t, a_file(t), 20, false), 40);
	assert_int_equal(fd_install(t, a_file(t), 0, false), 7);
	assert_int_equal(fd_install(t, a_file(t), 0, false), 100);
	assert_int_equal(fd_install(t, a_file(t), 500, false), 500);
	assert_int_equal(fd_install(t, a_file(t), 0, false), 101);
	assert_int_equal(fd_next_open(t, 102), 500);
	assert_int_equal(fd_next_open(t, 501), -1);
}

static void reserved_numbers_are_invisible(void **state)
{
	struct task *t = *state;
	int fd = fd_reserve(t, 0);
	assert_int_equal(fd, 0);
	assert_null(fd_get(t, 0));
	assert_int_equal(fd_close(t, 0), -EBADF);
	assert_int_equal(fd_reserve(t, 0), 1);
	fd_abort(t, 0);
	assert_int_equal(fd_install(t, a_file(t), 0, false), 0);
	struct file *f = a_file(t);
	assert_int_equal(fd_dup_to(t, f, 1, false), -EBUSY);
	fd_commit(t, 1, f, true);
	assert_true(fd_get_cloexec(t, 1));
}

static void limits(void **state)
{
	struct task *t = *state;
	t->tg->rlimits[RLIMIT_NOFILE].rlim_cur = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(fd_install(t, a_file(t), 0, false), i);
	struct file *f = a_file(t);
	assert_int_equal(fd_install(t, f, 0, false), -EMFILE);
	assert_int_equal(fd_dup_to(t, f, 3, false), -EBADF);
	assert_int_equal(fd_dup_to(t, f, -1, false), -EBADF);
	assert_int_equal(fd_dup_to(t, f, 1, false), 1);
	file_put(f);
}

static void copies_and_exec(void **state)
{
	struct task *t = *state;
	assert_int_equal(fd_install(t, a_file(t), 0, true), 0);
	assert_int_equal(fd_install(t, a_file(t), 0, false), 1);
	assert_int_equal(fd_reserve(t, 0), 2);
	assert_int_equal(fd_install(t, a_file(t), 0, true), 3);
	struct fdtable *copy = fdtable_copy(t->files), *own = t->files;
	t->files = copy;
	assert_int_equal(fd_install(t, a_file(t), 0, false), 2);
	fdtable_get(copy);                /* shared with somebody: exec takes its own */
	fdtable_close_exec(t);
	assert_ptr_not_equal(t->files, copy);
	assert_int_equal(fd_next_open(t, 0), 1);
	assert_int_equal(fd_next_open(t, 3), -1);
	fdtable_put(t, t->files);
	t->files = copy;
	assert_int_equal(fd_next_open(t, 0), 0);
	fdtable_put(t, copy);
	t->files = own;
	fd_abort(t, 2);
}

static void o_path_is_refused_where_io_is_meant(void **state)
{
	struct task *t = *state;
	struct file *f;
	assert_int_equal(vfs_open(t, AT_FDCWD, "/", O_PATH, 0, 0, &f), 0);
	assert_int_equal(fd_install(t, f, 0, false), 0);
	assert_null(fd_get(t, 0));
	AUTO(file_put) struct file *raw = fd_get_raw(t, 0);
	assert_ptr_equal(raw, f);
}

#define FAKE(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static int tests(void)
{
	const struct CMUnitTest list[] = {
		FAKE(lowest_free_number), FAKE(reserved_numbers_are_invisible), FAKE(limits), FAKE(copies_and_exec),
		FAKE(o_path_is_refused_where_io_is_meant),
	};
	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return run_in_coroutine(tests);
}
