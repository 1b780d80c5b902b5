/* dev.h - /dev: the device nodes every program expects, and the memory devices behind some of them. */
#pragma once

#include "sentry/vfs/inode.h"

/* A tmpfs with the usual nodes and links in it. *out: a reference. */
int dev_mount(struct superblock **out) MUST_CHECK;

/* At boot: null, zero, full, random, urandom (major 1). */
void mem_devices_register(void);
