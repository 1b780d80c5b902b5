/* overlay.h - a read-only file system with changes kept in another one (overlayfs). */
#pragma once

#include "sentry/vfs/inode.h"

/* lower is never changed; upper is a tmpfs that nobody else uses. If lower's root is a file, so is the overlay's.
 * Takes references on both. Sleeps. *out: a reference. */
int overlay_mount(struct superblock *lower, struct superblock *upper, struct superblock **out) MUST_CHECK;

/* Before anybody else sees it: makes a directory, or a symlink if target is not NULL, that lower doesn't have; lower won't be asked
 * for it. path: from the root, without a leading slash. Never sleeps. */
int overlay_make(struct superblock *sb, const char *path, const char *target) MUST_CHECK;
