/* as.c - address spaces and threads: made by forks and clones that stubs do for us, ended by SIGKILL and exit(2).
 *
 * HOW   A new stub says hello on its control socket; the message carries its process id by the kernel's word. A stub's own
 *       claim is never used to reach a process: a guest could name somebody else. Deaths are told by init. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/base/live.h"
#include "platform/stub.h"
#include "platform/systrap/placement.h"
#include "platform/systrap/systrap.h"

unsigned systrap_thread_count;
static TAILQ_HEAD(, systrap_as) starting = TAILQ_HEAD_INITIALIZER(starting);
static struct systrap_thread *template;
static bool template_ready;
static struct sleep_lock template_lock;

#define IDLE_MAX 8
#define BURIALS_MAX 4
static TAILQ_HEAD(, systrap_as) burials = TAILQ_HEAD_INITIALIZER(burials);
static unsigned nburials;
#define AT_ONCE_NS 20000000ULL            /* when guests are never quiet, the end of a process does not wait for that */
static uint64_t at_once_until;
static void (*template_died)(int status);

void systrap_posts_init(struct systrap_thread *t)
{
	t->slot->nposts = 0;
	t->slot->post.set = -1;
	memset(t->slot->post.empty, 0, sizeof(t->slot->post.empty));
}

static void slot_init(struct systrap_thread *t)
{
	t->slot->self = stub_area(t);
	t->slot->cpu = UINT16_MAX;        /* wherever it wakes */
	memset(t->slot->answer, 0xff, sizeof(t->slot->answer));
	t->slot->answered = 0;
	systrap_posts_init(t);
}

struct systrap_thread *systrap_thread_new(struct systrap_as *as, unsigned index)
{
	struct systrap_thread *t = NEW(struct systrap_thread);
	live_born(HOST_THREAD);
	t->base.as = pl_as_get(&as->base);
	t->index = index;
	t->slot = (struct slot *)thread_area(t);
	slot_init(t);
	as->used[index / 64] |= 1ULL << (index % 64);
	as->threads++;
	systrap_thread_count++;
	TAILQ_INSERT_TAIL(&as->list, t, as_link);
	return t;
}

/* --- the end of a process takes the host 50 us and more, which can wait until its parent goes on --- */

static void bury(struct systrap_as *as)
{
	TAILQ_REMOVE(&burials, as, starting);
	nburials--;
	if (!as->base.dead)
		placement_bury(as->base.pid);
	pl_as_kill(&as->base);
	pl_as_put(&as->base);
}

void systrap_bury(bool never_quiet)
{
	if (never_quiet)
		at_once_until = now_mono_ns() + AT_ONCE_NS;
	while (!TAILQ_EMPTY(&burials))
		bury(TAILQ_FIRST(&burials));
}

/* The last thread has ended, by its own call: it waits for a command. */
static bool bury_later(struct systrap_thread *t)
{
	struct systrap_as *as = to_systrap_as(t->base.as);
	if (as->base.dead || as->base.cloned || as->base.pinned || t->running || !as->base.pid || nburials == BURIALS_MAX ||
	    now_mono_ns() < at_once_until)
		return false;
	systrap_will_wait(&t->base);
	pl_as_get(&as->base);
	as->leaves = true;
	live_died(STUB);
	TAILQ_INSERT_TAIL(&burials, as, starting);
	nburials++;
	pl_quiet_soon();
	return true;
}

/* Off the list of those that run guest threads; the caller has a reference on the address space. */
static void thread_remove(struct systrap_thread *t)
{
	struct systrap_as *as = to_systrap_as(t->base.as);
	systrap_thread_lost(t);
	ktimer_cancel(&t->expiry);
	TAILQ_REMOVE(&as->list, t, as_link);
	systrap_thread_count--;
	if (--as->threads == 0 && !bury_later(t))
		pl_as_kill(&as->base);
}

static void thread_free(struct systrap_thread *t)
{
	struct pl_as *as = t->base.as;
	thread_remove(t);
	live_died(HOST_THREAD);
	free(t);
	pl_as_put(as);
}

/* Takes control and the mapping of areas_fd over, not areas_fd. */
static int as_alloc(int areas_fd, int control, struct systrap_as **out)
{
	char *areas = mmap(NULL, STUB_AREAS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, areas_fd, 0);
	if (areas == MAP_FAILED)
		return -errno;
	struct systrap_as *as = NEW(struct systrap_as);
	live_born(STUB);
	as->base.refs = 1;
	as->control = control;
	as->areas = areas;
	sleep_lock_init(&as->fd_lock);
	TAILQ_INIT(&as->list);
	TAILQ_INIT(&as->idle);
	TAILQ_INSERT_TAIL(&starting, as, starting);
	*out = as;
	return 0;
}

void systrap_as_free(struct pl_as *base)
{
	struct systrap_as *as = to_systrap_as(base);
	if (!base->pid)
		TAILQ_REMOVE(&starting, as, starting);
	struct systrap_thread *t;
	while ((t = TAILQ_FIRST(&as->idle))) {
		TAILQ_REMOVE(&as->idle, t, as_link);
		live_died(HOST_THREAD);
		free(t);
	}
	close(as->control);
	munmap(as->areas, STUB_AREAS_BYTES);
	if (!as->leaves)
		live_died(STUB);
	free(as);
}

void systrap_as_lost(struct pl_as *base)
{
	if (template && base == template->base.as) {
		template_died(base->exit_status);
		return;
	}
	struct systrap_thread *t;
	TAILQ_FOREACH(t, &to_systrap_as(base)->list, as_link)
		systrap_thread_lost(t);
	/* Whoever waits for a child of its waits in vain: it may never have made one. */
	struct systrap_as *as;
	TAILQ_FOREACH(as, &starting, starting)
		if (as->maker == to_systrap_as(base))
			pl_as_lost(&as->base, SIGKILL);
}

/* The first message of a new stub. False: none, or not from a process that is new to us. */
static bool read_hello(struct systrap_as *as)
{
	int pid = stub_read_hello(as->control);
	if (pid <= 2 || pid == getpid() || pl_as_by_pid(pid))
		return false;
	TAILQ_REMOVE(&starting, as, starting);
	pl_as_set_pid(&as->base, pid);
	return true;
}

/* Sleeps until a stub's first thread is ready for commands. */
static int await_ready(struct systrap_thread *t)
{
	uint32_t event;
	t->co = co_current();
	int err = systrap_expected(t, &event);
	if (!err && (event != EVENT_READY || !systrap_find_frame(t)))
		err = -ESRCH;
	return err;
}

static int fork_as(struct systrap_thread *parent, struct systrap_thread **out)
{
	int err = systrap_need_frame(parent);
	if (err)
		return err;
	int areas_fd = systrap_areas_new(), control[2];
	if (areas_fd < 0)
		return areas_fd;
	err = stub_control_new(control);
	if (err) {
		close(areas_fd);
		return err;
	}
	struct systrap_as *as;
	err = as_alloc(areas_fd, control[0], &as);
	if (err) {
		close(control[0]);
		goto out_fds;
	}
	/* The child goes on from the parent's frame, at the same place of its own area. */
	struct systrap_thread *t = systrap_thread_new(as, parent->index);
	memcpy(thread_area(t) + parent->frame_off, thread_area(parent) + parent->frame_off, AREA_BYTES - parent->frame_off);
	as->first_index = t->index;
	t->base.regs = parent->base.regs;
	t->frame_off = parent->frame_off;
	t->fs_base = parent->fs_base;
	t->gs_base = parent->gs_base;
	t->beside = parent->beside;
	if (t->beside)                        /* it can't come up while the sentry stays where it is */
		t->slot->cpu = t->beside - 1;
	systrap_expect(t);

	struct systrap_as *from = to_systrap_as(parent->base.as);
	sleep_lock_acquire(&from->fd_lock);
	err = from->base.dead ? -ESRCH : stub_send_fds(from->control, (int[]){ areas_fd, control[1] }, 2);
	if (!err)
		err = systrap_command(parent, CMD_FORK);
	if (!err && !systrap_fds_taken(from)) {
		pl_as_kill(&from->base);
		err = -ESRCH;
	}
	sleep_lock_release(&from->fd_lock);
	int64_t ret = err ? err : __atomic_load_n(&parent->slot->ret, __ATOMIC_RELAXED);
	if (ret > 0) {
		as->claimed_pid = (int)ret;
		as->maker = from;
		parent->forking = true;
		err = from->base.dead ? -ESRCH : await_ready(t);
		parent->forking = false;
		as->maker = NULL;
		if (!err && !read_hello(as))
			err = -ESRCH;
		if (err)
			err = -EAGAIN;
	} else if (!err) {
		err = ret < 0 && ret > -4096 ? (int)ret : -EAGAIN;
	}
	if (err && !as->base.pid)
		systrap_orphan_watch(as->control);
	if (err)
		thread_free(t);
	else
		*out = t;
	pl_as_put(&as->base);                 /* the thread holds it */
out_fds:
	close(areas_fd);
	close(control[1]);
	return err;
}

int systrap_as_fork(struct pl_thread *pt, struct pl_thread **out)
{
	struct systrap_thread *t;
	int err = fork_as(to_systrap(pt), &t);
	if (err)
		return err;
	pl_stats_.forks++;
	*out = &t->base;
	return 0;
}

int systrap_as_new(struct pl_thread **out)
{
	struct systrap_thread *t;
	sleep_lock_acquire(&template_lock);
	int err = 0;
	if (!template_ready) {
		err = await_ready(template);
		template_ready = !err && read_hello(to_systrap_as(template->base.as));
	}
	if (template_ready)
		placement_beside(template);
	err = template_ready ? fork_as(template, &t) : -ESRCH;
	sleep_lock_release(&template_lock);
	if (err)
		return err;
	pl_stats_.forks++;
	systrap_will_wait(&template->base);
	systrap_will_wait(&t->base);
	*out = &t->base;
	return 0;
}

void systrap_as_taken(struct pl_thread *pt)
{
	placement_apart(to_systrap(pt), systrap_others_compute());
	systrap_wake(to_systrap(pt));
}

/* An area is free again when the kernel has cleared its thread's id (CLONE_CHILD_CLEARTID): before that the thread may
 * still look at its slot. The first thread's area, which has no id, is never free again. */
static void reclaim_areas(struct systrap_as *as)
{
	for (unsigned i = 0; i < ARRAY_SIZE(as->dying); i++)
		for (uint64_t bits = as->dying[i]; bits; bits &= bits - 1) {
			unsigned b = (unsigned)__builtin_ctzll(bits);
			struct slot *s = (struct slot *)(as->areas + (i * 64 + b) * AREA_BYTES);
			if (__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE) != 0)
				continue;
			as->dying[i] &= ~(1ULL << b);
			as->used[i] &= ~(1ULL << b);
		}
}

static int free_index(struct systrap_as *as)
{
	reclaim_areas(as);
	for (unsigned i = 0; i < ARRAY_SIZE(as->used); i++)
		if (~as->used[i])
			return (int)(i * 64 + (unsigned)__builtin_ctzll(~as->used[i]));
	return -EAGAIN;
}

/* A host thread that has lost its guest thread takes the next: it has a frame and a state to load, only their contents change. */
static struct systrap_thread *reuse_idle(struct systrap_thread *parent)
{
	struct systrap_as *as = to_systrap_as(parent->base.as);
	struct systrap_thread *t = TAILQ_FIRST(&as->idle);
	/* What was kept may not be allowed to run where parent is. */
	if (!t || as->base.dead || as->base.pinned)
		return NULL;
	TAILQ_REMOVE(&as->idle, t, as_link);
	as->idle_count--;
	TAILQ_INSERT_TAIL(&as->list, t, as_link);
	as->threads++;
	systrap_thread_count++;
	pl_as_get(&as->base);
	t->base.regs = parent->base.regs;
	t->run_cycles = 0;
	slot_init(t);
	systrap_fpstate_copy(t, parent);
	return t;
}

static bool keep_idle(struct systrap_thread *t)
{
	struct systrap_as *as = to_systrap_as(t->base.as);
	if (t->fast || t->running || as->idle_count == IDLE_MAX || as->base.pinned)
		return false;
	struct pl_as *base = t->base.as;
	thread_remove(t);
	t->co = NULL;
	t->base.nwindows = 0;
	TAILQ_INSERT_HEAD(&as->idle, t, as_link);
	as->idle_count++;
	pl_as_put(base);
	return true;
}

int systrap_thread_clone(struct pl_thread *pt, struct pl_thread **out)
{
	struct systrap_thread *parent = to_systrap(pt);
	struct systrap_as *as = to_systrap_as(pt->as);
	int err = systrap_need_frame(parent);
	struct systrap_thread *idle = err ? NULL : reuse_idle(parent);
	if (idle) {
		pl_stats_.threads++;
		*out = &idle->base;
		return 0;
	}
	int index = err ? err : free_index(as);
	if (index < 0)
		return index;
	struct systrap_thread *t = systrap_thread_new(as, (unsigned)index);
	*t->slot = (struct slot){ 0 };
	slot_init(t);
	pt->as->cloned = true;

	/* A copy of the parent's frame and state in the child's area, pointers moved along. */
	uint64_t area = stub_area(t), parent_area = stub_area(parent);
	t->frame_off = parent->frame_off;
	memcpy(thread_area(t) + t->frame_off, thread_area(parent) + parent->frame_off, AREA_BYTES - parent->frame_off);
	struct host_frame *f = (void *)(thread_area(t) + t->frame_off);
	f->fpstate = parent->frame.fpstate ? parent->frame.fpstate - parent_area + area : 0;
	f->ss_sp = area + AREA_SIGSTACK;
	f->ss_size = AREA_BYTES - AREA_SIGSTACK;
	f->ss_flags = 0;
	t->base.regs = pt->regs;
	t->fs_base = parent->fs_base;
	t->gs_base = parent->gs_base;
	systrap_expect(t);

	parent->slot->arg[0] = area + t->frame_off;
	parent->slot->arg[1] = area + offsetof(struct slot, tid);
	err = systrap_command(parent, CMD_CLONE);
	int64_t ret = err ? err : __atomic_load_n(&parent->slot->ret, __ATOMIC_RELAXED);
	if (ret > 0)
		err = await_ready(t);
	else if (!err)
		err = ret < 0 && ret > -4096 ? (int)ret : -EAGAIN;
	if (err) {
		as->dying[t->index / 64] |= 1ULL << (t->index % 64);
		thread_free(t);
		return err;
	}
	pl_stats_.threads++;
	*out = &t->base;
	return 0;
}

void systrap_thread_exit(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	struct systrap_as *as = to_systrap_as(pt->as);
	if (systrap_lend_ends(t)) {
		thread_free(t);
		return;
	}
	/* The first thread stays, waiting for a command: a process whose first thread has exited has no memory that
	 * process_vm_readv(2) would find. */
	if (!pt->as->dead && as->threads > 1 && t->index != as->first_index) {
		if (keep_idle(t))
			return;
		systrap_post(t, CMD_EXIT);
		t->co = NULL;
		as->dying[t->index / 64] |= 1ULL << (t->index % 64);
	}
	thread_free(t);
}

/* --- deaths --- */

static void unknown_died(const struct pl_death *d)
{
	struct systrap_as *as;
	TAILQ_FOREACH(as, &starting, starting)
		if (as->claimed_pid == d->pid)
			pl_as_lost(&as->base, d->status);
}

static void init_gone(void)
{
	template_died(SIGKILL);
}

int systrap_init(const struct pl_config *cfg)
{
	template_died = cfg->template_died;
	sleep_lock_init(&template_lock);
	systrap_run_init(cfg);
	int err = pl_deaths_init(cfg->init_fd, unknown_died, init_gone);
	if (err)
		return err;

	struct systrap_as *as;
	err = as_alloc(cfg->template_memfd, cfg->template_fd, &as);
	if (err)
		return err;
	close(cfg->template_memfd);
	template = systrap_thread_new(as, 0);
	stub_counts(false);
	systrap_expect(template);
	return 0;
}
