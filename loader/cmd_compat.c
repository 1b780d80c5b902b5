/* cmd_compat.c - `sbx compat`: runs tests natively and in sandboxes, and says where the verdicts differ.
 *
 * HOW      Each sandbox is `sbx run` started as a child, so that one which dies takes nothing else with it. */
#include "loader/cmd_compat.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/cgroup.h"
#include "loader/compat.h"
#include "loader/help.h"

/* Whether limits can be had here: found out once, by a cgroup that is removed at once. */
static bool try_cgroup(const struct compat_options *o)
{
	struct options limits = { .memory_bytes = o->memory_bytes, .memory_text = o->memory_text, .pids_limit = o->pids_limit };
	struct cgroup cg;
	struct err *e = cgroup_create(&limits, &cg);
	if (!e) {
		cgroup_remove(&cg);
		return true;
	}
	fprintf(stderr, "sbx: memory and processes of tests are not limited: %s\n", e->text);
	err_free(e);
	return false;
}

static struct err *write_html(FILE *f, const struct compat_options *o, const struct report_rows *rows)
{
	report_html(f, o, rows);
	bool bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return err_errno(errno, "--html: %s", o->html_file);
	return NULL;
}

static struct err *compat(struct compat_options *o, int *out_status)
{
	struct test_list tests;
	struct err *e = test_list_make(o, &tests);
	if (e)
		return e;
	/* Now, for names are relative to where we are now, and complaints should come early. */
	FILE *html = o->html_file ? fopen(o->html_file, "we") : NULL;
	if (o->html_file && !html)
		return err_errno(errno, "--html: %s", o->html_file);
	if (o->root && chdir(o->root) < 0)
		return err_errno(errno, "%s", o->root);
	struct report_rows rows;
	o->has_cgroup = try_cgroup(o);
	e = compat_run(o, &tests, &rows);
	if (e)
		return e;
	if (o->output == COMPAT_JSON)
		report_json(stdout, o, &rows);
	else if (o->output == COMPAT_TAP)
		report_tap(stdout, o, &rows);
	else
		report_text(stdout, o, &rows);
	if (fflush(stdout) != 0)
		return err_errno(errno, "standard output");
	*out_status = rows.interrupted ? EXIT_SIGNAL + SIGINT : rows_sum(&rows, ONLY_NATIVE) > 0;
	return html ? write_html(html, o, &rows) : NULL;
}

int cmd_compat(int nargs, char **args)
{
	struct compat_options o;
	int status = EXIT_SBX;
	struct err *e = compat_options_parse(nargs, args, &o);
	if (!e && o.help) {
		fputs(help_compat, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_SBX;
	}
	if (!e)
		e = compat(&o, &status);
	if (!e)
		return status;
	fprintf(stderr, "sbx: %s\n", e->text);
	return e->exit_status;
}
