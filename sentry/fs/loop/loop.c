/* loop.c - the loop devices: which file is under which.
 *
 * HOW      Eight of them, always there. A device is free until a file is bound to it; its size is looked at then, and
 *          when somebody asks for it (LOOP_SET_CAPACITY). LOOP_CLR_FD only marks: the file is let go with the last close.
 * LINUX    drivers/block/loop.c. Same: who binds needs nothing but the device open.
 * MISSING  More than eight (LOOP_CTL_ADD); a block device as the file; partitions (LO_FLAGS_PARTSCAN is kept, there are none). */
#include "sentry/fs/loop/loop.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <string.h>

#define BLOCK_MAX (64 * 1024)             /* Linux's BLK_MAX_BLOCK_SIZE */
#define READAHEAD_SECTORS 256
#define CONFIGURABLE (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO)
#define SETTABLE (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
#define CLEARABLE ((uint32_t)LO_FLAGS_AUTOCLEAR)

static struct loop_dev devices[LOOP_DEVICES];

struct loop_dev *loop_nth(int n)
{
	CHECK(n >= 0 && n < LOOP_DEVICES);
	struct loop_dev *d = &devices[n];
	d->number = n;
	if (!d->readahead)
		d->readahead = READAHEAD_SECTORS;
	if (!d->block_bytes)
		d->block_bytes = LOOP_SECTOR;
	return d;
}

int loop_check_block(uint64_t bytes)
{
	return bytes < LOOP_SECTOR || bytes > BLOCK_MAX || (bytes & (bytes - 1)) ? -EINVAL : 0;
}

static int sectors_of(struct file *backing, uint64_t offset, uint64_t sizelimit, uint64_t *out)
{
	struct inode *i = backing->inode;
	int err = i->ops->getattr ? i->ops->getattr(i) : 0;
	if (err)
		return err;
	uint64_t bytes = (uint64_t)i->size > offset ? (uint64_t)i->size - offset : 0;
	if (sizelimit)
		bytes = MIN(bytes, sizelimit);
	*out = bytes / LOOP_SECTOR;
	return 0;
}

int loop_update_size(struct loop_dev *d)
{
	AUTO(file_put) struct file *backing = file_get(d->backing);
	return sectors_of(backing, d->offset, d->sizelimit, &d->sectors);
}

static int check_info(const struct loop_info64 *info)
{
	if (info->lo_encrypt_key_size > LO_KEY_SIZE || info->lo_encrypt_type != LO_CRYPT_NONE)
		return -EINVAL;
	return info->lo_offset > INT64_MAX || info->lo_sizelimit > INT64_MAX ? -EOVERFLOW : 0;
}

static void take_info(struct loop_dev *d, const struct loop_info64 *info)
{
	d->offset = info->lo_offset;
	d->sizelimit = info->lo_sizelimit;
	memcpy(d->file_name, info->lo_file_name, LO_NAME_SIZE);
	memcpy(d->crypt_name, info->lo_crypt_name, LO_NAME_SIZE);
	d->file_name[LO_NAME_SIZE - 1] = d->crypt_name[LO_NAME_SIZE - 1] = 0;
}

static int check_backing(const struct file *backing)
{
	return S_ISREG(backing->inode->mode) && backing->ops->read ? 0 : -EINVAL;
}

int loop_bind(struct loop_dev *d, const struct file *opened, struct file *backing, const struct loop_config *config)
{
	const struct loop_info64 *info = &config->info;
	uint64_t sectors;
	if (d->backing)
		return -EBUSY;
	int err = check_backing(backing);
	if (!err && (info->lo_flags & ~(uint32_t)CONFIGURABLE))
		err = -EINVAL;
	if (!err && config->block_size)
		err = loop_check_block(config->block_size);
	if (!err)
		err = check_info(info);
	if (!err)
		err = sectors_of(backing, info->lo_offset, info->lo_sizelimit, &sectors);
	if (err)
		return err;
	if (d->backing)                   /* the size was waited for */
		return -EBUSY;
	take_info(d, info);
	d->flags = info->lo_flags & ~(uint32_t)LO_FLAGS_DIRECT_IO;
	if (!(opened->mode & FMODE_WRITE) || !(backing->mode & FMODE_WRITE) || !backing->ops->write)
		d->flags |= LO_FLAGS_READ_ONLY;
	d->read_only = d->flags & LO_FLAGS_READ_ONLY;
	d->sectors = sectors;
	d->block_bytes = config->block_size ? config->block_size : LOOP_SECTOR;
	d->backing = file_get(backing);
	return 0;
}

int loop_set_status(struct loop_dev *d, const struct loop_info64 *info)
{
	uint64_t sectors;
	int err = check_info(info);
	if (err)
		return err;
	AUTO(file_put) struct file *backing = file_get(d->backing);
	err = sectors_of(backing, info->lo_offset, info->lo_sizelimit, &sectors);
	if (err)
		return err;
	if (d->backing != backing)        /* the size was waited for */
		return -ENXIO;
	if (d->offset != info->lo_offset || d->sizelimit != info->lo_sizelimit)
		d->sectors = sectors;
	take_info(d, info);
	d->flags = (d->flags & ~CLEARABLE) | (info->lo_flags & SETTABLE);
	return 0;
}

int loop_change(struct loop_dev *d, struct file *backing)
{
	uint64_t now, then;
	if (!(d->flags & LO_FLAGS_READ_ONLY))
		return -EINVAL;
	AUTO(file_put) struct file *old = file_get(d->backing);
	int err = check_backing(backing);
	if (!err)
		err = sectors_of(backing, d->offset, d->sizelimit, &now);
	if (!err)
		err = sectors_of(old, d->offset, d->sizelimit, &then);
	if (!err && (now != then || d->backing != old))
		err = -EINVAL;
	if (err)
		return err;
	d->backing = file_get(backing);
	file_put(old);                    /* the device's; ours goes at the end */
	return 0;
}

void loop_unbind_last(struct loop_dev *d)
{
	struct file *backing = TAKE(d->backing);
	*d = (struct loop_dev){ 0 };
	file_put(backing);
}

int loop_punch(struct loop_dev *d, uint64_t off, uint64_t len)
{
	uint64_t end, bytes = d->sectors * LOOP_SECTOR;
	if (__builtin_add_overflow(off, len, &end) || end > bytes || len == 0)
		return -EINVAL;
	if (!loop_is_bound(d))
		return -EIO;
	AUTO(file_put) struct file *backing = file_get(d->backing);
	if (!backing->ops->fallocate)
		return -EOPNOTSUPP;
	sleep_lock_acquire(&backing->inode->lock);
	int err = backing->ops->fallocate(backing, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(off + d->offset),
					  (off_t)len);
	sleep_lock_release(&backing->inode->lock);
	return err;
}
