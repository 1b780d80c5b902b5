/* compat_list.c - which tests `sbx compat` runs: a directory's programs, a list's lines, or one command.
 *
 * HOW      A list is like LTP's runtest files: "name command arguments…", words in single or double quotes; '#' begins a
 *          comment. A line with shell syntax (|, ;, &, <, >, $, `) is given to sh -c.
 *          In a directory every executable file counts, in its subdirectories too, but no libraries. */
#include <fnmatch.h>
#include <fts.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/compat.h"

#define LINE_WORDS_MAX 512

static void add(struct test_list *l, const struct compat_options *o, char *name, char **argv)
{
	if (o->match && fnmatch(o->match, name, 0) != 0)
		return;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = realloc(l->v, (size_t)l->room * sizeof(*l->v));
		CHECK(l->v != NULL);
	}
	l->v[l->count++] = (struct test){ .name = name, .argv = argv };
}

static char **argv_of(char *const *words, size_t n)
{
	char **argv = xzalloc((n + 1) * sizeof(*argv));
	for (size_t i = 0; i < n; i++)
		argv[i] = xstrdup(words[i]);
	return argv;
}

/* --- a directory --- */

static bool is_library(const char *name)
{
	const char *so = strstr(name, ".so");
	return so && (so[3] == '\0' || so[3] == '.');
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static struct err *from_directory(const struct compat_options *o, struct test_list *l)
{
	char *const paths[] = { (char *)o->root, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!fts)
		return err_errno(errno, "%s", o->root);
	FTSENT *e;
	while ((e = fts_read(fts))) {
		if (e->fts_info == FTS_D && e->fts_level > 0 && (e->fts_name[0] == '.' || strcmp(e->fts_name, "CMakeFiles") == 0))
			fts_set(fts, e, FTS_SKIP);
		if (e->fts_info != FTS_F || !(e->fts_statp->st_mode & 0111) || e->fts_name[0] == '.' || is_library(e->fts_name))
			continue;
		const char *name = e->fts_path + strlen(o->root);
		add(l, o, xstrdup(name + strspn(name, "/")), argv_of(&e->fts_path, 1));
	}
	fts_close(fts);
	return NULL;
}

/* --- a list --- */

/* Takes the next word out of *p, without its quotes; NULL: none left. */
static char *next_word(char **p)
{
	char *in = *p + strspn(*p, " \t"), *start = in, *out = in, quote = 0;
	if (*in == '\0')
		return NULL;
	for (; *in && (quote || (*in != ' ' && *in != '\t')); in++) {
		if (quote ? *in == quote : (*in == '"' || *in == '\''))
			quote = quote ? 0 : *in;
		else
			*out++ = *in;
	}
	*p = *in ? in + 1 : in;
	*out = '\0';
	return start;
}

static struct err *from_line(const struct compat_options *o, struct test_list *l, char *line, int number)
{
	char *name = next_word(&line), *words[LINE_WORDS_MAX];
	if (!name || *name == '#')
		return NULL;
	line += strspn(line, " \t");
	if (*line == '\0')
		return err_new("%s: line %d: no command after the name '%s'", o->where, number, name);
	if (strpbrk(line, "|;&<>$`")) {
		char *sh[] = { "sh", "-c", line };
		add(l, o, xstrdup(name), argv_of(sh, 3));
		return NULL;
	}
	size_t n = 0;
	char *w;
	while ((w = next_word(&line))) {
		if (n == LINE_WORDS_MAX)
			return err_new("%s: line %d: too many words", o->where, number);
		words[n++] = w;
	}
	add(l, o, xstrdup(name), argv_of(words, n));
	return NULL;
}

static struct err *from_list(const struct compat_options *o, struct test_list *l)
{
	FILE *f = fopen(o->where, "re");
	if (!f)
		return err_errno(errno, "%s", o->where);
	AUTO(free) char *line = NULL;
	size_t room = 0;
	struct err *e = NULL;
	for (int number = 1; !e && getline(&line, &room, f) >= 0; number++) {
		line[strcspn(line, "\r\n")] = '\0';
		e = from_line(o, l, line, number);
	}
	fclose(f);
	return e;
}

struct err *test_list_make(const struct compat_options *o, struct test_list *l)
{
	*l = (struct test_list){ 0 };
	struct err *e = NULL;
	if (o->command) {
		size_t n = 0;
		while (o->command[n])
			n++;
		const char *slash = strrchr(o->command[0], '/');
		add(l, o, xstrdup(slash ? slash + 1 : o->command[0]), argv_of(o->command, n));
	} else {
		e = o->root ? from_directory(o, l) : from_list(o, l);
	}
	if (!e && l->count == 0)
		e = err_new("%s: no tests%s", o->where ? o->where : "--", o->match ? " with such a name" : "");
	return e;
}
