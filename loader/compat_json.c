/* compat_json.c - the report as JSON: one object with sums, and one for each row. */
#include "loader/compat.h"
#include "loader/escape.h"

static const char *const words[AGREEMENTS] = {
	[BOTH_PASS] = "both_pass", [ONLY_NATIVE] = "fails_only_in_sandbox", [ONLY_SANDBOX] = "passes_only_in_sandbox",
	[NEITHER] = "both_fail", [SKIPPED] = "skipped_natively",
};

static void member(FILE *to, const char *name, const char *value)
{
	fprintf(to, ",\"%s\":", name);
	json_string(to, value);
}

static void print_calls(FILE *to, const struct calls *c)
{
	const char *line;
	fputs(",\"last_calls\":[", to);
	for (int i = 0; (line = calls_last(c, i)); i++) {
		fputs(i ? "," : "", to);
		json_string(to, line);
	}
	fputs("],\"enosys\":[", to);
	for (int i = 0; i < c->nenosys; i++) {
		fputs(i ? "," : "", to);
		json_string(to, c->enosys[i]);
	}
	fputc(']', to);
}

static void print_row(FILE *to, const struct compat_options *o, const struct row *r)
{
	fputs("{\"test\":", to);
	json_string(to, r->test->name);
	member(to, "case", r->name);
	member(to, "platform", o->platforms[r->platform]);
	member(to, "result", words[r->agreement]);
	member(to, "native", verdict_name(r->native));
	member(to, "sandbox", verdict_name(r->sandbox));
	if (r->why_native)
		member(to, "native_why", r->why_native);
	if (r->why_sandbox)
		member(to, "sandbox_why", r->why_sandbox);
	if (r->differs)
		member(to, "first_difference", r->differs);
	if (r->passed_again)
		fputs(",\"passed_again\":true", to);
	if (r->calls)
		print_calls(to, r->calls);
	fputc('}', to);
}

void report_json(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	fprintf(to, "{\"version\":\"%s\",\"wall_s\":%.3f,\"tests\":%d,\"interrupted\":%s,\"passed\":%zu,\"failed\":%zu,\"platforms\":{",
		SBX_VERSION, (double)rows->wall_ns / 1e9, rows->total, rows->interrupted ? "true" : "false",
		rows_sum(rows, BOTH_PASS), rows_sum(rows, ONLY_NATIVE));
	for (int i = 0; i < o->nplatforms; i++) {
		fputs(i ? "," : "", to);
		json_string(to, o->platforms[i]);
		for (int a = 0; a < AGREEMENTS; a++)
			fprintf(to, "%s\"%s\":%zu", a ? "," : ":{", words[a], rows->sums[i][a]);
		fputc('}', to);
	}
	fputs("},\"rows\":[", to);
	for (size_t i = 0; i < rows->count; i++) {
		fputs(i ? ",\n" : "\n", to);
		print_row(to, o, &rows->v[i]);
	}
	fputs("\n]}\n", to);
}
