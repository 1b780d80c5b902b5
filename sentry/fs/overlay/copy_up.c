/* copy_up.c - the first change to something of lower makes a copy of it in upper.
 *
 * HOW      Parents first, from the top. A file is copied into an unnamed file, which gets its name in the end: nobody
 *          ever sees half a copy, and whoever wants the same copy waits on copy_lock. All that sleeps comes before; then
 *          it is looked whether the file still has its name.
 * LINUX    fs/overlayfs/copy_up.c. Blocks of zeroes become holes, where Linux asks lower for its holes. */
#include <fcntl.h>
#include <string.h>

#include "sentry/fs/overlay/overlay_impl.h"

#define COPY_BYTES (128 * 1024UL)
#define COPY_ALL INT64_MAX
#define XATTR_LIST_MAX_BYTES 65536

/* --- data --- */

static bool is_zero(const char *p, size_t bytes)
{
	return bytes == 0 || (p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0);
}

/* Writes a piece, leaving out its pages of zeroes. */
static int write_piece(struct file *to, char *buf, size_t bytes, off_t pos)
{
	for (size_t from = 0, n; from < bytes; from += n) {
		n = MIN(bytes - from, PAGE_SIZE);
		bool zero = is_zero(buf + from, n);
		while (from + n < bytes) {
			size_t next = MIN(bytes - from - n, PAGE_SIZE);
			if (is_zero(buf + from + n, next) != zero)
				break;
			n += next;
		}
		if (zero)
			continue;
		struct uio u;
		uio_init_kernel(&u, buf + from, n);
		off_t at = pos + (off_t)from;
		ssize_t done = to->ops->write(to, &u, &at);
		if (done != (ssize_t)n)
			return done < 0 ? (int)done : -ENOSPC;
	}
	return 0;
}

static int copy_bytes(struct file *from, struct file *to, off_t size, off_t *out_size)
{
	AUTO(free) char *buf = malloc(COPY_BYTES);
	if (!buf)
		return -ENOMEM;
	off_t pos = 0;
	while (pos < size) {
		ssize_t n = file_read_kernel(from, buf, (size_t)MIN((off_t)COPY_BYTES, size - pos), pos);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		int err = write_piece(to, buf, (size_t)n, pos);
		if (err)
			return err;
		pos += n;
		co_yield();               /* others first: a large file takes its time */
	}
	*out_size = pos;
	return 0;
}

static int copy_data(struct inode *lower, struct inode *upper, off_t size)
{
	if (size == 0)
		return 0;
	AUTO(file_put) struct file *from = NULL;
	AUTO(file_put) struct file *to = NULL;
	int err = lower->ops->open(lower, NULL, O_RDONLY, NULL, &from);
	if (!err)
		err = upper->ops->open(upper, NULL, O_WRONLY, NULL, &to);
	struct iattr attr = { .valid = ATTR_SIZE };
	if (!err)
		err = copy_bytes(from, to, size, &attr.size);
	if (!err && attr.size > upper->size)      /* holes at the end */
		err = upper->ops->setattr(upper, &attr);
	return err;
}

/* --- attributes --- */

static int copy_xattr(struct inode *lower, struct inode *upper, const char *name)
{
	ssize_t n = lower->ops->getxattr(lower, name, NULL, 0);
	if (n < 0)
		return 0;                 /* listed, but not for us */
	AUTO(free) char *value = malloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	n = lower->ops->getxattr(lower, name, value, (size_t)n);
	if (n < 0)
		return 0;
	int err = upper->ops->setxattr(upper, name, value, (size_t)n, 0);
	return err == -EOPNOTSUPP ? 0 : err;
}

static int copy_xattrs(struct inode *lower, struct inode *upper)
{
	if (!lower->ops->listxattr || !lower->ops->getxattr)
		return 0;
	ssize_t n = lower->ops->listxattr(lower, NULL, 0);
	if (n <= 0 || n > XATTR_LIST_MAX_BYTES)
		return 0;                 /* none, or none to be had */
	AUTO(free) char *names = calloc(1, (size_t)n + 1);
	if (!names)
		return -ENOMEM;
	n = lower->ops->listxattr(lower, names, (size_t)n);
	for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		int err = copy_xattr(lower, upper, name);
		if (err)
			return err;
	}
	return 0;
}

static int copy_attr(const struct inode *lower, struct inode *upper)
{
	struct iattr attr = {
		.valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.uid = lower->uid, .gid = lower->gid, .mode = lower->mode & 07777,
		.atime = lower->atime, .mtime = lower->mtime,
	};
	if (!S_ISLNK(lower->mode))
		attr.valid |= ATTR_MODE;
	int err = upper->ops->setattr(upper, &attr);
	upper->btime = lower->btime;
	upper->ino = lower->ino;                  /* st_ino stays */
	return err;
}

/* --- the copy gets its place --- */

static bool has_many_names(const struct ovl_inode *oi)
{
	return !S_ISDIR(oi->lower->mode) && oi->lower->nlink > 1;
}

static void adopt(struct ovl_inode *oi, struct inode *upper)
{
	oi->upper = inode_get(upper);
	ovl_inode_rekey(oi);
	ovl_copy_attr(oi);
	struct ovl_inode *parent = TAKE(oi->parent);
	free(TAKE(oi->name));
	if (parent)
		inode_put(&parent->inode);
}

/* A copy made without a name goes where it belongs. Adding the entry is no change of the directory for anybody who looks.
 * Never sleeps. */
static int place(struct ovl_inode *oi, struct inode *upper)
{
	struct ovl_sb *osb = ovl_sb_of(oi);
	if (oi->nameless)
		return 0;
	if (has_many_names(oi)) {
		ovl_index_set_upper(osb, ovl_index_make(osb, oi->lower), upper);
		return 0;
	}
	struct inode *dir = oi->parent->upper;
	struct timespec mtime = dir->mtime, ctime = dir->ctime;
	int err = dir->ops->link(dir, oi->name, upper);
	dir->mtime = mtime;
	dir->ctime = ctime;
	ovl_copy_attr(oi->parent);
	return err;
}

static int copy_file(struct ovl_inode *oi, off_t size)
{
	struct inode *root = ovl_sb_of(oi)->upper->root;
	AUTO(inode_put) struct inode *upper = NULL;
	int err = root->ops->tmpfile(root, oi->lower->mode & 07777, NULL, &upper);
	if (!err)
		err = copy_data(oi->lower, upper, size);
	if (!err)
		err = copy_xattrs(oi->lower, upper);
	if (!err)
		err = copy_attr(oi->lower, upper);
	if (!err)
		err = place(oi, upper);
	if (!err)
		adopt(oi, upper);
	return err;
}

static int copy_special(struct ovl_inode *oi)
{
	struct inode *lower = oi->lower, *root = ovl_sb_of(oi)->upper->root;
	AUTO(inode_put) struct inode *upper = NULL;
	AUTO(free) char *target = calloc(1, PAGE_SIZE);
	if (!target)
		return -ENOMEM;
	if (S_ISLNK(lower->mode)) {
		ssize_t len = lower->ops->readlink(lower, NULL, target, PAGE_SIZE - 1);
		if (len < 0)
			return (int)len;
	}
	int err = S_ISLNK(lower->mode) ? root->ops->symlink(root, OVL_TEMP, target, NULL, &upper)
				       : root->ops->mknod(root, OVL_TEMP, lower->mode, lower->rdev, NULL, &upper);
	if (err)
		return err;
	err = root->ops->unlink(root, OVL_TEMP, upper);
	if (!err)
		err = copy_attr(lower, upper);
	if (!err)
		err = place(oi, upper);
	if (!err)
		adopt(oi, upper);
	return err;
}

static int copy_dir(struct ovl_inode *oi)
{
	AUTO(inode_put) struct inode *upper = NULL;
	if (oi->nameless)
		return -ENOENT;
	struct inode *dir = oi->parent->upper;
	struct timespec mtime = dir->mtime, ctime = dir->ctime;
	int err = dir->ops->mkdir(dir, oi->name, oi->lower->mode & 07777, NULL, &upper);
	if (err)
		return err;
	err = copy_attr(oi->lower, upper);
	dir->mtime = mtime;
	dir->ctime = ctime;
	ovl_copy_attr(oi->parent);
	adopt(oi, upper);
	return err ? err : copy_xattrs(oi->lower, upper);         /* sleeps: it is a directory already */
}

static int copy_one(struct ovl_inode *oi, off_t size)
{
	inode_get(&oi->inode);
	sleep_lock_acquire(&oi->copy_lock);
	int err = 0;
	if (!oi->upper)
		err = S_ISREG(oi->inode.mode) ? copy_file(oi, size) : S_ISDIR(oi->inode.mode) ? copy_dir(oi) : copy_special(oi);
	sleep_lock_release(&oi->copy_lock);
	inode_put(&oi->inode);
	return err;
}

int ovl_copy_up_size(struct ovl_inode *oi, off_t size)
{
	while (!oi->upper) {
		struct ovl_inode *top = oi;
		while (!top->nameless && !has_many_names(top) && !top->parent->upper)
			top = top->parent;
		int err = copy_one(top, top == oi ? size : 0);
		if (err)
			return err;
	}
	return 0;
}

int ovl_copy_up(struct ovl_inode *oi)
{
	return ovl_copy_up_size(oi, COPY_ALL);
}
