/* keyring.c - links between keyrings and keys, and the search along them (key.h).
 *
 * HOW     A link counts four bytes of its keyring's quota, which bounds the array. A search marks the keyrings that it has been in:
 *         a guest could otherwise make one that visits each of them more often than there are nanoseconds.
 * LINUX   security/keys/keyring.c. Same: six levels, the errors' order, what a link displaces. */
#include "sentry/keys/key.h"

#include <string.h>

#define LINK_BYTES 4
#define LEVELS 6
#define LINKS_MAX 65535

struct key *keyring_find(const struct key *ring, const struct key_type *type, const char *desc)
{
	for (unsigned i = 0; i < ring->nlinks; i++) {
		struct key *k = ring->links[i];
		if (k->type == type && !strcmp(k->desc, desc))
			return k;
	}
	return NULL;
}

static unsigned visits;

/* Is `wanted` below ring, or is there more below than LEVELS? */
static int look_for_cycle(struct key *ring, const struct key *wanted, int level)
{
	if (ring == wanted)
		return -EDEADLK;
	if (level >= LEVELS)
		return -ELOOP;
	if (ring->visit == visits)
		return 0;
	ring->visit = visits;
	for (unsigned i = 0; i < ring->nlinks; i++) {
		int err = ring->links[i]->type->is_ring ? look_for_cycle(ring->links[i], wanted, level + 1) : 0;
		if (err)
			return err;
	}
	return 0;
}

int keyring_may_link(const struct key *ring, const struct key *k)
{
	if (!ring->type->is_ring)
		return -ENOTDIR;
	if (ring->revoked || ring->invalidated)
		return -EKEYREVOKED;
	if (ring->sealed)
		return -EPERM;
	if (ring->nlinks >= LINKS_MAX)
		return -ENFILE;
	if (!k || !k->type->is_ring)
		return 0;
	visits++;
	return look_for_cycle((struct key *)k, ring, 0);
}

int keyring_link(struct key *ring, struct key *k)
{
	int err = keyring_may_link(ring, k);
	if (err)
		return err;
	for (unsigned i = 0; i < ring->nlinks; i++) {
		struct key *old = ring->links[i];
		if (old->type != k->type || strcmp(old->desc, k->desc))
			continue;
		ring->links[i] = key_get(k);
		key_put(old);
		return 0;
	}
	err = key_charge(ring, LINK_BYTES);
	if (err)
		return err;
	if (ring->nlinks == ring->room) {
		unsigned room = ring->room ? ring->room * 2 : 4;
		struct key **links = xzalloc(room * sizeof(*links));
		if (ring->nlinks)
			memcpy(links, ring->links, ring->nlinks * sizeof(*links));
		free(ring->links);
		ring->links = links;
		ring->room = room;
	}
	ring->links[ring->nlinks++] = key_get(k);
	return 0;
}

int keyring_unlink(struct key *ring, const struct key *k)
{
	for (unsigned i = 0; i < ring->nlinks; i++) {
		if (ring->links[i] != k)
			continue;
		ring->nlinks--;
		memmove(&ring->links[i], &ring->links[i + 1], (ring->nlinks - i) * sizeof(*ring->links));
		CHECK(key_charge(ring, -LINK_BYTES) == 0);
		key_put((struct key *)k);
		return 0;
	}
	return -ENOENT;
}

void keyring_clear(struct key *ring)
{
	while (ring->nlinks)
		CHECK(keyring_unlink(ring, ring->links[ring->nlinks - 1]) == 0);
}

/* What a key that has the name says: found, or why it isn't. */
static int judge(struct key_ref r, const struct key_search *s)
{
	int err = s->key ? 0 : key_validate(r.key);
	if (err)
		return err == -ENOKEY ? -EKEYREVOKED : err;
	err = key_permit(r, s->cred, KEY_SEARCH);
	if (!err && !s->key && r.key->negative)
		err = -ENOKEY;
	return err;
}

static int search(struct key_ref from, const struct key_search *s, int level, struct key_ref *out)
{
	struct key *ring = from.key;
	int result = -EAGAIN;
	if (ring->visit == visits)
		return -EAGAIN;
	ring->visit = visits;
	if (!s->key && key_validate(ring))
		return -EAGAIN;
	for (unsigned i = 0; i < ring->nlinks; i++) {
		struct key_ref r = { ring->links[i], from.possessed };
		if (s->key ? r.key != s->key : r.key->type != s->type || strcmp(r.key->desc, s->desc))
			continue;
		int err = judge(r, s);
		if (!err)
			*out = r;
		if (!err || err == -ENOKEY)
			return err;
		result = err;
	}
	for (unsigned i = 0; i < ring->nlinks && level + 1 < LEVELS; i++) {
		struct key_ref r = { ring->links[i], from.possessed };
		if (!r.key->type->is_ring || key_permit(r, s->cred, KEY_SEARCH))
			continue;
		int err = search(r, s, level + 1, out);
		if (!err || err == -ENOKEY)
			return err;
		if (err != -EAGAIN)
			result = err;
	}
	return result;
}

int keyring_search(struct key_ref from, const struct key_search *s, struct key_ref *out)
{
	if (!from.key->type->is_ring)
		return -ENOTDIR;
	int err = key_permit(from, s->cred, KEY_SEARCH);
	if (err)
		return err;
	/* A keyring may be what it is looked for in. */
	if (s->key ? from.key == s->key : from.key->type == s->type && !strcmp(from.key->desc, s->desc)) {
		err = judge(from, s);
		if (!err)
			*out = from;
		return err;
	}
	visits++;
	return search(from, s, 0, out);
}
