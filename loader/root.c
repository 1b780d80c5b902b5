/* root.c - the guest's mounts: the base, then what the user asked for, in that order. */
#include "loader/root.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_MAX 64                       /* beyond the user's own: base, cwd, program */

bool path_is_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	if (len == 1)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

void root_add_mount(struct root *r, struct sentry_mount m)
{
	r->mounts[r->nmounts++] = m;
}

int root_add_export(struct root *r, struct root_export e)
{
	r->exports[r->nexports] = e;
	return r->nexports++;
}

void root_add_tmpfs(struct root *r, const char *target, const char *options)
{
	root_add_mount(r, (struct sentry_mount){ .kind = MOUNT_TMPFS, .target = target, .source = "tmpfs", .options = options });
}

static struct err *resolve(const char *src, bool must_be_dir, char **out, bool *out_is_file)
{
	const char *what = must_be_dir ? "no such directory on the host" : "no such file or directory on the host";
	char *host = realpath(src, NULL);
	if (!host)
		return errno == ENOENT ? err_new("%s: %s", src, what) : err_errno(errno, "%s", src);
	struct stat st;
	struct err *e = NULL;
	if (stat(host, &st) < 0)
		e = err_errno(errno, "%s", src);
	else if (must_be_dir && !S_ISDIR(st.st_mode))
		e = err_new("%s: is not a directory", src);
	else if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		e = err_new("%s: is neither a directory nor a regular file", src);
	else if (faccessat(AT_FDCWD, host, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK, AT_EACCESS) < 0)
		e = err_errno(errno, "%s", src);
	if (e) {
		free(host);
		return e;
	}
	*out_is_file = !S_ISDIR(st.st_mode);
	*out = host;
	return NULL;
}

void root_add_kernel_mounts(struct root *r)
{
	static const struct sentry_mount mounts[] = {
		{ .kind = MOUNT_PROC, .target = "/proc", .source = "proc" },
		{ .kind = MOUNT_SYS, .target = "/sys", .source = "sysfs", .read_only = true },
		{ .kind = MOUNT_DEV, .target = "/dev", .source = "devtmpfs", .options = "mode=755" },
		{ .kind = MOUNT_DEVPTS, .target = "/dev/pts", .source = "devpts", .options = "gid=5,mode=620,ptmxmode=666" },
		{ .kind = MOUNT_MQUEUE, .target = "/dev/mqueue", .source = "mqueue" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		root_add_mount(r, mounts[i]);
	root_add_tmpfs(r, "/dev/shm", "mode=1777");
}

static struct err *add_rootfs(const struct options *o, struct root *r)
{
	char *host;
	bool is_file;
	struct err *e = resolve(o->rootfs, true, &host, &is_file);
	if (e)
		return err_in(e, "--rootfs");
	int export = root_add_export(r, (struct root_export){ .kind = EXPORT_BIND, .path = host, .read_only = true });
	root_add_mount(r, (struct sentry_mount){ .kind = MOUNT_GOFER, .target = "/", .source = "rootfs",
						 .gofer_export = export, .overlay = !o->read_only,
						 .read_only = o->read_only });
	r->cwd = "/";
	root_add_kernel_mounts(r);
	if (o->read_only) {
		root_add_tmpfs(r, "/tmp", "mode=1777");
		root_add_tmpfs(r, "/run", "mode=755");
	}
	return NULL;
}

static struct err *add_user_mount(const struct mount_option *m, struct root *r)
{
	if (m->kind == OPT_TMPFS) {
		root_add_tmpfs(r, m->dst, "mode=755");
		return NULL;
	}
	bool ro = m->kind == OPT_RO_BIND, is_file;
	char *host;
	struct err *e = resolve(m->src, false, &host, &is_file);
	if (e)
		return err_in(e, ro ? "--ro-bind" : "--bind");
	int export = root_add_export(r, (struct root_export){ .kind = EXPORT_BIND, .path = host, .read_only = ro, .is_file = is_file });
	root_add_mount(r, (struct sentry_mount){ .kind = MOUNT_GOFER, .target = m->dst, .source = host, .gofer_export = export,
						 .is_file = is_file, .read_only = ro, .shared = true });
	return NULL;
}

struct err *root_build(const struct options *o, struct root *r)
{
	*r = (struct root){ 0 };
	r->mounts = xzalloc(sizeof(*r->mounts) * (size_t)(ROOT_MAX + o->nmounts));
	r->exports = xzalloc(sizeof(*r->exports) * (size_t)(ROOT_MAX + o->nmounts));
	struct err *e = NULL;
	if (o->rootfs)
		e = add_rootfs(o, r);
	else
		root_default(o, r);
	for (int i = 0; !e && i < o->nmounts; i++)
		e = add_user_mount(&o->mounts[i], r);
	if (o->workdir)
		r->cwd = o->workdir;
	return e;
}
