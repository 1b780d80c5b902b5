/* loop_block.c - what every block device answers: BLK*.
 *
 * LINUX    block/ioctl.c. A disk without partitions answers BLKRRPART with EINVAL. */
#include <linux/capability.h>
#include <linux/fs.h>

#include "sentry/fs/loop/loop.h"
#include "sentry/kernel/task.h"

#ifndef BLKROTATIONAL
#define BLKROTATIONAL _IO(0x12, 126)
#define BLKZEROOUT _IO(0x12, 127)
#endif

static long put_int(struct task *t, uptr_t arg, int value) { return put_user(t, arg, &value); }
static long put_short(struct task *t, uptr_t arg, unsigned short value) { return put_user(t, arg, &value); }
static long put_long(struct task *t, uptr_t arg, uint64_t value) { return put_user(t, arg, &value); }

/* The block that buffers use: the biggest up to a page that divides the device. */
static int soft_block(const struct loop_dev *d)
{
	uint64_t bytes = d->sectors * LOOP_SECTOR, size = d->block_bytes;
	while (size < PAGE_SIZE && !(bytes & size))
		size <<= 1;
	return (int)size;
}

static long set_soft_block(struct task *t, struct loop_dev *d, uptr_t arg)
{
	int bytes;
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EACCES;
	int err = get_user(t, &bytes, arg);
	if (err)
		return err;
	return bytes < (int)d->block_bytes ? -EINVAL : loop_check_block((uint64_t)bytes);
}

static long set_read_only(struct task *t, struct loop_dev *d, uptr_t arg)
{
	int on;
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EACCES;
	int err = get_user(t, &on, arg);
	if (err)
		return err;
	if (!on && (d->flags & LO_FLAGS_READ_ONLY))
		return -EACCES;           /* the file under it can't be written */
	d->read_only = on;
	return 0;
}

static long set_readahead(struct task *t, struct loop_dev *d, uint64_t sectors)
{
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EACCES;
	d->readahead = sectors * LOOP_SECTOR / PAGE_SIZE * PAGE_SIZE / LOOP_SECTOR;
	return 0;
}

static long discard(struct task *t, struct file *f, struct loop_dev *d, uptr_t arg)
{
	uint64_t range[2];
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	int err = get_user(t, &range, arg);
	if (err)
		return err;
	if (d->read_only)
		return -EPERM;
	return (range[0] | range[1]) & (d->block_bytes - 1) ? -EINVAL : loop_punch(d, range[0], range[1]);
}

static long flush(struct task *t, struct file *f)
{
	return cred_has_cap(t->cred, CAP_SYS_ADMIN) ? f->ops->fsync(f, false) : -EACCES;
}

long loop_block_ioctl(struct task *t, struct file *f, struct loop_dev *d, unsigned cmd, uint64_t arg)
{
	uptr_t p = UPTR(arg);
	switch (cmd) {
	case BLKGETSIZE64:
		return put_long(t, p, d->sectors * LOOP_SECTOR);
	case BLKGETSIZE:
		return put_long(t, p, d->sectors);
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		return put_int(t, p, (int)d->block_bytes);
	case BLKBSZGET:
		return put_int(t, p, soft_block(d));
	case BLKBSZSET:
		return set_soft_block(t, d, p);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put_int(t, p, 0);
	case BLKSECTGET:
		return put_short(t, p, 2560);
	case BLKROTATIONAL:
		return put_short(t, p, 0);
	case BLKROGET:
		return put_int(t, p, d->read_only);
	case BLKROSET:
		return set_read_only(t, d, p);
	case BLKRAGET:
	case BLKFRAGET:
		return put_long(t, p, d->readahead);
	case BLKRASET:
	case BLKFRASET:
		return set_readahead(t, d, arg);
	case BLKFLSBUF:
		return flush(t, f);
	case BLKDISCARD:
	case BLKZEROOUT:
		return discard(t, f, d, p);
	case BLKSECDISCARD:
		return -EOPNOTSUPP;
	case BLKRRPART:
		return -EINVAL;
	default:
		return -EINVAL;           /* not ENOTTY: the driver's answer */
	}
}
