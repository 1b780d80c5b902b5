/* systrap.h - the systrap platform's own types, shared by its files. Reading order: README.md. */
#pragma once

#include "platform/base/wait.h"
#include "platform/impl.h"
#include "platform/systrap/layout.h"

struct systrap_as {
	struct pl_as base;
	int claimed_pid;                  /* what the parent stub says; only to recognise an early death */
	int control;                      /* our end of its control socket */
	char *areas;                      /* our mapping of its areas */
	int threads;                      /* systrap_threads in it */
	unsigned first_index;             /* area of its first thread */
	uint64_t used[AREA_COUNT / 64];   /* areas taken */
	uint64_t dying[AREA_COUNT / 64];  /* of these, their thread was told to exit */
	struct sleep_lock fd_lock;        /* from sending descriptors until the stub has taken them */
	TAILQ_HEAD(, systrap_thread) list;
	TAILQ_HEAD(, systrap_thread) idle;       /* host threads without a guest thread, for the next ones; by as_link */
	int idle_count;
	TAILQ_ENTRY(systrap_as) starting; /* while pid is 0; later on the list of those that are to be buried */
	struct systrap_as *maker;         /* and whose fork it will be */
	bool leaves;                      /* it is on that list, or was: no guest knows it any more */
};
static inline struct systrap_as *to_systrap_as(struct pl_as *as) { return container_of(as, struct systrap_as, base); }

struct systrap_thread {
	struct pl_thread base;
	unsigned index;                   /* of its area */
	struct slot *slot;                /* shared: read once */
	struct co *co;                    /* who waits for the next event */
	bool running;                     /* between a command and its event; then on running_threads */
	bool in_guest;                    /* the command was CMD_RESUME */
	bool fast;                        /* it came by the fast entry: no frame, its registers are in the slot */
	struct fast_regs fast_regs;       /* the copy made then */
	bool usage_came;                  /* the slot has what getrusage(2) says */
	bool owes_fds;                    /* was sent descriptors with its last command */
	bool xstate_saved, xstate_new;    /* fast: the extended state is in the area; and is to be loaded from there */
	uint64_t frame_off;               /* of the frame in its area; checked */
	struct host_frame frame;          /* the copy made at the last guest event */
	uint64_t resumed, run_cycles;     /* when guest code went on last; how long it was away running until then */
	uint64_t fs_base, gs_base;        /* as loaded in the host thread, as far as we know; GS: the slot's if the guest has none */
	bool forking;                     /* waits for the first event of a stub that it made */
	uint64_t posts;                   /* commands given so far */
	struct ktimer expiry;             /* see systrap_thread_expire() */
	uint64_t expiry_posts;
	int expiry_turns;
	struct systrap_thread *lender, *borrower;   /* vfork(2)'s parent and child, on one host thread */
	char *lent_state;                 /* the parent's extended state, lent_bytes of it */
	size_t lent_bytes;
	uint16_t long_yields;             /* of the slot's, as last seen */
	uint16_t beside;                  /* 1 + the processor it was bound to, with what it forks; 0: none. See placement.c */
	bool usual_turns;                 /* not short ones: turns.c */
	bool apart;                       /* may not run on the sentry's processor until it has answered */
	bool answering;                   /* its event was taken, its next command is not out; then on answering_threads */
	TAILQ_ENTRY(systrap_thread) run_link, as_link;
};
static inline struct systrap_thread *to_systrap(struct pl_thread *t) { return container_of(t, struct systrap_thread, base); }
static inline uint64_t stub_area(struct systrap_thread *t) { return STUB_AREAS + t->index * AREA_BYTES; }
static inline char *thread_area(struct systrap_thread *t) { return to_systrap_as(t->base.as)->areas + t->index * AREA_BYTES; }

extern struct stub_ro *stub_ro;

/* template.c */
int systrap_prepare(struct pl_launch *l) MUST_CHECK;
void systrap_template_main(struct pl_launch *l);
int systrap_areas_new(void) MUST_CHECK;                     /* a memfd */

/* as.c */
int systrap_init(const struct pl_config *cfg) MUST_CHECK;
extern unsigned systrap_thread_count;                       /* of all address spaces, the template's too */
int systrap_as_new(struct pl_thread **out);
void systrap_as_taken(struct pl_thread *t);
int systrap_as_fork(struct pl_thread *t, struct pl_thread **out);
int systrap_thread_clone(struct pl_thread *t, struct pl_thread **out);
void systrap_thread_exit(struct pl_thread *t);
void systrap_as_lost(struct pl_as *as);
void systrap_as_free(struct pl_as *as);
void systrap_bury(bool never_quiet);                        /* those whose thread has ended */

void systrap_posts_init(struct systrap_thread *t);          /* its stub answers nothing of post.h */
struct systrap_thread *systrap_thread_new(struct systrap_as *as, unsigned index);

/* lend.c */
int systrap_thread_lend(struct pl_thread *t, struct pl_thread **out);
bool systrap_lend_ends(struct systrap_thread *t);           /* t ends; true: somebody else has its host thread */
/* Until t has its host thread again, with its own state. -ESRCH: it is to end without. sleeps */
int systrap_await_return(struct systrap_thread *t) MUST_CHECK;

/* calls.c */
int systrap_calls(struct pl_thread *t, struct pl_call *v, int n);
int systrap_calls_store(struct pl_thread *t, struct pl_call *v, int n, const struct pl_bytes *b, int nb);
int systrap_call_with(struct pl_thread *t, struct pl_call *c, int n, const void *in, void *out, size_t bytes);
int systrap_cmpxchg32(struct pl_thread *t, uint64_t addr, uint32_t *old, uint32_t val);
/* Puts t->base.deferred into the slot, for CMD_RESUME; and what came of it, after EVENT_DEFERRED. */
void systrap_put_deferred(struct systrap_thread *t);
int64_t systrap_deferred_result(struct systrap_thread *t);
bool systrap_usage(struct pl_thread *t, struct rusage *out);
size_t systrap_fpstate_get(struct pl_thread *t, void *buf);
void systrap_fpstate_set(struct pl_thread *t, const void *buf, size_t bytes);
void systrap_fpstate_reset(struct pl_thread *t);
void systrap_xstate_init(void);                             /* once, before there are threads */
void systrap_fpstate_copy(struct systrap_thread *to, struct systrap_thread *from);   /* both have frames */

/* orphans.c: if a stub was made that has this control socket, it is killed. control is borrowed. */
void systrap_orphan_watch(int control);

/* answers.c */
uint64_t systrap_fast_entry(void);
void systrap_answer(struct pl_thread *t, unsigned nr, int64_t value);
void systrap_sigmask_lend(struct pl_thread *t, uint64_t mask, uint64_t ask);
uint64_t systrap_sigmask(const struct pl_thread *t);
void systrap_sigmask_ask(struct pl_thread *t, uint64_t signals);
void systrap_sigmask_keep(struct pl_thread *t);
void systrap_post_set(struct pl_thread *t, int epfd);
void systrap_post_fd(struct pl_thread *t, int fd, bool in);
void systrap_empty_fd(struct pl_thread *t, int fd, bool empty);
uint64_t systrap_answered(struct pl_thread *t);

/* regs.c */
void systrap_frame_to_regs(const struct host_frame *f, struct user_regs_struct *r);
void systrap_regs_to_frame(const struct user_regs_struct *r, struct host_frame *f);
void systrap_fast_to_regs(const struct fast_regs *f, uint32_t arith, struct user_regs_struct *r);
/* All of them, for a thread that goes on at another place than behind its call. */
void systrap_regs_to_slot(struct systrap_thread *t);
/* Nothing is different from what the fast entry saved, but for the result. */
bool systrap_same_but_rax(const struct systrap_thread *t);

/* run.c */
void systrap_run(struct pl_thread *t, struct pl_event *out);
void systrap_interrupt(struct pl_thread *t);
void systrap_will_wait(struct pl_thread *t);
void systrap_thread_expire(struct pl_thread *t);
void systrap_wake(struct systrap_thread *t);                /* it will get a command soon */
uint64_t systrap_thread_run_ns(struct pl_thread *t);
/* run.c: hand-over. post() gives a command; wait() sleeps for the event. */
void systrap_run_init(const struct pl_config *cfg);
void systrap_post(struct systrap_thread *t, enum stub_command command);
void systrap_expect(struct systrap_thread *t);              /* a new thread that will report EVENT_READY by itself */
int systrap_wait(struct systrap_thread *t, uint32_t *out_event) MUST_CHECK;     /* -ESRCH: the stub is gone. sleeps */
int systrap_command(struct systrap_thread *t, enum stub_command command) MUST_CHECK;   /* both, expecting EVENT_DONE. sleeps */
void systrap_thread_lost(struct systrap_thread *t);         /* its stub died: wakes who waits */
/* A stub that leaves descriptors where they are misbehaves: those in flight count against a limit that our user's other
 * sandboxes share. */
bool systrap_fds_taken(struct systrap_as *as);
unsigned systrap_guests_elsewhere(void);                    /* that run guest code, not where the sentry is */
bool systrap_others_compute(void);                          /* somebody, not where the sentry is, for a while already */
int systrap_expected(struct systrap_thread *t, uint32_t *out_event) MUST_CHECK;   /* wait(), for what the stub does for us. sleeps */
bool systrap_busy(void);                                    /* somebody is in it */
bool systrap_find_frame(struct systrap_thread *t);          /* reads and checks slot->frame */
/* What only a thread with a frame can do: makes it have one. -ESRCH. sleeps */
int systrap_need_frame(struct systrap_thread *t) MUST_CHECK;
