/* ptrace_info.c - what ptrace(2) tells of a stopped tracee's signals, its system call and its rseq area.
 *
 * LINUX    kernel/ptrace.c: ptrace_getsiginfo(), ptrace_peek_siginfo(), ptrace_get_syscall_info(), ptrace_get_rseq_configuration(). */
#include "sentry/syscalls/ptrace_info.h"

#include <linux/audit.h>
#include <linux/ptrace.h>
#include <string.h>

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#define SYSCALL_STOP (SIGTRAP | 0x80)

static long set_siginfo(struct task *t, struct task *target, uptr_t data)
{
	siginfo_t info;
	if (get_user(t, &info, data))
		return -EFAULT;
	if (!target->ptrace.info)
		return -EINVAL;
	*target->ptrace.info = info;
	return 0;
}

static long get_siginfo(struct task *t, struct task *target, uptr_t data)
{
	return target->ptrace.info ? put_user(t, data, target->ptrace.info) : -EINVAL;
}

static long peek_siginfo(struct task *t, struct task *target, uptr_t uargs, uptr_t data)
{
	struct { uint64_t off; uint32_t flags; int32_t nr; } args;
	if (get_user(t, &args, uargs))
		return -EFAULT;
	if ((args.flags & ~(uint32_t)PTRACE_PEEKSIGINFO_SHARED) || args.nr < 0)
		return -EINVAL;
	const struct sigpending *p = args.flags & PTRACE_PEEKSIGINFO_SHARED ? &target->tg->pending : &target->pending;
	uint64_t at = 0;
	long copied = 0;
	const struct sigqueue_entry *e;
	TAILQ_FOREACH(e, &p->list, link) {
		if (at++ < args.off)
			continue;
		if (copied == args.nr)
			break;
		if (put_user(t, uptr_add(data, (uint64_t)copied * sizeof(e->info)), &e->info))
			return copied ? copied : -EFAULT;
		copied++;
	}
	return copied;
}

static long get_sigmask(struct task *t, struct task *target, uint64_t bytes, uptr_t data)
{
	if (bytes != sizeof(ksigset_t))
		return -EINVAL;
	return put_user(t, data, target->restore_mask ? &target->saved_mask : &target->blocked);
}

static long set_sigmask(struct task *t, struct task *target, uint64_t bytes, uptr_t data)
{
	ksigset_t mask;
	if (bytes != sizeof(mask))
		return -EINVAL;
	if (get_user(t, &mask, data))
		return -EFAULT;
	target->restore_mask = false;
	signal_set_mask(target, mask);
	return 0;
}

/* Fills in what kind of stop it is; the bytes that are meaningful. */
static size_t describe_call(const struct task *target, struct ptrace_syscall_info *si)
{
	const struct ptrace_state *p = &target->ptrace;
	const struct user_regs_struct *r = &target->pl->regs;
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	int code = p->info ? p->info->si_code : 0;
	if (code == SYSCALL_STOP && p->message == PTRACE_EVENTMSG_SYSCALL_EXIT) {
		si->op = PTRACE_SYSCALL_INFO_EXIT;
		si->exit.rval = (int64_t)r->rax;
		si->exit.is_error = r->rax >= -4095ULL;
		return offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
	}
	bool entry = code == SYSCALL_STOP && p->message == PTRACE_EVENTMSG_SYSCALL_ENTRY;
	bool seccomp = code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	if (!entry && !seccomp) {
		si->op = PTRACE_SYSCALL_INFO_NONE;
		return offsetof(struct ptrace_syscall_info, entry);
	}
	si->op = entry ? PTRACE_SYSCALL_INFO_ENTRY : PTRACE_SYSCALL_INFO_SECCOMP;
	si->entry.nr = r->orig_rax;
	memcpy(si->entry.args, args, sizeof(args));
	if (entry)
		return offsetof(struct ptrace_syscall_info, entry) + sizeof(si->entry);
	si->seccomp.ret_data = (uint32_t)p->message;
	return offsetof(struct ptrace_syscall_info, seccomp.ret_data) + sizeof(si->seccomp.ret_data);
}

static long get_syscall_info(struct task *t, struct task *target, uint64_t room, uptr_t data)
{
	struct ptrace_syscall_info si = { .arch = AUDIT_ARCH_X86_64 };
	if (!target->pl)
		return -EIO;
	si.instruction_pointer = target->pl->regs.rip;
	si.stack_pointer = target->pl->regs.rsp;
	size_t bytes = describe_call(target, &si);
	return copy_to_user(t, data, &si, MIN((size_t)room, bytes)) ? -EFAULT : (long)bytes;
}

static long get_rseq(struct task *t, struct task *target, uint64_t room, uptr_t data)
{
	struct { uint64_t area; uint32_t len, sig, flags, pad; } conf = {
		.area = target->rseq.area.addr, .len = target->rseq.len, .sig = target->rseq.sig,
	};
	return copy_to_user(t, data, &conf, MIN((size_t)room, sizeof(conf))) ? -EFAULT : (long)sizeof(conf);
}

long ptrace_info_request(struct task *t, struct task *target, long request, uint64_t addr, uptr_t data)
{
	switch (request) {
	case PTRACE_GETSIGINFO:
		return get_siginfo(t, target, data);
	case PTRACE_SETSIGINFO:
		return set_siginfo(t, target, data);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(t, target, UPTR(addr), data);
	case PTRACE_GETSIGMASK:
		return get_sigmask(t, target, addr, data);
	case PTRACE_SETSIGMASK:
		return set_sigmask(t, target, addr, data);
	case PTRACE_GET_SYSCALL_INFO:
		return get_syscall_info(t, target, addr, data);
	case PTRACE_GET_RSEQ_CONFIGURATION:
		return get_rseq(t, target, addr, data);
	}
	return -EIO;
}
