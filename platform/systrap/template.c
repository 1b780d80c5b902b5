/* template.c - from a forked copy of the program to an empty stub: what happens before the sentry runs.
 *
 * HOW   pl_prepare() puts the trap code at STUB_TEXT and makes the shared pages. Later a child of init calls
 *       pl_template_main(): handlers, filter, then into the trap code, which unmaps everything but itself, the
 *       shared pages and the vDSO, says hello and waits for commands. The template never runs guest code; every
 *       fresh address space is a fork of it, done by the same command as a guest's fork. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/timeline.h"
#include "platform/launch.h"
#include "platform/stub.h"
#include "platform/vdso.h"
#include "platform/systrap/layout.h"
#include "platform/systrap/stub_filter.h"
#include "platform/systrap/systrap.h"

extern const char blob_image[], blob_image_end[];
struct stub_ro *stub_ro;

/* Writable for us, sealed so that no stub can make it so. */
static int make_ro_page(void)
{
	int fd = memfd_create("sbx-ro", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, STUB_RO_BYTES) < 0)
		return -errno;
	stub_ro = mmap(NULL, STUB_RO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (stub_ro == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -errno;
	return fd;
}

int systrap_areas_new(void)
{
	int fd = memfd_create("sbx-areas", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	/* Were it ever cut short, the sentry would get SIGBUS. */
	if (ftruncate(fd, STUB_AREAS_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int systrap_prepare(struct pl_launch *l)
{
	systrap_xstate_init();
	int err = pl_vdso_look();
	if (!err)
		err = stub_place_text(blob_image, (size_t)(blob_image_end - blob_image));
	if (err)
		return err;
	int fd[2];
	if ((err = l->cfg.ro_memfd = make_ro_page()) < 0 || (err = l->cfg.template_memfd = systrap_areas_new()) < 0 ||
	    (err = stub_control_new(fd)) < 0)
		return err;
	l->cfg.template_fd = fd[0];
	l->stub_control = fd[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	l->cfg.init_fd = fd[0];
	l->init_sock = fd[1];
	l->cfg.load_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	l->cfg.host_cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	l->cfg.doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l->cfg.doorbell_fd < 0 ? -errno : 0;
}

static void install_handlers(const struct blob_header *h)
{
	/* All but the two that the cmpxchg fixup needs are blocked in a handler: events never nest. */
	uint64_t mask = ~((1ULL << (SIGSEGV - 1)) | (1ULL << (SIGBUS - 1)));
	static const int signals[] = { SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, STUB_SIG_INTERRUPT };
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct { uint64_t handler, flags, restorer, mask; } sa = {
			h->handler, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000 /* SA_RESTORER */, h->restorer, mask,
		};
		CHECK(syscall(SYS_rt_sigaction, signals[i], &sa, NULL, 8) == 0);
	}
}

void systrap_template_main(struct pl_launch *l)
{
	const struct blob_header *h = (const void *)STUB_TEXT;
	char *area = mmap((void *)STUB_AREAS, STUB_AREAS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			  l->cfg.template_memfd, 0);
	void *ro = mmap((void *)STUB_RO, STUB_RO_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, l->cfg.ro_memfd, 0);
	CHECK(area == (void *)STUB_AREAS && ro == (void *)STUB_RO);
	CHECK(madvise(area, STUB_AREAS_BYTES, MADV_DONTFORK) == 0);

	stub_keep_fds(l->stub_control, l->cfg.doorbell_fd);

	/* The first frame: where a fresh address space's only thread starts from. */
	struct host_frame *frame = (void *)(area + AREA_BYTES - ALIGN_UP(sizeof(*frame), 64) - 64);
	memset(frame, 0, sizeof(*frame));
	frame->ss_sp = STUB_AREAS + AREA_SIGSTACK;
	frame->ss_size = AREA_BYTES - AREA_SIGSTACK;
	frame->cs = 0x33;
	frame->ss = 0x2b;
	frame->uc_flags = 6;             /* UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	stack_t ss = { .ss_sp = (void *)frame->ss_sp, .ss_size = frame->ss_size };
	CHECK(sigaltstack(&ss, NULL) == 0);

	sigset_t mask;                        /* as in a handler */
	sigfillset(&mask);
	sigdelset(&mask, SIGSEGV);
	sigdelset(&mask, SIGBUS);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	install_handlers(h);
	stub_forget_rseq();
	setsid();

	timeline_mark(TIMELINE_TEMPLATE);
	stub_move_vdso();
	uint64_t *ranges = (uint64_t *)((char *)frame - 128);
	stub_ranges_to_unmap(ranges);
	CHECK(stub_filter_install() == 0);
	((void (*)(void *, uint64_t *))h->template_start)(frame, ranges);
	__builtin_unreachable();
}
