/* memfs.h - for the tests of file systems in memory: run a test in a coroutine, and short words for common steps. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/kernel/cred.h"
#include "sentry/vfs/file.h"

static bool memfs_done;
static void memfs_body(void *arg)
{
	((void (*)(void))arg)();
	memfs_done = true;
}

/* What may sleep needs a coroutine. */
static inline void in_coroutine(void (*body)(void))
{
	memfs_done = false;
	co_spawn(memfs_body, (void *)body);
	while (co_run_ready())
		;
	assert_true(memfs_done);
}

#define CO_TEST(name)                                    \
	static void name##_body(void);                   \
	static void name(void **state)                   \
	{                                                \
		(void)state;                             \
		uint64_t before = fs_memory_used();      \
		in_coroutine(name##_body);               \
		assert_int_equal(fs_memory_used(), before); \
	}                                                \
	static void name##_body(void)

static const struct cred memfs_cred = { .refs = 1, .fsuid = 7, .fsgid = 8 };

static inline struct inode *make(struct inode *dir, const char *name, mode_t mode)
{
	struct inode *i = NULL;
	int err = S_ISDIR(mode)	  ? dir->ops->mkdir(dir, name, mode & 07777, &memfs_cred, &i)
		  : S_ISREG(mode) ? dir->ops->create(dir, name, mode & 07777, &memfs_cred, &i)
				  : dir->ops->mknod(dir, name, mode, 0x501, &memfs_cred, &i);
	assert_int_equal(err, 0);
	return i;
}

static inline int look(struct inode *dir, const char *name, struct inode **out)
{
	*out = NULL;
	return dir->ops->lookup(dir, name, out);
}

static inline struct inode *must_look(struct inode *dir, const char *name)
{
	struct inode *i;
	assert_int_equal(look(dir, name, &i), 0);
	return i;
}

static inline struct file *open_inode(struct inode *i, int flags)
{
	struct file *f;
	assert_int_equal(i->ops->open(i, NULL, flags, NULL, &f), 0);
	return f;
}

static inline ssize_t put_bytes(struct file *f, const void *buf, size_t bytes, off_t pos)
{
	struct uio u;
	uio_init_kernel(&u, (void *)buf, bytes);
	return f->ops->write(f, &u, &pos);
}

static inline ssize_t get_bytes(struct file *f, void *buf, size_t bytes, off_t pos)
{
	struct uio u;
	uio_init_kernel(&u, buf, bytes);
	return f->ops->read(f, &u, &pos);
}

static inline void write_file(struct inode *dir, const char *name, const char *text)
{
	struct inode *i = make(dir, name, S_IFREG | 0644);
	struct file *f = open_inode(i, O_WRONLY);
	assert_int_equal(put_bytes(f, text, strlen(text), 0), strlen(text));
	file_put(f);
	inode_put(i);
}

static inline void expect_text(struct inode *i, const char *text)
{
	char buf[256] = "";
	struct file *f = open_inode(i, O_RDONLY);
	assert_int_equal(get_bytes(f, buf, sizeof(buf) - 1, 0), strlen(text));
	assert_string_equal(buf, text);
	file_put(f);
}

static inline int unlink_name(struct inode *dir, const char *name)
{
	struct inode *i = must_look(dir, name);
	int err = S_ISDIR(i->mode) ? dir->ops->rmdir(dir, name, i) : dir->ops->unlink(dir, name, i);
	inode_put(i);
	return err;
}

static inline int rename_name(struct inode *from, const char *old, struct inode *to, const char *new, unsigned flags)
{
	struct inode *source = must_look(from, old), *target;
	look(to, new, &target);
	int err = from->ops->rename(from, old, source, to, new, target, flags);
	inode_put(source);
	inode_put(target);
	return err;
}

/* A directory's names in reading order, with a space after each, "." and ".." left out. */
struct listing {
	struct dir_context ctx;
	char text[4096];
	int left;                         /* entries that still fit */
};

static inline bool listing_emit(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned type, off_t next)
{
	struct listing *l = container_of(ctx, struct listing, ctx);
	(void)ino;
	(void)type;
	(void)next;
	if (l->left-- <= 0)
		return false;
	if (name[0] != '.') {
		size_t at = strlen(l->text);
		snprintf(l->text + at, sizeof(l->text) - at, "%.*s ", (int)len, name);
	}
	return true;
}

static inline const char *list_open(struct file *f, struct listing *l, off_t pos, int most)
{
	l->ctx.emit = listing_emit;
	l->ctx.pos = pos;
	l->left = most;
	l->text[0] = '\0';
	assert_int_equal(f->ops->iterate(f, &l->ctx), 0);
	return l->text;
}

static inline void expect_list(struct inode *dir, const char *text)
{
	struct listing l;
	struct file *f = open_inode(dir, O_RDONLY | O_DIRECTORY);
	assert_string_equal(list_open(f, &l, 0, 1000), text);
	file_put(f);
}
