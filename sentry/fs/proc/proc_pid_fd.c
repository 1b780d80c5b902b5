/* proc_pid_fd.c - /proc/PID/fd and fdinfo, and the links cwd, root, exe: where a process's files are.
 *
 * LINUX    fs/proc/fd.c, fs/proc/base.c. The links' permission bits tell how the descriptor is open. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/vfs/locks.h"

static struct fdslot *slot_of(struct task *t, long fd)
{
	struct fdtable *ft = t->files;
	return ft && fd >= 0 && fd < ft->size && ft->slots[fd].file ? &ft->slots[fd] : NULL;
}

ssize_t proc_path_target(struct task *viewer, const struct path *p, char *buf, size_t bytes)
{
	char tmp[PATH_MAX], *name;
	int err = path_name(viewer, p, tmp, sizeof(tmp), &name);
	if (err)
		return err;
	size_t len = MIN(strlen(name), bytes);
	memcpy(buf, name, len);
	return len;
}

/* --- cwd, root, exe: a place each --- */

enum place { CWD, ROOT, EXE };

static int place_of(struct pseudo_inode *i, struct task *viewer, enum place which, struct path *out)
{
	struct task *t = i->task;
	if (!proc_may_look(viewer, t))
		return -EACCES;
	if (which == EXE) {
		if (!t->mm || !t->mm->exe)
			return -ENOENT;
		file_get_path(t->mm->exe, out);
		return 0;
	}
	if (!t->fs)
		return -ENOENT;
	*out = which == CWD ? t->fs->cwd : t->fs->root;
	path_get(out);
	return 0;
}

static ssize_t place_readlink(struct pseudo_inode *i, struct task *viewer, enum place which, char *buf, size_t bytes)
{
	AUTO_PATH p = { 0 };
	int err = place_of(i, viewer, which, &p);
	return err ? err : proc_path_target(viewer, &p, buf, bytes);
}

#define PLACE(name, which)                                                                                \
	ssize_t proc_##name##_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)  \
	{                                                                                                 \
		return place_readlink(i, viewer, which, buf, bytes);                                      \
	}                                                                                                 \
	int proc_##name##_follow(struct pseudo_inode *i, struct task *viewer, struct path *out)           \
	{                                                                                                 \
		return place_of(i, viewer, which, out);                                                   \
	}
PLACE(cwd, CWD)
PLACE(root, ROOT)
PLACE(exe, EXE)

/* --- fd/N --- */

static int fd_check(struct pseudo_inode *i)
{
	return i->task->published && slot_of(i->task, i->arg) ? 0 : -ENOENT;
}

static void fd_refresh(struct pseudo_inode *i)
{
	struct fdslot *slot = slot_of(i->task, i->arg);
	mode_t mode = S_IFLNK;
	if (slot && (slot->file->mode & FMODE_READ))
		mode |= 0500;
	if (slot && (slot->file->mode & FMODE_WRITE))
		mode |= 0300;
	proc_pid_refresh(i);
	i->inode.mode = mode;
	i->inode.size = 64;
}

static int fd_place(struct pseudo_inode *i, struct task *viewer, struct path *out)
{
	struct fdslot *slot = slot_of(i->task, i->arg);
	if (!proc_may_look(viewer, i->task))
		return -EACCES;
	if (!slot)
		return -ENOENT;
	file_get_path(slot->file, out);
	return 0;
}

static ssize_t fd_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	AUTO_PATH p = { 0 };
	int err = fd_place(i, viewer, &p);
	return err ? err : proc_path_target(viewer, &p, buf, bytes);
}

static const struct pseudo_entry fd_link = {
	.name = "N", .mode = S_IFLNK | 0700, .readlink = fd_readlink, .follow = fd_place, .refresh = fd_refresh, .check = fd_check,
};

/* --- fdinfo/N --- */

struct lock_list { struct seq *s; const struct file *file; const struct task *task, *viewer; int n; };

/* Only what was asked for by this descriptor's open file, and is its or the process's. */
static void show_lock(const struct inode *i, const struct lock_info *l, void *arg)
{
	struct lock_list *list = arg;
	if (l->file != list->file || (l->owner != list->file && l->owner != list->task->files))
		return;
	seq_puts(list->s, "lock:\t");
	proc_show_lock(list->s, ++list->n, i, l, l->pid < 0 ? l->pid : pid_shown(list->viewer, l->pid));
}

static int show_fdinfo(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	struct fdslot *slot = slot_of(i->task, i->arg);
	char extra[4096];
	if (!slot)
		return -ENOENT;
	struct file *f = slot->file;
	int access = (f->mode & FMODE_WRITE) ? (f->mode & FMODE_READ) ? O_RDWR : O_WRONLY : O_RDONLY;
	int flags = (f->flags & ~(O_ACCMODE | O_CLOEXEC)) | access | (slot->cloexec ? O_CLOEXEC : 0);
	if (f->mode & FMODE_PATH)
		flags = O_PATH | (slot->cloexec ? O_CLOEXEC : 0);
	seq_printf(s, "pos:\t%" PRId64 "\nflags:\t0%o\nmnt_id:\t%d\nino:\t%" PRIu64 "\n", (int64_t)f->pos, flags,
		   f->path.mnt ? f->path.mnt->id : 0, f->inode->ino);
	struct lock_list list = { s, f, i->task, viewer, 0 };
	locks_each(f->inode, show_lock, &list);
	int n = f->ops->show_fdinfo ? f->ops->show_fdinfo(f, extra, sizeof(extra)) : 0;
	if (n > 0)
		seq_write(s, extra, MIN((size_t)n, sizeof(extra)));
	return 0;
}

static const struct pseudo_entry fdinfo_file = {
	.name = "N", .mode = S_IFREG | 0444, .show = show_fdinfo, .refresh = proc_pid_refresh, .check = fd_check,
};

static int lookup(struct pseudo_inode *dir, const struct pseudo_entry *entry, const char *name, struct inode **out)
{
	long fd = pseudo_number(name);
	if (!slot_of(dir->task, fd))
		return -ENOENT;
	struct inode *i = pseudo_inode_new(dir, entry, name, dir->task, fd);
	if (entry->refresh)
		entry->refresh(to_pseudo(i));
	*out = i;
	return 0;
}

int proc_fd_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	return lookup(dir, &fd_link, name, out);
}

int proc_fdinfo_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	return lookup(dir, &fdinfo_file, name, out);
}

int proc_fd_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	char name[24];
	unsigned type = dir->entry->lookup == proc_fd_lookup ? DT_LNK : DT_REG;
	for (long fd = ctx->pos - PSEUDO_OWN_POS; dir->task->files && fd < dir->task->files->size; fd++) {
		if (!slot_of(dir->task, fd))
			continue;
		snprintf(name, sizeof(name), "%ld", fd);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), type, PSEUDO_OWN_POS + fd + 1))
			return 0;
		ctx->pos = PSEUDO_OWN_POS + fd + 1;
	}
	return 0;
}
