/* cmd_check.c - `sbx check FILE`: which system calls a program contains, against what this kernel knows.
 *
 * HOW      Three kinds of places, in the order of how sure they are to matter:
 *          own        code of FILE, or of a library that is not part of the C library
 *          imported   functions of the C library that one of those imports, and what they reach
 *          libc       the rest of the C library: every program has it, and few use it; told, but no reason to fail
 * MISSING  Which of it is ever run. Libraries that dlopen(3) brings. */
#include "loader/cmd_check.h"

#include <stdio.h>
#include <string.h>

#include "loader/check.h"
#include "loader/help.h"
#include "sentry/syscalls/table.h"

_Static_assert(CHECK_CALLS == SYSCALL_MAX, "check.h");

#define DEPTH 2                           /* levels of direct calls inside of the C library */

struct found {
	char *where;                      /* one place of them; NULL: nowhere */
	unsigned places;
};

struct checking {
	struct elf_file files[CHECK_FILES_MAX];
	int nfiles;
	struct found sure[SYSCALL_MAX];           /* own and imported */
	bool in_libc[SYSCALL_MAX];
	unsigned unknown;
};

static bool is_libc(const char *name)
{
	static const char *const prefixes[] = {
		"libc.so", "ld-linux", "ld-musl", "libc.musl", "libpthread.so", "librt.so", "libdl.so", "libm.so", "libutil.so",
		"libresolv.so", "libanl.so", "libnss_", "libthread_db",
	};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_open(const struct checking *c, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	for (int i = 0; i < c->nfiles; i++)
		if (strcmp(c->files[i].name, name) == 0)
			return true;
	return false;
}

/* Breadth first, as ld.so does. */
static struct err *open_all(struct checking *c, const char *path)
{
	struct err *e = elf_file_open(path, &c->files[0]);
	if (e)
		return e;
	c->nfiles = 1;
	for (int i = 0; i < c->nfiles; i++) {
		for (int k = 0; k < c->files[i].nneeded; k++) {
			const char *name = elf_string(&c->files[i], c->files[i].needed[k]);
			if (is_open(c, name))
				continue;
			AUTO(free) char *found = elf_find_library(&c->files[i], name);
			if (!found) {
				fprintf(stderr, "sbx: %s needs %s, which is not there\n", c->files[i].path, name);
				continue;
			}
			if (c->nfiles == CHECK_FILES_MAX)
				return err_new("%s: needs too many libraries", path);
			e = elf_file_open(found, &c->files[c->nfiles]);
			if (e)
				return e;
			c->nfiles++;
		}
	}
	return NULL;
}

static void add_sure(struct checking *c, const struct call_set *set, const char *where)
{
	for (int nr = 0; nr < SYSCALL_MAX; nr++) {
		if (!set->has[nr])
			continue;
		if (!c->sure[nr].where)
			c->sure[nr].where = xstrdup(where);
		c->sure[nr].places++;
	}
}

/* The functions that f imports from the C library. */
static struct err *check_imports(struct checking *c, struct elf_file *f)
{
	struct elf_symbol s;
	for (uint64_t i = 1; elf_symbol(f, i, &s); i++) {
		const char *name = s.name;
		if (!s.undefined || *name == '\0')
			continue;
		for (int k = 0; k < c->nfiles; k++) {
			uint64_t addr = is_libc(c->files[k].name) ? elf_find_function(&c->files[k], name) : 0;
			if (!addr)
				continue;
			struct call_set set = { 0 };
			struct err *e = scan_function(&c->files[k], addr, DEPTH, &set);
			if (e)
				return e;
			char where[512];
			snprintf(where, sizeof(where), "%s()%s%s", name, f == &c->files[0] ? "" : " in ", f == &c->files[0] ? "" : f->name);
			add_sure(c, &set, where);
			if (strcmp(name, "syscall") == 0)
				c->unknown++;
			break;
		}
	}
	return NULL;
}

static struct err *check_file(struct checking *c, struct elf_file *f)
{
	struct call_set set = { 0 };
	struct err *e = scan_file(f, &set);
	if (e)
		return e;
	if (f != &c->files[0] && is_libc(f->name)) {
		for (int nr = 0; nr < SYSCALL_MAX; nr++)
			c->in_libc[nr] |= set.has[nr];
		return NULL;
	}
	c->unknown += set.unknown;
	add_sure(c, &set, f->name);
	return check_imports(c, f);
}

static bool print_found(const struct checking *c, enum support level)
{
	static const char *const titles[] = { [NONE] = "not supported", [PARTIAL] = "supported in part", [FULL] = "supported" };
	bool any = false;
	int column = 0;
	for (int nr = 0; nr < SYSCALL_MAX; nr++) {
		const struct syscall_entry *s = &syscall_table[nr];
		const struct found *f = &c->sure[nr];
		if (!f->where || s->level != level)
			continue;
		if (!any)
			printf("%s:\n", titles[level]);
		any = true;
		if (level == FULL) {
			/* Names will do. */
			int len = (int)strlen(s->name);
			bool wrap = column == 0 || column + len + 1 > 78;
			printf("%s%s%s", column && wrap ? "\n" : "", wrap ? "  " : " ", s->name);
			column = wrap ? 2 + len : column + 1 + len;
			continue;
		}
		printf("  %-20s by %s", s->name, f->where);
		if (f->places > 1)
			printf(" and %u more", f->places - 1);
		printf("%s%s\n", *s->note ? ": " : "", s->note);
	}
	if (column)
		putchar('\n');
	return any;
}

static void print_rest(const struct checking *c)
{
	int n = 0;
	for (int nr = 0; nr < SYSCALL_MAX; nr++)
		n += c->in_libc[nr] && !c->sure[nr].where && syscall_table[nr].level == NONE;
	if (n)
		printf("The C library has %d more that are not supported, and no way to them was seen.\n", n);
	if (c->unknown)
		printf("At %u place%s the number of the call can't be told.\n", c->unknown, c->unknown == 1 ? "" : "s");
}

int cmd_check(int nargs, char **args)
{
	if (nargs == 2 && (strcmp(args[1], "--help") == 0 || strcmp(args[1], "-h") == 0)) {
		fputs(help_check, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_SBX;
	}
	static struct checking c;
	struct err *e = nargs == 2 ? open_all(&c, args[1]) : err_new("which file? Usage: sbx check FILE");
	for (int i = 0; !e && i < c.nfiles; i++)
		e = check_file(&c, &c.files[i]);
	if (e) {
		fprintf(stderr, "sbx: %s\n", e->text);
		return EXIT_SBX;
	}
	print_found(&c, FULL);
	print_found(&c, PARTIAL);
	bool missing = print_found(&c, NONE);
	print_rest(&c);
	if (fflush(stdout) != 0)
		return EXIT_SBX;
	return missing ? 1 : 0;
}
