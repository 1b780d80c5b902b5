/* impl.h - what a platform implements (platform.h has the contracts), and what all have in common. */
#pragma once

#include "platform/base/loop.h"
#include "platform/launch.h"

struct pl_as {                            /* a platform embeds it first */
	int refs;
	int pid;                          /* of the stub; 0 while it has not said who it is */
	bool dead;
	bool cloned;                      /* has had more than one thread */
	bool pinned;                      /* a thread of it may not run everywhere */
	int exit_status;
};

struct rusage;
struct platform_ops {
	const char *name;
	int (*prepare)(struct pl_launch *l);
	void (*template_main)(struct pl_launch *l);        /* does not return */
	int (*init)(const struct pl_config *cfg);
	int (*as_new)(struct pl_thread **out);
	void (*as_taken)(struct pl_thread *t);             /* it is needed now. NULL: all the same */
	int (*as_fork)(struct pl_thread *t, struct pl_thread **out);
	int (*thread_clone)(struct pl_thread *t, struct pl_thread **out);
	int (*thread_lend)(struct pl_thread *t, struct pl_thread **out);   /* NULL: as thread_clone */
	void (*thread_exit)(struct pl_thread *t);
	void (*as_lost)(struct pl_as *as);                 /* as->dead was just set: wakes all who wait for its threads */
	void (*as_free)(struct pl_as *as);                 /* no reference is left; it is dead */
	void (*run)(struct pl_thread *t, struct pl_event *out);
	bool can_defer;                                    /* run() makes t->deferred */
	void (*interrupt)(struct pl_thread *t);
	void (*will_wait)(struct pl_thread *t);            /* NULL: no difference */
	bool (*busy)(void);                                /* a stub does something for us, for which somebody waits. NULL: never */
	void (*quiet)(bool never);                         /* what pl_quiet_soon() was called for; never: it does not get quiet */
	void (*thread_expire)(struct pl_thread *t);        /* NULL: nothing keeps interrupt() from working */
	int (*calls)(struct pl_thread *t, struct pl_call *v, int n);
	/* pl_calls_store(); -E2BIG: not in one hand-over, nothing was done. NULL: never. */
	int (*calls_store)(struct pl_thread *t, struct pl_call *v, int n, const struct pl_bytes *b, int nb);
	/* A host call of t's whose last argument, args[n], points to bytes that go in (out NULL) or come out. */
	int (*call_with)(struct pl_thread *t, struct pl_call *c, int n, const void *in, void *out, size_t bytes);
	/* RUSAGE_SELF, if it came along with the last event. NULL: never. */
	bool (*usage)(struct pl_thread *t, struct rusage *out);
	int (*cmpxchg32)(struct pl_thread *t, uint64_t addr, uint32_t *old, uint32_t val);
	size_t (*fpstate_get)(struct pl_thread *t, void *buf);
	void (*fpstate_set)(struct pl_thread *t, const void *buf, size_t bytes);
	void (*fpstate_reset)(struct pl_thread *t);
	uint64_t (*fast_entry)(void);                      /* NULL: none; so the next nine */
	void (*answer)(struct pl_thread *t, unsigned nr, int64_t value);
	void (*sigmask_lend)(struct pl_thread *t, uint64_t mask, uint64_t ask);
	uint64_t (*sigmask_now)(const struct pl_thread *t);
	void (*sigmask_ask)(struct pl_thread *t, uint64_t signals);
	void (*sigmask_keep)(struct pl_thread *t);
	void (*post_set)(struct pl_thread *t, int epfd);
	void (*post_fd)(struct pl_thread *t, int fd, bool in);
	void (*empty_fd)(struct pl_thread *t, int fd, bool empty);
	uint64_t (*answered)(struct pl_thread *t);         /* calls it answered so far, says the stub */
	uint64_t (*thread_run_ns)(struct pl_thread *t);    /* wall time it was away running guest code */
};
extern const struct platform_ops platform_systrap, platform_ptrace;
extern struct pl_stats pl_stats_;

/* Init, or the platform, has news of a stub's end. */
void pl_as_lost(struct pl_as *as, int status);

/* Guests will be busy with themselves for a moment: then ops->quiet() is called. Never sleeps. */
void pl_quiet_soon(void);

/* What the platform keeps for itself, a stub with a thread, isn't counted as live (platform/base/live.h). */
void stub_counts(bool counts);

/* deaths.c: pid -> address space, and init's messages. */
void pl_as_set_pid(struct pl_as *as, int pid);             /* known from now on */
struct pl_as *pl_as_by_pid(int pid);                       /* NULL */
void pl_as_forget(struct pl_as *as);
int pl_deaths_init(int init_fd, void (*unknown)(const struct pl_death *d), void (*init_gone)(void)) MUST_CHECK;
