/* compat_options.c - the command line of `sbx compat`. */
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/compat.h"
#include "loader/options.h"
#include "platform/launch.h"

#define RUN_OPTIONS_MAX 64

enum { O_PLATFORM = 256, O_TIMEOUT, O_JSON, O_TAP, O_HTML, O_PIDS_LIMIT, O_MATCH, O_RUN_OPTION };

static const struct option long_options[] = {
	{ "platform", required_argument, NULL, O_PLATFORM },
	{ "jobs", required_argument, NULL, 'j' },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "json", no_argument, NULL, O_JSON },
	{ "tap", no_argument, NULL, O_TAP },
	{ "html", required_argument, NULL, O_HTML },
	{ "memory", required_argument, NULL, 'm' },
	{ "pids-limit", required_argument, NULL, O_PIDS_LIMIT },
	{ "match", required_argument, NULL, O_MATCH },
	{ "run-option", required_argument, NULL, O_RUN_OPTION },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool parse_int(const char *s, int min, int max, int *out)
{
	char *end;
	errno = 0;
	long n = strtol(s, &end, 10);
	if (end == s || *end || errno || n < min || n > max)
		return false;
	*out = (int)n;
	return true;
}

/* Also several at once: systrap,ptrace. */
static struct err *add_platforms(struct compat_options *o, const char *names)
{
	char *save = NULL, *copy = xstrdup(names);
	for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (o->nplatforms == COMPAT_PLATFORMS_MAX)
			return err_new("too many platforms");
		o->platforms[o->nplatforms++] = name;
	}
	return NULL;
}

static struct err *parse_one(int opt, struct compat_options *o)
{
	switch (opt) {
	case O_PLATFORM:
		return add_platforms(o, optarg);
	case 'j':
		return parse_int(optarg, 1, 256, &o->jobs) ? NULL : err_new("--jobs: %s: must be a number from 1 to 256", optarg);
	case O_TIMEOUT:
		o->timeout_text = optarg;
		return parse_duration(optarg, &o->timeout_ns) ? NULL : err_new("--timeout: %s: must be a time, such as 90, 1.5s or 2m", optarg);
	case 'm':
		o->memory_text = optarg;
		if (!parse_bytes(optarg, &o->memory_bytes) || o->memory_bytes < 16 << 20)
			return err_new("--memory: %s: must be a number of bytes, 16m at least", optarg);
		return NULL;
	case O_PIDS_LIMIT:
		return parse_int(optarg, 1, 4194304, &o->pids_limit) ? NULL : err_new("--pids-limit: %s: must be a number", optarg);
	case O_JSON:
		o->output = COMPAT_JSON;
		return NULL;
	case O_TAP:
		o->output = COMPAT_TAP;
		return NULL;
	case O_HTML:
		o->html_file = optarg;
		return NULL;
	case O_MATCH:
		o->match = optarg;
		return NULL;
	case O_RUN_OPTION:
		if (o->nrun_options == RUN_OPTIONS_MAX)
			return err_new("--run-option: too many of them");
		o->run_options[o->nrun_options++] = optarg;
		return NULL;
	default:
		o->help = true;
		return NULL;
	}
}

static struct err *find_where(struct compat_options *o, int nargs, char **args, bool dashes)
{
	if (optind >= nargs)
		return err_new("which tests? Usage: sbx compat [OPTION...] DIRECTORY | LIST | -- PROGRAM [ARG...]");
	if (dashes) {
		o->command = args + optind;
		return nargs - optind < 256 ? NULL : err_new("too many arguments");
	}
	if (optind + 1 < nargs)
		return err_new("%s: one directory or list, please, or -- before a command", args[optind + 1]);
	o->where = args[optind];
	struct stat st;
	if (stat(o->where, &st) < 0)
		return err_errno(errno, "%s", o->where);
	if (S_ISDIR(st.st_mode) && !(o->root = realpath(o->where, NULL)))
		return err_errno(errno, "%s", o->where);
	return NULL;
}

static struct err *set_defaults(struct compat_options *o)
{
	if (o->nplatforms)
		return NULL;
	const char *why_not = NULL;
	o->platforms[0] = pl_default(&why_not);
	o->nplatforms = 1;
	return o->platforms[0] ? NULL : err_new("no platform works on this host: %s", why_not);
}

struct err *compat_options_parse(int nargs, char **args, struct compat_options *o)
{
	cpu_set_t cpus;
	/* A sandbox keeps two processors busy. */
	int ncpus = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
	*o = (struct compat_options){ .jobs = MAX(1, ncpus / 2), .timeout_ns = 60 * NS_PER_SEC, .timeout_text = "60",
				      .memory_bytes = 1 << 30, .memory_text = "1g", .pids_limit = 1000 };
	o->run_options = xzalloc(sizeof(*o->run_options) * RUN_OPTIONS_MAX);
	optind = 0;
	opterr = 0;
	for (;;) {
		int word = optind ? optind : 1;
		int opt = getopt_long(nargs, args, "+:j:m:h", long_options, NULL);
		if (opt == -1)
			break;
		if (opt == '?' || opt == ':')
			return err_new("%s: %s; see sbx compat --help", args[word],
				       opt == ':' ? "needs an argument" : optopt >= 256 ? "takes no argument" : "no such option");
		struct err *e = parse_one(opt, o);
		if (e || o->help)
			return e;
	}
	struct err *e = find_where(o, nargs, args, optind > 0 && strcmp(args[optind - 1], "--") == 0);
	return e ? e : set_defaults(o);
}
