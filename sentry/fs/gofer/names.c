/* names.c - directories' names: looking up, making, removing, renaming.
 *
 * HOW      Each is one request; the answer brings the attributes that changed. The owner of what is made is asked for, and told
 *          back by the gofer, which may not be able to give files away. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sentry/fs/gofer/ahead.h"
#include "sentry/kernel/cred.h"
#include "sentry/vfs/path.h"

static uint64_t node_of(struct inode *i)
{
	return to_gofer_inode(i)->node;
}

int gofer_lookup(struct inode *dir, const char *name, struct inode **out)
{
	struct gofer_sb *gsb = to_gofer_sb(dir->sb);
	struct gofer_entry e;
	int fd = -1;
	int err = gofer_ahead_take(to_gofer_inode(dir), name, &e, &fd);
	if (err != -EAGAIN)
		return err ? err : gofer_inode_get(gsb, &e, fd, false, out);

	struct gofer_msg q = { .type = GOFER_WALK, .node = node_of(dir), .count = 1, .names = { name } };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	err = gofer_ask(&q, &a);
	if (err == -EINVAL || err == -EMSGSIZE)   /* a name no host file can have */
		return -ENOENT;
	if (err)
		return err;
	if (a->msg.count == 1 && a->msg.mode == 0)
		return gofer_inode_get(gsb, &a->msg.entries[0], -1, false, out);
	if (a->msg.count != 0 || a->msg.mode == 0 || a->msg.mode > 4095)
		return -EIO;
	return -(int)a->msg.mode;
}

/* Shared mounts: is what we know of the names still so? */
void gofer_revalidate_all(struct dentry *const d[], bool good[], unsigned n)
{
	uint64_t dirs[GOFER_WALK_MAX];
	struct gofer_msg q = { .type = GOFER_STATAT, .data = dirs };
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	memset(good, 0, n * sizeof(*good));
	for (; q.count < n && q.count < GOFER_WALK_MAX && d[q.count]->inode; q.count++) {
		dirs[q.count] = node_of(d[q.count]->parent->inode);
		q.names[q.count] = d[q.count]->name;
	}
	q.data_bytes = (uint32_t)(q.count * sizeof(dirs[0]));
	if (q.count == 0 || gofer_ask(&q, &a) || a->msg.count > q.count)
		return;
	for (unsigned i = 0; i < a->msg.count; i++) {
		/* The gofer's node keeps the old object, so its number can't be another's by now. */
		struct gofer_inode *gi = to_gofer_inode(d[i]->inode);
		const struct gofer_attr *attr = &a->msg.entries[i].attr;
		good[i] = attr->ino == gi->key.ino && attr->dev == gi->key.dev && gofer_inode_update(gi, attr) == 0;
	}
}

bool gofer_revalidate(struct dentry *d)
{
	bool good;
	gofer_revalidate_all(&d, &good, 1);
	return good;
}

/* Owner and group of what cred makes in dir. */
static void set_owner(struct gofer_msg *q, const struct inode *dir, const struct cred *cred)
{
	q->uid = cred ? cred->fsuid : 0;
	q->gid = dir->mode & S_ISGID ? dir->gid : cred ? cred->fsgid : 0;
}

static void names_changed(struct inode *dir)
{
	gofer_ahead_drop(to_gofer_sb(dir->sb));
	gofer_listing_drop(to_gofer_inode(dir));
}

static int make(struct inode *dir, struct gofer_msg *q, const struct cred *cred, struct inode **out)
{
	struct gofer_sb *gsb = to_gofer_sb(dir->sb);
	if (gsb->read_only)
		return -EROFS;
	q->node = node_of(dir);
	set_owner(q, dir, cred);
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(q, &a);
	names_changed(dir);
	if (err) {
		to_gofer_inode(dir)->stale = true;
		return err;
	}
	if (q->type != GOFER_TMPFILE) {
		err = gofer_inode_update(to_gofer_inode(dir), &a->msg.attr[1]);
		if (err)
			return err;
	}
	struct gofer_entry e = { .node = a->msg.node, .attr = a->msg.attr[0], .text = q->text };
	int fd = a->fd;
	a->fd = -1;
	return gofer_inode_get(gsb, &e, fd, true, out);
}

int gofer_create(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct gofer_msg q = { .type = GOFER_CREATE, .name = name, .mode = mode & 07777 };
	return make(dir, &q, cred, out);
}

int gofer_tmpfile(struct inode *dir, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct gofer_msg q = { .type = GOFER_TMPFILE, .mode = mode & 07777 };
	return make(dir, &q, cred, out);
}

int gofer_mkdir(struct inode *dir, const char *name, mode_t mode, const struct cred *cred, struct inode **out)
{
	struct gofer_msg q = { .type = GOFER_MKDIR, .name = name, .mode = mode & 07777 };
	return make(dir, &q, cred, out);
}

int gofer_mknod(struct inode *dir, const char *name, mode_t mode, dev_t dev, const struct cred *cred, struct inode **out)
{
	(void)dev;
	if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
		return -EPERM;                    /* no devices on the host */
	struct gofer_msg q = { .type = GOFER_MKNOD, .name = name, .mode = mode & (S_IFMT | 07777) };
	return make(dir, &q, cred, out);
}

int gofer_symlink(struct inode *dir, const char *name, const char *target, const struct cred *cred, struct inode **out)
{
	struct gofer_msg q = { .type = GOFER_SYMLINK, .name = name, .text = target };
	return make(dir, &q, cred, out);
}

/* A change of names without a new inode: sends q, takes the answer's attributes over into what is not NULL. */
static int change(struct inode *dir, struct gofer_msg *q, struct inode *target, struct inode *new_dir)
{
	struct gofer_sb *gsb = to_gofer_sb(dir->sb);
	if (gsb->read_only)
		return -EROFS;
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	int err = gofer_ask(q, &a);
	names_changed(dir);
	if (new_dir)
		names_changed(new_dir);
	if (err) {
		to_gofer_inode(dir)->stale = to_gofer_inode(target)->stale = true;
		return err;
	}
	err = gofer_inode_update(to_gofer_inode(target), &a->msg.attr[0]);
	if (!err)
		err = gofer_inode_update(to_gofer_inode(dir), &a->msg.attr[1]);
	if (!err && new_dir)
		err = gofer_inode_update(to_gofer_inode(new_dir), &a->msg.attr[2]);
	return err;
}

int gofer_link(struct inode *dir, const char *name, struct inode *target)
{
	struct gofer_msg q = { .type = GOFER_LINK, .node = node_of(dir), .name = name, .target = node_of(target) };
	return change(dir, &q, target, NULL);
}

int gofer_unlink(struct inode *dir, const char *name, struct inode *target)
{
	struct gofer_msg q = { .type = GOFER_UNLINK, .node = node_of(dir), .name = name, .target = node_of(target) };
	return change(dir, &q, target, NULL);
}

int gofer_rmdir(struct inode *dir, const char *name, struct inode *target)
{
	struct gofer_msg q = { .type = GOFER_UNLINK, .node = node_of(dir), .name = name, .target = node_of(target),
			       .flags = AT_REMOVEDIR };
	return change(dir, &q, target, NULL);
}

int gofer_rename(struct inode *old_dir, const char *old_name, struct inode *source, struct inode *new_dir,
		 const char *new_name, struct inode *target, unsigned flags)
{
	struct gofer_msg q = { .type = GOFER_RENAME, .node = node_of(old_dir), .name = old_name,
			       .node2 = node_of(new_dir), .name2 = new_name, .target = node_of(source),
			       .replaced = target ? node_of(target) : 0, .flags = flags };
	int err = change(old_dir, &q, source, new_dir);
	if (err || !target)
		return err;
	to_gofer_inode(target)->stale = true;
	return gofer_getattr(target);             /* vfs/ wants to know whether a link is left */
}
