/* ipc_ns.c - life of an IPC namespace (ipc_ns.h).
 *
 * LINUX    ipc/namespace.c. */
#include "sentry/ipc/ipc_ns.h"

struct ipc_ns ipc_ns_first;

static void init(struct ipc_ns *ns)
{
	ns->refs = 1;
	shm_ids_init(&ns->shm);
	sem_ids_init(&ns->sem);
	msg_ids_init(&ns->msg);
	ns->shm.ns = ns->sem.ns = ns->msg.ns = ns;
}

void ipc_ns_boot(void)
{
	init(&ipc_ns_first);
	ns_id_init_first(&ipc_ns_first.id, NS_IPC);
}

int ipc_ns_new(struct user_ns *owner, struct ipc_ns **out)
{
	struct ipc_ns *ns = NEW(struct ipc_ns);
	int err = ns_id_init(&ns->id, owner);
	if (err) {
		free(ns);
		return err;
	}
	init(ns);
	*out = ns;
	return 0;
}

struct ipc_ns *ipc_ns_get(struct ipc_ns *ns)
{
	ns->refs++;
	return ns;
}

void ipc_ns_put(struct ipc_ns *ns)
{
	if (!ns || --ns->refs > 0)
		return;
	shm_ids_end(&ns->shm);
	sem_ids_end(&ns->sem);
	msg_ids_end(&ns->msg);
	if (ns->mqueues)
		mqueue_end(TAKE(ns->mqueues));
	ns_id_fini(&ns->id);
	free(ns->shm.slots);
	free(ns->sem.slots);
	free(ns->msg.slots);
	free(ns);
}
