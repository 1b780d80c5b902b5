/* report.h - what the loader and init (PID 1) tell each other over a SOCK_SEQPACKET socket. */
#pragma once

#include "loader/err.h"

enum report_kind {
	REPORT_GO = 1,                    /* loader to init and gofer: the user namespace's maps and the cgroup are set */
	REPORT_FAILED,                    /* init could not start the sandbox: text */
	REPORT_DIED,                      /* who, status as of wait(2): the sandbox ends */
};
enum report_who { WHO_GOFER, WHO_SENTRY };

struct report {
	uint32_t kind;
	uint32_t who;
	int32_t status;
	char text[1000];
};

/* Sends and receives whole reports; flags as for recv(2). False: the other side is gone, or nothing there. */
bool report_send(int sock, const struct report *r);
bool report_recv(int sock, struct report *out, int flags);
