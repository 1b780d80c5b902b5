/* env.c - the guest's environment: the caller's, as bubblewrap has it; HOME is a place that exists in the sandbox. */
#include "loader/env.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct env {
	const char **vars;
	size_t count, room;
};

static size_t name_len(const char *var)
{
	return strcspn(var, "=");
}

static void set(struct env *e, const char *var)
{
	size_t len = name_len(var);
	for (size_t i = 0; i < e->count; i++)
		if (name_len(e->vars[i]) == len && strncmp(e->vars[i], var, len) == 0) {
			e->vars[i] = var;
			return;
		}
	if (e->count + 1 >= e->room) {
		e->room = e->room ? 2 * e->room : 64;
		e->vars = realloc(e->vars, e->room * sizeof(*e->vars));
		CHECK(e->vars != NULL);
	}
	e->vars[e->count++] = var;
	e->vars[e->count] = NULL;
}

static void set_pair(struct env *e, const char *name, const char *value)
{
	char *var = NULL;
	CHECK(asprintf(&var, "%s=%s", name, value) >= 0);
	set(e, var);
}

static bool has(const struct env *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (name_len(e->vars[i]) == strlen(name) && strncmp(e->vars[i], name, strlen(name)) == 0)
			return true;
	return false;
}

const char *const *env_build(const struct options *o)
{
	struct env e = { 0 };
	for (char **v = environ; *v && !o->clearenv; v++)
		if (strncmp(*v, "SBX_INTERNAL_", 13) != 0)
			set(&e, *v);
	if (!has(&e, "PATH"))
		set(&e, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set(&e, o->uid == 0 ? "HOME=/root" : "HOME=/tmp");
	if (!has(&e, "TERM") && getenv("TERM") && isatty(STDIN_FILENO))
		set_pair(&e, "TERM", getenv("TERM"));
	for (int i = 0; i < o->nenv; i++) {
		const char *value = getenv(o->env[i]);
		if (strchr(o->env[i], '='))
			set(&e, o->env[i]);
		else if (value)
			set_pair(&e, o->env[i], value);
	}
	return e.vars;
}
