/* cmd_syscalls.c - `sbx syscalls`: what this kernel knows, from the one table (sentry/syscalls/syscalls.def).
 *
 * HOW      docs/syscalls.md is the output of --md; a test fails when they differ. --uncovered and --unknown are for that test:
 *          calls that work and that no guest test covers, and names in COVERS() that the table does not have. */
#include "loader/cmd_syscalls.h"

#include <stdio.h>
#include <string.h>

#include "loader/covers.h"
#include "loader/err.h"
#include "loader/escape.h"
#include "loader/help.h"
#include "sentry/syscalls/table.h"

static const char *level_name(enum support level)
{
	return level == FULL ? "full" : level == PARTIAL ? "partial" : "none";
}

#define FOREACH_SYSCALL(nr, e)                                                                            \
	for (int nr = 0; nr < SYSCALL_MAX; nr++)                                                          \
		for (const struct syscall_entry *e = &syscall_table[nr]; e && e->name; e = NULL)

static void print_text(void)
{
	FOREACH_SYSCALL(nr, e)
		printf("%3d  %-24s %-8s%s%s\n", nr, e->name, level_name(e->level), *e->note ? " " : "", e->note);
}

static void print_json(void)
{
	const char *sep = "[\n";
	FOREACH_SYSCALL(nr, e) {
		printf("%s{\"number\":%d,\"name\":\"%s\",\"level\":\"%s\",\"note\":", sep, nr, e->name, level_name(e->level));
		json_string(stdout, e->note);
		fputs(",\"tests\":[", stdout);
		for (const char *t = covers_of(e->name); *t; t += strspn(t, ", ")) {
			int len = (int)strcspn(t, ",");
			printf("\"%.*s\"%s", len, t, t[len] ? "," : "");
			t += len;
		}
		fputs("]}", stdout);
		sep = ",\n";
	}
	fputs("\n]\n", stdout);
}

/* Inside of a table '|' has a meaning. */
static void print_md_text(const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
}

static void print_md(void)
{
	int count[3] = { 0 };
	FOREACH_SYSCALL(nr, e)
		count[e->level]++;
	printf("# System calls\n\n"
	       "Made by `sbx syscalls --md` from `sentry/syscalls/syscalls.def`; do not edit. `make docs` makes it anew.\n\n"
	       "%d of x86-64 Linux's calls are supported in full, %d in part; %d answer ENOSYS. Tests are those of `tests/guest`.\n\n"
	       "| nr | name | level | note | tests |\n|---:|---|---|---|---|\n", count[FULL], count[PARTIAL], count[NONE]);
	FOREACH_SYSCALL(nr, e) {
		printf("| %d | %s | %s | ", nr, e->name, level_name(e->level));
		print_md_text(e->note);
		printf("%s| %s%s|\n", *e->note ? " " : "", covers_of(e->name), *covers_of(e->name) ? " " : "");
	}
}

static void print_uncovered(void)
{
	FOREACH_SYSCALL(nr, e)
		if (e->level != NONE && !*covers_of(e->name))
			puts(e->name);
}

static bool is_syscall(const char *name)
{
	FOREACH_SYSCALL(nr, e)
		if (strcmp(e->name, name) == 0)
			return true;
	return false;
}

static void print_unknown(void)
{
	const char *name;
	for (int i = 0; (name = covers_name(i)); i++)
		if (!is_syscall(name))
			puts(name);
}

static void print_help(void)
{
	fputs(help_syscalls, stdout);
}

int cmd_syscalls(int nargs, char **args)
{
	static const struct {
		const char *option;
		void (*print)(void);
	} forms[] = {
		{ "--json", print_json }, { "--md", print_md }, { "--uncovered", print_uncovered }, { "--unknown", print_unknown },
		{ "--help", print_help }, { "-h", print_help },
	};
	void (*print)(void) = nargs == 1 ? print_text : NULL;
	for (size_t i = 0; nargs == 2 && i < ARRAY_SIZE(forms); i++)
		if (strcmp(args[1], forms[i].option) == 0)
			print = forms[i].print;
	if (!print) {
		fprintf(stderr, "sbx: %s: no such option; see sbx syscalls --help\n", args[nargs > 2 ? 2 : 1]);
		return EXIT_SBX;
	}
	print();
	return fflush(stdout) == 0 ? 0 : EXIT_SBX;
}
