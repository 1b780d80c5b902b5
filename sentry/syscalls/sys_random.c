/* sys_random.c - getrandom(2).
 *
 * LINUX    drivers/char/random.c. The host's generator is seeded, so no call waits; a long one ends early for a signal. */
#include <sys/random.h>

#include "sentry/kernel/host_random.h"
#include "sentry/syscalls/table.h"

#ifndef GRND_INSECURE
#define GRND_INSECURE 4
#endif

long sys_getrandom(struct task *t, uptr_t buf, uint64_t buflen, unsigned flags)
{
	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;

	char chunk[1024];
	uint64_t done = 0;
	buflen = MIN(buflen, MAX_RW_COUNT);
	while (done < buflen) {
		size_t n = MIN(buflen - done, (uint64_t)sizeof(chunk));
		host_random(chunk, n);
		if (copy_to_user(t, uptr_add(buf, done), chunk, n))
			return done ? (long)done : -EFAULT;
		done += n;
		if (done % (64 * sizeof(chunk)) == 0) {
			if (signal_pending(t))
				break;
			co_yield();
		}
	}
	return done;
}
