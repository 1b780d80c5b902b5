/* help.h - the texts of --help. */
#pragma once

extern const char help_sbx[], help_run[], help_compat[], help_syscalls[], help_check[];
