/* ahead.h - walking ahead: several components of a path in one message. */
#pragma once

#include "sentry/fs/gofer/gofer_inode.h"

/* inode_ops.walk_ahead: `rest` is the whole path that is about to be looked up from dir on; `open`: its end will be opened for
 * reading. What comes back waits here for the lookups. Sleeps. */
void gofer_walk_ahead(struct inode *dir, const char *rest, bool open);

/* Was (dir, name) fetched ahead? 0: *e and *fd (or -1) are the caller's, e->text is valid until the next call here; an errno
 * other than EAGAIN (negative): the answer; -EAGAIN: not known. Never sleeps. */
int gofer_ahead_take(struct gofer_inode *dir, const char *name, struct gofer_entry *e, int *fd);

/* Names in this file system have changed: what was fetched may be wrong. */
void gofer_ahead_drop(struct gofer_sb *gsb);
