/* proc_sysvipc.c - /proc/sysvipc, and the limits of IPC in /proc/sys/kernel and /proc/sys/fs/mqueue.
 *
 * LINUX    ipc/util.c (sysvipc_proc_show), ipc/ipc_sysctl.c. The columns are Linux's to the space: ipcs(1) reads them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/mqueue.h"
#include "sentry/ipc/msg.h"
#include "sentry/ipc/sem.h"
#include "sentry/ipc/shm.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"

#define IDS(c, o) uid_shown(c, (o)->uid), gid_shown(c, (o)->gid), uid_shown(c, (o)->cuid), gid_shown(c, (o)->cgid)

static const struct ipc_ns *ns_of(const struct task *viewer)
{
	return viewer->ipc_ns ? viewer->ipc_ns : &ipc_ns_first;
}

static int show_shm(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_puts(s, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      "
		    "dtime      ctime                   rss                  swap\n");
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(&ns_of(viewer)->shm, &index)); ) {
		const struct shm *m = to_shm(o);
		seq_printf(s, "%10d %10d  %4o %21" PRIu64 " %5d %5d  %5" PRIu64 " %5u %5u %5u %5u %10" PRId64 " %10" PRId64
			      " %10" PRId64 " %21" PRIu64 " %21d\n",
			   o->key, o->id, o->mode, m->size, pid_shown(viewer, m->cpid), pid_shown(viewer, m->lpid), m->nattch, IDS(viewer->cred, o),
			   m->atime, m->dtime, m->ctime, shm_resident_pages(m) * PAGE_SIZE, 0);
	}
	return 0;
}

static int show_sem(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_puts(s, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(&ns_of(viewer)->sem, &index)); ) {
		const struct sem_set *m = to_sem_set(o);
		seq_printf(s, "%10d %10d  %4o %10d %5u %5u %5u %5u %10" PRId64 " %10" PRId64 "\n", o->key, o->id, o->mode,
			   m->nsems, IDS(viewer->cred, o), m->otime, m->ctime);
	}
	return 0;
}

static int show_msg(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_puts(s, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      "
		    "rtime      ctime\n");
	int index = 0;
	for (struct ipc_object *o; (o = ipc_next(&ns_of(viewer)->msg, &index)); ) {
		const struct msg_queue *q = to_msg_queue(o);
		seq_printf(s, "%10d %10d  %4o  %10" PRIu64 " %10" PRIu64 " %5d %5d %5u %5u %5u %5u %10" PRId64 " %10" PRId64
			      " %10" PRId64 "\n",
			   o->key, o->id, o->mode, q->bytes, q->count, pid_shown(viewer, q->lspid), pid_shown(viewer, q->lrpid), IDS(viewer->cred, o),
			   q->stime, q->rtime, q->ctime);
	}
	return 0;
}

const struct pseudo_entry proc_sysvipc_entries[] = {
	PSEUDO_FILE("msg", 0444, .show = show_msg),
	PSEUDO_FILE("sem", 0444, .show = show_sem),
	PSEUDO_FILE("shm", 0444, .show = show_shm),
	{ 0 },
};

/* --- limits: a row of numbers each, that root may change --- */

const struct proc_limit proc_shmmax = { .longs = &shm_max_bytes, .n = 1 };
const struct proc_limit proc_shmall = { .longs = &shm_all_pages, .n = 1 };
const struct proc_limit proc_shmmni = { .ints = &shm_max_count, .n = 1, .max = IPC_INDEX_MAX };
const struct proc_limit proc_msgmax = { .ints = &msg_max_bytes, .n = 1, .max = INT_MAX };
const struct proc_limit proc_msgmnb = { .ints = &msg_queue_max_bytes, .n = 1, .max = INT_MAX };
const struct proc_limit proc_msgmni = { .ints = &msg_max_queues, .n = 1, .max = IPC_INDEX_MAX };
const struct proc_limit proc_msg_next_id = { .ints = &ipc_ns_first.msg.next_id, .n = 1, .min = -1, .max = INT_MAX };
const struct proc_limit proc_sem = { .ints = sem_limits, .n = 4, .max = INT_MAX };
const struct proc_limit proc_sem_next_id = { .ints = &ipc_ns_first.sem.next_id, .n = 1, .min = -1, .max = INT_MAX };
const struct proc_limit proc_shm_next_id = { .ints = &ipc_ns_first.shm.next_id, .n = 1, .min = -1, .max = INT_MAX };

const struct proc_limit proc_mq_queues_max = { .ints = &mqueue_queues_max, .n = 1, .max = INT_MAX };
const struct proc_limit proc_mq_msg_max = { .ints = &mqueue_msg_max, .n = 1, .min = 1, .max = MQ_HARD_MSG_MAX };
const struct proc_limit proc_mq_msgsize_max = { .ints = &mqueue_msgsize_max, .n = 1, .min = 128, .max = MQ_HARD_MSGSIZE_MAX };
const struct proc_limit proc_mq_msg_default = { .ints = &mqueue_msg_default, .n = 1, .min = 1, .max = MQ_HARD_MSG_MAX };
const struct proc_limit proc_mq_msgsize_default = {
	.ints = &mqueue_msgsize_default, .n = 1, .min = 128, .max = MQ_HARD_MSGSIZE_MAX,
};

int proc_limit_show(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct proc_limit *l = i->entry->ptr;
	(void)viewer;
	for (int n = 0; n < l->n; n++) {
		if (l->longs)
			seq_printf(s, "%s%" PRIu64, n ? "\t" : "", l->longs[n]);
		else
			seq_printf(s, "%s%d", n ? "\t" : "", l->ints[n]);
	}
	seq_puts(s, "\n");
	return 0;
}

/* A number and what stands behind it. False: there is none. */
static bool parse(char **text, int64_t *out)
{
	char *end;
	*text += strspn(*text, " \t\n");
	errno = 0;
	*out = **text == '-' ? strtoll(*text, &end, 10) : (int64_t)strtoull(*text, &end, 10);
	bool ok = end != *text && !errno && (!*end || strchr(" \t\n", *end));
	*text = end;
	return ok;
}

/* Fewer numbers than there are leave the rest as it is. */
int proc_limit_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	const struct proc_limit *l = i->entry->ptr;
	(void)writer, (void)len;
	for (int n = 0; n < l->n && (n == 0 || text[strspn(text, " \t\n")]); n++) {
		int64_t value;
		if (!parse(&text, &value) || (!l->longs && (value < l->min || value > l->max)))
			return -EINVAL;
		if (l->longs)
			l->longs[n] = (uint64_t)value;
		else
			l->ints[n] = (int)value;
	}
	return 0;
}
