/* report.c - see report.h. */
#include "loader/report.h"

#include <string.h>
#include <sys/socket.h>

bool report_send(int sock, const struct report *r)
{
	return send(sock, r, sizeof(*r), MSG_NOSIGNAL) == (ssize_t)sizeof(*r);
}

bool report_recv(int sock, struct report *out, int flags)
{
	memset(out, 0, sizeof(*out));
	ssize_t n;
	do
		n = recv(sock, out, sizeof(*out), flags);
	while (n < 0 && errno == EINTR);
	out->text[sizeof(out->text) - 1] = '\0';
	return n == (ssize_t)sizeof(*out);
}
