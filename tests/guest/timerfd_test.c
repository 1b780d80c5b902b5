/* timerfd_test.c - timerfd_create(2). */
#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(timerfd_create, timerfd_settime, timerfd_gettime, read, poll);

static uint64_t now_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct itimerspec spec(uint64_t value_ns, uint64_t interval_ns)
{
	return (struct itimerspec){
		.it_value = { (time_t)(value_ns / 1000000000), (long)(value_ns % 1000000000) },
		.it_interval = { (time_t)(interval_ns / 1000000000), (long)(interval_ns % 1000000000) },
	};
}

TEST(fires_once)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	ASSERT_OK(fd);
	struct itimerspec s = spec(20000000, 0), left;
	uint64_t t = now_ns(CLOCK_MONOTONIC), n = 0;
	ASSERT_OK(timerfd_settime(fd, 0, &s, NULL));
	ASSERT_OK(timerfd_gettime(fd, &left));
	EXPECT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20000000);
	EXPECT_EQ(read(fd, &n, 8), 8);
	EXPECT_EQ(n, 1);
	EXPECT(now_ns(CLOCK_MONOTONIC) - t >= 20000000);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(read(fd, &n, 8), EAGAIN);
	ASSERT_OK(timerfd_gettime(fd, &left));
	EXPECT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
}

TEST(interval_counts_expiries)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec s = spec(1000000, 1000000), left;
	ASSERT_OK(timerfd_settime(fd, 0, &s, NULL));
	uint64_t n, total = 0, t = now_ns(CLOCK_MONOTONIC);
	usleep(25000);
	EXPECT_EQ(read(fd, &n, 8), 8);
	uint64_t ms = (now_ns(CLOCK_MONOTONIC) - t) / 1000000;
	EXPECT(n >= 24 && n <= ms + 2);
	total += n;
	ASSERT_OK(timerfd_gettime(fd, &left));
	EXPECT_EQ(left.it_interval.tv_nsec, 1000000);
	EXPECT(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 1000000);
	struct pollfd p = { fd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 1000), 1);
	EXPECT_EQ(p.revents, POLLIN);
	EXPECT_EQ(read(fd, &n, 8), 8);
	(void)total;
}

TEST(absolute_and_past)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	for (int i = 0; i < 3; i++) {
		int fd = timerfd_create(ids[i], 0);
		uint64_t at = now_ns(ids[i]) + 5000000, n = 0;
		struct itimerspec s = spec(at, 0);
		ASSERT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
		EXPECT_EQ(read(fd, &n, 8), 8);
		EXPECT_EQ(n, 1);
		EXPECT(now_ns(ids[i]) >= at);
		s = spec(1, 0);
		ASSERT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
		EXPECT_EQ(read(fd, &n, 8), 8);
		close(fd);
	}
}

TEST(setting_tells_and_replaces_the_old)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec s = spec(5000000000, 3000000000), old = { 0 };
	ASSERT_OK(timerfd_settime(fd, 0, &s, NULL));
	s = spec(0, 0);
	ASSERT_OK(timerfd_settime(fd, 0, &s, &old));
	EXPECT_EQ(old.it_interval.tv_sec, 3);
	EXPECT_EQ(old.it_value.tv_sec, 4);
	struct pollfd p = { fd, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 2), 0);
}

TEST(errors)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec s = spec(0, 0);
	EXPECT_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	EXPECT_ERRNO(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	EXPECT_ERRNO(timerfd_settime(0, 0, &s, NULL), EINVAL);
	EXPECT_ERRNO(timerfd_settime(999, 0, &s, NULL), EBADF);
	EXPECT_ERRNO(timerfd_settime(fd, 4, &s, NULL), EINVAL);
	EXPECT_ERRNO(timerfd_settime(fd, 0, NULL, NULL), EFAULT);
	s.it_value.tv_nsec = 1000000000;
	EXPECT_ERRNO(timerfd_settime(fd, 0, &s, NULL), EINVAL);
	char c;
	EXPECT_ERRNO(read(fd, &c, 1), EINVAL);
}
