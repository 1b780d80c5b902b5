/* options.h - the command line of `sbx run`. */
#pragma once

#include "loader/publish.h"

struct mount_option {
	enum { OPT_BIND, OPT_RO_BIND, OPT_TMPFS } kind;
	const char *src;                  /* NULL: OPT_TMPFS */
	const char *dst;                  /* absolute, normalised */
};

struct options {
	const char *rootfs;               /* NULL: the default root */
	struct mount_option *mounts;      /* in the order given */
	int nmounts;
	const char *workdir;              /* NULL: not given */
	const char **env;                 /* -e, in the order given: NAME=VALUE or NAME */
	int nenv;
	bool clearenv;
	struct publish_option *publish;
	int npublish;
	uint32_t uid, gid;
	const char *hostname;
	uint64_t memory_bytes;            /* 0: no limit; likewise below */
	const char *memory_text;          /* as it was given */
	double cpus;
	int pids_limit;
	uint64_t timeout_ns;
	bool read_only;
	bool tty;                         /* -t: a terminal in any case */
	const char *platform;             /* NULL: the best this host can do */
	bool debug;
	bool strace;
	const char *strace_file;          /* NULL: standard error */
	bool no_rewrite;
	enum { STATS_OFF, STATS_TEXT, STATS_JSON } stats;
	bool help;                        /* --help was asked for; nothing else is set */
	char **argv;                      /* the program and its arguments; NULL-terminated */
};

/* Reads what follows `sbx run`; args[0] is "run". Strings are borrowed from args. */
struct err *options_parse(int nargs, char **args, struct options *out) MUST_CHECK;

/* Exposed for the unit tests. */
bool parse_bytes(const char *s, uint64_t *out);
bool parse_duration(const char *s, uint64_t *out_ns);
