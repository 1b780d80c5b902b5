/* overlay_setup.h - an overlay of two tmpfs, whose lower one must come out of every test unchanged. */
#pragma once

#include "tests/unit/memfs.h"

#include "sentry/fs/overlay/overlay.h"


struct setup {
	struct superblock *lower, *upper, *sb;
	struct inode *root;
};

/* lower: a file, b, link to a; d/{x y sub/{deep}}, big (500 KB), l -> a, empty/ */
__attribute__((unused)) static struct setup begin(void)
{
	struct setup s;
	assert_int_equal(tmpfs_mount("", &s.lower), 0);
	assert_int_equal(tmpfs_mount("", &s.upper), 0);
	struct inode *r = s.lower->root, *i;
	write_file(r, "a", "lower a");
	write_file(r, "b", "lower b");
	struct inode *d = make(r, "d", S_IFDIR | 0755);
	write_file(d, "x", "lower x");
	write_file(d, "y", "lower y");
	struct inode *sub = make(d, "sub", S_IFDIR | 0750);
	write_file(sub, "deep", "lower deep");
	inode_put(sub);
	inode_put(d);
	inode_put(make(r, "empty", S_IFDIR | 0755));
	assert_int_equal(r->ops->symlink(r, "l", "a", NULL, &i), 0);
	inode_put(i);
	i = make(r, "big", S_IFREG | 0644);
	struct file *f = open_inode(i, O_WRONLY);
	char buf[1000];
	for (int n = 0; n < 500; n++) {
		memset(buf, 'a' + n % 26, sizeof(buf));
		put_bytes(f, buf, sizeof(buf), n * 1000);
	}
	file_put(f);
	inode_put(i);
	assert_int_equal(overlay_mount(s.lower, s.upper, &s.sb), 0);
	s.root = s.sb->root;
	return s;
}

__attribute__((unused)) static void expect_lower_untouched(struct superblock *lower)
{
	struct inode *r = lower->root;
	expect_list(r, "a b d empty l big ");
	struct inode *i = must_look(r, "a"), *d = must_look(r, "d"), *x = must_look(d, "x");
	expect_text(i, "lower a");
	expect_text(x, "lower x");
	expect_list(d, "x y sub ");
	inode_put(i);
	inode_put(x);
	inode_put(d);
}

__attribute__((unused)) static void end(struct setup *s)
{
	expect_lower_untouched(s->lower);
	superblock_put(s->sb);
	superblock_put(s->upper);
	superblock_put(s->lower);
}

__attribute__((unused)) static void overwrite(struct inode *i, const char *text)
{
	struct file *f = open_inode(i, O_WRONLY);
	assert_int_equal(put_bytes(f, text, strlen(text), 0), strlen(text));
	file_put(f);
}
