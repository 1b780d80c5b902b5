/* bridge.h - one host connection and the guest's: what publish.c and bridge.c share. */
#pragma once

#include "platform/base/loop.h"
#include "platform/base/wait.h"
#include "sentry/net/inet/tcp.h"

/* A published port. */
struct publish_port {
	struct loop_fd host;              /* the listening socket */
	uint16_t port;                    /* the guest's */
	struct bridge *waiting;           /* whom the guest's listener has no room for: nobody is accepted meanwhile */
};

struct bridge {
	struct loop_fd host;              /* edge-triggered */
	struct tcp_sock *tcp;             /* our end in the sandbox */
	struct waiter waiter;             /* on its queue */
	struct publish_port *port;
	TAILQ_ENTRY(bridge) link, pending_link;
	bool pending;
	bool can_read, can_write;         /* of the host's socket: since the last event there was no -EAGAIN */
	bool host_ending, host_failed;    /* its FIN has come, or is behind what can be read; it is broken */
	bool in_ended, out_ended;         /* a FIN was passed on to the guest; to the host */
	bool starved;                     /* no memory: try again later */
};

/* bridge.c. Takes over fd and tcp (the reference on its file). -errno: fd is closed, with a reset. */
int bridge_new(struct publish_port *port, int fd, struct tcp_sock *tcp) MUST_CHECK;
unsigned bridge_count(void);
bool bridge_any_unsent(void);             /* a guest's bytes are still on their way */
bool bridge_progress(void);               /* since this was last asked, bytes have gone to the host */

/* publish.c: a connection has ended, or its port's listener has room. */
void publish_again(struct publish_port *port);
void publish_moved(void);                 /* bridges have done what they could */
