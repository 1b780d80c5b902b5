/* publish.h - --publish: host clients reach servers of the sandbox's first network.
 *
 * The loader has made a listening socket on the host for each port. What is accepted on it becomes a connection to the guest's
 * listener, from the client's own address; a "bridge" moves the bytes. See README.md. */
#pragma once

#include "sentry/net/net.h"

/* Does nothing if nothing is published. 0, -errno. */
int publish_start(struct net *net) MUST_CHECK;
/* No guest is left. fn is called when what they had sent has gone to the host's kernel, or nobody takes it. */
void publish_when_drained(void (*fn)(void));
