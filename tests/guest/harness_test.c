/* harness_test.c - the harness itself works here: children, output, values. */
#include "tests/guest/guest.h"

COVERS(fork, wait4, exit_group, kill, getpid);

TEST(values_compare)
{
	EXPECT(1 + 1 == 2);
	EXPECT_EQ(-1, ~0);
	EXPECT_OK(getpid());
	EXPECT_STREQ("a", "a");
	EXPECT_ERRNO(close(-1), EBADF);
}

TEST(each_test_is_a_process)
{
	pid_t pid = fork();
	ASSERT(pid >= 0);
	if (pid == 0)
		_exit(getppid() == getpid() ? 1 : 7);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 7);
}
