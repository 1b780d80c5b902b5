/* mqueue_test.c - POSIX message queues: mq_open(3) and its like, mq_overview(7). */
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

/* linux/mqueue.h, which does not go with mqueue.h. */
enum { NOTIFY_WOKENUP = 1, NOTIFY_REMOVED = 2, NOTIFY_COOKIE_LEN = 32 };

static char name[40];

static mqd_t make(int flags, long maxmsg, long msgsize)
{
	snprintf(name, sizeof(name), "/guest-%d", getpid());
	struct mq_attr a = { .mq_maxmsg = maxmsg, .mq_msgsize = msgsize };
	mq_unlink(name);
	return mq_open(name, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &a);
}

static void end(mqd_t q)
{
	EXPECT_OK(mq_close(q));
	EXPECT_OK(mq_unlink(name));
}

TEST(messages_come_by_priority_and_then_in_order)
{
	COVERS(mq_open, mq_timedsend, mq_timedreceive, mq_getsetattr, mq_unlink);
	mqd_t q = make(0, 10, 16);
	ASSERT_OK(q);
	ASSERT_OK(mq_send(q, "a1", 2, 1));
	ASSERT_OK(mq_send(q, "b5", 2, 5));
	ASSERT_OK(mq_send(q, "c1", 2, 1));
	ASSERT_OK(mq_send(q, "", 0, 5));
	struct mq_attr a;
	ASSERT_OK(mq_getattr(q, &a));
	EXPECT_EQ(a.mq_curmsgs, 4);
	EXPECT_EQ(a.mq_maxmsg, 10);
	EXPECT_EQ(a.mq_msgsize, 16);
	EXPECT_EQ(a.mq_flags, 0);
	char buf[17] = "";
	unsigned prio;
	EXPECT_EQ(mq_receive(q, buf, 16, &prio), 2);
	EXPECT(memcmp(buf, "b5", 2) == 0 && prio == 5);
	EXPECT_EQ(mq_receive(q, buf, 16, &prio), 0);
	EXPECT_EQ(mq_receive(q, buf, 16, &prio), 2);
	EXPECT(memcmp(buf, "a1", 2) == 0 && prio == 1);
	EXPECT_EQ(mq_receive(q, buf, 16, NULL), 2);
	EXPECT(memcmp(buf, "c1", 2) == 0);
	end(q);
}

TEST(names_and_flags)
{
	mqd_t q = make(0, 2, 8);
	ASSERT_OK(q);
	EXPECT_ERRNO(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
	mqd_t q2 = mq_open(name, O_CREAT | O_RDONLY, 0600, NULL);
	ASSERT_OK(q2);
	EXPECT(fcntl(q2, F_GETFD) == FD_CLOEXEC);
	EXPECT_ERRNO(mq_send(q2, "x", 1, 0), EBADF);
	EXPECT_OK(mq_close(q2));
	EXPECT_OK(mq_unlink(name));
	/* Without its name it lives on. */
	EXPECT_OK(mq_send(q, "x", 1, 0));
	EXPECT_ERRNO(mq_open(name, O_RDWR), ENOENT);
	EXPECT_ERRNO(mq_unlink(name), ENOENT);
	EXPECT_OK(mq_close(q));
	EXPECT_ERRNO(mq_close(q), EBADF);

	char longer[NAME_MAX + 3];
	memset(longer, 'n', sizeof(longer));
	longer[0] = '/';
	longer[NAME_MAX + 2] = '\0';
	EXPECT_ERRNO(mq_open(longer, O_RDWR), ENAMETOOLONG);
	EXPECT_ERRNO(mq_open("/a/b", O_RDWR), EACCES);
	EXPECT_ERRNO(mq_open("/..", O_RDWR), EACCES);
	EXPECT_ERRNO(syscall(SYS_mq_open, "", O_RDWR, 0, NULL), ENOENT);
	EXPECT_ERRNO(syscall(SYS_mq_open, (char *)1, O_RDWR, 0, NULL), EFAULT);
	EXPECT_ERRNO(syscall(SYS_mq_open, "x", O_RDWR | O_CREAT, 0600, (void *)1), EFAULT);
	EXPECT_ERRNO(make(0, 0, 8), EINVAL);
	EXPECT_ERRNO(make(0, 8, -1), EINVAL);
	EXPECT_ERRNO(make(0, 65537, 8), EINVAL);
}

TEST(sizes_and_arguments_are_checked)
{
	mqd_t q = make(O_NONBLOCK, 2, 8);
	ASSERT_OK(q);
	char buf[16];
	EXPECT_ERRNO(mq_receive(q, buf, 8, NULL), EAGAIN);
	EXPECT_ERRNO(mq_receive(q, buf, 7, NULL), EMSGSIZE);
	EXPECT_ERRNO(mq_send(q, buf, 9, 0), EMSGSIZE);
	EXPECT_ERRNO(mq_send(q, buf, 1, 32768), EINVAL);
	EXPECT_ERRNO(mq_send(q, (char *)1, 1, 0), EFAULT);
	EXPECT_ERRNO(mq_send(0, buf, 1, 0), EBADF);
	struct timespec bad = { .tv_nsec = 1000000000 };
	EXPECT_ERRNO(mq_timedsend(q, buf, 1, 0, &bad), EINVAL);
	EXPECT_ERRNO(syscall(SYS_mq_timedreceive, q, buf, 8L, NULL, 1L), EFAULT);
	EXPECT_OK(mq_send(q, "1", 1, 32767));
	EXPECT_OK(mq_send(q, "2", 1, 0));
	EXPECT_ERRNO(mq_send(q, "3", 1, 0), EAGAIN);
	struct mq_attr a = { .mq_flags = 0 }, old;
	EXPECT_OK(mq_setattr(q, &a, &old));
	EXPECT_EQ(old.mq_flags, O_NONBLOCK);
	EXPECT_EQ(old.mq_curmsgs, 2);
	struct timespec past = { .tv_sec = 1 };
	EXPECT_ERRNO(mq_timedsend(q, "3", 1, 0, &past), ETIMEDOUT);
	a.mq_flags = O_APPEND;
	EXPECT_ERRNO(mq_setattr(q, &a, NULL), EINVAL);
	end(q);
}

TEST(poll_and_read_tell_the_state)
{
	COVERS(poll, read);
	mqd_t q = make(0, 1, 8);
	ASSERT_OK(q);
	struct pollfd p = { .fd = q, .events = POLLIN | POLLOUT };
	ASSERT_OK(poll(&p, 1, 0));
	EXPECT_EQ(p.revents, POLLOUT);
	ASSERT_OK(mq_send(q, "1234567", 7, 0));
	ASSERT_OK(poll(&p, 1, 0));
	EXPECT_EQ(p.revents, POLLIN);
	char text[200] = "";
	ASSERT(read(q, text, sizeof(text) - 1) > 0);
	EXPECT(strncmp(text, "QSIZE:7 ", 8) == 0);
	struct stat st;
	ASSERT_OK(fstat(q, &st));
	EXPECT_EQ(st.st_mode, (mode_t)(S_IFREG | 0600));
	EXPECT_EQ(st.st_size, 80);
	end(q);
}

TEST(processes_wait_for_each_other)
{
	enum { N = 2000 };
	mqd_t q = make(0, 3, sizeof(int));
	ASSERT_OK(q);
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		for (int i = 0; i < N; i++) {
			if (mq_send(q, (char *)&i, sizeof(i), 7) < 0)
				_exit(1);
		}
		_exit(0);
	}
	int got = -1;
	for (int i = 0; i < N; i++) {
		ASSERT_EQ(mq_receive(q, (char *)&got, sizeof(got), NULL), (ssize_t)sizeof(got));
		ASSERT_EQ(got, i);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	end(q);
}

static void on_signal(int sig) { (void)sig; }

TEST(waits_end_by_time_and_by_signal)
{
	mqd_t q = make(0, 1, 8);
	ASSERT_OK(q);
	struct timespec then;
	clock_gettime(CLOCK_REALTIME, &then);
	then.tv_nsec += 20000000;
	if (then.tv_nsec >= 1000000000) {
		then.tv_sec++;
		then.tv_nsec -= 1000000000;
	}
	char buf[8];
	EXPECT_ERRNO(mq_timedreceive(q, buf, 8, NULL, &then), ETIMEDOUT);
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGALRM, &sa, NULL);
	/* The timer goes on until the wait has surely begun. */
	timer_t timer;
	struct itimerspec its = { .it_value.tv_nsec = 10000000, .it_interval.tv_nsec = 10000000 };
	ASSERT_OK(timer_create(CLOCK_MONOTONIC, NULL, &timer));
	ASSERT_OK(timer_settime(timer, 0, &its, NULL));
	EXPECT_ERRNO(mq_receive(q, buf, 8, NULL), EINTR);
	ASSERT_OK(mq_send(q, "x", 1, 0));
	EXPECT_ERRNO(mq_send(q, "y", 1, 0), EINTR);
	timer_delete(timer);
	end(q);
}

TEST(one_process_is_told_once)
{
	COVERS(mq_notify);
	mqd_t q = make(0, 5, 8);
	ASSERT_OK(q);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
	ASSERT_OK(mq_notify(q, &ev));
	EXPECT_ERRNO(mq_notify(q, &ev), EBUSY);
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		int err = mq_notify(q, &ev) < 0 ? errno : 0;
		mq_notify(q, NULL);       /* not its own: nothing */
		_exit(err == EBUSY && mq_send(q, "x", 1, 0) == 0 ? 0 : 1);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	siginfo_t info;
	struct timespec none = { 0 };
	ASSERT_EQ(sigtimedwait(&set, &info, &none), SIGUSR1);
	EXPECT_EQ(info.si_code, SI_MESGQ);
	EXPECT_EQ(info.si_pid, pid);
	EXPECT_EQ(info.si_value.sival_int, 42);
	/* Once, and only when the queue was empty. */
	ASSERT_OK(mq_send(q, "y", 1, 0));
	EXPECT_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
	ASSERT_OK(mq_notify(q, &ev));
	ASSERT_OK(mq_send(q, "z", 1, 0));
	EXPECT_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
	ASSERT_OK(mq_notify(q, NULL));
	ASSERT_OK(mq_notify(q, &ev));
	/* Closing any descriptor of it takes the registration away. */
	int other = dup(q);
	close(other);
	ASSERT_OK(mq_notify(q, &ev));
	ev.sigev_notify = 99;
	EXPECT_ERRNO(mq_notify(q, &ev), EINVAL);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	EXPECT_ERRNO(mq_notify(q, &ev), EINVAL);
	EXPECT_ERRNO(mq_notify(0, NULL), EBADF);
	end(q);
}

/* What libc builds SIGEV_THREAD from: a cookie that comes out of a netlink socket. */
TEST(a_netlink_socket_is_told)
{
	COVERS(mq_notify);
	mqd_t q = make(0, 5, 8);
	ASSERT_OK(q);
	int nl = socket(AF_NETLINK, SOCK_RAW, 0), un = socket(AF_UNIX, SOCK_STREAM, 0);
	if (nl < 0)
		SKIP("no netlink");
	char cookie[NOTIFY_COOKIE_LEN] = "cookie", got[64];
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_signo = nl, .sigev_value.sival_ptr = cookie };
	ASSERT_OK(syscall(SYS_mq_notify, q, &ev));
	EXPECT_ERRNO(syscall(SYS_mq_notify, q, &ev), EBUSY);
	ASSERT_OK(mq_send(q, "x", 1, 0));
	EXPECT_EQ(recv(nl, got, sizeof(got), 0), NOTIFY_COOKIE_LEN);
	EXPECT_EQ(memcmp(got, "cookie", 6), 0);
	EXPECT_EQ(got[NOTIFY_COOKIE_LEN - 1], NOTIFY_WOKENUP);
	EXPECT_ERRNO(recv(nl, got, sizeof(got), MSG_DONTWAIT), EAGAIN);
	ASSERT_OK(syscall(SYS_mq_notify, q, &ev));
	ASSERT_OK(syscall(SYS_mq_notify, q, NULL));
	EXPECT_EQ(recv(nl, got, sizeof(got), 0), NOTIFY_COOKIE_LEN);
	EXPECT_EQ(got[NOTIFY_COOKIE_LEN - 1], NOTIFY_REMOVED);
	ev.sigev_signo = un;
	EXPECT_ERRNO(syscall(SYS_mq_notify, q, &ev), EINVAL);
	ev.sigev_signo = q;
	EXPECT_ERRNO(syscall(SYS_mq_notify, q, &ev), ENOTSOCK);
	ev.sigev_signo = -1;
	EXPECT_ERRNO(syscall(SYS_mq_notify, q, &ev), EBADF);
	ev.sigev_value.sival_ptr = (void *)8;
	EXPECT_ERRNO(syscall(SYS_mq_notify, q, &ev), EFAULT);
	/* The process's end takes it away, too. */
	ev = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_signo = nl, .sigev_value.sival_ptr = cookie };
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0)
		_exit(syscall(SYS_mq_notify, q, &ev) == 0 ? 0 : 1);
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(recv(nl, got, sizeof(got), 0), NOTIFY_COOKIE_LEN);
	EXPECT_EQ(got[NOTIFY_COOKIE_LEN - 1], NOTIFY_REMOVED);
	end(q);
}

static sem_t thread_ran;
static void in_thread(union sigval v)
{
	*(int *)v.sival_ptr += 1;
	sem_post(&thread_ran);
}

TEST(a_thread_is_told)
{
	COVERS(mq_notify);
	mqd_t q = make(0, 5, 8);
	ASSERT_OK(q);
	int count = 0;
	sem_init(&thread_ran, 0, 0);
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_ptr = &count };
	ASSERT_OK(mq_notify(q, &ev));
	ASSERT_OK(mq_send(q, "x", 1, 0));
	sem_wait(&thread_ran);
	EXPECT_EQ(count, 1);
	end(q);
}

TEST(a_user_has_a_limit)
{
	struct rlimit rl = { 10000, 10000 };
	ASSERT_OK(setrlimit(RLIMIT_MSGQUEUE, &rl));
	EXPECT_ERRNO(make(0, 10, 1000), EMFILE);
	mqd_t q = make(0, 10, 8);
	/* What others of this user hold counts, too. */
	if (q < 0 && errno == EMFILE)
		return;
	ASSERT_OK(q);
	end(q);
}

TEST(permissions_are_those_of_files)
{
	if (geteuid() != 0)
		return;
	mqd_t q = make(0, 2, 8);
	ASSERT_OK(q);
	pid_t pid = fork();
	ASSERT_OK(pid);
	if (pid == 0) {
		if (setgid(12345) || setuid(12345))
			_exit(1);
		if (mq_open(name, O_RDONLY) != -1 || errno != EACCES)
			_exit(2);
		if (mq_unlink(name) != -1 || (errno != EPERM && errno != EACCES))
			_exit(3);
		struct mq_attr a = { .mq_maxmsg = 11, .mq_msgsize = 8 };
		if (mq_open("/guest-mine", O_CREAT | O_RDWR, 0600, &a) != -1 || errno != EINVAL)
			_exit(4);
		_exit(0);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 0);
	end(q);
}
