/* dcache.h - the cache of names. For vfs/ and the path system calls; file systems see dentries only in revalidate.
 *
 * A name and what it stands for, or that there is nothing (negative). Dentries in use are counted; unused ones
 * stay on an LRU list until DCACHE_CAP. Unless said otherwise: the directory's inode->lock is held. */
#pragma once

#include "sentry/vfs/path.h"

#define DCACHE_CAP 20000
enum {
	DENTRY_HASHED = 1, DENTRY_LRU = 2,
	DENTRY_ANON = 4,                  /* a nameless place (file_get_path) */
	DENTRY_TMPFILE = 8,               /* O_TMPFILE: link(2) may give it a name */
};

/* The root of a superblock. *: a reference. */
struct dentry *dcache_root(struct superblock *sb);
/* A dentry outside every tree, for an anonymous file. *: a reference. */
struct dentry *dcache_anon(struct inode *i, const char *name);

/* Of O_TMPFILE: in dir, but with no name anybody finds. *: a reference. */
struct dentry *dcache_tmpfile(struct dentry *dir, struct inode *i, bool linkable);

/* What `name` (len bytes) in dir is: cached, or asked of the file system, whose lock it takes itself unless `locked`.
 * A negative dentry if there is nothing. *out: a reference. Sleeps. */
int dcache_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out) MUST_CHECK;
/* Only a cached one that needs no revalidation, or NULL. Never sleeps. No lock needed. */
struct dentry *dcache_find(struct dentry *dir, const char *name, size_t len);
/* Is it cached, good or not? Never sleeps. */
bool dcache_has(struct dentry *dir, const char *name, size_t len);

/* Asks, in one go, whether what is cached of `path` from dir on is still so; the lookups of this coroutine believe it, each once,
 * until it is forgotten at the end of the walk. Sleeps; no lock may be held. */
void dcache_revalidate_ahead(struct dentry *dir, const char *path);
void dcache_forget_ahead(void);

/* A negative dentry becomes i (takes a reference itself). */
void dcache_instantiate(struct dentry *d, struct inode *i);
/* The name is gone: unlink, rmdir, or replaced. Users of the dentry keep it. */
void dcache_delete(struct dentry *d);
/* What was remembered may be wrong: the next lookup asks the file system. */
void dcache_forget(struct dentry *d);
/* d becomes `name` in dir (a reference is taken); what was there must have been deleted from the cache. */
void dcache_move(struct dentry *d, struct dentry *dir, const char *name);
void dcache_exchange(struct dentry *a, struct dentry *b);

/* Makes the dentry, and all above it, findable by its name even where names are not cached: before a mount covers it. */
void dcache_pin(struct dentry *d);
/* Forgets what is below d and unused; with no lock. May sleep. */
void dcache_prune(struct dentry *d);
void dcache_shrink_sb(struct superblock *sb);
bool dentry_is_below(const struct dentry *d, const struct dentry *top);   /* or the same */
size_t dcache_count(void);
