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
	static const int calls[] = {
		SYS_acct, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_iopl, SYS_ioperm, SYS_init_module, SYS_finit_module,
		SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_vhangup,
	};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* Numbers that are valid for those that look at them first: iopl(3), ioperm(0, 1, 1). */
		long first = calls[i] == SYS_iopl ? 3 : calls[i] == SYS_reboot ? (long)0xfee1dead : 0;
		long ret = syscall(calls[i], first, calls[i] == SYS_reboot ? 672274793L : 1L, 1L, 0L, 0L);
		if (ret != -1 || (errno != EPERM && errno != ENOSYS))          /* ENOSYS: configured out */
			FAIL("call %d returned %ld, errno %d", calls[i], ret, errno);
	}
	EXPECT_ERRNO(klogctl(5, NULL, 0), EPERM);
}
