/* tmpfs_test.c - the data and the directories of tmpfs, without a guest. */
#include "tests/unit/memfs.h"

#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sentry/fs/tmpfs/page_pool.h"
#include "sentry/fs/tmpfs/page_tree.h"

static struct superblock *mount_with(const char *options)
{
	struct superblock *sb;
	assert_int_equal(tmpfs_mount(options, &sb), 0);
	return sb;
}

CO_TEST(pages_come_zeroed)
{
	char *p = page_alloc();
	memset(p, 0xff, PAGE_SIZE);
	page_free(p);
	void *pages[200];
	for (int n = 0; n < 200; n++) {
		pages[n] = page_alloc();
		for (size_t k = 0; k < PAGE_SIZE / 8; k++)
			assert_int_equal(((uint64_t *)pages[n])[k], 0);
	}
	for (int n = 0; n < 200; n++)
		page_free(pages[n * 7 % 200]);
}

CO_TEST(page_tree_finds_what_is_there)
{
	struct page_tree t = { 0 };
	static const uint64_t at[] = { 0, 1, 63, 64, 4095, 1 << 20, 1ULL << 40, PAGE_TREE_MAX - 1 };
	for (size_t n = 0; n < ARRAY_SIZE(at); n++)
		*(uint64_t *)page_tree_make(&t, at[n]) = at[n] + 1;
	assert_int_equal(t.pages, ARRAY_SIZE(at));
	uint64_t found = 0;
	for (size_t n = 0; n < ARRAY_SIZE(at); n++) {
		found = page_tree_next(&t, n ? found + 1 : 0, true);
		assert_int_equal(found, at[n]);
		assert_int_equal(*(uint64_t *)page_tree_get(&t, found), found + 1);
	}
	assert_int_equal(page_tree_next(&t, 0, false), 2);
	assert_int_equal(page_tree_next(&t, 4095, false), 4096);
	assert_int_equal(page_tree_next(&t, 2, false), 2);
	page_tree_free(&t, 1, 63);
	assert_null(page_tree_get(&t, 1));
	assert_non_null(page_tree_get(&t, 64));
	assert_int_equal(page_tree_next(&t, 1, true), 64);
	page_tree_free(&t, 0, PAGE_TREE_MAX - 1);
	assert_int_equal(t.pages, 0);
	assert_int_equal(t.nodes, 0);
	assert_null(t.root);
}

/* A file against a plain buffer, through all that changes bytes; seed decides what happens. */
static void compare_with_model(unsigned seed, bool mapped)
{
	enum { BYTES = 3 << 20 };
	struct superblock *sb = mount_with("");
	struct inode *i = make(sb->root, "f", S_IFREG | 0600);
	struct file *f = open_inode(i, O_RDWR);
	char *model = calloc(1, BYTES), *buf = malloc(BYTES);
	off_t size = 0;
	srand(seed);
	if (mapped) {
		struct mmap_source src = { 0 };
		assert_int_equal(f->ops->mmap(f, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, &src), 0);
		assert_true(src.host_fd >= 0);
	}
	for (int step = 0; step < 300; step++) {
		off_t pos = rand() % (seed % 2 ? BYTES : 600000);
		size_t len = 1 + (size_t)(rand() % (rand() % 4 ? 9000 : 200000));
		len = MIN(len, (size_t)(BYTES - pos));
		struct iattr attr = { .valid = ATTR_SIZE, .size = pos };
		switch (rand() % 8) {
		case 0:
			assert_int_equal(i->ops->setattr(i, &attr), 0);
			if (pos < size)
				memset(model + pos, 0, (size_t)(size - pos));
			size = pos;
			break;
		case 1:
			assert_int_equal(f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, (off_t)len), 0);
			memset(model + pos, 0, len);
			break;
		case 2:
			assert_int_equal(f->ops->fallocate(f, 0, pos, (off_t)len), 0);
			size = MAX(size, pos + (off_t)len);
			break;
		default:
			for (size_t n = 0; n < len; n++)
				buf[n] = (char)rand();
			assert_int_equal(put_bytes(f, buf, len, pos), len);
			memcpy(model + pos, buf, len);
			size = MAX(size, pos + (off_t)len);
		}
		assert_int_equal(i->size, size);
		uint64_t blocks = i->blocks;
		assert_int_equal(get_bytes(f, buf, BYTES, 0), size);
		assert_memory_equal(buf, model, (size_t)size);
		pos = rand() % BYTES;
		ssize_t there = pos < size ? MIN((ssize_t)len, (ssize_t)(size - pos)) : 0;
		assert_int_equal(get_bytes(f, buf, len, pos), there);
		assert_memory_equal(buf, model + pos, (size_t)there);
		assert_int_equal(i->ops->getattr(i), 0);
		assert_int_equal(i->blocks, blocks);        /* to look at a hole makes no page */
	}
	free(model);
	free(buf);
	file_put(f);
	inode_put(i);
	superblock_put(sb);
}

CO_TEST(bytes_are_what_was_written)
{
	for (unsigned seed = 1; seed <= 4; seed++)
		compare_with_model(seed, false);
}

CO_TEST(bytes_are_what_was_written_in_a_mapped_file)
{
	compare_with_model(5, true);
	compare_with_model(6, true);
}

CO_TEST(holes_take_no_pages)
{
	struct superblock *sb = mount_with("size=64k");
	struct inode *i = make(sb->root, "f", S_IFREG | 0600);
	struct file *f = open_inode(i, O_RDWR);
	assert_int_equal(put_bytes(f, "x", 1, 1LL << 40), 1);
	assert_int_equal(i->blocks, 8);
	assert_int_equal(i->size, (1LL << 40) + 1);
	f->pos = 0;
	assert_int_equal(f->ops->llseek(f, 5, SEEK_DATA), 1LL << 40);
	assert_int_equal(f->ops->llseek(f, 5, SEEK_HOLE), 5);
	assert_int_equal(f->ops->llseek(f, 1LL << 40, SEEK_HOLE), (1LL << 40) + 1);
	assert_int_equal(f->ops->llseek(f, (1LL << 40) + 1, SEEK_DATA), -ENXIO);
	char c = 'y';
	assert_int_equal(get_bytes(f, &c, 1, 12345), 1);
	assert_int_equal(c, 0);
	file_put(f);
	inode_put(i);
	superblock_put(sb);
}

CO_TEST(shrinking_forgets_the_bytes)
{
	struct superblock *sb = mount_with("");
	struct inode *i = make(sb->root, "f", S_IFREG | 0600);
	struct file *f = open_inode(i, O_RDWR);
	char buf[10] = "";
	assert_int_equal(put_bytes(f, "0123456789", 10, 0), 10);
	struct iattr attr = { .valid = ATTR_SIZE, .size = 4 };
	assert_int_equal(i->ops->setattr(i, &attr), 0);
	attr.size = 10;
	assert_int_equal(i->ops->setattr(i, &attr), 0);
	assert_int_equal(get_bytes(f, buf, 10, 0), 10);
	assert_memory_equal(buf, "0123\0\0\0\0\0\0", 10);
	file_put(f);
	inode_put(i);
	superblock_put(sb);
}

static void fill_up(bool mapped)
{
	struct superblock *sb = mount_with("size=2m");
	struct inode *i = make(sb->root, "f", S_IFREG | 0600);
	struct file *f = open_inode(i, O_RDWR);
	struct mmap_source src = { 0 };
	if (mapped)
		assert_int_equal(f->ops->mmap(f, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, &src), 0);
	char *buf = malloc(3 << 20);
	memset(buf, 'a', 3 << 20);
	ssize_t total = 0, n;
	while ((n = put_bytes(f, buf, 100001, total)) > 0)
		total += n;
	assert_int_equal(n, -ENOSPC);
	assert_int_equal(total, 2 << 20);
	assert_int_equal(i->size, 2 << 20);
	assert_int_equal(put_bytes(f, buf, 2 << 20, 0), 2 << 20);         /* over what is there it goes on */
	struct statfs st;
	assert_int_equal(sb->ops->statfs(sb, &st), 0);
	assert_int_equal(st.f_blocks, 512);
	assert_int_equal(st.f_bfree, 0);
	assert_int_equal(f->ops->fallocate(f, 0, 0, 3 << 20), -ENOSPC);
	assert_int_equal(f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192), 0);
	assert_int_equal(put_bytes(f, buf, 20000, 3 << 20), 8192);
	free(buf);
	file_put(f);
	inode_put(i);
	superblock_put(sb);
}

CO_TEST(a_full_file_system_says_so)
{
	fill_up(false);
	fill_up(true);
}

CO_TEST(inodes_are_limited)
{
	struct superblock *sb = mount_with("nr_inodes=4");
	struct inode *a = make(sb->root, "a", S_IFREG | 0600), *i;
	struct inode *b = make(sb->root, "b", S_IFDIR | 0700);
	assert_int_equal(sb->root->ops->link(sb->root, "c", a), 0);
	assert_int_equal(sb->root->ops->link(sb->root, "d", a), -ENOSPC);
	assert_int_equal(sb->root->ops->create(sb->root, "d", 0600, NULL, &i), -ENOSPC);
	assert_int_equal(a->nlink, 2);
	assert_int_equal(unlink_name(sb->root, "a"), 0);
	assert_int_equal(sb->root->ops->link(sb->root, "d", a), 0);
	assert_int_equal(unlink_name(sb->root, "b"), 0);
	inode_put(b);
	inode_put(make(sb->root, "e", S_IFREG | 0600));
	inode_put(a);
	superblock_put(sb);
}

CO_TEST(options_are_checked)
{
	struct superblock *sb;
	static const char *const bad[] = { "size=", "size=x", "size=1q", "size=-1", "mode=9", "uid=-1", "what", "what=1",
					   "size=99999999999999999999g", "mode=17777", "size=10%%" };
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
		assert_int_equal(tmpfs_mount(bad[n], &sb), -EINVAL);
	sb = mount_with("size=1m,nr_inodes=1k,mode=750,uid=5,gid=6,huge=never");
	assert_int_equal(sb->root->mode, S_IFDIR | 0750);
	assert_int_equal(sb->root->uid, 5);
	assert_int_equal(sb->root->gid, 6);
	char buf[200];
	sb->ops->show_options(sb, buf, sizeof(buf));
	assert_string_equal(buf, ",size=1024k,nr_inodes=1024,mode=750,uid=5,gid=6,inode64");
	assert_int_equal(sb->ops->remount(sb, "size=2m"), 0);
	assert_int_equal(sb->ops->remount(sb, "nr_inodes=0"), 0);
	assert_int_equal(sb->ops->remount(sb, "nr_inodes=7"), -EINVAL);
	superblock_put(sb);
}

CO_TEST(directories_count_their_entries)
{
	struct superblock *sb = mount_with("");
	struct inode *root = sb->root, *d = make(root, "d", S_IFDIR | 02755);
	assert_int_equal(root->nlink, 3);
	assert_int_equal(root->size, 60);
	assert_int_equal(d->nlink, 2);
	struct inode *f = make(d, "f", S_IFREG | 0600);
	assert_int_equal(f->gid, d->gid);
	assert_int_equal(unlink_name(root, "d"), -ENOTEMPTY);
	assert_int_equal(rename_name(d, "f", root, "g", 0), 0);
	assert_int_equal(unlink_name(root, "d"), 0);
	assert_int_equal(root->nlink, 2);
	assert_int_equal(d->nlink, 0);
	struct inode *i;
	assert_int_equal(d->ops->create(d, "x", 0600, NULL, &i), -ENOENT);
	assert_int_equal(look(root, "d", &i), -ENOENT);
	inode_put(f);
	inode_put(d);
	superblock_put(sb);
}

CO_TEST(rename_replaces_exchanges_and_leaves_whiteouts)
{
	struct superblock *sb = mount_with("");
	struct inode *root = sb->root;
	write_file(root, "a", "A");
	write_file(root, "b", "B");
	struct inode *d = make(root, "d", S_IFDIR | 0755);
	assert_int_equal(rename_name(root, "a", root, "b", 0), 0);
	expect_list(root, "d b ");
	assert_int_equal(rename_name(root, "d", root, "b", RENAME_EXCHANGE), 0);
	struct inode *i = must_look(root, "d");
	expect_text(i, "A");
	assert_int_equal(root->nlink, 3);
	inode_put(i);
	assert_int_equal(rename_name(root, "d", d, "in", RENAME_WHITEOUT), 0);
	i = must_look(root, "d");
	assert_true(S_ISCHR(i->mode) && i->rdev == 0);
	inode_put(i);
	expect_list(d, "in ");
	inode_put(d);
	superblock_put(sb);
}

CO_TEST(reading_positions_stay_right)
{
	struct superblock *sb = mount_with("");
	struct inode *root = sb->root;
	for (char name[2] = "a"; name[0] <= 'h'; name[0]++)
		write_file(root, name, "");
	struct file *f = open_inode(root, O_RDONLY);
	struct listing l;
	assert_string_equal(list_open(f, &l, 0, 5), "a b c ");
	off_t pos = l.ctx.pos;
	assert_int_equal(unlink_name(root, "a"), 0);
	assert_int_equal(unlink_name(root, "d"), 0);
	assert_int_equal(rename_name(root, "e", root, "z", 0), 0);
	write_file(root, "y", "");
	/* What came since the start isn't shown: a loop that renames what it sees must end. */
	assert_string_equal(list_open(f, &l, pos, 100), "f g h ");
	assert_string_equal(list_open(f, &l, pos, 2), "f g ");
	assert_string_equal(list_open(f, &l, l.ctx.pos, 100), "h ");
	assert_string_equal(list_open(f, &l, 0, 100), "b c f g h z y ");
	file_put(f);
	superblock_put(sb);
}

CO_TEST(a_tree_goes_with_its_file_system)
{
	struct superblock *sb = mount_with("");
	struct inode *d = inode_get(sb->root);
	for (int n = 0; n < 20000; n++) {         /* deeper than any stack */
		struct inode *sub = make(d, "d", S_IFDIR | 0755);
		inode_put(d);
		d = sub;
	}
	write_file(d, "f", "text");
	inode_put(d);
	superblock_put(sb);
}

CO_TEST(an_open_file_outlives_its_name)
{
	struct superblock *sb = mount_with("");
	write_file(sb->root, "f", "text");
	struct inode *i = must_look(sb->root, "f");
	assert_int_equal(unlink_name(sb->root, "f"), 0);
	assert_int_equal(i->nlink, 0);
	expect_text(i, "text");
	inode_put(i);
	assert_int_equal(sb->root->ops->tmpfile(sb->root, 0600, NULL, &i), 0);
	assert_int_equal(i->nlink, 0);
	assert_int_equal(sb->root->ops->link(sb->root, "named", i), 0);
	assert_int_equal(i->nlink, 1);
	inode_put(i);
	expect_list(sb->root, "named ");
	superblock_put(sb);
}

CO_TEST(extended_attributes)
{
	struct superblock *sb = mount_with("");
	struct inode *i = make(sb->root, "f", S_IFREG | 0640);
	char buf[64];
	assert_int_equal(i->ops->getxattr(i, "user.a", buf, 64), -ENODATA);
	assert_int_equal(i->ops->setxattr(i, "user.a", "one", 3, XATTR_REPLACE), -ENODATA);
	assert_int_equal(i->ops->setxattr(i, "user.a", "one", 3, 0), 0);
	assert_int_equal(i->ops->setxattr(i, "user.a", "x", 1, XATTR_CREATE), -EEXIST);
	assert_int_equal(i->ops->setxattr(i, "user.a", "three", 5, XATTR_REPLACE), 0);
	assert_int_equal(i->ops->getxattr(i, "user.a", NULL, 0), 5);
	assert_int_equal(i->ops->getxattr(i, "user.a", buf, 4), -ERANGE);
	assert_int_equal(i->ops->getxattr(i, "user.a", buf, 64), 5);
	assert_memory_equal(buf, "three", 5);
	assert_int_equal(i->ops->setxattr(i, "security.b", "", 0, 0), 0);
	assert_int_equal(i->ops->listxattr(i, NULL, 0), 18);
	assert_int_equal(i->ops->removexattr(i, "user.a"), 0);
	assert_int_equal(i->ops->removexattr(i, "user.a"), -ENODATA);
	/* A list of owner, group and others is the mode. */
	struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[3]; } acl =
		{ 2, { { 1, 7, -1U }, { 4, 5, -1U }, { 32, 1, -1U } } };
	assert_int_equal(i->ops->setxattr(i, "system.posix_acl_access", &acl, sizeof(acl), 0), 0);
	assert_int_equal(i->mode & 0777, 0751);
	assert_int_equal(i->ops->getxattr(i, "system.posix_acl_access", buf, 64), -ENODATA);
	acl.e[2].tag = 3;
	assert_int_equal(i->ops->setxattr(i, "system.posix_acl_access", &acl, sizeof(acl), 0), -EINVAL);
	inode_put(i);
	superblock_put(sb);
}

CO_TEST(seals_forbid)
{
	struct superblock *sb = mount_with("");
	struct inode *i;
	assert_int_equal(tmpfs_new_file(sb, 0600, NULL, &i), 0);
	struct file *f = open_inode(i, O_RDWR);
	assert_int_equal(put_bytes(f, "0123456789", 10, 0), 10);
	tmpfs_set_seals(i, F_SEAL_GROW);
	assert_int_equal(put_bytes(f, "ab", 2, 9), -EPERM);
	assert_int_equal(put_bytes(f, "ab", 2, 8), 2);
	struct iattr attr = { .valid = ATTR_SIZE, .size = 5 };
	tmpfs_set_seals(i, F_SEAL_SHRINK);
	assert_int_equal(i->ops->setattr(i, &attr), -EPERM);
	tmpfs_set_seals(i, F_SEAL_WRITE);
	assert_int_equal(put_bytes(f, "a", 1, 0), -EPERM);
	struct mmap_source src = { 0 };
	assert_int_equal(f->ops->mmap(f, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, &src), -EPERM);
	assert_int_equal(f->ops->mmap(f, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, &src), 0);
	assert_int_equal(src.deny_prot, 0);
	assert_int_equal(f->ops->mmap(f, 0, 4096, PROT_READ, MAP_SHARED, &src), 0);
	assert_int_equal(src.deny_prot, PROT_WRITE);
	file_put(f);
	inode_put(i);
	superblock_put(sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_come_zeroed),
		cmocka_unit_test(page_tree_finds_what_is_there),
		cmocka_unit_test(bytes_are_what_was_written),
		cmocka_unit_test(bytes_are_what_was_written_in_a_mapped_file),
		cmocka_unit_test(holes_take_no_pages),
		cmocka_unit_test(shrinking_forgets_the_bytes),
		cmocka_unit_test(a_full_file_system_says_so),
		cmocka_unit_test(inodes_are_limited),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(directories_count_their_entries),
		cmocka_unit_test(rename_replaces_exchanges_and_leaves_whiteouts),
		cmocka_unit_test(reading_positions_stay_right),
		cmocka_unit_test(a_tree_goes_with_its_file_system),
		cmocka_unit_test(an_open_file_outlives_its_name),
		cmocka_unit_test(extended_attributes),
		cmocka_unit_test(seals_forbid),
	};
	return cmocka_run_group_tests_name("tmpfs", tests, NULL, NULL);
}
