/* path.h - names: dentries, mounts, and the walk from a path to them (path_resolution(7)). */
#pragma once

#include "sentry/kernel/ns.h"
#include "sentry/mm/uaccess.h"
#include "sentry/vfs/inode.h"

struct fs_context;
struct mount;
struct task;

/* A name in a directory. A dentry holds its parent and its inode; the cache (vfs/dcache.c) holds dentries weakly. */
struct dentry {
	int refs;
	struct dentry *parent;            /* the root's is itself */
	char *name;
	uint64_t hash;                    /* of parent and name, while hashed; dcache.c's */
	struct inode *inode;              /* NULL: negative */
	struct superblock *sb;
	bool unhashed;                    /* unlinked or replaced: shown with " (deleted)" */
	int mounted;                      /* mounts that cover it, over all namespaces */
	uint64_t flags;
	struct dentry *hash_next;
	TAILQ_ENTRY(dentry) lru;
	struct dentry *children;          /* hash or list, dcache.c's own */
	struct dentry *sib_next, **sib_prev;
};

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
void path_get(const struct path *p);
void path_put(struct path *p);            /* and zeroes it; harmless on a zeroed one */
static inline void path_put_auto(struct path *p) { path_put(p); }
#define AUTO_PATH __attribute__((cleanup(path_put_auto))) struct path

/* Lookup flags. */
enum {
	LOOKUP_FOLLOW = 1,                /* follow a symlink at the end */
	LOOKUP_DIRECTORY = 2,             /* the end must be a directory */
	LOOKUP_EMPTY = 4,                 /* AT_EMPTY_PATH: "" is dirfd itself */
	LOOKUP_PARENT = 8,                /* internal: stop before the last component */
	LOOKUP_NO_XDEV = 16, LOOKUP_NO_MAGICLINKS = 32, LOOKUP_NO_SYMLINKS = 64, LOOKUP_BENEATH = 128, LOOKUP_IN_ROOT = 256,   /* openat2 */
	LOOKUP_NO_AUTOMOUNT = 512,
	LOOKUP_OPEN = 1024,               /* what is found will be opened for reading: only a hint */
};

/* Resolves name from dirfd (AT_FDCWD or a descriptor of t). Sleeps. *out: references. */
int path_lookup(struct task *t, int dirfd, const char *name, unsigned flags, struct path *out) MUST_CHECK;
/* The same with the name in guest memory. */
int path_lookup_user(struct task *t, int dirfd, uptr_t name, unsigned flags, struct path *out) MUST_CHECK;
/* For create, unlink, rename: the parent, and the last component (NAME_MAX+1 bytes); last_type tells "." ".." "/" apart. */
enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };
int path_parent(struct task *t, int dirfd, const char *name, unsigned flags, struct path *out_dir, char *last,
		enum last_type *out_type, bool *out_slash) MUST_CHECK;

/* The absolute path as t sees it, into buf from its end; " (deleted)" as in Linux. -ENAMETOOLONG. */
int path_name(struct task *t, const struct path *p, char *buf, size_t bytes, char **out) MUST_CHECK;

/* Opens as open(2): permission, O_CREAT, O_TRUNC, devices, FIFOs. *out: a reference. Sleeps. */
struct file;
int vfs_open(struct task *t, int dirfd, const char *name, int flags, mode_t mode, unsigned lookup_flags, struct file **out) MUST_CHECK;
int vfs_open_path(struct task *t, const struct path *p, int flags, struct file **out) MUST_CHECK;
/* For execve: a regular file with MAY_EXEC on a mount without noexec, readable by the sentry whatever its mode says. Until the
 * last file_put() nobody can open it for writing (ETXTBSY). -EACCES, -ETXTBSY. *out: a reference. Sleeps. */
int vfs_open_exec(struct task *t, const struct path *p, struct file **out) MUST_CHECK;

/* Mounts. A mount namespace is a tree of mounts. */
struct mount_ns;
enum {
	MNT_RDONLY = 1, MNT_NOSUID = 2, MNT_NODEV = 4, MNT_NOEXEC = 8, MNT_NOATIME = 16, MNT_NODIRATIME = 32, MNT_RELATIME = 64,
	MNT_NOSYMFOLLOW = 256,            /* a symbolic link on it is ELOOP */
	MNT_LOCK_RDONLY = 128,            /* the guest may not take MNT_RDONLY away */
};
struct mount {
	int refs;
	int id;
	struct superblock *sb;
	struct dentry *root;              /* what of the file system is seen (bind mounts: a subtree) */
	struct mount *parent;             /* NULL: the namespace's root */
	struct dentry *mountpoint;        /* in parent */
	unsigned flags;                   /* MNT_* */
	char *source;                     /* first field of /proc/mounts */
	/* vfs/propagate.c */
	struct peer_group *group;         /* shared: what is mounted on it appears on the others, too; NULL: it is not */
	struct peer_group *master;        /* slave: what is mounted on those appears here; NULL: of nobody */
	TAILQ_ENTRY(mount) peer_link, slave_link;
	bool unbindable;
	bool expiring;                    /* MNT_EXPIRE has found it unused, and nobody has come since */
	/* Of a namespace whose owner has less say than the one it was copied from. */
	bool locked;                      /* may not be taken away alone: what is under it stays hidden */
	unsigned locked_flags;            /* MNT_* that stay */
	struct mount_ns *ns;
	TAILQ_ENTRY(mount) link;          /* all of the namespace, in the order mounted */
};
struct mount_ns {
	int refs;
	struct ns_id id;
	struct mount *root;               /* detached: NULL once it is in place */
	bool detached;                    /* nobody is in it: mounts that lie nowhere yet */
	TAILQ_HEAD(mount_list, mount) mounts;
	uint64_t event;                   /* counts changes; poll on /proc/mounts */
	struct waitq wq;
};
int mount_ns_new(struct superblock *root, struct mount_ns **out) MUST_CHECK;
int mount_add(struct mount_ns *ns, struct superblock *sb, struct dentry *root /* NULL: sb's */, const struct path *at,
	      unsigned flags, const char *source, struct mount **out) MUST_CHECK;
int mount_del(struct mount *m, bool detach) MUST_CHECK;               /* -EBUSY */
struct mount *mount_get(struct mount *m);
void mount_put(struct mount *m);          /* may sleep: the last one lets the file system go */
struct mount *mount_internal(struct superblock *sb, const char *source);   /* in no namespace; takes sb over. A reference */
struct mount *mount_anon(void);           /* where anonymous files are: in no namespace. A reference */
struct mount_ns *mount_ns_get(struct mount_ns *ns);
void mount_ns_put(struct mount_ns *ns);
/* unshare(CLONE_NEWNS), clone: a copy; root and cwd of fs move over to it. */
int mount_ns_copy(struct mount_ns *ns, struct user_ns *owner, struct fs_context *fs, struct mount_ns **out) MUST_CHECK;

/* A file system type: fs/<name>/ registers one in vfs/fs_types.c's table. */
struct fs_type {
	const char *name;
	bool nodev;                       /* for /proc/filesystems */
	/* fsconfig(2): is this an option? value NULL: a flag. Empty: anything is. */
	bool (*knows)(const char *key, const char *value);
	bool in_user_ns;                  /* may be mounted by who has CAP_SYS_ADMIN in a user namespace only (FS_USERNS_MOUNT) */
	uint64_t magic;
	int (*mount)(struct task *t, const char *source, const char *options, struct superblock **out);    /* sleeps */
};
const struct fs_type *fs_type_find(const char *name);
const struct fs_type *fs_type_nth(int n);                             /* for /proc/filesystems; NULL at the end */
