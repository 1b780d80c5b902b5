/* deaths.c - stubs by process id, and init's messages about those that ended (impl.h). */
#include <sys/socket.h>
#include <uthash.h>

#include "platform/impl.h"

struct entry {
	int pid;
	struct pl_as *as;
	UT_hash_handle hh;
};
static struct entry *by_pid;
static struct loop_fd watch;
static void (*tell_unknown)(const struct pl_death *d);
static void (*tell_init_gone)(void);

void pl_as_set_pid(struct pl_as *as, int pid)
{
	CHECK(as->pid == 0 && !pl_as_by_pid(pid));
	struct entry *e = NEW(struct entry);
	as->pid = e->pid = pid;
	e->as = as;
	HASH_ADD_INT(by_pid, pid, e);
}

struct pl_as *pl_as_by_pid(int pid)
{
	struct entry *e;
	HASH_FIND_INT(by_pid, &pid, e);
	return e ? e->as : NULL;
}

void pl_as_forget(struct pl_as *as)
{
	struct entry *e;
	if (!as->pid)
		return;
	HASH_FIND_INT(by_pid, &as->pid, e);
	CHECK(e != NULL);
	HASH_DEL(by_pid, e);
	free(e);
}

static void init_news(struct loop_fd *lf, uint32_t events)
{
	(void)events;
	struct pl_death d;
	ssize_t n;
	while ((n = recv(lf->fd, &d, sizeof(d), MSG_DONTWAIT)) == sizeof(d)) {
		struct pl_as *as = pl_as_by_pid(d.pid);
		if (as)
			pl_as_lost(as, d.status);
		else
			tell_unknown(&d);
	}
	if (n == 0)
		tell_init_gone();
}

int pl_deaths_init(int init_fd, void (*unknown)(const struct pl_death *d), void (*init_gone)(void))
{
	tell_unknown = unknown;
	tell_init_gone = init_gone;
	watch = (struct loop_fd){ .fd = init_fd, .events = EPOLLIN, .ready = init_news };
	return loop_fd_add(&watch);
}
