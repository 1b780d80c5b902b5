/* err.c - see err.h. */
#include "loader/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct err *err_vnew(const char *fmt, va_list ap)
{
	struct err *e = NEW(struct err);
	e->exit_status = EXIT_SBX;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	return e;
}

static void append(struct err *e, const char *sep, const char *more)
{
	size_t len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, "%s%s", sep, more);
}

struct err *err_new(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct err *e = err_vnew(fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_errno(int err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct err *e = err_vnew(fmt, ap);
	va_end(ap);
	append(e, ": ", strerror(err));
	return e;
}

struct err *err_in(struct err *e, const char *fmt, ...)
{
	if (!e)
		return NULL;
	va_list ap;
	va_start(ap, fmt);
	struct err *outer = err_vnew(fmt, ap);
	va_end(ap);
	outer->exit_status = e->exit_status;
	append(outer, ": ", e->text);
	err_free(e);
	return outer;
}

void err_free(struct err *e)
{
	free(e);
}
