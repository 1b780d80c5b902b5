/* cmd_syscalls.h - `sbx syscalls`. */
#pragma once

/* args[0] is "syscalls". Returns sbx's exit status. */
int cmd_syscalls(int nargs, char **args);
