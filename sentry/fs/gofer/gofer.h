/* gofer.h - host directories and files as a file system, by way of the gofer process. */
#pragma once

#include "sentry/vfs/inode.h"

/* At boot: the connection. fd: SOCK_SEQPACKET, stays the caller's to keep open for ever. -EPROTO: not a gofer. Waits for
 * the gofer's first answer (in a coroutine: sleeps). */
int gofer_connect(int fd) MUST_CHECK;

/* The file system of an export. Its root inode is a directory, or a regular file if the export is one. read_only: no change
 * gets through, whatever the export allows. shared: the host may change things meanwhile: everything is revalidated
 * at each look; else what was seen is taken to stay. *out: a reference. -ENOENT: no such export. Sleeps. */
int gofer_mount(int export, bool read_only, bool shared, struct superblock **out) MUST_CHECK;

/* Fetches what will be looked up soon, all in one round trip; what is not there, or is not needed, does no harm. Sleeps. */
struct gofer_hint {
	struct superblock *sb;            /* from gofer_mount(), of a directory */
	const char *path;                 /* from its root, no leading slash */
	bool open;                        /* it will be opened for reading */
};
void gofer_walk_all_ahead(const struct gofer_hint *v, int n);
