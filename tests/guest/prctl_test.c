/* prctl_test.c - prctl(2). */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

COVERS(prctl);

TEST(names_are_cut_to_fifteen_characters)
{
	char name[16];
	EXPECT_OK(prctl(PR_SET_NAME, "abcdefghijklmnopqrst", 0, 0, 0));
	EXPECT_OK(prctl(PR_GET_NAME, name, 0, 0, 0));
	EXPECT_STREQ(name, "abcdefghijklmno");
	EXPECT_OK(prctl(PR_SET_NAME, "x", 0, 0, 0));
	EXPECT_OK(prctl(PR_GET_NAME, name, 0, 0, 0));
	EXPECT_STREQ(name, "x");
	EXPECT_ERRNO(prctl(PR_SET_NAME, 8, 0, 0, 0), EFAULT);
}

TEST(death_signal)
{
	int sig = -1;
	EXPECT_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
	EXPECT_OK(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0));
	EXPECT_EQ(sig, SIGUSR1);
	EXPECT_ERRNO(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0), EINVAL);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
		_exit(sig);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(dumpable)
{
	EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	EXPECT_OK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	EXPECT_ERRNO(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0), EINVAL);
}

TEST(no_new_privs_is_for_good)
{
	EXPECT_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	EXPECT_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
}

TEST(subreaper_slack_tid_address)
{
	int on = -1;
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 7, 0, 0, 0));
	EXPECT_OK(prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0));
	EXPECT_EQ(on, 1);
	EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 50000);
	EXPECT_OK(prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0));
	EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1000);
	EXPECT_OK(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
	EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 50000);
	int word;
	int *addr = NULL;
	EXPECT_EQ(syscall(SYS_set_tid_address, &word), gettid());
	if (prctl(PR_GET_TID_ADDRESS, &addr, 0, 0, 0) == 0)
		EXPECT(addr == &word);
}

TEST(named_memory)
{
#ifdef PR_SET_VMA
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, 4096, "mine") < 0 && errno == EINVAL)
		SKIP("the kernel has no names for anonymous memory");
	EXPECT_ERRNO(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, 4096, "a[b"), EINVAL);
	EXPECT_ERRNO(prctl(PR_SET_VMA, 99, p, 4096, "x"), EINVAL);
	char line[256];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		found |= strstr(line, "[anon:mine]") != NULL;
	EXPECT(found);
#else
	SKIP("built without PR_SET_VMA");
#endif
}

TEST(unknown_options)
{
	EXPECT_ERRNO(prctl(12345, 0, 0, 0, 0), EINVAL);
	EXPECT_ERRNO(prctl(PR_SET_TIMING, 1, 0, 0, 0), EINVAL);
	EXPECT_EQ(prctl(PR_GET_TIMING, 0, 0, 0, 0), 0);
	EXPECT_ERRNO(prctl(PR_CAP_AMBIENT, 99, 0, 0, 0), EINVAL);
}

TEST(a_childs_default_slack_is_its_parents)
{
	COVERS(prctl, clone);
	ASSERT_OK(prctl(PR_SET_TIMERSLACK, 70000));
	pid_t pid = fork();
	if (!pid) {
		if (prctl(PR_GET_TIMERSLACK) != 70000)
			_exit(1);
		prctl(PR_SET_TIMERSLACK, 5);
		prctl(PR_SET_TIMERSLACK, 0);
		_exit(prctl(PR_GET_TIMERSLACK) != 70000);
	}
	int status;
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
	prctl(PR_SET_TIMERSLACK, 0);
	EXPECT_EQ(prctl(PR_GET_TIMERSLACK), 50000);
}
