/* cmd_run.h - `sbx run`. */
#pragma once

/* args[0] is "run". Returns sbx's exit status; has said what went wrong. */
int cmd_run(int nargs, char **args);
