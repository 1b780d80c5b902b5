/* exec_args.c - the arguments and the environment of a new program.
 *
 * HOW      Guest memory is read page by page into a small cache, for the strings of a process usually lie side by side: a page
 *          of them costs one copy. Each byte is used as it was read that once.
 * LINUX    fs/exec.c (count, bprm_stack_limits, copy_strings). Same: strings of 128 KB at most; strings and pointers within a
 *          quarter of RLIMIT_STACK, at most 6 MB, at least 128 KB; NULL for argv or envp is an empty list. */
#include "sentry/kernel/exec.h"

#include <string.h>

#include "sentry/mm/mm.h"

#define STRING_MAX (32 * PAGE_SIZE)       /* MAX_ARG_STRLEN, with the NUL */
#define TOTAL_MAX (6 * 1024 * 1024UL)     /* 3/4 of _STK_LIM */
#define TOTAL_MIN (32 * PAGE_SIZE)        /* ARG_MAX */

void strvec_fini(struct strvec *v)
{
	free(v->buf);
	*v = (struct strvec){ 0 };
}

static int strvec_room(struct strvec *v, size_t more)
{
	size_t want = v->len + more;            /* both are bounded by a few MB */
	if (want <= v->cap)
		return 0;
	size_t cap = v->cap ? v->cap * 2 : 2048;
	cap = MAX(cap, want);
	char *buf = realloc(v->buf, cap);
	if (!buf)
		return -ENOMEM;
	v->buf = buf;
	v->cap = cap;
	return 0;
}

static int strvec_append_bytes(struct strvec *v, const char *bytes, size_t n)
{
	int err = strvec_room(v, n);
	if (err)
		return err;
	memcpy(v->buf + v->len, bytes, n);
	v->len += n;
	return 0;
}

int strvec_prepend(struct strvec *v, const char *s)
{
	size_t n = strlen(s) + 1;
	int err = strvec_room(v, n);
	if (err)
		return err;
	memmove(v->buf + n, v->buf, v->len);
	memcpy(v->buf, s, n);
	v->len += n;
	v->count++;
	return 0;
}

void strvec_drop_first(struct strvec *v)
{
	if (v->count == 0)
		return;
	size_t n = strlen(v->buf) + 1;
	memmove(v->buf, v->buf + n, v->len - n);
	v->len -= n;
	v->count--;
}

void exec_args_fini(struct exec_args *a)
{
	strvec_fini(&a->argv);
	strvec_fini(&a->envp);
}

static size_t limit_of(const struct task *t)
{
	uint64_t quarter = t->tg->rlimits[RLIMIT_STACK].rlim_cur / 4;
	return MAX(MIN(quarter, TOTAL_MAX), TOTAL_MIN);
}

int exec_args_check(const struct exec_args *a, const char *filename)
{
	size_t pointers = ((size_t)MAX(a->argv.count, 1u) + a->envp.count) * sizeof(uint64_t);
	size_t strings = a->argv.len + a->envp.len + strlen(filename) + 1;
	return pointers >= a->max_bytes || strings > a->max_bytes - pointers ? -E2BIG : 0;
}

/* --- from guest memory --- */

#define CACHE_PAGES 8

struct cache {
	struct mm *mm;
	unsigned next;                    /* is given up next */
	uint64_t page[CACHE_PAGES];       /* addresses; 0: none (nothing of a guest's lies there) */
	char bytes[CACHE_PAGES][PAGE_SIZE];
};

/* What there is from addr on in its page: a pointer and how many bytes; NULL: EFAULT. */
static const char *cache_at(struct cache *c, uint64_t addr, size_t *avail)
{
	uint64_t page = PAGE_ALIGN_DOWN(addr);
	unsigned i = 0;
	while (i < CACHE_PAGES && (c->page[i] != page || !page))
		i++;
	if (i == CACHE_PAGES) {
		i = c->next++ % CACHE_PAGES;
		c->page[i] = 0;
		if (mm_read(c->mm, page, c->bytes[i], PAGE_SIZE) != (ssize_t)PAGE_SIZE)
			return NULL;
		c->page[i] = page;
	}
	*avail = PAGE_SIZE - (addr - page);
	return c->bytes[i] + (addr - page);
}

static int read_word(struct cache *c, uint64_t addr, uint64_t *out)
{
	char *to = (char *)out;
	for (size_t done = 0; done < sizeof(*out);) {
		size_t avail;
		const char *p = cache_at(c, addr + done, &avail);
		if (!p)
			return -EFAULT;
		size_t n = MIN(avail, sizeof(*out) - done);
		memcpy(to + done, p, n);
		done += n;
	}
	return 0;
}

static int append_string(struct cache *c, uint64_t addr, size_t max_total, struct strvec *v)
{
	size_t start = v->len;
	for (;;) {
		size_t avail;
		const char *p = cache_at(c, addr, &avail);
		if (!p)
			return -EFAULT;
		const char *nul = memchr(p, '\0', avail);
		size_t n = nul ? (size_t)(nul - p) + 1 : avail;
		if (v->len - start + n > STRING_MAX || v->len + n > max_total)
			return -E2BIG;
		int err = strvec_append_bytes(v, p, n);
		if (err)
			return err;
		if (nul)
			break;
		addr += n;
	}
	v->count++;
	return 0;
}

/* The pointers up to NULL; freed by the caller. */
static int read_pointers(struct cache *c, uint64_t addr, size_t max, uint64_t **out, size_t *out_n)
{
	uint64_t *v = NULL;
	size_t n = 0, cap = 0;
	int err = 0;
	while (addr) {
		uint64_t p;
		err = read_word(c, addr + n * sizeof(p), &p);
		if (err || !p)
			break;
		if (n == max) {
			err = -E2BIG;
			break;
		}
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			uint64_t *bigger = reallocarray(v, cap, sizeof(*v));
			if (!bigger) {
				err = -ENOMEM;
				break;
			}
			v = bigger;
		}
		v[n++] = p;
	}
	if (err) {
		free(v);
		return err;
	}
	*out = v;
	*out_n = n;
	return 0;
}

static int read_list(struct cache *c, uint64_t addr, size_t max_bytes, struct strvec *out)
{
	AUTO(free) uint64_t *pointers = NULL;
	size_t n = 0;
	int err = read_pointers(c, addr, max_bytes / sizeof(uint64_t), &pointers, &n);
	for (size_t i = 0; !err && i < n; i++)
		err = append_string(c, pointers[i], max_bytes, out);
	return err;
}

int exec_args_from_user(struct exec_args *a, struct task *t, uptr_t argv, uptr_t envp)
{
	*a = (struct exec_args){ .max_bytes = limit_of(t) };
	AUTO(free) struct cache *c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->mm = t->mm;
	c->next = 0;
	memset(c->page, 0, sizeof(c->page));
	int err = read_list(c, argv.addr, a->max_bytes, &a->argv);
	if (!err)
		err = read_list(c, envp.addr, a->max_bytes, &a->envp);
	if (!err)
		err = exec_args_check(a, "");
	if (err)
		exec_args_fini(a);
	return err;
}

static int append_list(struct strvec *v, const char *const *list)
{
	int err = 0;
	for (; !err && list && *list; list++) {
		size_t n = strlen(*list) + 1;
		err = n > STRING_MAX || v->len + n > TOTAL_MAX ? -E2BIG : strvec_append_bytes(v, *list, n);
		v->count++;
	}
	return err;
}

int exec_args_from_kernel(struct exec_args *a, struct task *t, const char *const *argv, const char *const *envp)
{
	*a = (struct exec_args){ .max_bytes = limit_of(t) };
	int err = append_list(&a->argv, argv);
	if (!err)
		err = append_list(&a->envp, envp);
	if (!err)
		err = exec_args_check(a, "");
	if (err)
		exec_args_fini(a);
	return err;
}
