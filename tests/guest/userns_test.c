/* userns_test.c - user namespaces: ids in them and what capabilities are worth (user_namespaces(7)). */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "tests/guest/guest.h"

COVERS(unshare, clone, setns, setgroups);

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	int err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

static void read_text(const char *path, char *buf, size_t bytes)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, bytes - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
}

static bool has_cap(int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	ASSERT_OK(syscall(SYS_capget, &h, d));
	return d[cap / 32].effective >> cap % 32 & 1;
}

/* An ordinary user in a namespace of its own, where its id is `inside`. */
static void enter(unsigned inside)
{
	char map[64];
	if (geteuid() == 0) {
		ASSERT_OK(setgroups(0, NULL));
		ASSERT_OK(setresgid(1234, 1234, 1234));
		ASSERT_OK(setresuid(1234, 1234, 1234));
		ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	}
	unsigned uid = geteuid(), gid = getegid();
	ASSERT_OK(unshare(CLONE_NEWUSER));
	for (int i = 0; i < 40; i++)              /* often enough for a sandbox to know the answers by heart */
		EXPECT_EQ(getuid() + getgid(), 2 * 65534);
	ASSERT_OK(write_text("/proc/self/setgroups", "deny"));
	snprintf(map, sizeof(map), "%u %u 1", inside, uid);
	ASSERT_OK(write_text("/proc/self/uid_map", map));
	snprintf(map, sizeof(map), "%u %u 1", inside, gid);
	ASSERT_OK(write_text("/proc/self/gid_map", map));
}

TEST(without_a_map_ids_are_the_overflow_id)
{
	ASSERT_OK(unshare(CLONE_NEWUSER));
	EXPECT_EQ(getuid(), 65534);
	EXPECT_EQ(getegid(), 65534);
	EXPECT(has_cap(CAP_SYS_ADMIN));
	char text[64];
	read_text("/proc/self/uid_map", text, sizeof(text));
	EXPECT_STREQ(text, "");
	EXPECT_ERRNO(setuid(0), EINVAL);
}

TEST(an_ordinary_user_becomes_root_inside)
{
	enter(0);
	EXPECT_EQ(getuid(), 0);
	EXPECT_EQ(getgid(), 0);
	EXPECT(has_cap(CAP_SYS_ADMIN));
	struct stat st;
	ASSERT_OK(stat("/proc/self", &st));
	EXPECT_EQ(st.st_uid, 0);
	ASSERT_OK(stat("/", &st));
	EXPECT(st.st_uid == 65534 || st.st_uid == 0);
}

TEST(capabilities_inside_are_none_outside)
{
	enter(0);
	EXPECT_ERRNO(sethostname("x", 1), EPERM);
	EXPECT_ERRNO(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
	EXPECT_ERRNO(setpriority(0, 0, -10), EACCES);
	ASSERT_OK(unshare(CLONE_NEWUTS));
	ASSERT_OK(sethostname("inside", 6));
	struct utsname u;
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.nodename, "inside");
}

TEST(files_of_others_stay_out_of_reach)
{
	if (geteuid() != 0)
		SKIP("needs root");
	char dir[] = "/tmp/userns-XXXXXX", path[64];
	ASSERT(mkdtemp(dir));
	ASSERT_OK(chmod(dir, 0755));
	snprintf(path, sizeof(path), "%s/secret", dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ASSERT_OK(fd);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		enter(0);
		EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
		EXPECT_ERRNO(chmod(path, 0666), EPERM);
		EXPECT_ERRNO(chown(path, 0, 0), EPERM);
		struct stat st;
		ASSERT_OK(stat(path, &st));
		EXPECT_EQ(st.st_uid, 65534);
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	unlink(path);
	rmdir(dir);
	EXPECT_EQ(status, 0);
}


TEST(maps_are_set_once_and_only_to_oneself)
{
	if (geteuid() == 0) {
		ASSERT_OK(setresgid(1234, 1234, 1234));
		ASSERT_OK(setresuid(1234, 1234, 1234));
		ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	}
	unsigned uid = geteuid(), gid = getegid();
	char map[64];
	ASSERT_OK(unshare(CLONE_NEWUSER));
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 0 1"), EPERM);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 1 x"), EINVAL);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 1"), EINVAL);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 1 0"), EINVAL);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 1 4294967295"), EINVAL);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", "0 1 5\n3 100 5"), EINVAL);
	snprintf(map, sizeof(map), "0 %u 2", uid);
	EXPECT_ERRNO(write_text("/proc/self/uid_map", map), EPERM);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	EXPECT_ERRNO(write_text("/proc/self/gid_map", map), EPERM);     /* not before setgroups is denied */
	EXPECT_ERRNO(write_text("/proc/self/setgroups", "perhaps"), EINVAL);
	ASSERT_OK(write_text("/proc/self/setgroups", "deny"));
	EXPECT_ERRNO(write_text("/proc/self/setgroups", "allow"), EPERM);
	ASSERT_OK(write_text("/proc/self/gid_map", map));
	snprintf(map, sizeof(map), "7 %u 1\n", uid);
	ASSERT_OK(write_text("/proc/self/uid_map", map));
	EXPECT_ERRNO(write_text("/proc/self/uid_map", map), EPERM);
	EXPECT_EQ(getuid(), 7);
	EXPECT_ERRNO(setgroups(0, NULL), EPERM);
	EXPECT_ERRNO(setuid(0), EINVAL);
	EXPECT_OK(setuid(7));
	char text[64];
	read_text("/proc/self/uid_map", text, sizeof(text));
	snprintf(map, sizeof(map), "%10u %10u %10u\n", 7, uid, 1);
	EXPECT_STREQ(text, map);
}

TEST(a_parent_maps_a_range)
{
	if (geteuid() != 0)
		SKIP("needs root");
	int ready[2], go[2];
	char c = 0, path[64];
	ASSERT_OK(pipe(ready));
	ASSERT_OK(pipe(go));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWUSER));
		ASSERT_EQ(write(ready[1], &c, 1), 1);
		ASSERT_EQ(read(go[0], &c, 1), 1);
		EXPECT_EQ(getuid(), 0);
		ASSERT_OK(setgroups(1, (gid_t[]){ 5 }));
		ASSERT_OK(setresgid(10, 10, 10));
		ASSERT_OK(setresuid(10, 11, 12));
		uid_t r, e, s;
		ASSERT_OK(getresuid(&r, &e, &s));
		EXPECT(r == 10 && e == 11 && s == 12);
		EXPECT_ERRNO(setuid(2000), EINVAL);
		_exit(guest_failed ? 1 : 42);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	ASSERT_OK(write_text(path, "0 0 1\n1 100000 1000\n"));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	ASSERT_OK(write_text(path, "0 0 1\n1 100000 1000\n"));
	ASSERT_EQ(write(go[1], &c, 1), 1);
	siginfo_t info;
	ASSERT_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(info.si_uid, 100009);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(flags_are_checked)
{
	EXPECT_ERRNO(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	EXPECT_ERRNO(syscall(SYS_clone, CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0), EINVAL);
	int fd = open("/proc/self/ns/user", O_RDONLY);
	ASSERT_OK(fd);
	EXPECT_ERRNO(setns(fd, 0), EINVAL);                              /* it is in that one */
	EXPECT_ERRNO(setns(fd, CLONE_NEWUTS), EINVAL);
	EXPECT_ERRNO(setns(-1, 0), EBADF);
}

TEST(a_chroot_is_no_place_for_one)
{
	if (geteuid() != 0)
		SKIP("needs root");
	ASSERT_OK(chroot("/usr"));
	EXPECT_ERRNO(unshare(CLONE_NEWUSER), EPERM);
}
