/* root_default.c - the root directory when none is given: the host's programs, and nothing personal.
 *
 * HOW      The gofer's own tmpfs holds a tree of two exports: "system" has binds of /usr and its like, "etc" is the host's, of which
 *          only what everybody may read is shown, and without what tells machines apart. Both are mounted under overlays, so
 *          that the guest may write everywhere, in memory. There the sentry makes the directories of an empty machine and the
 *          host's symlinks (/bin → usr/bin): two dozen calls less to the host, and nobody asks the gofer for them.
 *          /tmp, /var/tmp, /run and /root start empty.
 *          The current directory is shown likewise at its own place, for programs work on files; but not if that would show
 *          more than a project: /, a home directory, what contains one, or a place that every machine has. Then, and whenever
 *          the program named by a path would be missing, its own file is shown.
 * MISSING  Directories that the distribution keeps elsewhere (/nix, /gnu): --ro-bind shows them. */
#include <pwd.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/root.h"

static const char *const host_dirs[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32" };
static const char *const own_dirs[] = { "dev", "etc", "home", "mnt", "media", "opt", "proc", "root", "run", "srv", "sys", "tmp", "var",
					"var/cache", "var/lib", "var/log", "var/spool", "var/tmp" };
static const struct { const char *path, *mode; } fresh[] = {
	{ "/tmp", "mode=1777" }, { "/var/tmp", "mode=1777" }, { "/run", "mode=755" }, { "/root", "mode=700" },
};

#define ITEMS_MAX 48

#define SYSTEM "system/"

static void add_item(struct root *r, int kind, const char *path, const char *text)
{
	r->items[r->nitems++] = (struct tree_item){ .kind = kind, .path = path, .text = text };
}

static void make(struct root *r, const char *path, const char *symlink)
{
	CHECK(r->nmade < (int)ARRAY_SIZE(r->made));
	r->made[r->nmade++] = (struct sentry_made){ .path = path, .symlink = symlink };
}

static char *format(const char *fmt, const char *arg)
{
	char *s = NULL;
	CHECK(asprintf(&s, fmt, arg) >= 0);
	return s;
}

static void add_host_dir(struct root *r, const char *name)
{
	char path[64], target[PATH_MAX];
	snprintf(path, sizeof(path), "/%s", name);
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	struct stat st;
	if (len > 0) {
		target[len] = '\0';
		make(r, name, xstrdup(target));
	} else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		add_item(r, ITEM_BIND, format(SYSTEM "%s", name), xstrdup(path));
	}
}

static void add_overlay(const struct options *o, struct root *r, const char *dir, const char *target, bool public_only, bool overlay)
{
	int export = root_add_export(r, (struct root_export){ .kind = EXPORT_TREE, .path = dir, .read_only = true,
							      .public_only = public_only });
	root_add_mount(r, (struct sentry_mount){ .kind = MOUNT_GOFER, .target = target, .source = "overlay", .gofer_export = export,
						 .overlay = overlay, .read_only = o->read_only });
}

static void add_system(const struct options *o, struct root *r)
{
	r->items = xzalloc(sizeof(*r->items) * ITEMS_MAX);
	add_item(r, ITEM_DIR, "system", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(own_dirs); i++)
		make(r, own_dirs[i], NULL);
	make(r, "var/run", "/run");
	make(r, "var/lock", "/run/lock");
	for (size_t i = 0; i < ARRAY_SIZE(host_dirs); i++)
		add_host_dir(r, host_dirs[i]);
	add_overlay(o, r, "system", "/", false, true);
}

static void add_etc(const struct options *o, struct root *r)
{
	if (access("/etc", R_OK | X_OK) < 0)
		return;
	add_item(r, ITEM_BIND, "etc", "/etc");
	add_item(r, ITEM_FILE, "etc/hostname", format("%s\n", o->hostname));
	add_item(r, ITEM_FILE, "etc/hosts",
		 format("127.0.0.1\tlocalhost %s\n::1\t\tlocalhost ip6-localhost ip6-loopback\n", o->hostname));
	add_item(r, ITEM_FILE, "etc/machine-id", "");
	add_item(r, ITEM_FILE, "etc/resolv.conf", "");
	add_overlay(o, r, "etc", "/etc", true, !o->read_only);
}

/* Below one of the host's directories that the tree has, perhaps through one of its symlinks. */
static bool is_system(const struct root *r, const char *path)
{
	for (int i = 0; i < r->nmade; i++)
		if (r->made[i].symlink && path_is_within(path + 1, r->made[i].path))
			return true;
	for (int i = 0; i < r->nitems; i++)
		if (r->items[i].kind == ITEM_BIND && strncmp(r->items[i].path, SYSTEM, strlen(SYSTEM)) == 0 &&
		    path_is_within(path + 1, r->items[i].path + strlen(SYSTEM)))
			return true;
	return path_is_within(path, "/etc");
}

static bool is_home(const char *path)
{
	const char *home = getenv("HOME");
	if (home && *home == '/' && path_is_within(home, path))
		return true;
	/* Not getpwuid(), which would load shared libraries. */
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw = NULL;
	while (f && (pw = fgetpwent(f)) && pw->pw_uid != getuid())
		;
	bool found = pw && path_is_within(pw->pw_dir, path);
	if (f)
		fclose(f);
	return found;
}

/* May the current directory be shown as a whole? */
static bool is_project(const char *cwd)
{
	if (is_home(cwd))
		return false;
	static const char *const never[] = { "/proc", "/sys", "/dev" };
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (path_is_within(cwd, never[i]))
			return false;
	/* A place that every machine has, or what contains one. */
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		if (path_is_within(fresh[i].path, cwd))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(own_dirs); i++) {
		char path[32];
		snprintf(path, sizeof(path), "/%s", own_dirs[i]);
		if (path_is_within(path, cwd))
			return false;
	}
	return true;
}

static bool user_mount_covers(const struct options *o, const char *path)
{
	for (int i = 0; i < o->nmounts; i++)
		if (path_is_within(path, o->mounts[i].dst))
			return true;
	return false;
}

static void show(const struct options *o, struct root *r, const char *host, const char *target, bool is_file)
{
	int export = root_add_export(r, (struct root_export){ .kind = EXPORT_BIND, .path = host, .is_file = is_file, .read_only = true });
	root_add_mount(r, (struct sentry_mount){ .kind = MOUNT_GOFER, .target = target, .source = host, .gofer_export = export,
						 .is_file = is_file, .overlay = !o->read_only && !is_file,
						 .read_only = o->read_only || is_file });
}

/* cwd/name without "." and "..", as text. */
static char *absolute(const char *cwd, const char *name)
{
	char *path = xzalloc(strlen(cwd) + strlen(name) + 3), *end = path;
	const char *parts[2] = { *name == '/' ? "" : cwd, name };
	for (int i = 0; i < 2; i++)
		for (const char *s = parts[i]; *s;) {
			s += strspn(s, "/");
			size_t len = strcspn(s, "/");
			if (len == 2 && s[0] == '.' && s[1] == '.') {
				while (end > path && *--end != '/')
					;
				*end = '\0';
			} else if (len > 0 && !(len == 1 && s[0] == '.')) {
				*end++ = '/';
				memcpy(end, s, len);
				end += len;
				*end = '\0';
			}
			s += len;
		}
	return path;
}

static bool show_program(const struct options *o, struct root *r, const char *cwd, bool cwd_shown)
{
	const char *name = o->argv[0];
	if (!strchr(name, '/'))
		return false;
	char *target = absolute(cwd, name), *host = realpath(name, NULL);
	struct stat st;
	if (!host || stat(host, &st) < 0 || !S_ISREG(st.st_mode) || is_system(r, target) || user_mount_covers(o, target) ||
	    (cwd_shown && path_is_within(target, cwd)))
		return false;
	show(o, r, host, target, true);
	return true;
}

static void add_hint(struct root *r, const char *path, bool open)
{
	if (r->nhints < (int)ARRAY_SIZE(r->hints))
		r->hints[r->nhints++] = (struct sentry_hint){ .path = path, .open = open };
}

/* The names that starting a dynamic program needs: itself, what interprets it, the C library beside that. */
static void add_hints(const struct options *o, struct root *r)
{
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2";
	char *program = strchr(o->argv[0], '/') ? realpath(o->argv[0], NULL) : NULL;
	if (program)
		add_hint(r, program, true);
	char target[PATH_MAX], *interp = realpath(loader, NULL);
	if (!interp)
		return;
	if (readlink("/lib64", target, sizeof(target)) > 0) {      /* as where /bin, /lib and /lib64 are links into /usr */
		add_hint(r, "/bin", false);
		add_hint(r, "/lib", false);
		add_hint(r, "/lib64", false);
		add_hint(r, format("/usr%s", loader), false);
	}
	add_hint(r, interp, true);
	char *slash = strrchr(interp, '/');
	snprintf(target, sizeof(target), "%.*s/libc.so.6", (int)(slash - interp), interp);
	add_hint(r, xstrdup(target), true);
	add_hint(r, "/etc/ld.so.preload", false);
	add_hint(r, "/etc/ld.so.cache", true);
}

void root_default(const struct options *o, struct root *r)
{
	add_hints(o, r);
	add_system(o, r);
	add_etc(o, r);
	root_add_kernel_mounts(r);
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		root_add_tmpfs(r, fresh[i].path, fresh[i].mode);
	r->cwd = "/";
	char *cwd = getcwd(NULL, 0);
	if (!cwd)
		return;
	bool shown = is_system(r, cwd);
	if (!shown && !user_mount_covers(o, cwd) && is_project(cwd)) {
		show(o, r, cwd, cwd, false);
		shown = true;
	}
	bool program_shown = show_program(o, r, cwd, shown);
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		shown |= strcmp(cwd, fresh[i].path) == 0;
	if (shown || program_shown || user_mount_covers(o, cwd))
		r->cwd = cwd;
}
