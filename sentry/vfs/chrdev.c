/* chrdev.c - the registries of character and block devices (chrdev.h).
 *
 * LINUX    fs/char_dev.c, block/genhd.c. */
#include "sentry/vfs/chrdev.h"

#include <sys/sysmacros.h>

struct registry {
	int count;
	struct device {
		unsigned major, minor_lo, minor_hi;
		const char *name;
		chrdev_open_fn open;
	} devices[64];
};
static struct registry chars, blocks;

static void add(struct registry *r, struct device d)
{
	for (int n = 0; n < r->count; n++) {
		const struct device *o = &r->devices[n];
		CHECK(o->major != d.major || o->minor_lo > d.minor_hi || o->minor_hi < d.minor_lo);
	}
	CHECK(r->count < (int)ARRAY_SIZE(r->devices));
	r->devices[r->count++] = d;
}

static int open_in(const struct registry *r, struct inode *i, const struct path *path, int flags, struct task *t,
		   struct file **out)
{
	unsigned maj = major(i->rdev), min = minor(i->rdev);
	for (int n = 0; n < r->count; n++) {
		const struct device *d = &r->devices[n];
		if (d->major == maj && min >= d->minor_lo && min <= d->minor_hi)
			return d->open(i, path, flags, t, out);
	}
	return -ENXIO;
}

void chrdev_register(unsigned major, unsigned minor_lo, unsigned minor_hi, const char *name, chrdev_open_fn open)
{
	add(&chars, (struct device){ major, minor_lo, minor_hi, name, open });
}

int chrdev_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	return open_in(&chars, i, path, flags, t, out);
}

void blkdev_register(unsigned major, unsigned minor_lo, unsigned minor_hi, const char *name, chrdev_open_fn open)
{
	add(&blocks, (struct device){ major, minor_lo, minor_hi, name, open });
}

int blkdev_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	return open_in(&blocks, i, path, flags, t, out);
}

bool chrdev_nth(int n, unsigned *out_major, const char **out_name)
{
	if (n < 0 || n >= chars.count)
		return false;
	*out_major = chars.devices[n].major;
	*out_name = chars.devices[n].name;
	return true;
}
