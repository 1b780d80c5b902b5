/* serve.h - one function per request. Requests were decoded (gofer_decode()); answers come zeroed but for type and tag.
 * They return 0 or -errno. *fd: a descriptor to send with the answer, closed afterwards. */
#pragma once

#include "gofer/node.h"

typedef int serve_fn(struct gofer *g, const struct gofer_msg *q, struct gofer_msg *a, int *fd);

serve_fn serve_attach, serve_walk, serve_statat, serve_open, serve_close;                          /* serve_walk.c */
serve_fn serve_create, serve_tmpfile, serve_mkdir, serve_mknod, serve_symlink, serve_link;         /* serve_make.c */
serve_fn serve_unlink, serve_rename;                                                               /* serve_names.c */
serve_fn serve_getattr, serve_setattr, serve_readlink, serve_statfs;                               /* serve_attr.c */
serve_fn serve_getxattr, serve_setxattr, serve_listxattr, serve_removexattr;                       /* serve_xattr.c */
serve_fn serve_readdir, serve_fsync, serve_syncfs, serve_willneed;                                 /* serve_data.c */

/* Request checks that several share. */
int get_node(struct gofer *g, uint64_t id, struct node **out, int *out_fd) MUST_CHECK;             /* -ESTALE */
int get_dir(struct gofer *g, uint64_t id, struct node **out, int *out_fd) MUST_CHECK;              /* and -ENOTDIR */
int get_writable_dir(struct gofer *g, uint64_t id, struct node **out, int *out_fd) MUST_CHECK;     /* and -EROFS */

/* Opens a node that is a regular file or a directory, by flags. A descriptor; -EROFS, -EACCES … */
int open_node(struct gofer *g, struct node *n, int flags) MUST_CHECK;

/* Is this one of the things that a public_only export doesn't have? */
bool is_hidden(const struct gofer_export *e, const struct gofer_attr *attr);

/* What of a mode an export lets be set; the type bits tell directories. */
mode_t allowed_mode(const struct gofer_export *e, mode_t mode);
