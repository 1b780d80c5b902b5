/* signalfd.c - signals read from a descriptor (signalfd(2)).
 *
 * HOW      Holds a mask, no task: who reads or polls gets their own signals, also after fork. All signalfds wait on the
 *          one queue that is woken for every signal that becomes pending.
 * LINUX    fs/signalfd.c. Same. */
#include "sentry/fs/signalfd/signalfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "sentry/kernel/task.h"

struct signalfd {
	struct file file;
	ksigset_t mask;
};
#define to_signalfd(f) container_of(f, struct signalfd, file)

struct task *signalfd_reader;
static struct waitq signal_q = WAITQ_INIT(signal_q);

void signalfd_notify(void)
{
	waitq_wake(&signal_q, EPOLLIN);
}

/* kernel/signal.c siginfo_layout(): which fields a siginfo has. */
static void info_convert(const siginfo_t *info, struct signalfd_siginfo *out)
{
	*out = (struct signalfd_siginfo){ .ssi_signo = (uint32_t)info->si_signo, .ssi_errno = info->si_errno,
					  .ssi_code = info->si_code };
	int sig = info->si_signo;
	bool kernel = info->si_code > SI_USER && info->si_code < SI_KERNEL;
	if (kernel && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP)) {
		out->ssi_addr = (uint64_t)info->si_addr;
	} else if (kernel && sig == SIGCHLD) {
		out->ssi_pid = (uint32_t)info->si_pid;
		out->ssi_uid = info->si_uid;
		out->ssi_status = info->si_status;
		out->ssi_utime = (uint64_t)info->si_utime;
		out->ssi_stime = (uint64_t)info->si_stime;
	} else if (kernel && sig == SIGPOLL) {
		out->ssi_band = (uint32_t)info->si_band;
		out->ssi_fd = info->si_fd;
	} else if (info->si_code == SI_TIMER) {
		out->ssi_tid = (uint32_t)info->si_timerid;
		out->ssi_overrun = (uint32_t)info->si_overrun;
		out->ssi_ptr = (uint64_t)info->si_ptr;
		out->ssi_int = info->si_int;
	} else {
		out->ssi_pid = (uint32_t)info->si_pid;
		out->ssi_uid = info->si_uid;
		if (info->si_code < 0 && info->si_code != SI_TKILL) {
			out->ssi_ptr = (uint64_t)info->si_ptr;
			out->ssi_int = info->si_int;
		}
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct signalfd_siginfo out;
	if (dst->resid < sizeof(out) || !dst->t)
		return -EINVAL;
	ssize_t total = 0;
	siginfo_t info;
	while (dst->resid >= sizeof(out) && signal_dequeue(dst->t, to_signalfd(f)->mask, &info)) {
		info_convert(&info, &out);
		if (uio_fill(dst, &out, sizeof(out)) != sizeof(out))
			return total ? total : -EFAULT;
		total += (ssize_t)sizeof(out);
	}
	return total ? total : -EAGAIN;
}

static uint32_t signalfd_poll(struct file *f)
{
	struct task *t = signalfd_reader;
	return t && (signal_pending_set(t) & to_signalfd(f)->mask) ? EPOLLIN : 0;
}

static int signalfd_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	return snprintf(buf, bytes, "sigmask:\t%016llx\n", (unsigned long long)to_signalfd(f)->mask);
}

static void signalfd_release(struct file *f)
{
	file_fini(f);
	free(to_signalfd(f));
}

static const struct file_ops signalfd_ops = {
	.name = "anon_inode:[signalfd]",
	.read = signalfd_read,
	.poll = signalfd_poll,
	.show_fdinfo = signalfd_show_fdinfo,
	.release = signalfd_release,
};

bool is_signalfd(const struct file *f)
{
	return f->ops == &signalfd_ops;
}

void signalfd_set_mask(struct file *f, ksigset_t mask)
{
	to_signalfd(f)->mask = mask;
	signalfd_notify();
}

int signalfd_new(ksigset_t mask, int flags, struct file **out)
{
	struct signalfd *s = NEW(struct signalfd);
	int err = file_init_anon(&s->file, &signalfd_ops, 0600, O_RDWR | (flags & O_NONBLOCK));
	if (err) {
		free(s);
		return err;
	}
	s->file.wq = &signal_q;
	s->file.mode |= FMODE_STREAM;
	s->mask = mask;
	*out = &s->file;
	return 0;
}
