/* namei_test.c - the walk, on a tmpfs. */
#include "tests/unit/fake_task.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/vfs/dcache.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"

static int lookup(struct task *t, const char *name, unsigned flags)
{
	AUTO_PATH p = { 0 };
	return path_lookup(t, AT_FDCWD, name, flags, &p);
}

/* The place that name leads to, as a path. */
static const char *where(struct task *t, const char *name)
{
	static char buf[PATH_MAX];
	char *out;
	AUTO_PATH p = { 0 };
	int err = path_lookup(t, AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	if (!err)
		err = path_name(t, &p, buf, sizeof(buf), &out);
	if (err) {
		snprintf(buf, sizeof(buf), "%s", strerrorname_np(-err));
		return buf;
	}
	return out;
}

static void touch(struct task *t, const char *name)
{
	assert_int_equal(vfs_mknod(t, AT_FDCWD, name, S_IFREG | 0644, 0, NULL), 0);
}

static int tree(void **state)
{
	fake_setup(state);
	struct task *t = *state;
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a", 0755), 0);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/b", 0755), 0);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/b/c", 0755), 0);
	touch(t, "/a/file");
	assert_int_equal(vfs_symlink(t, "b/c", AT_FDCWD, "/a/rel"), 0);
	assert_int_equal(vfs_symlink(t, "/a/b/", AT_FDCWD, "/a/abs"), 0);
	assert_int_equal(vfs_symlink(t, "/", AT_FDCWD, "/a/top"), 0);
	assert_int_equal(vfs_symlink(t, "nothing", AT_FDCWD, "/a/dangling"), 0);
	assert_int_equal(vfs_symlink(t, "file/", AT_FDCWD, "/a/slashed"), 0);
	assert_int_equal(vfs_symlink(t, "loop", AT_FDCWD, "/a/loop"), 0);
	return 0;
}

static void names_lead_where_they_say(void **state)
{
	struct task *t = *state;
	assert_string_equal(where(t, "/"), "/");
	assert_string_equal(where(t, "///"), "/");
	assert_string_equal(where(t, "/.."), "/");
	assert_string_equal(where(t, "/../../a/./b//"), "/a/b");
	assert_string_equal(where(t, "a/b/../../a/file"), "/a/file");
	assert_string_equal(where(t, "/a/file/"), "ENOTDIR");
	assert_string_equal(where(t, "/a/file/."), "ENOTDIR");
	assert_string_equal(where(t, "/a/file/x"), "ENOTDIR");
	assert_string_equal(where(t, "/a/none"), "ENOENT");
	assert_string_equal(where(t, "/a/none/x"), "ENOENT");
	assert_string_equal(where(t, ""), "ENOENT");
}

static void symlinks_are_followed(void **state)
{
	struct task *t = *state;
	assert_string_equal(where(t, "/a/rel"), "/a/b/c");
	assert_string_equal(where(t, "/a/rel/.."), "/a/b");
	assert_string_equal(where(t, "/a/abs/c"), "/a/b/c");
	assert_string_equal(where(t, "/a/abs"), "/a/b");
	assert_string_equal(where(t, "/a/top/a/top/a/rel/"), "/a/b/c");
	assert_string_equal(where(t, "/a/top"), "/");
	assert_string_equal(where(t, "/a/dangling"), "ENOENT");
	assert_string_equal(where(t, "/a/slashed"), "ENOTDIR");
	assert_string_equal(where(t, "/a/loop"), "ELOOP");
	assert_int_equal(lookup(t, "/a/loop", 0), 0);
	assert_int_equal(lookup(t, "/a/rel/", LOOKUP_DIRECTORY), 0);
	assert_int_equal(lookup(t, "/a/rel", LOOKUP_DIRECTORY), -ENOTDIR);
}

static void forty_links_and_no_more(void **state)
{
	struct task *t = *state;
	char name[32], target[32];
	touch(t, "/l0");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "/l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		assert_int_equal(vfs_symlink(t, target, AT_FDCWD, name), 0);
	}
	assert_string_equal(where(t, "/l40"), "/l0");
	assert_string_equal(where(t, "/l41"), "ELOOP");
}

static void long_names(void **state)
{
	struct task *t = *state;
	char name[300] = "/a/";
	memset(name + 3, 'x', 255);
	assert_int_equal(lookup(t, name, 0), -ENOENT);
	name[258] = 'x';
	assert_int_equal(lookup(t, name, 0), -ENAMETOOLONG);
}

static void search_permission(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/private", 0700), 0);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/private/x", 0777), 0);
	fake_task_become(t, 1000);
	assert_int_equal(lookup(t, "/private", 0), 0);
	assert_int_equal(lookup(t, "/private/x", 0), -EACCES);
	assert_int_equal(lookup(t, "/private/none", 0), -EACCES);
	assert_int_equal(lookup(t, "/private/..", 0), -EACCES);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/new", 0755), -EACCES);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/b", 0755), -EEXIST);
	fake_task_become(t, 0);
}

static void openat2_restrictions(void **state)
{
	struct task *t = *state;
	struct file *dir;
	assert_int_equal(vfs_open(t, AT_FDCWD, "/a", O_PATH | O_DIRECTORY, 0, 0, &dir), 0);
	int fd = fd_install(t, dir, 0, false);
	assert_true(fd >= 0);
	static const struct { const char *name; unsigned flags; int err; } cases[] = {
		{ "b/c", LOOKUP_BENEATH, 0 },          { "b/../file", LOOKUP_BENEATH, 0 },
		{ "..", LOOKUP_BENEATH, -EXDEV },      { "b/../../a", LOOKUP_BENEATH, -EXDEV },
		{ "/a", LOOKUP_BENEATH, -EXDEV },      { "abs/c", LOOKUP_BENEATH, -EXDEV },
		{ "rel", LOOKUP_BENEATH, 0 },          { "/b/c", LOOKUP_IN_ROOT, 0 },
		{ "../../b", LOOKUP_IN_ROOT, 0 },      { "abs", LOOKUP_IN_ROOT, -ENOENT },
		{ "top/b", LOOKUP_IN_ROOT, 0 },        { "rel", LOOKUP_NO_SYMLINKS, -ELOOP },
		{ "b/c", LOOKUP_NO_SYMLINKS, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_PATH p = { 0 };
		int err = path_lookup(t, fd, cases[i].name, cases[i].flags | LOOKUP_FOLLOW, &p);
		if (err != cases[i].err)
			fail_msg("%s: %d, not %d", cases[i].name, err, cases[i].err);
	}
	assert_int_equal(fd_close(t, fd), 0);
}

static void chroot_is_the_top(void **state)
{
	struct task *t = *state;
	struct path old = t->fs->root;
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a", 0, &t->fs->root), 0);
	assert_string_equal(where(t, "/../../b"), "/b");
	assert_string_equal(where(t, "/abs"), "ENOENT");
	assert_string_equal(where(t, "/top"), "/");
	path_put(&t->fs->root);
	t->fs->root = old;
}

/* --- mounts --- */

static struct mount *mount_tmpfs(struct task *t, const char *at)
{
	struct superblock *sb;
	struct mount *m;
	AUTO_PATH p = { 0 };
	assert_int_equal(tmpfs_mount("", &sb), 0);
	assert_int_equal(path_lookup(t, AT_FDCWD, at, 0, &p), 0);
	assert_int_equal(mount_add(t->mnt_ns, sb, NULL, &p, 0, "test", &m), 0);
	superblock_put(sb);
	return m;
}

static void mounts_cover_and_uncover(void **state)
{
	struct task *t = *state;
	struct mount *m = mount_tmpfs(t, "/a/b");
	assert_string_equal(where(t, "/a/b/c"), "ENOENT");
	touch(t, "/a/b/inside");
	assert_string_equal(where(t, "/a/b/inside"), "/a/b/inside");
	assert_string_equal(where(t, "/a/b/.."), "/a");
	struct mount *top = mount_tmpfs(t, "/a/b");
	assert_string_equal(where(t, "/a/b/inside"), "ENOENT");
	assert_string_equal(where(t, "/a/b/.."), "/a");
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b"), -EBUSY);
	assert_int_equal(vfs_rename(t, AT_FDCWD, "/a/b", AT_FDCWD, "/a/z", 0), -EBUSY);
	assert_int_equal(mount_del(m, false), -EBUSY);
	assert_int_equal(mount_del(top, false), 0);
	mount_put(top);
	assert_string_equal(where(t, "/a/b/inside"), "/a/b/inside");
	AUTO_PATH busy = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a/b/inside", 0, &busy), 0);
	assert_int_equal(mount_del(m, false), -EBUSY);
	assert_int_equal(mount_del(m, true), 0);
	mount_put(m);
	assert_string_equal(where(t, "/a/b/c"), "/a/b/c");
}

static void no_xdev_stays_on_the_mount(void **state)
{
	struct task *t = *state;
	struct mount *m = mount_tmpfs(t, "/a/b");
	assert_int_equal(lookup(t, "/a/b", LOOKUP_NO_XDEV), -EXDEV);
	assert_int_equal(lookup(t, "/a/file", LOOKUP_NO_XDEV), 0);
	assert_int_equal(vfs_link(t, AT_FDCWD, "/a/file", AT_FDCWD, "/a/b/file", 0), -EXDEV);
	assert_int_equal(vfs_rename(t, AT_FDCWD, "/a/file", AT_FDCWD, "/a/b/file", 0), -EXDEV);
	assert_int_equal(mount_del(m, false), 0);
	mount_put(m);
}

static void recursive_bind(void **state)
{
	struct task *t = *state;
	struct mount *m = mount_tmpfs(t, "/a/b");
	touch(t, "/a/b/inside");
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/copy", 0755), 0);
	AUTO_PATH from = { 0 }, at = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a", 0, &from), 0);
	assert_int_equal(path_lookup(t, AT_FDCWD, "/copy", 0, &at), 0);
	assert_int_equal(mount_bind(&from, &at, true), 0);
	assert_string_equal(where(t, "/copy/b/inside"), "/copy/b/inside");
	assert_string_equal(where(t, "/copy/file"), "/copy/file");
	assert_string_equal(where(t, "/copy/b/../.."), "/");
	mount_put(m);
}

static void pivot_root_swaps(void **state)
{
	struct task *t = *state;
	struct mount *m = mount_tmpfs(t, "/a");
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/old", 0755), 0);
	AUTO_PATH new = { 0 }, old = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a", 0, &new), 0);
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a/old", 0, &old), 0);
	assert_int_equal(mount_pivot(t->mnt_ns, &t->fs->root, &new, &old), 0);
	/* A fake task isn't on the list of those whose root moves along. */
	path_put(&t->fs->root);
	t->fs->root = new;
	path_get(&new);
	assert_string_equal(where(t, "/old/a/b"), "/old/a/b");
	assert_string_equal(where(t, "/old/a/.."), "/old");
	assert_string_equal(where(t, "/old/.."), "/");
	mount_put(m);
}

static void caches_forget_with_the_mount(void **state)
{
	struct task *t = *state;
	size_t before = dcache_count();
	struct mount *m = mount_tmpfs(t, "/a/b");
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/a/b/%d", i);
		touch(t, name);
	}
	assert_true(dcache_count() >= before + 100);
	assert_int_equal(mount_del(m, false), 0);
	mount_put(m);
	assert_int_equal(dcache_count(), before);
}

static void the_cache_has_a_cap(void **state)
{
	struct task *t = *state;
	for (int i = 0; i < DCACHE_CAP + 1000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/a/%d", i);
		touch(t, name);
	}
	assert_true(dcache_count() <= DCACHE_CAP + 100);
	assert_string_equal(where(t, "/a/5"), "/a/5");
}

/* --- making, removing, renaming --- */

static void making_what_exists(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/dangling", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/..", 0755), -EEXIST);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/a/new///", 0755), 0);
	assert_int_equal(vfs_symlink(t, "x", AT_FDCWD, "/a/s/"), -ENOENT);
	assert_int_equal(vfs_mknod(t, AT_FDCWD, "/a/n/", S_IFREG | 0644, 0, NULL), -ENOENT);
}

static void removing(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/a/b"), -EISDIR);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/a/file/"), -ENOTDIR);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/a/none"), -ENOENT);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/a/."), -EISDIR);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/file"), -ENOTDIR);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b"), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b/."), -EINVAL);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b/.."), -ENOTEMPTY);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/"), -EBUSY);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/a/loop"), 0);
	assert_int_equal(lookup(t, "/a/loop", 0), -ENOENT);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b/c/"), 0);
	assert_int_equal(lookup(t, "/a/b/c", 0), -ENOENT);
}

static void a_removed_directory_takes_nothing_in(void **state)
{
	struct task *t = *state;
	path_put(&t->fs->cwd);
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a/b/c", 0, &t->fs->cwd), 0);
	assert_int_equal(vfs_rmdir(t, AT_FDCWD, "/a/b/c"), 0);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "x", 0755), -ENOENT);
	assert_int_equal(lookup(t, "x", 0), -ENOENT);
	assert_int_equal(lookup(t, ".", 0), 0);
	assert_string_equal(where(t, ".."), "/a/b");
	char buf[64], *name;
	assert_int_equal(path_name(t, &t->fs->cwd, buf, sizeof(buf), &name), 0);
	assert_string_equal(name, "/a/b/c (deleted)");
}

static int move(struct task *t, const char *from, const char *to, unsigned flags)
{
	return vfs_rename(t, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void renaming(void **state)
{
	struct task *t = *state;
	touch(t, "/f");
	assert_int_equal(move(t, "/a", "/a/b/x", 0), -EINVAL);
	assert_int_equal(move(t, "/a/b", "/a", 0), -ENOTEMPTY);
	assert_int_equal(move(t, "/a/b", "/f", 0), -ENOTDIR);
	assert_int_equal(move(t, "/f", "/a/b", 0), -EISDIR);
	assert_int_equal(move(t, "/f", "/a/b/c/", 0), -ENOTDIR);
	assert_int_equal(move(t, "/none", "/x", 0), -ENOENT);
	assert_int_equal(move(t, "/a/.", "/x", 0), -EBUSY);
	assert_int_equal(move(t, "/f", "/a/..", 0), -EBUSY);
	assert_int_equal(move(t, "/f", "/a/file", 1 /* RENAME_NOREPLACE */), -EEXIST);
	assert_int_equal(move(t, "/f", "/none", 2 /* RENAME_EXCHANGE */), -ENOENT);
	assert_int_equal(move(t, "/f", "/g", 8), -EINVAL);

	assert_int_equal(move(t, "/f", "/a/file", 0), 0);
	assert_int_equal(lookup(t, "/f", 0), -ENOENT);
	assert_int_equal(lookup(t, "/a/file", 0), 0);
	AUTO_PATH c = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/a/b/c", 0, &c), 0);
	assert_int_equal(move(t, "/a/b", "/z/", 0), 0);
	assert_string_equal(where(t, "/z/c"), "/z/c");
	char buf[64], *name;
	assert_int_equal(path_name(t, &c, buf, sizeof(buf), &name), 0);
	assert_string_equal(name, "/z/c");
	assert_int_equal(move(t, "/z/c", "/a/file", 2), 0);
	assert_int_equal(lookup(t, "/a/file", LOOKUP_DIRECTORY), 0);
	assert_int_equal(lookup(t, "/z/c", LOOKUP_DIRECTORY), -ENOTDIR);
	assert_int_equal(path_name(t, &c, buf, sizeof(buf), &name), 0);
	assert_string_equal(name, "/a/file");
}

static void renaming_a_link_over_its_twin_does_nothing(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_link(t, AT_FDCWD, "/a/file", AT_FDCWD, "/twin", 0), 0);
	assert_int_equal(move(t, "/twin", "/a/file", 0), 0);
	assert_int_equal(lookup(t, "/twin", 0), 0);
	assert_int_equal(lookup(t, "/a/file", 0), 0);
}

static void sticky_directories(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/tmp", 01777), 0);
	touch(t, "/tmp/roots");
	fake_task_become(t, 1000);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/tmp/roots"), -EPERM);
	assert_int_equal(move(t, "/tmp/roots", "/tmp/mine", 0), -EPERM);
	touch(t, "/tmp/own");
	assert_int_equal(move(t, "/tmp/own", "/tmp/roots", 0), -EPERM);
	assert_int_equal(vfs_unlink(t, AT_FDCWD, "/tmp/own"), 0);
	fake_task_become(t, 0);
}

static void set_group_id_directories(void **state)
{
	struct task *t = *state;
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/shared", 0777), 0);
	AUTO_PATH p = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/shared", 0, &p), 0);
	p.dentry->inode->gid = 50;
	p.dentry->inode->mode |= S_ISGID;
	fake_task_become(t, 1000);
	assert_int_equal(vfs_mkdir(t, AT_FDCWD, "/shared/d", 0755), 0);
	assert_int_equal(vfs_mknod(t, AT_FDCWD, "/shared/f", S_IFREG | 02775, 0, NULL), 0);
	AUTO_PATH d = { 0 }, f = { 0 };
	assert_int_equal(path_lookup(t, AT_FDCWD, "/shared/d", 0, &d), 0);
	assert_int_equal(path_lookup(t, AT_FDCWD, "/shared/f", 0, &f), 0);
	assert_int_equal(d.dentry->inode->gid, 50);
	assert_int_equal(d.dentry->inode->mode, S_IFDIR | S_ISGID | 0755);
	assert_int_equal(f.dentry->inode->gid, 50);
	assert_int_equal(f.dentry->inode->mode, S_IFREG | 0775);
	fake_task_become(t, 0);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, tree, fake_teardown)

static int tests(void)
{
	const struct CMUnitTest list[] = {
		WITH_TREE(names_lead_where_they_say), WITH_TREE(symlinks_are_followed),
		WITH_TREE(forty_links_and_no_more), WITH_TREE(long_names), WITH_TREE(search_permission),
		WITH_TREE(openat2_restrictions), WITH_TREE(chroot_is_the_top), WITH_TREE(mounts_cover_and_uncover),
		WITH_TREE(no_xdev_stays_on_the_mount), WITH_TREE(recursive_bind), WITH_TREE(pivot_root_swaps),
		WITH_TREE(caches_forget_with_the_mount), WITH_TREE(the_cache_has_a_cap), WITH_TREE(making_what_exists),
		WITH_TREE(removing), WITH_TREE(a_removed_directory_takes_nothing_in), WITH_TREE(renaming),
		WITH_TREE(renaming_a_link_over_its_twin_does_nothing), WITH_TREE(sticky_directories),
		WITH_TREE(set_group_id_directories),
	};
	return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
	return run_in_coroutine(tests);
}
