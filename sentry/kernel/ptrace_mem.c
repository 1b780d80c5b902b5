/* ptrace_mem.c - guest memory as debuggers see it: protections don't count.
 *
 * HOW     What the pages' own protection allows is copied at once. For the rest a thread of the process lifts the protection for
 *         a moment (mm_force()): the caller itself, or one that is stopped, in its own coroutine.
 * LINUX   mm/gup.c, FOLL_FORCE; kernel/ptrace.c: ptrace_access_vm(). */
#include "sentry/kernel/machine.h"
#include "sentry/kernel/task.h"

struct access {
	uint64_t addr;
	char *buf;
	size_t bytes;
	bool write;
	ssize_t done;
};

/* The vDSO lies beyond what is the guest's own, and debuggers want to see its symbols. */
static ssize_t copy_vdso(struct mm *mm, const struct access *a)
{
	uint64_t len, start = pl_vdso(&len);
	if (a->write || !start || a->addr < start || a->addr - start >= len)
		return -EFAULT;
	return pl_read(mm->as, a->addr, a->buf, MIN(a->bytes, start + len - a->addr));
}

static ssize_t copy(struct mm *mm, struct access *a)
{
	if (a->addr >= PL_GUEST_END)
		return copy_vdso(mm, a);
	return a->write ? mm_write(mm, a->addr, a->buf, a->bytes) : mm_read(mm, a->addr, a->buf, a->bytes);
}

static void force(struct task *t, void *arg)
{
	struct access *a = arg;
	size_t done = (size_t)a->done;
	ssize_t n = t->mm ? mm_force(t, a->addr + done, a->buf + done, a->bytes - done, a->write) : -EFAULT;
	if (n > 0)
		a->done += n;
}

static struct task *stopped_thread(const struct mm *mm)
{
	FOREACH_PROCESS(tg) {
		struct task *t;
		TAILQ_FOREACH(t, &tg->threads, thread_link)
			if (t->mm == mm && t->stop_state != RUNNING)
				return t;
	}
	return NULL;
}

static ssize_t access_mem(struct task *t, struct mm *mm, struct access *a)
{
	ssize_t n = copy(mm, a);
	a->done = MAX(n, (ssize_t)0);
	if ((size_t)a->done < a->bytes && a->addr < PL_GUEST_END) {
		struct task *other = t && t->mm == mm ? t : stopped_thread(mm);
		if (other == t && t)
			force(t, a);
		else if (other)
			task_job(other, force, a);
	}
	return a->done > 0 ? a->done : -EFAULT;
}

ssize_t ptrace_read_mem(struct task *t, struct mm *mm, uint64_t addr, void *buf, size_t bytes)
{
	struct access a = { .addr = addr, .buf = buf, .bytes = bytes };
	return access_mem(t, mm, &a);
}

ssize_t ptrace_write_mem(struct task *t, struct mm *mm, uint64_t addr, const void *buf, size_t bytes)
{
	struct access a = { .addr = addr, .buf = (char *)buf, .bytes = bytes, .write = true };
	return access_mem(t, mm, &a);
}
