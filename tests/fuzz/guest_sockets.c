/* guest_sockets.c - random socket calls from inside a sandbox: guest_sockets SEED SECONDS [THREADS]
 *
 * HOW      As guest_syscalls.c, but of socket calls only, and of those many make sense: there are few names and ports, so that
 *          sockets of all kinds find each other; addresses, options, control and netlink messages are well-formed more often
 *          than not. Children do it, several threads each on the same descriptors, and are replaced when they die.
 * USE      sbx run -m 400m --ro-bind BUILD/tests /t -- /t/fuzz/guest_sockets 1 600, best with a build that has sanitizers */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CHILDREN 3
#define CHILD_SECONDS 2
#define FDS 48
#define AREA (1 << 20)

static __thread uint8_t *area;                   /* AREA bytes, and nothing behind them */

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = { 0, 1, 2, 4, 8, 16, 63, 64, 127, 128, 255, 256, 4095, 4096, 65535, 65536, 212992, 1 << 20,
					0x7fffffff, 0x80000000, 0xffffffff, 1UL << 40, -1UL, -2UL, -4096UL };
	return below(3) ? odd[below(ARRAY_SIZE(odd))] : rnd() >> below(64);
}

static int fd(void)
{
	return below(30) ? 3 + (int)below(FDS) : (int)odd_number();
}

/* Room for `bytes`, sometimes too little, or none at all. */
static void *room(size_t bytes)
{
	static void *const bad[] = { NULL, (void *)1, (void *)-1UL, (void *)0x7ff000000000, (void *)0x7ff001000000 };
	if (below(50) == 0)
		return bad[below(ARRAY_SIZE(bad))];
	if (below(30) == 0)
		return area + AREA - below(bytes + 8);
	return area + 64 * below((AREA - 131072) / 64 - bytes / 64);
}

static size_t length(void)
{
	switch (below(8)) {
	case 0: return odd_number();
	case 1: return below(65536);
	case 2: return below(300000);
	case 3: return 0;
	default: return below(200);
	}
}

static void fill(void *at, size_t bytes)
{
	if ((uint8_t *)at < area || (uint8_t *)at > area + AREA - bytes)
		return;
	for (size_t i = 0; i < bytes / 8; i++) {
		uint64_t v = below(3) ? below(12) : odd_number();
		memcpy((char *)at + 8 * i, &v, 8);
	}
}

static struct sockaddr *name(socklen_t *len)
{
	struct sockaddr_storage *ss = (struct sockaddr_storage *)(area + AREA - 65536 + 256 * below(200));
	memset(ss, 0, sizeof(*ss));
	uint64_t kind = below(12);
	if (kind < 4) {
		struct sockaddr_un *un = (struct sockaddr_un *)ss;
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path + (kind > 1), 20, "n%d", (int)below(6));
		*len = kind == 3 ? 2 : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 3);
	} else if (kind < 7) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;
		static const char *const ips[] = { "127.0.0.1", "0.0.0.0", "127.0.0.2", "224.0.0.1", "255.255.255.255", "10.1.2.3" };
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)(below(4) ? 5000 + below(6) : below(3)));
		inet_pton(AF_INET, ips[below(3) ? 0 : below(ARRAY_SIZE(ips))], &in->sin_addr);
		*len = sizeof(*in);
	} else if (kind < 10) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)ss;
		static const char *const ips[] = { "::1", "::", "::ffff:127.0.0.1", "ff02::1", "fe80::1", "2001:db8::1" };
		in->sin6_family = AF_INET6;
		in->sin6_port = htons((uint16_t)(below(4) ? 5000 + below(6) : below(3)));
		in->sin6_scope_id = (uint32_t)below(3);
		inet_pton(AF_INET6, ips[below(3) ? 0 : below(ARRAY_SIZE(ips))], &in->sin6_addr);
		*len = sizeof(*in);
	} else if (kind == 10 && below(2)) {
		struct sockaddr_ll *ll = (struct sockaddr_ll *)ss;
		ll->sll_family = AF_PACKET;
		ll->sll_protocol = htons(ETH_P_IP);
		ll->sll_ifindex = (int)below(3);
		ll->sll_halen = (uint8_t)below(9);
		*len = sizeof(*ll);
	} else if (kind == 10) {
		struct sockaddr_nl *nl = (struct sockaddr_nl *)ss;
		nl->nl_family = AF_NETLINK;
		nl->nl_pid = below(3) ? 0 : (uint32_t)getpid();
		nl->nl_groups = below(3) ? 0 : (uint32_t)odd_number();
		*len = sizeof(*nl);
	} else {
		ss->ss_family = (sa_family_t)below(46);
		fill((char *)ss + 8, 120);
		*len = (socklen_t)below(129);
	}
	if (below(40) == 0)
		*len = (socklen_t)odd_number();
	return below(60) ? (struct sockaddr *)ss : room(128);
}

static int message_flags(void)
{
	int f = below(8) ? MSG_DONTWAIT : 0;
	if (below(3) == 0)
		f |= 1 << below(31);
	if (below(12) == 0)
		f |= 1 << below(31);
	return f;
}

/* A request to the kernel: mostly RTM_GET*, sometimes SOCK_DIAG_BY_FAMILY, genl, or nothing known. */
static size_t netlink_request(void *at)
{
	struct nlmsghdr *h = at;
	size_t bytes = 16 + 4 * below(40);
	if ((uint8_t *)at < area || (uint8_t *)at > area + AREA - 4096)
		return 0;
	fill(at, bytes + 8);
	h->nlmsg_len = below(10) ? (uint32_t)bytes : (uint32_t)odd_number();
	h->nlmsg_type = (uint16_t)(below(3) ? 16 + below(100) : below(2) ? 20 : odd_number());
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (below(2) ? NLM_F_DUMP : 0) | (below(2) ? NLM_F_ACK : 0) |
				    (below(5) ? 0 : 1U << below(16)));
	for (size_t i = 16; i + 8 < bytes && below(3); i += 8) {
		uint16_t attr[2] = { (uint16_t)(4 + below(12)), (uint16_t)below(40) };
		memcpy((char *)at + i, attr, sizeof(attr));
	}
	return bytes;
}

static struct msghdr *message(struct msghdr *m)
{
	static __thread struct iovec iov[8];
	static __thread char control[512];
	memset(m, 0, sizeof(*m));
	if (below(2))
		m->msg_name = name(&m->msg_namelen);
	m->msg_iov = below(40) ? iov : room(64);
	m->msg_iovlen = below(40) ? below(ARRAY_SIZE(iov) + 1) : odd_number();
	for (size_t i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i] = (struct iovec){ room(4096), below(10) ? below(5000) : length() };
	if (below(6) == 0 && m->msg_iovlen)
		iov[0].iov_len = netlink_request(iov[0].iov_base);
	if (below(2))
		return m;
	m->msg_control = below(30) ? control : room(64);
	m->msg_controllen = below(10) ? below(sizeof(control)) : odd_number();
	for (size_t at = 0; at + 64 < sizeof(control);) {
		struct cmsghdr *c = (struct cmsghdr *)(control + at);
		static const int levels[] = { SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_UDP };
		c->cmsg_level = below(20) ? levels[below(ARRAY_SIZE(levels))] : (int)odd_number();
		c->cmsg_type = c->cmsg_level == SOL_SOCKET && below(8) ? 1 + (int)below(2) : (int)below(70);
		size_t bytes = 4 * (1 + below(8));
		c->cmsg_len = below(20) ? CMSG_LEN(bytes) : odd_number();
		for (size_t i = 0; i < bytes; i += 4) {
			int v = below(4) ? fd() : (int)odd_number();
			memcpy(CMSG_DATA(c) + i, &v, 4);
		}
		at += CMSG_SPACE(bytes);
		if (below(3) == 0) {
			if (below(8))
				m->msg_controllen = at;
			break;
		}
	}
	return m;
}

static void make_socket(void)
{
	static const int families[] = { AF_UNIX, AF_UNIX, AF_UNIX, AF_INET, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET };
	int family = below(20) ? families[below(ARRAY_SIZE(families))] : (int)below(50), pair[2];
	int type = below(20) ? 1 + (int)below(3) : (int)below(12);
	if (type == 3 && family == AF_UNIX)
		type = SOCK_SEQPACKET;
	int protocol = family == AF_PACKET ? htons(below(2) ? ETH_P_ALL : ETH_P_IP) :
		       below(3) ? 0 : family == AF_NETLINK ? (int)below(22) : below(2) ? IPPROTO_ICMP : (int)below(260);
	if (below(10))
		type |= SOCK_NONBLOCK;
	if (below(3) == 0)
		(void)!socketpair(family, type, protocol, below(30) ? pair : room(8));
	else
		(void)!socket(family, type, protocol);
}

static void option(void)
{
	static const int levels[] = { SOL_SOCKET, SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, SOL_UDP, SOL_NETLINK, SOL_RAW, 58, SOL_PACKET };
	int level = below(40) ? levels[below(ARRAY_SIZE(levels))] : (int)odd_number();
	int option = below(20) ? (int)below(level == SOL_PACKET ? 24 : 90) : (int)odd_number();
	static __thread struct sock_filter prog[8];
	uint64_t value[40];
	socklen_t len = below(4) ? 4 : (socklen_t)below(sizeof(value));
	for (size_t i = 0; i < ARRAY_SIZE(value); i++)
		value[i] = below(3) ? below(4) : odd_number();
	if (level == SOL_SOCKET && below(8) == 0) {
		static const uint16_t codes[] = { 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x80, 0x81, 0x15, 0x25, 0x45, 0x05, 0x04, 0x14,
						  0x24, 0x34, 0x94, 0x9c, 0x0c, 0x02, 0x60, 0x07, 0x87, 0x00, 0x01, 0x61 };
		for (size_t i = 0; i < ARRAY_SIZE(prog); i++) {
			prog[i].code = below(30) ? codes[below(ARRAY_SIZE(codes))] : (uint16_t)rnd();
			prog[i].jt = (uint8_t)below(4);
			prog[i].jf = (uint8_t)below(4);
			prog[i].k = below(3) ? (uint32_t)below(40) : below(2) ? -4096U + (uint32_t)below(64) : (uint32_t)odd_number();
		}
		prog[7] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, (uint32_t)odd_number() };
		struct sock_fprog p = { ARRAY_SIZE(prog), prog };
		(void)!setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
		return;
	}
	if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
		value[0] = 0;
		value[1] = 1000;
		len = 16;
	}
	if (level == SOL_PACKET && option == PACKET_RX_RING) {
		struct tpacket_req3 r = { 4096U << below(3), (unsigned)below(5), 256U << below(5), 0, (unsigned)below(3), (unsigned)odd_number(), 0 };
		r.tp_frame_nr = r.tp_block_size / r.tp_frame_size * r.tp_block_nr;
		(void)!setsockopt(fd(), level, option, &r, below(2) ? sizeof(r) : sizeof(struct tpacket_req));
		return;
	}
	if (below(3))
		(void)!setsockopt(fd(), level, option, below(40) ? (void *)value : room(64), below(20) ? len : (socklen_t)odd_number());
	else
		(void)!getsockopt(fd(), level, option, below(40) ? (void *)value : room(64), below(40) ? &len : room(4));
}

static void poll_some(void)
{
	struct pollfd p[8];
	struct epoll_event ev = { .events = (uint32_t)(below(3) ? EPOLLIN | EPOLLOUT : odd_number()) };
	switch (below(4)) {
	case 0:
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = (struct pollfd){ fd(), (short)odd_number(), 0 };
		(void)!poll(p, ARRAY_SIZE(p), (int)below(3));
		break;
	case 1:
		(void)!epoll_create1(0);
		break;
	case 2:
		(void)!epoll_ctl(fd(), 1 + (int)below(3), fd(), &ev);
		break;
	default:
		(void)!epoll_wait(fd(), room(120), 10, (int)below(3));
		break;
	}
}

static void move(void)
{
	int p[2];
	switch (below(6)) {
	case 5: {                                /* the ring of an AF_PACKET socket */
		size_t bytes = (4096UL << below(3)) * (1 + below(4));
		char *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
		if (m != MAP_FAILED) {
			m[8 * below(bytes / 8)] = (char)below(3);
			munmap(m, bytes);
		}
		break;
	}
	case 0:
		(void)!pipe2(p, O_NONBLOCK);
		break;
	case 1:
		(void)!splice(fd(), NULL, fd(), NULL, length(), SPLICE_F_NONBLOCK);
		break;
	case 2:
		(void)!sendfile(fd(), fd(), NULL, below(100000));
		break;
	case 3:
		(void)!open("/usr/bin/env", O_RDONLY);
		break;
	default:
		(void)!tee(fd(), fd(), length(), SPLICE_F_NONBLOCK);
		break;
	}
}

static void control(void)
{
	static const unsigned long requests[] = { FIONREAD, TIOCOUTQ, FIONBIO, FIOASYNC, 0x8902, 0x8904, 0x8905, 0x8906, 0x8907, 0x8910,
						  0x8912, 0x8913, 0x8914, 0x8915, 0x8916, 0x891b, 0x8921, 0x8927, 0x8933, 0x8942, 0x8946, 0x8970, SIOCSIFMTU };
	int v = (int)below(2);
	switch (below(6)) {
	case 0:
		(void)!ioctl(fd(), requests[below(ARRAY_SIZE(requests))], below(2) ? (void *)&v : room(64));
		break;
	case 1:
		(void)!fcntl(fd(), F_SETFL, below(10) ? O_NONBLOCK : (int)odd_number() & ~O_ASYNC);
		break;
	case 2:
		(void)!fcntl(fd(), (int)below(16), odd_number());
		break;
	case 3:
		(void)!dup2(fd(), 3 + (int)below(FDS));
		break;
	case 4:
		(void)!shutdown(fd(), (int)below(4));
		break;
	default:
		close(3 + (int)below(FDS));
		break;
	}
}

static void one_call(void)
{
	struct msghdr m;
	struct mmsghdr mm[4];
	socklen_t len = 0;
	struct sockaddr *sa;
	switch (below(24)) {
	case 0: case 1:
		make_socket();
		break;
	case 2: case 3:
		sa = name(&len);
		(void)!bind(fd(), sa, len);
		break;
	case 4:
		(void)!listen(fd(), below(8) ? (int)below(10) : (int)odd_number());
		break;
	case 5: case 6:
		sa = name(&len);
		(void)!connect(fd(), sa, len);
		break;
	case 7: case 8:
		len = (socklen_t)below(130);
		(void)!accept4(fd(), room(128), below(2) ? &len : NULL, below(3) ? SOCK_NONBLOCK : (int)odd_number());
		break;
	case 9: case 10: {
		void *at = room(4096);
		size_t bytes = below(4) ? length() : netlink_request(at);
		sa = below(2) ? name(&len) : NULL;
		(void)!sendto(fd(), at, bytes, message_flags(), sa, len);
		break;
	}
	case 11: case 12:
		(void)!recvfrom(fd(), room(4096), length(), message_flags(), below(3) ? NULL : room(128), below(2) ? NULL : room(4));
		break;
	case 13: case 14:
		(void)!sendmsg(fd(), message(&m), message_flags());
		break;
	case 15: case 16:
		(void)!recvmsg(fd(), message(&m), message_flags());
		break;
	case 17:
		for (size_t i = 0; i < ARRAY_SIZE(mm); i++)
			message(&mm[i].msg_hdr);
		(void)!sendmmsg(fd(), mm, below(10) ? (unsigned)below(5) : (unsigned)odd_number(), message_flags());
		break;
	case 18: {
		struct timespec t = { 0, 1000000 };
		for (size_t i = 0; i < ARRAY_SIZE(mm); i++)
			message(&mm[i].msg_hdr);
		(void)!recvmmsg(fd(), mm, below(10) ? (unsigned)below(5) : (unsigned)odd_number(), message_flags(), &t);
		break;
	}
	case 19:
		len = (socklen_t)odd_number();
		if (below(2))
			(void)!getsockname(fd(), room(128), below(4) ? &len : room(4));
		else
			(void)!getpeername(fd(), room(128), below(4) ? &len : room(4));
		break;
	case 20:
		option();
		break;
	case 21:
		poll_some();
		break;
	case 22:
		move();
		break;
	default:
		control();
		break;
	}
}

static void *worker(void *arg)
{
	seed = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15ULL | 1;
	area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(area + AREA, 4096, PROT_NONE);
	for (int i = 0; i < 10; i++)
		rnd();
	for (;;)
		one_call();
	return NULL;
}

static void ignore(int sig)
{
	(void)sig;
}

/* Threads on the same descriptors, whose waits a timer interrupts. */
static void child(uint64_t from, int threads)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct sigaction sa = { .sa_handler = ignore };
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGALRM && sig != SIGCHLD)
			sigaction(sig, &sa, NULL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	struct rlimit fds = { 256, 256 };
	setrlimit(RLIMIT_NOFILE, &fds);
	alarm(CHILD_SECONDS);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { { 0, 3000000 }, { 0, 3000000 } };
	timer_t timer;
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0)
		timer_settime(timer, 0, &its, NULL);
	for (int i = 1; i < threads; i++) {
		pthread_t t;
		pthread_create(&t, NULL, worker, (void *)(uintptr_t)(from + (uint64_t)i * 1000003));
	}
	worker((void *)(uintptr_t)from);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	uint64_t from = strtoull(argv[1], NULL, 0);
	time_t end = time(NULL) + atoi(argv[2]);
	int threads = argc > 3 ? atoi(argv[3]) : 3, born = 0, status;
	for (int sig = 1; sig <= 64; sig++)              /* F_SETOWN finds us */
		if (sig != SIGCHLD && sig != SIGALRM)
			signal(sig, SIG_IGN);
	(void)!chdir("/tmp");
	int null = open("/dev/null", O_RDWR);
	while (time(NULL) < end) {
		for (int running = 0; running < CHILDREN; running++) {
			pid_t pid = fork();
			if (pid == 0) {
				dup2(null, 0);
				dup2(null, 1);
				dup2(null, 2);
				child(from * 1000 + (uint64_t)born + 1, threads);
			}
			born += pid > 0;
		}
		while (wait(&status) > 0)
			;
	}
	printf("guest_sockets: verdict: alive, %d children\n", born);
	return 0;
}
