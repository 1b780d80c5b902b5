/* tmpfs_super.c - mounting, options, statfs.
 *
 * LINUX    mm/shmem.c, Documentation/filesystems/tmpfs.rst. Defaults as there: half of memory, one inode for each page of it.
 * MISSING  huge=, mpol=, quotas: huge=never and mpol=default are taken, anything else is EINVAL. */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs_impl.h"
#include "sentry/kernel/user_ns.h"

#define SYNC_MAX 256                      /* mapped files looked at by one statfs */

static const struct superblock_ops tmpfs_sb_ops;

/* "10", "64k", "2g"; with percent also "50%" of memory, in bytes. */
static bool parse_size(const char *s, bool percent, uint64_t *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	uint64_t n = strtoull(s, &end, 0);
	if (errno)
		return false;
	unsigned shift = 0;
	switch (*end) {
	case 'g': case 'G':
		shift = 30;
		break;
	case 'm': case 'M':
		shift = 20;
		break;
	case 'k': case 'K':
		shift = 10;
		break;
	case '%':
		if (!percent || n > 1000 || end[1] != '\0')
			return false;
		*out = fs_memory_total() / 100 * n;
		return true;
	case '\0':
		*out = n;
		return true;
	default:
		return false;
	}
	if (end[1] != '\0' || n > UINT64_MAX >> shift)
		return false;
	*out = n << shift;
	return true;
}

static bool parse_number(const char *s, int base, uint64_t max, uint32_t *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	uint64_t n = strtoull(s, &end, base);
	if (errno || *end != '\0' || n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

struct tmpfs_options {
	uint64_t pages, inodes;
	uint32_t mode, uid, gid;
};

static bool parse_option(struct tmpfs_options *o, const char *key, const char *value)
{
	static const char *const ignored[] = { "inode32", "inode64", "noswap", "noquota" };
	uint64_t n;
	if (!value) {
		for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
			if (strcmp(key, ignored[i]) == 0)
				return true;
		}
		return false;
	}
	if (strcmp(key, "size") == 0) {
		if (!parse_size(value, true, &n))
			return false;
		o->pages = n / PAGE_SIZE + (n % PAGE_SIZE != 0);
		return true;
	}
	if (strcmp(key, "nr_blocks") == 0)
		return parse_size(value, false, &o->pages);
	if (strcmp(key, "nr_inodes") == 0)
		return parse_size(value, false, &o->inodes);
	if (strcmp(key, "mode") == 0)
		return parse_number(value, 8, 07777, &o->mode);
	if (strcmp(key, "uid") == 0)
		return parse_number(value, 10, UINT32_MAX - 1, &o->uid);
	if (strcmp(key, "gid") == 0)
		return parse_number(value, 10, UINT32_MAX - 1, &o->gid);
	return (strcmp(key, "huge") == 0 && strcmp(value, "never") == 0) ||
	       (strcmp(key, "mpol") == 0 && strcmp(value, "default") == 0);
}

bool tmpfs_knows_option(const char *key, const char *value)
{
	struct tmpfs_options o;
	return parse_option(&o, key, value);
}

static int parse_options(struct tmpfs_options *o, const char *options)
{
	if (!options || !*options)
		return 0;
	AUTO(free) char *copy = xstrdup(options);
	char *save = NULL;
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (!parse_option(o, word, value))
			return -EINVAL;
	}
	return 0;
}

/* The options' numbers as ids; without them whoever mounts is the owner. */
static int owner_of(const struct cred *c, struct tmpfs_options *o)
{
	if (o->uid == ID_NONE)
		o->uid = c ? c->fsuid : 0;
	else if (c)
		o->uid = uid_given(c, o->uid);
	if (o->gid == ID_NONE)
		o->gid = c ? c->fsgid : 0;
	else if (c)
		o->gid = gid_given(c, o->gid);
	return o->uid == ID_NONE || o->gid == ID_NONE ? -EINVAL : 0;
}

int tmpfs_mount_by(const struct cred *c, const char *type, const char *options, struct superblock **out)
{
	uint64_t pages = fs_memory_total() / 2 / PAGE_SIZE;
	struct tmpfs_options o = { .pages = pages, .inodes = pages, .mode = 01777, .uid = ID_NONE, .gid = ID_NONE };
	int err = parse_options(&o, options);
	if (err)
		return err;
	err = owner_of(c, &o);
	if (err)
		return err;
	struct tmpfs_sb *ts = NEW(struct tmpfs_sb);
	superblock_init(&ts->sb, &tmpfs_sb_ops, type, TMPFS_MAGIC);
	ts->max_pages = o.pages;
	ts->max_inodes = o.inodes;
	ts->default_pages = ts->default_inodes = pages;
	ts->mode = o.mode;
	ts->uid = o.uid;
	ts->gid = o.gid;
	ts->sb.cache_negative = true;
	TAILQ_INIT(&ts->mapped);
	TAILQ_INIT(&ts->reap);

	struct inode *root;
	err = tmpfs_inode_new(ts, NULL, S_IFDIR | o.mode, 0, NULL, &root);
	if (err) {
		free(ts);
		return err;
	}
	root->uid = o.uid;
	root->gid = o.gid;
	ts->sb.root = root;
	*out = &ts->sb;
	return 0;
}

int tmpfs_mount_as(const char *type, const char *options, struct superblock **out)
{
	return tmpfs_mount_by(NULL, type, options, out);
}

int tmpfs_mount(const char *options, struct superblock **out)
{
	return tmpfs_mount_as("tmpfs", options, out);
}

bool is_tmpfs(const struct superblock *sb)
{
	return sb->ops == &tmpfs_sb_ops;
}

/* Each call looks at the next few, so that one with many files takes no longer than others. */
static void sync_mapped(struct tmpfs_sb *ts)
{
	struct tmpfs_file_inode *fi, *first = NULL;
	for (int n = 0; n < SYNC_MAX && (fi = TAILQ_FIRST(&ts->mapped)) && fi != first; n++) {
		if (!first)
			first = fi;
		tmpfs_data_sync(fi);
		TAILQ_REMOVE(&ts->mapped, fi, mapped_link);
		TAILQ_INSERT_TAIL(&ts->mapped, fi, mapped_link);
	}
}

static int tmpfs_statfs(struct superblock *sb, struct statfs *out)
{
	struct tmpfs_sb *ts = to_tmpfs_sb(sb);
	sync_mapped(ts);
	*out = (struct statfs){
		.f_type = (long)sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = 255,
	};
	if (ts->max_pages > 0) {
		out->f_blocks = ts->max_pages;
		out->f_bfree = ts->max_pages - MIN(ts->used_pages, ts->max_pages);
		out->f_bavail = tmpfs_free_pages(ts);     /* the sandbox may have less left than this file system */
	}
	if (ts->max_inodes > 0) {
		out->f_files = ts->max_inodes;
		out->f_ffree = ts->max_inodes - MIN(ts->used_inodes, ts->max_inodes);
	}
	return 0;
}

static int tmpfs_show_options(struct superblock *sb, char *buf, size_t bytes)
{
	struct tmpfs_sb *ts = to_tmpfs_sb(sb);
	char size[40] = "", inodes[40] = "", mode[20] = "", uid[20] = "", gid[20] = "";
	if (ts->max_pages != ts->default_pages)
		snprintf(size, sizeof(size), ",size=%lluk", (unsigned long long)(ts->max_pages * (PAGE_SIZE / 1024)));
	if (ts->max_inodes != ts->default_inodes)
		snprintf(inodes, sizeof(inodes), ",nr_inodes=%llu", (unsigned long long)ts->max_inodes);
	if (ts->mode != 01777)
		snprintf(mode, sizeof(mode), ",mode=%03o", ts->mode);
	if (ts->uid)
		snprintf(uid, sizeof(uid), ",uid=%u", ts->uid);
	if (ts->gid)
		snprintf(gid, sizeof(gid), ",gid=%u", ts->gid);
	return snprintf(buf, bytes, "%s%s%s%s%s,inode64", size, inodes, mode, uid, gid);
}

static int tmpfs_remount(struct superblock *sb, const char *options)
{
	struct tmpfs_sb *ts = to_tmpfs_sb(sb);
	struct tmpfs_options o = { .pages = ts->max_pages, .inodes = ts->max_inodes, .mode = ts->mode };
	int err = parse_options(&o, options);
	if (err)
		return err;
	/* As in Linux: no smaller than what is used; from unlimited to limited there is no way. */
	if (o.pages != ts->max_pages && (ts->max_pages == 0 || (o.pages > 0 && o.pages < ts->used_pages)))
		return -EINVAL;
	if (o.inodes != ts->max_inodes && (ts->max_inodes == 0 || (o.inodes > 0 && o.inodes < ts->used_inodes)))
		return -EINVAL;
	ts->max_pages = o.pages;
	ts->max_inodes = o.inodes;
	return 0;
}

static int tmpfs_syncfs(struct superblock *sb)
{
	(void)sb;
	return 0;
}

static void tmpfs_release(struct superblock *sb)
{
	free(to_tmpfs_sb(sb));
}

static const struct superblock_ops tmpfs_sb_ops = {
	.statfs = tmpfs_statfs, .release = tmpfs_release, .show_options = tmpfs_show_options,
	.syncfs = tmpfs_syncfs, .remount = tmpfs_remount,
};
