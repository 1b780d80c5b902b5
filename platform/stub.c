/* stub.c - from a forked copy of the program to an empty stub, as far as platforms do it alike.
 *
 * HOW   pl_prepare() puts the stub's code at STUB_TEXT, pl_template_main() keeps two descriptors, moves the vDSO and gives
 *       up what the C library left in this process. What stays of the address space: [STUB_TEXT, STUB_END) and the vDSO. */
#include "platform/stub.h"

#include <fcntl.h>
#include <linux/rseq.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/platform.h"
#include "platform/systrap/layout.h"
#include "platform/vdso.h"

int stub_place_text(const void *text, size_t bytes)
{
	CHECK(bytes <= STUB_TEXT_BYTES);
	void *p = mmap((void *)STUB_TEXT, STUB_TEXT_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)STUB_TEXT)
		return -EEXIST;
	memcpy(p, text, bytes);
	if (mprotect(p, STUB_TEXT_BYTES, PROT_READ | PROT_EXEC) < 0)
		return -errno;
	/* Hold the rest of the place, so that nothing of ours lands in it. */
	p = mmap((void *)STUB_RO, STUB_END - STUB_RO, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	return p == (void *)STUB_RO ? 0 : -EEXIST;
}

int stub_control_new(int out[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) < 0)
		return -errno;
	int on = 1;
	if (setsockopt(out[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		int err = -errno;
		close(out[0]);
		close(out[1]);
		return err;
	}
	return 0;
}

void stub_keep_fds(int control, int doorbell)
{
	int last = doorbell < 0 ? STUB_CONTROL_FD : STUB_DOORBELL_FD;
	control = fcntl(control, F_DUPFD, 10);
	CHECK(control >= 0);
	if (doorbell >= 0) {
		doorbell = fcntl(doorbell, F_DUPFD, 10);
		CHECK(doorbell >= 0 && dup3(doorbell, STUB_DOORBELL_FD, O_CLOEXEC) >= 0);
	}
	CHECK(dup3(control, STUB_CONTROL_FD, O_CLOEXEC) >= 0);
	CHECK(close_range((unsigned)last + 1, ~0U, 0) == 0 && close_range(0, STUB_CONTROL_FD - 1, 0) == 0);
}

/* The C library registered this thread for rseq, in memory that is about to go. */
void stub_forget_rseq(void)
{
	if (__rseq_size == 0)
		return;
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	if (syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) < 0)
		CHECK(errno == EINVAL || errno == ENOSYS);
}

/* The vDSO was wherever address space randomisation put it, amid what will be the guest's. Its parts keep their
 * distances: the code finds its data relative to itself. */
void stub_move_vdso(void)
{
	struct pl_vdso_part part[8];
	int n = pl_vdso_parts(part, ARRAY_SIZE(part));
	for (int i = 0; i < n; i++) {
		void *to = (void *)(STUB_VVAR + (part[i].start - part[0].start));
		CHECK(mremap((void *)part[i].start, part[i].bytes, part[i].bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	}
}

void stub_ranges_to_unmap(uint64_t out[8])
{
	const uint64_t top = 0x7ffffffff000ULL;
	uint64_t bytes, vdso_end = pl_vdso(&bytes);
	vdso_end = vdso_end ? vdso_end + bytes : STUB_VVAR;
	const uint64_t r[8] = { 0, STUB_TEXT, STUB_END, STUB_VVAR - STUB_END, vdso_end, top - vdso_end, 0, 0 };
	memcpy(out, r, sizeof(r));
}

int stub_send_fds(int to, const int *fds, int n)
{
	char byte = 0, control[CMSG_SPACE(SLOT_FDS * sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = CMSG_SPACE((size_t)n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN((size_t)n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	return sendmsg(to, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int stub_read_hello(int from)
{
	uint64_t body;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { &body, sizeof(body) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(from, &msg, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (n == 0 || !c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	struct ucred who;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid > 0 ? who.pid : 0;
}
