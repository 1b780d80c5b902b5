/* pseudo_file.c - open text files of pseudo file systems.
 *
 * HOW      The whole text is made when it is read from position 0, and further reads take from that: a reader sees one
 *          moment, however small its buffer.
 * LINUX    fs/seq_file.c, which makes long files piece by piece. */
#include "sentry/fs/pseudo/pseudo_file.h"

#include <fcntl.h>
#include <string.h>

struct pseudo_file {
	struct file file;
	struct task *opener;              /* a reference: who looks, when the reader is not known (sendfile) */
	struct cred *opener_cred;         /* a reference */
	struct seq seq;
	bool filled;
};

static int fill(struct pseudo_file *pf, struct task *viewer)
{
	struct pseudo_inode *i = to_pseudo(pf->file.inode);
	int err = i->entry->check ? i->entry->check(i) : 0;
	if (err)
		return err;
	seq_fini(&pf->seq);
	pf->filled = false;
	err = i->entry->show(&pf->seq, i, viewer);
	if (!err && pf->seq.failed)
		err = -ENOMEM;
	pf->filled = !err;
	return err;
}

static ssize_t pseudo_read(struct file *f, struct uio *dst, off_t *pos)
{
	struct pseudo_file *pf = container_of(f, struct pseudo_file, file);
	if (!to_pseudo(f->inode)->entry->show)
		return -EINVAL;
	if (*pos == 0 || !pf->filled) {
		int err = fill(pf, dst->t ? dst->t : pf->opener);
		if (err)
			return err;
	}
	if (*pos < 0 || (uint64_t)*pos >= pf->seq.len)
		return 0;
	ssize_t n = uio_fill(dst, pf->seq.buf + *pos, MIN(dst->resid, pf->seq.len - (size_t)*pos));
	if (n > 0)
		*pos += n;
	return n;
}

static ssize_t pseudo_write(struct file *f, struct uio *src, off_t *pos)
{
	struct pseudo_file *pf = container_of(f, struct pseudo_file, file);
	struct pseudo_inode *i = to_pseudo(f->inode);
	char text[4096];
	if (!i->entry->store && !i->entry->store_as)
		return -EIO;
	int err = i->entry->check ? i->entry->check(i) : 0;
	if (err)
		return err;
	ssize_t n = uio_drain(src, text, MIN(src->resid, sizeof(text) - 1));
	if (n < 0)
		return n;
	text[n] = '\0';
	size_t len = n;
	if (len && text[len - 1] == '\n')
		text[--len] = '\0';
	struct pseudo_writer w = { .task = src->t ? src->t : pf->opener, .opener_cred = pf->opener_cred, .pos = *pos };
	err = i->entry->store_as ? i->entry->store_as(i, &w, text, len) : i->entry->store(i, w.task, text, len);
	if (err)
		return err;
	*pos += n;
	pf->filled = false;
	return n;
}

static long pseudo_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct pseudo_inode *i = to_pseudo(f->inode);
	if (!i->entry->ioctl)
		return -ENOTTY;
	int err = i->entry->check ? i->entry->check(i) : 0;
	return err ? err : i->entry->ioctl(i, t, cmd, arg);
}

static off_t pseudo_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_CUR && __builtin_add_overflow(off, f->pos, &off))
		return -EOVERFLOW;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || off < 0)
		return -EINVAL;                   /* the length is not known, as in seq_lseek() */
	return f->pos = off;
}

static void pseudo_file_release(struct file *f)
{
	struct pseudo_file *pf = container_of(f, struct pseudo_file, file);
	struct task *opener = pf->opener;
	seq_fini(&pf->seq);
	file_fini(f);
	cred_put(pf->opener_cred);
	free(pf);
	task_put(opener);
}

static const struct file_ops pseudo_file_ops = {
	.read = pseudo_read,
	.write = pseudo_write,
	.llseek = pseudo_llseek,
	.ioctl = pseudo_ioctl,
	.release = pseudo_file_release,
};

int pseudo_file_open(struct pseudo_inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct pseudo_file *pf = NEW(struct pseudo_file);
	file_init(&pf->file, &pseudo_file_ops, &i->inode, path, flags);
	pf->file.mode |= FMODE_NOWAIT_POLL;
	pf->opener = task_get(t);
	pf->opener_cred = cred_get(t->cred);
	*out = &pf->file;
	return 0;
}
