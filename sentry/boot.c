/* boot.c - the guest's file tree and its first process, from sentry_config. */
#include "sentry/boot.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>

#include "platform/base/timeline.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/gofer/gofer.h"
#include "sentry/fs/hostfd/hostfd.h"
#include "sentry/fs/loop/loop.h"
#include "sentry/fs/overlay/overlay.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/fs/sys/sys.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/ipc/ipc_ns.h"
#include "sentry/ipc/mqueue.h"
#include "sentry/kernel/exec.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/time_ns.h"
#include "sentry/net/net.h"
#include "sentry/net/publish/publish.h"
#include "sentry/sentry.h"
#include "sentry/vfs/entry.h"
#include "sentry/vfs/path.h"

/* *out_lower: the gofer's own, which *out holds. */
static int new_gofer_sb(const struct sentry_mount *m, struct superblock **out_lower, struct superblock **out)
{
	struct superblock *lower = NULL, *upper;
	int err = gofer_mount(m->gofer_export, m->read_only || m->overlay, m->shared, &lower);
	*out_lower = lower;
	if (err || !m->overlay || m->is_file) {
		*out = lower;
		return err;
	}
	err = tmpfs_mount_as("overlay", "mode=755,nr_inodes=0", &upper);
	if (!err) {
		err = overlay_mount(lower, upper, out);
		superblock_put(upper);
	}
	superblock_put(lower);
	return err;
}

static int new_sb(const struct sentry_mount *m, struct superblock **out)
{
	struct superblock *lower;
	switch (m->kind) {
	case MOUNT_GOFER:
		return new_gofer_sb(m, &lower, out);
	case MOUNT_TMPFS:
		return tmpfs_mount(m->options, out);
	case MOUNT_PROC:
		return proc_mount(pid_ns_first(), out);
	case MOUNT_SYS:
		return sysfs_mount(out);
	case MOUNT_DEV:
		return dev_mount(out);
	case MOUNT_DEVPTS:
		return devpts_mount(m->options, out);
	case MOUNT_MQUEUE:
		return mqueue_mount(&ipc_ns_first, out);
	}
	return -EINVAL;
}

/* --- questions to the gofer that don't wait for each other's answers: each round trip wakes two processes --- */

struct together {
	int pending;
	struct waitq q;
};

static void one_less(struct together *all)
{
	if (--all->pending == 0)
		waitq_wake(&all->q, EPOLLIN);
}

struct attach {
	struct together *all;
	const struct sentry_mount *m;
	struct superblock *sb, *lower;    /* NULL: not one of the gofer's, or it failed */
};

static void attach_one(void *arg)
{
	struct attach *a = arg;
	/* What fails will be tried again in its turn, and tell why. */
	if (new_gofer_sb(a->m, &a->lower, &a->sb))
		a->sb = a->lower = NULL;
	one_less(a->all);
}

static void connect_to_gofer(void *arg)
{
	struct together *all = arg;
	int err = gofer_connect(sentry_config->gofer_fd);
	if (err)
		boot_failed(125, "cannot reach the gofer: %s", strerror(-err));
	one_less(all);
}

static struct attach *attach_all(void)
{
	struct together all = { .pending = 1, .q = WAITQ_INIT(all.q) };
	co_spawn(connect_to_gofer, &all);
	struct attach *v = xzalloc((size_t)sentry_config->nmounts * sizeof(*v));
	for (int i = 0; i < sentry_config->nmounts; i++) {
		v[i] = (struct attach){ .all = &all, .m = &sentry_config->mounts[i] };
		if (v[i].m->kind == MOUNT_GOFER) {
			all.pending++;
			co_spawn(attach_one, &v[i]);
		}
	}
	wait_event_uninterruptible(&all.q, all.pending == 0);
	return v;
}

/* Does path begin with what the gofer's root directory lacks? */
static bool is_made(const char *path)
{
	for (int i = 0; i < sentry_config->nmade; i++) {
		size_t len = strlen(sentry_config->made[i].path);
		if (strncmp(path, sentry_config->made[i].path, len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return true;
	}
	return false;
}

/* The deepest of the gofer's mounts that path lies in, and what of path is left there. */
static void add_hint(const struct attach *v, const char *path, bool open, struct gofer_hint *hints, int *n)
{
	struct gofer_hint h = { .open = open };
	for (int i = 0; i < sentry_config->nmounts; i++) {
		size_t len = strcmp(v[i].m->target, "/") == 0 ? 0 : strlen(v[i].m->target);
		if (strncmp(path, v[i].m->target, len) == 0 && path[len] == '/') {
			h.sb = v[i].lower;
			h.path = path + len + 1;
		}
	}
	if (h.sb && S_ISDIR(h.sb->root->mode) && *h.path && !(h.sb == v[0].lower && is_made(h.path)))
		hints[(*n)++] = h;
}

/* Where things will be mounted, and what the guest will look up first. */
static void look_ahead(const struct attach *v)
{
	int n = 0;
	AUTO(free) struct gofer_hint *hints = xzalloc(sizeof(*hints) * (size_t)(sentry_config->nmounts + sentry_config->nhints));
	for (int i = 0; i < sentry_config->nmounts; i++)
		add_hint(v, sentry_config->mounts[i].target, false, hints, &n);
	for (int i = 0; i < sentry_config->nhints; i++)
		add_hint(v, sentry_config->hints[i].path, sentry_config->hints[i].open, hints, &n);
	gofer_walk_all_ahead(hints, n);
}

/* --- mounting --- */

/* Makes what leads to a mount point, and the mount point; what is there already stays. */
static int make_target(struct task *t, const char *target, bool is_file)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s", target) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (char *p = path + 1;; p++) {
		if (*p != '/' && *p)
			continue;
		bool last = !*p;
		*p = '\0';
		AUTO_PATH found = { 0 };
		int err = path_lookup(t, AT_FDCWD, path, LOOKUP_FOLLOW, &found);
		if (err == -ENOENT)
			err = last && is_file ? vfs_mknod(t, AT_FDCWD, path, S_IFREG | 0644, 0, NULL)
					      : vfs_mkdir(t, AT_FDCWD, path, 0755);
		if (err || last)
			return err;
		*p = '/';
	}
}

static void mount_one(struct task *t, const struct sentry_mount *m, struct superblock *of_gofer)
{
	AUTO(superblock_put) struct superblock *sb = of_gofer;
	AUTO_PATH at = { 0 };
	int err = sb ? 0 : new_sb(m, &sb);
	if (!err)
		err = make_target(t, m->target, m->is_file);
	if (!err)
		err = path_lookup(t, AT_FDCWD, m->target, LOOKUP_FOLLOW, &at);
	if (!err)
		err = mount_add(t->mnt_ns, sb, NULL, &at, m->read_only ? MNT_RDONLY | MNT_LOCK_RDONLY : 0, m->source, NULL);
	if (err)
		boot_failed(125, "cannot mount %s on %s: %s", m->source, m->target, strerror(-err));
}

static void mount_root(struct task *t, const struct sentry_mount *m, struct superblock *of_gofer)
{
	AUTO(superblock_put) struct superblock *sb = of_gofer;
	int err = sb ? 0 : new_sb(m, &sb);
	for (int i = 0; !err && i < sentry_config->nmade; i++)
		err = overlay_make(sb, sentry_config->made[i].path, sentry_config->made[i].symlink);
	if (err)
		boot_failed(125, "cannot mount the root file system %s: %s", m->source, strerror(-err));
	err = mount_ns_new(sb, &t->mnt_ns);
	if (err)
		boot_failed(125, "cannot mount the root file system: %s", strerror(-err));
	t->fs = fs_context_new(t->mnt_ns);
}

/* After the others: until then mount points had to be made below it. */
static void seal_root(struct task *t, const struct sentry_mount *m)
{
	if (m->read_only)
		t->mnt_ns->root->flags |= MNT_RDONLY | MNT_LOCK_RDONLY;
}

/* The first pty of the guest's /dev/pts, and /dev/console for it. *out: its slave. */
static void open_terminal(struct task *t, struct file **out)
{
	AUTO_PATH pts = { 0 };
	int err = path_lookup(t, AT_FDCWD, "/dev/pts", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &pts);
	if (!err)
		err = console_create(t, pts.dentry->sb, sentry_config->uid, sentry_config->tty_in, sentry_config->tty_out);
	if (!err)
		err = vfs_mknod(t, AT_FDCWD, "/dev/console", S_IFCHR | 0600, makedev(5, 1), NULL);
	if (err == -EEXIST || err == -EROFS)
		err = 0;
	if (!err)
		err = vfs_open(t, AT_FDCWD, "/dev/pts/0", O_RDWR, 0, 0, out);
	if (err)
		boot_failed(125, "cannot make the terminal: %s", strerror(-err));
}

static void open_stdio(struct task *t)
{
	AUTO(file_put) struct file *terminal = NULL;
	if (sentry_config->tty)
		open_terminal(t, &terminal);
	for (int i = 0; i < 3; i++) {
		struct file *f;
		if (sentry_config->stdio[i] < 0)
			continue;
		int err = 0;
		if (terminal && sentry_config->stdio_tty[i])
			f = file_get(terminal);
		else
			err = hostfd_open(sentry_config->stdio[i], i == 0 ? O_RDONLY : O_WRONLY, &f);
		if (!err)
			err = fd_install(t, f, i, false) == i ? 0 : -EBADF;
		if (err)
			boot_failed(125, "cannot use descriptor %d of the caller: %s", i, strerror(-err));
	}
}

static void enter_cwd(struct task *t)
{
	struct path cwd;
	int err = path_lookup(t, AT_FDCWD, sentry_config->cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &cwd);
	if (err)
		boot_failed(125, "--workdir: %s: %s", sentry_config->cwd, strerror(-err));
	path_put(&t->fs->cwd);
	t->fs->cwd = cwd;
}

static void exec_program(struct task *t)
{
	const char *name = sentry_config->argv[0];
	char path[PATH_MAX];
	int err = exec_search_path(t, name, sentry_config->envp, path);
	if (!err)
		err = exec_first(t, path, sentry_config->argv, sentry_config->envp);
	if (err)
		boot_failed(err == -ENOENT ? 127 : 126, "%s: %s", name,
			    err == -ENOENT ? "not found in the sandbox" : strerror(-err));
}

/* The first task is born here but runs in its own coroutine: until task_start() this one acts for it. */
void boot_main(void *unused)
{
	(void)unused;
	pl_as_prepare();
	AUTO(free) struct attach *v = attach_all();
	mem_devices_register();
	loop_devices_register();
	tty_devices_register();

	struct task *t = task_alloc(NULL);
	CHECK(t != NULL);
	t->co = co_current();
	t->cred = cred_new(0, 0);
	t->files = fdtable_new();
	t->uts = uts_ns_first(sentry_config->hostname);
	t->cgroup_ns = cgroup_ns_first();
	t->time_ns = time_ns_first();
	t->time_ns_children = time_ns_get(t->time_ns);
	ipc_ns_boot();
	t->ipc_ns = ipc_ns_get(&ipc_ns_first);

	t->net = net_new(true);
	int err = publish_start(t->net);
	if (err)
		boot_failed(125, "--publish: %s", strerror(-err));
	t->pid_ns_children = pid_ns_get(pid_ns_first());

	look_ahead(v);
	mount_root(t, &sentry_config->mounts[0], v[0].sb);
	for (int i = 1; i < sentry_config->nmounts; i++)
		mount_one(t, &sentry_config->mounts[i], v[i].sb);
	seal_root(t, &sentry_config->mounts[0]);
	timeline_mark(TIMELINE_MOUNTED);

	open_stdio(t);
	if (sentry_config->uid || sentry_config->gid) {
		cred_put(t->cred);
		t->cred = cred_new(sentry_config->uid, sentry_config->gid);
	}
	enter_cwd(t);
	exec_program(t);
	timeline_mark(TIMELINE_GUEST);
	task_start(t);
}
