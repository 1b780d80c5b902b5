/* propagate.h - shared subtrees: which mounts hear of what is mounted on others (mount_namespaces(7)). For vfs/mount.c. */
#pragma once

#include "sentry/vfs/path.h"

/* Mounts that show the same: what happens on one happens on all, and on the slaves of the group. Exists while it has members. */
struct peer_group {
	int id;                           /* of /proc/PID/mountinfo */
	TAILQ_HEAD(, mount) members, slaves;
};

void mount_make_shared(struct mount *m);
void mount_make_slave(struct mount *m);       /* of its peers; without any: of its master, or of nobody */
void mount_make_private(struct mount *m);
/* c, a fresh copy of old, joins its group and its master's slaves; as a slave: becomes a slave of the group. */
void mount_copy_groups(struct mount *c, const struct mount *old, bool as_slave);

struct mount_list_of { size_t n; struct mount **m; };
/* Who receives what happens on m, m itself not included: members and slaves, and theirs. The caller frees m. */
void mount_receivers(const struct mount *m, struct mount_list_of *out);
