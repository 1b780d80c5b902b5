/* text_map.c - which rewritten code an address space has, and where.
 *
 * HOW      Jumps from a text to its trampolines work at any address, if the distance is the same. So the place below a file's
 *          first mapping is kept for them, where this side decides on that: for exec's mappings, and for those that the
 *          program's interpreter makes (ld.so; and musl, which is its own). Others that read libraries into executable
 *          memory, valgrind or DynamoRIO, do so to read the code, not to run it, and get the file.
 * LIFE     With the text its trampolines go: a thread that was in one could not have gone on either. */
#include "sentry/mm/text.h"

#include "sentry/mm/internal.h"
#include "sentry/mm/rewrite.h"
#include "sentry/sentry.h"
#include "sentry/vfs/file.h"

static bool enabled(void)
{
	return pl_fast_entry() && !sentry_config->no_rewrite;
}

static struct text_map *add(struct mm *mm, struct text *x, struct text_version *v, uint64_t base)
{
	struct text_map *m = NEW(struct text_map);
	m->text = x;
	m->version = v;
	m->base = base;
	SLIST_INSERT_HEAD(&mm->texts, m, link);
	return m;
}

static void drop(struct text_map *m)
{
	text_version_put(m->version);
	text_put(m->text);
	free(m);
}

struct text *text_wanted(struct task *t, const struct mmap_source *src, struct file *f, uint64_t addr, int flags, uint64_t off,
			 struct text_version **out)
{
	const struct mm *mm = t->mm;
	uint64_t ip = t->pl->regs.rip;
	if (!enabled() || addr || off || (flags & (MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT)) != MAP_PRIVATE ||
	    ip < mm->interp_start || ip >= mm->interp_end || rewrite_stopped(t->mm))
		return NULL;
	struct text *x = text_get(src, false);
	*out = x ? text_current(x, f) : NULL;
	if (*out)
		return x;
	text_put(x);
	return NULL;
}

void text_reserve(struct mm *mm, struct text *x, struct text_version *v, uint64_t base)
{
	rewrite_keep(mm, base - TEXT_ROOM, TEXT_ROOM);
	add(mm, x, v, base);
}

void text_program(struct task *t, struct mm *mm, struct file *f, uint64_t base)
{
	struct mmap_source src;
	if (!enabled() || t->ptrace.tracer || base < PL_GUEST_MIN + TEXT_ROOM ||
	    f->ops->mmap(f, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, &src) || vma_any(mm, base - TEXT_ROOM, base))
		return;
	struct text *x = text_get(&src, false);
	struct text_version *v = x ? text_current(x, f) : NULL;
	if (v)
		text_reserve(mm, text_hold(x), v, base);
	text_put(x);
}

static struct text_map *waiting(struct mm *mm, uint64_t base)
{
	struct text_map *m;
	SLIST_FOREACH(m, &mm->texts, link)
		if (m->version && m->base == base && m->start == m->end)
			return m;
	return NULL;
}

int text_map(struct mm *mm, const struct mmap_source *src, uint64_t base, struct pl_call *calls)
{
	uint64_t start = calls[0].args[0], bytes = calls[0].args[1], off = calls[0].args[5];
	if (!enabled() || !base || base > start)
		return 1;
	uint64_t below = start - (base - TEXT_ROOM);
	struct text_map *m = waiting(mm, base);
	if (m && m->text->off == off && m->text->bytes == bytes && m->text->below == below) {
		int fd = m->version->fd;
		m->start = start;
		m->end = start + bytes;
		calls[0].fd = fd;
		calls[0].args[5] = TEXT_ROOM;
		calls[1] = PL_CALL(SYS_mmap, base - TEXT_ROOM, TEXT_ROOM, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 0, 0);
		calls[1].fd = fd;
		return 2;
	}
	struct text *x = text_get(src, true);
	if (!x)
		return 1;
	if (!x->bytes) {
		x->off = off;
		x->bytes = bytes;
		x->below = below;
	}
	if (x->off != off || x->bytes != bytes || x->below != below) {
		text_put(x);
		return 1;
	}
	m = add(mm, x, NULL, base);
	m->start = start;
	m->end = start + bytes;
	return 1;
}

static bool goes(const struct text_map *m, uint64_t start, uint64_t end)
{
	if (m->start == m->end)
		return start <= m->base && m->base < end;
	return start <= m->start && m->end <= end;
}

void text_unmap(struct task *t, uint64_t start, uint64_t end)
{
	struct mm *mm = t->mm;
	struct text_map *m, *next;
	struct text_maps gone = SLIST_HEAD_INITIALIZER(gone);
	struct vma *dead = NULL;
	for (m = SLIST_FIRST(&mm->texts); m; m = next) {
		next = SLIST_NEXT(m, link);
		if (!goes(m, start, end))
			continue;
		SLIST_REMOVE(&mm->texts, m, text_map, link);
		SLIST_INSERT_HEAD(&gone, m, link);
	}
	SLIST_FOREACH(m, &gone, link) {
		uint64_t room = m->base - TEXT_ROOM;
		if (m->version && rewrite_owns(mm, room)) {
			if (mm_host_call(t, PL_CALL(SYS_munmap, room, TEXT_ROOM), 0) == 0)
				vma_cut(mm, room, room + TEXT_ROOM, &dead);
		}
	}
	text_maps_free(&gone);
	vma_free_list(dead);
}

struct text_map *text_at(struct mm *mm, uint64_t ip)
{
	struct text_map *m;
	SLIST_FOREACH(m, &mm->texts, link)
		if (ip >= m->start && ip < m->end)
			return m;
	return NULL;
}

void text_maps_copy(struct text_maps *to, const struct text_maps *from)
{
	const struct text_map *m;
	SLIST_INIT(to);
	SLIST_FOREACH(m, from, link) {
		struct text_map *n = NEW(struct text_map);
		*n = *m;
		text_hold(n->text);
		if (n->version)
			text_version_hold(n->version);
		SLIST_INSERT_HEAD(to, n, link);
	}
}

void text_maps_free(struct text_maps *maps)
{
	struct text_map *m;
	while ((m = SLIST_FIRST(maps))) {
		SLIST_REMOVE_HEAD(maps, link);
		drop(m);
	}
}
