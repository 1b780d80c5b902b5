/* sys_ptrace.c - ptrace(2): the requests. What a stop is, and who may begin, is in kernel/ptrace*.c.
 *
 * LINUX    kernel/ptrace.c: ptrace_request(); arch/x86/kernel/ptrace.c: arch_ptrace(), and ptrace(2). What Linux does not know,
 *          or not without some option of its build, is EIO here as there.
 *          PTRACE_SINGLEBLOCK stops after each instruction, as on a processor, or a virtual one, without branch trapping: to say
 *          where the next branch is would need a register that only the host can set. */
#include <limits.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <string.h>
#include <sys/user.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/syscalls/ptrace_info.h"
#include "sentry/syscalls/table.h"

/* Numbers of this architecture, and those that older headers lack. */
#define REQ_GETREGS 12
#define REQ_SETREGS 13
#define REQ_GETFPREGS 14
#define REQ_SETFPREGS 15
#define REQ_OLDSETOPTIONS 21
#define REQ_ARCH_PRCTL 30
#define REQ_SYSEMU 31
#define REQ_SYSEMU_SINGLESTEP 32
#define FXSAVE_BYTES 512
#define DEBUGREGS_AT offsetof(struct user, u_debugreg)
#define USER_BYTES (sizeof(struct user) + 16)     /* the kernel's has two words more than the C library's */

/* --- memory and registers, word by word --- */

static long peek(struct task *t, struct task *target, uint64_t addr, uptr_t data)
{
	uint64_t word;
	if (!target->mm || ptrace_read_mem(t, target->mm, addr, &word, sizeof(word)) != sizeof(word))
		return -EIO;
	return put_user(t, data, &word);
}

static long poke(struct task *t, struct task *target, uint64_t addr, uint64_t word)
{
	return target->mm && ptrace_write_mem(t, target->mm, addr, &word, sizeof(word)) == sizeof(word) ? 0 : -EIO;
}

static bool user_word_valid(uint64_t addr)
{
	return addr % 8 == 0 && addr < USER_BYTES;
}

static long peek_user(struct task *t, struct task *target, uint64_t addr, uptr_t data)
{
	uint64_t word = 0;
	if (!user_word_valid(addr) || !target->pl)
		return -EIO;
	if (addr < sizeof(target->pl->regs))
		memcpy(&word, (char *)&target->pl->regs + addr, sizeof(word));
	else if (addr >= DEBUGREGS_AT)
		word = ptrace_debugreg_get(target, (unsigned)(addr - DEBUGREGS_AT) / 8);
	return put_user(t, data, &word);
}

static long poke_user(struct task *target, uint64_t addr, uint64_t word)
{
	if (!user_word_valid(addr))
		return -EIO;
	if (addr < sizeof(struct user_regs_struct))
		return ptrace_set_regs(target, addr, &word, sizeof(word));
	return addr < DEBUGREGS_AT ? -EIO : ptrace_debugreg_set(target, (unsigned)(addr - DEBUGREGS_AT) / 8, word);
}

/* --- register sets --- */

static long get_regs(struct task *t, struct task *target, uptr_t data, size_t bytes)
{
	if (!target->pl)
		return -EIO;
	return copy_to_user(t, data, &target->pl->regs, bytes);
}

static long set_regs(struct task *t, struct task *target, uptr_t data, size_t bytes)
{
	uint64_t words[sizeof(struct user_regs_struct) / 8];
	if (copy_from_user(t, words, data, bytes))
		return -EFAULT;
	return ptrace_set_regs(target, 0, words, bytes);
}

static long get_xstate(struct task *t, struct task *target, uptr_t data, size_t max, size_t *bytes)
{
	AUTO(free) void *state = NULL;
	int64_t len = ptrace_xstate_get(target, &state);
	if (len < 0)
		return len;
	if (max == FXSAVE_BYTES)
		memset((char *)state + 464, 0, 48);      /* what says which features follow */
	*bytes = MIN(*bytes, MIN(max, (size_t)len));
	return copy_to_user(t, data, state, *bytes);
}

static long set_xstate(struct task *t, struct task *target, uptr_t data, size_t max, size_t *bytes)
{
	*bytes = MIN(*bytes, MIN(max, pl_fpstate_bytes()));
	AUTO(free) void *state = malloc(MAX(*bytes, (size_t)1));
	if (!state)
		return -ENOMEM;
	if (copy_from_user(t, state, data, *bytes))
		return -EFAULT;
	return ptrace_xstate_set(target, state, *bytes, max != FXSAVE_BYTES);
}

static long regset(struct task *t, struct task *target, bool set, uint64_t type, uptr_t data)
{
	struct iovec iov;
	if (get_user(t, &iov, data))
		return -EFAULT;
	uptr_t buf = UPTR(iov.iov_base);
	size_t unit = type == NT_PRFPREG ? 4 : 8;
	long err = -EINVAL;
	if (iov.iov_len % unit)
		return -EINVAL;
	switch (type) {
	case NT_PRSTATUS:
		iov.iov_len = MIN(iov.iov_len, sizeof(struct user_regs_struct));
		err = set ? set_regs(t, target, buf, iov.iov_len) : get_regs(t, target, buf, iov.iov_len);
		break;
	case NT_PRFPREG:
		err = set ? set_xstate(t, target, buf, FXSAVE_BYTES, &iov.iov_len) :
			    get_xstate(t, target, buf, FXSAVE_BYTES, &iov.iov_len);
		break;
	case NT_X86_XSTATE:
		err = set ? set_xstate(t, target, buf, pl_fpstate_bytes() - 4, &iov.iov_len) :
			    get_xstate(t, target, buf, SIZE_MAX, &iov.iov_len);
		break;
	}
	uint64_t len = iov.iov_len;
	return err ? err : put_user(t, uptr_add(data, offsetof(struct iovec, iov_len)), &len);
}

static long arch_prctl_of(struct task *t, struct task *target, uint64_t code, uint64_t value, uptr_t out)
{
	enum { SET_GS = 0x1001, SET_FS, GET_FS, GET_GS };
	struct user_regs_struct *r = target->pl ? &target->pl->regs : NULL;
	if (!r)
		return -EIO;
	switch (code) {
	case SET_FS:
	case SET_GS:
		if (value >= PL_GUEST_END)
			return -EPERM;
		*(code == SET_FS ? &r->fs_base : &r->gs_base) = value;
		return 0;
	case GET_FS:
		return put_user(t, out, &r->fs_base);
	case GET_GS:
		return put_user(t, out, &r->gs_base);
	}
	return -EINVAL;
}

/* --- going on --- */

static long resume(struct task *target, long request, uint64_t sig)
{
	struct ptrace_state *p = &target->ptrace;
	if (sig > NSIG64)
		return -EIO;
	p->trace_calls = request == PTRACE_SYSCALL;
	p->emulate_calls = request == REQ_SYSEMU || request == REQ_SYSEMU_SINGLESTEP;
	p->step = request == PTRACE_SINGLESTEP || request == PTRACE_SINGLEBLOCK || request == REQ_SYSEMU_SINGLESTEP;
	ptrace_resume(target, (int)sig);
	return 0;
}

static long detach(struct task *target, uint64_t sig)
{
	if (sig > NSIG64)
		return -EIO;
	ptrace_detach(target, (int)sig);
	return 0;
}

static long interrupt(struct task *target)
{
	if (!target->ptrace.seized)
		return -EIO;
	ptrace_ask_to_stop(target);
	return 0;
}

static long listen(struct task *target)
{
	const struct ptrace_state *p = &target->ptrace;
	if (!p->seized || !p->info || p->info->si_code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	ptrace_listen(target);
	return 0;
}

static long set_options(struct task *t, struct task *target, uint64_t options)
{
	int err = ptrace_check_options(t, options);
	if (!err)
		target->ptrace.options = (unsigned)options;
	return err;
}

/* --- the call --- */

static long begin(struct task *t, struct task *target, bool seize, uint64_t addr, uint64_t options)
{
	int err = seize && !addr ? ptrace_check_options(t, options) : 0;
	if (seize && (addr || err))
		return err == -EPERM ? err : -EIO;
	return ptrace_attach(t, target, seize, seize ? options : 0);
}

/* Requests that a tracee must be stopped for. */
static long stopped_request(struct task *t, struct task *target, long request, uint64_t addr, uptr_t data)
{
	size_t bytes = FXSAVE_BYTES;
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(t, target, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return poke(t, target, addr, data.addr);
	case PTRACE_PEEKUSR:
		return peek_user(t, target, addr, data);
	case PTRACE_POKEUSR:
		return poke_user(target, addr, data.addr);
	case REQ_GETREGS:
		return get_regs(t, target, data, sizeof(struct user_regs_struct));
	case REQ_SETREGS:
		return set_regs(t, target, data, sizeof(struct user_regs_struct));
	case REQ_GETFPREGS:
		return get_xstate(t, target, data, FXSAVE_BYTES, &bytes);
	case REQ_SETFPREGS:
		return set_xstate(t, target, data, FXSAVE_BYTES, &bytes);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return regset(t, target, request == PTRACE_SETREGSET, addr, data);
	case REQ_ARCH_PRCTL:
		return arch_prctl_of(t, target, data.addr, addr, UPTR(addr));
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SINGLEBLOCK:
	case REQ_SYSEMU:
	case REQ_SYSEMU_SINGLESTEP:
		return resume(target, request, data.addr);
	case PTRACE_DETACH:
		return detach(target, data.addr);
	case PTRACE_LISTEN:
		return listen(target);
	case PTRACE_SETOPTIONS:
	case REQ_OLDSETOPTIONS:
		return set_options(t, target, data.addr);
	case PTRACE_SECCOMP_GET_FILTER:
		return seccomp_get_filter(t, target, addr, data);
	case PTRACE_GETEVENTMSG:
		return put_user(t, data, &target->ptrace.message);
	}
	return ptrace_info_request(t, target, request, addr, data);
}

long sys_ptrace(struct task *t, long request, int pid, uptr_t addr, uptr_t data)
{
	if (request == PTRACE_TRACEME)
		return ptrace_traceme(t);
	struct task *found = task_find_for(t, pid);
	if (!found)
		return -ESRCH;
	AUTO(task_put) struct task *target = task_get(found);
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return begin(t, target, request == PTRACE_SEIZE, addr.addr, data.addr);
	if (target->ptrace.tracer != t)
		return -ESRCH;
	if (request == PTRACE_KILL) {
		siginfo_t info = { .si_signo = SIGKILL, .si_pid = t->tg->tgid, .si_uid = t->cred->uid };
		signal_send_task(target, SIGKILL, &info);
		return 0;
	}
	if (request == PTRACE_INTERRUPT)
		return interrupt(target);
	if (target->stop_state != TRACED || target->ptrace.listening)
		return -ESRCH;
	return stopped_request(t, target, request, addr.addr, data);
}
