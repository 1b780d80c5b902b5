/* mount.h - the tree of mounts, beyond what path.h has: for the walk and for mount(2), umount2(2), pivot_root(2). */
#pragma once

#include "sentry/vfs/path.h"

/* A mount's number, never given to another; for statx(2), listmount(2). */
#define MOUNT_UNIQUE_OFFSET (1ULL << 31)
static inline uint64_t mount_unique_id(const struct mount *m) { return MOUNT_UNIQUE_OFFSET + (uint64_t)m->id; }

/* Where p leads when mounts lie on it: steps into the topmost. Borrowed in, borrowed out. False: nothing there. */
bool mount_top(struct path *p);

/* The same with references: for "/" and ".", which a walk does not step down from. */
void mount_top_get(struct path *p);

/* MNT_EXPIRE: the second call in a row that finds the mount unused takes it away; the first says -EAGAIN, and puts at. */
int mount_expire(struct path *at) MUST_CHECK;

/* Copies what is seen at `from` to `at` (MS_BIND); with `recursive` also what is mounted below it (MS_REC). Sleeps. */
int mount_bind(const struct path *from, const struct path *at, bool recursive) MUST_CHECK;
/* Moves a mount, with what is mounted in it (MS_MOVE). -ELOOP: into itself. */
int mount_move(struct mount *m, const struct path *at) MUST_CHECK;
/* new_root goes to where `root` is, the caller's, which goes to put_old; everybody's root and cwd move along. */
int mount_pivot(struct mount_ns *ns, const struct path *root, const struct path *new_root, const struct path *put_old) MUST_CHECK;
/* Of a mount in a namespace, and with `recursive` of all below it. */
enum mount_propagation { PROPAGATE_PRIVATE, PROPAGATE_SHARED, PROPAGATE_SLAVE, PROPAGATE_UNBINDABLE };
void mount_set_propagation(struct mount *m, enum mount_propagation how, bool recursive);
bool mount_is_below(const struct mount *m, const struct mount *top);    /* or the same */

/* --- trees that lie nowhere yet (vfs/mount_tree.c); *out: a namespace of their own, a reference --- */
int mount_tree_new(struct user_ns *owner, struct superblock *sb, unsigned flags, const char *source, struct mount_ns **out) MUST_CHECK;
/* A copy of what ns, or such a tree, has at `from`. */
int mount_tree_copy(struct mount_ns *ns, const struct path *from, bool recursive, struct mount_ns **out) MUST_CHECK;
/* top, the root of such a tree, with what is on it: to `at` in ns. */
int mount_tree_place(struct mount_ns *ns, struct mount *top, const struct path *at) MUST_CHECK;
/* m, of ns or of such a tree, under `over`, which then lies on m's root. */
int mount_place_beneath(struct mount_ns *ns, struct mount *m, struct mount *over) MUST_CHECK;
/* Of a mount, and with `recursive` of all below it: all or none. -EPERM: some may not. */
int mount_change_flags(struct mount *top, unsigned set, unsigned clear, bool recursive) MUST_CHECK;
