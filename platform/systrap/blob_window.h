/* blob_window.h - a call's small arguments in the slot; the trap code's side of platform/window.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "platform/window_table.h"

/* Copies what window.def says of call nr to area (WIN_AREA_BYTES) and describes it in win (PL_WINDOWS): how many. */
uint32_t stub_windows_in(uint64_t nr, const uint64_t args[WIN_ARGS], struct slot_window *win, char *area);
/* Before guest code goes on: what the sentry has left in them goes to the guest. Bytes that could not. */
size_t stub_windows_out(uint32_t n, const struct slot_window *win, const char *area);

/* Guest memory; each stops at the first byte that faults. */
size_t stub_copy(char *to, const char *from, size_t bytes);               /* bytes not copied */
uint32_t stub_copy_string(char *to, uint64_t from, uint32_t max);         /* bytes with the NUL; 0: a fault, or no NUL in max bytes */
int stub_touch(uint64_t addr);                                            /* 0: can be written to */
