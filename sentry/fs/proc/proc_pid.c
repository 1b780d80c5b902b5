/* proc_pid.c - the directories of processes and threads: what is in them, whom it belongs to, who may look.
 *
 * LINUX    fs/proc/base.c: tgid_base_stuff, task_dump_owner(), and which file asks for ptrace access.
 * MISSING  io, pagemap, map_files, attr, numa_maps, smaps_rollup: their numbers are
 *          not kept, or not this kernel's to know. */
#include <dirent.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/access.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/user_ns.h"

uint64_t proc_ticks(uint64_t ns)
{
	return ns / (NS_PER_SEC / USER_HZ);
}

/* Whose the files are of what may not be looked at: the root of its namespace, if that has one. */
static uint32_t root_of(const struct cred *c, enum id_kind kind)
{
	uint32_t id = c ? id_inner(c->user_ns, kind, 0) : 0;
	return id == ID_NONE ? 0 : id;
}

void proc_pid_refresh(struct pseudo_inode *i)
{
	const struct task *t = i->task;
	bool open_dir = i->inode.mode == (S_IFDIR | 0555);        /* shows nothing secret */
	bool own = t->cred && (open_dir || (t->mm && t->mm->dumpable == 1));
	i->inode.uid = own ? t->cred->euid : root_of(t->cred, ID_UID);
	i->inode.gid = own ? t->cred->egid : root_of(t->cred, ID_GID);
}

int proc_pid_check(struct pseudo_inode *i)
{
	return i->task->published ? 0 : -ESRCH;
}

bool proc_may_look(struct task *viewer, struct task *target)
{
	return viewer && task_may_access(viewer, target, ACCESS_READ, true) == 0;
}

int proc_pid_may_open(struct pseudo_inode *i, struct task *viewer)
{
	return proc_may_look(viewer, i->task) ? 0 : -EACCES;
}

/* --- task/TID --- */

static const struct pseudo_entry tid_dir;

int proc_task_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	long tid = pseudo_number(name);
	struct task *t = tid > 0 ? task_find(pid_of_number(proc_pid_ns(dir), (int)tid)) : NULL;
	if (!t || t->tg != dir->task->tg)
		return -ENOENT;
	*out = pseudo_inode_new(dir, &tid_dir, name, t, 0);
	return 0;
}

/* The lowest number of a thread of tg that is at least `from`; 0: there is none. */
static int next_thread(const struct pid_ns *ns, const struct thread_group *tg, int from)
{
	const struct task *t;
	int best = 0;
	TAILQ_FOREACH(t, &tg->threads, thread_link) {
		int nr = pid_number(ns, t->tid);
		if (nr >= from && t->published && (!best || nr < best))
			best = nr;
	}
	return best;
}

/* By its links a program sees that it has one thread, as Chromium's zygote does before it forks. */
static void task_refresh(struct pseudo_inode *i)
{
	const struct task *t;
	proc_pid_refresh(i);
	i->inode.nlink = 2;
	TAILQ_FOREACH(t, &i->task->tg->threads, thread_link)
		i->inode.nlink++;
}

int proc_task_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	int nr;
	char name[16];
	while ((nr = next_thread(proc_pid_ns(dir), dir->task->tg, (int)(ctx->pos - PSEUDO_OWN_POS)))) {
		off_t next = PSEUDO_OWN_POS + nr + 1;
		snprintf(name, sizeof(name), "%d", nr);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), DT_DIR, next))
			return 0;
		ctx->pos = next;
	}
	return 0;
}

/* --- tables --- */

static int show_cgroup(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "0::/\n");
	return 0;
}

static int show_wchan(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "0");                         /* as Linux tells everybody without CAP_SYS_PTRACE */
	return 0;
}

/* arg: enum id_kind */
static int show_id_map(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	if (i->task->cred)
		user_ns_show_map(s, i->task->cred->user_ns, (enum id_kind)i->entry->arg, viewer ? viewer->cred : NULL);
	return 0;
}

static int store_id_map(struct pseudo_inode *i, struct pseudo_writer *w, char *text, size_t len)
{
	(void)len;
	if (w->pos != 0)
		return -EINVAL;
	return user_ns_set_map(i->task->cred->user_ns, (enum id_kind)i->entry->arg, text, w->opener_cred, w->task->cred);
}

static int show_setgroups(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct user_ns *ns = i->task->cred->user_ns;
	(void)viewer;
	seq_puts(s, ns && ns->setgroups_denied ? "deny\n" : "allow\n");
	return 0;
}

static int store_setgroups(struct pseudo_inode *i, struct pseudo_writer *w, char *text, size_t len)
{
	if (w->pos != 0 || len >= 8)
		return -EINVAL;
	if (!cred_ns_cap(w->opener_cred, i->task->cred->user_ns, CAP_SYS_ADMIN))
		return -EACCES;
	return user_ns_set_setgroups(i->task->cred->user_ns, text);
}

/* Everything about a task has owner and existence in common. LOOK: only for those who may look into it. */
#define OF_TASK .refresh = proc_pid_refresh, .check = proc_pid_check
#define LOOK OF_TASK, .may_open = proc_pid_may_open
#define MEASURE OF_TASK, .may_open = proc_pid_measure

#define ID_MAP(name_, kind) \
	PSEUDO_FILE(name_, 0644, .show = show_id_map, .store_as = store_id_map, .arg = kind, OF_TASK)

/* arg of stat, statm, status: 1 for the process, 0 for a thread. */
#define COMMON(whole)                                                                                     \
	PSEUDO_FILE("auxv", 0400, .show = proc_pid_auxv, LOOK),                                           \
	PSEUDO_FILE("cgroup", 0444, .show = show_cgroup, OF_TASK),                                        \
	PSEUDO_FILE("cmdline", 0444, .show = proc_pid_cmdline, OF_TASK),                                  \
	PSEUDO_FILE("comm", 0644, .show = proc_pid_comm, .store = proc_pid_comm_store, OF_TASK),          \
	PSEUDO_FILE("cpuset", 0444, .show = pseudo_show_string, .ptr = "/", OF_TASK),                     \
	PSEUDO_LINK("cwd", .readlink = proc_cwd_readlink, .follow = proc_cwd_follow, OF_TASK),            \
	PSEUDO_FILE("environ", 0400, .show = proc_pid_environ, LOOK),                                     \
	PSEUDO_LINK("exe", .readlink = proc_exe_readlink, .follow = proc_exe_follow, OF_TASK),            \
	{ .name = "fd", .mode = S_IFDIR | 0500, .lookup = proc_fd_lookup, .iterate = proc_fd_iterate, OF_TASK },     \
	{ .name = "fdinfo", .mode = S_IFDIR | 0555, .lookup = proc_fdinfo_lookup, .iterate = proc_fd_iterate, LOOK },  \
	ID_MAP("gid_map", ID_GID),                                                                        \
	PSEUDO_FILE("limits", 0444, .show = proc_pid_limits, OF_TASK),                                    \
	PSEUDO_FILE("loginuid", 0444, .show = pseudo_show_string, .ptr = "4294967295", OF_TASK),          \
	PSEUDO_FILE("maps", 0444, .show = proc_pid_maps, .ioctl = proc_pid_maps_ioctl, LOOK),             \
	PSEUDO_FILE("mem", 0600, .open = proc_mem_open, OF_TASK),                                         \
	PSEUDO_FILE("mountinfo", 0444, .show = proc_pid_mountinfo, OF_TASK),                              \
	PSEUDO_FILE("mounts", 0444, .show = proc_pid_mounts, OF_TASK),                                    \
	PSEUDO_DIR("net", proc_net_entries),                                                              \
	{ .name = "ns", .mode = S_IFDIR | 0511, .children = proc_ns_entries, OF_TASK },                   \
	PSEUDO_FILE("oom_adj", 0644, .show = proc_pid_oom_adj, .store = proc_pid_oom_adj_store, OF_TASK), \
	PSEUDO_FILE("oom_score", 0444, .show = proc_pid_oom_score, OF_TASK),                              \
	PSEUDO_FILE("oom_score_adj", 0644, .show = proc_pid_oom_score_adj, .store = proc_pid_oom_score_adj_store, OF_TASK), \
	PSEUDO_FILE("personality", 0400, .show = proc_pid_personality, LOOK),                             \
	ID_MAP("projid_map", ID_PROJECT),                                                                 \
	PSEUDO_LINK("root", .readlink = proc_root_readlink, .follow = proc_root_follow, OF_TASK),         \
	PSEUDO_FILE("sessionid", 0444, .show = pseudo_show_string, .ptr = "4294967295", OF_TASK),         \
	PSEUDO_FILE("schedstat", 0444, .show = proc_pid_schedstat, OF_TASK),                              \
	PSEUDO_FILE("setgroups", 0644, .show = show_setgroups, .store_as = store_setgroups, OF_TASK),              \
	PSEUDO_FILE("smaps", 0444, .show = proc_pid_smaps, LOOK),                                         \
	PSEUDO_FILE("stat", 0444, .show = proc_pid_stat, .arg = whole, MEASURE),                          \
	PSEUDO_FILE("statm", 0444, .show = proc_pid_statm, MEASURE),                                      \
	PSEUDO_FILE("status", 0444, .show = proc_pid_status, .arg = whole, MEASURE),                      \
	PSEUDO_FILE("syscall", 0400, .show = proc_pid_syscall, LOOK),                                     \
	ID_MAP("uid_map", ID_UID),                                                                        \
	PSEUDO_FILE("wchan", 0444, .show = show_wchan, OF_TASK)

static const struct pseudo_entry tid_entries[] = {
	COMMON(0),
	{ 0 },
};
static const struct pseudo_entry tid_dir = {
	.name = "TID", .mode = S_IFDIR | 0555, .children = tid_entries, OF_TASK,
};

const struct pseudo_entry proc_pid_entries[] = {
	COMMON(1),
	PSEUDO_FILE("coredump_filter", 0644, .show = proc_pid_coredump_filter, .store = proc_pid_coredump_filter_store, OF_TASK),
	PSEUDO_FILE("mountstats", 0400, .show = proc_pid_mountstats, LOOK),
	PSEUDO_FILE("timens_offsets", 0644, .show = proc_timens_show, .store_as = proc_timens_store, OF_TASK),
	PSEUDO_FILE("timerslack_ns", 0666, .show = proc_pid_timerslack, .store = proc_pid_timerslack_store, OF_TASK),
	{ .name = "task", .mode = S_IFDIR | 0555, .lookup = proc_task_lookup, .iterate = proc_task_iterate,
	  .refresh = task_refresh, .check = proc_pid_check },
	{ 0 },
};
