/* sys_cache.c - /sys/devices/system/cpu/cpuN/cache: what the processor says of its caches (cpuid).
 *
 * HOW      Caches of levels 1 and 2 belong to one processor, those above to all, as the rest of /sys tells it.
 * LINUX    drivers/base/cacheinfo.c, arch/x86/kernel/cpu/cacheinfo.c. */
#include <cpuid.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/sys/sys_impl.h"
#include "sentry/kernel/machine.h"

#define CACHES_MAX 8
#define CPUID_INTEL_CACHE 4u
#define CPUID_AMD_CACHE 0x8000001du

struct cache {
	unsigned type, level, line_bytes, partitions, ways, sets;
};
static struct cache caches[CACHES_MAX];

static bool cache_get(unsigned leaf, unsigned index, struct cache *out)
{
	unsigned a, b, c, d;
	if (!__get_cpuid_count(leaf, index, &a, &b, &c, &d) || (a & 31) == 0 || (a & 31) > 3)
		return false;
	*out = (struct cache){
		.type = a & 31, .level = a >> 5 & 7,
		.line_bytes = (b & 0xfff) + 1, .partitions = (b >> 12 & 0x3ff) + 1, .ways = (b >> 22) + 1, .sets = c + 1,
	};
	return true;
}

/* How many there are. Asked once: in a virtual machine cpuid is slow. */
static long caches_find(void)
{
	static long n = -1;
	if (n >= 0)
		return n;
	for (n = 0; n < CACHES_MAX && cache_get(CPUID_INTEL_CACHE, (unsigned)n, &caches[n]); n++)
		;
	if (n == 0) {
		for (; n < CACHES_MAX && cache_get(CPUID_AMD_CACHE, (unsigned)n, &caches[n]); n++)
			;
	}
	return n;
}

/* An inode's number is the processor's, and from this bit on the cache's. */
#define INDEX_SHIFT 32
static const struct cache *cache_of(const struct pseudo_inode *i) { return &caches[i->arg >> INDEX_SHIFT]; }
static long cpu_of(const struct pseudo_inode *i) { return i->arg & ((1L << INDEX_SHIFT) - 1); }
static bool is_shared(const struct cache *c) { return c->level > 2; }

enum field { LEVEL, TYPE, SIZE, LINE, PARTITIONS, WAYS, SETS, ID };
static int show_field(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	static const char *const types[] = { "", "Data", "Instruction", "Unified" };
	const struct cache *c = cache_of(i);
	(void)viewer;
	switch ((enum field)i->entry->arg) {
	case LEVEL:
		seq_printf(s, "%u\n", c->level);
		break;
	case TYPE:
		seq_printf(s, "%s\n", types[c->type]);
		break;
	case SIZE:
		seq_printf(s, "%lluK\n", (unsigned long long)c->line_bytes * c->partitions * c->ways * c->sets / 1024);
		break;
	case LINE:
		seq_printf(s, "%u\n", c->line_bytes);
		break;
	case PARTITIONS:
		seq_printf(s, "%u\n", c->partitions);
		break;
	case WAYS:
		seq_printf(s, "%u\n", c->ways);
		break;
	case SETS:
		seq_printf(s, "%u\n", c->sets);
		break;
	case ID:
		seq_printf(s, "%ld\n", is_shared(c) ? 0 : cpu_of(i));
		break;
	}
	return 0;
}

/* arg: as a list. */
static int show_sharers(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t mask[MACHINE_CPUS_MAX / 64] = { 0 };
	(void)viewer;
	for (long n = 0; n < machine_cpus(); n++) {
		if (is_shared(cache_of(i)) || n == cpu_of(i))
			mask[n / 64] |= 1ULL << n % 64;
	}
	(i->entry->arg ? seq_bitlist : seq_bitmask)(s, mask, (size_t)machine_cpus());
	seq_puts(s, "\n");
	return 0;
}

#define FIELD(name, field) PSEUDO_FILE(name, 0444, .show = show_field, .arg = field)
static const struct pseudo_entry index_entries[] = {
	FIELD("level", LEVEL), FIELD("type", TYPE), FIELD("size", SIZE), FIELD("coherency_line_size", LINE),
	FIELD("physical_line_partition", PARTITIONS), FIELD("ways_of_associativity", WAYS), FIELD("number_of_sets", SETS),
	FIELD("id", ID),
	PSEUDO_FILE("shared_cpu_map", 0444, .show = show_sharers),
	PSEUDO_FILE("shared_cpu_list", 0444, .show = show_sharers, .arg = 1),
	{ 0 },
};
static const struct pseudo_entry index_dir = { .name = "indexN", .mode = S_IFDIR | 0755, .children = index_entries };

int sys_cache_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	long n = strncmp(name, "index", 5) == 0 ? pseudo_number(name + 5) : -1;
	if (n < 0 || n >= caches_find())
		return -ENOENT;
	*out = pseudo_inode_new(dir, &index_dir, name, NULL, dir->arg | n << INDEX_SHIFT);
	return 0;
}

int sys_cache_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	char name[24];
	for (long n = ctx->pos - PSEUDO_OWN_POS; n < caches_find(); n++) {
		snprintf(name, sizeof(name), "index%ld", n);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), DT_DIR, PSEUDO_OWN_POS + n + 1))
			return 0;
		ctx->pos = PSEUDO_OWN_POS + n + 1;
	}
	return 0;
}
