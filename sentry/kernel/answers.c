/* answers.c - what the platform may tell a task without asking: ids (platform/answers.def). Its signal mask: sigmask.c.
 *
 * HOW      Before guest code goes on, a task that has no answers gets all of them, from the calls' own handlers. Whatever changes
 *          one of them takes all away: the next call asks, and brings the new ones back with it.
 *          Not while each call of the task has to be seen: --strace, tracers and filters. */
#include "sentry/sentry.h"
#include "sentry/syscalls/table.h"

static const uint16_t answered[] = {
#define ANSWER(nr, index) nr,
#define ANSWER_HOST(nr, index)
#include "platform/answers.def"
#undef ANSWER
#undef ANSWER_HOST
};
static const uint16_t made_of_the_host[] = {
#define ANSWER(nr, index)
#define ANSWER_HOST(nr, index) nr,
#include "platform/answers.def"
#undef ANSWER
#undef ANSWER_HOST
};

static void forget(struct task *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(answered); i++)
		pl_answer(t->pl, answered[i], -1);
	for (size_t i = 0; i < ARRAY_SIZE(made_of_the_host); i++)
		pl_answer(t->pl, made_of_the_host[i], -1);
	pl_sigmask_keep(t->pl);
}

void answers_update(struct task *t)
{
	static const uint64_t no_args[6];
	bool may = !task_wants_slow_path(t) && sentry_config->strace_fd < 0;
	for (size_t i = 0; i < ARRAY_SIZE(answered) && may; i++)
		pl_answer(t->pl, answered[i], syscall_table[answered[i]].call(t, no_args));
	for (size_t i = 0; i < ARRAY_SIZE(made_of_the_host) && may; i++)
		pl_answer(t->pl, made_of_the_host[i], 0);
	if (!may)
		forget(t);
	t->answers = may ? ANSWERS_GIVEN : ANSWERS_REFUSED;
}

void answers_forget(struct task *t)
{
	if (t->answers == ANSWERS_GIVEN && t->pl)
		forget(t);
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
