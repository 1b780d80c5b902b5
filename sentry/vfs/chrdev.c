/* chrdev.c - the registry of character devices (chrdev.h).
 *
 * LINUX    fs/char_dev.c. */
#include "sentry/vfs/chrdev.h"

#include <sys/sysmacros.h>

static struct chrdev {
	unsigned major, minor_lo, minor_hi;
	const char *name;
	chrdev_open_fn open;
} devices[64];
static int ndevices;

void chrdev_register(unsigned major, unsigned minor_lo, unsigned minor_hi, const char *name, chrdev_open_fn open)
{
	for (int n = 0; n < ndevices; n++)
		CHECK(devices[n].major != major || devices[n].minor_lo > minor_hi || devices[n].minor_hi < minor_lo);
	CHECK(ndevices < (int)ARRAY_SIZE(devices));
	devices[ndevices++] = (struct chrdev){ major, minor_lo, minor_hi, name, open };
}

int chrdev_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	unsigned maj = major(i->rdev), min = minor(i->rdev);
	for (int n = 0; n < ndevices; n++) {
		if (devices[n].major == maj && min >= devices[n].minor_lo && min <= devices[n].minor_hi)
			return devices[n].open(i, path, flags, t, out);
	}
	return -ENXIO;
}

bool chrdev_nth(int n, unsigned *out_major, const char **out_name)
{
	if (n < 0 || n >= ndevices)
		return false;
	*out_major = devices[n].major;
	*out_name = devices[n].name;
	return true;
}
