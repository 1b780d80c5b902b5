/* root.h - what the guest's file tree is made of: exports of host files through the gofer, and mounts of them. */
#pragma once

#include "loader/err.h"
#include "loader/options.h"
#include "sentry/sentry.h"

/* A piece of the tree in the gofer's own tmpfs, directories of which are exported. */
struct tree_item {
	enum { ITEM_DIR, ITEM_BIND, ITEM_FILE } kind;
	const char *path;                 /* without a leading slash; parents come first */
	const char *text;                 /* ITEM_BIND: host path; ITEM_FILE: contents, put over what is there */
};

struct root_export {
	enum { EXPORT_BIND, EXPORT_TREE } kind;
	const char *path;                 /* EXPORT_BIND: resolved host path; EXPORT_TREE: directory in the tree */
	bool is_file;
	bool read_only;
	bool public_only;                 /* hide what not everybody on the host may read */
};

struct root {
	struct sentry_mount *mounts;
	int nmounts;
	struct root_export *exports;
	int nexports;
	struct tree_item *items;          /* the tree */
	int nitems;
	struct sentry_made made[40];      /* what else the root directory has, in the sentry's memory */
	int nmade;
	struct sentry_hint hints[16];
	int nhints;
	const char *cwd;                  /* where the guest starts */
};

/* Looks at the host and the options; changes nothing. */
struct err *root_build(const struct options *o, struct root *out) MUST_CHECK;

/* root.c's, for root_default.c */
void root_add_mount(struct root *r, struct sentry_mount m);
void root_add_tmpfs(struct root *r, const char *target, const char *options);
void root_add_kernel_mounts(struct root *r);                      /* proc, sys, dev and what lies in it */
int root_add_export(struct root *r, struct root_export e);        /* its number */
bool path_is_within(const char *path, const char *dir);           /* or is dir itself */

/* root_default.c: the host's system directories, fresh places, the current directory or the program's own file. */
void root_default(const struct options *o, struct root *r);
