/* protocol.h - what sentry and gofer say to each other over a SOCK_SEQPACKET socket.
 *
 * One datagram is one message: a header and a body of typed fields, host byte order. The sentry asks, the gofer answers
 * each request once, with the request's tag; many may be under way. GOFER_CLOSE alone has no answer. An answer with a
 * negative result has no body. A descriptor travels (SCM_RIGHTS) only with an answer, and only when the answer says so.
 *
 * Each side takes the other for hostile: gofer_decode() accepts a message only if every length, string and number in it is
 * what its type allows and nothing is left over. Strings are NUL-terminated inside the message, so that they can be used
 * where they lie; names have no '/', and are never "." or "..". */
#pragma once

#include "platform/base/base.h"

#define GOFER_VERSION 2
#define GOFER_MSG_MAX 65536               /* bytes of a datagram */
#define GOFER_DATA_MAX (GOFER_MSG_MAX - 1024)   /* bytes of a blob in one */
#define GOFER_WALK_MAX 16                 /* components in one walk */
#define GOFER_NAME_MAX 255
#define GOFER_TEXT_MAX 4095               /* a symlink's target */

/* X(type, request's fields, answer's fields, answer may carry a descriptor); letters: see gofer_fields in protocol.c.
 *   n N T R  node, node2, target, replaced (node ids; 0: none)   f flags  m mode  u uid, gid  o off  l len
 *   a A B  attr[0..2]  s set  v statfs  c C name, name2 (one component)  t text  x name of an extended attribute (in name)
 *   d data  w names[]  e entries[] */
#define GOFER_TYPES(X)                                                                                                \
	/* version in flags; back: version in flags, number of exports in len. The first message. */                  \
	X(HELLO, "f", "fl", 0)                                                                                        \
	/* export number in off; back: its root, GOFER_EXPORT_* in flags, the file system's f_type in len */          \
	X(ATTACH, "o", "nfla", 0)                                                                                     \
	/* From directory node over names; stops behind a symlink, or where a name is missing. flags: GOFER_WALK_OPEN. \
	 * Back: what was reached, entry by entry; mode: 0 or the errno why the next name wasn't; flags:              \
	 * GOFER_WALK_OPENED with a descriptor for reading of the last entry. */                                      \
	X(WALK, "nfw", "fme", 1)                                                                                      \
	/* Attributes by names, no node is made. data: an array of node ids, the directory that each name is in. Back: entries, \
	 * with these ids, up to the first that fails; mode: 0 or the errno why. */                                   \
	X(STATAT, "dw", "me", 0)                                                                                      \
	X(GETATTR, "n", "a", 0)                                                                                       \
	X(SETATTR, "ns", "a", 0)                                                                                      \
	X(OPEN, "nf", "", 1)                          /* a regular file; flags: O_RDONLY, O_RDWR */                   \
	X(CREATE, "ncmu", "naA", 1)                   /* O_EXCL | O_RDWR; attr[1]: the directory's */                 \
	X(TMPFILE, "nmu", "na", 1)                                                                                    \
	X(MKDIR, "ncmu", "naA", 0)                                                                                    \
	X(MKNOD, "ncmu", "naA", 0)                    /* FIFO, socket, regular file: type in mode */                  \
	X(SYMLINK, "nctu", "naA", 0)                                                                                  \
	X(LINK, "ncT", "aA", 0)                       /* target gets the name c in n */                               \
	X(UNLINK, "ncTf", "aA", 0)                    /* flags: AT_REMOVEDIR; target: what is there, or 0; attr[0]: its */ \
	X(RENAME, "ncNCTRf", "aAB", 0)                /* target: what moves; replaced: what goes, or 0; flags: RENAME_*; \
	                                               * attr: of what moved, old directory, new directory */         \
	X(READLINK, "n", "t", 0)                                                                                      \
	X(READDIR, "no", "fd", 0)                     /* from position off; flags: GOFER_DIR_END: nothing follows */  \
	X(GETXATTR, "nx", "d", 0)                                                                                     \
	X(SETXATTR, "nxdf", "", 0)                    /* flags: XATTR_CREATE, XATTR_REPLACE */                        \
	X(LISTXATTR, "n", "d", 0)                                                                                     \
	X(REMOVEXATTR, "nx", "", 0)                                                                                   \
	X(STATFS, "n", "v", 0)                                                                                        \
	X(FSYNC, "nf", "", 0)                         /* flags: 1: data only */                                       \
	X(SYNCFS, "n", "", 0)                                                                                         \
	X(WILLNEED, "nol", "", 0)                     /* reads the range into the host's page cache, then answers */  \
	X(CLOSE, "d", "", 0)                          /* an array of node ids; no answer */

enum gofer_type {
	GOFER_NONE,
#define X(name, request, answer, fd) GOFER_##name,
	GOFER_TYPES(X)
#undef X
	GOFER_TYPE_END,
};

enum { GOFER_WALK_OPEN = 1, GOFER_WALK_OPENED = 2 };
enum { GOFER_DIR_END = 1 };
enum { GOFER_EXPORT_RO = 1, GOFER_EXPORT_FILE = 2 };

struct gofer_time { int64_t sec; uint32_t ns, pad; };

struct gofer_attr {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev;
	int64_t size;
	uint64_t blocks;                  /* of 512 bytes */
	uint32_t blksize, pad;
	struct gofer_time atime, mtime, ctime, btime;
};

enum { GOFER_SET_MODE = 1, GOFER_SET_UID = 2, GOFER_SET_GID = 4, GOFER_SET_SIZE = 8, GOFER_SET_ATIME = 16, GOFER_SET_MTIME = 32 };
struct gofer_setattr {
	uint32_t valid, mode, uid, gid;
	int64_t size;
	struct gofer_time atime, mtime;
};

struct gofer_statfs {
	uint64_t type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize;
};

struct gofer_entry {
	uint64_t node;
	struct gofer_attr attr;
	const char *text;                 /* a symlink's target, else "" */
};

/* A message, taken apart. Only the fields of its type and direction mean anything; pointers point into the datagram. */
struct gofer_msg {
	uint16_t type;
	uint32_t tag;
	int32_t result;                   /* answers: 0 or -errno */
	uint64_t node, node2, target, replaced;
	uint32_t flags, mode, uid, gid;
	uint64_t off, len;
	struct gofer_attr attr[3];
	struct gofer_setattr set;
	struct gofer_statfs statfs;
	const char *name, *name2, *text;
	const void *data;
	uint32_t data_bytes;
	unsigned count;                   /* of names or entries */
	const char *names[GOFER_WALK_MAX];
	struct gofer_entry entries[GOFER_WALK_MAX];
};

enum gofer_direction { GOFER_REQUEST, GOFER_ANSWER };

/* Writes m into buf. Returns its length, or -EMSGSIZE (does not fit), -EINVAL (m breaks the rules of its type). */
ssize_t gofer_encode(const struct gofer_msg *m, enum gofer_direction dir, void *buf, size_t bytes) MUST_CHECK;

/* Takes a datagram apart. -EPROTO: not a message. Fields that its type has not are zero. */
int gofer_decode(const void *buf, size_t bytes, enum gofer_direction dir, struct gofer_msg *out) MUST_CHECK;

/* May an answer of this type carry a descriptor? Must this one? */
bool gofer_may_carry_fd(unsigned type);
bool gofer_carries_fd(const struct gofer_msg *answer);

/* Directory entries, packed in a READDIR answer's data. */
struct gofer_dirent {
	uint64_t ino;
	int64_t next;                     /* position behind it, > 0 */
	uint8_t type;                     /* DT_* */
	uint8_t name_len;
	const char *name;                 /* not terminated; "." and ".." occur */
};
/* Bytes written, or 0: no room. */
size_t gofer_dirent_put(void *buf, size_t bytes, const struct gofer_dirent *d);
/* Bytes taken, or 0: what is there is not an entry. */
size_t gofer_dirent_get(const void *buf, size_t bytes, struct gofer_dirent *out);

bool gofer_name_ok(const char *name);     /* one component that may be looked up or made */
