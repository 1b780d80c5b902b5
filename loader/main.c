/* main.c - the command line's first word. */
#include <stdio.h>
#include <string.h>

#include "loader/cmd_check.h"
#include "loader/cmd_compat.h"
#include "loader/cmd_run.h"
#include "loader/cmd_syscalls.h"
#include "loader/err.h"
#include "loader/help.h"
#include "platform/base/base.h"

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--help";
	if (strcmp(word, "run") == 0)
		return cmd_run(argc - 1, argv + 1, now_mono_ns());
	if (strcmp(word, "compat") == 0)
		return cmd_compat(argc - 1, argv + 1);
	if (strcmp(word, "check") == 0)
		return cmd_check(argc - 1, argv + 1);
	if (strcmp(word, "syscalls") == 0)
		return cmd_syscalls(argc - 1, argv + 1);
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 || strcmp(word, "version") == 0)
		printf("sbx %s\n", SBX_VERSION);
	else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		fputs(help_sbx, stdout);
	else {
		fprintf(stderr, "sbx: %s: no such command; see sbx --help\n", word);
		return EXIT_SBX;
	}
	return fflush(stdout) == 0 ? 0 : EXIT_SBX;
}
