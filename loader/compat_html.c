/* compat_html.c - the report as one page that needs nothing else: sums, failures with their reasons, and a list of all. */
#include <time.h>

#include "loader/compat.h"
#include "loader/escape.h"

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>sbx compat</title>\n<style>\n"
	":root{color-scheme:light dark;--line:#8884;--bad:#c62828;--good:#2e7d32;--mid:#b26a00}\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem}\n"
	"h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\n"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);"
	"vertical-align:top}\ntd.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"code,pre{font:13px/1.4 ui-monospace,monospace}pre{overflow-x:auto;margin:.4rem 0;padding:.5rem;background:#8881}\n"
	"td{overflow-wrap:anywhere}summary{cursor:pointer}\n"
	".both_pass{color:var(--good)}.only_native{color:var(--bad)}.only_sandbox,.neither,.skipped{color:var(--mid)}\n"
	"#find{font:inherit;padding:.3rem .5rem;width:20rem;max-width:100%;margin:.5rem 0}\n"
	"</style></head><body>\n<h1>sbx compat</h1>\n";

static const char page_foot[] =
	"<script>\nconst find=document.getElementById('find');\n"
	"find.oninput=()=>{for(const r of document.querySelectorAll('#all tbody tr'))"
	"r.hidden=!r.textContent.toLowerCase().includes(find.value.toLowerCase())};\n"
	"</script></body></html>\n";

static const char *const classes[AGREEMENTS] = { "both_pass", "only_native", "only_sandbox", "neither", "skipped" };
static const char *const words[AGREEMENTS] = {
	"passes in both", "fails only in the sandbox", "passes only in the sandbox", "fails in both", "skipped natively",
};

static void print_sums(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	fputs("<table><thead><tr><th>platform</th>", to);
	for (int a = 0; a < AGREEMENTS; a++)
		fprintf(to, "<th class=\"n %s\">%s</th>", classes[a], words[a]);
	fputs("<th class=\"n\">of those that pass natively</th></tr></thead><tbody>\n", to);
	for (int i = 0; i < o->nplatforms; i++) {
		const size_t *s = rows->sums[i];
		size_t judged = s[BOTH_PASS] + s[ONLY_NATIVE];
		fputs("<tr><td>", to);
		html_text(to, o->platforms[i]);
		fputs("</td>", to);
		for (int a = 0; a < AGREEMENTS; a++)
			fprintf(to, "<td class=\"n\">%zu</td>", s[a]);
		fprintf(to, "<td class=\"n\">%.1f %%</td></tr>\n", judged ? 100.0 * (double)s[BOTH_PASS] / (double)judged : 100.0);
	}
	fputs("</tbody></table>\n", to);
}

static void print_calls(FILE *to, const struct calls *c)
{
	const char *line;
	fputs("<details><summary>system calls</summary><pre>", to);
	for (int i = 0; i < c->nenosys; i++) {
		fputs("ENOSYS: ", to);
		html_text(to, c->enosys[i]);
		fputc('\n', to);
	}
	for (int i = 0; (line = calls_last(c, i)); i++) {
		html_text(to, line);
		fputc('\n', to);
	}
	fputs("</pre></details>", to);
}

static void print_failures(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	char name[1024];
	if (rows_sum(rows, ONLY_NATIVE) == 0) {
		fputs("<p class=\"both_pass\">Nothing fails only in the sandbox.</p>\n", to);
		return;
	}
	fputs("<h2>Fails only in the sandbox</h2>\n<table><thead><tr><th>platform</th><th>test</th><th>verdict</th><th>why</th></tr>"
	      "</thead><tbody>\n", to);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->v[i];
		if (r->agreement != ONLY_NATIVE)
			continue;
		fprintf(to, "<tr><td>%s</td><td><code>", o->platforms[r->platform]);
		html_text(to, row_name(r, name, sizeof(name)));
		fprintf(to, "</code></td><td class=\"only_native\">%s%s</td><td>", verdict_name(r->sandbox),
			r->passed_again ? "; passed when it was run again" : "");
		html_text(to, r->why_sandbox);
		if (r->differs) {
			fputs("<pre>", to);
			html_text(to, r->differs);
			fputs("</pre>", to);
		}
		if (r->calls)
			print_calls(to, r->calls);
		fputs("</td></tr>\n", to);
	}
	fputs("</tbody></table>\n", to);
}

static void print_all(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	char name[1024];
	fputs("<h2>All</h2>\n<input id=\"find\" type=\"search\" placeholder=\"find\" aria-label=\"find\">\n<table id=\"all\"><thead><tr>"
	      "<th>platform</th><th>test</th><th>natively</th><th>in the sandbox</th><th>result</th></tr></thead><tbody>\n", to);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->v[i];
		fprintf(to, "<tr><td>%s</td><td><code>", o->platforms[r->platform]);
		html_text(to, row_name(r, name, sizeof(name)));
		fprintf(to, "</code></td><td>%s</td><td>%s</td><td class=\"%s\">%s</td></tr>\n", verdict_name(r->native),
			verdict_name(r->sandbox), classes[r->agreement], words[r->agreement]);
	}
	fputs("</tbody></table>\n", to);
}

void report_html(FILE *to, const struct compat_options *o, const struct report_rows *rows)
{
	char date[64];
	time_t now = (time_t)(now_real_ns() / NS_PER_SEC);
	struct tm tm;
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", localtime_r(&now, &tm));
	fputs(page_head, to);
	fprintf(to, "<p>%s. sbx %s; %d tests in %.0f s%s. <b>%zu passed, %zu failed</b></p>\n", date, SBX_VERSION, rows->total,
		(double)rows->wall_ns / 1e9, rows->interrupted ? ", interrupted" : "", rows_sum(rows, BOTH_PASS), rows_sum(rows, ONLY_NATIVE));
	print_sums(to, o, rows);
	print_failures(to, o, rows);
	print_all(to, o, rows);
	fputs(page_foot, to);
}
