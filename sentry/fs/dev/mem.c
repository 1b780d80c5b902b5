/* mem.c - the memory devices: null, zero, full, random, urandom.
 *
 * LINUX    drivers/char/mem.c, drivers/char/random.c. Reads of random devices end at 32 MB, as random(4) says.
 * MISSING  What is written to random is thrown away: the host's generator, which fills these, needs none of it. */
#include <linux/capability.h>
#include <linux/random.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/fs/dev/dev.h"
#include "sentry/kernel/host_random.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/chrdev.h"

#define RANDOM_MAX (32UL << 20)
#define RANDOM_BITS 256                   /* a full pool: kernel.random.entropy_avail */
#define RANDOM_CHUNK (16 * 1024UL)
#define ZERO_CHUNK (1UL << 20)

/* Let others run between the pieces of a long transfer. */
static void breathe(void)
{
	if (co_current())
		co_yield();
}

static ssize_t null_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)f;
	(void)dst;
	(void)pos;
	return 0;
}

static ssize_t null_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)f;
	(void)pos;
	return (ssize_t)uio_skip(src, src->resid);
}

static ssize_t zero_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)f;
	(void)pos;
	ssize_t total = 0;
	while (dst->resid > 0) {
		size_t want = MIN(dst->resid, ZERO_CHUNK);
		ssize_t n = uio_fill_zero(dst, want);
		if (n < 0)
			return total > 0 ? total : n;
		total += n;
		if ((size_t)n < want)
			break;
		if (dst->resid > 0)
			breathe();
	}
	return total;
}

static ssize_t full_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)f;
	(void)src;
	(void)pos;
	return -ENOSPC;
}

static ssize_t random_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)f;
	(void)pos;
	static char buf[RANDOM_CHUNK];
	size_t total = 0;
	while (dst->resid > 0 && total < RANDOM_MAX) {
		size_t want = MIN(MIN(dst->resid, sizeof(buf)), RANDOM_MAX - total);
		host_random(buf, want);
		ssize_t n = uio_fill(dst, buf, want);
		memset(buf, 0, want);
		if (n < 0)
			return total > 0 ? (ssize_t)total : n;
		total += (size_t)n;
		if ((size_t)n < want)
			break;
		if (total % (16 * RANDOM_CHUNK) == 0)
			breathe();
	}
	return (ssize_t)total;
}

static long random_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	int value = RANDOM_BITS;
	if (cmd == RNDGETENTCNT)
		return put_user(t, UPTR(arg), &value);
	if (cmd != RNDADDTOENTCNT && cmd != RNDADDENTROPY && cmd != RNDZAPENTCNT && cmd != RNDCLEARPOOL && cmd != RNDRESEEDCRNG)
		return -ENOTTY;
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (cmd != RNDADDTOENTCNT && cmd != RNDADDENTROPY)
		return 0;
	int err = get_user(t, &value, UPTR(arg));
	return err ? err : value < 0 ? -EINVAL : 0;
}

static off_t mem_llseek(struct file *f, off_t off, int whence)
{
	off_t to = off;
	if (whence == SEEK_CUR && __builtin_add_overflow(f->pos, off, &to))
		return -EOVERFLOW;
	if (whence != SEEK_CUR && whence != SEEK_SET)
		return -EINVAL;
	f->pos = to;
	return to;
}

/* null, zero and full "have no position": seeking says 0, whatever was asked. */
static off_t null_llseek(struct file *f, off_t off, int whence)
{
	(void)off;
	(void)whence;
	f->pos = 0;
	return 0;
}

static int zero_mmap(struct file *f, uint64_t off, uint64_t len, int prot, int flags, struct mmap_source *out)
{
	(void)f;
	(void)off;
	(void)len;
	(void)prot;
	(void)flags;
	*out = (struct mmap_source){ .host_fd = -1 };
	return 0;
}

static void mem_release(struct file *f)
{
	file_fini(f);
	free(f);
}

static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .llseek = null_llseek, .release = mem_release,
};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .llseek = null_llseek, .mmap = zero_mmap, .release = mem_release,
};
static const struct file_ops full_ops = {
	.read = zero_read, .write = full_write, .llseek = null_llseek, .release = mem_release,
};
static const struct file_ops random_ops = {
	.read = random_read, .write = null_write, .ioctl = random_ioctl, .llseek = mem_llseek, .release = mem_release,
};

static int open_with(const struct file_ops *ops, struct inode *i, const struct path *path, int flags, struct file **out)
{
	struct file *f = NEW(struct file);
	file_init(f, ops, i, path, flags);
	*out = f;
	return 0;
}

static int null_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	return open_with(&null_ops, i, path, flags, out);
}

static int zero_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	return open_with(&zero_ops, i, path, flags, out);
}

static int full_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	return open_with(&full_ops, i, path, flags, out);
}

static int random_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)t;
	return open_with(&random_ops, i, path, flags, out);
}

void mem_devices_register(void)
{
	chrdev_register(1, 3, 3, "mem", null_open);
	chrdev_register(1, 5, 5, "mem", zero_open);
	chrdev_register(1, 7, 7, "mem", full_open);
	chrdev_register(1, 8, 9, "mem", random_open);
}
