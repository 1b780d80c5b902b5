/* compat_calls.c - what is worth knowing of a --strace output that may be endless. */
#include <string.h>

#include "loader/compat.h"

static void add_enosys(struct calls *c)
{
	/* One line a call: what is before the arguments names it. */
	const char *name = strchr(c->line, ']') ? strchr(c->line, ']') + 1 : c->line;
	size_t len = strcspn(name, "(") + 1;
	for (int i = 0; i < c->nenosys; i++) {
		const char *known = strchr(c->enosys[i], ']') ? strchr(c->enosys[i], ']') + 1 : c->enosys[i];
		if (strncmp(known, name, len) == 0)
			return;
	}
	if (c->nenosys < CALLS_ENOSYS)
		memcpy(c->enosys[c->nenosys++], c->line, CALLS_LINE);
}

static void end_line(struct calls *c, bool enosys)
{
	c->line[c->line_len] = '\0';
	c->line_len = 0;
	if (strstr(c->line, "+++ exited with") || c->line[0] == '\0')
		return;
	if (enosys)
		add_enosys(c);
	memcpy(c->last[c->count++ % CALLS_LAST], c->line, CALLS_LINE);
}

void calls_feed(struct calls *c, const char *data, size_t len)
{
	while (len > 0) {
		const char *nl = memchr(data, '\n', len);
		size_t part = nl ? (size_t)(nl - data) : len;
		size_t room = sizeof(c->line) - 1 - c->line_len;
		memcpy(c->line + c->line_len, data, MIN(part, room));
		c->line_len += MIN(part, room);
		if (!nl)
			return;
		/* Arguments may fill the line; the result is at its end. */
		static const char mark[] = "= -1 ENOSYS";
		end_line(c, memmem(data, part, mark, sizeof(mark) - 1) != NULL);
		data += part + 1;
		len -= part + 1;
	}
}

const char *calls_last(const struct calls *c, int i)
{
	uint64_t n = MIN(c->count, (uint64_t)CALLS_LAST);
	return (uint64_t)i < n ? c->last[(c->count - n + (uint64_t)i) % CALLS_LAST] : NULL;
}
