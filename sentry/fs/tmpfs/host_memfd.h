/* host_memfd.h - files of the host's memory: what the larger and the mapped files of a memory file system are made of.
 *
 * None of these waits for anything but the host's memory allocator. */
#pragma once

#include "platform/base/base.h"

/* -EMFILE: the share of the sentry's descriptors that files may take is used up. */
int host_memfd_create(void) MUST_CHECK;
void host_memfd_close(int fd);
int host_memfd_resize(int fd, off_t bytes) MUST_CHECK;
/* All of it; short only at end of file (read) or when the host's memory ends (write). */
ssize_t host_memfd_read(int fd, void *buf, size_t bytes, off_t pos) MUST_CHECK;
ssize_t host_memfd_write(int fd, const void *buf, size_t bytes, off_t pos) MUST_CHECK;
int host_memfd_punch(int fd, off_t off, off_t len) MUST_CHECK;
int host_memfd_allocate(int fd, off_t off, off_t len) MUST_CHECK;                  /* does not change the size */
off_t host_memfd_seek(int fd, off_t off, int whence);                              /* SEEK_DATA, SEEK_HOLE */
/* A mapping, shared, to read and write; NULL: no room. Touched beyond the file's end it raises SIGBUS. */
char *host_memfd_map(int fd, size_t bytes);
void host_memfd_unmap(char *map, size_t bytes);
/* Pages allocated now; when it was last written, also through a mapping (in ticks of the host's coarse clock). */
uint64_t host_memfd_pages(int fd, struct timespec *out_mtime);
