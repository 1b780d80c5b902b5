/* uname_test.c - the machine's names; personality; calls that nobody may make. */
#include "tests/guest/guest.h"

#include <sched.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

TEST(uname_says_linux_on_x86_64)
{
	COVERS(uname);
	struct utsname u;
	int major = 0, minor = 0;
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.sysname, "Linux");
	EXPECT_STREQ(u.machine, "x86_64");
	EXPECT_EQ(sscanf(u.release, "%d.%d", &major, &minor), 2);
	EXPECT(major >= 5);
	EXPECT(u.nodename[0]);
}

TEST(uname_to_a_bad_pointer_faults)
{
	EXPECT_ERRNO(syscall(SYS_uname, 8L), EFAULT);
}

TEST(sethostname_changes_uname_in_an_own_namespace)
{
	COVERS(sethostname, setdomainname, unshare);
	struct utsname u;
	if (unshare(CLONE_NEWUTS))
		SKIP("needs a UTS namespace");
	ASSERT_OK(sethostname("other", 5));
	ASSERT_OK(setdomainname("example.org", 11));
	ASSERT_OK(uname(&u));
	EXPECT_STREQ(u.nodename, "other");
	EXPECT_STREQ(u.domainname, "example.org");
	EXPECT_ERRNO(syscall(SYS_sethostname, "x", 65L), EINVAL);
	EXPECT_ERRNO(sethostname(NULL, 5), EFAULT);
}

TEST(sethostname_needs_privilege)
{
	COVERS(sethostname);
	if (getuid() == 0 && setuid(12345))
		SKIP("cannot give up root");
	EXPECT_ERRNO(sethostname("x", 1), EPERM);
	EXPECT_ERRNO(setdomainname("x", 1), EPERM);
}

TEST(personality_is_kept)
{
	COVERS(personality);
	int old = personality(0xffffffff);
	ASSERT_OK(old);
	ASSERT_EQ(personality(old | ADDR_NO_RANDOMIZE), old);
	EXPECT_EQ(personality(0xffffffff), old | ADDR_NO_RANDOMIZE);
	pid_t pid = fork();
	if (!pid)
		_exit(personality(0xffffffff) != (old | ADDR_NO_RANDOMIZE));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(machine_management_needs_privilege)
{
	COVERS(acct, swapon, swapoff, reboot, iopl, ioperm, init_module, finit_module, delete_module, kexec_load, kexec_file_load,
	       vhangup, syslog);
	if (getuid() == 0 && setuid(12345))
		SKIP("cannot give up root");
	EXPECT_ERRNO(syscall(SYS_swapon, "/nowhere", 0), EPERM);
	EXPECT_ERRNO(syscall(SYS_swapoff, "/nowhere"), EPERM);
	EXPECT_ERRNO(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL), EPERM);
	EXPECT_ERRNO(syscall(SYS_vhangup), EPERM);
	EXPECT_ERRNO(klogctl(5, NULL, 0), EPERM);
}
