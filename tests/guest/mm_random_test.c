/* mm_random_test.c - random changes of mappings, by one thread and by several that share the address space. A model, what
 * /proc/self/maps says and what the memory does must agree. */
#include <pthread.h>
#include <sys/mman.h>

#include "tests/guest/guest.h"

COVERS(mmap, munmap, mprotect, mremap, madvise, mincore);

#define PG 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGES 192

struct arena {
	char *base;
	unsigned long long seed;
	struct { bool mapped; int prot; unsigned char byte; bool known; } page[PAGES];
};

static unsigned rnd(struct arena *a, unsigned n)
{
	a->seed = a->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(a->seed >> 33) % n;
}

static void arena_init(struct arena *a, char *base, unsigned long long seed)
{
	memset(a, 0, sizeof(*a));
	a->base = base;
	a->seed = seed;
	for (int i = 0; i < PAGES; i++)
		a->page[i].mapped = true, a->page[i].known = true;
}

static void set(struct arena *a, int from, int to, bool mapped, int prot)
{
	for (int i = from; i < to; i++) {
		a->page[i].mapped = mapped;
		a->page[i].prot = prot;
		a->page[i].byte = 0;
		a->page[i].known = true;
	}
}

static int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };

static void step(struct arena *a)
{
	int from = (int)rnd(a, PAGES), to = from + 1 + (int)rnd(a, 24), prot = prots[rnd(a, 4)];
	if (to > PAGES)
		to = PAGES;
	char *p = a->base + (unsigned long)from * PG;
	size_t len = (size_t)(to - from) * PG;
	bool whole = true;
	for (int i = from; i < to; i++)
		whole &= a->page[i].mapped;
	switch (rnd(a, 6)) {
	case 0:
		ASSERT(mmap(p, len, prot, (rnd(a, 2) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
		set(a, from, to, true, prot);
		break;
	case 1:
		ASSERT_OK(munmap(p, len));
		set(a, from, to, false, 0);
		break;
	case 2: {
		int ret = mprotect(p, len, prot);
		ASSERT_EQ(ret, whole ? 0 : -1);
		for (int i = from; i < to && a->page[i].mapped; i++)
			a->page[i].prot = prot;
		break;
	}
	case 3:
		for (int i = from; i < to; i++) {
			if (a->page[i].mapped && (a->page[i].prot & PROT_WRITE)) {
				a->page[i].byte = (unsigned char)rnd(a, 256);
				a->page[i].known = true;
				a->base[(unsigned long)i * PG] = (char)a->page[i].byte;
			}
		}
		break;
	case 4:
		ASSERT_EQ(madvise(p, len, MADV_DONTNEED), whole ? 0 : -1);
		/* private pages are zero now, shared ones are what they were */
		for (int i = from; i < to; i++)
			a->page[i].known = false;
		break;
	case 5: {       /* move within the arena */
		int target = (int)rnd(a, PAGES - (unsigned)(to - from) + 1), n = to - from;
		if (!whole || (target < to && target + n > from))
			break;
		char *q = a->base + (unsigned long)target * PG;
		if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q) {
			/* Several mappings (Linux before 6.17): refused, but what was at the target may be gone. */
			ASSERT_EQ(errno, EFAULT);
			ASSERT(mmap(q, len, PROT_NONE, ANON | MAP_FIXED, -1, 0) == q);
			set(a, target, target + n, true, PROT_NONE);
			break;
		}
		for (int i = 0; i < n; i++)
			a->page[target + i] = a->page[from + i];
		set(a, from, to, false, 0);
		break;
	}
	}
}

static void check_contents(struct arena *a)
{
	for (int i = 0; i < PAGES; i++) {
		unsigned char vec;
		char *p = a->base + (unsigned long)i * PG;
		ASSERT_EQ(mincore(p, PG, &vec), a->page[i].mapped ? 0 : -1);
		if (a->page[i].mapped && a->page[i].known && (a->page[i].prot & PROT_READ))
			ASSERT_EQ((unsigned char)*p, a->page[i].byte);
	}
}

static void check_maps(struct arena *a)
{
	FILE *f = fopen("/proc/self/maps", "r");
	ASSERT(f);
	static __thread struct { bool mapped; int prot; } seen[PAGES];
	memset(seen, 0, sizeof(seen));
	unsigned long lo, hi, start = (unsigned long)a->base;
	char line[512], p[8];
	while (fgets(line, sizeof(line), f)) {
		ASSERT_EQ(sscanf(line, "%lx-%lx %7s", &lo, &hi, p), 3);
		for (unsigned long at = lo < start ? start : lo; at < hi && at < start + PAGES * PG; at += PG) {
			seen[(at - start) / PG].mapped = true;
			seen[(at - start) / PG].prot = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0);
		}
	}
	fclose(f);
	for (int i = 0; i < PAGES; i++) {
		ASSERT_EQ(seen[i].mapped, a->page[i].mapped);
		ASSERT_EQ(seen[i].prot, a->page[i].mapped ? a->page[i].prot : 0);
	}
}

static char *reserve(size_t pages)
{
	char *p = mmap(NULL, pages * PG, PROT_NONE, ANON, -1, 0);
	ASSERT(p != MAP_FAILED);
	return p;
}

TEST(one_thread_and_the_model_agree)
{
	static struct arena a;
	arena_init(&a, reserve(PAGES), 1);
	for (int i = 0; i < 3000; i++) {
		step(&a);
		if (i % 300 == 0) {
			check_contents(&a);
			check_maps(&a);
		}
	}
	check_contents(&a);
	check_maps(&a);
}

static void *work(void *arg)
{
	for (int i = 0; i < 800; i++)
		step(arg);
	return NULL;
}

TEST(threads_change_their_parts_at_once)
{
	enum { THREADS = 4 };
	static struct arena a[THREADS];
	pthread_t th[THREADS];
	char *base = reserve(THREADS * PAGES);
	for (int i = 0; i < THREADS; i++) {
		arena_init(&a[i], base + (unsigned long)i * PAGES * PG, (unsigned long long)i + 7);
		ASSERT_EQ(pthread_create(&th[i], NULL, work, &a[i]), 0);
	}
	/* Forks in between: each child must be a consistent whole, able to change its copy. */
	for (int n = 0; n < 20; n++) {
		pid_t pid = fork();
		if (pid == 0) {
			char *p = mmap(base, THREADS * PAGES * PG, PROT_READ | PROT_WRITE, ANON | MAP_FIXED, -1, 0);
			if (p != base)
				_exit(1);
			for (unsigned long i = 0; i < THREADS * PAGES; i++)
				p[i * PG] = 1;
			_exit(0);
		}
		int st;
		ASSERT_EQ(waitpid(pid, &st, 0), pid);
		ASSERT_EQ(st, 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		check_contents(&a[i]);
		check_maps(&a[i]);
	}
}
