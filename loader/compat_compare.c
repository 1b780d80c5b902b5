/* compat_compare.c - native against sandbox: verdict by verdict, case by case, and where the outputs part.
 *
 * HOW      If one of the two runs named cases, each case is compared; the run as a whole then only counts if its end is not
 *          explained by its cases (a crash, the time limit, a failure although all cases passed). */
#include <ctype.h>
#include <string.h>

#include "loader/compat.h"

static enum agreement agreement_of(enum verdict native, enum verdict sandbox)
{
	if (native == V_SKIP)
		return SKIPPED;
	if (native == V_PASS)
		return sandbox == V_PASS ? BOTH_PASS : ONLY_NATIVE;
	return sandbox == V_PASS ? ONLY_SANDBOX : NEITHER;
}

/* The end says something that the cases do not. */
static bool end_counts(const struct outcome *oc)
{
	if (!oc->cases)
		return true;
	return oc->verdict >= V_CRASH || (oc->verdict != V_PASS && oc->verdict != V_SKIP && !oc->any_case_failed);
}

static const struct test_case *find(const struct outcome *oc, const char *name)
{
	struct test_case *c;
	HASH_FIND_STR(oc->cases, name, c);
	return c;
}

bool outcomes_differ(const struct outcome *native, const struct outcome *sandbox)
{
	if ((end_counts(native) || end_counts(sandbox)) && agreement_of(native->verdict, sandbox->verdict) == ONLY_NATIVE)
		return true;
	for (const struct test_case *c = native->cases; c; c = c->hh.next) {
		const struct test_case *s = find(sandbox, c->name);
		if (agreement_of(c->verdict, s ? s->verdict : V_ABSENT) == ONLY_NATIVE)
			return true;
	}
	return false;
}

/* --- the first differing line --- */

/* Copies a line with every number, address and time made '#'. Returns what follows the line. */
static const char *blur_line(const char *s, char *out, size_t room)
{
	size_t n = 0;
	bool in_number = false;
	while (*s && *s != '\n') {
		bool digit = isxdigit((unsigned char)*s) && (in_number || isdigit((unsigned char)*s));
		bool part = digit || (in_number && (*s == 'x' || *s == '.'));
		if (!(part && in_number) && n + 1 < room)
			out[n++] = part ? '#' : *s;
		in_number = part;
		s++;
	}
	out[n] = '\0';
	return *s ? s + 1 : s;
}

char *first_difference(const char *a, const char *b)
{
	char blurred_a[1024], blurred_b[1024];
	while (*b) {
		const char *line = b;
		bool ended = *a == '\0';
		a = blur_line(a, blurred_a, sizeof(blurred_a));
		b = blur_line(b, blurred_b, sizeof(blurred_b));
		if (!ended && strcmp(blurred_a, blurred_b) == 0)
			continue;
		return strndup(line, MIN(strcspn(line, "\n"), (size_t)COMPAT_WHY_MAX));
	}
	char *text = NULL;
	if (*a)
		CHECK(asprintf(&text, "ends before: %.*s", (int)MIN(strcspn(a, "\n"), (size_t)COMPAT_WHY_MAX), a) >= 0);
	return text;
}

/* --- rows --- */

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static struct row *add_row(struct report_rows *rows, struct row r)
{
	if (rows->count == rows->room) {
		rows->room = rows->room ? 2 * rows->room : 256;
		rows->v = realloc(rows->v, rows->room * sizeof(*rows->v));
		CHECK(rows->v != NULL);
	}
	r.agreement = agreement_of(r.native, r.sandbox);
	rows->sums[r.platform][r.agreement]++;
	rows->v[rows->count] = r;
	return &rows->v[rows->count++];
}

struct comparison {
	struct report_rows *rows;
	const struct test *test;
	int platform;
	const struct outcome *native, *sandbox;
	struct outcome *again;
	struct calls *calls;
};

static void explain(struct row *r, const struct comparison *c)
{
	if (r->agreement != ONLY_NATIVE)
		return;
	r->calls = c->calls;
	if (!r->name)
		r->differs = first_difference(c->native->text, c->sandbox->text);
	if (!c->again)
		return;
	const struct test_case *again = r->name ? find(c->again, r->name) : NULL;
	r->passed_again = r->name ? again && again->verdict == V_PASS : c->again->verdict == V_PASS;
}

static void compare_case(struct comparison *c, const char *name)
{
	const struct test_case *n = find(c->native, name), *s = find(c->sandbox, name);
	struct row *r = add_row(c->rows, (struct row){
		.test = c->test, .platform = c->platform, .name = xstrdup(name),
		.native = n ? n->verdict : V_ABSENT, .sandbox = s ? s->verdict : V_ABSENT,
		.why_native = copy(n ? n->why : NULL),
		/* Why it did not run is the end of the run that should have had it. */
		.why_sandbox = copy(s ? s->why : c->sandbox->why),
	});
	explain(r, c);
}

void compare(struct report_rows *rows, const struct test *t, int platform, const struct outcome *native,
	     const struct outcome *sandbox, struct outcome *again)
{
	struct comparison c = { rows, t, platform, native, sandbox, again, NULL };
	if (again) {
		c.calls = again->calls;
		again->calls = NULL;
	}
	for (const struct test_case *k = native->cases; k; k = k->hh.next)
		compare_case(&c, k->name);
	for (const struct test_case *k = sandbox->cases; k; k = k->hh.next)
		if (!find(native, k->name))
			compare_case(&c, k->name);
	if (!end_counts(native) && !end_counts(sandbox))
		return;
	struct row *r = add_row(rows, (struct row){
		.test = t, .platform = platform, .native = native->verdict, .sandbox = sandbox->verdict,
		.why_native = copy(native->why), .why_sandbox = copy(sandbox->why),
	});
	explain(r, &c);
}

size_t rows_sum(const struct report_rows *rows, enum agreement a)
{
	size_t n = 0;
	for (int i = 0; i < COMPAT_PLATFORMS_MAX; i++)
		n += rows->sums[i][a];
	return n;
}

const char *row_name(const struct row *r, char *buf, size_t room)
{
	snprintf(buf, room, "%s%s%s", r->test->name, r->name ? ": " : "", r->name ? r->name : "");
	return buf;
}
