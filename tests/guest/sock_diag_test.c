/* sock_diag_test.c - which sockets there are: NETLINK_SOCK_DIAG (sock_diag(7)), and /proc/net, which must agree. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/guest/netlink.h"

COVERS(socket, sendto, recvfrom, bind, listen, connect, accept, fstat);

static char message[8192] __attribute__((aligned(8)));
#define HEADER ((struct nlmsghdr *)message)

static uint64_t ino_of(int fd)
{
	struct stat st;
	ASSERT_OK(fstat(fd, &st));
	return st.st_ino;
}

static int dump_inet(int family, int protocol, unsigned states)
{
	int fd = nl_open(NETLINK_SOCK_DIAG);
	struct inet_diag_req_v2 q = { .sdiag_family = (unsigned char)family, .sdiag_protocol = (unsigned char)protocol, .idiag_states = states,
				      .idiag_ext = 1 << (INET_DIAG_INFO - 1) };
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
	nl_send(fd, &r);
	int n = nl_collect(fd, SOCK_DIAG_BY_FAMILY, message, sizeof(message));
	close(fd);
	return n;
}

static int dump_unix(unsigned states, unsigned show)
{
	int fd = nl_open(NETLINK_SOCK_DIAG);
	struct unix_diag_req q = { .sdiag_family = AF_UNIX, .udiag_states = states, .udiag_show = show };
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
	nl_send(fd, &r);
	int n = nl_collect(fd, SOCK_DIAG_BY_FAMILY, message, sizeof(message));
	close(fd);
	return n;
}

/* Asks for one socket. */
static void find_unix(int s, unsigned show)
{
	int fd = nl_open(NETLINK_SOCK_DIAG);
	struct unix_diag_req q = { .sdiag_family = AF_UNIX, .udiag_ino = (unsigned)ino_of(s), .udiag_show = show,
				   .udiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } };
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &q, sizeof(q));
	nl_send(fd, &r);
	ASSERT_EQ(nl_next(fd, message, sizeof(message)), SOCK_DIAG_BY_FAMILY);
	EXPECT_EQ(((struct unix_diag_msg *)NLMSG_DATA(HEADER))->udiag_ino, q.udiag_ino);
	close(fd);
}

static void lo_up(void)
{
	nl_fresh_network();
	int fd = nl_open(NETLINK_ROUTE);
	ASSERT_EQ(nl_set_lo(fd, true), 0);
	close(fd);
}

/* The line of a table that ends in this inode number; false: there is none. */
static bool proc_line(const char *table, uint64_t ino, char *out, size_t bytes)
{
	char path[64], number[32];
	snprintf(path, sizeof(path), "/proc/net/%s", table);
	snprintf(number, sizeof(number), " %llu ", (unsigned long long)ino);
	FILE *f = fopen(path, "r");
	ASSERT(f != NULL);
	bool found = false;
	while (!found && fgets(out, (int)bytes, f)) {
		out[strcspn(out, "\n")] = ' ';
		found = strstr(out, number) != NULL;
	}
	fclose(f);
	return found;
}

static int listener(struct sockaddr_in *at)
{
	int l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(*at);
	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ASSERT_OK(bind(l, (void *)at, sizeof(*at)));
	ASSERT_OK(listen(l, 7));
	ASSERT_OK(getsockname(l, (void *)at, &len));
	return l;
}

TEST(a_listener_is_listed)
{
	lo_up();
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, ~0U), 0);
	struct sockaddr_in at;
	int l = listener(&at);
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, 1 << TCP_ESTABLISHED), 0);
	EXPECT_EQ(dump_inet(AF_INET6, IPPROTO_TCP, ~0U), 0);
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_UDP, ~0U), 0);
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, 1 << TCP_LISTEN), 1);
	struct inet_diag_msg *m = NLMSG_DATA(HEADER);
	EXPECT_EQ(m->idiag_family, AF_INET);
	EXPECT_EQ(m->idiag_state, TCP_LISTEN);
	EXPECT_EQ(m->id.idiag_sport, at.sin_port);
	EXPECT_EQ(m->id.idiag_dport, 0);
	EXPECT_EQ(m->id.idiag_src[0], htonl(INADDR_LOOPBACK));
	EXPECT_EQ(m->idiag_inode, ino_of(l));
	EXPECT_EQ(m->idiag_wqueue, 7);
	EXPECT_EQ(m->idiag_rqueue, 0);
	size_t len;
	EXPECT(nl_find(HEADER, sizeof(*m), INET_DIAG_INFO, &len) && len >= 104);
	char line[512], local[64];
	ASSERT(proc_line("tcp", ino_of(l), line, sizeof(line)));
	snprintf(local, sizeof(local), ": 0100007F:%04X 00000000:0000 0A ", ntohs(at.sin_port));
	EXPECT(strstr(line, local));
	EXPECT(!proc_line("tcp6", ino_of(l), line, sizeof(line)));
	uint64_t ino = ino_of(l);
	close(l);
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, ~0U), 0);
	EXPECT(!proc_line("tcp", ino, line, sizeof(line)));
}

TEST(both_ends_of_a_connection)
{
	lo_up();
	struct sockaddr_in at;
	int l = listener(&at), c = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_OK(connect(c, (void *)&at, sizeof(at)));
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, 1 << TCP_LISTEN), 1);
	EXPECT_EQ(((struct inet_diag_msg *)NLMSG_DATA(HEADER))->idiag_rqueue, 1);
	int s = accept(l, NULL, NULL);
	ASSERT_OK(s);
	EXPECT_EQ(write(c, "hello", 5), 5);
	EXPECT_EQ(dump_inet(AF_INET, IPPROTO_TCP, 1 << TCP_ESTABLISHED), 2);
	char line[512], port[16];
	ASSERT(proc_line("tcp", ino_of(s), line, sizeof(line)));
	EXPECT(strstr(line, " 01 00000000:00000005 "));
	snprintf(port, sizeof(port), "0100007F:%04X", ntohs(at.sin_port));
	EXPECT(strstr(line, port));
	ASSERT(proc_line("tcp", ino_of(c), line, sizeof(line)));
	EXPECT(strstr(line, port));
	/* One is found by its ends. */
	int fd = nl_open(NETLINK_SOCK_DIAG);
	struct inet_diag_req_v2 q = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	ASSERT_OK(getpeername(s, (void *)&peer, &len));
	q.id.idiag_sport = at.sin_port;
	q.id.idiag_dport = peer.sin_port;
	q.id.idiag_src[0] = q.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	q.id.idiag_cookie[0] = q.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &q, sizeof(q));
	nl_send(fd, &r);
	ASSERT_EQ(nl_next(fd, message, sizeof(message)), SOCK_DIAG_BY_FAMILY);
	EXPECT_EQ(((struct inet_diag_msg *)NLMSG_DATA(HEADER))->idiag_inode, ino_of(s));
}

TEST(udp_sockets)
{
	lo_up();
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(4711), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	ASSERT_OK(bind(s, (void *)&at, sizeof(at)));
	EXPECT_EQ(dump_inet(AF_INET6, IPPROTO_UDP, ~0U), 1);
	struct inet_diag_msg *m = NLMSG_DATA(HEADER);
	EXPECT_EQ(m->idiag_state, TCP_CLOSE);
	EXPECT_EQ(m->id.idiag_sport, htons(4711));
	EXPECT_EQ(m->idiag_inode, ino_of(s));
	char line[512];
	ASSERT(proc_line("udp6", ino_of(s), line, sizeof(line)));
	EXPECT(strstr(line, ": 00000000000000000000000001000000:1267 00000000000000000000000000000000:0000 07 "));
}

TEST(unix_sockets)
{
	nl_fresh_network();
	int l = socket(AF_UNIX, SOCK_STREAM, 0), sv[2];
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "\0sock_diag_test" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 15;
	ASSERT_OK(bind(l, (void *)&at, len));
	ASSERT_OK(listen(l, 5));
	EXPECT_EQ(dump_unix(~0U, 0), 1);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	EXPECT_EQ(dump_unix(~0U, 0), 3);
	EXPECT_EQ(dump_unix(1 << TCP_ESTABLISHED, 0), 2);
	EXPECT_EQ(dump_unix(1 << TCP_LISTEN, UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS), 1);
	struct unix_diag_msg *m = NLMSG_DATA(HEADER);
	EXPECT_EQ(m->udiag_family, AF_UNIX);
	EXPECT_EQ(m->udiag_type, SOCK_STREAM);
	EXPECT_EQ(m->udiag_state, TCP_LISTEN);
	EXPECT_EQ(m->udiag_ino, ino_of(l));
	size_t n;
	const void *name = nl_find(HEADER, sizeof(*m), UNIX_DIAG_NAME, &n);
	ASSERT(name && n == 15);
	EXPECT_EQ(memcmp(name, at.sun_path, 15), 0);
	const struct unix_diag_rqlen *q = nl_find(HEADER, sizeof(*m), UNIX_DIAG_RQLEN, &n);
	EXPECT_EQ(q->udiag_rqueue, 0);
	EXPECT_EQ(q->udiag_wqueue, 5);
	find_unix(sv[0], UDIAG_SHOW_PEER);
	EXPECT_EQ(*(const unsigned *)nl_find(HEADER, sizeof(*m), UNIX_DIAG_PEER, NULL), ino_of(sv[1]));
	char line[512];
	ASSERT(proc_line("unix", ino_of(l), line, sizeof(line)));
	EXPECT(strstr(line, " 00010000 0001 01 "));
	EXPECT(strstr(line, " @sock_diag_test "));
	ASSERT(proc_line("unix", ino_of(sv[0]), line, sizeof(line)));
	EXPECT(strstr(line, " 00000000 0002 03 "));
}

TEST(who_waits_to_be_accepted)
{
	nl_fresh_network();
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "\0waiting" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 8;
	ASSERT_OK(bind(l, (void *)&at, len));
	ASSERT_OK(listen(l, 5));
	ASSERT_OK(connect(c, (void *)&at, len));
	EXPECT_EQ(dump_unix(1 << TCP_LISTEN, UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS), 1);
	size_t n;
	const unsigned *inos = nl_find(HEADER, sizeof(struct unix_diag_msg), UNIX_DIAG_ICONS, &n);
	ASSERT(inos && n == 4);
	EXPECT_EQ(inos[0], ino_of(c));
	EXPECT_EQ(dump_unix(~0U, 0), 2);
	int s = accept(l, NULL, NULL);
	EXPECT_EQ(dump_unix(~0U, 0), 3);
	find_unix(s, UDIAG_SHOW_NAME);
	EXPECT(nl_find(HEADER, sizeof(struct unix_diag_msg), UNIX_DIAG_NAME, &n) && n == 8);
}

TEST(a_dump_of_many_comes_in_pieces)
{
	enum { MANY = 300 };
	nl_fresh_network();
	for (int i = 0; i < MANY; i++)
		ASSERT_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	EXPECT_EQ(dump_unix(~0U, UDIAG_SHOW_MEMINFO | UDIAG_SHOW_RQLEN), MANY);
	/* While one is under way, there is no second. */
	int fd = nl_open(NETLINK_SOCK_DIAG), small = 1;
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	struct unix_diag_req q = { .sdiag_family = AF_UNIX, .udiag_states = ~0U };
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
	nl_send(fd, &r);
	nl_send(fd, &r);
	EXPECT_ERRNO(recv(fd, message, sizeof(message), MSG_DONTWAIT), ENOBUFS);
	EXPECT_EQ(nl_collect(fd, SOCK_DIAG_BY_FAMILY, NULL, 0), MANY);
}

TEST(unknown_questions)
{
	int fd = nl_open(NETLINK_SOCK_DIAG);
	struct sock_diag_req none = { .sdiag_family = AF_INET };
	struct nlreq r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &none, 1);
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
	none.sdiag_family = AF_MAX;
	r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &none, sizeof(none));
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
	none.sdiag_family = AF_ALG;
	r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &none, sizeof(none));
	EXPECT_EQ(nl_ask(fd, &r), ENOENT);
	none.sdiag_family = AF_INET;
	r = nl_make(SOCK_DIAG_BY_FAMILY, 0, &none, sizeof(none));
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
	/* A protocol of more than a byte goes before. */
	struct inet_diag_req_v2 q = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U };
	unsigned protocol = 1000;
	r = nl_make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
	nl_add(&r, INET_DIAG_REQ_PROTOCOL, &protocol, sizeof(protocol));
	nl_send(fd, &r);
	int type = nl_next(fd, message, sizeof(message));
	const int *error = type == NLMSG_ERROR ? &((struct nlmsgerr *)NLMSG_DATA(HEADER))->error : NLMSG_DATA(HEADER);
	EXPECT_EQ(*error, -ENOENT);               /* as an error, or as the end of the dump */
	r = nl_make(99, 0, &none, sizeof(none));
	EXPECT_EQ(nl_ask(fd, &r), EINVAL);
}

TEST(sockets_belong_to_who_made_them)
{
	if (getuid() != 0)
		SKIP("only root can become somebody else");
	ASSERT_OK(setresuid(1234, 1234, 1234));
	struct stat st;
	ASSERT_OK(fstat(socket(AF_UNIX, SOCK_STREAM, 0), &st));
	EXPECT_EQ(st.st_uid, 1234);
}
