/* host_memfd.c - see host_memfd.h. */
#include "sentry/fs/tmpfs/host_memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static uint64_t open_fds;

/* Guests make files at will, and the sentry needs descriptors for other things too. */
static uint64_t fd_budget(void)
{
	static uint64_t budget;
	if (budget == 0) {
		struct rlimit rl;
		budget = getrlimit(RLIMIT_NOFILE, &rl) == 0 ? MAX(rl.rlim_cur / 2, (rlim_t)1) : 256;
	}
	return budget;
}

int host_memfd_create(void)
{
	if (open_fds >= fd_budget())
		return -EMFILE;
	/* The host must never execute it, only map it; some hosts demand that this be said. Before Linux 6.3: EINVAL. */
	int fd = memfd_create("sbx-file", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("sbx-file", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	open_fds++;
	return fd;
}

void host_memfd_close(int fd)
{
	close(fd);
	open_fds--;
}

int host_memfd_resize(int fd, off_t bytes)
{
	return ftruncate(fd, bytes) < 0 ? -errno : 0;
}

ssize_t host_memfd_read(int fd, void *buf, size_t bytes, off_t pos)
{
	ssize_t n = pread(fd, buf, bytes, pos);
	return n < 0 ? -errno : n;
}

ssize_t host_memfd_write(int fd, const void *buf, size_t bytes, off_t pos)
{
	ssize_t n = pwrite(fd, buf, bytes, pos);
	return n < 0 ? -errno : n;
}

int host_memfd_punch(int fd, off_t off, off_t len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len) < 0 ? -errno : 0;
}

int host_memfd_allocate(int fd, off_t off, off_t len)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, off, len) < 0 ? -errno : 0;
}

off_t host_memfd_seek(int fd, off_t off, int whence)
{
	off_t at = lseek(fd, off, whence);
	return at < 0 ? -errno : at;
}

char *host_memfd_map(int fd, size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

void host_memfd_unmap(char *map, size_t bytes)
{
	munmap(map, bytes);
}

uint64_t host_memfd_pages(int fd, struct timespec *out_mtime)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return 0;
	*out_mtime = st.st_mtim;
	return (uint64_t)st.st_blocks * 512 / PAGE_SIZE;
}
