/* sys.c - /sys: processors, the one memory node, empty places for what a sandbox has none of.
 *
 * HOW      Every processor is a core of its own in one package.
 * LINUX    drivers/base/{cpu,topology,node,cacheinfo}.c.
 * MISSING  Frequencies, devices but lo (sys_net.c) and loop (sys_block.c), and their links in class/ and bus/. */
#include "sentry/fs/sys/sys.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/sys/sys_impl.h"
#include "sentry/kernel/machine.h"

static void all_cpus(uint64_t mask[16])
{
	memset(mask, 0, 16 * sizeof(uint64_t));
	for (int n = 0; n < machine_cpus(); n++)
		mask[n / 64] |= 1ULL << n % 64;
}

/* arg: bit 0: this processor only; bit 1: as a list. */
enum { ONE_CPU = 1, AS_LIST = 2 };
static int show_cpus(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t mask[16];
	(void)viewer;
	all_cpus(mask);
	if (i->entry->arg & ONE_CPU) {
		memset(mask, 0, sizeof(mask));
		mask[i->arg / 64] |= 1ULL << i->arg % 64;
	}
	(i->entry->arg & AS_LIST ? seq_bitlist : seq_bitmask)(s, mask, machine_cpus());
	seq_puts(s, "\n");
	return 0;
}

static int show_cpu_number(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%ld\n", i->arg);
	return 0;
}

static int show_node_meminfo(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t total = machine_ram_bytes() / 1024, free_kb = machine_free_bytes() / 1024;
	(void)i;
	(void)viewer;
	seq_printf(s, "Node 0 MemTotal:       %8" PRIu64 " kB\nNode 0 MemFree:        %8" PRIu64 " kB\nNode 0 MemUsed:        %8" PRIu64
		      " kB\nNode 0 HugePages_Total:     0\nNode 0 HugePages_Free:      0\n", total, free_kb, total - free_kb);
	return 0;
}

#define CPUS(name, how) PSEUDO_FILE(name, 0444, .show = show_cpus, .arg = how)
static const struct pseudo_entry topology_entries[] = {
	CPUS("core_cpus", ONE_CPU), CPUS("core_cpus_list", ONE_CPU | AS_LIST),
	CPUS("thread_siblings", ONE_CPU), CPUS("thread_siblings_list", ONE_CPU | AS_LIST),
	CPUS("core_siblings", 0), CPUS("core_siblings_list", AS_LIST),
	CPUS("die_cpus", 0), CPUS("die_cpus_list", AS_LIST),
	CPUS("package_cpus", 0), CPUS("package_cpus_list", AS_LIST),
	PSEUDO_FILE("core_id", 0444, .show = show_cpu_number),
	PSEUDO_NUMBER("die_id", 0444, 0),
	PSEUDO_NUMBER("physical_package_id", 0444, 0),
	{ 0 },
};
static const struct pseudo_entry none[] = { { 0 } };
static const struct pseudo_entry cpu_entries[] = {
	PSEUDO_DIR("topology", topology_entries),
	{ .name = "cache", .mode = S_IFDIR | 0755, .children = none,
	  .lookup = sys_cache_lookup, .iterate = sys_cache_iterate },
	{ 0 },
};
static const struct pseudo_entry cpu_dir = { .name = "cpuN", .mode = S_IFDIR | 0755, .children = cpu_entries };

static int cpu_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	long n = strncmp(name, "cpu", 3) == 0 ? pseudo_number(name + 3) : -1;
	if (n < 0 || n >= machine_cpus())
		return -ENOENT;
	*out = pseudo_inode_new(dir, &cpu_dir, name, NULL, n);
	return 0;
}

static int cpu_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	char name[24];
	for (long n = ctx->pos - PSEUDO_OWN_POS; n < machine_cpus(); n++) {
		snprintf(name, sizeof(name), "cpu%ld", n);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), DT_DIR, PSEUDO_OWN_POS + n + 1))
			return 0;
		ctx->pos = PSEUDO_OWN_POS + n + 1;
	}
	return 0;
}

#define DIR(name_, table) { .name = name_, .mode = S_IFDIR | 0755, .children = table }
static const struct pseudo_entry cpus_entries[] = {
	CPUS("online", AS_LIST), CPUS("possible", AS_LIST), CPUS("present", AS_LIST),
	PSEUDO_STRING("offline", 0444, ""),
	PSEUDO_STRING("isolated", 0444, ""),
	PSEUDO_NUMBER("kernel_max", 0444, MACHINE_CPUS_MAX - 1),
	{ 0 },
};
static const struct pseudo_entry node0_entries[] = {
	CPUS("cpulist", AS_LIST), CPUS("cpumap", 0),
	PSEUDO_NUMBER("distance", 0444, 10),
	PSEUDO_FILE("meminfo", 0444, .show = show_node_meminfo),
	{ 0 },
};
static const struct pseudo_entry nodes_entries[] = {
	DIR("node0", node0_entries),
	PSEUDO_NUMBER("online", 0444, 0), PSEUDO_NUMBER("possible", 0444, 0),
	PSEUDO_NUMBER("has_cpu", 0444, 0), PSEUDO_NUMBER("has_memory", 0444, 0), PSEUDO_NUMBER("has_normal_memory", 0444, 0),
	{ 0 },
};
static const struct pseudo_entry system_entries[] = {
	{ .name = "cpu", .mode = S_IFDIR | 0755, .children = cpus_entries, .lookup = cpu_lookup, .iterate = cpu_iterate },
	DIR("node", nodes_entries),
	{ 0 },
};
#define DISKS(name_, where) { .name = name_, .mode = S_IFDIR | 0755, .children = none, .lookup = sys_block_lookup, \
			      .iterate = sys_block_iterate, .arg = where }
static const struct pseudo_entry virtual_entries[] = { DISKS("block", IN_DEVICES), DIR("net", sys_net_devices), { 0 } };
static const struct pseudo_entry devices_entries[] = { DIR("system", system_entries), DIR("virtual", virtual_entries), { 0 } };
static const struct pseudo_entry dev_entries[] = { DISKS("block", IN_DEV), DIR("char", none), { 0 } };
static const struct pseudo_entry class_entries[] = {
	DISKS("block", IN_CLASS), DIR("mem", none), DIR("net", sys_class_net), DIR("power_supply", none), DIR("thermal", none),
	DIR("tty", none), { 0 },
};
static const struct pseudo_entry bus_entries[] = { DIR("cpu", none), DIR("node", none), DIR("pci", none), { 0 } };
static const struct pseudo_entry fs_entries[] = { DIR("cgroup", none), { 0 } };
static const struct pseudo_entry thp_entries[] = {
	PSEUDO_STRING("enabled", 0444, "always [madvise] never"),
	PSEUDO_NUMBER("hpage_pmd_size", 0444, 2097152),
	{ 0 },
};
static const struct pseudo_entry mm_entries[] = { DIR("transparent_hugepage", thp_entries), { 0 } };
static const struct pseudo_entry kernel_entries[] = { DIR("mm", mm_entries), { 0 } };

static const struct pseudo_entry root_entries[] = {
	DISKS("block", IN_BLOCK), DIR("bus", bus_entries), DIR("class", class_entries), DIR("dev", dev_entries), DIR("devices", devices_entries),
	DIR("firmware", none), DIR("fs", fs_entries), DIR("kernel", kernel_entries), DIR("module", none), DIR("power", none),
	{ 0 },
};
static const struct pseudo_entry root = { .name = "sys", .mode = S_IFDIR | 0555, .children = root_entries };

int sysfs_mount(struct superblock **out)
{
	return pseudo_mount("sysfs", SYSFS_MAGIC, &root, out);
}
