/* orphans.c - stubs whose maker was killed before we heard of them: nobody will ever give them a command.
 *
 * HOW   Their hello still comes over the control socket that was made for them, and says who they are. If they were never
 *       made, the socket's other end is closed with its last holder. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "platform/stub.h"
#include "platform/systrap/systrap.h"

static void hello_or_end(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	int pid = stub_read_hello(lf->fd);
	if (pid == -EAGAIN || pid == -EINTR)
		return;
	/* Only stubs ever hold such a socket. */
	if (pid > 2 && pid != getpid())
		kill(pid, SIGKILL);
	loop_fd_del(lf);
	close(lf->fd);
	free(lf);
}

void systrap_orphan_watch(int control)
{
	struct loop_fd *lf = NEW(struct loop_fd);
	*lf = (struct loop_fd){ .fd = fcntl(control, F_DUPFD_CLOEXEC, 0), .events = EPOLLIN, .ready = hello_or_end };
	if (lf->fd >= 0 && loop_fd_add(lf) == 0)
		return;
	debugf("sbx: an orphan stub is left until the sandbox ends\n");
	if (lf->fd >= 0)
		close(lf->fd);
	free(lf);
}
