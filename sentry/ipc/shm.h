/* shm.h - System V shared memory: segments and what is attached (shmop(2)). */
#pragma once

#include <sys/shm.h>

#include "sentry/ipc/ipc.h"
#include "sentry/vfs/file.h"

#define SHM_DEST_BIT 01000                /* of ipc.mode: goes with its last attachment */
#define SHM_LOCKED_BIT 02000

struct shm {
	struct ipc_object ipc;
	struct file *file;                /* the memory: an unnamed file of a tmpfs. A reference */
	uint64_t size;                    /* bytes, as asked for */
	uint64_t nattch;                  /* mappings in all address spaces */
	int64_t atime, dtime, ctime;      /* seconds */
	int cpid, lpid;                   /* who made it, who last attached or detached it */
};
static inline struct shm *to_shm(struct ipc_object *o) { return container_of(o, struct shm, ipc); }

extern uint64_t shm_max_bytes, shm_all_pages;   /* sysctls kernel.shmmax, kernel.shmall */
extern int shm_max_count;                 /* kernel.shmmni */

/* shmget(2): the id. -EINVAL -ENOENT -EEXIST -EACCES -ENOSPC -ENOMEM. May sleep. */
int shm_get(struct task *t, int key, uint64_t size, int flags) MUST_CHECK;
/* shmat(2): the address. -EINVAL -EACCES -ENOMEM. Sleeps. */
int64_t shm_attach(struct task *t, int id, uint64_t addr, int flags);
/* shmdt(2). -EINVAL. Sleeps. */
int shm_detach(struct task *t, uint64_t addr) MUST_CHECK;
/* IPC_RMID: at once, or with the last attachment. May sleep. */
void shm_remove(struct shm *s);
/* SHM_LOCK, SHM_UNLOCK after the permission check. */
void shm_set_locked(struct shm *s, bool on);
void shm_stat(const struct task *t, const struct shm *s, struct shmid_ds *out);

struct shm_usage { uint64_t pages, resident; };
struct shm_usage shm_usage(const struct task *t);         /* of all segments. Never sleeps */
uint64_t shm_resident_pages(const struct shm *s);   /* never sleeps: tmpfs looks at its memfd */

/* t has copied its memory (fork) or leaves it as the last one: its attachments' lpid. Cheap where nothing is attached. */
void shm_note_pid(struct task *t);
