/* sys_block.c - /sys/block: the loop devices, and the ways to them from class/block and dev/block.
 *
 * LINUX    block/genhd.c, block/blk-sysfs.c, drivers/block/loop.c. Same: a device has a directory loop/ only while a file is bound
 *          to it (losetup takes that for "in use").
 * MISSING  Changing anything here (files are read-only); most of queue/. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/loop/loop.h"
#include "sentry/fs/sys/sys_impl.h"

static const struct loop_dev *dev_of(const struct pseudo_inode *i) { return loop_nth((int)i->arg); }

enum { B_SIZE, B_RO, B_BLOCK, B_READAHEAD_KB, L_OFFSET, L_SIZELIMIT, L_AUTOCLEAR, L_PARTSCAN, L_DIO };

static int show_number(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct loop_dev *d = dev_of(i);
	const uint64_t values[] = {
		[B_SIZE] = d->sectors, [B_RO] = d->read_only, [B_BLOCK] = d->block_bytes,
		[B_READAHEAD_KB] = d->readahead * LOOP_SECTOR / 1024, [L_OFFSET] = d->offset, [L_SIZELIMIT] = d->sizelimit,
		[L_AUTOCLEAR] = !!(d->flags & LO_FLAGS_AUTOCLEAR), [L_PARTSCAN] = !!(d->flags & LO_FLAGS_PARTSCAN),
		[L_DIO] = !!(d->flags & LO_FLAGS_DIRECT_IO),
	};
	(void)viewer;
	seq_printf(s, "%" PRIu64 "\n", values[i->entry->arg]);
	return 0;
}

static int show_dev(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%d:%ld\n", LOOP_MAJOR, i->arg);
	return 0;
}

static int show_uevent(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "MAJOR=%d\nMINOR=%ld\nDEVNAME=loop%ld\nDEVTYPE=disk\n", LOOP_MAJOR, i->arg, i->arg);
	return 0;
}

/* Documentation/block/stat.rst: times and what is in flight are 0, for every transfer is over when the call is. */
static int show_stat(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct loop_dev *d = dev_of(i);
	(void)viewer;
	seq_printf(s, "%8" PRIu64 " 0 %8" PRIu64 " 0 %8" PRIu64 " 0 %8" PRIu64 " 0 0 0 0 0 0 0 0 0 0\n", d->reads, d->read_sectors,
		   d->writes, d->written_sectors);
	return 0;
}

static int show_backing_file(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct loop_dev *d = dev_of(i);
	if (!d->backing)
		return -ENODEV;
	seq_path(s, viewer, &d->backing->path, "");
	seq_puts(s, "\n");
	return 0;
}

#define NUMBER(name, which) PSEUDO_FILE(name, 0444, .show = show_number, .arg = which)
static const struct pseudo_entry loop_entries[] = {
	PSEUDO_FILE("backing_file", 0444, .show = show_backing_file),
	NUMBER("autoclear", L_AUTOCLEAR), NUMBER("dio", L_DIO), NUMBER("offset", L_OFFSET), NUMBER("partscan", L_PARTSCAN),
	NUMBER("sizelimit", L_SIZELIMIT),
	{ 0 },
};
static const struct pseudo_entry queue_entries[] = {
	NUMBER("hw_sector_size", B_BLOCK), NUMBER("logical_block_size", B_BLOCK), NUMBER("minimum_io_size", B_BLOCK),
	NUMBER("physical_block_size", B_BLOCK), NUMBER("read_ahead_kb", B_READAHEAD_KB),
	PSEUDO_NUMBER("optimal_io_size", 0444, 0), PSEUDO_NUMBER("rotational", 0444, 0),
	PSEUDO_STRING("scheduler", 0444, "[none]"), PSEUDO_STRING("zoned", 0444, "none"),
	{ 0 },
};
static const struct pseudo_entry empty[] = { { 0 } };
#define DIR(name_, table) { .name = name_, .mode = S_IFDIR | 0755, .children = table }
static const struct pseudo_entry disk_entries[] = {
	PSEUDO_FILE("dev", 0444, .show = show_dev), PSEUDO_FILE("stat", 0444, .show = show_stat),
	PSEUDO_FILE("uevent", 0444, .show = show_uevent),
	NUMBER("ro", B_RO), NUMBER("size", B_SIZE),
	PSEUDO_NUMBER("alignment_offset", 0444, 0), PSEUDO_NUMBER("discard_alignment", 0444, 0), PSEUDO_NUMBER("ext_range", 0444, 1),
	PSEUDO_NUMBER("hidden", 0444, 0), PSEUDO_NUMBER("range", 0444, 1), PSEUDO_NUMBER("removable", 0444, 0),
	DIR("holders", empty), DIR("queue", queue_entries), DIR("slaves", empty),
	{ 0 },
};

/* loop/, while there is a file. */
static const struct pseudo_entry bound_entries[] = { DIR("loop", loop_entries), { 0 } };

static int disk_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	return dev_of(dir)->backing ? pseudo_lookup_in(dir, bound_entries, name, out) : -ENOENT;
}

static int disk_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	if (ctx->pos > PSEUDO_OWN_POS || !dev_of(dir)->backing)
		return 0;
	if (ctx->emit(ctx, "loop", 4, pseudo_ino(dir, "loop"), DT_DIR, PSEUDO_OWN_POS + 1))
		ctx->pos = PSEUDO_OWN_POS + 1;
	return 0;
}

static const struct pseudo_entry disk = { .name = "loopN", .mode = S_IFDIR | 0755, .children = disk_entries, .lookup = disk_lookup,
					  .iterate = disk_iterate };

/* Links to the disks: entry->ptr is the way from the link's directory to devices/virtual/block. */
static ssize_t disk_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes)
{
	char target[80];
	(void)viewer;
	size_t n = (size_t)snprintf(target, sizeof(target), "%sdevices/virtual/block/loop%ld", (const char *)i->entry->ptr, i->arg);
	n = MIN(n, bytes);
	memcpy(buf, target, n);
	return (ssize_t)n;
}

static const struct pseudo_entry link_near = PSEUDO_LINK("loopN", .readlink = disk_readlink, .ptr = "../");
static const struct pseudo_entry link_far = PSEUDO_LINK("loopN", .readlink = disk_readlink, .ptr = "../../");

/* The names of a directory of disks; entry->arg says which. */
static const struct {
	const char *prefix;
	const struct pseudo_entry *entry;
} places[] = {
	[IN_DEVICES] = { "loop", &disk }, [IN_BLOCK] = { "loop", &link_near }, [IN_CLASS] = { "loop", &link_far },
	[IN_DEV] = { "7:", &link_far },
};

int sys_block_lookup(struct pseudo_inode *dir, const char *name, struct inode **out)
{
	const char *prefix = places[dir->entry->arg].prefix;
	size_t len = strlen(prefix);
	long n = strncmp(name, prefix, len) == 0 ? pseudo_number(name + len) : -1;
	if (n < 0 || n >= LOOP_DEVICES)
		return -ENOENT;
	*out = pseudo_inode_new(dir, places[dir->entry->arg].entry, name, NULL, n);
	return 0;
}

int sys_block_iterate(struct pseudo_inode *dir, struct dir_context *ctx)
{
	char name[24];
	for (long n = ctx->pos - PSEUDO_OWN_POS; n < LOOP_DEVICES; n++) {
		snprintf(name, sizeof(name), "%s%ld", places[dir->entry->arg].prefix, n);
		if (!ctx->emit(ctx, name, strlen(name), pseudo_ino(dir, name), dir->entry->arg == IN_DEVICES ? DT_DIR : DT_LNK,
			       PSEUDO_OWN_POS + n + 1))
			return 0;
		ctx->pos = PSEUDO_OWN_POS + n + 1;
	}
	return 0;
}
