/* unix.h - AF_UNIX sockets (unix(7)). */
#pragma once

#include "sentry/net/socket.h"

extern const struct socket_family unix_family;
