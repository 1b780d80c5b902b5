/* turns.h - how long a thread of the sandbox keeps its processor. See turns.c. */
#pragma once

#include <stdbool.h>

/* Short ones from here on, for the caller and whoever it starts. Where the host can't do that, this and the next change nothing. */
void turns_short(void);
/* Another thread's, after turns_short(), here or in the process that we are a fork of: the host's usual ones, or short ones. */
void turns_of(int tid, bool usual);
