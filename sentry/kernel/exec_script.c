/* exec_script.c - "#!" lines.
 *
 * LINUX    fs/binfmt_script.c. Same: the line counts up to 255 bytes, and may be cut within its argument but not within the
 *          interpreter's name; everything after the name is one argument, without blanks at its ends. */
#include "sentry/kernel/exec.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Both look at [p, last], last included; NULL: none. */
static char *skip_blanks(char *p, char *last)
{
	while (p <= last && is_blank(*p))
		p++;
	return p <= last ? p : NULL;
}

static char *find_end_of_word(char *p, char *last)
{
	while (p <= last && !is_blank(*p) && *p)
		p++;
	return p <= last ? p : NULL;
}

static int parse_line(char *buf, size_t bytes, char **out_name, char **out_arg)
{
	char *last = buf + bytes - 1, *end = memchr(buf, '\n', bytes);
	if (!end) {
		char *name = skip_blanks(buf + 2, last);
		if (!name || !find_end_of_word(name, last))
			return -ENOEXEC;
		end = last;
	}
	while (is_blank(end[-1]))
		end--;
	char *name = skip_blanks(buf + 2, end);
	if (!name || name == end)
		return -ENOEXEC;
	char *sep = find_end_of_word(name, end), *arg = NULL;
	if (sep && *sep && sep < end)
		arg = skip_blanks(sep, end);
	*end = '\0';
	if (arg)
		*sep = '\0';
	*out_name = name;
	*out_arg = arg;
	return 0;
}

int exec_script(struct exec *ex)
{
	char *name, *arg;
	if (ex->head[0] != '#' || ex->head[1] != '!')
		return -ENOEXEC;
	int err = parse_line(ex->head, sizeof(ex->head), &name, &arg);
	if (err)
		return err;
	if (ex->fd_is_gone)
		return -ENOENT;
	strvec_drop_first(&ex->args.argv);
	err = strvec_prepend(&ex->args.argv, ex->interp);
	if (!err && arg)
		err = strvec_prepend(&ex->args.argv, arg);
	if (!err)
		err = strvec_prepend(&ex->args.argv, name);
	if (!err)
		err = exec_args_check(&ex->args, ex->filename);
	if (err)
		return err;
	free(ex->interp);
	ex->interp = xstrdup(name);
	return 0;
}
