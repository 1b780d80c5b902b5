/* rpc.h - asking the gofer. */
#pragma once

#include <uthash.h>

#include "gofer/protocol.h"
#include "platform/base/wait.h"

struct gofer_answer {
	struct gofer_msg msg;             /* points into buf */
	int fd;                           /* received with it, or -1; gofer_answer_free() closes it if it is still here */
	char buf[];
};
void gofer_answer_free(struct gofer_answer *a);
DEFINE_AUTO(gofer_answer_free, struct gofer_answer *)

/* Sends q (its tag is filled in) and waits for the answer. 0, or the gofer's -errno, or -EMSGSIZE, -EINVAL: q can't be sent.
 * *out (may be NULL): the caller's to free. Requests take effect in the order sent. Sleeps; never for the guest. */
int gofer_ask(struct gofer_msg *q, struct gofer_answer **out) MUST_CHECK;

/* A node is no longer needed. Sent with the next turn of the loop, many at once. Never sleeps. */
void gofer_forget(uint64_t node);

/* The same in two parts, so that several questions travel together: a round trip wakes two processes. begin() never sleeps;
 * after its 0 there must be an end(), and c stays where it is until then. */
struct gofer_call {
	uint32_t tag;
	uint16_t type;
	struct waitq q;
	struct gofer_answer *answer;
	UT_hash_handle hh;
};
int gofer_ask_begin(struct gofer_msg *q, struct gofer_call *c) MUST_CHECK;
int gofer_ask_end(struct gofer_call *c, struct gofer_answer **out) MUST_CHECK;

uint64_t gofer_requests(void);             /* messages sent so far, for --stats */
uint64_t gofer_requests_of(enum gofer_type type);
