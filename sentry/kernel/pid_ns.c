/* pid_ns.c - pid namespaces as objects, and what becomes of one whose init goes (pid_ns.h).
 *
 * HOW     When the last thread of an init exits, everybody in the namespace is killed, and the init is a zombie only when all
 *         have been reaped: its own children by itself, others by their parents.
 * LINUX   kernel/pid_namespace.c: create_pid_namespace(), zap_pid_ns_processes(). */
#include "sentry/kernel/pid_ns.h"

#include "sentry/kernel/process.h"
#include "sentry/kernel/user_ns.h"

static struct pid_ns first;

struct pid_ns *pid_ns_first(void)
{
	if (!first.refs) {
		first.refs = 1;
		ns_id_init_first(&first.id, NS_PID);
	}
	return &first;
}

int pid_ns_new(struct pid_ns *parent, struct user_ns *owner, struct pid_ns **out)
{
	if (parent->level >= PID_NS_LEVELS)
		return -ENOSPC;
	/* The owner must have a say over the parent, too. */
	if (!user_ns_is_below(owner, parent->id.owner))
		return -EINVAL;
	struct pid_ns *ns = NEW(struct pid_ns);
	int err = ns_id_init(&ns->id, owner);
	if (err) {
		free(ns);
		return err;
	}
	ns->refs = 1;
	ns->parent = pid_ns_get(parent);
	ns->level = parent->level + 1;
	*out = ns;
	return 0;
}

struct pid_ns *pid_ns_get(struct pid_ns *ns)
{
	ns->refs++;
	return ns;
}

void pid_ns_put(struct pid_ns *ns)
{
	while (ns && --ns->refs == 0) {
		struct pid_ns *parent = ns->parent;
		CHECK(ns->ntasks == 0);
		ns_id_fini(&ns->id);
		free(ns);
		ns = parent;
	}
}

bool pid_ns_is_below(const struct pid_ns *ns, const struct pid_ns *top)
{
	while (ns && ns != top)
		ns = ns->parent;
	return ns != NULL;
}

bool tg_is_init(const struct thread_group *tg)
{
	return tg->vtgid == 1;
}

static void reap_zombies(struct thread_group *init)
{
	struct thread_group *child, *next;
	for (child = TAILQ_FIRST(&init->children); child; child = next) {
		next = TAILQ_NEXT(child, sibling);
		if (child->zombie)
			task_unpublish(child->leader);
	}
}

void pid_ns_end(struct thread_group *init)
{
	struct pid_ns *ns = init->leader->pid_ns;
	struct waitq gone;
	waitq_init(&gone);
	ns->dead = true;
	ns->gone = &gone;
	/* Its children reap themselves from now on. */
	init->sighand->action[SIGCHLD - 1].handler = (uint64_t)SIG_IGN;
	for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg))
		if (tg != init && tg->leader && pid_ns_is_below(tg->leader->pid_ns, ns))
			tg_exit_mark(tg, SIGKILL);
	reap_zombies(init);
	wait_event_uninterruptible(&gone, ns->ntasks <= 1);
	ns->gone = NULL;
	ns->init = NULL;
}
