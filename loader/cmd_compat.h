/* cmd_compat.h - `sbx compat`. */
#pragma once

/* args[0] is "compat". Returns 0: nothing fails only in the sandbox; 1: something does; 125: it could not be found out. */
int cmd_compat(int nargs, char **args);
