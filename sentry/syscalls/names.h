/* names.h - symbolic names of error numbers and signals, as strace and /proc print them. */
#pragma once

#include "platform/base/base.h"

/* "ENOENT", "ERESTARTSYS"; NULL: no such error. err is positive. */
const char *errno_name(int err);
/* "No such file or directory"; NULL: no such error. */
const char *errno_text(int err);
/* "SIGCHLD"; real-time ones as "SIGRT_n" (n from 1). Into buf, which it returns. */
const char *signal_name(int sig, char *buf, size_t bytes);
