/* exec.c - execve, execveat, and the sandbox's first program.
 *
 * HOW      Everything that can fail comes first: the file, the arguments, the new address space complete with program and
 *          stack. Then the other threads of the process go, and then the task changes over, which cannot fail.
 * LINUX    fs/exec.c. Same: the order in which errors are found; "#!" five deep, then ELOOP; the process is named for the
 *          file as it was called, a script for itself. Different: nobody is killed for a program that is found broken late. */
#include "sentry/kernel/exec.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/ptrace.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "sentry/kernel/process.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/kernel/timers.h"
#include "sentry/keys/keys.h"
#include "sentry/mm/mm.h"
#include "sentry/sentry.h"
#include "sentry/syscalls/table.h"
#include "sentry/vfs/file.h"

#define REWRITES_MAX 5

static void exec_fini(struct exec *ex)
{
	exec_args_fini(&ex->args);
	free(ex->filename);
	free(ex->interp);
	if (ex->file)
		file_put(ex->file);
	if (ex->cred)
		cred_put(ex->cred);
	pl_thread_exit(ex->pl);
	mm_put(ex->mm);
}

/* --- the file --- */

static int open_path(struct exec *ex, int dirfd, const char *name, int flags)
{
	unsigned lookup = LOOKUP_OPEN | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	AUTO_PATH path = { 0 };
	int err = path_lookup(ex->t, dirfd, name, lookup, &path);
	if (err)
		return err;
	if (S_ISLNK(path.dentry->inode->mode))
		return -ELOOP;
	struct file *f;
	err = vfs_open_exec(ex->t, &path, &f);
	if (err)
		return err;
	if (ex->file)
		file_put(ex->file);
	ex->file = f;
	memset(ex->head, 0, sizeof(ex->head));
	ssize_t n = file_read_kernel(f, ex->head, sizeof(ex->head), 0);
	return n < 0 ? (int)n : 0;
}

/* What the program is told it was called. */
static int name_file(struct exec *ex, int dirfd, const char *name)
{
	int n;
	if (dirfd == AT_FDCWD || name[0] == '/') {
		ex->filename = xstrdup(name);
	} else {
		n = name[0] ? asprintf(&ex->filename, "/dev/fd/%d/%s", dirfd, name) :
			      asprintf(&ex->filename, "/dev/fd/%d", dirfd);
		if (n < 0) {
			ex->filename = NULL;
			return -ENOMEM;
		}
		ex->fd_is_gone = fd_get_cloexec(ex->t, dirfd);
	}
	ex->interp = xstrdup(ex->filename);
	return 0;
}

/* ELF, or a script that leads to one. */
static int load(struct exec *ex)
{
	for (int rewrites = 0;; rewrites++) {
		int err = exec_script(ex);
		if (err == -ENOEXEC) {
			exec_cred(ex);
			return exec_load_elf(ex);
		}
		if (err)
			return err;
		if (rewrites >= REWRITES_MAX)
			return -ELOOP;
		err = open_path(ex, AT_FDCWD, ex->interp, 0);
		if (err)
			return err;
	}
}

bool exec_has_rseq(void)
{
	return syscall_table[SYS_rseq].level != NONE;
}

/* --- the change --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void set_dumpable(struct exec *ex)
{
	const struct cred *c = ex->cred;
	bool same = c->euid == c->uid && c->egid == c->gid;
	bool readable = inode_permission(ex->file->inode, ex->t->cred, MAY_READ) == 0;
	ex->mm->dumpable = same && readable;
	if (ex->t->mm)
		ex->mm->dump_filter = ex->t->mm->dump_filter;
}

/* The point of no return. */
static void change_over(struct exec *ex)
{
	struct task *t = ex->t;
	struct pl_thread *old_pl = t->pl;
	struct mm *old_mm = t->mm;
	set_dumpable(ex);
	if (ex->kept) {
		mm_leave_as(old_mm);
	} else if (old_mm) {
		task_mm_release(t);
		rusage_keep(t);
		t->utime_ns += pl_thread_cpu_ns(old_pl);
	}
	task_become_leader(t);
	time_ns_enter(t);
	keys_exec(t);
	t->pl = TAKE(ex->pl);
	t->mm = TAKE(ex->mm);
	t->answers = ANSWERS_STALE;
	t->pl->first_brk = task_wants_slow_path(t) || sentry_config->strace_fd >= 0 ? 0 : t->mm->brk;
	if (!ex->kept) {
		if (old_pl)
			t->pl->regs.orig_rax = old_pl->regs.orig_rax;   /* for tracers */
		pl_thread_exit(old_pl);
		t->pin_stale = t->pinned;
		/* Who execs once execs again: the next one finds its address space made. */
		if (old_mm)
			pl_as_prepare();
	}
	struct cred *old_cred = t->cred;
	t->cred = TAKE(ex->cred);
	cred_put(old_cred);
	t->personality &= ~(unsigned)READ_IMPLIES_EXEC;
	if (ex->secure) {
		t->pdeath_signal = 0;
		t->personality &= ~(unsigned)(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO);
	}
	snprintf(t->comm, sizeof(t->comm), "%s", base_name(ex->filename));
	t->restart = NULL;
	t->ptrace.debug = (struct ptrace_debug){ 0 };
	timers_exec(t->tg);
	signal_exec(t);
	fdtable_close_exec(t);
	mm_put(old_mm);
}

static int exec_run(struct exec *ex, int dirfd, const char *name, int flags)
{
	int err = open_path(ex, dirfd, name, flags);
	if (!err)
		err = name_file(ex, dirfd, name);
	if (!err)
		err = exec_args_check(&ex->args, ex->filename);
	/* A program without even its own name would take its environment for arguments. */
	if (!err && ex->args.argv.count == 0)
		err = strvec_prepend(&ex->args.argv, "");
	if (!err)
		err = load(ex);
	if (!err)
		err = tg_kill_others(ex->t);
	if (!err)
		change_over(ex);
	return err;
}

int exec_user(struct task *t, int dirfd, uptr_t path, uptr_t argv, uptr_t envp, int flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	AUTO(free) char *name = NULL;
	int err = strndup_from_user(t, path, PATH_MAX, &name);
	if (err)
		return err;
	struct exec *ex = NEW(struct exec);
	ex->t = t;
	int old_tid = t->tid;
	err = exec_args_from_user(&ex->args, t, argv, envp);
	if (!err)
		err = exec_run(ex, dirfd, name, flags);
	exec_fini(ex);
	free(ex);
	if (!err)
		ptrace_event(t, PTRACE_EVENT_EXEC, (uint64_t)old_tid);
	return err;
}

int exec_first(struct task *t, const char *path, const char *const *argv, const char *const *envp)
{
	struct exec *ex = NEW(struct exec);
	ex->t = t;
	int err = exec_args_from_kernel(&ex->args, t, argv, envp);
	if (!err)
		err = exec_run(ex, AT_FDCWD, path, 0);
	exec_fini(ex);
	free(ex);
	return err;
}

/* --- PATH --- */

static int try_path(struct task *t, const char *name)
{
	AUTO_PATH path = { 0 };
	int err = path_lookup(t, AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	if (S_ISDIR(path.dentry->inode->mode))
		return -EISDIR;
	if (!S_ISREG(path.dentry->inode->mode))
		return -EACCES;
	return inode_permission(path.dentry->inode, t->cred, MAY_EXEC);
}

int exec_search_path(struct task *t, const char *name, const char *const *envp, char *out)
{
	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENAMETOOLONG;
		return try_path(t, name);
	}
	const char *dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (; envp && *envp; envp++) {
		if (strncmp(*envp, "PATH=", 5) == 0)
			dirs = *envp + 5;
	}
	int result = -ENOENT;
	for (;;) {
		size_t len = strcspn(dirs, ":");
		/* An empty element is the current directory. */
		int n = len ? snprintf(out, PATH_MAX, "%.*s/%s", (int)MIN(len, (size_t)PATH_MAX), dirs, name) :
			      snprintf(out, PATH_MAX, "%s", name);
		int err = n < PATH_MAX ? try_path(t, out) : -ENAMETOOLONG;
		if (!err)
			return 0;
		if (err == -EACCES)
			result = -EACCES;
		if (dirs[len] == '\0')
			return result;
		dirs += len + 1;
	}
}
