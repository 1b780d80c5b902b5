/* stub.h - what the stubs of all platforms have in common; see stub.c. Layout and numbers: systrap/layout.h. */
#pragma once

#include "platform/base/base.h"

/* Before any fork: the code that stubs run on our behalf, at STUB_TEXT; holds the place up to STUB_END. -EEXIST: it is taken. */
int stub_place_text(const void *text, size_t bytes) MUST_CHECK;
/* A stub's control socket: [0] ours, tells who sent; [1] the stub's. */
int stub_control_new(int out[2]) MUST_CHECK;

/* In the template, in this order. */
void stub_keep_fds(int control, int doorbell);            /* at their fixed numbers, the rest is closed; doorbell may be -1 */
void stub_forget_rseq(void);
void stub_move_vdso(void);                                /* from here on libc must not read clocks */
void stub_ranges_to_unmap(uint64_t out[8]);               /* pairs (address, bytes), ended by bytes 0: all that is not a stub's */

/* In the sentry. Neither sleeps. */
int stub_send_fds(int control, const int *fds, int n) MUST_CHECK;      /* n <= SLOT_FDS */
int stub_read_hello(int control) MUST_CHECK;              /* who sent the first message, by the kernel's word; -errno; 0: closed */
