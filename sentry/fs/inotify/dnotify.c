/* dnotify.c - F_NOTIFY: a signal when something happens in a directory (fcntl(2)).
 *
 * HOW      Marks hang beside inotify's watches on the directory's inode. A mark belongs to an open file and the descriptor
 *          table that asked, and goes with the first close(2) of that file there, as record locks do.
 * LINUX    fs/notify/dnotify/dnotify.c. Same: bits add up; without DN_MULTISHOT the first event ends the mark. A rename within
 *          the directory is told once its second half is. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "sentry/fs/inotify/inotify_impl.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/async.h"
#include "sentry/vfs/notify.h"

struct dmark {
	TAILQ_ENTRY(dmark) link;
	struct file *file;                /* it ends with the file */
	const struct fdtable *owner;
	int fd;
	unsigned mask;                    /* DN_* */
};

static unsigned dn_of(uint32_t in_mask)
{
	static const struct { uint32_t in; unsigned dn; } table[] = {
		{ IN_ACCESS, DN_ACCESS }, { IN_MODIFY, DN_MODIFY }, { IN_CREATE | IN_MOVED_TO, DN_CREATE },
		{ IN_DELETE | IN_MOVED_FROM, DN_DELETE }, { IN_ATTRIB, DN_ATTRIB },
	};
	unsigned dn = 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (in_mask & table[i].in)
			dn |= table[i].dn;
	return dn;
}

void dnotify_tell(struct notify_list *list, uint32_t mask, uint32_t cookie)
{
	unsigned dn = dn_of(mask);
	if ((mask & IN_MOVED_TO) && cookie == list->moved_from)
		dn |= DN_RENAME;
	if (mask & IN_MOVED_FROM)
		list->moved_from = cookie;
	struct dmark *m = TAILQ_FIRST(&list->marks);
	while (m) {
		struct dmark *next = TAILQ_NEXT(m, link);
		if (m->mask & dn & ~(unsigned)DN_MULTISHOT) {
			file_signal_owner(m->file, m->fd, POLL_MSG, EPOLLIN | EPOLLRDNORM | EPOLLMSG);
			if (!(m->mask & DN_MULTISHOT)) {
				TAILQ_REMOVE(&list->marks, m, link);
				free(m);  /* an empty list goes with the file */
			}
		}
		m = next;
	}
}

int dnotify_set(struct task *t, struct file *f, int fd, unsigned mask)
{
	struct dmark *m;
	if (!S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	if (!(mask & ~(unsigned)DN_MULTISHOT)) {
		dnotify_released(f, t->files);
		return 0;
	}
	struct notify_list *list = watch_list_of(f->inode);
	file_default_owner(t, f);
	TAILQ_FOREACH(m, &list->marks, link) {
		if (m->file == f && m->owner == t->files) {
			m->mask |= mask;
			m->fd = fd;
			return 0;
		}
	}
	m = NEW(struct dmark);
	*m = (struct dmark){ .file = f, .owner = t->files, .fd = fd, .mask = mask };
	TAILQ_INSERT_TAIL(&list->marks, m, link);
	return 0;
}

void dnotify_released(struct file *f, const struct fdtable *owner)
{
	struct notify_list *list = f->inode->watches;
	struct dmark *m = list ? TAILQ_FIRST(&list->marks) : NULL;
	while (m) {
		struct dmark *next = TAILQ_NEXT(m, link);
		if (m->file == f && (!owner || m->owner == owner)) {
			TAILQ_REMOVE(&list->marks, m, link);
			free(m);
		}
		m = next;
	}
	if (list && TAILQ_EMPTY(&list->marks) && TAILQ_EMPTY(&list->watches))
		watch_list_free(list);
}
