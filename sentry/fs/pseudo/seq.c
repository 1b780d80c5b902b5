/* seq.c - text that grows. */
#include "sentry/fs/pseudo/seq.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for `bytes` more and a NUL. */
static bool seq_reserve(struct seq *s, size_t bytes)
{
	size_t need;
	if (s->failed || __builtin_add_overflow(s->len, bytes + 1, &need) || need > SEQ_MAX) {
		s->failed = true;
		return false;
	}
	if (need <= s->cap)
		return true;
	size_t cap = MAX(need, s->cap ? s->cap * 2 : 1024);
	char *buf = realloc(s->buf, cap);
	if (!buf) {
		s->failed = true;
		return false;
	}
	s->buf = buf;
	s->cap = cap;
	return true;
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !seq_reserve(s, n))
		return;
	va_start(ap, fmt);
	vsnprintf(s->buf + s->len, n + 1, fmt, ap);
	va_end(ap);
	s->len += n;
}

void seq_write(struct seq *s, const void *data, size_t bytes)
{
	if (!seq_reserve(s, bytes))
		return;
	memcpy(s->buf + s->len, data, bytes);
	s->len += bytes;
}

void seq_puts(struct seq *s, const char *text)
{
	seq_write(s, text, strlen(text));
}

void seq_escaped(struct seq *s, const char *text, const char *escape)
{
	for (; *text; text++) {
		if (strchr(escape, *text) || *text == '\\')
			seq_printf(s, "\\%03o", (unsigned char)*text);
		else
			seq_write(s, text, 1);
	}
}

static bool bit(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

void seq_bitlist(struct seq *s, const uint64_t *bits, size_t nbits)
{
	const char *sep = "";
	for (size_t i = 0; i < nbits; i++) {
		if (!bit(bits, i))
			continue;
		size_t first = i;
		while (i + 1 < nbits && bit(bits, i + 1))
			i++;
		seq_printf(s, first == i ? "%s%zu" : "%s%zu-%zu", sep, first, i);
		sep = ",";
	}
}

void seq_bitmask(struct seq *s, const uint64_t *bits, size_t nbits)
{
	size_t groups = (nbits + 31) / 32, top = nbits % 32 ? nbits % 32 : 32;
	for (size_t g = groups; g-- > 0;) {
		uint32_t word = (uint32_t)(bits[g / 2] >> (g % 2 * 32));
		if (g == groups - 1)
			seq_printf(s, "%0*x", (int)(top + 3) / 4, top == 32 ? word : word & ((1U << top) - 1));
		else
			seq_printf(s, ",%08x", word);
	}
}

void seq_fini(struct seq *s)
{
	free(s->buf);
	*s = (struct seq){ 0 };
}
