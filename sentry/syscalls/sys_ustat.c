/* sys_ustat.c - sysfs(2) and ustat(2): file system types and free space, as System V asked for them.
 *
 * LINUX    fs/filesystems.c, fs/statfs.c. Only file systems that are mounted where the caller can see them have a number. */
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/syscalls/table.h"
#include "sentry/vfs/mount.h"

#define FS_NAME_MAX 64

enum { SYSFS_INDEX_OF = 1, SYSFS_NAME_OF, SYSFS_COUNT };

static long index_of(struct task *t, uptr_t uname)
{
	char name[FS_NAME_MAX];
	const struct fs_type *type;
	ssize_t len = strncpy_from_user(t, name, uname, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	for (int n = 0; (type = fs_type_nth(n)); n++)
		if (strcmp(type->name, name) == 0)
			return n;
	return -EINVAL;
}

static int count_types(void)
{
	int n = 0;
	while (fs_type_nth(n))
		n++;
	return n;
}

long sys_sysfs(struct task *t, int option, uint64_t arg1, uint64_t arg2)
{
	switch (option) {
	case SYSFS_INDEX_OF:
		return index_of(t, UPTR(arg1));
	case SYSFS_NAME_OF: {
		const struct fs_type *type = arg1 < (uint64_t)count_types() ? fs_type_nth((int)arg1) : NULL;
		return type ? copy_to_user(t, UPTR(arg2), type->name, strlen(type->name) + 1) : -EINVAL;
	}
	case SYSFS_COUNT:
		return count_types();
	default:
		return -EINVAL;
	}
}

struct kernel_ustat {
	int32_t tfree;                    /* blocks */
	uint64_t tinode;
	char fname[6], fpack[6];          /* never filled */
};

/* dev as old programs pass it: 8 bits of minor number, then major, then the rest of the minor. */
static dev_t decode_dev(unsigned dev)
{
	return makedev((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00));
}

static struct superblock *mounted_superblock(const struct task *t, dev_t dev)
{
	struct mount *m;
	TAILQ_FOREACH(m, &t->mnt_ns->mounts, link)
		if (m->sb->dev == dev)
			return superblock_get(m->sb);
	return NULL;
}

long sys_ustat(struct task *t, unsigned dev, uptr_t ubuf)
{
	AUTO(superblock_put) struct superblock *sb = mounted_superblock(t, decode_dev(dev));
	if (!sb)
		return -EINVAL;
	struct statfs st = { 0 };
	int err = sb->ops->statfs ? sb->ops->statfs(sb, &st) : -ENOSYS;
	if (err)
		return err;
	struct kernel_ustat out;
	memset(&out, 0, sizeof(out));
	out.tfree = (int32_t)st.f_bfree;
	out.tinode = st.f_ffree;
	return put_user(t, ubuf, &out);
}
