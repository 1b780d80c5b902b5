/* exec.h - execve(2): putting a program in the place of another. */
#pragma once

#include "sentry/kernel/elf.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/path.h"

/* --- for the system calls and the boot --- */

/* execveat(2). flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. 0: t is the new program. Sleeps. */
int exec_user(struct task *t, int dirfd, uptr_t path, uptr_t argv, uptr_t envp, int flags);
/* The first program: t has files, fs and credentials, but no memory yet. Sleeps. */
int exec_first(struct task *t, const char *path, const char *const *argv, const char *const *envp);
/* What a shell does to find a program: path itself if it has a slash, else each directory of PATH in envp. out (PATH_MAX
 * bytes): what to execute. -ENOENT (127 in a shell); -EACCES, -EISDIR (126). Sleeps. */
int exec_search_path(struct task *t, const char *name, const char *const *envp, char *out) MUST_CHECK;

/* --- between the files of exec --- */

/* A list of strings, one after the other with their NULs. */
struct strvec {
	char *buf;
	size_t len, cap;
	unsigned count;
};
void strvec_fini(struct strvec *v);
int strvec_prepend(struct strvec *v, const char *s) MUST_CHECK;        /* -ENOMEM */
void strvec_drop_first(struct strvec *v);

struct exec_args {
	struct strvec argv, envp;
	size_t max_bytes;                 /* Linux's bound on strings and pointers together */
};
void exec_args_fini(struct exec_args *a);
/* Limits by t's RLIMIT_STACK. -E2BIG, -EFAULT, -ENOMEM. */
int exec_args_from_user(struct exec_args *a, struct task *t, uptr_t argv, uptr_t envp) MUST_CHECK;
int exec_args_from_kernel(struct exec_args *a, struct task *t, const char *const *argv, const char *const *envp) MUST_CHECK;
int exec_args_check(const struct exec_args *a, const char *filename) MUST_CHECK;    /* -E2BIG; after they changed, too */

/* One execve under way. */
struct exec {
	struct task *t;
	struct exec_args args;
	char *filename;                   /* as the program sees it: AT_EXECFN, and of its base the name of the process */
	char *interp;                     /* the same of file: filename, or the interpreter a "#!" line named */
	bool fd_is_gone;                  /* filename is /dev/fd/N of a descriptor that closes now */
	struct file *file;                /* a reference: what is executed: the last interpreter of a "#!" chain */
	char head[256];                   /* its first bytes, zero-filled */
	struct cred *cred;                /* the new ones */
	bool secure;                      /* AT_SECURE */
	struct pl_thread *pl;             /* the new address space's thread; kept: t's own */
	bool kept;                        /* there is no way back */
	struct mm *mm;
};

/* "#!": -ENOEXEC if head is no script; else args and interp become what the line says, and interp is to be opened. */
int exec_script(struct exec *ex) MUST_CHECK;
/* The credentials that ex->file's set-id bits give. */
void exec_cred(struct exec *ex);
/* Checks the program ex->file, and makes a new address space with it in ex->pl, ex->mm, ready to run. -ENOEXEC: not an ELF
 * program. Changes nothing of t, unless ex->kept: then a failure is t's end. Sleeps. */
int exec_load_elf(struct exec *ex) MUST_CHECK;

/* May the new program have the old one's stub? */
bool exec_may_keep(const struct exec *ex);
/* The point of no return: t's memory is given up, but for the calls in out, two at most, which unmap it. Returns their number. Sleeps. */
int exec_keep(struct exec *ex, struct pl_call *out);

/* Does the kernel have rseq(2), that the auxiliary vector may promise it? */
bool exec_has_rseq(void);

/* What lies on a new stack: bytes for [sp, top). */
struct exec_stack {
	char *bytes;
	size_t len;
	uint64_t sp;
	uint64_t arg_start, arg_end, env_start, env_end;
};
/* top: 16-byte aligned. auxv: pairs to AT_NULL; the values of AT_RANDOM, AT_EXECFN and AT_PLATFORM are filled in. -ENOMEM. */
int exec_stack_build(const struct exec_args *args, const char *filename, const unsigned char random[16], uint64_t top,
		     uint64_t *auxv, unsigned auxv_words, struct exec_stack *out) MUST_CHECK;
