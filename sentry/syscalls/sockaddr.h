/* sockaddr.h - socket addresses and descriptors in arguments. */
#pragma once

#include "sentry/net/socket.h"

/* The socket fd names, and the reference on its file that keeps it. -EBADF, -ENOTSOCK. */
int fd_socket(struct task *t, int fd, struct file **out_file, struct socket **out) MUST_CHECK;

/* -EINVAL: len is negative or more than any address has. */
int sockaddr_get(struct task *t, struct sockaddr_storage *out, uptr_t from, int len) MUST_CHECK;
/* Cut at the room *user_len says; which then says how long the address is. */
int sockaddr_put(struct task *t, const struct sockaddr_storage *addr, socklen_t len, uptr_t to, uptr_t user_len) MUST_CHECK;
