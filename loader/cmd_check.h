/* cmd_check.h - `sbx check FILE`. */
#pragma once

/* args[0] is "check". Returns 0: nothing it has is missing here; 1: something is; 125: it could not be found out. */
int cmd_check(int nargs, char **args);
