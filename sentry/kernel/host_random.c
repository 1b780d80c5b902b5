/* host_random.c - random bytes from the host's kernel: getrandom(2). */
#include "sentry/kernel/host_random.h"

#include <sys/random.h>

void host_random(void *buf, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = getrandom((char *)buf + done, bytes - done, 0);
		if (n < 0 && errno == EINTR)
			continue;
		CHECK(n > 0);
		done += n;
	}
}
