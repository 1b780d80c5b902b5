/* overlay_test.c - an overlay of two tmpfs: what is seen, and that lower never changes. */
#include "tests/unit/overlay_setup.h"

#include <stdlib.h>
#include <sys/mman.h>

CO_TEST(lower_shows_through)
{
	struct setup s = begin();
	struct inode *a = must_look(s.root, "a"), *l = must_look(s.root, "l"), *i;
	expect_text(a, "lower a");
	char buf[10];
	assert_int_equal(l->ops->readlink(l, NULL, buf, 10), 1);
	assert_int_equal(look(s.root, "nothing", &i), -ENOENT);
	expect_list(s.root, "a b d empty l big ");
	i = must_look(s.root, "a");
	assert_ptr_equal(i, a);                   /* one inode, however often it is looked up */
	inode_put(i);
	inode_put(a);
	inode_put(l);
	end(&s);
}

CO_TEST(writing_copies_up_and_keeps_the_inode)
{
	struct setup s = begin();
	struct inode *d = must_look(s.root, "d"), *x = must_look(d, "x");
	uint64_t ino = x->ino, dir_ino = d->ino;
	struct timespec before = d->mtime;
	struct file *reader = open_inode(x, O_RDONLY);
	overwrite(x, "UPPER");
	assert_int_equal(x->ino, ino);
	assert_int_equal(x->uid, 7);
	assert_int_equal(x->mode, S_IFREG | 0644);
	assert_int_equal(d->mtime.tv_nsec, before.tv_nsec);
	expect_text(x, "UPPER x");
	char buf[20];
	assert_int_equal(get_bytes(reader, buf, 20, 0), 7);       /* who had it open sees the change, too */
	assert_memory_equal(buf, "UPPER x", 7);
	file_put(reader);
	inode_put(x);
	inode_put(d);
	d = must_look(s.root, "d");
	x = must_look(d, "x");
	assert_int_equal(x->ino, ino);
	assert_int_equal(d->ino, dir_ino);
	expect_text(x, "UPPER x");
	expect_list(d, "x y sub ");
	inode_put(x);
	inode_put(d);
	end(&s);
}

CO_TEST(attributes_copy_up)
{
	struct setup s = begin();
	struct inode *big = must_look(s.root, "big");
	struct iattr attr = { .valid = ATTR_MODE | ATTR_UID, .mode = 0600, .uid = 99 };
	struct timespec mtime = big->mtime;
	assert_int_equal(big->ops->setattr(big, &attr), 0);
	assert_int_equal(big->mode, S_IFREG | 0600);
	assert_int_equal(big->uid, 99);
	assert_int_equal(big->size, 500000);
	assert_int_equal(big->mtime.tv_nsec, mtime.tv_nsec);
	struct file *f = open_inode(big, O_RDONLY);
	char buf[1000];
	assert_int_equal(get_bytes(f, buf, 1000, 27000), 1000);
	assert_int_equal(buf[0], 'b');
	file_put(f);
	struct inode *a = must_look(s.root, "a");
	attr = (struct iattr){ .valid = ATTR_SIZE, .size = 3 };
	assert_int_equal(a->ops->setattr(a, &attr), 0);
	expect_text(a, "low");
	attr.size = 0;
	assert_int_equal(big->ops->setattr(big, &attr), 0);
	assert_int_equal(big->size, 0);
	inode_put(a);
	inode_put(big);
	end(&s);
}

CO_TEST(removed_names_stay_removed)
{
	struct setup s = begin();
	struct inode *i, *d = must_look(s.root, "d");
	assert_int_equal(unlink_name(s.root, "a"), 0);
	assert_int_equal(look(s.root, "a", &i), -ENOENT);
	expect_list(s.root, "b d empty l big ");
	write_file(s.root, "a", "new a");
	i = must_look(s.root, "a");
	expect_text(i, "new a");
	inode_put(i);
	assert_int_equal(unlink_name(s.root, "a"), 0);
	assert_int_equal(look(s.root, "a", &i), -ENOENT);
	assert_int_equal(unlink_name(s.root, "d"), -ENOTEMPTY);
	assert_int_equal(unlink_name(d, "x"), 0);
	assert_int_equal(unlink_name(d, "y"), 0);
	struct inode *sub = must_look(d, "sub");
	assert_int_equal(unlink_name(sub, "deep"), 0);
	assert_int_equal(unlink_name(d, "sub"), 0);
	expect_list(d, "");
	assert_int_equal(unlink_name(s.root, "d"), 0);
	assert_int_equal(d->nlink, 0);
	expect_list(s.root, "b empty l big ");
	inode_put(sub);
	inode_put(d);
	end(&s);
}

CO_TEST(a_directory_made_again_is_opaque)
{
	struct setup s = begin();
	struct inode *d = must_look(s.root, "d"), *sub = must_look(d, "sub");
	assert_int_equal(unlink_name(sub, "deep"), 0);
	assert_int_equal(unlink_name(d, "sub"), 0);
	inode_put(sub);
	sub = make(d, "sub", S_IFDIR | 0700);
	expect_list(sub, "");
	inode_put(sub);
	sub = must_look(d, "sub");
	expect_list(sub, "");
	write_file(sub, "new", "");
	expect_list(sub, "new ");
	assert_int_equal(unlink_name(d, "sub"), -ENOTEMPTY);
	assert_int_equal(unlink_name(sub, "new"), 0);
	assert_int_equal(unlink_name(d, "sub"), 0);
	inode_put(sub);
	assert_int_equal(look(d, "sub", &sub), -ENOENT);
	inode_put(d);
	end(&s);
}

CO_TEST(files_are_renamed)
{
	struct setup s = begin();
	struct inode *i, *d = must_look(s.root, "d");
	assert_int_equal(rename_name(s.root, "a", s.root, "b", 0), 0);
	assert_int_equal(look(s.root, "a", &i), -ENOENT);
	i = must_look(s.root, "b");
	expect_text(i, "lower a");
	assert_int_equal(rename_name(s.root, "b", d, "moved", 0), 0);
	expect_list(s.root, "d empty l big ");
	expect_list(d, "moved x y sub ");
	assert_int_equal(rename_name(d, "moved", s.root, "a", 0), 0);     /* over its own whiteout */
	expect_text(i, "lower a");
	assert_int_equal(rename_name(s.root, "a", d, "x", RENAME_EXCHANGE), 0);
	inode_put(i);
	i = must_look(s.root, "a");
	expect_text(i, "lower x");
	assert_int_equal(i->nlink, 1);
	inode_put(i);
	assert_int_equal(rename_name(s.root, "a", d, "x", RENAME_WHITEOUT), -EINVAL);
	inode_put(d);
	end(&s);
}

CO_TEST(directories_of_lower_are_renamed)
{
	struct setup s = begin();
	struct inode *i, *d = must_look(s.root, "d"), *deep;
	uint64_t ino = d->ino;
	assert_int_equal(rename_name(s.root, "d", s.root, "e", 0), 0);
	assert_int_equal(look(s.root, "d", &i), -ENOENT);
	expect_list(d, "x y sub ");
	inode_put(d);
	d = must_look(s.root, "e");
	assert_int_equal(d->ino, ino);
	expect_list(d, "x y sub ");
	struct inode *sub = must_look(d, "sub");
	assert_int_equal(rename_name(d, "sub", s.root, "top", 0), 0);     /* out of what has moved itself */
	deep = must_look(sub, "deep");
	overwrite(deep, "UPPER");
	inode_put(deep);
	inode_put(sub);
	sub = must_look(s.root, "top");
	deep = must_look(sub, "deep");
	expect_text(deep, "UPPER deep");
	expect_list(d, "x y ");
	expect_list(s.root, "e top a b empty l big ");
	/* A new directory of the old name has nothing of the old one. */
	i = make(s.root, "d", S_IFDIR | 0755);
	expect_list(i, "");
	assert_int_equal(rename_name(s.root, "e", s.root, "d", RENAME_EXCHANGE), 0);
	expect_list(i, "");
	expect_list(d, "x y ");
	inode_put(i);
	i = must_look(s.root, "d");
	assert_ptr_equal(i, d);
	inode_put(i);
	/* Over an empty directory of lower; over one that isn't empty. */
	assert_int_equal(rename_name(s.root, "d", s.root, "top", 0), -ENOTEMPTY);
	assert_int_equal(rename_name(s.root, "d", s.root, "empty", 0), 0);
	i = must_look(s.root, "empty");
	assert_ptr_equal(i, d);
	expect_list(i, "x y ");
	inode_put(i);
	inode_put(deep);
	inode_put(sub);
	inode_put(d);
	end(&s);
}

CO_TEST(hard_links_of_lower_stay_one_file)
{
	struct setup s = begin();
	struct inode *r = s.lower->root, *c, *h, *k;
	assert_int_equal(r->ops->link(r, "h", (c = must_look(r, "b"))), 0);
	inode_put(c);
	c = must_look(s.root, "b");
	assert_int_equal(c->nlink, 2);
	overwrite(c, "UPPER");
	inode_put(c);
	h = must_look(s.root, "h");
	c = must_look(s.root, "b");
	assert_ptr_equal(h, c);
	expect_text(h, "UPPER b");
	assert_int_equal(s.root->ops->link(s.root, "k", h), 0);
	assert_int_equal(h->nlink, 3);
	assert_int_equal(rename_name(s.root, "b", s.root, "b2", 0), 0);
	assert_int_equal(unlink_name(s.root, "h"), 0);
	assert_int_equal(h->nlink, 2);
	inode_put(h);
	inode_put(c);
	h = must_look(s.root, "b2");
	k = must_look(s.root, "k");
	assert_ptr_equal(h, k);
	assert_int_equal(unlink_name(s.root, "b2"), 0);
	assert_int_equal(unlink_name(s.root, "k"), 0);
	assert_int_equal(k->nlink, 0);
	expect_text(k, "UPPER b");
	inode_put(h);
	inode_put(k);
	expect_list(s.root, "a d empty l big ");
	assert_int_equal(unlink_name(r, "h"), 0);
	end(&s);
}

CO_TEST(one_name_of_two_is_removed_before_the_copy)
{
	struct setup s = begin();
	struct inode *r = s.lower->root, *b = must_look(r, "b"), *i;
	assert_int_equal(r->ops->link(r, "h", b), 0);
	inode_put(b);
	b = must_look(s.root, "b");
	assert_int_equal(unlink_name(s.root, "b"), 0);
	assert_int_equal(b->nlink, 1);
	overwrite(b, "UPPER");
	inode_put(b);
	b = must_look(s.root, "h");
	expect_text(b, "UPPER b");
	assert_int_equal(b->nlink, 1);
	assert_int_equal(look(s.root, "b", &i), -ENOENT);
	assert_int_equal(unlink_name(s.root, "h"), 0);
	assert_int_equal(b->nlink, 0);
	inode_put(b);
	assert_int_equal(unlink_name(r, "h"), 0);
	end(&s);
}

CO_TEST(a_removed_file_can_still_be_changed)
{
	struct setup s = begin();
	struct inode *a = must_look(s.root, "a"), *l = must_look(s.root, "l"), *i;
	struct file *f = open_inode(a, O_RDONLY);
	assert_int_equal(unlink_name(s.root, "a"), 0);
	assert_int_equal(unlink_name(s.root, "l"), 0);
	assert_int_equal(a->nlink, 0);
	struct iattr attr = { .valid = ATTR_MODE, .mode = 0400 };
	assert_int_equal(a->ops->setattr(a, &attr), 0);
	attr.valid = ATTR_UID;
	assert_int_equal(l->ops->setattr(l, &attr), 0);
	assert_int_equal(a->mode, S_IFREG | 0400);
	assert_int_equal(look(s.root, "a", &i), -ENOENT);
	expect_text(a, "lower a");
	file_put(f);
	inode_put(a);
	inode_put(l);
	end(&s);
}

CO_TEST(whiteouts_cannot_be_made_by_hand)
{
	struct setup s = begin();
	struct inode *i;
	assert_int_equal(s.root->ops->mknod(s.root, "w", S_IFCHR | 0600, 0, NULL, &i), -EPERM);
	end(&s);
}

CO_TEST(a_listing_stays_while_names_change)
{
	struct setup s = begin();
	write_file(s.root, "z", "");              /* merged from now on */
	struct file *f = open_inode(s.root, O_RDONLY);
	struct listing l;
	assert_string_equal(list_open(f, &l, 0, 4), "z a ");
	off_t pos = l.ctx.pos;
	assert_int_equal(unlink_name(s.root, "b"), 0);
	write_file(s.root, "y", "");
	assert_string_equal(list_open(f, &l, pos, 2), "b d ");
	assert_string_equal(list_open(f, &l, l.ctx.pos, 100), "empty l big ");
	assert_string_equal(list_open(f, &l, pos, 1), "b ");
	assert_string_equal(list_open(f, &l, 0, 100), "z y a d empty l big ");
	file_put(f);
	end(&s);
}

CO_TEST(a_full_upper_changes_nothing)
{
	struct setup s;
	assert_int_equal(tmpfs_mount("", &s.lower), 0);
	assert_int_equal(tmpfs_mount("nr_inodes=2,size=4k", &s.upper), 0);
	write_file(s.lower->root, "a", "lower a");
	write_file(s.lower->root, "b", "lower b");
	assert_int_equal(overlay_mount(s.lower, s.upper, &s.sb), 0);
	struct inode *root = s.sb->root;
	assert_int_equal(unlink_name(root, "a"), 0);
	assert_int_equal(unlink_name(root, "b"), -ENOSPC);
	assert_int_equal(rename_name(root, "b", root, "c", 0), -ENOSPC);
	expect_list(root, "b ");
	struct inode *i;
	assert_int_equal(root->ops->create(root, "a", 0600, NULL, &i), -ENOSPC);
	assert_int_equal(look(root, "a", &i), -ENOENT);           /* lower's doesn't come back */
	i = must_look(root, "b");
	expect_text(i, "lower b");
	inode_put(i);
	superblock_put(s.sb);
	superblock_put(s.upper);
	superblock_put(s.lower);
}

/* --- several at once --- */

static struct inode *shared_inode;
static int writers_done;
static void writer(void *arg)
{
	(void)arg;
	struct file *f = open_inode(shared_inode, O_RDWR);
	assert_int_equal(put_bytes(f, "!", 1, 100 + writers_done), 1);
	writers_done++;
	file_put(f);
}

CO_TEST(many_openers_wait_for_one_copy)
{
	struct setup s = begin();
	shared_inode = must_look(s.root, "big");
	writers_done = 0;
	for (int n = 0; n < 3; n++)
		co_spawn(writer, NULL);
	co_yield();
	assert_int_equal(writers_done, 0);        /* still copying */
	assert_int_equal(rename_name(s.root, "big", s.root, "large", 0), 0);      /* waits for the copy, too */
	while (writers_done < 3)
		co_yield();
	struct inode *i = must_look(s.root, "large");
	assert_ptr_equal(i, shared_inode);
	struct file *f = open_inode(i, O_RDONLY);
	char buf[4];
	assert_int_equal(get_bytes(f, buf, 4, 99), 4);
	assert_memory_equal(buf, "a!!!", 4);
	file_put(f);
	inode_put(i);
	inode_put(shared_inode);
	end(&s);
}

CO_TEST(removed_while_it_is_copied)
{
	struct setup s = begin();
	shared_inode = must_look(s.root, "big");
	writers_done = 0;
	co_spawn(writer, NULL);
	co_yield();
	assert_int_equal(writers_done, 0);
	assert_int_equal(unlink_name(s.root, "big"), 0);
	while (writers_done < 1)
		co_yield();
	struct inode *i;
	assert_int_equal(look(s.root, "big", &i), -ENOENT);
	assert_int_equal(shared_inode->nlink, 0);
	inode_put(shared_inode);
	end(&s);
}

CO_TEST(looked_up_while_it_is_copied)
{
	struct setup s = begin();
	shared_inode = must_look(s.root, "big");
	writers_done = 0;
	co_spawn(writer, NULL);
	while (writers_done < 1) {
		struct inode *i = must_look(s.root, "big");
		assert_ptr_equal(i, shared_inode);
		inode_put(i);
		co_yield();
	}
	inode_put(shared_inode);
	end(&s);
}

CO_TEST(a_single_file_can_be_overlaid)
{
	struct setup s = begin();
	struct inode *a = must_look(s.lower->root, "a");
	struct superblock fake = *s.lower, *upper, *sb;   /* a lower whose root is a file */
	fake.root = a;
	fake.refs = 1;
	assert_int_equal(tmpfs_mount("", &upper), 0);
	assert_int_equal(overlay_mount(&fake, upper, &sb), 0);
	expect_text(sb->root, "lower a");
	assert_int_equal(sb->root->nlink, 1);
	overwrite(sb->root, "UPPER");
	expect_text(sb->root, "UPPER a");
	assert_int_equal(sb->root->nlink, 1);
	superblock_put(sb);
	superblock_put(upper);
	assert_int_equal(fake.refs, 1);
	inode_put(a);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lower_shows_through),
		cmocka_unit_test(writing_copies_up_and_keeps_the_inode),
		cmocka_unit_test(attributes_copy_up),
		cmocka_unit_test(removed_names_stay_removed),
		cmocka_unit_test(a_directory_made_again_is_opaque),
		cmocka_unit_test(files_are_renamed),
		cmocka_unit_test(directories_of_lower_are_renamed),
		cmocka_unit_test(hard_links_of_lower_stay_one_file),
		cmocka_unit_test(one_name_of_two_is_removed_before_the_copy),
		cmocka_unit_test(a_removed_file_can_still_be_changed),
		cmocka_unit_test(whiteouts_cannot_be_made_by_hand),
		cmocka_unit_test(a_listing_stays_while_names_change),
		cmocka_unit_test(a_full_upper_changes_nothing),
		cmocka_unit_test(many_openers_wait_for_one_copy),
		cmocka_unit_test(removed_while_it_is_copied),
		cmocka_unit_test(looked_up_while_it_is_copied),
		cmocka_unit_test(a_single_file_can_be_overlaid),
	};
	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
