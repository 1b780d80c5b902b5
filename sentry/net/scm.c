/* scm.c - see scm.h.
 *
 * LINUX    net/core/scm.c. Same: descriptors in flight are counted per user against RLIMIT_NOFILE. Sockets that only each
 *          other's queues hold are the family's business (unix/unix_gc.c). */
#include "sentry/net/scm.h"

#include <linux/capability.h>
#include <sys/queue.h>
#include <uthash.h>

#include "sentry/kernel/task.h"

struct in_flight {
	uint32_t uid;
	uint64_t count;
	UT_hash_handle hh;
};
static struct in_flight *in_flight;

static uint64_t *in_flight_of(uint32_t uid)
{
	struct in_flight *e;
	HASH_FIND(hh, in_flight, &uid, sizeof(uid), e);
	if (!e) {
		e = NEW(struct in_flight);
		e->uid = uid;
		HASH_ADD(hh, in_flight, uid, sizeof(uid), e);
	}
	return &e->count;
}

struct scm_creds scm_creds_of(const struct task *t)
{
	return (struct scm_creds){ t->tg->tgid, t->cred->uid, t->cred->gid };
}

int scm_files_new(struct task *t, struct file **files, int count, struct scm_files **out)
{
	uint64_t *flying = in_flight_of(t->cred->uid);
	bool capable = cred_has_cap(t->cred, CAP_SYS_RESOURCE) || cred_has_cap(t->cred, CAP_SYS_ADMIN);
	if (*flying > t->tg->rlimits[RLIMIT_NOFILE].rlim_cur && !capable)
		return -ETOOMANYREFS;
	struct scm_files *sf = xzalloc(sizeof(*sf) + (size_t)count * sizeof(sf->file[0]));
	sf->refs = 1;
	sf->count = count;
	sf->uid = t->cred->uid;
	for (int i = 0; i < count; i++)
		sf->file[i] = files[i];
	*flying += (unsigned)count;
	*out = sf;
	return 0;
}

struct scm_files *scm_files_get(struct scm_files *sf)
{
	sf->refs++;
	return sf;
}

void scm_files_put(struct scm_files *sf)
{
	static struct scm_files *dead;
	static bool draining;
	if (!sf || --sf->refs > 0)
		return;
	sf->next_dead = dead;
	dead = sf;
	if (draining)
		return;
	draining = true;
	while ((sf = dead)) {
		dead = sf->next_dead;
		*in_flight_of(sf->uid) -= (unsigned)sf->count;
		for (int i = 0; i < sf->count; i++)
			file_put(sf->file[i]);
		free(sf);
	}
	draining = false;
}
