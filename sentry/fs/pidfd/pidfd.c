/* pidfd.c - a descriptor that stands for a process (pidfd_open(2)).
 *
 * LINUX    fs/pidfs.c. Same: readable once the process is a zombie, hung up once it has been waited for too.
 * MISSING  PIDFD_THREAD; the ioctls for namespaces; of PIDFD_GET_INFO the control group and core dumps. */
#include "sentry/fs/pidfd/pidfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"

struct pidfd {
	struct file file;
	struct thread_group *tg;
	struct pid_ns *ns;                /* where the process is, or was: a reference; NULL: it had gone before */
};
#define to_pidfd(f) container_of(f, struct pidfd, file)

static bool was_reaped(const struct thread_group *tg)
{
	return tg->zombie && tg_find(tg->tgid) != tg;
}

static uint32_t pidfd_poll(struct file *f)
{
	struct thread_group *tg = to_pidfd(f)->tg;
	if (!tg->zombie)
		return 0;
	return EPOLLIN | EPOLLRDNORM | (was_reaped(tg) ? EPOLLHUP : 0);
}

static int pidfd_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	struct thread_group *tg = to_pidfd(f)->tg;
	int pid = was_reaped(tg) ? -1 : tg->tgid;
	return snprintf(buf, bytes, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

/* struct pidfd_info of Linux 6.15. */
struct info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
enum { INFO_PID = 1, INFO_CREDS = 2, INFO_EXIT = 8 };
#define INFO_TYPE 0xFF
#define INFO_NR 11

static void fill_info(const struct task *t, const struct thread_group *tg, struct info *info)
{
	info->pid = info->tgid = (uint32_t)pid_shown(t, tg->tgid);
	info->ppid = tg->parent ? (uint32_t)pid_shown(t, tg->parent->tgid) : 0;
	info->mask |= INFO_PID;
	const struct cred *c = tg->leader ? tg->leader->cred : NULL;
	if (!c)
		return;
	info->ruid = uid_shown(t->cred, c->uid);
	info->euid = uid_shown(t->cred, c->euid);
	info->suid = uid_shown(t->cred, c->suid);
	info->fsuid = uid_shown(t->cred, c->fsuid);
	info->rgid = gid_shown(t->cred, c->gid);
	info->egid = gid_shown(t->cred, c->egid);
	info->sgid = gid_shown(t->cred, c->sgid);
	info->fsgid = gid_shown(t->cred, c->fsgid);
	info->mask |= INFO_CREDS;
}

/* What the exit status was is told only once the parent has been told. */
static long get_info(struct task *t, const struct pidfd *p, uptr_t arg, size_t bytes)
{
	struct info info = { 0 };
	uint64_t asked;
	if (uptr_null(arg) || bytes < sizeof(info))
		return -EINVAL;
	if (get_user(t, &asked, arg))
		return -EFAULT;
	if (p->ns && !pid_ns_is_below(p->ns, t->pid_ns))
		return -ESRCH;
	bool gone = was_reaped(p->tg);
	if (gone && !(asked & INFO_EXIT))
		return -ESRCH;
	if (gone) {
		info.mask = INFO_EXIT;
		info.exit_code = p->tg->exit_code;
	} else {
		fill_info(t, p->tg, &info);
	}
	if (clear_user(t, uptr_add(arg, sizeof(info)), MIN(bytes, (size_t)PAGE_SIZE) - sizeof(info)))
		return -EFAULT;
	return put_user(t, arg, &info);
}

static long pidfd_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	if (_IOC_TYPE(cmd) == INFO_TYPE && _IOC_NR(cmd) == INFO_NR)
		return get_info(t, to_pidfd(f), UPTR(arg), _IOC_SIZE(cmd));
	return -ENOTTY;
}

static void pidfd_release(struct file *f)
{
	tg_put(to_pidfd(f)->tg);
	if (to_pidfd(f)->ns)
		pid_ns_put(to_pidfd(f)->ns);
	file_fini(f);
	free(to_pidfd(f));
}

static const struct file_ops pidfd_ops = {
	.name = "anon_inode:[pidfd]",
	.poll = pidfd_poll,
	.ioctl = pidfd_ioctl,
	.show_fdinfo = pidfd_show_fdinfo,
	.release = pidfd_release,
};

int pidfd_new(struct thread_group *tg, int flags, struct file **out)
{
	struct pidfd *p = NEW(struct pidfd);
	int err = file_init_anon(&p->file, &pidfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK));
	if (err) {
		free(p);
		return err;
	}
	p->tg = tg_get(tg);
	p->ns = tg->leader ? pid_ns_get(tg->leader->pid_ns) : NULL;
	p->file.wq = &tg->exited;
	p->file.mode |= FMODE_STREAM;
	*out = &p->file;
	return 0;
}

struct thread_group *pidfd_tg(struct file *f)
{
	return f->ops == &pidfd_ops ? to_pidfd(f)->tg : NULL;
}
