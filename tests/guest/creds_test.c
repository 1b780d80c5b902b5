/* creds_test.c - user and group ids and capabilities (credentials(7), capabilities(7)). */
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(getuid, geteuid, getgid, getegid, getresuid, getresgid, setuid, setgid, setreuid, setregid, setresuid, setresgid,
	setfsuid, setfsgid, getgroups, setgroups, capget, capset);

static void needs_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

/* Which of the three ids are what. */
static void expect_uids(uid_t r, uid_t e, uid_t s)
{
	uid_t ruid, euid, suid;
	ASSERT_OK(getresuid(&ruid, &euid, &suid));
	EXPECT_EQ(ruid, r);
	EXPECT_EQ(euid, e);
	EXPECT_EQ(suid, s);
}

static struct __user_cap_data_struct caps[2];
static void get_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	ASSERT_OK(syscall(SYS_capget, &h, caps));
}

static int set_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	return (int)syscall(SYS_capset, &h, caps);
}

TEST(root_gives_itself_up_for_good)
{
	needs_root();
	ASSERT_OK(setuid(1000));
	expect_uids(1000, 1000, 1000);
	EXPECT_ERRNO(setuid(0), EPERM);
	EXPECT_ERRNO(syscall(SYS_setresuid, -1, 0, -1), EPERM);
	EXPECT_OK(syscall(SYS_setresuid, -1, 1000, -1));
	get_caps();
	EXPECT_EQ(caps[0].permitted | caps[0].effective, 0);
}

TEST(the_saved_id_leads_back)
{
	needs_root();
	ASSERT_OK(seteuid(1000));
	expect_uids(0, 1000, 0);
	get_caps();
	EXPECT_EQ(caps[0].effective, 0);
	EXPECT(caps[0].permitted != 0);
	ASSERT_OK(seteuid(0));
	get_caps();
	EXPECT(caps[0].effective != 0);
	ASSERT_OK(setreuid(1000, 0));
	expect_uids(1000, 0, 0);
	ASSERT_OK(setreuid(-1, 1000));
	expect_uids(1000, 1000, 0);
	ASSERT_OK(setresuid(-1, 0, -1));
	ASSERT_OK(setresuid(5, 6, 7));
	expect_uids(5, 6, 7);
	EXPECT_OK(setresuid(7, 5, 6));
	expect_uids(7, 5, 6);
	EXPECT_ERRNO(setresuid(7, 5, 8), EPERM);
}

TEST(groups)
{
	needs_root();
	gid_t list[3] = { 10, 20, 30 }, got[4];
	ASSERT_OK(setgroups(3, list));
	EXPECT_EQ(getgroups(0, NULL), 3);
	EXPECT_EQ(getgroups(4, got), 3);
	EXPECT_EQ(got[2], 30);
	EXPECT_ERRNO(getgroups(2, got), EINVAL);
	EXPECT_ERRNO(syscall(SYS_setgroups, 70000, list), EINVAL);
	ASSERT_OK(setgid(100));
	gid_t r, e, s;
	getresgid(&r, &e, &s);
	EXPECT(r == 100 && e == 100 && s == 100);
	ASSERT_OK(setregid(101, 102));
	getresgid(&r, &e, &s);
	EXPECT(r == 101 && e == 102 && s == 102);
	ASSERT_OK(setresgid(1, 2, 3));
	ASSERT_OK(setuid(1000));
	EXPECT_ERRNO(setgroups(1, list), EPERM);
	EXPECT_ERRNO(setgid(9), EPERM);
	EXPECT_OK(setgid(3));
	EXPECT_EQ(getegid(), 3);
}

TEST(file_system_ids)
{
	needs_root();
	EXPECT_EQ(setfsuid(1000), 0);
	EXPECT_EQ(setfsuid((uid_t)-1), 1000);
	get_caps();
	EXPECT(!(caps[0].effective & 1 << CAP_DAC_OVERRIDE));
	EXPECT(caps[0].effective & 1 << CAP_SETUID);
	EXPECT_EQ(setfsuid(0), 1000);
	EXPECT_EQ(setfsgid(5), 0);
	EXPECT_EQ(setfsgid(0), 5);
	ASSERT_OK(setresuid(1, 2, 3));
	EXPECT_EQ(setfsuid(3), 2);
	EXPECT_EQ(setfsuid(9), 3);
	EXPECT_EQ(setfsuid(1), 3);
}

TEST(minus_one_is_nobody)
{
	EXPECT_ERRNO(syscall(SYS_setuid, -1), EINVAL);
	EXPECT_ERRNO(syscall(SYS_setgid, -1), EINVAL);
	EXPECT_OK(syscall(SYS_setreuid, -1, -1));
	EXPECT_OK(syscall(SYS_setresgid, -1, -1, -1));
}

TEST(capability_versions)
{
	struct __user_cap_header_struct h = { .version = 1 };
	EXPECT_ERRNO(syscall(SYS_capget, &h, caps), EINVAL);
	EXPECT_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	h.version = 1;
	EXPECT_OK(syscall(SYS_capget, &h, NULL));
	h.pid = -1;
	EXPECT_ERRNO(syscall(SYS_capget, &h, caps), EINVAL);
	h.pid = 0x7fffff;
	EXPECT_ERRNO(syscall(SYS_capget, &h, caps), ESRCH);
	h.pid = getppid();
	EXPECT_ERRNO(syscall(SYS_capset, &h, caps), EPERM);
}

TEST(capabilities_only_shrink)
{
	needs_root();
	get_caps();
	caps[0].effective &= ~(1U << CAP_KILL);
	caps[0].permitted &= ~(1U << CAP_KILL);
	ASSERT_OK(set_caps());
	caps[0].permitted |= 1U << CAP_KILL;
	EXPECT_ERRNO(set_caps(), EPERM);
	caps[0].permitted &= ~(1U << CAP_KILL);
	caps[0].effective |= 1U << CAP_KILL;
	EXPECT_ERRNO(set_caps(), EPERM);
}

TEST(keepcaps_and_bounding_and_ambient)
{
	COVERS(prctl);
	needs_root();
	EXPECT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0), 1);
	EXPECT_OK(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
	EXPECT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0), 0);
	EXPECT_ERRNO(prctl(PR_CAPBSET_READ, 64, 0, 0, 0), EINVAL);
	EXPECT_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), EPERM);
	get_caps();
	caps[0].inheritable |= 1U << CAP_CHOWN;
	ASSERT_OK(set_caps());
	EXPECT_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	EXPECT_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 1);
	EXPECT_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	EXPECT_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
	EXPECT_OK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	EXPECT_EQ(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 1);
	ASSERT_OK(setuid(1000));
	get_caps();
	EXPECT_EQ(caps[0].effective, 0);
	EXPECT(caps[0].permitted & 1 << CAP_CHOWN);
}

TEST(signals_need_a_common_id)
{
	COVERS(kill);
	needs_root();
	pid_t pid = fork();
	if (pid == 0) {
		setuid(2000);
		_exit(kill(getppid(), 0) == -1 && errno == EPERM && kill(-1, 0) == 0 ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	(void)status;
	EXPECT(WIFEXITED(status));
}
