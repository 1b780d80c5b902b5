/* sys.h - the system file system: what libraries look up about processors and memory (sysfs(5)). */
#pragma once

#include "sentry/vfs/inode.h"

int sysfs_mount(struct superblock **out) MUST_CHECK;
