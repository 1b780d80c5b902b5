/* options.c - the command line of `sbx run`: names as in podman and bubblewrap.
 *
 * HOW      getopt_long stops at the program's name, so that its own options are never taken for ours. --bind and --ro-bind
 *          take two words, as bubblewrap's do: the second is taken from the list by hand. */
#include "loader/options.h"

#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	O_ROOTFS = 256, O_RO_BIND, O_BIND, O_TMPFS, O_CLEARENV, O_HOSTNAME, O_NET, O_CPUS, O_PIDS_LIMIT, O_TIMEOUT,
	O_READ_ONLY, O_PLATFORM, O_DEBUG, O_NO_REWRITE, O_STRACE, O_STATS, O_HELP,
};

static const struct option long_options[] = {
	{ "rootfs", required_argument, NULL, O_ROOTFS },
	{ "ro-bind", required_argument, NULL, O_RO_BIND },
	{ "bind", required_argument, NULL, O_BIND },
	{ "tmpfs", required_argument, NULL, O_TMPFS },
	{ "workdir", required_argument, NULL, 'w' },
	{ "env", required_argument, NULL, 'e' },
	{ "clearenv", no_argument, NULL, O_CLEARENV },
	{ "user", required_argument, NULL, 'u' },
	{ "hostname", required_argument, NULL, O_HOSTNAME },
	{ "net", required_argument, NULL, O_NET },
	{ "publish", required_argument, NULL, 'p' },
	{ "memory", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, O_CPUS },
	{ "pids-limit", required_argument, NULL, O_PIDS_LIMIT },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "read-only", no_argument, NULL, O_READ_ONLY },
	{ "interactive", no_argument, NULL, 'i' },
	{ "tty", no_argument, NULL, 't' },
	{ "platform", required_argument, NULL, O_PLATFORM },
	{ "debug", no_argument, NULL, O_DEBUG },
	{ "no-rewrite", no_argument, NULL, O_NO_REWRITE },
	{ "strace", optional_argument, NULL, O_STRACE },
	{ "stats", optional_argument, NULL, O_STATS },
	{ "help", no_argument, NULL, O_HELP },
	{ 0 },
};

/* "100m" → 104857600. Also with a trailing b or ib, in either case, as podman takes them. */
bool parse_bytes(const char *s, uint64_t *out)
{
	if (!isdigit((unsigned char)*s))
		return false;
	char *end;
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	int shift = 0;
	switch (tolower((unsigned char)*end)) {
	case 't': shift += 10; /* fall through */
	case 'g': shift += 10; /* fall through */
	case 'm': shift += 10; /* fall through */
	case 'k': shift += 10; end++;
	}
	if (shift && tolower((unsigned char)*end) == 'i' && tolower((unsigned char)end[1]) == 'b')
		end += 2;
	else if (tolower((unsigned char)*end) == 'b')
		end++;
	return errno == 0 && *end == '\0' && !__builtin_mul_overflow(n, 1ULL << shift, out);
}

/* Decimal digits with at most one point; no sign, no exponent, no "inf". */
static bool parse_decimal(const char *s, char **end, double *out)
{
	if (s[strspn(s, "0123456789.")] != '\0' && strchr("eExXpP", s[strspn(s, "0123456789.")]))
		return false;
	if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])))
		return false;
	*out = strtod(s, end);
	return isfinite(*out);
}

bool parse_duration(const char *s, uint64_t *out_ns)
{
	char *end;
	double n;
	if (!parse_decimal(s, &end, &n))
		return false;
	double unit = 1;
	if (strcmp(end, "ms") == 0)
		unit = 1e-3;
	else if (strcmp(end, "m") == 0)
		unit = 60;
	else if (strcmp(end, "h") == 0)
		unit = 3600;
	else if (*end != '\0' && strcmp(end, "s") != 0)
		return false;
	double ns = n * unit * 1e9;
	if (ns < 1 || ns > 1e18)
		return false;
	*out_ns = (uint64_t)ns;
	return true;
}

static bool parse_number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)*s) || errno != 0 || *end != '\0' || n > max)
		return false;
	*out = n;
	return true;
}

/* A place in the guest: absolute, without "." and "..", and without doubled slashes afterwards. */
static struct err *guest_path(const char *s, const char **out)
{
	if (*s != '/')
		return err_new("%s: must be an absolute path in the sandbox", s);
	const char *whole = s;
	char *path = xzalloc(strlen(s) + 1), *p = path;
	while (*s) {
		s += strspn(s, "/");
		size_t len = strcspn(s, "/");
		if (len == 2 && s[0] == '.' && s[1] == '.') {
			free(path);
			return err_new("%s: '..' is not possible here", whole);
		}
		if (len > 0 && !(len == 1 && s[0] == '.')) {
			*p++ = '/';
			memcpy(p, s, len);
			p += len;
		}
		s += len;
	}
	if (p == path)
		*p = '/';
	*out = path;
	return NULL;
}

static struct err *add_mount(struct options *o, int kind, const char *src, const char *dst)
{
	struct mount_option m = { .kind = kind, .src = src };
	struct err *e = guest_path(dst, &m.dst);
	if (e)
		return e;
	if (strcmp(m.dst, "/") == 0)
		return err_new("%s: the root directory is chosen by --rootfs", dst);
	o->mounts[o->nmounts++] = m;
	return NULL;
}

static struct err *add_bind(struct options *o, int kind, const char *src, int nargs, char **args)
{
	if (optind >= nargs)
		return err_new("needs two arguments: SRC DST");
	const char *dst = args[optind++];
	if (*src == '\0')
		return err_new("SRC is empty");
	return add_mount(o, kind, src, dst);
}

static struct err *parse_user(const char *s, struct options *o)
{
	uint64_t uid, gid = 0;
	const char *colon = strchr(s, ':');
	AUTO(free) char *first = colon ? strndup(s, (size_t)(colon - s)) : xstrdup(s);
	/* UINT32_MAX is "no change" to setuid's family. */
	if (!first || !parse_number(first, UINT32_MAX - 1, &uid) ||
	    (colon && !parse_number(colon + 1, UINT32_MAX - 1, &gid)))
		return err_new("%s: must be UID or UID:GID, in numbers", s);
	o->uid = (uint32_t)uid;
	o->gid = colon ? (uint32_t)gid : (uint32_t)uid;
	return NULL;
}

static struct err *parse_hostname(const char *s, struct options *o)
{
	size_t len = strlen(s);
	if (len == 0 || len > 64)
		return err_new("must have 1 to 64 characters");
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-._", s[i]))
			return err_new("%s: only letters, digits, '-', '.' and '_' are possible", s);
	o->hostname = s;
	return NULL;
}

static struct err *parse_env(const char *s, struct options *o)
{
	if (*s == '\0' || *s == '=')
		return err_new("'%s': must be NAME or NAME=VALUE", s);
	o->env[o->nenv++] = s;
	return NULL;
}

static struct err *parse_limits(int opt, const char *s, struct options *o)
{
	uint64_t n;
	char *end;
	switch (opt) {
	case 'm':
		o->memory_text = s;
		if (!parse_bytes(s, &o->memory_bytes))
			return err_new("%s: must be a number of bytes, such as 100m or 2g", s);
		if (o->memory_bytes < 4 << 20)
			return err_new("%s: must be 4m at least", s);
		return NULL;
	case O_CPUS:
		if (!parse_decimal(s, &end, &o->cpus) || *end != '\0' || o->cpus < 0.01 || o->cpus > 100000)
			return err_new("%s: must be a number of processors, such as 1.5", s);
		return NULL;
	case O_PIDS_LIMIT:
		if (!parse_number(s, 4194304, &n) || n == 0)
			return err_new("%s: must be a number from 1 to 4194304", s);
		o->pids_limit = (int)n;
		return NULL;
	default:
		if (!parse_duration(s, &o->timeout_ns))
			return err_new("%s: must be a time, such as 10, 1.5s, 2m or 1h", s);
		return NULL;
	}
}

static struct err *parse_one(int opt, int nargs, char **args, struct options *o)
{
	switch (opt) {
	case O_ROOTFS:
		o->rootfs = optarg;
		return NULL;
	case O_BIND:
		return add_bind(o, OPT_BIND, optarg, nargs, args);
	case O_RO_BIND:
		return add_bind(o, OPT_RO_BIND, optarg, nargs, args);
	case O_TMPFS:
		return add_mount(o, OPT_TMPFS, NULL, optarg);
	case 'w':
		return guest_path(optarg, &o->workdir);
	case 'e':
		return parse_env(optarg, o);
	case O_CLEARENV:
		o->clearenv = true;
		return NULL;
	case 'u':
		return parse_user(optarg, o);
	case O_HOSTNAME:
		return parse_hostname(optarg, o);
	case O_NET:
		return strcmp(optarg, "none") == 0 ? NULL : err_new("%s: only 'none' is possible", optarg);
	case 'p':
		return publish_parse(optarg, &o->publish[o->npublish++]);
	case 'm':
	case O_CPUS:
	case O_PIDS_LIMIT:
	case O_TIMEOUT:
		return parse_limits(opt, optarg, o);
	case O_READ_ONLY:
		o->read_only = true;
		return NULL;
	case 'i': /* Standard input is always the program's: who writes -it, as for an engine, means -t. */
		return NULL;
	case 't':
		o->tty = true;
		return NULL;
	case O_PLATFORM:
		o->platform = optarg;
		return NULL;
	case O_NO_REWRITE:
		o->no_rewrite = true;
		return NULL;
	case O_DEBUG:
		o->debug = true;
		return NULL;
	case O_STRACE:
		o->strace = true;
		o->strace_file = optarg;
		return optarg && *optarg == '\0' ? err_new("the file's name is empty") : NULL;
	default:
		o->stats = optarg ? STATS_JSON : STATS_TEXT;
		return optarg && strcmp(optarg, "json") != 0 ? err_new("%s: only 'json' is possible", optarg) : NULL;
	}
}

#define OPTION_NAME_MAX 32
static const char *option_name(int opt, char buf[OPTION_NAME_MAX])
{
	for (const struct option *l = long_options; l->name; l++)
		if (l->val == opt)
			return snprintf(buf, OPTION_NAME_MAX, "--%s", l->name), buf;
	return "?";
}

struct err *options_parse(int nargs, char **args, struct options *o)
{
	*o = (struct options){ .hostname = "sbx" };
	o->mounts = xzalloc(sizeof(*o->mounts) * (size_t)nargs);
	o->env = xzalloc(sizeof(*o->env) * (size_t)nargs);
	o->publish = xzalloc(sizeof(*o->publish) * (size_t)nargs);
	optind = 0;
	opterr = 0;
	for (;;) {
		int word = optind ? optind : 1;
		/* '+': stop at the first word that is no option. ':': tell a missing argument from an unknown option. */
		int opt = getopt_long(nargs, args, "+:w:e:u:p:m:ith", long_options, NULL);
		if (opt == -1)
			break;
		if (opt == O_HELP || opt == 'h') {
			o->help = true;
			return NULL;
		}
		if (opt == '?' || opt == ':')
			return err_new("%s: %s; see sbx run --help", args[word],
				       opt == ':' ? "needs an argument" :
				       optopt >= 256 ? "takes no argument" : "no such option");
		char name[OPTION_NAME_MAX];
		struct err *e = parse_one(opt, nargs, args, o);
		if (e)
			return err_in(e, "%s", option_name(opt, name));
	}
	if (optind >= nargs)
		return err_new("which program? Usage: sbx run [OPTION...] [--] PROGRAM [ARG...]");
	o->argv = args + optind;
	if (o->rootfs && *o->rootfs == '\0')
		return err_new("--rootfs: the directory's name is empty");
	return NULL;
}
