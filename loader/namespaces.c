/* namespaces.c - new namespaces with a new process as their first.
 *
 * HOW      clone(2) with everything at once but two: the time namespace follows in init, for clone can't make one, and so does
 *          the network namespace, for that is three quarters of the work and others have something to do meanwhile. The maps
 *          are written by the parent, because only it may map more than itself.
 *          Root maps every id to itself: files keep their owners and nothing of root's power over the host is left, for
 *          capabilities in a user namespace reach no further than what it owns.
 * MISSING  Ranges of /etc/subuid by newuidmap for ordinary users: the guest's ids are the sentry's own affair, only the
 *          owners that --bind shows and makes are concerned. */
#include "loader/namespaces.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static long read_number(const char *path)
{
	char buf[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	return n > 0 ? strtol(buf, NULL, 10) : -1;
}

const char *namespaces_hint(void)
{
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return "; this host allows no user namespaces: sysctl user.max_user_namespaces is 0";
	if (geteuid() == 0)
		return "; if this is a container, it must be allowed to make user namespaces (a seccomp profile may forbid it)";
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "; ordinary users may not make user namespaces here: sysctl kernel.unprivileged_userns_clone is 0";
	if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "; AppArmor restricts user namespaces here: sysctl kernel.apparmor_restrict_unprivileged_userns is 1";
	return "";
}

static struct err *refused(int err)
{
	return err_new("cannot make namespaces: %s%s", strerror(err), namespaces_hint());
}

struct err *namespaces_network(void)
{
	return unshare(CLONE_NEWNET) < 0 ? refused(errno) : NULL;
}

struct err *namespaces_clone(struct sandbox *sb, bool *out_child)
{
	/* A plain fork otherwise: the child goes on with a copy of this stack. libc's idea of the thread's id is wrong in
	 * it from now on, which matters to nothing but abort(). */
	long pid = syscall(SYS_clone, NAMESPACES | CLONE_PIDFD | SIGCHLD, NULL, &sb->init_pidfd, NULL, 0);
	if (pid < 0)
		return refused(errno);
	*out_child = pid == 0;
	if (pid > 0)
		sb->init_pid = (pid_t)pid;
	return NULL;
}

static struct err *write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(errno, "%s", path);
	ssize_t n = write(fd, text, strlen(text));
	int err = errno;
	close(fd);
	return n == (ssize_t)strlen(text) ? NULL : err_errno(err, "%s", path);
}

/* Our own map with each range mapped to itself: all there is, also inside another user namespace. */
static struct err *identity_map(const char *own, char *out, size_t room, bool *has_nobody)
{
	FILE *f = fopen(own, "re");
	if (!f)
		return err_errno(errno, "%s", own);
	size_t len = 0;
	unsigned long inside, outside, count;
	out[0] = '\0';
	while (len < room && fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3) {
		int n = snprintf(out + len, room - len, "%lu %lu %lu\n", inside, inside, count);
		len += (size_t)n;
		*has_nobody |= inside <= NOBODY && NOBODY < inside + count;
	}
	fclose(f);
	return len < room ? NULL : err_new("%s: too long", own);
}

static struct err *map_all(struct sandbox *sb)
{
	char uids[1024], gids[1024];
	bool uid = false, gid = false;
	struct err *e = identity_map("/proc/self/uid_map", uids, sizeof(uids), &uid);
	if (!e)
		e = identity_map("/proc/self/gid_map", gids, sizeof(gids), &gid);
	if (!e)
		e = write_file(sb->init_pid, "uid_map", uids);
	if (!e)
		e = write_file(sb->init_pid, "gid_map", gids);
	sb->nobody_mapped = !e && uid && gid;
	return e;
}

static struct err *map_one(struct sandbox *sb)
{
	char line[64];
	struct err *e = write_file(sb->init_pid, "setgroups", "deny");
	snprintf(line, sizeof(line), "0 %u 1\n", geteuid());
	if (!e)
		e = write_file(sb->init_pid, "uid_map", line);
	snprintf(line, sizeof(line), "0 %u 1\n", getegid());
	if (!e)
		e = write_file(sb->init_pid, "gid_map", line);
	sb->nobody_mapped = false;
	return e;
}

struct err *namespaces_map(struct sandbox *sb)
{
	if (geteuid() == 0) {
		struct err *e = map_all(sb);
		if (!e)
			return NULL;
		/* Root of a container that was not given CAP_SETUID. Nothing was written, unless the failure was late. */
		err_free(e);
	}
	return err_in(map_one(sb), "user namespace");
}
