/* coredump_notes.c - what debuggers want to know about a process that died (elf(5): core files).
 *
 * LINUX    fs/binfmt_elf.c: fill_note_info(). The same notes in the same order: the thread that died first, with what is about
 *          the process; then the other threads' registers. */
#include "sentry/kernel/coredump_notes.h"
#include "sentry/kernel/pid_ns.h"

#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>

#include "sentry/kernel/process.h"
#include "sentry/vfs/file.h"

#define FXSAVE_BYTES 512
#define SW_BYTES_AT 464                   /* what software may use of them */

static void pad(struct seq *s)
{
	while (s->len % 4)
		seq_write(s, "", 1);
}

static void note(struct seq *s, const char *name, unsigned type, const void *data, size_t bytes)
{
	Elf64_Nhdr head = { .n_namesz = (Elf64_Word)strlen(name) + 1, .n_descsz = (Elf64_Word)bytes, .n_type = type };
	seq_write(s, &head, sizeof(head));
	seq_write(s, name, head.n_namesz);
	pad(s);
	seq_write(s, data, bytes);
	pad(s);
}

static struct timeval time_of(uint64_t ns)
{
	return (struct timeval){ .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_usec = (suseconds_t)(ns % NS_PER_SEC / 1000) };
}

static void note_status(struct task *t, int sig, struct seq *s)
{
	struct elf_prstatus st;
	memset(&st, 0, sizeof(st));
	st.pr_info.si_signo = st.pr_cursig = (short)sig;
	st.pr_sigpend = t->pending.set;
	st.pr_sighold = t->blocked;
	st.pr_pid = t->vtid;
	st.pr_ppid = t->tg->parent ? pid_shown(t, t->tg->parent->tgid) : 0;
	st.pr_pgrp = pid_shown(t, t->tg->pgrp->pgid);
	st.pr_sid = pid_shown(t, t->tg->pgrp->session->sid);
	st.pr_utime = time_of(t->utime_ns);
	st.pr_stime = time_of(t->stime_ns);
	_Static_assert(sizeof(st.pr_reg) == sizeof(t->pl->regs), "both are user_regs_struct");
	memcpy(&st.pr_reg, &t->pl->regs, sizeof(st.pr_reg));
	st.pr_fpvalid = 1;
	note(s, "CORE", NT_PRSTATUS, &st, sizeof(st));
}

static void note_process(struct task *t, struct seq *s)
{
	struct elf_prpsinfo ps;
	memset(&ps, 0, sizeof(ps));
	ps.pr_sname = 'R';
	ps.pr_nice = (char)t->sched.nice;
	ps.pr_uid = t->cred->uid;
	ps.pr_gid = t->cred->gid;
	ps.pr_pid = t->tg->vtgid;
	ps.pr_ppid = t->tg->parent ? pid_shown(t, t->tg->parent->tgid) : 0;
	ps.pr_pgrp = pid_shown(t, t->tg->pgrp->pgid);
	ps.pr_sid = pid_shown(t, t->tg->pgrp->session->sid);
	memcpy(ps.pr_fname, t->comm, MIN(sizeof(ps.pr_fname) - 1, sizeof(t->comm)));
	uint64_t bytes = MIN(t->mm->arg_end - t->mm->arg_start, (uint64_t)sizeof(ps.pr_psargs) - 1);
	ssize_t n = mm_read(t->mm, t->mm->arg_start, ps.pr_psargs, bytes);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!ps.pr_psargs[i])
			ps.pr_psargs[i] = ' ';
	note(s, "CORE", NT_PRPSINFO, &ps, sizeof(ps));
}

static void note_files(struct task *t, struct seq *s)
{
	struct seq names = { 0 }, table = { 0 };
	uint64_t head[2] = { 0, PAGE_SIZE };
	char *buf = malloc(PATH_MAX), *name;
	for (struct vma *v = mm_first(t->mm); buf && v; v = mm_next(v)) {
		if (!v->file || !v->file->path.dentry || path_name(t, &v->file->path, buf, PATH_MAX, &name))
			continue;
		uint64_t row[3] = { v->start, v->end, v->pgoff / PAGE_SIZE };
		seq_write(&table, row, sizeof(row));
		seq_write(&names, name, strlen(name) + 1);
		head[0]++;
	}
	struct seq all = { 0 };
	seq_write(&all, head, sizeof(head));
	seq_write(&all, table.buf, table.len);
	seq_write(&all, names.buf, names.len);
	if (!all.failed && !table.failed && !names.failed)
		note(s, "CORE", NT_FILE, all.buf, all.len);
	seq_fini(&all);
	seq_fini(&table);
	seq_fini(&names);
	free(buf);
}

static void note_fpstate(struct task *t, struct seq *s)
{
	size_t bytes = pl_fpstate_bytes();
	char *state = calloc(1, MAX(bytes, (size_t)FXSAVE_BYTES));
	size_t n = state ? pl_fpstate_get(t->pl, state) : 0;
	if (n >= FXSAVE_BYTES)
		note(s, "CORE", NT_FPREGSET, state, FXSAVE_BYTES);
	struct _fpx_sw_bytes sw;
	if (n > FXSAVE_BYTES) {
		/* As ptrace shows it: where a signal frame describes itself, debuggers look for the set of features alone. */
		memcpy(&sw, state + SW_BYTES_AT, sizeof(sw));
		memset(state + SW_BYTES_AT, 0, sizeof(sw));
		memcpy(state + SW_BYTES_AT, &sw.xstate_bv, sizeof(sw.xstate_bv));
		note(s, "LINUX", NT_X86_XSTATE, state, MIN(n, (size_t)sw.xstate_size));
	}
	free(state);
}

void coredump_notes(struct task *t, int sig, const siginfo_t *info, struct seq *s)
{
	const struct mm *mm = t->mm;
	size_t words = 0;
	while (words + 2 < ARRAY_SIZE(mm->auxv) && mm->auxv[words])
		words += 2;
	note_status(t, sig, s);
	note_process(t, s);
	note(s, "CORE", NT_SIGINFO, info, sizeof(*info));
	note(s, "CORE", NT_AUXV, mm->auxv, (words + 2) * sizeof(mm->auxv[0]));
	note_files(t, s);
	note_fpstate(t, s);
	struct task *other;
	TAILQ_FOREACH(other, &t->tg->threads, thread_link) {
		if (other == t || !other->parked)
			continue;
		note_status(other, sig, s);
		note_fpstate(other, s);
	}
}
