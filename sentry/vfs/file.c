/* file.c - life of open files.
 *
 * HOW      A reference for each descriptor, mapping and running call. The last one tells watchers, drops the locks that
 *          belong to the open file, leaves epoll sets and calls the kind's release.
 * LINUX    fs/file_table.c, fs/anon_inodes.c. */
#include "sentry/vfs/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "platform/base/live.h"
#include "sentry/vfs/async.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/lease.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/notify.h"

#define STATUS_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_ASYNC | O_NOATIME | O_SYNC | O_DSYNC | O_PATH | \
		      O_DIRECTORY | O_NOFOLLOW | O_TMPFILE)

void file_init(struct file *f, const struct file_ops *ops, struct inode *inode, const struct path *path, int flags)
{
	static uint64_t next_id;
	live_born(FILE);
	f->ops = ops;
	f->refs = 1;
	f->id = ++next_id;
	f->flags = flags & STATUS_FLAGS;
	if (flags & O_PATH)
		f->mode |= FMODE_PATH;
	else if ((flags & O_ACCMODE) == O_RDONLY)
		f->mode |= FMODE_READ;
	else if ((flags & O_ACCMODE) == O_WRONLY)
		f->mode |= FMODE_WRITE;
	else if ((flags & O_ACCMODE) == O_RDWR)
		f->mode |= FMODE_READ | FMODE_WRITE;
	f->inode = inode_get(inode);
	if (path) {
		f->path = *path;
		path_get(&f->path);
	}
	sleep_lock_init(&f->pos_lock);
}

int file_init_anon(struct file *f, const struct file_ops *ops, mode_t type, int flags)
{
	static struct inode *shared;      /* of eventfd, epoll …: one for all, as in Linux */
	struct inode *i;
	if (type & S_IFMT) {
		i = inode_new_anon(type, NULL);
	} else {
		if (!shared)
			shared = inode_new_anon(0600, NULL);
		i = inode_get(shared);
	}
	file_init(f, ops, i, NULL, flags);
	inode_put(i);
	return 0;
}

void file_fini(struct file *f)
{
	if (f->mode & FMODE_WRITER)
		f->inode->writers--;
	if (f->mode & FMODE_DENY_WRITE)
		f->inode->writers++;
	if (f->mode & FMODE_READER)
		f->inode->readers--;
	f->mode &= ~(unsigned)(FMODE_WRITER | FMODE_DENY_WRITE | FMODE_READER);
	live_died(FILE);
	struct inode *i = TAKE(f->inode);
	path_put(&f->path);
	inode_put(i);
}

struct file *file_get(struct file *f)
{
	CHECK(f->refs > 0);
	f->refs++;
	return f;
}

void file_put(struct file *f)
{
	if (!f)
		return;
	CHECK(f->refs > 0);
	if (f->refs > 1) {
		f->refs--;
		return;
	}
	/* Still counted meanwhile, for what is told about it may take a reference for a moment. */
	if (!(f->mode & FMODE_PATH)) {
		notify_file(f, f->mode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
		locks_release_file(f);
		if (f->inode->leases)
			lease_file_released(f);
	}
	if (f->async)
		async_file_released(f);
	if (f->inode->watches)
		dnotify_released(f, NULL);
	if (f->epitems)
		epoll_file_released(f);
	if (f->empties)
		empties_drop_file(f);
	CHECK(f->refs == 1);
	f->refs = 0;
	f->ops->release(f);
}

uint32_t file_poll(struct file *f)
{
	return f->ops->poll ? f->ops->poll(f) : EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

void notify_file(struct file *f, uint32_t mask)
{
	if (f->path.dentry && !(f->mode & FMODE_PATH))
		notify_dentry(f->path.dentry, mask);
	else if (f->inode->watches && !(f->mode & FMODE_PATH))
		notify_inode(f->inode, mask);
}

/* "pipe:[7]", "socket:[8]"; the anon_inode kinds go by their name alone. */
static void anon_name(const struct file *f, char *buf, size_t bytes)
{
	const char *name = f->ops->name ? f->ops->name : "anon_inode";
	if (f->inode->mode & S_IFMT && !strchr(name, ':') && name[0] != '/')
		snprintf(buf, bytes, "%s:[%llu]", name, (unsigned long long)f->inode->ino);
	else
		snprintf(buf, bytes, "%s", name);
}

void file_get_path(struct file *f, struct path *out)
{
	if (f->path.dentry) {
		*out = f->path;
		path_get(out);
		return;
	}
	char name[80];
	anon_name(f, name, sizeof(name));
	out->mnt = mount_anon();
	out->dentry = dcache_anon(f->inode, name);
}
