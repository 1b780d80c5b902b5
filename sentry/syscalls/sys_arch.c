/* sys_arch.c - what a thread tells the processor or the host's scheduler about itself: arch_prctl(2), rseq(2),
 * membarrier(2).
 *
 * HOW     The segment bases are registers. The other two are the host's business with the stub's thread, which is the
 *         guest's: the call is made there, with arguments checked here.
 * LINUX   arch/x86/kernel/process_64.c, kernel/rseq.c, kernel/sched/membarrier.c. */
#include <asm/prctl.h>
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <sys/syscall.h>

#include "sentry/mm/rewrite.h"
#include "sentry/syscalls/table.h"

#define TASK_SIZE_MAX 0x7ffffffff000ULL
#define RSEQ_MIN_BYTES 32

long sys_arch_prctl(struct task *t, int code, uint64_t addr)
{
	struct user_regs_struct *r = &t->pl->regs;
	uint64_t base;
	switch (code) {
	case ARCH_SET_FS:
		if (addr >= TASK_SIZE_MAX)
			return -EPERM;
		r->fs_base = addr;
		return 0;
	case ARCH_SET_GS:
		if (addr >= TASK_SIZE_MAX)
			return -EPERM;
		if (addr)
			rewrite_stop(t);
		r->gs_base = addr;
		return 0;
	case ARCH_GET_FS:
		base = r->fs_base;
		return put_user(t, UPTR(addr), &base);
	case ARCH_GET_GS:
		base = r->gs_base;
		return put_user(t, UPTR(addr), &base);
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	}
	return -EINVAL;
}

static long host_call(struct task *t, struct pl_call *call)
{
	int err = pl_calls(t->pl, call, 1);
	return err ? err : call->ret;
}

long sys_rseq(struct task *t, uptr_t area, unsigned len, int flags, unsigned sig)
{
	if (flags & ~RSEQ_FLAG_UNREGISTER)
		return -EINVAL;
	if (area.addr % RSEQ_MIN_BYTES || len < RSEQ_MIN_BYTES || len > PAGE_SIZE)
		return -EINVAL;
	if (area.addr < PL_GUEST_MIN || area.addr + len > PL_GUEST_END)
		return -EFAULT;
	struct pl_call call = PL_CALL(SYS_rseq, area.addr, len, (uint64_t)flags, sig);
	long ret = host_call(t, &call);
	if (ret == 0) {
		t->rseq.area = flags & RSEQ_FLAG_UNREGISTER ? UPTR(0) : area;
		t->rseq.len = len;
		t->rseq.sig = sig;
	}
	return ret;
}

/* Those that concern the caller's own address space only. */
#define MEMBARRIER_ALLOWED (MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |   \
			    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |                                     \
			    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |                            \
			    MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)

long sys_membarrier(struct task *t, int cmd, unsigned flags, int cpu_id)
{
	if (cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ ? (flags & ~(unsigned)MEMBARRIER_CMD_FLAG_CPU) : flags)
		return -EINVAL;
	if (cmd != MEMBARRIER_CMD_QUERY && (!(cmd & MEMBARRIER_ALLOWED) || (cmd & (cmd - 1))))
		return -EINVAL;
	struct pl_call call = PL_CALL(SYS_membarrier, (uint64_t)cmd, flags, (uint64_t)cpu_id);
	long ret = host_call(t, &call);
	return cmd == MEMBARRIER_CMD_QUERY && ret > 0 ? ret & MEMBARRIER_ALLOWED : ret;
}
