/* notify.c - what happens to files reaches those who watch them (vfs/notify.h).
 *
 * HOW      Watches hang on the inode, so a file nobody watches costs one look at a pointer. A watched inode is kept by its
 *          list; inode_put() asks here when nobody but the list has it.
 * LINUX    fs/notify/fsnotify.c. Same: a directory's watch hears of its children first, then the child's own; a watch with
 *          IN_ONESHOT ends with its first event. */
#include "sentry/fs/inotify/inotify_impl.h"

#include "sentry/vfs/notify.h"
#include "sentry/vfs/path.h"

static void tell(struct inode *i, const char *name, uint32_t mask, uint32_t cookie, bool unlinked)
{
	struct watch *w, *next;
	if (!TAILQ_EMPTY(&i->watches->marks))
		dnotify_tell(i->watches, mask, cookie);
	for (w = TAILQ_FIRST(&i->watches->watches); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (!(mask & w->mask & IN_ALL_EVENTS) && !(mask & IN_UNMOUNT))
			continue;
		if (unlinked && (w->mask & IN_EXCL_UNLINK))
			continue;
		inotify_queue(w->in, w->wd, mask, cookie, name);
		if (!(w->mask & IN_ONESHOT) || !watch_remove(w))
			continue;
		watch_list_free(i->watches);
		return;
	}
}

void notify_inode(struct inode *i, uint32_t mask)
{
	if (i->watches)
		tell(i, NULL, mask, 0, false);
}

void notify_dir(struct inode *dir, const char *name, uint32_t mask, uint32_t cookie)
{
	if (dir->watches)
		tell(dir, name, mask, cookie, false);
}

void notify_dentry(struct dentry *d, uint32_t mask)
{
	if (!d || !d->inode)
		return;
	struct inode *i = d->inode, *dir = d->parent != d ? d->parent->inode : NULL;
	if (!i->watches && !(dir && dir->watches))
		return;
	if (S_ISDIR(i->mode))
		mask |= IN_ISDIR;
	if (dir && dir->watches)
		tell(dir, d->name, mask, 0, d->unhashed);
	if (i->watches)
		tell(i, NULL, mask, 0, false);
}

uint32_t notify_cookie(void)
{
	static uint32_t last;
	if (++last == 0)
		last = 1;
	return last;
}

void notify_inode_gone(struct inode *i)
{
	struct notify_list *list = i->watches;
	struct watch *w;
	i->refs++;                        /* the caller's, while the list lets go of its own */
	while ((w = TAILQ_FIRST(&list->watches))) {
		if (w->mask & IN_DELETE_SELF)
			inotify_queue(w->in, w->wd, IN_DELETE_SELF | (S_ISDIR(i->mode) ? IN_ISDIR : 0), 0, NULL);
		watch_remove(w);
	}
	watch_list_free(list);
	i->refs--;
}
