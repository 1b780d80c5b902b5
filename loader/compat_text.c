/* compat_text.c - the report that people read in a terminal, and TAP. */
#include <string.h>

#include "loader/compat.h"

static const char *const headings[AGREEMENTS] = {
	[BOTH_PASS] = "passes in both", [ONLY_NATIVE] = "fails only in the sandbox", [ONLY_SANDBOX] = "passes only in the sandbox",
	[NEITHER] = "fails in both", [SKIPPED] = "skipped natively",
};

static void print_failure(FILE *to, const struct compat_options *o, const struct row *r)
{
	char name[1024];
	fprintf(to, "  %-8s %s\n", o->platforms[r->platform], row_name(r, name, sizeof(name)));
	fprintf(to, "           %s%s%s%s\n", verdict_name(r->sandbox), r->why_sandbox ? ": " : "", r->why_sandbox ? r->why_sandbox : "",
		r->passed_again ? " (passed when it was run again)" : "");
	if (r->differs)
		fprintf(to, "           differs: %s\n", r->differs);
}

/* Once for all cases of a test. */
static void print_calls(FILE *to, const struct calls *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->nenosys; i++)
		fprintf(to, "           ENOSYS:  %s\n", c->enosys[i]);
	const char *line;
	for (int i = 0; (line = calls_last(c, i)); i++)
		fprintf(to, "           %s %s\n", i ? "        " : "last:   ", line);
}

static void print_group(FILE *to, const struct compat_options *o, const struct report_rows *rows, enum agreement a)
{
	size_t n = rows_sum(rows, a);
	if (n == 0)
		return;
	fprintf(to, "%s: %zu\n", headings[a], n);
	for (size_t i = 0; i < rows->count && a != BOTH_PASS; i++) {
		const struct row *r = &rows->v[i];
		char name[1024];
		if (r->agreement != a)
			continue;
		if (a == ONLY_NATIVE) {
			print_failure(to, o, r);
			const struct row *next = NULL;
			for (size_t k = i + 1; !next && k < rows->count; k++)
				if (rows->v[k].agreement == a)
					next = &rows->v[k];
			if (!next || next->calls != r->calls)
				print_calls(to, r->calls);
			continue;
		}
		const char *why = a == ONLY_SANDBOX || a == SKIPPED ? r->why_native : r->why_sandbox;
		fprintf(to, "  %-8s %s: %s%s%s\n", o->platforms[r->platform], row_name(r, name, sizeof(name)),
			verdict_name(a == NEITHER ? r->sandbox : r->native), why ? ": " : "", why ? why : "");
	}
	fputc('\n', to);
}

void report_text(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	static const enum agreement order[] = { SKIPPED, NEITHER, ONLY_SANDBOX, BOTH_PASS, ONLY_NATIVE };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		print_group(to, o, rows, order[i]);
	for (int i = 0; i < o->nplatforms; i++) {
		const size_t *s = rows->sums[i];
		size_t judged = s[BOTH_PASS] + s[ONLY_NATIVE];
		fprintf(to, "%s: %zu of %zu that pass natively pass (%.1f %%); %zu pass only here, %zu fail in both, %zu are skipped natively\n",
			o->platforms[i], s[BOTH_PASS], judged, judged ? 100.0 * (double)s[BOTH_PASS] / (double)judged : 100.0,
			s[ONLY_SANDBOX], s[NEITHER], s[SKIPPED]);
	}
	if (rows->interrupted)
		fprintf(to, "interrupted after %d of %d tests\n", rows->done, rows->total);
	fprintf(to, "%zu passed, %zu failed\n", rows_sum(rows, BOTH_PASS), rows_sum(rows, ONLY_NATIVE));
}

void report_tap(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	fprintf(to, "TAP version 13\n1..%zu\n", rows->count);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->v[i];
		char name[1024];
		row_name(r, name, sizeof(name));
		for (char *c = name; *c; c++)
			if (*c == '#')
				*c = '+';
		fprintf(to, "%s %zu - %s %s", r->agreement == ONLY_NATIVE ? "not ok" : "ok", i + 1, o->platforms[r->platform], name);
		if (r->agreement == SKIPPED || r->agreement == NEITHER)
			fprintf(to, " # SKIP %s natively%s%s", verdict_name(r->native), r->why_native ? ": " : "",
				r->why_native ? r->why_native : "");
		fputc('\n', to);
		if (r->agreement == ONLY_NATIVE)
			fprintf(to, "# %s%s%s\n", verdict_name(r->sandbox), r->why_sandbox ? ": " : "", r->why_sandbox ? r->why_sandbox : "");
	}
	if (rows->interrupted)
		fprintf(to, "Bail out! interrupted after %d of %d tests\n", rows->done, rows->total);
}
