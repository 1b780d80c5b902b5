/* mount_impl.h - the parts of the tree of mounts that vfs/mount.c lends to its neighbours. */
#pragma once

#include "sentry/vfs/mount.h"

enum copy_as { COPY_PEER, COPY_SLAVE, COPY_SHARED_SLAVE };

/* In no tree yet. refs 1: the caller's. root NULL: sb's. */
struct mount *mount_new(struct superblock *sb, struct dentry *root, unsigned flags, const char *source);
/* A copy is as shared as the original; or its slave, and then perhaps a master of its own. refs 1, in no tree. */
struct mount *mount_copy(const struct mount *m, enum copy_as as);
/* Puts m on `at` (NULL: nowhere). The namespace's list takes over the caller's reference. */
void mount_attach(struct mount_ns *ns, struct mount *m, const struct path *at);
/* Takes m off where it lies, still in the namespace's list. May sleep. */
void mount_lift(struct mount *m);
/* May what has this root be mounted at `at`, in ns? */
int mount_check_at(struct mount_ns *ns, const struct dentry *root, const struct path *at) MUST_CHECK;
/* What is mounted below `from`, up to `last` in its namespace's list (NULL: all), also below its copy. */
void mount_copy_below(const struct path *from, struct mount *top, const struct mount *last, enum copy_as as);
/* top has come to lie on a shared mount: it, and what is on it, appears on that one's peers and slaves. */
void mount_pass_on(struct mount *top);
void mount_ns_changed(struct mount_ns *ns);
bool mount_has_locked_children(const struct path *p);
bool mount_has_unbindable(const struct mount *top);
