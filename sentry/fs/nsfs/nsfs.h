/* nsfs.h - namespaces as files (namespaces(7)). */
#pragma once

#include "sentry/kernel/ns.h"
#include "sentry/vfs/file.h"

#define NSFS_MAGIC 0x6e736673

/* A nameless place of the namespace, outside every mount namespace. *out: references. */
void nsfs_path(struct ns ns, struct path *out);
/* Which namespace a file is; false: none. Borrowed from the file. */
bool nsfs_ns(const struct file *f, struct ns *out);
