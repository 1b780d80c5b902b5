/* proc_pid_mounts.c - /proc/PID/mounts, mountinfo, mountstats: the mounts below a task's root.
 *
 * LINUX    fs/proc_namespace.c.
 * MISSING  poll(2) for changes; propagate_from. */
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/propagate.h"

#define BLANKS " \t\n\\"

/* The mount point as the task sees it, escaped. False: it lies outside the task's root. */
static bool show_mountpoint(struct seq *s, struct task *t, const struct mount *m)
{
	struct path p = { .mnt = (struct mount *)m, .dentry = m->root };
	char buf[PATH_MAX], *name;
	bool reached;
	if (path_name_reach(t, &p, buf, sizeof(buf), &name, &reached) || !reached)
		return false;
	seq_escaped(s, name, BLANKS);
	return true;
}

static void show_mount_flags(struct seq *s, const struct mount *m, bool read_only)
{
	static const struct { unsigned flag; const char *text; } flags[] = {
		{ MNT_NOSUID, ",nosuid" }, { MNT_NODEV, ",nodev" }, { MNT_NOEXEC, ",noexec" }, { MNT_NOATIME, ",noatime" },
		{ MNT_NODIRATIME, ",nodiratime" }, { MNT_RELATIME, ",relatime" },
		{ MNT_NOSYMFOLLOW, ",nosymfollow" },
	};
	seq_puts(s, read_only ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (m->flags & flags[i].flag)
			seq_puts(s, flags[i].text);
}

static void show_sb_options(struct seq *s, struct superblock *sb)
{
	char options[1024] = "";
	if (sb->ops->show_options && sb->ops->show_options(sb, options, sizeof(options)) >= 0)
		seq_escaped(s, options, BLANKS);
}

static void show_source(struct seq *s, const struct mount *m)
{
	seq_escaped(s, m->source && *m->source ? m->source : "none", BLANKS);
}

/* What of the file system is mounted: bind mounts show a subtree. */
static void show_root(struct seq *s, const struct dentry *d)
{
	if (d->parent == d)
		return;
	show_root(s, d->parent);
	seq_puts(s, "/");
	seq_escaped(s, d->name, BLANKS);
}

static int each_mount(struct seq *s, struct pseudo_inode *i,
		      bool (*show)(struct seq *s, struct task *t, const struct mount *m))
{
	struct task *t = i->task;
	const struct mount *m;
	if (!t->mnt_ns || !t->fs)
		return -EINVAL;
	TAILQ_FOREACH(m, &t->mnt_ns->mounts, link) {
		size_t begin = s->len;
		if (!show(s, t, m))
			s->len = begin;
	}
	return 0;
}

static bool show_mounts_line(struct seq *s, struct task *t, const struct mount *m)
{
	show_source(s, m);
	seq_puts(s, " ");
	if (!show_mountpoint(s, t, m))
		return false;
	seq_printf(s, " %s ", m->sb->type);
	show_mount_flags(s, m, (m->flags & MNT_RDONLY) || m->sb->read_only);
	show_sb_options(s, m->sb);
	seq_puts(s, " 0 0\n");
	return true;
}

static bool show_mountinfo_line(struct seq *s, struct task *t, const struct mount *m)
{
	seq_printf(s, "%d %d %u:%u ", m->id, m->parent ? m->parent->id : 1, major(m->sb->dev), minor(m->sb->dev));
	if (m->root->parent == m->root)
		seq_puts(s, "/");
	else
		show_root(s, m->root);
	seq_puts(s, " ");
	if (!show_mountpoint(s, t, m))
		return false;
	seq_puts(s, " ");
	show_mount_flags(s, m, m->flags & MNT_RDONLY);
	if (m->group)
		seq_printf(s, " shared:%d", m->group->id);
	if (m->master)
		seq_printf(s, " master:%d", m->master->id);
	if (m->unbindable)
		seq_puts(s, " unbindable");
	seq_printf(s, " - %s ", m->sb->type);
	show_source(s, m);
	seq_puts(s, m->sb->read_only ? " ro" : " rw");
	show_sb_options(s, m->sb);
	seq_puts(s, "\n");
	return true;
}

static bool show_mountstats_line(struct seq *s, struct task *t, const struct mount *m)
{
	seq_puts(s, "device ");
	show_source(s, m);
	seq_puts(s, " mounted on ");
	if (!show_mountpoint(s, t, m))
		return false;
	seq_printf(s, " with fstype %s\n", m->sb->type);
	return true;
}

int proc_pid_mounts(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	return each_mount(s, i, show_mounts_line);
}

int proc_pid_mountinfo(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	return each_mount(s, i, show_mountinfo_line);
}

int proc_pid_mountstats(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	return each_mount(s, i, show_mountstats_line);
}
