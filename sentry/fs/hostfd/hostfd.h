/* hostfd.h - a host descriptor that the sandbox was started with, as a guest file: standard input, output and error. */
#pragma once

#include "sentry/vfs/file.h"

/* Takes host_fd over on success: it is closed when the guest has closed the last file on it. The access mode is the host
 * descriptor's own; of flags, O_NONBLOCK and O_APPEND count. -EBADF: not open, or O_PATH. *out: a reference. Never sleeps. */
int hostfd_open(int host_fd, int flags, struct file **out) MUST_CHECK;
