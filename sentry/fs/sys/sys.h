/* sys.h - the system file system: what libraries look up about processors and memory (sysfs(5)). */
#pragma once

#include "sentry/vfs/inode.h"

int sys_mount(struct superblock **out) MUST_CHECK;
