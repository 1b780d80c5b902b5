/* sem_undo.c - SEM_UNDO: what a process did to semaphores is taken back when it ends.
 *
 * HOW      A list of undos a process, made with the first; each belongs to a set's list, too, and goes with whichever ends first.
 * LINUX    ipc/sem.c: find_alloc_undo(), exit_sem(). Same: values are cut at 0 and at the maximum, nothing waits. */
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/sem_impl.h"

static size_t undo_bytes(const struct sem_set *s)
{
	return sizeof(struct sem_undo) + (size_t)s->nsems * sizeof(short);
}

static struct sem_undo_list *undo_list(struct task *t)
{
	if (!t->sem_undo) {
		t->sem_undo = NEW(struct sem_undo_list);
		t->sem_undo->refs = 1;
		LIST_INIT(&t->sem_undo->undos);
	}
	return t->sem_undo;
}

struct sem_undo_list *sem_undo_share(struct task *t)
{
	struct sem_undo_list *l = undo_list(t);
	l->refs++;
	return l;
}

int sem_undo_get(struct task *t, struct sem_set *s, struct sem_undo **out)
{
	struct sem_undo_list *l = undo_list(t);
	struct sem_undo *u;
	LIST_FOREACH(u, &l->undos, list_link) {
		if (u->set == s) {
			*out = u;
			return 0;
		}
	}
	if (fs_memory_charge(undo_bytes(s)))
		return -ENOMEM;
	u = calloc(1, undo_bytes(s));
	if (!u) {
		fs_memory_uncharge(undo_bytes(s));
		return -ENOMEM;
	}
	u->list = l;
	u->set = s;
	LIST_INSERT_HEAD(&l->undos, u, list_link);
	LIST_INSERT_HEAD(&s->undos, u, set_link);
	*out = u;
	return 0;
}

void sem_undo_free(struct sem_undo *u)
{
	LIST_REMOVE(u, list_link);
	LIST_REMOVE(u, set_link);
	fs_memory_uncharge(undo_bytes(u->set));
	free(u);
}

static void undo(struct sem_undo *u, int pid)
{
	struct sem_set *s = u->set;
	bool changed = false;
	for (int i = 0; i < s->nsems; i++) {
		if (!u->adjust[i])
			continue;
		s->sems[i].value = MAX(0, MIN(SEM_MAX_VALUE, s->sems[i].value + u->adjust[i]));
		s->sems[i].pid = pid;
		changed = true;
	}
	sem_undo_free(u);
	if (!changed)
		return;
	s->otime = inode_now().tv_sec;
	sem_changed(s);
}

void sem_undo_exit(struct task *t)
{
	struct sem_undo_list *l = TAKE(t->sem_undo);
	if (!l || --l->refs > 0)
		return;
	for (struct sem_undo *u; (u = LIST_FIRST(&l->undos)); )
		undo(u, t->tg->tgid);
	free(l);
}
