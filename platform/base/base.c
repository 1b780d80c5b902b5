/* base.c - see base.h. */
#include "platform/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/live.h"

int debug_fd = -1;
long live_objects[LIVE_COUNT];

void check_failed(const char *cond, const char *file, int line)
{
	char buf[256];
	int n = snprintf(buf, sizeof(buf), "sbx: internal error: %s:%d: %s\n", file, line, cond);
	if (n > 0 && write(2, buf, MIN((size_t)n, sizeof(buf) - 1)) < 0)
		abort();
	abort();
}

void *xzalloc(size_t bytes)
{
	/* Not calloc(): glibc's passes its own cache of small blocks by. */
	void *p = malloc(bytes);
	CHECK(p != NULL);
	return memset(p, 0, bytes);
}

char *xstrdup(const char *s)
{
	char *p = strdup(s);
	CHECK(p != NULL);
	return p;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t now_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t now_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void debugf(const char *fmt, ...)
{
	if (debug_fd < 0)
		return;
	char buf[1024];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	/* A diagnostic that cannot be written has nobody left to tell. */
	ssize_t done = write(debug_fd, buf, MIN((size_t)n, sizeof(buf) - 1));
	(void)done;
}

#ifdef __SANITIZE_ADDRESS__
/* The loader's memory is freed by its end. The sentry's objects are counted by itself. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif
