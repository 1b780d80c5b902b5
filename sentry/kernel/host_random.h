/* host_random.h - random bytes from the host's kernel. */
#pragma once

#include "platform/base/base.h"

/* Never sleeps for long: the host's generator has been seeded since its boot. */
void host_random(void *buf, size_t bytes);
