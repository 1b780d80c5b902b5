/* escape.c - text inside of JSON strings and of HTML. */
#include "loader/escape.h"

#include <stdbool.h>
#include <string.h>

/* Length of the UTF-8 character at s, or 0: it is none. */
static int utf8_len(const unsigned char *s)
{
	int len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	for (int i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong, surrogates, past the end. */
	bool bad = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
		   (s[0] == 0xf4 && s[1] >= 0x90);
	return bad ? 0 : len;
}

static void put(FILE *to, const char *text, void (*special)(FILE *to, unsigned char c), const char *specials)
{
	const unsigned char *s = (const unsigned char *)text;
	while (*s) {
		int len = utf8_len(s);
		if (len == 0)
			fputs("\xef\xbf\xbd", to);
		else if (*s < ' ' || strchr(specials, *s))
			special(to, *s);
		else
			fwrite(s, 1, (size_t)len, to);
		s += len ? len : 1;
	}
}

static void json_special(FILE *to, unsigned char c)
{
	if (c < ' ')
		fprintf(to, "\\u%04x", c);
	else
		fprintf(to, "\\%c", c);
}

void json_string(FILE *to, const char *s)
{
	if (!s) {
		fputs("null", to);
		return;
	}
	fputc('"', to);
	put(to, s, json_special, "\"\\");
	fputc('"', to);
}

static void html_special(FILE *to, unsigned char c)
{
	const char *name = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : " ";
	fputs(name, to);
}

void html_text(FILE *to, const char *s)
{
	put(to, s ? s : "", html_special, "<>&\"");
}
