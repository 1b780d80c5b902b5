/* window_table.h - window.def as a table, by the number of the call: for the trap code, and for tests that play its part. */
#pragma once

#include <asm/unistd.h>

#include "platform/window.h"

enum window_kind { WIN_NONE, WIN_PATH, WIN_IN, WIN_OUT, WIN_VEC_IN, WIN_VEC_OUT, WIN_MSG_IN, WIN_MSG_OUT, WIN_LOCK, WIN_IOCTL,
		   WIN_TEXT_IN, WIN_TEXT_OUT };

/* `unit` bytes, times argument `count`; WIN_ONCE: one of them. Arguments 6 and 7 are places on the stack: where a signal handler's
 * frame is when it returns, and where one will be pushed. */
struct window_arg {
	uint8_t kind;
	uint8_t arg : 4, count : 4;
	uint16_t unit;
};
#define WIN_ONCE 15
#define WIN_CALLS 512
#define WIN_CALL_ARGS 8
#define WIN_FD_SET 128                    /* bytes, as the C library has it; the call may look at less */
#define WIN_VECTOR_MAX 64
#define WIN_FLOCK_BYTES 32
#define WIN_MSGHDR_BYTES 56
#define WIN_MSGBUF_BYTES 8                /* of struct msgbuf before its text */
#define WIN_ARGS 8
#define WIN_FRAME_BYTES 3328              /* with the state of a processor without tiles */
#define WIN_ARG_FRAME(rsp) ((rsp) - 8)
#define WIN_ARG_PUSH(rsp) ((rsp) - 128 - WIN_FRAME_BYTES)

#define PATH(arg_) { WIN_PATH, arg_, WIN_ONCE, 1 }
#define IN(arg_, bytes) { WIN_IN, arg_, WIN_ONCE, bytes }
#define OUT(arg_, bytes) { WIN_OUT, arg_, WIN_ONCE, bytes }
#define IN_N(arg_, count_, unit_) { WIN_IN, arg_, count_, unit_ }
#define OUT_N(arg_, count_, unit_) { WIN_OUT, arg_, count_, unit_ }
#define VEC_IN(arg_, count_) { WIN_VEC_IN, arg_, count_, 16 }
#define VEC_OUT(arg_, count_) { WIN_VEC_OUT, arg_, count_, 16 }
#define MSG_IN(arg_) { WIN_MSG_IN, arg_, WIN_ONCE, 1 }
#define MSG_OUT(arg_) { WIN_MSG_OUT, arg_, WIN_ONCE, 1 }
#define LOCK(arg_, command_) { WIN_LOCK, arg_, command_, WIN_FLOCK_BYTES }
#define IOCTL(arg_, command_) { WIN_IOCTL, arg_, command_, 0 }
#define TEXT_IN(arg_, count_) { WIN_TEXT_IN, arg_, count_, 1 }
#define TEXT_OUT(arg_, count_) { WIN_TEXT_OUT, arg_, count_, 1 }
#define WINDOWS(name, ...) [__NR_##name] = { __VA_ARGS__ },
static const struct window_arg window_table[WIN_CALLS][WIN_CALL_ARGS] = {
#include "platform/window.def"
};
#undef PATH
#undef IN
#undef OUT
#undef IN_N
#undef OUT_N
#undef VEC_IN
#undef VEC_OUT
#undef MSG_IN
#undef MSG_OUT
#undef LOCK
#undef IOCTL
#undef TEXT_IN
#undef TEXT_OUT
#undef WINDOWS
