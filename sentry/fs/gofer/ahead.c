/* ahead.c - see ahead.h.
 *
 * HOW      vfs/ looks up one name at a time; a message for each would make every cold path cost a round trip per component.
 *          So it tells us the whole path first: one WALK fetches up to 16 components, and the lookups that follow find them in a
 *          small table. On exclusive mounts what was true is still true; on shared ones it is for the guest's call that asked, not
 *          for the next. Changes of names through us empty the table. ".." and symlinks end a walk: what they mean is vfs/'s
 *          to say. */
#include "sentry/fs/gofer/ahead.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sentry/fs/gofer/gofer.h"

#define SLOTS 64

struct slot {
	struct gofer_sb *gsb;             /* NULL: free */
	struct gofer_key dir;
	const struct co *co;              /* shared: who asked, during which of the guests' calls */
	uint64_t call;
	char *name, *text;
	struct gofer_entry entry;
	int err;                          /* the name isn't there: -ENOENT */
	int fd;
};
static struct slot slots[SLOTS];
static unsigned next_slot;
static char *last_text;

static void slot_clear(struct slot *s)
{
	if (!s->gsb)
		return;
	if (!s->err)
		gofer_forget(s->entry.node);
	if (s->fd >= 0)
		close(s->fd);
	free(s->name);
	free(s->text);
	*s = (struct slot){ .fd = -1 };
}

static bool holds(const struct slot *s)
{
	return !s->gsb->shared || (s->co == co_current() && s->call == pl_stats()->syscalls);
}

static struct slot *find(const struct gofer_sb *gsb, const struct gofer_key *dir, const char *name)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];
		if (s->gsb == gsb && s->dir.ino == dir->ino && s->dir.dev == dir->dev && !strcmp(s->name, name) && holds(s))
			return s;
	}
	return NULL;
}

static struct slot *slot_new(struct gofer_sb *gsb, const struct gofer_key *dir, const char *name)
{
	struct slot *s = find(gsb, dir, name);    /* two walks crossed */
	if (!s)
		s = &slots[next_slot++ % SLOTS];
	slot_clear(s);
	*s = (struct slot){ .gsb = gsb, .dir = *dir, .co = co_current(), .call = pl_stats()->syscalls, .name = xstrdup(name), .fd = -1 };
	return s;
}

void gofer_ahead_drop(struct gofer_sb *gsb)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i].gsb == gsb)
			slot_clear(&slots[i]);
}

int gofer_ahead_take(struct gofer_inode *dir, const char *name, struct gofer_entry *e, int *fd)
{
	struct slot *s = find(to_gofer_sb(dir->inode.sb), &dir->key, name);
	if (!s)
		return -EAGAIN;
	int err = s->err;
	if (!err) {
		free(last_text);
		last_text = TAKE(s->text);
		*e = s->entry;
		e->text = last_text;
		*fd = s->fd;
	}
	free(s->name);
	*s = (struct slot){ .fd = -1 };
	return err;
}

struct walk {
	struct gofer_sb *gsb;
	struct gofer_key at;              /* where it starts */
	struct gofer_call call;
	char *buf;
	const char *names[GOFER_WALK_MAX];     /* in buf */
	unsigned count;
};

/* Splits the path's ordinary beginning. *whole: that is all of it. */
static void split(struct walk *w, const char *rest, bool *whole)
{
	w->buf = xstrdup(rest);
	char *save, *p = strtok_r(w->buf, "/", &save);
	for (; p && w->count < GOFER_WALK_MAX && gofer_name_ok(p); p = strtok_r(NULL, "/", &save))
		w->names[w->count++] = p;
	*whole = !p;
}

/* False: there is nothing to fetch. */
static bool walk_begin(struct walk *w, struct inode *dir, const char *rest, bool open)
{
	bool whole;
	*w = (struct walk){ .gsb = to_gofer_sb(dir->sb), .at = to_gofer_inode(dir)->key };
	if (strnlen(rest, PATH_MAX) == PATH_MAX)
		return false;
	split(w, rest, &whole);
	struct gofer_msg q = { .type = GOFER_WALK, .node = to_gofer_inode(dir)->node, .count = w->count };
	memcpy(q.names, w->names, sizeof(w->names));
	if (open && whole)
		q.flags = GOFER_WALK_OPEN;
	if (w->count > 0 && !find(w->gsb, &w->at, w->names[0]) && gofer_ask_begin(&q, &w->call) == 0)
		return true;
	free(w->buf);
	return false;
}

static void keep(struct walk *w, struct gofer_answer *a)
{
	struct gofer_key at = w->at;
	for (unsigned i = 0; i < a->msg.count; i++) {
		struct gofer_entry *e = &a->msg.entries[i];
		struct slot *s = slot_new(w->gsb, &at, w->names[i]);
		s->entry = *e;
		s->text = xstrdup(e->text);
		if (i + 1 == a->msg.count && a->fd >= 0) {
			s->fd = a->fd;
			a->fd = -1;
		}
		at = (struct gofer_key){ e->attr.dev, e->attr.ino };
	}
	if (a->msg.count < w->count && a->msg.mode == ENOENT)
		slot_new(w->gsb, &at, w->names[a->msg.count])->err = -ENOENT;
}

static void walk_end(struct walk *w)
{
	AUTO(gofer_answer_free) struct gofer_answer *a = NULL;
	if (gofer_ask_end(&w->call, &a) == 0 && a->msg.count <= w->count)
		keep(w, a);
	free(w->buf);
}

void gofer_walk_ahead(struct inode *dir, const char *rest, bool open)
{
	struct walk w;
	if (walk_begin(&w, dir, rest, open))
		walk_end(&w);
}

void gofer_walk_all_ahead(const struct gofer_hint *v, int n)
{
	struct walk *walks = xzalloc(sizeof(*walks) * (size_t)n);
	int begun = 0;
	for (int i = 0; i < n && begun < SLOTS / 2; i++)
		begun += walk_begin(&walks[begun], v[i].sb->root, v[i].path, v[i].open);
	for (int i = 0; i < begun; i++)
		walk_end(&walks[i]);
	free(walks);
}
