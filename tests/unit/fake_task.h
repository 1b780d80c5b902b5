/* fake_task.h - a task that runs no guest, for unit tests of code that wants one, with a tmpfs as its root.
 *
 *	int main(void) { return run_in_coroutine(tests); }        tests: int (*)(void), calls cmocka_run_group_tests
 *
 * The tests run in a coroutine, since what they test may sleep. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/base/loop.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/task.h"
#include "sentry/sentry.h"
#include "sentry/vfs/entry.h"

static struct task *fake_task(struct mount_ns *ns)
{
	static int next_tid = 1000;
	struct task *t = NEW(struct task);
	t->refs = 1;
	t->tid = ++next_tid;
	t->tg = NEW(struct thread_group);
	t->tg->tgid = t->tid;
	TAILQ_INIT(&t->tg->threads);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		t->tg->rlimits[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	t->tg->rlimits[RLIMIT_NOFILE].rlim_cur = 1024;
	t->cred = NEW(struct cred);
	t->cred->refs = 1;
	t->cred->cap_effective = t->cred->cap_permitted = ~0ULL;
	t->files = fdtable_new();
	t->mnt_ns = mount_ns_get(ns);
	t->fs = fs_context_new(ns);
	t->co = co_current();
	return t;
}

static __attribute__((unused)) void fake_task_become(struct task *t, uint32_t id)
{
	t->cred->uid = t->cred->euid = t->cred->suid = t->cred->fsuid = id;
	t->cred->gid = t->cred->egid = t->cred->sgid = t->cred->fsgid = id;
	t->cred->cap_effective = id ? 0 : ~0ULL;
}

static void fake_task_free(struct task *t)
{
	fdtable_put(t, t->files);
	fs_context_put(t->fs);
	mount_ns_put(t->mnt_ns);
	free(t->cred);
	free(t->tg);
	free(t);
}

/* cmocka fixtures: *state is the task. */
static __attribute__((unused)) int fake_setup(void **state)
{
	struct superblock *sb;
	struct mount_ns *ns;
	assert_int_equal(tmpfs_mount("", &sb), 0);
	assert_int_equal(mount_ns_new(sb, &ns), 0);
	superblock_put(sb);
	struct task *t = fake_task(ns);
	mount_ns_put(ns);
	t->fs->umask = 0;
	*state = t;
	return 0;
}

static __attribute__((unused)) int fake_teardown(void **state)
{
	fake_task_free(*state);
	return 0;
}

static int (*coroutine_tests)(void);
static int coroutine_result;
static void coroutine_main(void *unused)
{
	(void)unused;
	coroutine_result = coroutine_tests();
	loop_stop();
}

static int run_in_coroutine(int (*tests)(void))
{
	static struct sentry_config config = { .strace_fd = -1, .debug_fd = -1 };
	sentry_config = &config;
	coroutine_tests = tests;
	if (loop_init() < 0)
		return 1;
	co_spawn(coroutine_main, NULL);
	loop_run();
	return coroutine_result;
}
