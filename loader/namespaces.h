/* namespaces.h - new namespaces with a new process as their first. */
#pragma once

#include "loader/sandbox.h"

/* Forks init into namespaces of its own. In the parent: sb->init_pid and init_pidfd are set. In the child *out_child is
 * true; it has no ids in its user namespace until the parent calls namespaces_map(). */
struct err *namespaces_clone(struct sandbox *sb, bool *out_child) MUST_CHECK;

/* Moves this process, init, into a new network namespace, the only one that is not there from the start. */
struct err *namespaces_network(void) MUST_CHECK;

/* Writes init's uid and gid maps: as root each id is itself, else root stands for the caller alone. Sets nobody_mapped. */
struct err *namespaces_map(struct sandbox *sb) MUST_CHECK;

/* What in this host's settings may be why namespaces or mounts are refused; "" if nothing is found. */
const char *namespaces_hint(void);
