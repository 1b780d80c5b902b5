/* gofer.h - the process that touches host files for the sandbox: what the loader gives it.
 *
 * It holds O_PATH descriptors of the exports, one socket to the sentry, one descriptor of its own /proc/self/fd, and
 * nothing else. See gofer/README.md. */
#pragma once

#include "platform/base/base.h"

enum {                                    /* what an export allows beyond files and directories */
	GOFER_ALLOW_FIFO = 1,             /* mknod of FIFOs; the guest's pipe behind one is the sentry's, never the host's */
	GOFER_ALLOW_SOCKET = 2,           /* mknod of socket nodes; likewise */
	GOFER_ALLOW_SUID = 4,             /* set-user-ID and set-group-ID bits on files; without it chmod drops them */
};

struct gofer_export {
	int fd;                           /* O_PATH | O_CLOEXEC: a directory, or a regular file */
	bool read_only;
	bool is_file;
	bool public_only;                 /* what others may not read (files) or read and search (directories) is not there: ENOENT */
	unsigned allow;                   /* GOFER_ALLOW_* */
};

struct gofer_config {
	int socket_fd;                    /* SOCK_SEQPACKET to the sentry, gofer/protocol.h */
	const struct gofer_export *exports;
	int nexports;
	int proc_fd;                      /* O_PATH of /proc/self/fd, opened by the gofer process itself before it lost sight of
	                                   * /proc; -1: gofer_main() opens it */
	int debug_fd;                     /* for debugf(); -1: off */
	bool look;                        /* for the next request, for a while, before sleeping: there is a processor for that */
	/* Called once everything is set up, before the first request: the seccomp filter. May be NULL. 0 or -errno. */
	int (*lock_down)(void *arg);
	void *lock_down_arg;
};

/* Serves until the sentry closes its end (returns 0) or breaks the protocol (returns 1). Before lock_down it raises
 * RLIMIT_NOFILE and closes every descriptor that is not in cfg (0, 1 and 2 become harmless O_PATH ones, unless they are
 * in cfg); after it the calls it makes are those in gofer/host_*.c. */
int gofer_main(const struct gofer_config *cfg);
