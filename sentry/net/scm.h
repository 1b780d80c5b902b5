/* scm.h - what travels with a message: open files and credentials (cmsg(3), unix(7)). */
#pragma once

#include "platform/base/base.h"

struct file;
struct task;
struct thread_group;

#define SCM_MAX_FILES 253

struct scm_creds {
	int pid;                          /* 0: none */
	uint32_t uid, gid;
};
struct scm_files {                        /* shared by those who peek */
	int refs, count;
	struct scm_files *next_dead;
	uint32_t uid;                     /* whose descriptors in flight they count as */
	struct file *file[];              /* references */
};
struct scm {
	struct scm_files *files;          /* a reference, or NULL */
	struct scm_creds creds;
	bool has_creds;
	struct thread_group *tg;          /* whose process: a reference, or NULL (SO_PASSPIDFD) */
};

struct scm_creds scm_creds_of(const struct task *t);
#define SCM_NO_CREDS ((struct scm_creds){ 0, 65534, 65534 })           /* what Linux shows when none were sent */

/* Takes the references in `files` over. -ETOOMANYREFS: the sender has too many in flight. */
int scm_files_new(struct task *t, struct file **files, int count, struct scm_files **out) MUST_CHECK;
struct scm_files *scm_files_get(struct scm_files *sf);
/* Never nests: a socket in flight may hold sockets in flight, and so on, deeper than a stack. May sleep. */
void scm_files_put(struct scm_files *sf);
DEFINE_AUTO(scm_files_put, struct scm_files *)
