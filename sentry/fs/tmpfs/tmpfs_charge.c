/* tmpfs_charge.c - accounting of memory: per mount as Linux does (size=, nr_inodes=), and for the whole sandbox.
 *
 * HOW   Everything that a guest makes the sentry keep for files is charged before it is allocated, against three
 *       quarters of the sandbox's memory; the rest is for the guest's own and for what isn't counted. */
#include <sys/sysinfo.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"
#include "sentry/sentry.h"

static uint64_t used_bytes;

uint64_t fs_memory_total(void)
{
	static uint64_t total;
	if (total == 0) {
		struct sysinfo si;
		total = 1ULL << 30;
		if (sysinfo(&si) == 0)
			total = (uint64_t)si.totalram * si.mem_unit;
		if (sentry_config && sentry_config->memory_limit > 0)
			total = MIN(total, sentry_config->memory_limit);
	}
	return total;
}

int fs_memory_charge(uint64_t bytes)
{
	uint64_t budget = fs_memory_total() / 4 * 3;
	if (used_bytes >= budget || bytes > budget - used_bytes)
		return -ENOSPC;
	used_bytes += bytes;
	return 0;
}

void fs_memory_uncharge(uint64_t bytes)
{
	CHECK(bytes <= used_bytes);
	used_bytes -= bytes;
}

void fs_memory_recharge(uint64_t old_bytes, uint64_t new_bytes)
{
	CHECK(old_bytes <= used_bytes);
	used_bytes += new_bytes - old_bytes;
}

uint64_t fs_memory_used(void)
{
	return used_bytes;
}

int tmpfs_charge_pages(struct tmpfs_sb *ts, uint64_t pages)
{
	if (ts->max_pages > 0 && (ts->used_pages >= ts->max_pages || pages > ts->max_pages - ts->used_pages))
		return pages > 0 ? -ENOSPC : 0;
	if (pages > UINT64_MAX / PAGE_SIZE)
		return -ENOSPC;
	int err = pages > 0 ? fs_memory_charge(pages * PAGE_SIZE) : 0;
	if (!err)
		ts->used_pages += pages;
	return err;
}

void tmpfs_charge_pages_force(struct tmpfs_sb *ts, uint64_t pages)
{
	ts->used_pages += pages;
	used_bytes += pages * PAGE_SIZE;
}

void tmpfs_uncharge_pages(struct tmpfs_sb *ts, uint64_t pages)
{
	CHECK(pages <= ts->used_pages);
	ts->used_pages -= pages;
	fs_memory_uncharge(pages * PAGE_SIZE);
}

uint64_t tmpfs_free_pages(struct tmpfs_sb *ts)
{
	uint64_t budget = fs_memory_total() / 4 * 3;
	uint64_t left = used_bytes < budget ? (budget - used_bytes) / PAGE_SIZE : 0;
	if (ts->max_pages > 0)
		left = MIN(left, ts->used_pages < ts->max_pages ? ts->max_pages - ts->used_pages : 0);
	return left;
}

int tmpfs_charge_inode(struct tmpfs_sb *ts)
{
	if (ts->max_inodes > 0 && ts->used_inodes >= ts->max_inodes)
		return -ENOSPC;
	int err = fs_memory_charge(TMPFS_INODE_BYTES);
	if (!err)
		ts->used_inodes++;
	return err;
}

void tmpfs_uncharge_inode(struct tmpfs_sb *ts)
{
	CHECK(ts->used_inodes > 0);
	ts->used_inodes--;
	fs_memory_uncharge(TMPFS_INODE_BYTES);
}
