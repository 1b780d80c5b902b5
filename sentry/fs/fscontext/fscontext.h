/* fscontext.h - what fsopen(2), fspick(2), fsmount(2) and open_tree(2) return. */
#pragma once

#include "sentry/vfs/file.h"
#include "sentry/vfs/mount.h"

enum fscontext_phase {
	FSCONTEXT_PARAMS,                 /* fsopen: parameters, then create */
	FSCONTEXT_MADE,                   /* there is a file system: fsmount it */
	FSCONTEXT_RECONFIGURE,            /* fspick, or mounted: parameters, then reconfigure */
	FSCONTEXT_FAILED,
};

struct fscontext {
	struct file file;
	enum fscontext_phase phase;
	const struct fs_type *type;
	char *source, *options;           /* NULL: none. options: "a=b,c" */
	bool set_ro, set_rw;
	struct superblock *sb;            /* a reference, once there is one */
};

/* type: of a new file system; or sb: the one to reconfigure. *out: a reference. */
int fscontext_new(const struct fs_type *type, struct superblock *sb, struct file **out) MUST_CHECK;
struct fscontext *to_fscontext(struct file *f);          /* NULL: another kind of file */
/* A parameter; value NULL: a flag. -EINVAL: unknown, or too much of it. -EBUSY: not now. */
int fscontext_set(struct fscontext *c, const char *key, const char *value, bool is_text) MUST_CHECK;
int fscontext_create(struct fscontext *c, struct task *t) MUST_CHECK;            /* sleeps */
int fscontext_reconfigure(struct fscontext *c, struct task *t) MUST_CHECK;       /* sleeps */

/* An O_PATH descriptor of a tree's root; the tree goes with it, if it was not put in place. Takes tree over. */
void mount_fd_new(struct mount_ns *tree, struct file **out);
