/* loop_ioctl.c - what loop devices are told: LOOP_*, and /dev/loop-control.
 *
 * LINUX    drivers/block/loop.c (lo_ioctl, loop_control_ioctl). The status has an older, narrower form. */
#include <linux/capability.h>
#include <string.h>

#include "sentry/fs/loop/loop.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/fdtable.h"

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
#endif

static long bind_fd(struct task *t, struct file *f, struct loop_dev *d, const struct loop_config *config)
{
	AUTO(file_put) struct file *backing = fd_get(t, (int)config->fd);
	if (!backing || !(backing->mode & FMODE_READ))
		return -EBADF;
	return loop_bind(d, f, backing, config);
}

static long configure(struct task *t, struct file *f, struct loop_dev *d, uptr_t arg)
{
	struct loop_config config;
	int err = get_user(t, &config, arg);
	return err ? err : bind_fd(t, f, d, &config);
}

static long clear(struct loop_dev *d)
{
	if (d->opens > 1)
		d->flags |= LO_FLAGS_AUTOCLEAR;      /* somebody else uses it: when he is done */
	else
		d->rundown = true;
	return 0;
}

static long change_fd(struct task *t, struct loop_dev *d, int fd)
{
	AUTO(file_put) struct file *backing = fd_get(t, fd);
	if (!backing)
		return -EBADF;
	return loop_change(d, backing);
}

static void fill_status(const struct loop_dev *d, struct loop_info64 *info)
{
	*info = (struct loop_info64){
		.lo_device = d->backing->inode->sb->dev, .lo_inode = d->backing->inode->ino, .lo_rdevice = d->backing->inode->rdev,
		.lo_offset = d->offset, .lo_sizelimit = d->sizelimit, .lo_number = (uint32_t)d->number, .lo_flags = d->flags,
	};
	memcpy(info->lo_file_name, d->file_name, LO_NAME_SIZE);
	memcpy(info->lo_crypt_name, d->crypt_name, LO_NAME_SIZE);
}

static long get_status(struct task *t, const struct loop_dev *d, uptr_t arg)
{
	struct loop_info64 info;
	fill_status(d, &info);
	struct loop_info old = {
		.lo_number = (int)info.lo_number, .lo_device = (__kernel_old_dev_t)info.lo_device, .lo_inode = info.lo_inode,
		.lo_rdevice = (__kernel_old_dev_t)info.lo_rdevice, .lo_offset = (int)info.lo_offset, .lo_flags = (int)info.lo_flags,
	};
	memcpy(old.lo_name, info.lo_file_name, LO_NAME_SIZE);
	if ((uint64_t)old.lo_device != info.lo_device || (uint64_t)old.lo_rdevice != info.lo_rdevice || old.lo_offset < 0 ||
	    (uint64_t)old.lo_offset != info.lo_offset)
		return -EOVERFLOW;
	return put_user(t, arg, &old);
}

static long get_status64(struct task *t, const struct loop_dev *d, uptr_t arg)
{
	struct loop_info64 info;
	fill_status(d, &info);
	return put_user(t, arg, &info);
}

static long set_status(struct task *t, struct loop_dev *d, uptr_t arg)
{
	struct loop_info old;
	int err = get_user(t, &old, arg);
	if (err)
		return err;
	struct loop_info64 info = {
		.lo_offset = (uint64_t)old.lo_offset, .lo_encrypt_type = (uint32_t)old.lo_encrypt_type,
		.lo_encrypt_key_size = (uint32_t)old.lo_encrypt_key_size, .lo_flags = (uint32_t)old.lo_flags,
	};
	memcpy(info.lo_file_name, old.lo_name, LO_NAME_SIZE);
	return loop_set_status(d, &info);
}

static long set_status64(struct task *t, struct loop_dev *d, uptr_t arg)
{
	struct loop_info64 info;
	int err = get_user(t, &info, arg);
	return err ? err : loop_set_status(d, &info);
}

static long set_block(struct loop_dev *d, uint64_t bytes)
{
	int err = loop_check_block(bytes);
	if (!err)
		d->block_bytes = (uint32_t)bytes;
	return err;
}

/* What only a device with a file knows. */
static long bound_ioctl(struct task *t, struct loop_dev *d, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case LOOP_CLR_FD:
		return clear(d);
	case LOOP_CHANGE_FD:
		return change_fd(t, d, (int)arg);
	case LOOP_GET_STATUS:
		return get_status(t, d, UPTR(arg));
	case LOOP_GET_STATUS64:
		return get_status64(t, d, UPTR(arg));
	case LOOP_SET_STATUS:
		return set_status(t, d, UPTR(arg));
	case LOOP_SET_STATUS64:
		return set_status64(t, d, UPTR(arg));
	case LOOP_SET_CAPACITY:
		return loop_update_size(d);
	case LOOP_SET_DIRECT_IO:          /* no file here takes it */
		return arg ? -EINVAL : 0;
	default:
		return set_block(d, arg);
	}
}

long loop_ioctl(struct task *t, struct file *f, struct loop_dev *d, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case LOOP_SET_FD:
		return bind_fd(t, f, d, &(struct loop_config){ .fd = (uint32_t)arg });
	case LOOP_CONFIGURE:
		return configure(t, f, d, UPTR(arg));
	case LOOP_SET_STATUS:
	case LOOP_SET_STATUS64:
	case LOOP_SET_CAPACITY:
	case LOOP_SET_DIRECT_IO:
	case LOOP_SET_BLOCK_SIZE:
		if (!(f->mode & FMODE_WRITE) && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
			return -EPERM;
		break;
	case LOOP_CLR_FD:
	case LOOP_CHANGE_FD:
	case LOOP_GET_STATUS:
	case LOOP_GET_STATUS64:
		break;
	default:
		return -ENOTTY;
	}
	return loop_is_bound(d) ? bound_ioctl(t, d, cmd, arg) : -ENXIO;
}

long loop_control_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	(void)f;
	(void)t;
	int n = (int)arg;
	switch (cmd) {
	case LOOP_CTL_GET_FREE:
		for (n = 0; n < LOOP_DEVICES; n++) {
			if (!loop_nth(n)->backing)
				return n;
		}
		return -ENOSPC;
	case LOOP_CTL_ADD:
		return n >= 0 && n < LOOP_DEVICES ? -EEXIST : -ENOSPC;
	case LOOP_CTL_REMOVE:             /* these are here for good */
		return n < 0 ? -EINVAL : n < LOOP_DEVICES ? -EBUSY : -ENODEV;
	default:
		return -ENOSYS;
	}
}
