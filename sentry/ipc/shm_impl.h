/* shm_impl.h - between shm.c and shm_map.c. */
#pragma once

#include "sentry/ipc/shm.h"

void shm_destroy(struct shm *s);          /* nothing is attached: id and memory go. May sleep */
