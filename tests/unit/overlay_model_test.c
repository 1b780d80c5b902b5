/* overlay_model_test.c - random changes of an overlay, compared with the same ones of a plain file system. */
#include "tests/unit/overlay_setup.h"

#include <stdlib.h>

/* Random changes; the same ones in a plain tmpfs must lead to the same tree. */
static void compare_trees(struct inode *a, struct inode *b)
{
	struct listing l;
	struct file *f = open_inode(a, O_RDONLY);
	AUTO(free) char *names = strdup(list_open(f, &l, 0, 1000));
	file_put(f);
	f = open_inode(b, O_RDONLY);
	assert_int_equal(strlen(list_open(f, &l, 0, 1000)), strlen(names));
	file_put(f);
	char *save = NULL;
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		struct inode *x = must_look(a, name), *y = must_look(b, name);
		assert_int_equal(x->mode, y->mode);
		if (!S_ISDIR(x->mode))
			assert_int_equal(x->nlink, y->nlink);
		if (S_ISDIR(x->mode))
			compare_trees(x, y);
		else if (S_ISREG(x->mode) && x->size < 200) {
			char text[256] = "";
			f = open_inode(x, O_RDONLY);
			get_bytes(f, text, 255, 0);
			file_put(f);
			expect_text(y, text);
		}
		inode_put(x);
		inode_put(y);
	}
}

static struct inode *pick_dir(struct inode *root, unsigned choice)
{
	static const char *const names[] = { "d", "empty", "d/sub", "n" };
	struct inode *d = inode_get(root), *next;
	if (choice == 0)
		return d;
	AUTO(free) char *path = strdup(names[choice - 1]);
	char *save = NULL;
	for (char *part = strtok_r(path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (look(d, part, &next) < 0 || !S_ISDIR(next->mode)) {
			inode_put(next);
			break;
		}
		inode_put(d);
		d = next;
	}
	return d;
}

static bool is_inside(struct inode *dir, struct inode *top)
{
	if (dir == top)
		return true;
	struct listing l;
	struct file *f = open_inode(top, O_RDONLY);
	AUTO(free) char *names = strdup(list_open(f, &l, 0, 1000));
	file_put(f);
	bool found = false;
	char *save = NULL;
	for (char *name = strtok_r(names, " ", &save); name && !found; name = strtok_r(NULL, " ", &save)) {
		struct inode *i = must_look(top, name);
		found = S_ISDIR(i->mode) && is_inside(dir, i);
		inode_put(i);
	}
	return found;
}

/* One random change; returns what came of it. The random numbers are drawn before anything is looked at. */
static int change(struct inode *root, const unsigned *r)
{
	static const char *const names[] = { "a", "b", "x", "d", "sub", "empty", "n", "m", "deep" };
	const char *one = names[r[0] % ARRAY_SIZE(names)], *two = names[r[1] % ARRAY_SIZE(names)];
	struct inode *dir = pick_dir(root, r[2] % 5), *dir2 = pick_dir(root, r[3] % 5), *i, *j;
	int err = look(dir, one, &i);
	look(dir2, two, &j);
	switch (r[4] % 8) {
	case 0:
	case 1:
		if (i)
			err = S_ISDIR(i->mode) ? dir->ops->rmdir(dir, one, i) : dir->ops->unlink(dir, one, i);
		break;
	case 2:
		if (!i) {
			write_file(dir, one, two);
			err = 0;
		} else if (S_ISREG(i->mode)) {
			overwrite(i, two);
		}
		break;
	case 3:
		if (!i) {
			i = make(dir, one, S_IFDIR | 0711);
			err = 0;
		} else {
			err = -EEXIST;
		}
		break;
	case 4:
		if (i && !j && !S_ISDIR(i->mode))
			err = dir2->ops->link(dir2, two, i);
		break;
	case 5:
		if (i && S_ISREG(i->mode)) {
			struct iattr attr = { .valid = ATTR_MODE, .mode = r[5] % 0777 };
			err = i->ops->setattr(i, &attr);
		}
		break;
	default: {
		bool exchange = r[4] % 8 == 7;
		if (!i || i == j || (exchange && !j))
			break;
		if ((S_ISDIR(i->mode) && is_inside(dir2, i)) || (j && S_ISDIR(j->mode) && is_inside(dir, j)))
			break;
		if (!exchange && j && S_ISDIR(i->mode) != S_ISDIR(j->mode))
			break;
		err = dir->ops->rename(dir, one, i, dir2, two, j, exchange ? RENAME_EXCHANGE : 0);
	}
	}
	inode_put(i);
	inode_put(j);
	inode_put(dir);
	inode_put(dir2);
	return err;
}

static void copy_tree(struct inode *from, struct inode *to)
{
	struct listing l;
	struct file *f = open_inode(from, O_RDONLY);
	AUTO(free) char *names = strdup(list_open(f, &l, 0, 1000));
	file_put(f);
	char *save = NULL;
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		struct inode *i = must_look(from, name), *made = NULL;
		if (S_ISREG(i->mode)) {
			char text[256] = "";
			f = open_inode(i, O_RDONLY);
			if (i->size < 200)
				get_bytes(f, text, 255, 0);
			file_put(f);
			write_file(to, name, text);
		} else if (S_ISDIR(i->mode)) {
			made = make(to, name, i->mode);
			copy_tree(i, made);
		} else {
			assert_int_equal(to->ops->symlink(to, name, "a", NULL, &made), 0);
		}
		inode_put(made);
		inode_put(i);
	}
}

CO_TEST(behaves_as_a_plain_file_system)
{
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct setup s = begin();
		struct superblock *model;
		assert_int_equal(tmpfs_mount("", &model), 0);
		copy_tree(s.lower->root, model->root);
		srand(seed);
		for (int step = 0; step < 120; step++) {
			unsigned r[6];
			for (size_t n = 0; n < ARRAY_SIZE(r); n++)
				r[n] = (unsigned)rand();
			int a = change(s.root, r), b = change(model->root, r);
			assert_int_equal(a, b);
			if (step % 10 == 9)
				compare_trees(s.root, model->root);
		}
		superblock_put(model);
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behaves_as_a_plain_file_system),
	};
	return cmocka_run_group_tests_name("overlay_model", tests, NULL, NULL);
}
