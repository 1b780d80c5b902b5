/* calls.c - what a stopped thread's stub does for the sentry: host calls, cmpxchg; and its extended state. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "platform/stub.h"
#include "platform/systrap/systrap.h"

static int send_all(struct systrap_as *as, const struct pl_call *v, int n)
{
	int fds[SLOT_FDS], count = 0, last = -1, err = 0;
	for (int i = 0; i < n && !err; i++) {
		if (v[i].fd < 0 || v[i].fd == last)
			continue;
		fds[count++] = last = v[i].fd;
		if (count < SLOT_FDS)
			continue;
		err = stub_send_fds(as->control, fds, count);
		count = 0;
	}
	return err || !count ? err : stub_send_fds(as->control, fds, count);
}

/* True: descriptors go with them. */
static bool put_calls(struct systrap_thread *t, const struct pl_call *v, int n)
{
	struct slot *s = t->slot;
	int last = -1;
	t->usage_came = false;            /* it lies where calls are */
	for (int i = 0; i < n; i++) {
		struct slot_call c = { .nr = v[i].nr, .fd = v[i].fd < 0 ? FD_NONE : v[i].fd == last ? FD_SAME : FD_NEXT };
		memcpy(c.args, v[i].args, sizeof(c.args));
		s->calls[i] = c;
		last = v[i].fd < 0 ? last : v[i].fd;
	}
	s->ncalls = (uint32_t)n;
	return last >= 0;
}

static int run_batch(struct systrap_thread *t, struct pl_call *v, int n, enum stub_command command)
{
	struct systrap_as *as = to_systrap_as(t->base.as);
	struct slot *s = t->slot;
	bool fds = put_calls(t, v, n);

	/* Two threads of a stub must not take each other's descriptors. */
	if (fds)
		sleep_lock_acquire(&as->fd_lock);
	int err = as->base.dead ? -ESRCH : fds ? send_all(as, v, n) : 0;
	if (err && err != -ESRCH) {
		/* Some may have been sent: the socket is out of step for good. */
		pl_as_kill(&as->base);
		err = -ESRCH;
	}
	if (!err)
		err = systrap_command(t, command);
	if (!err && fds && !systrap_fds_taken(as)) {
		pl_as_kill(&as->base);
		err = -ESRCH;
	}
	if (fds)
		sleep_lock_release(&as->fd_lock);
	if (err)
		return err;
	for (int i = 0; i < n; i++)
		v[i].ret = __atomic_load_n(&s->calls[i].ret, __ATOMIC_RELAXED);
	pl_stats_.calls += (uint64_t)n;
	return 0;
}

void systrap_put_deferred(struct systrap_thread *t)
{
	struct pl_deferred *d = &t->base.deferred;
	struct systrap_as *as = to_systrap_as(t->base.as);
	t->slot->ncalls = 0;
	if (!d->n)
		return;
	/* Without fd_lock: nobody else runs in this address space. */
	t->owes_fds = put_calls(t, d->calls, d->n);
	if (t->owes_fds && send_all(as, d->calls, d->n))
		pl_as_kill(&as->base);
	for (int i = 0; i < d->n; i++)
		t->slot->arg[i] = (uint64_t)d->calls[i].ret;
	pl_stats_.calls += (uint64_t)d->n;
}

int64_t systrap_deferred_result(struct systrap_thread *t)
{
	struct pl_deferred *d = &t->base.deferred;
	for (int i = 0; i < d->n; i++) {
		int64_t ret = __atomic_load_n(&t->slot->calls[i].ret, __ATOMIC_RELAXED);
		if (ret != d->calls[i].ret)
			return ret;
	}
	return 0;                         /* it says what is not so */
}

int systrap_calls(struct pl_thread *pt, struct pl_call *v, int n)
{
	for (int done = 0; done < n; done += SLOT_CALLS) {
		int err = run_batch(to_systrap(pt), v + done, MIN(n - done, SLOT_CALLS), CMD_CALLS);
		if (err)
			return err;
	}
	return 0;
}

/* By way of the windows, which no call under way needs. */
static bool put_bytes(struct systrap_thread *t, const struct pl_bytes *b, int nb)
{
	struct slot *s = t->slot;
	uint32_t used = 0;
	if (nb > PL_WINDOWS || t->base.nwindows)
		return false;
	for (int i = 0; i < nb; i++) {
		if (b[i].bytes > WIN_AREA_BYTES - used)
			return false;
		char *to = thread_area(t) + AREA_WINDOWS + used;
		if (b[i].from)
			memcpy(to, b[i].from, b[i].bytes);
		else
			memset(to, 0, b[i].bytes);
		s->windows[i] = (struct slot_window){
			.addr = b[i].addr, .len = (uint32_t)b[i].bytes, .off = used, .flags = WINDOW_OUT, .hi = (uint32_t)b[i].bytes };
		used += (uint32_t)ALIGN_UP(b[i].bytes, 16);
	}
	s->nwindows = (uint32_t)nb;
	return true;
}

int systrap_calls_store(struct pl_thread *pt, struct pl_call *v, int n, const struct pl_bytes *b, int nb)
{
	struct systrap_thread *t = to_systrap(pt);
	if (n > SLOT_CALLS || !put_bytes(t, b, nb))
		return -E2BIG;
	int err = run_batch(t, v, n, CMD_STORE);
	return err || __atomic_load_n(&t->slot->ret, __ATOMIC_RELAXED) == 0 ? err : -EFAULT;
}

int systrap_call_with(struct pl_thread *pt, struct pl_call *c, int n, const void *in, void *out, size_t bytes)
{
	struct systrap_thread *t = to_systrap(pt);
	/* Room that a batch of one call does not need. */
	struct slot_call *room = &t->slot->calls[SLOT_ROOM];
	CHECK(bytes <= (SLOT_CALLS - SLOT_ROOM) * sizeof(*room));
	c->args[n] = stub_area(t) + offsetof(struct slot, calls[SLOT_ROOM]);
	if (in)
		memcpy(room, in, bytes);
	int err = run_batch(t, c, 1, CMD_CALLS);
	if (!err && out)
		memcpy(out, room, bytes);
	return err;
}

bool systrap_usage(struct pl_thread *pt, struct rusage *out)
{
	struct systrap_thread *t = to_systrap(pt);
	if (t->usage_came)
		memcpy(out, &t->slot->calls[SLOT_ROOM], sizeof(*out));
	return t->usage_came;
}

int systrap_cmpxchg32(struct pl_thread *pt, uint64_t addr, uint32_t *old, uint32_t val)
{
	struct systrap_thread *t = to_systrap(pt);
	t->slot->arg[0] = addr;
	t->slot->arg[1] = *old;
	t->slot->arg[2] = val;
	int err = systrap_command(t, CMD_CMPXCHG);
	if (err)
		return err;
	int64_t ret = __atomic_load_n(&t->slot->ret, __ATOMIC_RELAXED);
	if (ret < 0)
		return -EFAULT;
	*old = (uint32_t)__atomic_load_n(&t->slot->arg[1], __ATOMIC_RELAXED);
	return ret == 1 ? 0 : -EAGAIN;
}

/* --- extended state: it lies above the frame, where the kernel put it --- */

/* Room for the state in the area, or NULL: the guest's frame has none, or none that lies where it may. */
static char *fpstate_of(struct systrap_thread *t, size_t *out_bytes)
{
	uint64_t area = stub_area(t), p;
	if (systrap_need_frame(t))
		return NULL;
	p = t->frame.fpstate;
	if (p < area + AREA_SIGSTACK || p >= area + AREA_BYTES || p % 64)
		return NULL;
	*out_bytes = MIN(pl_fpstate_bytes(), area + AREA_BYTES - p);
	return thread_area(t) + (p - area);
}

/* --- without a frame: it is in the thread's registers, or, between two hand-overs, at AREA_XSAVE --- */

#define FX_BYTES 512
#define FX_FCW 0
#define FX_MXCSR 24
#define FX_MXCSR_MASK 28
#define FX_SW 464                         /* struct _fpx_sw_bytes: magic, length with the second magic, features, length */
#define XSTATE_HEADER_BYTES 64
#define FP_MAGIC1 0x46505853
#define FP_MAGIC2 0x46505845

/* What the host's kernel says about the state in its frames; 0 bytes: nothing that we understand, so frames it is. */
static struct { char sw[FX_BYTES - FX_SW]; uint64_t features; uint32_t bytes, mxcsr_mask; } xstate;

static void look_at_frame(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	const char *fp = (const char *)((ucontext_t *)uc)->uc_mcontext.fpregs;
	struct { uint32_t magic, extended_bytes; uint64_t features; uint32_t bytes; } sw;
	if (!fp)
		return;
	memcpy(&sw, fp + FX_SW, sizeof(sw));
	if (sw.magic != FP_MAGIC1 || sw.bytes < FX_BYTES + XSTATE_HEADER_BYTES || sw.bytes + 4 > AREA_XSAVE_BYTES ||
	    sw.bytes + 4 > pl_fpstate_bytes() || sw.extended_bytes != sw.bytes + 4)
		return;
	memcpy(xstate.sw, fp + FX_SW, sizeof(xstate.sw));
	memcpy(&xstate.mxcsr_mask, fp + FX_MXCSR_MASK, 4);
	xstate.features = sw.features;
	xstate.bytes = sw.bytes;
}

void systrap_xstate_init(void)
{
	struct sigaction sa = { .sa_sigaction = look_at_frame, .sa_flags = SA_SIGINFO }, old;
	if (sigaction(SIGUSR2, &sa, &old) < 0)
		return;
	raise(SIGUSR2);
	sigaction(SIGUSR2, &old, NULL);
	if (!xstate.mxcsr_mask)
		xstate.mxcsr_mask = 0xffbf;
}

static char *xstate_of(struct systrap_thread *t)
{
	return thread_area(t) + AREA_XSAVE;
}

static bool by_frame(const struct systrap_thread *t)
{
	return !t->fast || !xstate.bytes;
}

static size_t xstate_get(struct systrap_thread *t, char *buf)
{
	if (!t->xstate_saved && systrap_command(t, CMD_XSAVE))
		return 0;
	t->xstate_saved = true;
	const uint32_t magic2 = FP_MAGIC2;
	memcpy(buf, xstate_of(t), xstate.bytes);
	memcpy(buf + FX_SW, xstate.sw, sizeof(xstate.sw));
	memcpy(buf + xstate.bytes, &magic2, sizeof(magic2));
	return xstate.bytes + sizeof(magic2);
}

/* xrstor(2) would fault where the host's kernel refuses, or mends: reserved bits, features that are not there. */
static void xstate_set(struct systrap_thread *t, const char *buf, size_t bytes)
{
	struct { uint64_t features, compacted, reserved[6]; } header = { .features = 3 };
	uint32_t mxcsr;
	char *p = xstate_of(t);
	if (bytes > FX_BYTES + sizeof(header))
		memcpy(&header.features, buf + FX_BYTES, sizeof(header.features));
	header.features &= xstate.features;
	memcpy(p, buf, MIN(bytes, (size_t)xstate.bytes));
	memcpy(&mxcsr, buf + FX_MXCSR, sizeof(mxcsr));
	mxcsr &= xstate.mxcsr_mask;
	memcpy(p + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(p + FX_BYTES, &header, sizeof(header));
	t->xstate_saved = t->xstate_new = true;
}

static void xstate_reset(struct systrap_thread *t)
{
	static const uint16_t fcw = 0x37f;
	static const uint32_t mxcsr = 0x1f80;
	char *p = xstate_of(t);
	memset(p, 0, FX_BYTES + XSTATE_HEADER_BYTES);
	memcpy(p + FX_FCW, &fcw, sizeof(fcw));
	memcpy(p + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	t->xstate_saved = t->xstate_new = true;
}

/* --- the platform's calls --- */

size_t systrap_fpstate_get(struct pl_thread *pt, void *buf)
{
	struct systrap_thread *t = to_systrap(pt);
	size_t bytes;
	if (t->borrower) {
		memcpy(buf, t->lent_state, t->lent_bytes);
		return t->lent_bytes;
	}
	if (systrap_await_return(t))
		return 0;
	if (!by_frame(t))
		return xstate_get(t, buf);
	char *p = fpstate_of(to_systrap(pt), &bytes);
	if (!p)
		return 0;
	memcpy(buf, p, bytes);
	return bytes;
}

void systrap_fpstate_set(struct pl_thread *pt, const void *buf, size_t bytes)
{
	struct systrap_thread *t = to_systrap(pt);
	size_t room;
	if (t->borrower) {
		t->lent_bytes = MIN(bytes, t->lent_bytes);
		memcpy(t->lent_state, buf, t->lent_bytes);
		return;
	}
	if (systrap_await_return(t))
		return;
	if (!by_frame(t)) {
		xstate_set(t, buf, bytes);
		return;
	}
	char *p = fpstate_of(t, &room);
	if (!p)
		return;
	memcpy(p, buf, MIN(bytes, room));
}

/* To what a new program starts with. The state stays where it is, so that the next frame has one to show: no component is
 * in use (XSTATE_BV 0), and the legacy part holds the initial control words; the software's bytes at 464 stay. */
void systrap_fpstate_reset(struct pl_thread *pt)
{
	struct systrap_thread *t = to_systrap(pt);
	size_t bytes;
	if (systrap_await_return(t))
		return;
	if (!by_frame(t)) {
		xstate_reset(t);
		return;
	}
	char *p = fpstate_of(t, &bytes);
	if (!p || bytes < 576)
		return;
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;
	memset(p, 0, 24);
	memset(p + 32, 0, 432);
	memcpy(p, &fcw, sizeof(fcw));
	memcpy(p + 24, &mxcsr, sizeof(mxcsr));
	memset(p + 512, 0, 8);
}

void systrap_fpstate_copy(struct systrap_thread *to, struct systrap_thread *from)
{
	size_t room, bytes;
	char *dst = fpstate_of(to, &room), *src = fpstate_of(from, &bytes);
	if (dst && src)
		memcpy(dst, src, MIN(room, bytes));
}
