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
