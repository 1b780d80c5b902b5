/* inet_stress_test.c - threads throw random calls at a few shared sockets; afterwards the network must still work.
 *
 * INET_STRESS=n makes it n times as long. */
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#undef GUEST_TIMEOUT_S
#define GUEST_TIMEOUT_S 1200
#include "tests/guest/inet.h"

COVERS(socket, bind, listen, accept4, connect, shutdown, sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg, setsockopt, getsockopt,
	getsockname, getpeername, ioctl, poll, epoll_ctl, epoll_wait, close, dup2);

enum { FDS = 24, FIRST = 100, THREADS = 3, ROUNDS = 3000 };

static __thread unsigned long seed;
static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

static int some_fd(void)
{
	return FIRST + (int)rnd(FDS);
}

static int some_flags(void)
{
	static const int flags[] = { 0, 0, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_MORE, MSG_WAITALL, MSG_ERRQUEUE, MSG_EOR, MSG_ZEROCOPY,
				     MSG_FASTOPEN, MSG_CONFIRM, MSG_DONTROUTE, MSG_CMSG_CLOEXEC };
	return MSG_DONTWAIT | MSG_NOSIGNAL | flags[rnd(14)] | (rnd(50) ? 0 : (int)rnd(0x7fffffff));
}

static socklen_t some_addr(struct sockaddr_storage *ss)
{
	static const char *v4[] = { "127.0.0.1", "127.0.0.1", "0.0.0.0", "127.9.9.9", "224.1.1.1", "127.255.255.255", "8.8.8.8" };
	static const char *v6[] = { "::1", "::1", "::", "::ffff:127.0.0.1", "ff02::1", "fe80::1", "2001:db8::1" };
	int port = rnd(4) ? 40000 + (int)rnd(6) : 0;
	memset(ss, 0, sizeof(*ss));
	if (rnd(2))
		*(struct sockaddr_in *)ss = in4(v4[rnd(7)], port);
	else
		*(struct sockaddr_in6 *)ss = in6(v6[rnd(7)], port);
	if (rnd(15) == 0)
		ss->ss_family = (sa_family_t)rnd(12);
	return rnd(20) ? ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6) : rnd(130);
}

static void make_socket(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
	int type = types[rnd(4)];
	static const int protocols[] = { IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_ICMPV6, 200 };
	int protocol = type == SOCK_RAW ? protocols[rnd(4)] : rnd(9) ? 0 : (int)rnd(264);
	int fd = socket(rnd(2) ? AF_INET : AF_INET6, type | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return;
	dup2(fd, some_fd());
	close(fd);
}

static void set_something(int fd)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_IPV6, IPPROTO_TCP, SOL_UDP, SOL_RAW, IPPROTO_ICMPV6 };
	char value[300];
	int level = levels[rnd(7)], name = (int)rnd(82), v = rnd(3) ? (int)rnd(3) : (int)rnd(1 << 30) - (1 << 29);
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)rnd(256);
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return;
	if (rnd(2)) {
		setsockopt(fd, level, name, rnd(4) ? (void *)&v : value, rnd(4) ? sizeof(v) : rnd(sizeof(value)));
	} else {
		socklen_t len = rnd(4) ? sizeof(value) : rnd(400);
		getsockopt(fd, level, name, value, &len);
	}
}

static void message(int fd, bool send)
{
	static __thread char data[200000];
	char ctl[300];
	struct sockaddr_storage ss;
	struct iovec v[3];
	for (int i = 0; i < 3; i++)
		v[i] = (struct iovec){ rnd(40) ? data : (void *)8, rnd(3) ? rnd(3000) : rnd(66000) };
	for (size_t i = 0; i < sizeof(ctl); i++)
		ctl[i] = (char)rnd(256);
	struct msghdr m = { .msg_name = rnd(2) ? &ss : NULL, .msg_namelen = some_addr(&ss), .msg_iov = v, .msg_iovlen = rnd(4) };
	if (rnd(3) == 0) {
		m.msg_control = ctl;
		m.msg_controllen = rnd(sizeof(ctl));
		struct cmsghdr *c = (struct cmsghdr *)ctl;
		c->cmsg_len = 16 + rnd(40);
		c->cmsg_level = rnd(2) ? SOL_IP : rnd(2) ? SOL_IPV6 : SOL_UDP;
		c->cmsg_type = rnd(2) ? (int)rnd(80) : UDP_SEGMENT;
	}
	if (send)
		sendmsg(fd, &m, some_flags());
	else
		recvmsg(fd, &m, some_flags());
}

static void one_call(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = some_fd();
	static __thread char data[70000];
	switch (rnd(20)) {
	case 0:
	case 1:
		make_socket();
		break;
	case 2:
		len = some_addr(&ss);
		bind(fd, (struct sockaddr *)&ss, len);
		break;
	case 3:
		listen(fd, (int)rnd(4));
		break;
	case 4:
	case 5: {
		int got = accept4(fd, rnd(2) ? (struct sockaddr *)&ss : NULL, &len, SOCK_NONBLOCK);
		if (got >= 0) {
			dup2(got, some_fd());
			close(got);
		}
		break;
	}
	case 6:
	case 7:
	case 8:
		len = some_addr(&ss);
		connect(fd, (struct sockaddr *)&ss, len);
		break;
	case 9:
		shutdown(fd, (int)rnd(3));
		break;
	case 10:
		send(fd, data, rnd(sizeof(data)), some_flags());
		break;
	case 11:
		recv(fd, data, rnd(sizeof(data)), some_flags());
		break;
	case 12:
	case 13:
		message(fd, true);
		break;
	case 14:
		message(fd, false);
		break;
	case 15:
	case 16:
		set_something(fd);
		break;
	case 17:
		getsockname(fd, (struct sockaddr *)&ss, &len);
		getpeername(fd, (struct sockaddr *)&ss, &len);
		poll_of(fd);
		break;
	case 18: {
		static const unsigned long cmds[] = { SIOCINQ, SIOCOUTQ, SIOCATMARK, SIOCGIFFLAGS, SIOCGIFCONF, SIOCGIFADDR };
		char r[100] = "lo";
		ioctl(fd, cmds[rnd(6)], rnd(9) ? (void *)r : (void *)8);
		break;
	}
	default:
		if (rnd(3) == 0) {
			struct linger lg = { (int)rnd(2), 0 };
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
		}
		close(fd);
		break;
	}
}

static int rounds;
static void *worker(void *arg)
{
	seed = (unsigned long)arg;
	for (int i = 0; i < rounds; i++)
		one_call();
	return NULL;
}

TEST(random_calls_by_racing_threads)
{
	pthread_t th[THREADS];
	const char *times = getenv("INET_STRESS");
	rounds = ROUNDS * (times ? atoi(times) : 1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	pid_t pid = fork();
	for (long i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&th[i], NULL, worker, (void *)(i * 77 + (pid ? 1 : 1000))), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	if (pid == 0)
		_exit(0);
	int status, sv[2];
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	for (int fd = FIRST; fd < FIRST + FDS; fd++)
		close(fd);
	char c;
	tcp_pair(sv);
	EXPECT_EQ(write(sv[0], "x", 1), 1);
	EXPECT_EQ(read(sv[1], &c, 1), 1);
}

/* A peer that is killed in the middle, again and again. */
TEST(peers_that_die)
{
	int port, l = listener4(100, &port);
	static char big[300000];
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 20; i++) {
		int ready[2];
		ASSERT_OK(pipe(ready));
		pid_t pid = fork();
		if (pid == 0) {
			int fd = tcp4();
			if (connect4(fd, "127.0.0.1", port) == 0)
				write(ready[1], "x", 1);
			for (;;)
				if (i % 2 ? write(fd, big, sizeof(big)) < 0 : read(fd, big, 1000) <= 0)
					pause();
		}
		char c;
		ASSERT_EQ(read(ready[0], &c, 1), 1);
		int s = accept(l, NULL, NULL);
		ASSERT_OK(s);
		if (i % 2)
			ASSERT(read(s, big, 5000) > 0);
		else
			ASSERT(write(s, big, 5000) > 0);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		ssize_t n;
		while ((n = read(s, big, sizeof(big))) > 0)
			;
		EXPECT(n == 0 || errno == ECONNRESET);
		close(s);
		close(ready[0]);
		close(ready[1]);
	}
}

TEST(thousands_of_connections_in_one_epoll_set)
{
	enum { N = 450 };                        /* as many descriptors as the usual limit allows */
	int port, l = listener4(N, &port), ep = epoll_create1(0), end[N][2];
	for (int i = 0; i < N; i++) {
		end[i][0] = tcp4();
		ASSERT_OK(connect4(end[i][0], "127.0.0.1", port));
		end[i][1] = accept(l, NULL, NULL);
		struct epoll_event ev = { EPOLLIN, { .u32 = (uint32_t)i } };
		ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, end[i][1], &ev));
	}
	for (int k = 0; k < 2000; k++) {
		int i = (k * 37) % N;
		struct epoll_event ev[2];
		char c;
		ASSERT_EQ(write(end[i][0], "x", 1), 1);
		ASSERT_EQ(epoll_wait(ep, ev, 2, 10000), 1);
		ASSERT_EQ(ev[0].data.u32, i);
		ASSERT_EQ(read(end[i][1], &c, 1), 1);
	}
}
