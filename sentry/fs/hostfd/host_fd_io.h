/* host_fd_io.h - system calls on host descriptors of unknown kind. None waits and none changes O_NONBLOCK, which belongs to
 * everybody who has the same open file. All return -errno. */
#pragma once

#include <poll.h>
#include <sys/stat.h>

#include "platform/base/base.h"

int host_fd_flags(int fd) MUST_CHECK;                                   /* F_GETFL */
int host_fd_stat(int fd, struct stat *out) MUST_CHECK;
short host_fd_poll(int fd, short events);                               /* revents */

/* Streams: -EAGAIN when nothing can be moved now. At the descriptor's own position. */
ssize_t host_fd_read_stream(int fd, void *buf, size_t bytes) MUST_CHECK;
ssize_t host_fd_write_stream(int fd, const void *buf, size_t bytes) MUST_CHECK;

/* What has positions: at pos, or (-1) at the descriptor's own, which moves. */
ssize_t host_fd_read(int fd, void *buf, size_t bytes, off_t pos) MUST_CHECK;
ssize_t host_fd_write(int fd, const void *buf, size_t bytes, off_t pos) MUST_CHECK;
off_t host_fd_seek(int fd, off_t off, int whence) MUST_CHECK;
int host_fd_truncate(int fd, off_t size) MUST_CHECK;
int host_fd_sync(int fd, bool data_only) MUST_CHECK;
int host_fd_ioctl(int fd, unsigned cmd, void *arg) MUST_CHECK;
