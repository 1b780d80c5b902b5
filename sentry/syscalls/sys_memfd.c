/* sys_memfd.c - memfd_create(2).
 *
 * LINUX    mm/memfd.c, with vm.memfd_noexec = 0: neither MFD_EXEC nor MFD_NOEXEC_SEAL means executable. */
#include <linux/memfd.h>

#include "sentry/fs/memfd/memfd.h"
#include "sentry/fs/memfd/memfd_flags.h"
#include "sentry/syscalls/table.h"

#define NAME_BYTES 250                    /* NAME_MAX less "memfd:", with the NUL */

long sys_memfd_create(struct task *t, uptr_t uname, unsigned flags)
{
	unsigned known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
	if (flags & MFD_HUGETLB)
		known |= MFD_HUGETLB | (unsigned)MFD_HUGE_MASK << MFD_HUGE_SHIFT;
	if (flags & ~known)
		return -EINVAL;
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;

	char name[NAME_BYTES];
	ssize_t len = strncpy_from_user(t, name, uname, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	if (flags & MFD_HUGETLB)
		return -ENOSYS;

	AUTO(file_put) struct file *f = NULL;
	int err = memfd_new(name, flags, t->cred, &f);
	if (err)
		return err;
	int fd = fd_install(t, f, 0, flags & MFD_CLOEXEC);
	if (fd >= 0)
		f = NULL;                 /* the table's now */
	return fd;
}
