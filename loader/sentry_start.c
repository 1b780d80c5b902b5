/* sentry_start.c - what the sentry is left with: an empty root directory, no network, and the right to look into its stubs.
 *
 * CAP_SYS_PTRACE reaches the processes of its user namespace: the stubs (and gofer and init, which are of the same trust
 * to the host: none). Reading a stub's memory would need no capability, but for Yama's ptrace_scope. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loader/start.h"
#include "platform/seccomp/seccomp.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static int close_others(const struct sentry_config *cfg)
{
	const struct pl_config *pl = &cfg->platform;
	const int fixed[] = { 0, 1, 2, cfg->gofer_fd, cfg->control_fd, cfg->stdio[0], cfg->stdio[1], cfg->stdio[2], cfg->debug_fd,
			      cfg->strace_fd, cfg->tty_in, cfg->tty_out, pl->init_fd, pl->template_fd, pl->template_memfd, pl->ro_memfd, pl->doorbell_fd,
			      pl->load_fd };
	int n = ARRAY_SIZE(fixed);
	AUTO(free) int *keep = xzalloc(sizeof(*keep) * (size_t)(n + cfg->npublish));
	memcpy(keep, fixed, sizeof(fixed));
	for (int i = 0; i < cfg->npublish; i++)
		keep[n++] = cfg->publish[i].fd;
	return close_all_but(keep, n);
}

struct err *sentry_start(struct start *st)
{
	static struct sentry_config cfg;
	cfg = st->sb->cfg;
	cfg.platform = st->sb->launch.cfg;
	cfg.gofer_fd = st->sb->gofer_sock[0];
	cfg.control_fd = st->sb->control_sock[1];
	prctl(PR_SET_NAME, "sbx sentry");
	/* It holds a descriptor for every open file of the sandbox, and several for every process. */
	struct rlimit nofile;
	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = nofile.rlim_max;
		setrlimit(RLIMIT_NOFILE, &nofile);
	}
	struct err *e = privileges_drop(st->sb->nobody_mapped, SENTRY_CAPS, SANITIZED || st->sb->opt->debug);
	if (e)
		return e;
	int err = close_others(&cfg);
	if (!err)
		err = seccomp_install(cfg.npublish ? &filter_sentry_publish : &filter_sentry, cfg.debug_fd);
	if (err)
		return err_errno(-err, "sentry");
	debug_fd = cfg.debug_fd;
	_exit(sentry_main(&cfg));
}
