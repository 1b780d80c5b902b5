/* host_terminal.h - the user's terminal, or what stands in for it (a pipe, with -t). Nothing here waits. */
#pragma once

#include <sys/ioctl.h>

#include "platform/base/base.h"

ssize_t host_terminal_read(int fd, void *buf, size_t bytes) MUST_CHECK;         /* 0: end of file; -EAGAIN */
ssize_t host_terminal_write(int fd, const void *buf, size_t bytes) MUST_CHECK;  /* -EAGAIN */
bool host_terminal_size(int fd, struct winsize *out);                           /* false: it has none */
bool host_terminal_is_one(int fd);                                              /* or was one */
bool host_terminal_is_gone(int fd);
