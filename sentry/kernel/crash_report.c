/* crash_report.c - what --debug says when a guest process dies of a signal that tells of a bug.
 *
 * HOW      In place of a core dump: enough to see where it happened. Addresses are told as file and offset, which addr2line
 *          and objdump take.
 * SECURITY With --debug only. What is read belongs to the guest and may be anything. */
#include "sentry/kernel/crash_report.h"

#include <capstone/capstone.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "sentry/kernel/crash_unwind.h"
#include "sentry/mm/mm.h"
#include "sentry/vfs/path.h"

#define FRAMES_MAX 48
#define INSN_BYTES_MAX 15
#define PLACE_MAX 512

/* "/lib/libc.so.6+0x1234", "[heap]", "nothing is mapped there". */
static const char *place(struct task *t, uint64_t addr, char out[PLACE_MAX])
{
	struct vma *v = mm_find(t->mm, addr);
	uint64_t vdso_bytes, vdso = pl_vdso(&vdso_bytes);
	if (vdso && addr >= vdso && addr - vdso < vdso_bytes) {
		snprintf(out, PLACE_MAX, "[vdso]+0x%" PRIx64, addr - vdso);
	} else if (!v || v->start > addr) {
		snprintf(out, PLACE_MAX, "nothing is mapped there");
	} else if (v->file) {
		AUTO(free) char *buf = xzalloc(PATH_MAX);
		char *name = buf;
		struct path p = { 0 };
		struct vma *module = unwind_module(t->mm, addr);
		file_get_path(v->file, &p);
		if (path_name(t, &p, buf, PATH_MAX, &name))
			name = (char *)"?";
		path_put(&p);
		snprintf(out, PLACE_MAX, "%s+0x%" PRIx64, name, module ? addr - module->start : addr - v->start + v->pgoff);
	} else {
		snprintf(out, PLACE_MAX, "%s+0x%" PRIx64, v->name ? v->name : "anonymous memory", addr - v->start);
	}
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c == 0x7f)
			*c = '?';
	return out;
}

static void report_registers(const struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
#define HEX "%016llx"
	debugf("sbx:   rax " HEX "  rbx " HEX "  rcx " HEX "  rdx " HEX "\n", r->rax, r->rbx, r->rcx, r->rdx);
	debugf("sbx:   rsi " HEX "  rdi " HEX "  rbp " HEX "  rsp " HEX "\n", r->rsi, r->rdi, r->rbp, r->rsp);
	debugf("sbx:   r8  " HEX "  r9  " HEX "  r10 " HEX "  r11 " HEX "\n", r->r8, r->r9, r->r10, r->r11);
	debugf("sbx:   r12 " HEX "  r13 " HEX "  r14 " HEX "  r15 " HEX "\n", r->r12, r->r13, r->r14, r->r15);
	debugf("sbx:   rip " HEX "  eflags %08llx  fs " HEX "  gs " HEX "\n", r->rip, r->eflags, r->fs_base, r->gs_base);
#undef HEX
}

static void report_instruction(struct task *t)
{
	uint8_t code[INSN_BYTES_MAX];
	ssize_t len = mm_read(t->mm, t->pl->regs.rip, code, sizeof(code));
	csh cs;
	if (len <= 0 || cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
		return;
	cs_insn *in = NULL;
	size_t n = cs_disasm(cs, code, (size_t)len, t->pl->regs.rip, 1, &in);
	if (n > 0)
		debugf("sbx:   %s %s\n", in->mnemonic, in->op_str);
	else
		debugf("sbx:   no instruction: %02x %02x %02x %02x\n", code[0], len > 1 ? code[1] : 0, len > 2 ? code[2] : 0,
		       len > 3 ? code[3] : 0);
	if (n > 0)
		cs_free(in, n);
	cs_close(&cs);
}

static void report_callers(struct task *t)
{
	struct unwind u;
	char text[PLACE_MAX];
	unwind_init(&u, t);
	int n = 0;
	do
		debugf("sbx:   #%-2d %012" PRIx64 " %s\n", n, u.regs[UNWIND_RIP], place(t, u.regs[UNWIND_RIP], text));
	while (++n < FRAMES_MAX && unwind_step(&u, t));
}

void crash_report(struct task *t, int sig, const siginfo_t *info)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
	bool wanted = false;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		wanted |= sig == signals[i];
	if (debug_fd < 0 || !wanted || !t->mm)
		return;
	debugf("sbx: process %d, thread %d (%s) is killed by signal %d, %s\n", t->tg->tgid, t->tid, t->comm, sig, strsignal(sig));
	if (info->si_code > 0 && sig != SIGABRT && sig != SIGSYS) {
		char text[PLACE_MAX];
		debugf("sbx:   at address %p: %s\n", info->si_addr, place(t, (uint64_t)info->si_addr, text));
	}
	report_registers(t);
	report_instruction(t);
	report_callers(t);
}
