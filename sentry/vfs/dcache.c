/* dcache.c - the cache of names (see dcache.h).
 *
 * HOW      One hash table over (directory, name), which grows: a new sandbox touches one page of it. One LRU list of dentries
 *          that nobody uses. A dentry holds its parent
 *          and its inode, so a directory stays while anything below it is cached. Everything that may sleep (the file
 *          system's lookup, the last put of an inode) happens when the tables are consistent.
 *          On superblocks with no_dcache dentries are not hashed, except the pinned ones a mount lies on.
 * LINUX    fs/dcache.c, without RCU, aliases and d_revalidate's flags. */
#include "sentry/vfs/dcache.h"

#include <stdio.h>
#include <string.h>

#define HASH_MAX (1 << 14)
static struct dentry *hash_table[HASH_MAX] __attribute__((aligned(4096)));
static size_t hash_size = 512, nhashed;   /* buckets in use, a power of 2 */
static TAILQ_HEAD(, dentry) lru = TAILQ_HEAD_INITIALIZER(lru);
static size_t nlru, ndentries;

size_t dcache_count(void)
{
	return ndentries;
}

/* Eight bytes at a time; a guest that makes its names collide only slows itself and its sandbox down. */
static uint64_t hash_of(const struct dentry *dir, const char *name, size_t len)
{
	uint64_t h = (uint64_t)(uintptr_t)dir * 0x9e3779b97f4a7c15ULL + len, word;
	for (; len >= sizeof(word); name += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	word = 0;
	for (; len > 0; len--)
		word = word << 8 | (unsigned char)name[len - 1];
	h = (h ^ word) * 0xff51afd7ed558ccdULL;
	return h ^ h >> 32;
}

static struct dentry **bucket_of(uint64_t hash)
{
	return &hash_table[hash & (hash_size - 1)];
}

/* Every bucket's dentries go to one of two. */
static void hash_grow(void)
{
	size_t old = hash_size;
	hash_size *= 2;
	for (size_t i = 0; i < old; i++) {
		struct dentry *d = TAKE(hash_table[i]), *next;
		for (; d; d = next) {
			next = d->hash_next;
			struct dentry **b = bucket_of(d->hash);
			d->hash_next = *b;
			*b = d;
		}
	}
}

static void hash_insert(struct dentry *d)
{
	if (++nhashed > hash_size && hash_size < HASH_MAX)
		hash_grow();
	d->hash = hash_of(d->parent, d->name, strlen(d->name));
	struct dentry **b = bucket_of(d->hash);
	d->hash_next = *b;
	*b = d;
	d->flags |= DENTRY_HASHED;
}

static void hash_remove(struct dentry *d)
{
	if (!(d->flags & DENTRY_HASHED))
		return;
	struct dentry **p = bucket_of(d->hash);
	while (*p != d)
		p = &(*p)->hash_next;
	*p = d->hash_next;
	nhashed--;
	d->flags &= ~(uint64_t)DENTRY_HASHED;
}

static void sibling_insert(struct dentry *d)
{
	struct dentry **head = &d->parent->children;
	d->sib_next = *head;
	d->sib_prev = head;
	if (*head)
		(*head)->sib_prev = &d->sib_next;
	*head = d;
}

static void sibling_remove(struct dentry *d)
{
	if (!d->sib_prev)
		return;
	*d->sib_prev = d->sib_next;
	if (d->sib_next)
		d->sib_next->sib_prev = d->sib_prev;
	d->sib_next = NULL;
	d->sib_prev = NULL;
}

static void lru_remove(struct dentry *d)
{
	if (!(d->flags & DENTRY_LRU))
		return;
	TAILQ_REMOVE(&lru, d, lru);
	nlru--;
	d->flags &= ~(uint64_t)DENTRY_LRU;
}

/* --- life --- */

static struct dentry *dentry_new(struct dentry *parent, const char *name, size_t len, struct superblock *sb)
{
	struct dentry *d = NEW(struct dentry);
	d->refs = 1;
	d->sb = sb;
	d->name = xzalloc(len + 1);
	memcpy(d->name, name, len);
	d->parent = parent ? dentry_get(parent) : d;
	if (parent)
		sibling_insert(d);
	ndentries++;
	return d;
}

struct dentry *dcache_root(struct superblock *sb)
{
	if (sb->root_dentry)
		return dentry_get(sb->root_dentry);
	struct dentry *d = dentry_new(NULL, "", 0, sb);
	d->inode = inode_get(sb->root);
	sb->root_dentry = d;
	return d;
}

struct dentry *dcache_anon(struct inode *i, const char *name)
{
	struct dentry *d = dentry_new(NULL, name, strlen(name), i->sb);
	d->inode = inode_get(i);
	d->flags |= DENTRY_ANON;
	return d;
}

struct dentry *dcache_tmpfile(struct dentry *dir, struct inode *i, bool linkable)
{
	char name[24];
	int len = snprintf(name, sizeof(name), "#%llu", (unsigned long long)i->ino);
	struct dentry *d = dentry_new(dir, name, (size_t)len, dir->sb);
	d->inode = inode_get(i);
	d->unhashed = true;
	if (linkable)
		d->flags |= DENTRY_TMPFILE;
	return d;
}

struct dentry *dentry_get(struct dentry *d)
{
	d->refs++;
	lru_remove(d);
	return d;
}

static bool worth_keeping(const struct dentry *d)
{
	if (!(d->flags & DENTRY_HASHED) || d->sb->no_dcache)
		return false;
	return d->inode ? d->inode->nlink > 0 : d->sb->cache_negative;
}

/* Unused and on no list any more: frees it. Returns its parent, whose reference passes to the caller, or NULL. */
static struct dentry *dentry_free(struct dentry *d)
{
	lru_remove(d);
	hash_remove(d);
	sibling_remove(d);
	if (d->sb->root_dentry == d)
		d->sb->root_dentry = NULL;
	struct dentry *parent = d->parent == d ? NULL : d->parent;
	struct inode *i = d->inode;
	free(d->name);
	free(d);
	ndentries--;
	inode_put(i);
	return parent;
}

void dentry_put(struct dentry *d)
{
	while (d) {                       /* upwards without recursion: paths may be deep */
		CHECK(d->refs > 0);
		if (--d->refs > 0)
			return;
		if (worth_keeping(d)) {
			TAILQ_INSERT_TAIL(&lru, d, lru);
			nlru++;
			d->flags |= DENTRY_LRU;
			if (nlru <= DCACHE_CAP)
				return;
			d = TAILQ_FIRST(&lru);
		}
		d = dentry_free(d);
	}
}

void path_get(const struct path *p)
{
	if (p->mnt)
		mount_get(p->mnt);
	if (p->dentry)
		dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	struct dentry *d = TAKE(p->dentry);
	struct mount *m = TAKE(p->mnt);
	if (d)
		dentry_put(d);
	if (m)
		mount_put(m);
}

/* --- forgetting --- */

void dcache_prune(struct dentry *d)
{
	/* Freeing a leaf may free those above it, so start over at the top each time: the walk down is short. */
	dentry_get(d);
	for (;;) {
		struct dentry *leaf = d->children;
		while (leaf && !(leaf->refs == 0)) {
			/* In use: by something below it, perhaps only by unused ones. */
			if (leaf->children)
				leaf = leaf->children;
			else {
				while (leaf != d && !leaf->sib_next)
					leaf = leaf->parent;
				leaf = leaf == d ? NULL : leaf->sib_next;
			}
		}
		if (!leaf)
			break;
		dentry_put(dentry_free(leaf));
	}
	dentry_put(d);
}

void dcache_shrink_sb(struct superblock *sb)
{
	if (sb->root_dentry)
		dcache_prune(sb->root_dentry);
}

bool dentry_is_below(const struct dentry *d, const struct dentry *top)
{
	while (d != top && d->parent != d)
		d = d->parent;
	return d == top;
}

/* --- finding --- */

static struct dentry *find_hashed(struct dentry *dir, const char *name, size_t len)
{
	uint64_t hash = hash_of(dir, name, len);
	for (struct dentry *d = *bucket_of(hash); d; d = d->hash_next) {
		if (d->hash == hash && d->parent == dir && strncmp(d->name, name, len) == 0 && d->name[len] == '\0')
			return d;
	}
	return NULL;
}

struct dentry *dcache_find(struct dentry *dir, const char *name, size_t len)
{
	struct dentry *d = find_hashed(dir, name, len);
	if (!d || (d->sb->ops->revalidate && !d->mounted))
		return NULL;
	return dentry_get(d);
}

bool dcache_has(struct dentry *dir, const char *name, size_t len)
{
	return find_hashed(dir, name, len);
}

/* --- asking ahead: what was found good just now, and who asked. Dentries are not held, only compared: what came to be at the same
 * place since then is fresh, too. --- */

#define AHEAD_MAX 16
static struct { struct co *co; struct dentry *good[AHEAD_MAX]; } ahead;

void dcache_forget_ahead(void)
{
	if (ahead.co && ahead.co == co_current())
		ahead.co = NULL;
}

static struct dentry **find_ahead(const struct dentry *d)
{
	for (int i = 0; ahead.co && ahead.co == co_current() && i < AHEAD_MAX; i++)
		if (ahead.good[i] == d)
			return &ahead.good[i];
	return NULL;
}

static bool is_good(struct dentry *d)
{
	struct dentry **known = find_ahead(d);
	if (known)
		*known = NULL;
	return known || d->sb->ops->revalidate(d);
}

/* The cached dentries that path leads over, as far as it is that simple. */
static unsigned cached_chain(struct dentry *dir, const char *path, struct dentry *chain[AHEAD_MAX])
{
	unsigned n = 0;
	while (n < AHEAD_MAX && *path) {
		size_t len = strcspn(path, "/");
		struct dentry *d = len <= NAME_MAX ? find_hashed(dir, path, len) : NULL;
		if (!d || !d->inode || d->mounted)
			break;
		chain[n++] = dentry_get(d);
		dir = d;
		path += len + strspn(path + len, "/");
	}
	return n;
}

void dcache_revalidate_ahead(struct dentry *dir, const char *path)
{
	struct dentry *chain[AHEAD_MAX];
	bool good[AHEAD_MAX] = { false };
	unsigned n = cached_chain(dir, path, chain);
	if (n > 1 && !find_ahead(chain[0])) {
		dir->sb->ops->revalidate_all(chain, good, n);
		ahead.co = co_current();
		for (unsigned i = 0; i < AHEAD_MAX; i++)
			ahead.good[i] = i < n && good[i] ? chain[i] : NULL;
	}
	for (unsigned i = 0; i < n; i++)
		dentry_put(chain[i]);
}

/* A cached dentry that proved stale: others may still use it, by its old inode, but nobody finds it any more. */
static void forget_stale(struct dentry *d)
{
	hash_remove(d);
	dcache_prune(d);
}

static int lookup_locked(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
	struct superblock *sb = dir->sb;
	struct dentry *d = find_hashed(dir, name, len);
	if (d) {
		dentry_get(d);
		if (!sb->ops->revalidate || d->mounted || is_good(d)) {
			*out = d;
			return 0;
		}
		if (d->flags & DENTRY_HASHED)
			forget_stale(d);
		dentry_put(d);
	}
	if (!dir->inode->ops->lookup)
		return -ENOTDIR;
	d = dentry_new(dir, name, len, sb);
	int err = dir->inode->ops->lookup(dir->inode, d->name, &d->inode);
	if (err && err != -ENOENT) {
		dentry_put(d);
		return err;
	}
	if (!sb->no_dcache && (d->inode || sb->cache_negative))
		hash_insert(d);
	*out = d;
	return 0;
}

int dcache_lookup(struct dentry *dir, const char *name, size_t len, bool locked, struct dentry **out)
{
	*out = dcache_find(dir, name, len);
	if (*out)
		return 0;
	if (locked)
		return lookup_locked(dir, name, len, out);
	struct inode *i = dir->inode;
	sleep_lock_acquire(&i->lock);
	int err = dir->unhashed ? -ENOENT : lookup_locked(dir, name, len, out);
	sleep_lock_release(&i->lock);
	return err;
}

/* --- changing --- */

void dcache_instantiate(struct dentry *d, struct inode *i)
{
	CHECK(!d->inode);
	d->inode = inode_get(i);
	if (!(d->flags & DENTRY_HASHED) && !d->sb->no_dcache && !d->unhashed)
		hash_insert(d);
}

void dcache_delete(struct dentry *d)
{
	hash_remove(d);
	d->unhashed = true;
	if (d->inode && S_ISDIR(d->inode->mode))
		dcache_prune(d);
}

void dcache_forget(struct dentry *d)
{
	hash_remove(d);
}

void dcache_move(struct dentry *d, struct dentry *dir, const char *name)
{
	hash_remove(d);
	if (dir != d->parent) {
		struct dentry *old = d->parent;
		sibling_remove(d);
		d->parent = dentry_get(dir);
		sibling_insert(d);
		dentry_put(old);          /* never the last: the caller holds its path */
	}
	char *copy = xstrdup(name);
	free(d->name);
	d->name = copy;
	if (!d->sb->no_dcache)
		hash_insert(d);
}

void dcache_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *a_dir = dentry_get(a->parent);
	char *a_name = xstrdup(a->name);
	struct dentry *b_dir = dentry_get(b->parent);
	char *b_name = xstrdup(b->name);
	dcache_move(a, b_dir, b_name);
	dcache_move(b, a_dir, a_name);
	free(a_name);
	free(b_name);
	dentry_put(a_dir);
	dentry_put(b_dir);
}

void dcache_pin(struct dentry *d)
{
	for (; d->parent != d; d = d->parent) {
		if (!(d->flags & DENTRY_HASHED) && !d->unhashed && !find_hashed(d->parent, d->name, strlen(d->name)))
			hash_insert(d);
	}
}
