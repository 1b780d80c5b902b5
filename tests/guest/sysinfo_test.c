/* sysinfo_test.c - sysinfo(2). */
#include "tests/guest/guest.h"

#include <sys/syscall.h>
#include <sys/sysinfo.h>

TEST(sysinfo_is_plausible)
{
	COVERS(sysinfo);
	struct sysinfo si;
	ASSERT_OK(sysinfo(&si));
	EXPECT(si.mem_unit >= 1);
	EXPECT(si.totalram > 0 && si.freeram <= si.totalram);
	EXPECT(si.procs >= 1);
	EXPECT(si.uptime >= 0);
}

/* A second that has begun counts as one. */
TEST(uptime_is_rounded_up)
{
	struct sysinfo si;
	long whole, hundredths;
	for (int tries = 0; tries < 3; tries++) {
		FILE *f = fopen("/proc/uptime", "r");
		ASSERT(f && fscanf(f, "%ld.%ld", &whole, &hundredths) == 2);
		fclose(f);
		ASSERT_OK(sysinfo(&si));
		EXPECT(si.uptime >= whole + (hundredths > 0));
	}
}

TEST(sysinfo_to_a_bad_pointer_faults)
{
	EXPECT_ERRNO(syscall(SYS_sysinfo, 8L), EFAULT);
}
