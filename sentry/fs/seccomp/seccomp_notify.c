/* seccomp_notify.c - the descriptor of SECCOMP_FILTER_FLAG_NEW_LISTENER.
 *
 * HOW      A stopped call is on its task's stack and on the listener's list until it is answered, the task is
 *          interrupted, or the listener is closed (then it fails with ENOSYS). ADDFD acts on the stopped task's
 *          descriptors at once, from the supervisor's side: nothing runs meanwhile.
 * LINUX    kernel/seccomp.c: seccomp_do_user_notification(), seccomp_notify_*().
 * MISSING  SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP has no effect. */
#include "sentry/fs/seccomp/seccomp_notify.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "sentry/kernel/host_random.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/mm/window.h"

#define IOCTL_ID_VALID_WRONG_DIR SECCOMP_IOR(2, uint64_t)   /* what it was before Linux 5.17 */
#define IOCTL_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define FD_SYNC_WAKE_UP 1
#define ADDFD_SIZE_VER0 24

enum notif_state { UNSEEN, SEEN, ANSWERED };

struct notif {
	TAILQ_ENTRY(notif) link;
	uint64_t id;
	struct task *task;                /* whose stack this is on */
	const struct seccomp_data *data;
	enum notif_state state;
	struct seccomp_notif_resp answer;
	struct waitq wq;                  /* woken at every change of state */
};

struct seccomp_listener {
	struct file file;
	struct waitq wq;
	TAILQ_HEAD(, notif) notifs;       /* by age */
	uint64_t next_id;
	struct seccomp_listener **place;  /* NULL: the filter is gone */
};
#define to_listener(f) container_of(f, struct seccomp_listener, file)

static void set_state(struct notif *n, enum notif_state state)
{
	n->state = state;
	waitq_wake(&n->wq, EPOLLIN);
}

static struct notif *find_id(struct seccomp_listener *l, uint64_t id)
{
	struct notif *n;
	TAILQ_FOREACH(n, &l->notifs, link)
		if (n->id == id)
			return n;
	return NULL;
}

static struct notif *find_state(struct seccomp_listener *l, enum notif_state state)
{
	struct notif *n;
	TAILQ_FOREACH(n, &l->notifs, link)
		if (n->state == state)
			return n;
	return NULL;
}

/* The one with this id, if it waits for an answer. */
static int find_seen(struct seccomp_listener *l, uint64_t id, struct notif **out)
{
	*out = find_id(l, id);
	if (!*out)
		return -ENOENT;
	return (*out)->state == SEEN ? 0 : -EINPROGRESS;
}

/* --- the stopped task --- */

bool seccomp_listener_ask(struct seccomp_listener *l, struct task *t, const struct seccomp_data *sd, bool killable, long *ret)
{
	struct notif n = { .id = l->next_id++, .task = t, .data = sd };
	waitq_init(&n.wq);
	TAILQ_INSERT_TAIL(&l->notifs, &n, link);
	waitq_wake(&l->wq, EPOLLIN | EPOLLRDNORM);
	window_drop(t);                   /* who answers may change our memory */
	int err = 0;
	while (n.state != ANSWERED && !err) {
		if (killable && n.state == SEEN)
			err = wait_event_killable(t, &n.wq, n.state != SEEN);
		else
			err = wait_event(t, &n.wq, n.state == ANSWERED || (killable && n.state == SEEN));
	}
	if (n.task)                       /* else the listener is gone */
		TAILQ_REMOVE(&l->notifs, &n, link);
	if (err) {
		*ret = err;
		return false;
	}
	*ret = n.answer.error ? n.answer.error : n.answer.val;
	return n.answer.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
}

/* --- the supervisor --- */

static long notif_recv(struct task *t, struct seccomp_listener *l, uptr_t arg)
{
	struct seccomp_notif out, zero = { 0 };
	int err = get_user(t, &out, arg);
	if (err)
		return err;
	if (memcmp(&out, &zero, sizeof(out)) != 0)
		return -EINVAL;
	struct notif *n;
	err = wait_event(t, &l->wq, (n = find_state(l, UNSEEN)) || !l->place);
	if (err)
		return err;
	if (!n)
		return -ENOENT;
	out.id = n->id;
	out.pid = (uint32_t)pid_shown(t, n->task->tid);
	out.data = *n->data;
	err = put_user(t, arg, &out);
	if (err)
		return err;
	set_state(n, SEEN);
	waitq_wake(&l->wq, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static long notif_send(struct task *t, struct seccomp_listener *l, uptr_t arg)
{
	struct seccomp_notif_resp resp;
	struct notif *n;
	int err = get_user(t, &resp, arg);
	if (err)
		return err;
	if (resp.flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return -EINVAL;
	if ((resp.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (resp.error || resp.val))
		return -EINVAL;
	err = find_seen(l, resp.id, &n);
	if (err)
		return err;
	n->answer = resp;
	set_state(n, ANSWERED);
	return 0;
}

static long notif_id_valid(struct task *t, struct seccomp_listener *l, uptr_t arg)
{
	uint64_t id;
	struct notif *n;
	int err = get_user(t, &id, arg);
	if (err)
		return err;
	return find_seen(l, id, &n) ? -ENOENT : 0;
}

static long notif_addfd(struct task *t, struct seccomp_listener *l, unsigned size, uptr_t arg)
{
	struct seccomp_notif_addfd a;
	struct notif *n;
	if (size < ADDFD_SIZE_VER0 || size >= PAGE_SIZE)
		return -EINVAL;
	int err = copy_struct_from_user(t, &a, sizeof(a), arg, size, ADDFD_SIZE_VER0);
	if (err)
		return err;
	bool set = a.flags & SECCOMP_ADDFD_FLAG_SETFD, send = a.flags & SECCOMP_ADDFD_FLAG_SEND;
	if ((a.newfd_flags & ~(unsigned)O_CLOEXEC) || (a.flags & ~(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)) ||
	    (a.newfd && !set))
		return -EINVAL;
	AUTO(file_put) struct file *f = fd_get(t, (int)a.srcfd);
	if (!f)
		return -EBADF;
	err = find_seen(l, a.id, &n);
	if (err)
		return err;
	bool cloexec = a.newfd_flags & O_CLOEXEC;
	AUTO(task_put) struct task *target = task_get(n->task);
	/* Closing what was there may sleep. */
	int fd = set ? fd_dup_to(target, f, (int)a.newfd, cloexec) : fd_install(target, f, 0, cloexec);
	if (fd < 0)
		return fd;
	if (!set)
		file_get(f);              /* the table's */
	if (send && find_seen(l, a.id, &n) == 0) {
		n->answer = (struct seccomp_notif_resp){ .val = fd };
		set_state(n, ANSWERED);
	}
	return fd;
}

static long notify_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg)
{
	struct seccomp_listener *l = to_listener(f);
	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return notif_recv(t, l, UPTR(arg));
	case SECCOMP_IOCTL_NOTIF_SEND:
		return notif_send(t, l, UPTR(arg));
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
	case IOCTL_ID_VALID_WRONG_DIR:
		return notif_id_valid(t, l, UPTR(arg));
	case IOCTL_SET_FLAGS:
		return arg & ~(uint64_t)FD_SYNC_WAKE_UP ? -EINVAL : 0;
	}
	/* Extensible: its size is part of the number. */
	if ((cmd & ~(unsigned)IOCSIZE_MASK) == (SECCOMP_IOCTL_NOTIF_ADDFD & ~(unsigned)IOCSIZE_MASK))
		return notif_addfd(t, l, _IOC_SIZE(cmd), UPTR(arg));
	return -EINVAL;
}

static uint32_t notify_poll(struct file *f)
{
	struct seccomp_listener *l = to_listener(f);
	uint32_t events = 0;
	if (find_state(l, UNSEEN))
		events |= EPOLLIN | EPOLLRDNORM;
	if (find_state(l, SEEN))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (!l->place)
		events |= EPOLLHUP;
	return events;
}

static void notify_release(struct file *f)
{
	struct seccomp_listener *l = to_listener(f);
	struct notif *n;
	if (l->place)
		*l->place = NULL;
	while ((n = TAILQ_FIRST(&l->notifs))) {
		TAILQ_REMOVE(&l->notifs, n, link);
		n->task = NULL;
		if (n->state == ANSWERED)
			continue;
		n->answer = (struct seccomp_notif_resp){ .error = -ENOSYS };
		set_state(n, ANSWERED);
	}
	file_fini(f);
	free(l);
}

static const struct file_ops notify_ops = {
	.name = "anon_inode:seccomp notify",
	.poll = notify_poll,
	.ioctl = notify_ioctl,
	.release = notify_release,
};

int seccomp_listener_new(struct seccomp_listener **place, struct file **out)
{
	struct seccomp_listener *l = NEW(struct seccomp_listener);
	int err = file_init_anon(&l->file, &notify_ops, 0600, O_RDWR);
	if (err) {
		free(l);
		return err;
	}
	waitq_init(&l->wq);
	TAILQ_INIT(&l->notifs);
	l->file.wq = &l->wq;
	l->file.mode |= FMODE_STREAM;
	host_random(&l->next_id, sizeof(l->next_id));
	l->place = place;
	*place = l;
	*out = &l->file;
	return 0;
}

void seccomp_listener_orphan(struct seccomp_listener *l)
{
	l->place = NULL;
	waitq_wake(&l->wq, EPOLLHUP);
}
