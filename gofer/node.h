/* node.h - the gofer's handles: what the sentry has walked to.
 *
 * A node is a file system object by an O_PATH descriptor. There can be more nodes than descriptors: a node whose descriptor
 * was taken away remembers its parent and name, and is opened again, and compared, when it is next used. A node whose name
 * is gone (unlinked, nameless) is pinned: its descriptor stays. */
#pragma once

#include <sys/queue.h>
#include <sys/stat.h>

#include "gofer/gofer.h"
#include "gofer/protocol.h"

struct node {
	int fd;                           /* O_PATH, or -1: taken away */
	int dir_fd;                       /* a directory being listed, or -1 */
	uint64_t dir_pos;                 /* where dir_fd stands */
	uint64_t id;
	uint64_t dev, ino;
	mode_t mode;                      /* the type bits never change */
	unsigned refs;                    /* the sentry's one, and one for each child node */
	bool open;                        /* the sentry has it */
	bool pinned;                      /* fd stays; the root, and what has lost its name */
	const struct gofer_export *export;
	struct node *parent;              /* a reference; NULL: the root, and what was born nameless */
	char *name;                       /* in parent */
	TAILQ_ENTRY(node) lru;            /* while fd >= 0 and not pinned */
};

struct node_slot { struct node *node; uint32_t generation, next_free; };

struct gofer {
	const struct gofer_config *cfg;
	int proc_fd;
	uint32_t uid, gid;                /* the gofer's own */
	struct node_slot *slots;
	uint32_t nslots, free_slot;       /* free_slot: 0 none; slot 0 is never used */
	unsigned nfds, max_fds;           /* of nodes */
	TAILQ_HEAD(, node) lru;           /* least recently used first */
	char scratch[GOFER_DATA_MAX];     /* what an answer points to, until it is sent */
};

void nodes_init(struct gofer *g, unsigned max_fds);
void nodes_fini(struct gofer *g);

/* A new node with one reference, the sentry's. Takes fd over, also on failure. name NULL: nameless, pinned.
 * -ENFILE, -ENOMEM. */
int node_new(struct gofer *g, int fd, const struct gofer_export *export, struct node *parent, const char *name,
	     const struct gofer_attr *attr, struct node **out) MUST_CHECK;

/* Borrowed; NULL: the sentry has no such node. */
struct node *node_find(struct gofer *g, uint64_t id);
void node_close(struct gofer *g, struct node *n);               /* the sentry's reference */

/* The descriptor, opened again if it was taken away. -ESTALE: something else has the name now. It stays at least until
 * the request that runs is answered. */
int node_fd(struct gofer *g, struct node *n) MUST_CHECK;

/* Makes room for one more descriptor. */
void nodes_make_room(struct gofer *g);

/* n is about to lose the name (parent, name), if that is the one it goes by: its descriptor has to stay. */
int node_pin(struct gofer *g, struct node *n, const struct node *parent, const char *name) MUST_CHECK;
/* n, which goes by (old_parent, old_name), has moved. Otherwise nothing. */
void node_moved(struct node *n, const struct node *old_parent, const char *old_name, struct node *parent,
		const char *name);
void node_close_dir(struct gofer *g, struct node *n);
