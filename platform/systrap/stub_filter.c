/* stub_filter.c - the stub's seccomp filter: what every instruction of a guest can make the host kernel do.
 *
 * HOW      A call from outside the trap code is a guest's system call: TRAP, whatever its number. A call from inside the
 *          trap code is allowed if it is one of the few below with the arguments below, else TRAP too.
 * SECURITY The first rule is for correctness. The boundary is the list: guest code can jump to the trap code's own
 *          syscall instruction with registers of its choice, so each line must be harmless to everybody but the stub:
 *            memory calls     act on the stub's own address space; no huge pages, no locked pages; mapping a descriptor
 *                             needs one: the stub holds none that can be mapped, but for moments while it maps one
 *                             it was given, or makes a child, whose areas it could map then (its own child's)
 *            madvise          not MADV_MERGEABLE: which pages the host merges tells what others have in theirs
 *            mincore          of a file's pages the host tells only who owns the file or may write to it
 *            futex            wait and wake only, no PI, no requeue
 *            sched_yield      no arguments
 *            getrusage        what the host counted for the stub, or the thread
 *            sched_setaffinity   the calling thread's own; the host keeps it within what the sandbox may use
 *            recvmsg          from the control socket
 *            write            8 bytes to the doorbell or the control socket
 *            dup3             only onto the control socket's number
 *            clone            two exact flag words: such threads and processes obey this filter too
 *            arch_prctl       FS and GS base
 *            rseq, membarrier the thread's own, private commands
 * WHY BPF  by hand: libseccomp can't compare the instruction pointer, and half of the program is that comparison. */
#include "platform/systrap/stub_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/base.h"
#include "platform/systrap/layout.h"

#define LOAD(off) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (off))
#define LOAD_NR LOAD(offsetof(struct seccomp_data, nr))
#define LO(i) (offsetof(struct seccomp_data, args) + 8 * (i))
#define HI(i) (LO(i) + 4)
#define IP offsetof(struct seccomp_data, instruction_pointer)
#define RET(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define TRAP RET(SECCOMP_RET_TRAP)
#define ALLOW RET(SECCOMP_RET_ALLOW)

/* A call's block is a chain of "unless … TRAP" that ends in ALLOW; another call's number skips it as a whole. */
#define INSNS(...) (sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))
#define CALL(nr, ...) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, INSNS(__VA_ARGS__)), __VA_ARGS__
#define UNLESS_ONE_OF(off, a, b) LOAD(off), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(a), 2, 0), \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(b), 1, 0), TRAP
#define UNLESS_EQ(off, v) LOAD(off), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v), 1, 0), TRAP
#define UNLESS_EQ64(i, v) UNLESS_EQ(HI(i), (uint64_t)(v) >> 32), UNLESS_EQ(LO(i), (v))
#define UNLESS_NO_BITS(off, forbidden) LOAD(off), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(forbidden), 0, 1), TRAP
#define UNLESS_LE(off, max) LOAD(off), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(max), 0, 1), TRAP
#define IF_EQ(off, v) LOAD(off), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v), 0, 1), TRAP
#define UNLESS_BITS64(i, allowed) UNLESS_EQ(HI(i), 0), UNLESS_NO_BITS(LO(i), ~(uint32_t)(allowed))

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP)
#define MAP_ALL (MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_GROWSDOWN | MAP_STACK | \
		 MAP_POPULATE | MAP_FIXED_NOREPLACE | MAP_DENYWRITE | MAP_EXECUTABLE)
#define MREMAP_ALL (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)
#define MADV_LAST MADV_POPULATE_WRITE             /* 100 and 101 are HWPOISON and SOFT_OFFLINE */

static const struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	TRAP,

	LOAD(IP + 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(STUB_TEXT >> 32), 1, 0),
	TRAP,
	LOAD(IP),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)STUB_TEXT, 1, 0),
	TRAP,
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(STUB_TEXT + STUB_TEXT_BYTES), 0, 1),
	TRAP,

	LOAD_NR,
	CALL(SYS_futex, UNLESS_EQ(HI(1), 0), UNLESS_LE(LO(1), FUTEX_WAKE), ALLOW),
	CALL(SYS_rt_sigreturn, ALLOW),
	CALL(SYS_sched_yield, ALLOW),
	CALL(SYS_write, UNLESS_EQ(HI(0), 0), UNLESS_ONE_OF(LO(0), STUB_CONTROL_FD, STUB_DOORBELL_FD), UNLESS_EQ64(2, 8), ALLOW),
	CALL(SYS_mmap, UNLESS_BITS64(2, PROT_ALL), UNLESS_BITS64(3, MAP_ALL), ALLOW),
	CALL(SYS_munmap, ALLOW),
	CALL(SYS_mprotect, UNLESS_BITS64(2, PROT_ALL), ALLOW),
	CALL(SYS_mremap, UNLESS_BITS64(3, MREMAP_ALL), ALLOW),
	CALL(SYS_madvise, UNLESS_EQ(HI(2), 0), UNLESS_LE(LO(2), MADV_LAST), IF_EQ(LO(2), MADV_MERGEABLE), ALLOW),
	CALL(SYS_msync, UNLESS_BITS64(2, 7), ALLOW),
	CALL(SYS_mincore, ALLOW),
	CALL(SYS_sched_setaffinity, UNLESS_EQ64(0, 0), ALLOW),
	CALL(SYS_getrusage, UNLESS_EQ(HI(0), 0), UNLESS_LE(LO(0), RUSAGE_THREAD), ALLOW),
	CALL(SYS_recvmsg, UNLESS_EQ64(0, STUB_CONTROL_FD), ALLOW),
	CALL(SYS_close, ALLOW),
	CALL(SYS_dup3, UNLESS_EQ64(1, STUB_CONTROL_FD), ALLOW),
	CALL(SYS_exit, ALLOW),
	CALL(SYS_clone, UNLESS_EQ(HI(0), 0), UNLESS_ONE_OF(LO(0), STUB_CLONE_THREAD, STUB_CLONE_FORK), ALLOW),
	CALL(SYS_arch_prctl, UNLESS_EQ(HI(0), 0), UNLESS_NO_BITS(LO(0), ~0x1007u), ALLOW),
	CALL(SYS_rseq, UNLESS_BITS64(2, 1), ALLOW),
	CALL(SYS_membarrier, UNLESS_EQ(HI(0), 0), UNLESS_NO_BITS(LO(0), ~0x1f8u), ALLOW),
	TRAP,
};

int stub_filter_install(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	struct sock_fprog prog = { .len = ARRAY_SIZE(filter), .filter = (struct sock_filter *)filter };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}
