/* proc.h - the process file system (proc(5)). */
#pragma once

#include "sentry/vfs/inode.h"

int proc_mount(struct superblock **out) MUST_CHECK;
