/* boot.h - making the guest's first process and the tree it sees (boot.c). */
#pragma once

#include "platform/base/base.h"

/* The coroutine that boots: mounts, then the first process. Sleeps. */
void boot_main(void *unused);

/* Tells the loader why there will be no guest, and ends. exit_status: 125 sbx itself, 126 not executable, 127 not found. */
_Noreturn void boot_failed(int exit_status, const char *fmt, ...) PRINTF_LIKE(2, 3);
