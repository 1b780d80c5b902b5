/* memfd.c - memfd_create(2) and file seals (fcntl(2)).
 *
 * HOW      An unnamed file of a tmpfs that is mounted nowhere and has no limit but the sandbox's. What seals forbid is
 *          enforced by tmpfs. Whether a writable mapping exists is found by looking at all mappings: sealing is rare,
 *          counting would cost every mmap and fork.
 * LINUX    mm/memfd.c. A read-only shared mapping of a sealed file can't become writable, as since 6.7.
 * MISSING  An mmap that runs in another thread at the very moment F_SEAL_WRITE is added may slip through.
 *          MFD_HUGETLB (ENOSYS, as without hugetlbfs). */
#include "sentry/fs/memfd/memfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "sentry/fs/memfd/memfd_flags.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)

static int memfd_superblock(struct superblock **out)
{
	static struct superblock *sb;     /* for the sandbox's life */
	int err = sb ? 0 : tmpfs_mount_as("tmpfs", "size=0,nr_inodes=0", &sb);
	*out = sb;
	return err;
}

int memfd_new(const char *name, unsigned flags, const struct cred *cred, struct file **out)
{
	struct superblock *sb;
	int err = memfd_superblock(&sb);
	if (err)
		return err;
	mode_t mode = flags & MFD_NOEXEC_SEAL ? 0666 : 0777;
	AUTO(inode_put) struct inode *i = NULL;
	err = tmpfs_new_file(sb, mode, cred, &i);
	if (err)
		return err;
	unsigned seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL;
	if (flags & MFD_NOEXEC_SEAL)
		seals |= F_SEAL_EXEC;
	tmpfs_set_seals(i, seals);

	char shown[300];
	snprintf(shown, sizeof(shown), "/memfd:%s (deleted)", name);
	struct path place = { .mnt = mount_anon(), .dentry = dcache_anon(i, shown) };
	err = tmpfs_open_file(i, &place, O_RDWR, out);
	path_put(&place);
	return err;
}

static bool mm_maps_writable(struct mm *mm, const struct inode *i)
{
	for (struct vma *v = mm_first(mm); v; v = mm_next(v)) {
		if (v->file && v->file->inode == i && (v->flags & MAP_TYPE) != MAP_PRIVATE && (v->max_prot & PROT_WRITE))
			return true;
	}
	return false;
}

static bool is_mapped_writable(const struct inode *i)
{
	for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg)) {
		struct task *t;
		TAILQ_FOREACH(t, &tg->threads, thread_link) {
			if (t->mm && mm_maps_writable(t->mm, i))
				return true;
			if (t->mm)
				break;    /* the threads of a group share it */
		}
	}
	return false;
}

int memfd_add_seals(struct task *t, struct file *f, unsigned seals)
{
	(void)t;
	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~ALL_SEALS)
		return -EINVAL;
	if (!is_tmpfs_file(f->inode))
		return -EINVAL;
	unsigned old = tmpfs_get_seals(f->inode);
	if (old & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & F_SEAL_WRITE) && !(old & F_SEAL_WRITE) && is_mapped_writable(f->inode))
		return -EBUSY;
	/* What can't be made executable any more, nor otherwise: the contents of an executable file stay. */
	if ((seals & F_SEAL_EXEC) && (f->inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	tmpfs_set_seals(f->inode, old | seals);
	return 0;
}

int memfd_get_seals(struct file *f)
{
	return is_tmpfs_file(f->inode) ? (int)tmpfs_get_seals(f->inode) : -EINVAL;
}
