/* node.c - see node.h. */
#include "gofer/node.h"

#include <fcntl.h>
#include <string.h>

#include "gofer/host.h"

#define NODES_MAX (8U << 20)              /* a bound for the table, not a target */
#define CHAIN_MAX 65536                   /* depth of directories that can be opened again */

void nodes_init(struct gofer *g, unsigned max_fds)
{
	g->slots = NULL;
	g->nslots = g->free_slot = 0;
	g->nfds = 0;
	g->max_fds = max_fds;
	TAILQ_INIT(&g->lru);
}

static bool in_lru(const struct node *n)
{
	return n->fd >= 0 && !n->pinned;
}

static void used(struct gofer *g, struct node *n)
{
	if (!in_lru(n))
		return;
	TAILQ_REMOVE(&g->lru, n, lru);
	TAILQ_INSERT_TAIL(&g->lru, n, lru);
}

void node_close_dir(struct gofer *g, struct node *n)
{
	if (n->dir_fd < 0)
		return;
	host_close(n->dir_fd);
	n->dir_fd = -1;
	g->nfds--;
}

static void drop_fd(struct gofer *g, struct node *n)
{
	if (in_lru(n))
		TAILQ_REMOVE(&g->lru, n, lru);
	node_close_dir(g, n);
	if (n->fd >= 0 && n->fd != n->export->fd) {
		host_close(n->fd);
		g->nfds--;
	}
	n->fd = -1;
}

void nodes_make_room(struct gofer *g)
{
	struct node *n;
	while (g->nfds >= g->max_fds && (n = TAILQ_FIRST(&g->lru)))
		drop_fd(g, n);
}

static int slot_alloc(struct gofer *g)
{
	if (g->free_slot)
		return 0;
	uint32_t n = g->nslots ? g->nslots * 2 : 256;
	if (n > NODES_MAX)
		return -ENFILE;
	struct node_slot *slots = realloc(g->slots, n * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + g->nslots, 0, (n - g->nslots) * sizeof(*slots));
	for (uint32_t i = n - 1; i >= MAX(g->nslots, 1U); i--) {
		slots[i].next_free = g->free_slot;
		g->free_slot = i;
	}
	g->slots = slots;
	g->nslots = n;
	return 0;
}

int node_new(struct gofer *g, int fd, const struct gofer_export *export, struct node *parent, const char *name,
	     const struct gofer_attr *attr, struct node **out)
{
	struct node *n = calloc(1, sizeof(*n));
	char *copy = name ? strdup(name) : NULL;
	int err = n && (copy || !name) ? slot_alloc(g) : -ENOMEM;
	if (err) {
		free(n);
		free(copy);
		if (fd != export->fd)
			host_close(fd);
		return err;
	}
	uint32_t i = g->free_slot;
	g->free_slot = g->slots[i].next_free;
	g->slots[i].node = n;
	n->id = (uint64_t)g->slots[i].generation << 32 | i;
	n->fd = fd;
	n->dir_fd = -1;
	n->dev = attr->dev;
	n->ino = attr->ino;
	n->mode = attr->mode;
	n->refs = 1;
	n->open = true;
	n->pinned = !name;
	n->export = export;
	n->parent = name ? parent : NULL;
	n->name = copy;
	if (n->parent)
		n->parent->refs++;
	if (fd != export->fd)
		g->nfds++;
	if (in_lru(n))
		TAILQ_INSERT_TAIL(&g->lru, n, lru);
	*out = n;
	return 0;
}

struct node *node_find(struct gofer *g, uint64_t id)
{
	uint32_t i = (uint32_t)id;
	if (i == 0 || i >= g->nslots)
		return NULL;
	struct node *n = g->slots[i].node;
	return n && n->id == id && n->open ? n : NULL;
}

static void put(struct gofer *g, struct node *n)
{
	while (n && --n->refs == 0) {             /* a chain of parents may go with it */
		struct node *parent = n->parent;
		drop_fd(g, n);
		struct node_slot *s = &g->slots[(uint32_t)n->id];
		s->node = NULL;
		s->generation++;
		s->next_free = g->free_slot;
		g->free_slot = (uint32_t)n->id;
		free(n->name);
		free(n);
		n = parent;
	}
}

void node_close(struct gofer *g, struct node *n)
{
	n->open = false;
	put(g, n);
}

/* Opens n by its name in its parent, whose descriptor is there. */
static int reopen(struct gofer *g, struct node *n)
{
	nodes_make_room(g);
	int fd = host_open_at(n->parent->fd, n->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? -ESTALE : fd;
	struct gofer_attr a;
	int err = host_stat(fd, &a);
	if (!err && (a.dev != n->dev || a.ino != n->ino || (a.mode & S_IFMT) != (n->mode & S_IFMT)))
		err = -ESTALE;
	if (err) {
		host_close(fd);
		return err;
	}
	n->fd = fd;
	g->nfds++;
	TAILQ_INSERT_TAIL(&g->lru, n, lru);
	return 0;
}

int node_fd(struct gofer *g, struct node *n)
{
	used(g, n);
	if (n->fd >= 0)
		return n->fd;

	/* The closest ancestor that is open; then down again. */
	size_t depth = 0;
	for (struct node *p = n; p && p->fd < 0; p = p->parent)
		if (++depth > CHAIN_MAX)
			return -ELOOP;
	struct node **chain = calloc(depth, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	struct node *p = n;
	for (size_t i = depth; i-- > 0; p = p->parent)
		chain[i] = p;
	int err = 0;
	if (p)
		used(g, p);
	for (size_t i = 0; i < depth && !err; i++)
		err = chain[i]->parent ? reopen(g, chain[i]) : -ESTALE;
	free(chain);
	return err ? err : n->fd;
}

static bool goes_by(const struct node *n, const struct node *parent, const char *name)
{
	return n->parent == parent && n->name && strcmp(n->name, name) == 0;
}

int node_pin(struct gofer *g, struct node *n, const struct node *parent, const char *name)
{
	if (n->pinned || !goes_by(n, parent, name))
		return 0;
	int fd = node_fd(g, n);
	if (fd < 0)
		return fd;
	TAILQ_REMOVE(&g->lru, n, lru);
	n->pinned = true;
	return 0;
}

void node_moved(struct node *n, const struct node *old_parent, const char *old_name, struct node *parent,
		const char *name)
{
	if (!goes_by(n, old_parent, old_name))
		return;
	char *copy = strdup(name);
	if (!copy)                                /* goes by its old name: stale if it is ever opened again */
		return;
	free(n->name);
	n->name = copy;
	if (n->parent != parent) {
		/* The sentry has the directory it moves out of, so this is never its last reference. */
		n->parent->refs--;
		n->parent = parent;
		parent->refs++;
	}
}

void nodes_fini(struct gofer *g)
{
	for (uint32_t i = 1; i < g->nslots; i++) {
		struct node *n = g->slots[i].node;
		if (!n)
			continue;
		node_close_dir(g, n);
		if (n->fd >= 0 && n->fd != n->export->fd)
			host_close(n->fd);
		free(n->name);
		free(n);
	}
	free(g->slots);
	nodes_init(g, g->max_fds);
}
