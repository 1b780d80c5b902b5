/* namei.h - the walk itself, for those who do something special with the last component: open, create, remove.
 *
 *	walk_begin → walk_parent → (work on w.cur and w.last) or walk_last → … → walk_end */
#pragma once

#include <limits.h>

#include "sentry/vfs/path.h"

#define MAX_SYMLINKS 40

struct walk {
	struct task *t;
	unsigned flags;                   /* LOOKUP_* */
	struct path root;                 /* a reference: what "/" and the topmost ".." are */
	struct path cur;                  /* a reference */
	int nlinks;
	bool slash;                       /* the name, or a link at its end, ended with a slash: must be a directory */
	int depth;
	struct walk_frame { char *buf; const char *rest; } stack[MAX_SYMLINKS + 1];   /* names still to walk; buf is owned */
	char last[NAME_MAX + 1];
	size_t last_len;
	enum last_type type;
};

/* name must stay until walk_end(). Begin never needs an end when it fails. */
int walk_begin(struct walk *w, struct task *t, int dirfd, const char *name, unsigned flags) MUST_CHECK;
/* Up to the last component: cur is a directory that may be searched, last and type are set. Sleeps. */
int walk_parent(struct walk *w) MUST_CHECK;
/* The last component: 0, cur is it. WALK_AGAIN: it was a symlink; go on with walk_parent. Sleeps. */
#define WALK_AGAIN 1
int walk_last(struct walk *w) MUST_CHECK;
/* cur is the directory of the symlink d, the last component: follow it. As walk_last. */
int walk_follow(struct walk *w, struct dentry *d) MUST_CHECK;
void walk_end(struct walk *w);

/* A path from guest memory: PATH_MAX bytes at most with the NUL; the caller frees. -EFAULT, -ENAMETOOLONG. */
int path_copy_user(struct task *t, uptr_t name, char **out) MUST_CHECK;
/* path_name(), and whether the task's root was met on the way up. */
int path_name_reach(struct task *t, const struct path *p, char *buf, size_t bytes, char **out, bool *out_reached) MUST_CHECK;
