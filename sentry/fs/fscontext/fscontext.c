/* fscontext.c - a file system being configured (fsopen(2), fsconfig(2)).
 *
 * HOW      Parameters are collected as the text that mount(2) would have been given. A file system that says what it knows is
 *          asked for each (fs_type.knows).
 * LINUX    fs/fsopen.c, fs/fs_context.c. Same: flags that all file systems have are taken whatever their value is.
 * MISSING  The log: read(2) is always ENODATA. */
#include "sentry/fs/fscontext/fscontext.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/task.h"

static ssize_t context_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)f;
	(void)dst;
	(void)pos;
	return -ENODATA;
}

static void context_release(struct file *f)
{
	struct fscontext *c = container_of(f, struct fscontext, file);
	superblock_put(c->sb);
	free(c->source);
	free(c->options);
	file_fini(f);
	free(c);
}

static const struct file_ops context_ops = { .name = "anon_inode:[fscontext]", .read = context_read, .release = context_release };

int fscontext_new(const struct fs_type *type, struct superblock *sb, struct file **out)
{
	struct fscontext *c = NEW(struct fscontext);
	int err = file_init_anon(&c->file, &context_ops, 0, O_RDWR);
	if (err) {
		free(c);
		return err;
	}
	c->type = type;
	c->sb = sb ? superblock_get(sb) : NULL;
	c->phase = sb ? FSCONTEXT_RECONFIGURE : FSCONTEXT_PARAMS;
	*out = &c->file;
	return 0;
}

struct fscontext *to_fscontext(struct file *f)
{
	return f->ops == &context_ops ? container_of(f, struct fscontext, file) : NULL;
}

/* What every file system has. */
static bool common_flag(struct fscontext *c, const char *key)
{
	static const char *const without_effect[] = { "async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync" };
	if (strcmp(key, "ro") == 0 || strcmp(key, "rw") == 0) {
		c->set_ro = key[1] == 'o';
		c->set_rw = !c->set_ro;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(without_effect); i++) {
		if (strcmp(key, without_effect[i]) == 0)
			return true;
	}
	return false;
}

static int add_option(struct fscontext *c, const char *key, const char *value)
{
	const char *before = c->options ? c->options : "";
	size_t bytes = strlen(before) + strlen(key) + (value ? strlen(value) : 0) + 3;
	if (!*key || strpbrk(key, ",=") || (value && strchr(value, ',')) || bytes > PAGE_SIZE)
		return -EINVAL;
	char *all = malloc(bytes);
	if (!all)
		return -ENOMEM;
	snprintf(all, bytes, "%s%s%s%s%s", before, *before ? "," : "", key, value ? "=" : "", value ? value : "");
	free(c->options);
	c->options = all;
	return 0;
}

int fscontext_set(struct fscontext *c, const char *key, const char *value, bool is_text)
{
	if (c->phase != FSCONTEXT_PARAMS && c->phase != FSCONTEXT_RECONFIGURE)
		return -EBUSY;
	if (common_flag(c, key))
		return 0;
	if (!is_text)
		return -EINVAL;           /* a path or a descriptor: nothing here has such a parameter */
	if (strcmp(key, "source") == 0) {
		if (!value || c->source)
			return -EINVAL;
		c->source = xstrdup(value);
		return 0;
	}
	if (c->type && c->type->knows && !c->type->knows(key, value))
		return -EINVAL;
	return add_option(c, key, value);
}

int fscontext_create(struct fscontext *c, struct task *t)
{
	if (c->phase != FSCONTEXT_PARAMS)
		return -EBUSY;
	if (!c->type->in_user_ns && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	c->phase = FSCONTEXT_FAILED;      /* nobody else meanwhile */
	int err = c->type->mount(t, c->source ? c->source : "none", c->options ? c->options : "", &c->sb);
	if (!err)
		c->phase = FSCONTEXT_MADE;
	return err;
}

int fscontext_reconfigure(struct fscontext *c, struct task *t)
{
	if (c->phase != FSCONTEXT_RECONFIGURE)
		return -EBUSY;
	if (!cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	/* Only of what can be remounted: what the sandbox was given read-only stays so. */
	if ((c->set_ro || c->set_rw) && !c->sb->ops->remount)
		return c->set_ro == c->sb->read_only ? 0 : -EINVAL;
	int err = c->sb->ops->remount ? c->sb->ops->remount(c->sb, c->options ? c->options : "") : 0;
	if (err)
		return err;
	if (c->set_ro || c->set_rw)
		c->sb->read_only = c->set_ro;
	free(TAKE(c->options));
	return 0;
}
