/* Many changes of an epoll set between two waits: a sandbox may make them late, but nobody may see that. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

COVERS(epoll_ctl, epoll_wait);

static int set, fds[24];

static int change(int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = 0x1234567800000000ULL + (unsigned)fd };
	return epoll_ctl(set, op, fd, &ev);
}

static int ready(void)
{
	struct epoll_event evs[64];
	return epoll_wait(set, evs, 64, 0);
}

/* Eventfds that are always writable, all known to be in the set, and each changed often enough that no change is news. */
static void begin(void)
{
	ASSERT_OK(set = epoll_create1(0));
	for (int i = 0; i < 24; i++) {
		ASSERT_OK(fds[i] = eventfd(0, EFD_NONBLOCK));
		ASSERT_OK(change(EPOLL_CTL_ADD, fds[i], EPOLLIN));
	}
	for (int i = 0; i < 24; i++) {
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLOUT));
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLIN));
		ASSERT_OK(change(EPOLL_CTL_DEL, fds[i], 0));
		ASSERT_OK(change(EPOLL_CTL_ADD, fds[i], EPOLLIN));
	}
	ASSERT_EQ(ready(), 0);
}

TEST(all_changes_are_made_in_their_order)
{
	begin();
	struct epoll_event evs[64];
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 24; i++)
			ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLOUT));
		ASSERT_EQ(ready(), 24);
		for (int i = 0; i < 24; i++)
			ASSERT_OK(change(EPOLL_CTL_DEL, fds[i], 0));
		ASSERT_EQ(ready(), 0);
		for (int i = 0; i < 24; i++)
			ASSERT_OK(change(EPOLL_CTL_ADD, fds[i], i == round % 24 ? EPOLLOUT | EPOLLET : EPOLLIN));
		ASSERT_EQ(epoll_wait(set, evs, 64, 0), 1);
		ASSERT_EQ(evs[0].data.u64, 0x1234567800000000ULL + (unsigned)fds[round % 24]);
		ASSERT_EQ(ready(), 0);               /* edge-triggered */
	}
}

TEST(what_fails_fails_at_once)
{
	begin();
	for (int i = 0; i < 24; i++) {
		EXPECT_ERRNO(change(EPOLL_CTL_ADD, fds[i], EPOLLIN), EEXIST);
		EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[i], EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
		EXPECT_ERRNO(epoll_ctl(set, EPOLL_CTL_MOD, fds[i], (void *)8), EFAULT);
		EXPECT_ERRNO(epoll_ctl(set, 7, fds[i], &(struct epoll_event){ 0 }), EINVAL);
		EXPECT_OK(change(EPOLL_CTL_DEL, fds[i], 0));
		EXPECT_ERRNO(change(EPOLL_CTL_DEL, fds[i], 0), ENOENT);
		EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[i], EPOLLIN), ENOENT);
		EXPECT_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, fds[i], (void *)8), EFAULT);
		EXPECT_OK(change(EPOLL_CTL_ADD, fds[i], EPOLLIN));
	}
	EXPECT_OK(change(EPOLL_CTL_DEL, fds[0], 0));
	EXPECT_OK(change(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[0], EPOLLIN), EINVAL);
}

TEST(a_number_that_means_another_file_is_not_in_the_set)
{
	begin();
	for (int i = 0; i < 12; i++) {
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLIN));
		close(fds[i]);
		EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[i], EPOLLIN), EBADF);
		ASSERT_EQ(eventfd(0, 0), fds[i]);
		EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[i], EPOLLIN), ENOENT);
		EXPECT_ERRNO(change(EPOLL_CTL_DEL, fds[i], 0), ENOENT);
		EXPECT_OK(change(EPOLL_CTL_ADD, fds[i], EPOLLOUT));
		EXPECT_EQ(ready(), i + 1);
	}
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[20], EPOLLIN));
	ASSERT_OK(dup2(open("/dev/null", O_RDWR), fds[20]));
	EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[20], EPOLLIN), EPERM);
	/* The set's own number, too. */
	int other = epoll_create1(0);
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[21], EPOLLIN));
	ASSERT_OK(dup2(other, set));
	EXPECT_ERRNO(change(EPOLL_CTL_MOD, fds[21], EPOLLIN), ENOENT);
}

/* The maker of a change doesn't call anything afterwards; who shares the set has it anyway. */
TEST(who_shares_the_set_sees_a_change_at_once)
{
	begin();
	volatile int *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[3], EPOLLOUT));      /* before the fork: both have it */
	pid_t child = fork();
	ASSERT_OK(child);
	if (child == 0) {
		if (ready() != 1)
			_exit(1);
		words[0] = 1;
		while (!words[1])
			;
		int n = ready();
		words[2] = 1;
		_exit(n == 2 ? 0 : 2);
	}
	while (!words[0])
		;
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[4], EPOLLOUT));
	words[1] = 1;
	while (!words[2])
		;
	int status;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

TEST(a_set_in_a_set_and_a_set_sent_away)
{
	begin();
	int outer = epoll_create1(0), pair[2];
	struct epoll_event ev = { .events = EPOLLIN };
	ASSERT_OK(epoll_ctl(outer, EPOLL_CTL_ADD, set, &ev));
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[5], EPOLLOUT));
	EXPECT_EQ(epoll_wait(outer, &ev, 1, 0), 1);
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[5], EPOLLIN));
	EXPECT_EQ(epoll_wait(outer, &ev, 1, 0), 0);
	/* Sent, and closed here: it lives in the message. */
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &set, sizeof(int));
	ASSERT_OK(change(EPOLL_CTL_MOD, fds[6], EPOLLOUT));
	ASSERT_EQ(sendmsg(pair[0], &m, 0), 1);
	close(set);
	ASSERT_EQ(recvmsg(pair[1], &m, 0), 1);
	memcpy(&set, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	EXPECT_EQ(ready(), 1);
}

#define TOO_EARLY (-2)
static volatile int seen, changed;
static void look(int sig)
{
	(void)sig;
	seen = changed ? ready() : TOO_EARLY;
}

TEST(a_signal_handler_sees_what_was_changed_before)
{
	begin();
	signal(SIGALRM, look);
	for (int rounds = 0; rounds < 5; rounds += seen != TOO_EARLY) {
		seen = -1;
		changed = 0;
		struct itimerval soon = { .it_value.tv_usec = 2000 };
		ASSERT_OK(setitimer(ITIMER_REAL, &soon, NULL));
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[7], EPOLLOUT));
		changed = 1;
		while (seen == -1)
			;
		if (seen != TOO_EARLY)            /* a busy machine */
			ASSERT_EQ(seen, 1);
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[7], EPOLLIN));
		ASSERT_EQ(ready(), 0);
	}
}

/* It may run on its parent's host thread, with descriptors of its own. */
TEST(a_vforks_child_and_its_parent)
{
	begin();
	for (int i = 0; i < 10; i++) {
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLOUT));
		pid_t child = vfork();
		if (child == 0) {
			bool good = ready() == 2 * i + 1;
			good &= change(EPOLL_CTL_MOD, fds[23 - i], EPOLLIN) == 0;
			good &= change(EPOLL_CTL_MOD, fds[23 - i], EPOLLOUT) == 0;
			close(fds[i]);
			good &= change(EPOLL_CTL_MOD, fds[i], EPOLLIN) == -1;
			_exit(!good);
		}
		int status;
		ASSERT_EQ(waitpid(child, &status, 0), child);
		ASSERT_EQ(status, 0);
		ASSERT_EQ(ready(), 2 * i + 2);
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLIN));
		ASSERT_OK(change(EPOLL_CTL_MOD, fds[i], EPOLLOUT));
	}
}
