/* answers.c - what the platform may tell a task without asking: ids (platform/answers.def).
 *
 * HOW      Before guest code goes on, a task that has no answers gets all of them, from the calls' own handlers. Whatever changes
 *          one of them takes all away: the next call asks, and brings the new ones back with it.
 *          Not while each call of the task has to be seen: --strace, tracers and filters. */
#include "sentry/sentry.h"
#include "sentry/syscalls/table.h"

static const uint16_t answered[] = {
#define ANSWER(nr, index) nr,
#include "platform/answers.def"
#undef ANSWER
};

void answers_update(struct task *t)
{
	static const uint64_t no_args[6];
	bool may = !task_wants_slow_path(t) && sentry_config->strace_fd < 0;
	for (size_t i = 0; i < ARRAY_SIZE(answered); i++)
		pl_answer(t->pl, answered[i], may ? syscall_table[answered[i]].call(t, no_args) : -1);
	t->answers = may ? ANSWERS_GIVEN : ANSWERS_REFUSED;
}

void answers_forget(struct task *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(answered) && t->answers == ANSWERS_GIVEN && t->pl; i++)
		pl_answer(t->pl, answered[i], -1);
	empties_forget(t);
	if (t->post.set && t->pl)
		pl_post_set(t->pl, -1);           /* what was posted until now is made with the next event */
	t->answers = ANSWERS_STALE;
}

void answers_forget_group(struct thread_group *tg)
{
	struct task *t;
	TAILQ_FOREACH(t, &tg->threads, thread_link)
		answers_forget(t);
}
