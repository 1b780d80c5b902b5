/* stub_start.c - what every process that runs guest code is left with: nothing.
 *
 * No capability, no descriptor but the platform's, an empty root directory. Dumpable, so that the sentry may reach its memory
 * (the memory's owner is the user namespace the loader was started in, in which the sentry has no capability). First to go
 * when the host runs out of memory: a guest process dies, the sandbox lives and tells. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "loader/start.h"

struct err *stub_start(struct start *st)
{
	prctl(PR_SET_NAME, "sbx stub");
	int fd = openat(st->proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1000", 4) != 4)
		debugf("sbx: the stubs' oom_score_adj could not be set\n");
	if (fd >= 0)
		close(fd);
	struct err *e = privileges_drop(st->sb->nobody_mapped, 0, true);
	if (e)
		return e;
	pl_template_main(&st->sb->launch);
}
