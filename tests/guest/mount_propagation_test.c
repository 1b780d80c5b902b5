/* mount_propagation_test.c - shared, slave, private and unbindable mounts (mount_namespaces(7)). */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/guest/guest.h"

COVERS(mount, umount2, unshare);

static char base[] = "/tmp/propagation-XXXXXX", a[64], b[64];

/* Two directories of a tmpfs in a namespace of our own, b a bind mount of a. */
static void begin(unsigned long how)
{
	if (geteuid() != 0)
		SKIP("needs root");
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT(mkdtemp(base));
	ASSERT_OK(mount("t", base, "tmpfs", 0, NULL));
	snprintf(a, sizeof(a), "%s/a", base);
	snprintf(b, sizeof(b), "%s/b", base);
	ASSERT_OK(mkdir(a, 0755));
	ASSERT_OK(mkdir(b, 0755));
	ASSERT_OK(mount(a, a, NULL, MS_BIND, NULL));
	ASSERT_OK(mount(NULL, a, NULL, how, NULL));
	char in[80];
	snprintf(in, sizeof(in), "%s/in", a);
	ASSERT_OK(mkdir(in, 0755));
}

static void end(void)
{
	umount2(base, MNT_DETACH);
	rmdir(base);
}

static const char *in(const char *dir)
{
	static char path[2][80];
	static int n;
	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/in", dir);
	return path[n];
}

/* Is something mounted on dir/in? */
static bool is_mounted(const char *dir)
{
	struct stat up, down;
	return stat(dir, &up) == 0 && stat(in(dir), &down) == 0 && up.st_dev != down.st_dev;
}

/* The optional fields of mountinfo's last line for the path, up to " - ". */
static bool mountinfo_has(const char *path, const char *field)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen("/proc/self/mountinfo", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		char *dash = strstr(line, " - "), *at = strstr(line, path);
		if (!dash || !at || at[strlen(path)] != ' ')
			continue;
		*dash = '\0';
		found = strstr(line, field) != NULL;
	}
	fclose(f);
	return found;
}

TEST(peers_see_each_others_mounts)
{
	begin(MS_SHARED);
	EXPECT(mountinfo_has(a, " shared:"));
	ASSERT_OK(mount(a, b, NULL, MS_BIND, NULL));
	ASSERT_OK(mount("x", in(a), "tmpfs", 0, NULL));
	EXPECT(is_mounted(a));
	EXPECT(is_mounted(b));
	ASSERT_OK(umount(in(b)));
	EXPECT(!is_mounted(a));
	EXPECT(!is_mounted(b));
	end();
}

TEST(a_slave_receives_but_does_not_send)
{
	begin(MS_SHARED);
	ASSERT_OK(mount(a, b, NULL, MS_BIND, NULL));
	ASSERT_OK(mount(NULL, b, NULL, MS_SLAVE, NULL));
	EXPECT(mountinfo_has(b, " master:"));
	EXPECT(!mountinfo_has(b, " shared:"));
	ASSERT_OK(mount("x", in(a), "tmpfs", 0, NULL));
	EXPECT(is_mounted(b));
	ASSERT_OK(umount(in(a)));
	EXPECT(!is_mounted(b));
	ASSERT_OK(mount("x", in(b), "tmpfs", 0, NULL));
	EXPECT(is_mounted(b));
	EXPECT(!is_mounted(a));
	end();
}

TEST(private_ones_keep_to_themselves)
{
	begin(MS_PRIVATE);
	ASSERT_OK(mount(a, b, NULL, MS_BIND, NULL));
	ASSERT_OK(mount("x", in(a), "tmpfs", 0, NULL));
	EXPECT(!is_mounted(b));
	EXPECT(!mountinfo_has(a, " shared:"));
	end();
}

TEST(unbindable_cannot_be_bound)
{
	begin(MS_UNBINDABLE);
	EXPECT(mountinfo_has(a, " unbindable"));
	EXPECT_ERRNO(mount(a, b, NULL, MS_BIND, NULL), EINVAL);
	/* A recursive bind leaves it out. */
	ASSERT_OK(mount(base, b, NULL, MS_BIND | MS_REC, NULL));
	char inner[80];
	snprintf(inner, sizeof(inner), "%s/a/in", b);
	struct stat st;
	EXPECT_OK(stat(inner, &st));
	EXPECT(!mountinfo_has(inner, ""));
	end();
}

TEST(a_slave_alone_in_its_group_is_private)
{
	begin(MS_SHARED);
	ASSERT_OK(mount(NULL, a, NULL, MS_SLAVE, NULL));
	EXPECT(!mountinfo_has(a, " master:"));
	EXPECT(!mountinfo_has(a, " shared:"));
	end();
}

TEST(another_namespace_is_a_peer)
{
	begin(MS_SHARED);
	int up[2], down[2];
	char c = 0;
	ASSERT_OK(pipe(up));
	ASSERT_OK(pipe(down));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWNS));
		ASSERT_EQ(write(up[1], &c, 1), 1);
		ASSERT_EQ(read(down[0], &c, 1), 1);
		EXPECT(is_mounted(a));
		ASSERT_OK(umount(in(a)));
		_exit(guest_failed);
	}
	ASSERT_EQ(read(up[0], &c, 1), 1);
	ASSERT_OK(mount("x", in(a), "tmpfs", 0, NULL));
	ASSERT_EQ(write(down[1], &c, 1), 1);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT(!is_mounted(a));
	end();
}

TEST(a_user_namespaces_copy_is_a_slave_and_locked)
{
	begin(MS_SHARED);
	ASSERT_OK(mount("x", in(a), "tmpfs", MS_NOSUID, NULL));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(unshare(CLONE_NEWUSER | CLONE_NEWNS));
		EXPECT(mountinfo_has(a, " master:"));
		EXPECT(!mountinfo_has(a, " shared:"));
		EXPECT_ERRNO(umount(in(a)), EINVAL);
		EXPECT_ERRNO(mount(NULL, in(a), NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
		EXPECT_OK(mount(NULL, in(a), NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_RDONLY, NULL));
		EXPECT_ERRNO(mount(a, b, NULL, MS_BIND, NULL), EINVAL);
		EXPECT_OK(mount(a, b, NULL, MS_BIND | MS_REC, NULL));
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	end();
}

TEST(flags_are_checked)
{
	begin(MS_SHARED);
	EXPECT_ERRNO(mount(NULL, a, NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
	EXPECT_ERRNO(mount(NULL, a, NULL, MS_SHARED | MS_NOSUID, NULL), EINVAL);
	EXPECT_ERRNO(mount(NULL, in(a), NULL, MS_SHARED, NULL), EINVAL);   /* no mount */
	/* Nothing leaves a shared mount. */
	ASSERT_OK(mount("x", in(a), "tmpfs", 0, NULL));
	EXPECT_ERRNO(mount(in(a), b, NULL, MS_MOVE, NULL), EINVAL);
	end();
}
