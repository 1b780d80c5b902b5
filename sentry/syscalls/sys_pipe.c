/* sys_pipe.c - pipe(2), pipe2(2), and the pair of descriptors that socketpair(2) shares with them. */
#include <fcntl.h>

#include "sentry/fs/pipe/pipe.h"
#include "sentry/syscalls/fd_pair.h"
#include "sentry/syscalls/table.h"

int fd_publish_pair(struct task *t, uptr_t fds, struct file *a, struct file *b, bool cloexec)
{
	int pair[2] = { fd_reserve(t, 0), -1 };
	if (pair[0] < 0)
		return pair[0];
	pair[1] = fd_reserve(t, 0);
	if (pair[1] < 0) {
		fd_abort(t, pair[0]);
		return pair[1];
	}
	int err = put_user(t, fds, &pair);
	if (err) {
		fd_abort(t, pair[0]);
		fd_abort(t, pair[1]);
		return err;
	}
	fd_commit(t, pair[0], file_get(a), cloexec);
	fd_commit(t, pair[1], file_get(b), cloexec);
	return 0;
}

long sys_pipe2(struct task *t, uptr_t pipefd, int flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;

	AUTO(file_put) struct file *rd = NULL;
	AUTO(file_put) struct file *wr = NULL;
	int err = pipe_new(flags, &rd, &wr);
	if (err)
		return err;
	rd->inode->uid = t->cred->fsuid;  /* so that its maker may open it by /proc/self/fd */
	rd->inode->gid = t->cred->fsgid;
	return fd_publish_pair(t, pipefd, rd, wr, flags & O_CLOEXEC);
}

long sys_pipe(struct task *t, uptr_t pipefd)
{
	return sys_pipe2(t, pipefd, 0);
}
