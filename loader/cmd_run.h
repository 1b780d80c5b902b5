/* cmd_run.h - `sbx run`. */
#pragma once

#include <stdint.h>

/* args[0] is "run"; started_ns: when main() began. Returns sbx's exit status; has said what went wrong. */
int cmd_run(int nargs, char **args, uint64_t started_ns);
