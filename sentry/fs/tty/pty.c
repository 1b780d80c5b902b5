/* pty.c - the open files of a pty's two ends, and the devices that lead to them (pty(7), pts(4), tty(4)).
 *
 * HOW      Both ends are one struct tty. Closing the master takes the slave's name away and hangs it up: files open on it
 *          then are dead for good. /dev/tty and /dev/console open the slave that they mean now.
 * LINUX    drivers/tty/pty.c, tty_io.c. Same: a slave that closes is end of file with EIO at the master, until it is opened
 *          again; a reader caught by the hangup gets EIO, a later one end of file.
 * MISSING  BSD ptys; access times of terminals don't follow their use. */
#include <fcntl.h>
#include <linux/capability.h>

#include "sentry/fs/tty/tty_impl.h"
#include "sentry/vfs/chrdev.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/fdtable.h"

#include <stdio.h>
#include <string.h>

static struct tty_file *file_new(struct tty *tty, const struct file_ops *ops, struct inode *i, const struct path *path, int flags)
{
	struct tty_file *tf = NEW(struct tty_file);
	file_init(&tf->file, ops, i, path, flags);
	tf->file.mode |= FMODE_STREAM;
	tf->tty = tty_get(tty);
	tf->hangups = tty->hangups;
	return tf;
}

/* --- slave --- */

static bool is_hung_up(const struct tty_file *tf)
{
	return tf->hangups != tf->tty->hangups;
}

static ssize_t slave_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct tty_file *tf = to_tty_file(f);
	bool waited = dst->began_ns != 0;
	if (is_hung_up(tf))
		return waited && tf->tty->master_closed ? -EIO : 0;
	int err = dst->t ? tty_check_change(dst->t, tf->tty, SIGTTIN) : 0;
	if (err)
		return err;
	if (!waited)
		dst->began_ns = now_mono_ns();
	console_wanted(tf->tty);
	return ldisc_read(tf->tty, dst, f->flags & O_NONBLOCK);
}

static ssize_t slave_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)pos;
	struct tty_file *tf = to_tty_file(f);
	if (is_hung_up(tf) || tf->tty->master_closed)
		return -EIO;
	int err = src->t && LFLAG(tf->tty, TOSTOP) ? tty_check_change(src->t, tf->tty, SIGTTOU) : 0;
	return err ? err : ldisc_write(tf->tty, src);
}

static uint32_t slave_poll(struct file *f)
{
	struct tty_file *tf = to_tty_file(f);
	if (is_hung_up(tf))
		return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
	console_wanted(tf->tty);
	uint32_t r = ldisc_readable(tf->tty, true) ? EPOLLIN | EPOLLRDNORM : 0;
	if (ldisc_output_room(tf->tty) > 0)
		r |= EPOLLOUT | EPOLLWRNORM;
	return tf->tty->master_closed ? r | EPOLLHUP : r;
}

static void slave_release(struct file *f)
{
	struct tty_file *tf = to_tty_file(f);
	struct tty *tty = tf->tty;
	if (--tty->nslaves == 0) {
		tty->slave_closed = true;
		tty->packet = false;
		tty->exclusive = false;
		tty_clear_session(tty);
		tty_wake_master(tty, EPOLLIN | EPOLLHUP | EPOLLRDNORM);
	}
	file_fini(f);
	free(tf);
	tty_put(tty);
}

static const struct file_ops slave_ops = {
	.name = "/dev/pts", .read = slave_read, .write = slave_write, .poll = slave_poll, .ioctl = tty_ioctl,
	.release = slave_release,
};

int tty_open_slave(struct tty *tty, struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	if (tty->master_closed || tty->locked)
		return -EIO;
	if (tty->exclusive && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EBUSY;
	struct tty_file *tf = file_new(tty, &slave_ops, i, path, flags);
	tf->file.wq = &tty->wq;
	tty->nslaves++;
	tty->slave_closed = false;
	struct session *s = tg_session(t->tg);
	if (!(flags & O_NOCTTY) && (tf->file.mode & FMODE_READ) && s && s->sid == t->tg->tgid && !s->tty && !tty->session)
		tty_set_controlling(tty, t);
	*out = &tf->file;
	return 0;
}

/* --- master --- */

static ssize_t master_read(struct file *f, struct uio *dst, off_t *pos)
{
	(void)pos;
	struct tty *tty = to_tty_file(f)->tty;
	unsigned char head = tty->packet_status;
	if (dst->resid == 0)
		return 0;
	if (tty->packet && head) {
		ssize_t n = uio_fill(dst, &head, 1);
		if (n == 1)
			tty->packet_status = 0;
		return n;
	}
	if (ring_used(&tty->out) == 0)
		return tty->slave_closed ? -EIO : -EAGAIN;
	ssize_t n = 0;
	if (tty->packet) {
		head = TIOCPKT_DATA;
		n = uio_fill(dst, &head, 1);
		if (n < 0)
			return n;
	}
	ssize_t data = ring_fill(&tty->out, dst);
	if (data < 0)
		return data;
	tty_out_drained(tty);
	return n + data;
}

static ssize_t master_write(struct file *f, struct uio *src, off_t *pos)
{
	(void)pos;
	struct tty *tty = to_tty_file(f)->tty;
	unsigned char buf[1024];
	size_t total = 0;
	while (src->resid > 0 && ldisc_input_room(tty) > 0) {
		ssize_t n = uio_drain(src, buf, MIN(src->resid, sizeof(buf)));
		if (n <= 0)
			return total ? (ssize_t)total : n;
		size_t done = ldisc_feed(tty, buf, (size_t)n);
		uio_rewind(src, (size_t)n - done);
		total += done;
		if (done < (size_t)n)
			break;
	}
	return total || src->resid == 0 ? (ssize_t)total : -EAGAIN;
}

static uint32_t master_poll(struct file *f)
{
	struct tty *tty = to_tty_file(f)->tty;
	uint32_t r = ring_used(&tty->out) ? EPOLLIN | EPOLLRDNORM : 0;
	if (tty->packet && tty->packet_status)
		r |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (ldisc_input_room(tty) > 0)
		r |= EPOLLOUT | EPOLLWRNORM;
	return tty->slave_closed ? r | EPOLLHUP : r;
}

static void master_release(struct file *f)
{
	struct tty_file *tf = to_tty_file(f);
	struct tty *tty = tf->tty;
	tty->master_closed = true;
	tty->packet = false;
	devpts_remove(tty);
	tty_hangup(tty);
	path_put(&tf->devpts);
	file_fini(f);
	free(tf);
	tty_put(tty);
}

static int master_show_fdinfo(struct file *f, char *buf, size_t bytes)
{
	return snprintf(buf, bytes, "tty-index:\t%d\n", to_tty_file(f)->tty->index);
}

static const struct file_ops master_ops = {
	.name = "/dev/ptmx", .read = master_read, .write = master_write, .poll = master_poll, .ioctl = tty_ioctl,
	.show_fdinfo = master_show_fdinfo, .release = master_release,
};

/* --- the master's own ioctls (ioctl_tty(2), "Pseudoterminal ioctls") --- */

/* Opens the slave wherever its node is, or is not visible. */
static long open_peer(struct task *t, struct tty_file *tf, uint64_t flags)
{
	if (flags & ~(uint64_t)(O_ACCMODE | O_NOCTTY | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	char name[16];
	int len = snprintf(name, sizeof(name), "%d", tf->tty->index);
	struct dentry *d;
	int err = dcache_lookup(tf->devpts.dentry, name, (size_t)len, false, &d);
	if (err)
		return err;
	AUTO(file_put) struct file *peer = NULL;
	struct path p = { .mnt = tf->devpts.mnt, .dentry = d };
	err = d->inode ? vfs_open_path(t, &p, (int)flags & ~O_CLOEXEC, &peer) : -EIO;
	dentry_put(d);
	if (err)
		return err;
	int fd = fd_install(t, peer, 0, flags & O_CLOEXEC);
	if (fd >= 0)
		peer = NULL;
	return fd;
}

static long set_packet(struct task *t, struct tty *tty, uptr_t arg)
{
	int on;
	int err = get_user(t, &on, arg);
	if (err)
		return err;
	if (on && !tty->packet)
		tty->packet_status = 0;
	tty->packet = on;
	return 0;
}

long pty_master_ioctl(struct task *t, struct tty_file *tf, unsigned cmd, uint64_t arg)
{
	struct tty *tty = tf->tty;
	int n;
	switch (cmd) {
	case TIOCGPTN:
		return put_user(t, UPTR(arg), &tty->index);
	case TIOCSPTLCK:
		if (get_user(t, &n, UPTR(arg)) < 0)
			return -EFAULT;
		tty->locked = n;
		return 0;
	case TIOCGPTLCK:
		n = tty->locked;
		return put_user(t, UPTR(arg), &n);
	case TIOCPKT:
		return set_packet(t, tty, UPTR(arg));
	case TIOCGPKT:
		n = tty->packet;
		return put_user(t, UPTR(arg), &n);
	case TIOCGPTPEER:
		return open_peer(t, tf, arg);
	case TIOCSIG:
		if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)
			return -EINVAL;
		tty_signal(tty, (int)arg);
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

/* --- devices --- */

static int ptmx_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	AUTO_PATH root = { 0 };
	int err = devpts_of_ptmx(path, &root);
	if (err)
		return err;
	struct tty *tty;
	err = devpts_new_tty(root.dentry->sb, t->cred->fsuid, t->cred->fsgid, &tty);
	if (err)
		return err;
	tty->locked = true;
	struct tty_file *tf = file_new(tty, &master_ops, i, path, flags);
	tf->master = true;
	tf->file.wq = &tty->master_wq;
	tf->devpts = root;
	root = (struct path){ 0 };
	tty_put(tty);                     /* the file holds it */
	*out = &tf->file;
	return 0;
}

static int current_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct tty *tty = tty_controlling(t->tg);
	return tty ? tty_open_slave(tty, i, path, flags | O_NOCTTY, t, out) : -ENXIO;
}

static int console_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	struct tty *tty = console_tty();
	return tty ? tty_open_slave(tty, i, path, flags | O_NOCTTY, t, out) : -ENODEV;
}

/* A node that somebody made elsewhere says nothing about which pty is meant. */
static int stray_open(struct inode *i, const struct path *path, int flags, struct task *t, struct file **out)
{
	(void)i, (void)path, (void)flags, (void)t, (void)out;
	return -EIO;
}

void tty_devices_register(void)
{
	chrdev_register(5, 0, 0, "/dev/tty", current_open);
	chrdev_register(5, 1, 1, "/dev/console", console_open);
	chrdev_register(5, 2, 2, "/dev/ptmx", ptmx_open);
	chrdev_register(PTS_MAJOR, 0, UINT_MAX, "pts", stray_open);
}
