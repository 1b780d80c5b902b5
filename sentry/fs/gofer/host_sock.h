/* host_sock.h - datagrams to and from the gofer; none of it blocks but host_wait_readable(). */
#pragma once

#include "platform/base/base.h"

/* -EAGAIN: no room now. */
int gofer_host_send(int sock, const void *buf, size_t bytes) MUST_CHECK;
/* Bytes; 0: closed; -EAGAIN; -EMSGSIZE: too large, or too many descriptors. *fd: a descriptor that came with it, or -1. */
ssize_t gofer_host_recv(int sock, void *buf, size_t bytes, int *fd) MUST_CHECK;
/* Blocks; only at boot, when nothing else could run. */
void gofer_host_wait_readable(int sock);
