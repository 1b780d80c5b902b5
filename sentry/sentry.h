/* sentry.h - what the loader hands to the sentry, and the sentry's entry. The loader forks the sentry without exec, so
 * this is a plain struct in memory. */
#pragma once

#include "platform/platform.h"

/* A mount of the guest's tree, in the order to be mounted. */
struct sentry_mount {
	enum { MOUNT_GOFER, MOUNT_TMPFS, MOUNT_PROC, MOUNT_SYS, MOUNT_DEV, MOUNT_DEVPTS, MOUNT_MQUEUE } kind;
	const char *target;               /* absolute in the guest; made if missing. "/" is the first */
	const char *source;               /* for /proc/mounts */
	int gofer_export;                 /* MOUNT_GOFER: index of the export */
	bool is_file;                     /* MOUNT_GOFER: the export is not a directory */
	bool overlay;                     /* MOUNT_GOFER: writes go to memory */
	bool read_only;
	bool shared;                      /* revalidate: the host may change it */
	const char *options;              /* tmpfs: "size=…,mode=…" */
};

/* A path that the guest will probably look up first. */
struct sentry_hint {
	const char *path;                 /* absolute; symlinks in it end it */
	bool open;                        /* and open for reading */
};

/* A port that host clients reach. */
struct sentry_publish {
	int fd;                           /* listening, O_NONBLOCK */
	uint16_t port;                    /* of the guest */
};

/* A directory or symlink of the guest's root directory that the first mount's export lacks; that one is an overlay, then. */
struct sentry_made {
	const char *path;                 /* without a leading slash; parents come first */
	const char *symlink;              /* its target; NULL: a directory */
};

struct sentry_config {
	struct pl_config platform;
	int gofer_fd;                     /* SOCK_SEQPACKET, gofer/protocol.h */
	int control_fd;                   /* SOCK_SEQPACKET to the loader, loader/control.h */
	int stdio[3];                     /* host descriptors for the guest's 0 1 2; -1: closed */
	bool tty;                         /* the guest gets a pty, which is what those of its 0 1 2 are that stdio_tty says */
	bool stdio_tty[3];
	int tty_in, tty_out;              /* tty: the master's side of the pty on the host: a terminal in raw mode, or what stands
	                                   * in for one. O_NONBLOCK where the open file is the sandbox's own */
	bool tty_utf8;                    /* settings of the user's terminal that tell about its keyboard: IUTF8, VERASE */
	unsigned char tty_erase;          /* 0: the usual one */
	int ncpus;                        /* what the guest sees */
	const struct sentry_mount *mounts;
	int nmounts;
	const struct sentry_made *made;
	int nmade;
	const struct sentry_hint *hints;
	int nhints;
	const struct sentry_publish *publish;
	int npublish;
	const char *const *argv;          /* argv[0] is looked up in PATH of envp */
	const char *const *envp;
	const char *cwd, *hostname;
	uint32_t uid, gid;
	uint64_t memory_limit;            /* bytes, 0: the machine's */
	int pids_limit;                   /* 0: none */
	int debug_fd, strace_fd;          /* -1: off */
	bool no_rewrite;                  /* --no-rewrite: guest code is left as it is */
	bool stats;
};

/* Runs the sandbox; tells the loader the end over control_fd. Returns the process's exit status. */
int sentry_main(const struct sentry_config *cfg);
extern const struct sentry_config *sentry_config;

/* The guest's init has ended: reports its wait(2) status to the loader and stops the loop. Never sleeps. */
void sandbox_exit(int wait_status);

/* The guest wants to read from its terminal: tells the loader. Never sleeps. */
void sandbox_terminal_raw(void);

/* A process or thread was refused because of pids_limit: tells the loader, once. Never sleeps. */
void sandbox_pids_refused(void);

/* The sandbox cannot go on (the gofer died or broke its protocol): ends it at once and tells the loader why. */
_Noreturn void sandbox_fatal(const char *why);
