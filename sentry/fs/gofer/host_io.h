/* host_io.h - system calls on descriptors that the gofer donated: regular files, so short of a cold disk none waits. */
#pragma once

#include "gofer/protocol.h"

/* The descriptor is a regular file's; attributes. */
int gofer_host_stat(int fd, struct gofer_attr *out) MUST_CHECK;

/* cached: only what is in the host's page cache: -EAGAIN when the first byte isn't. */
ssize_t gofer_host_pread(int fd, void *buf, size_t bytes, off_t pos, bool cached) MUST_CHECK;
/* append: at the end of the file, wherever that is by now. */
ssize_t gofer_host_pwrite(int fd, const void *buf, size_t bytes, off_t pos, bool append) MUST_CHECK;
int gofer_host_truncate(int fd, off_t size) MUST_CHECK;
int gofer_host_fallocate(int fd, int mode, off_t off, off_t len) MUST_CHECK;
off_t gofer_host_seek_hole(int fd, off_t off, int whence) MUST_CHECK;   /* SEEK_DATA, SEEK_HOLE */
