/* compat_formats.c - reads what tests write, and finds their cases: TAP, GoogleTest, cmocka, Python's unittest -v; and LTP's words.
 *
 * HOW      Line by line, as it comes, for a test may write for ever. The formats can be told from each other by any single
 *          line, so nobody has to say which one a test uses.
 *          TAP        ok 1 - name | not ok 2 - name # SKIP why      (also without numbers, "not ok name: why")
 *          gtest,     [ RUN      ] name | [       OK ] name | [  FAILED  ] name | [  SKIPPED ] name
 *          cmocka     the same; its reasons are lines "[  ERROR   ] --- why"
 *          unittest   test_x (module.Class.test_x) ... ok           (the result may be on a later line)
 *          LTP        file.c:1: TFAIL: why                          (no cases: it is judged by its exit status) */
#include <ctype.h>
#include <string.h>

#include "loader/compat.h"

void parser_init(struct parser *p, struct outcome *out, bool sandbox)
{
	*p = (struct parser){ .out = out, .sandbox = sandbox };
	out->text = xzalloc(1);
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text && *text ? xstrdup(text) : NULL;
}

static void copy_line(char *to, size_t room, const char *from)
{
	snprintf(to, room, "%s", from);
}

static struct test_case *find_case(struct outcome *oc, const char *name)
{
	struct test_case *c;
	HASH_FIND_STR(oc->cases, name, c);
	return c;
}

static void set_case(struct outcome *oc, const char *name, enum verdict v, const char *why)
{
	struct test_case *c = find_case(oc, name);
	if (!c) {
		if (HASH_COUNT(oc->cases) >= COMPAT_CASES_MAX)
			return;
		c = NEW(struct test_case);
		c->name = xstrdup(name);
		HASH_ADD_KEYPTR(hh, oc->cases, c->name, strlen(c->name), c);
	}
	c->verdict = v;
	if (why || v == V_PASS)
		set_text(&c->why, why);
}

/* A case whose name was there already is another case: name, name #2, … */
static void add_case(struct outcome *oc, const char *name, enum verdict v, const char *why)
{
	char numbered[600];
	copy_line(numbered, sizeof(numbered), name);
	for (int n = 2; find_case(oc, numbered); n++)
		snprintf(numbered, sizeof(numbered), "%.500s #%d", name, n);
	set_case(oc, numbered, v, why);
}

/* What a running case said, in one line: reasons are most often in the first lines. */
static void remember(struct parser *p, const char *line)
{
	size_t len = strlen(p->said);
	line += strspn(line, " \t");
	if (*line && len + 8 < sizeof(p->said))
		snprintf(p->said + len, sizeof(p->said) - len, "%s%s", len ? " | " : "", line);
}

static void end_current(struct parser *p, enum verdict v)
{
	if (p->current[0])
		set_case(p->out, p->current, v, v == V_PASS ? NULL : p->said);
	p->current[0] = p->said[0] = '\0';
	p->in_unittest = false;
}

static bool starts(const char *s, const char *with, const char **rest)
{
	size_t len = strlen(with);
	if (strncmp(s, with, len) != 0)
		return false;
	*rest = s + len;
	return true;
}

/* --- TAP --- */

static bool take_tap(struct parser *p, const char *line)
{
	const char *rest;
	bool ok = starts(line, "ok", &rest);
	if (!ok && !starts(line, "not ok", &rest))
		return starts(line, "Bail out!", &rest) && (copy_line(p->first_complaint, sizeof(p->first_complaint), line), true);
	if (*rest != ' ' || rest[1] == '\0')
		return false;
	rest += strspn(rest, " ");
	size_t digits = strspn(rest, "0123456789");
	bool numbered = digits > 0 && (rest[digits] == ' ' || rest[digits] == '\0');
	char name[512], why[COMPAT_WHY_MAX] = "";
	copy_line(name, sizeof(name), rest);
	char *text = name + (numbered ? digits : 0);
	text += strspn(text, " -");

	enum verdict v = ok ? V_PASS : V_FAIL;
	char *directive = strstr(text, "# ");
	if (directive && strncasecmp(directive + 2, "skip", 4) == 0)
		v = V_SKIP;
	else if (directive && strncasecmp(directive + 2, "todo", 4) == 0)
		v = V_PASS;
	else
		directive = NULL;
	if (directive) {
		copy_line(why, sizeof(why), directive + 2);
		*directive = '\0';
	}
	char *colon = numbered ? NULL : strstr(text, ": ");
	if (colon) {
		copy_line(why, sizeof(why), colon + 2);
		*colon = '\0';
	}
	for (size_t len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
		text[len - 1] = '\0';
	if (*text == '\0') {
		name[digits] = '\0';
		text = name;
	}
	add_case(p->out, text, v, v == V_PASS ? NULL : why);
	return true;
}

/* --- GoogleTest and cmocka --- */

static bool take_gtest(struct parser *p, const char *line)
{
	const char *rest;
	enum verdict v = V_PASS;
	if (starts(line, "[ RUN      ] ", &rest)) {
		if (p->current[0])
			end_current(p, V_CRASH);
		copy_line(p->current, sizeof(p->current), rest);
		p->said[0] = '\0';
		return true;
	}
	if (starts(line, "[  FAILED  ] ", &rest))
		v = V_FAIL;
	else if (starts(line, "[  SKIPPED ] ", &rest))
		v = V_SKIP;
	else if (starts(line, "[  ERROR   ] --- ", &rest) || starts(line, "[   LINE   ] --- ", &rest))
		return remember(p, rest), true;
	else if (!starts(line, "[       OK ] ", &rest))
		return false;
	/* What comes after the name differs from run to run; the lists at the end repeat what was said. */
	char name[512];
	copy_line(name, sizeof(name), rest);
	name[strcspn(name, " ,")] = '\0';
	if (strcmp(name, p->current) == 0)
		end_current(p, v);
	return true;
}

/* --- Python --- */

/* "test_x (module.Class.test_x)" or "test_x (module.Class)": makes "module.Class.test_x" of it. */
static bool unittest_name(const char *s, char *out, size_t room, const char **rest)
{
	size_t len = 0;
	while (isalnum((unsigned char)s[len]) || s[len] == '_')
		len++;
	if (len == 0 || s[len] != ' ' || s[len + 1] != '(')
		return false;
	const char *path = s + len + 2;
	size_t path_len = strcspn(path, ") ");
	if (path[path_len] != ')' || !memchr(path, '.', path_len))
		return false;
	bool has_name = path_len > len && path[path_len - len - 1] == '.' && strncmp(path + path_len - len, s, len) == 0;
	snprintf(out, room, "%.*s%s%.*s", (int)path_len, path, has_name ? "" : ".", has_name ? 0 : (int)len, s);
	*rest = path + path_len + 1;
	return true;
}

static bool unittest_result(const char *s, enum verdict *out, const char **why)
{
	*why = NULL;
	if (strcmp(s, "ok") == 0 || strcmp(s, "expected failure") == 0)
		*out = V_PASS;
	else if (strcmp(s, "FAIL") == 0 || strcmp(s, "unexpected success") == 0)
		*out = V_FAIL;
	else if (strcmp(s, "ERROR") == 0)
		*out = V_BROKEN;
	else if (starts(s, "skipped ", why))
		*out = V_SKIP;
	else
		return false;
	return true;
}

/* "FAIL: test_x (module.Class.test_x) [subtest]" heads a traceback, whose last line says what went wrong. */
static bool take_traceback(struct parser *p, const char *line)
{
	const char *rest;
	char name[512];
	bool fail = starts(line, "FAIL: ", &rest);
	if (fail || starts(line, "ERROR: ", &rest)) {
		if (!unittest_name(rest, name, sizeof(name), &rest) || !find_case(p->out, name))
			return false;
		copy_line(p->complaint, sizeof(p->complaint), name);
		set_case(p->out, name, fail ? V_FAIL : V_BROKEN, NULL);
		return true;
	}
	if (!p->complaint[0])
		return false;
	if (line[0] == '=' || strncmp(line, "Ran ", 4) == 0) {
		p->complaint[0] = '\0';
	} else if (line[0] != ' ' && line[0] != '-' && line[0] != '\0' && strncmp(line, "Traceback", 9) != 0) {
		struct test_case *c = find_case(p->out, p->complaint);
		if (!c->why && strchr(line, ':'))
			set_text(&c->why, line);
	}
	return true;
}

static bool take_unittest(struct parser *p, const char *line)
{
	const char *rest, *why;
	enum verdict v;
	char name[512];
	if (take_traceback(p, line))
		return true;
	if (unittest_name(line, name, sizeof(name), &rest)) {
		if (p->current[0])
			end_current(p, V_CRASH);
		copy_line(p->current, sizeof(p->current), name);
		p->in_unittest = true;
		p->said[0] = '\0';
	} else if (!p->in_unittest) {
		return false;
	} else {
		rest = line;
	}
	/* The result ends this line or stands alone on a later one, for the test may write too. */
	const char *dots = strstr(rest, " ... ");
	while (dots && strstr(dots + 1, " ... "))
		dots = strstr(dots + 1, " ... ");
	const char *result = dots ? dots + 5 : rest, *last_word = dots ? strrchr(dots, ' ') + 1 : result;
	/* Some say something of their own first: "... 0.21s ok". */
	if (unittest_result(result, &v, &why) || unittest_result(last_word, &v, &why)) {
		if (why)
			copy_line(p->said, sizeof(p->said), why);
		end_current(p, v);
	}
	return true;
}

/* --- LTP: also "name  1  TFAIL  :  why" --- */

static void look_for_ltp(struct parser *p, const char *line)
{
	static const char *const words[] = { "TFAIL", "TBROK", "TWARN", "TCONF", "TPASS", "TINFO" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *at = strstr(line, words[i]);
		if (!at || at == line || at[-1] != ' ' || !strchr(" :\t", at[5]))
			continue;
		p->ltp = true;
		if (i < 4 && !p->first_complaint[0])
			copy_line(p->first_complaint, sizeof(p->first_complaint), line);
	}
}

/* sbx's own words; also at the end of a line that the program left open. True: the line has no more. */
static bool take_sbx(struct parser *p, char *line)
{
	static const char *const sayings[] = { "sbx: the time limit of ", "sbx: out of memory: ", "sbx: out of processes: " };
	char *at = strncmp(line, "sbx: ", 5) == 0 ? line : NULL;
	for (size_t i = 0; !at && i < ARRAY_SIZE(sayings); i++)
		at = strstr(line, sayings[i]);
	if (!at)
		return false;
	p->out_of_memory |= strncmp(at, sayings[1], strlen(sayings[1])) == 0;
	p->out_of_processes |= strncmp(at, sayings[2], strlen(sayings[2])) == 0;
	copy_line(p->sbx_said, sizeof(p->sbx_said), at + 5);
	*at = '\0';
	return at == line;
}

static void take_line(struct parser *p)
{
	char *line = p->line;
	line[p->line_len] = '\0';
	for (size_t i = 0; i < p->line_len; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	while (p->line_len > 0 && line[p->line_len - 1] == ' ')
		line[--p->line_len] = '\0';
	p->line_len = 0;
	if (p->sandbox && take_sbx(p, line))
		return;
	size_t len = strlen(line), have = p->out->text_len;
	if (have + len + 1 < COMPAT_TEXT_MAX) {
		p->out->text = realloc(p->out->text, have + len + 2);
		CHECK(p->out->text != NULL);
		snprintf(p->out->text + have, len + 2, "%s\n", line);
		p->out->text_len += len + 1;
	}
	if (len)
		copy_line(p->last_line, sizeof(p->last_line), line);
	look_for_ltp(p, line);
	if (!take_tap(p, line) && !take_gtest(p, line) && !take_unittest(p, line) && p->current[0])
		remember(p, line);
}

void parser_feed(struct parser *p, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p->in_escape || data[i] == '\033')
			p->in_escape = data[i] != '\n' && !isalpha((unsigned char)data[i]);
		else if (data[i] == '\n')
			take_line(p);
		else if (data[i] != '\0' && p->line_len + 1 < sizeof(p->line))
			p->line[p->line_len++] = data[i];
	}
}

void parser_end(struct parser *p)
{
	if (p->line_len)
		take_line(p);
	/* It began and said no more. */
	if (p->current[0])
		end_current(p, V_CRASH);
	for (struct test_case *c = p->out->cases; c; c = c->hh.next)
		p->out->any_case_failed |= c->verdict != V_PASS && c->verdict != V_SKIP;
}
