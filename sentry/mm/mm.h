/* mm.h - a guest address space as Linux sees it: the list of mappings, brk, limits.
 *
 * The memory itself is the stub's (platform.h). This keeps the books and decides; the calling task's stub thread
 * executes the host calls. Every function that takes a task works on t->mm and may sleep, but for the lookups. */
#pragma once

#include <bsd/sys/tree.h>

#include "platform/base/wait.h"
#include "platform/platform.h"
#include "sentry/mm/text.h"
#include "sentry/mm/uaccess.h"

struct file;
struct task;

struct vma {
	RB_ENTRY(vma) link;
	uint64_t start, end;              /* [start, end), page aligned */
	int prot;                         /* PROT_* */
	int max_prot;                     /* what mprotect may give (a shared mapping of a read-only file: no PROT_WRITE) */
	int flags;                        /* MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_NORESERVE */
	struct file *file;                /* a reference, or NULL: anonymous */
	uint64_t pgoff;                   /* byte offset of start in file, or in the shared anonymous object */
	uint64_t shm_id;                  /* shared anonymous memory: the object's identity (futex keys); else 0 */
	char *name;                       /* [heap], [stack], prctl(PR_SET_VMA) name, or NULL */
	unsigned vm_flags;                /* VM_* below */
	uint64_t sub_start, sub_end, sub_gap;   /* of the subtree below link: its range, the widest gap in it; vma.c's */
	struct vma *dead_next;            /* off the tree, waiting for vma_free_list() */
};
enum { VM_DONTFORK = 1, VM_WIPEONFORK = 2, VM_DONTDUMP = 4, VM_HUGEPAGE = 8, VM_NOHUGEPAGE = 16, VM_LOCKED = 32, VM_SEALED = 64,
	VM_TRAMPOLINES = 128 };           /* rewrite.c's */

/* Which memory goes into a core file (core(5)). */
enum { DUMP_ANON_PRIVATE = 1, DUMP_ANON_SHARED = 2, DUMP_FILE_PRIVATE = 4, DUMP_FILE_SHARED = 8, DUMP_ELF_HEADERS = 16,
	DUMP_DEFAULT = 0x33, DUMP_ALL = 0x1ff };

RB_HEAD(vma_tree, vma);

/* What a deferred call's failure takes back: a mapping; one that the break moved for; UNDO_NONE: it can't fail. */
struct mm_undo { enum { UNDO_NONE, UNDO_MAP, UNDO_BRK } kind; uint64_t start, end, brk; };

struct mm {
	int refs;                         /* tasks that run in it (CLONE_VM), and holders */
	struct pl_as *as;                 /* one reference; the tasks hold the threads */
	struct sleep_lock lock;           /* mm_lock(): held over a change of the mappings, books and stub */
	struct vma_tree vmas;
	int nvmas;
	uint64_t start_brk, brk;
	uint64_t mmap_base;               /* top of the area mmap places in, going down */
	uint64_t total_bytes, data_bytes, stack_bytes, locked_bytes;   /* for RLIMIT_AS, RLIMIT_DATA, statm */
	uint64_t start_stack, arg_start, arg_end, env_start, env_end, start_code, end_code, start_data, end_data;
	uint64_t auxv[64];                /* pairs, ends with AT_NULL; /proc/PID/auxv */
	struct file *exe;                 /* /proc/PID/exe */
	int dumpable;                     /* PR_SET_DUMPABLE */
	unsigned dump_filter;             /* /proc/PID/coredump_filter: DUMP_* */
	struct rewrite *rewrite;          /* rewrite.c's books, NULL: nothing to note yet */
	struct text_maps texts;           /* text_map.c's */
	uint64_t interp_start, interp_end;        /* the program's interpreter, as exec mapped it; 0: none */
	struct mm_undo undo;
	struct { uint64_t rss_bytes, minor, major; } usage;   /* the most resident, and faults, as the host last said; 0: never */
	bool asks_for_time;               /* the vDSO's clocks are system calls */
	uint64_t def_flags;               /* mlockall(MCL_FUTURE): VM_LOCKED, or 0 */
	struct aio_contexts *aio;         /* NULL, or fs/aio's, which aio_free ends */
	void (*aio_free)(struct mm *mm);
};

/* Its stub is another memory's now: whoever still looks at this one finds nobody. */
void mm_leave_as(struct mm *mm);

/* For handlers of calls that do nothing after it: what mm_mmap() and its kin do last in the stub may be done when guest code goes on.
 * Not while others could look at t, or at its memory. */
void mm_defer_next(struct task *t);
/* Does at once what was deferred: before signals, stops, anything. Sleeps. */
void mm_make_deferred(struct task *t);
/* PL_DEFERRED: the books say again what is, and t's call returns the error. May sleep. */
void mm_deferred_failed(struct task *t, int64_t result);

struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm);                                       /* the last one kills the stub; may sleep (files) */
int mm_new(struct pl_as *as, struct mm **out) MUST_CHECK;         /* no mappings yet; takes a reference on as */
/* The books only; the platform copied the memory. Both happen under one mm_lock(t->mm), which the caller holds: or another
 * thread's mmap could come between, and books and stub of the child would disagree:
 *     mm_lock(t->mm); pl_as_fork(t->pl, &pl); mm_fork(t, pl->as, &mm); mm_unlock(t->mm); */
int mm_fork(struct task *t, struct pl_as *child_as, struct mm **out) MUST_CHECK;
/* From now on the process asks for the time: the host's is not its own. pl: a stopped thread of it. -ENOMEM -ESRCH. Sleeps. */
int mm_ask_for_time(struct mm *mm, struct pl_thread *pl) MUST_CHECK;
void mm_lock(struct mm *mm);                                      /* sleeps */
void mm_unlock(struct mm *mm);

/* What the system calls do, after their own argument checks. Return an address or 0, or -errno. Sleep. */
int64_t mm_mmap(struct task *t, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t off);
int mm_munmap(struct task *t, uint64_t addr, uint64_t len);
int mm_mprotect(struct task *t, uint64_t addr, uint64_t len, int prot);
int64_t mm_mremap(struct task *t, uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new_addr);
int64_t mm_brk(struct task *t, uint64_t brk);                     /* the new break, or the old one: no errors */
int mm_madvise(struct task *t, uint64_t addr, uint64_t len, int advice);
/* prctl(PR_SET_VMA_ANON_NAME): name NULL takes it away. -EBADF: a file's mapping; -ENOMEM: holes; -EINVAL. */
int mm_set_vma_name(struct task *t, uint64_t addr, uint64_t len, const char *name);
/* A fault below a MAP_GROWSDOWN mapping: extends it, within RLIMIT_STACK. 0: try the access again. -EFAULT: a real fault. */
int mm_grow_stack(struct task *t, uint64_t addr);
int mm_mseal(struct task *t, uint64_t addr, uint64_t len);
/* Copies whatever the protection says, but for writes to shared memory that must not be written. Bytes, or -EFAULT. */
ssize_t mm_force(struct task *t, uint64_t addr, void *buf, size_t bytes, bool write);
int mm_msync(struct task *t, uint64_t addr, uint64_t len, int flags);
/* vec: guest memory for a byte a page. */
int mm_mincore(struct task *t, uint64_t addr, uint64_t len, uptr_t vec);
int mm_mlock(struct task *t, uint64_t addr, uint64_t len, bool on_fault);
int mm_munlock(struct task *t, uint64_t addr, uint64_t len);
int mm_mlockall(struct task *t, int flags);
int mm_munlockall(struct task *t);
/* remap_file_pages(2), as mappings of their own. */
int mm_remap_file_pages(struct task *t, uint64_t addr, uint64_t len, uint64_t pgoff, int flags);

/* Lookups; never sleep. */
struct vma *mm_find(struct mm *mm, uint64_t addr);                /* the first with end > addr, or NULL */
struct vma *mm_next(struct vma *v);
struct vma *mm_first(struct mm *mm);

#define MM_MAX_MAP_COUNT 65530            /* /proc/sys/vm/max_map_count */
#define MM_STACK_GUARD_GAP (256 * PAGE_SIZE)
/* Bytes of a mapping that count as used: all, but of a stack (it is mapped at full size from the start) what Linux gives one. */
uint64_t vma_counted_bytes(const struct vma *v);

/* The identity of a futex word: private (mm, addr), or shared (object, offset). -EFAULT: nothing mapped there. */
struct futex_key { uintptr_t object; uint64_t offset; };
int mm_futex_key(struct task *t, uptr_t addr, bool shared, struct futex_key *out) MUST_CHECK;
