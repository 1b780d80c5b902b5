/* ns_test.c - uts, ipc, net and mount namespaces, and namespaces as files (namespaces(7), setns(2), ioctl_ns(2)). */
#include <fcntl.h>
#include <linux/nsfs.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "tests/guest/guest.h"

COVERS(unshare, setns, ioctl, mount);

static void needs_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

static ino_t ns_of(const char *who, const char *kind)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, kind);
	ASSERT_OK(stat(path, &st));
	return st.st_ino;
}

TEST(links_say_what_stat_says)
{
	char link[64] = "", wanted[64];
	ASSERT(readlink("/proc/self/ns/uts", link, sizeof(link) - 1) > 0);
	snprintf(wanted, sizeof(wanted), "uts:[%lu]", (unsigned long)ns_of("self", "uts"));
	EXPECT_STREQ(link, wanted);
	int fd = open("/proc/self/ns/uts", O_RDONLY);
	ASSERT_OK(fd);
	struct statfs fs;
	ASSERT_OK(fstatfs(fd, &fs));
	EXPECT_EQ(fs.f_type, 0x6e736673);
	EXPECT_EQ(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWUTS);
	EXPECT_ERRNO(ioctl(fd, NS_GET_PARENT), EINVAL);
	EXPECT_ERRNO(ioctl(fd, 0x1234), ENOTTY);
}

TEST(unshare_needs_the_capability)
{
	if (geteuid() == 0)
		ASSERT_OK(setresuid(1234, 1234, 1234));
	EXPECT_ERRNO(unshare(CLONE_NEWUTS), EPERM);
	EXPECT_ERRNO(unshare(CLONE_NEWPID), EPERM);
	EXPECT_ERRNO(unshare(CLONE_NEWNS), EPERM);
	EXPECT_ERRNO(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0), EPERM);
	int fd = open("/proc/self/ns/uts", O_RDONLY);
	ASSERT_OK(fd);
	EXPECT_ERRNO(setns(fd, 0), EPERM);
}

TEST(a_hostname_of_ones_own_and_back)
{
	needs_root();
	struct utsname before, u;
	ASSERT_OK(uname(&before));
	int fd = open("/proc/self/ns/uts", O_RDONLY);
	ASSERT_OK(fd);
	ino_t first = ns_of("self", "uts");
	ASSERT_OK(unshare(CLONE_NEWUTS));
	EXPECT(ns_of("self", "uts") != first);
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.nodename, before.nodename);            /* a copy */
	ASSERT_OK(sethostname("other", 5));
	EXPECT_ERRNO(setns(fd, CLONE_NEWIPC), EINVAL);
	ASSERT_OK(setns(fd, CLONE_NEWUTS));
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.nodename, before.nodename);
	EXPECT_EQ(ns_of("self", "uts"), first);
}

TEST(ipc_objects_stay_in_theirs)
{
	needs_root();
	int id = shmget(0x5b5b5b, 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	mqd_t q = mq_open("/ns-test", O_CREAT | O_RDWR, 0600, &attr);
	ASSERT_OK(q);
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWIPC));
		EXPECT_ERRNO(shmget(0x5b5b5b, 4096, 0), ENOENT);
		struct shmid_ds ds;
		EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
		EXPECT_ERRNO(mq_open("/ns-test", O_RDWR), ENOENT);
		EXPECT_OK(shmget(0x5b5b5b, 8192, IPC_CREAT | 0600));
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	ASSERT_OK(shmctl(id, IPC_RMID, NULL));
	ASSERT_OK(mq_unlink("/ns-test"));
}

TEST(abstract_socket_names_are_the_networks)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0ns-test-name" };
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(bind(a, (struct sockaddr *)&name, sizeof(name)));
	ASSERT_OK(listen(a, 1));
	ASSERT_OK(unshare(CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0)));
	int inside = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_ERRNO(connect(inside, (struct sockaddr *)&name, sizeof(name)), ECONNREFUSED);
	EXPECT_OK(bind(inside, (struct sockaddr *)&name, sizeof(name)));
	EXPECT_OK(connect(b, (struct sockaddr *)&name, sizeof(name)));        /* made outside: there still */
	EXPECT_ERRNO(bind(c, (struct sockaddr *)&name, sizeof(name)), EADDRINUSE);
}

TEST(mounts_of_ones_own)
{
	needs_root();
	char dir[] = "/tmp/ns-XXXXXX", path[64];
	ASSERT(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWNS));
		ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		ASSERT_OK(mount("x", dir, "tmpfs", 0, NULL));
		ASSERT_OK(open(path, O_CREAT | O_WRONLY, 0600));
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_ERRNO(access(path, F_OK), ENOENT);
	rmdir(dir);
}

TEST(a_bind_mount_keeps_a_namespace)
{
	needs_root();
	char path[] = "/tmp/ns-XXXXXX";
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	close(fd);
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWUTS));
		ASSERT_OK(sethostname("kept", 4));
		ASSERT_OK(mount("/proc/self/ns/uts", path, NULL, MS_BIND, NULL));
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	EXPECT_OK(umount2(path, MNT_DETACH));
	unlink(path);
	ASSERT_OK(setns(fd, 0));
	struct utsname u;
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.nodename, "kept");
}

TEST(all_of_a_process_by_its_pidfd)
{
	needs_root();
	int fds[2];
	char c = 0;
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET));
		ASSERT_EQ(write(fds[1], &c, 1), 1);
		pause();
	}
	ASSERT_EQ(read(fds[0], &c, 1), 1);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ASSERT_OK(pidfd);
	EXPECT_ERRNO(setns(pidfd, 0), EINVAL);
	EXPECT_ERRNO(setns(pidfd, CLONE_VM), EINVAL);
	ASSERT_OK(setns(pidfd, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET));
	char who[16];
	snprintf(who, sizeof(who), "%d", pid);
	EXPECT_EQ(ns_of("self", "uts"), ns_of(who, "uts"));
	EXPECT_EQ(ns_of("self", "ipc"), ns_of(who, "ipc"));
	EXPECT_EQ(ns_of("self", "net"), ns_of(who, "net"));
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(owners_and_parents)
{
	ino_t first = ns_of("self", "user");
	ASSERT_OK(unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	int fd = open("/proc/self/ns/uts", O_RDONLY);
	ASSERT_OK(fd);
	int owner = ioctl(fd, NS_GET_USERNS);
	ASSERT_OK(owner);
	struct stat st;
	ASSERT_OK(fstat(owner, &st));
	EXPECT_EQ(st.st_ino, ns_of("self", "user"));
	EXPECT(st.st_ino != first);
	EXPECT_ERRNO(ioctl(owner, NS_GET_PARENT), EPERM);     /* outside */
	uid_t uid;
	EXPECT_OK(ioctl(owner, NS_GET_OWNER_UID, &uid));
	EXPECT_ERRNO(ioctl(fd, NS_GET_OWNER_UID, &uid), EINVAL);
}
