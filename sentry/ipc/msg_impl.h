/* msg_impl.h - between msg.c and msg_op.c. */
#pragma once

#include "sentry/ipc/msg.h"

void msg_end_waits(struct msg_queue *q, int result);
