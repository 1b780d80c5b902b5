/* turns.h - how long a process of the sandbox keeps its processor. See turns.c. */
#pragma once

/* From here on, for this process and whoever it starts. Where the host can't do that, nothing changes. */
void turns_short(void);
