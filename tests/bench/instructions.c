/* instructions.c - one guest system call, again and again, without a guest: for counting the sentry's instructions.
 *
 *	instructions OPERATION COUNT            "instructions --list": the operations
 *
 * HOW      A fake task whose "guest memory" is this process's own calls handlers through the table, as task_run.c does.
 *          instructions.sh runs it under callgrind, which counts what measured() and all below it execute: noise of the
 *          machine can't hide a regression there. Platform code (slots, trap code) isn't part of it, nor is the host kernel. */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/impl.h"
#include "sentry/mm/mm.h"
#include "sentry/net/net.h"
#include "tests/unit/fake_task.h"

static struct task *task;
static char memory[65536];                /* below PL_GUEST_END: addresses of it are guest addresses */
static char path[] = "/file";
static int pair[2];
static struct epoll_event event = { .events = EPOLLIN };

static long call_(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	long ret = syscall_dispatch(task, (uint64_t)nr, (const uint64_t[6]){ a, b, c, d });
	if (ret < 0)
		errx(1, "system call %ld: %s", nr, strerror((int)-ret));
	return ret;
}
#define A(x) ((uint64_t)(uintptr_t)(x))
#define CALL(nr, a, b, c, d) call_(SYS_##nr, A(a), A(b), A(c), A(d))

static long fd, set;

static void open_file(void)
{
	fd = CALL(open, path, O_RDWR | O_CREAT, 0600, 0);
	CALL(pwrite64, fd, memory, sizeof(memory), 0);
}

static void make_pipe(void)
{
	CALL(pipe2, pair, 0, 0, 0);
}

static void make_sockets(void)
{
	CALL(socketpair, 1, 1, 0, pair);
}

static void make_epoll(void)
{
	fd = CALL(eventfd2, 0, 0, 0, 0);
	set = CALL(epoll_create1, 0, 0, 0, 0);
	CALL(epoll_ctl, set, EPOLL_CTL_ADD, fd, &event);
}

/* Over loopback: pair[0] is the client. Both watched, edge-triggered. Nothing that a call is given is on the stack, which may lie
 * above the guest's addresses. */
static void make_tcp(void)
{
	static struct sockaddr_in addr = { .sin_family = AF_INET };
	static struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(80);
	fd = CALL(socket, AF_INET, SOCK_STREAM, 0, 0);
	CALL(bind, fd, &addr, sizeof(addr), 0);
	CALL(listen, fd, 100, 0, 0);
	pair[0] = (int)CALL(socket, AF_INET, SOCK_STREAM, 0, 0);
	CALL(connect, pair[0], &addr, sizeof(addr), 0);
	pair[1] = (int)CALL(accept4, fd, 0, 0, 0);
	set = CALL(epoll_create1, 0, 0, 0, 0);
	ev.data.fd = pair[1];
	CALL(epoll_ctl, set, EPOLL_CTL_ADD, pair[1], &ev);
}

static void nothing(void)
{
}

static void op_getppid(void)
{
	CALL(getpid, 0, 0, 0, 0);
}

static void op_open_close(void)
{
	CALL(close, CALL(open, path, O_RDONLY, 0, 0), 0, 0, 0);
}

static void op_stat(void)
{
	CALL(stat, path, memory, 0, 0);
}

static void op_fstat(void)
{
	CALL(fstat, fd, memory, 0, 0);
}

static void op_pread_512(void)
{
	CALL(pread64, fd, memory, 512, 0);
}

static void op_pwrite_4k(void)
{
	CALL(pwrite64, fd, memory, 4096, 0);
}

static void op_create_unlink(void)
{
	static char name[] = "/new";
	CALL(close, CALL(open, name, O_RDWR | O_CREAT | O_EXCL, 0600, 0), 0, 0, 0);
	CALL(unlink, name, 0, 0, 0);
}

static void op_pipe_self(void)
{
	CALL(write, pair[1], memory, 1, 0);
	CALL(read, pair[0], memory, 1, 0);
}

static void op_unix_self(void)
{
	CALL(sendto, pair[0], memory, 1, 0);
	CALL(recvfrom, pair[1], memory, 1, 0);
}

static void op_tcp_64(void)
{
	CALL(write, pair[0], memory, 64, 0);
	CALL(read, pair[1], memory, 16384, 0);
}

static void op_tcp_64k(void)
{
	CALL(write, pair[0], memory, 65536, 0);
	CALL(read, pair[1], memory, 65536, 0);
}

/* One side of a request: it comes, is waited for, read and answered; the client reads. */
static void op_tcp_epoll(void)
{
	CALL(write, pair[0], memory, 64, 0);
	CALL(epoll_wait, set, memory + 1024, 16, -1);
	CALL(read, pair[1], memory, 16384, 0);
	CALL(write, pair[1], memory, 5, 0);
	CALL(read, pair[0], memory, 16384, 0);
}

/* The server closes first, as for HTTP without keep-alive. */
static void op_tcp_connect(void)
{
	static struct sockaddr_in addr = { .sin_family = AF_INET };
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(80);
	long c = CALL(socket, AF_INET, SOCK_STREAM, 0, 0);
	CALL(connect, c, &addr, sizeof(addr), 0);
	CALL(close, CALL(accept4, fd, 0, 0, 0), 0, 0, 0);
	CALL(close, c, 0, 0, 0);
}

static void op_eventfd_epoll(void)
{
	memory[0] = 1;
	CALL(write, fd, memory, 8, 0);
	CALL(epoll_wait, set, memory + 64, 1, -1);
	CALL(read, fd, memory, 8, 0);
}

static const struct {
	const char *name;
	void (*prepare)(void), (*op)(void);
} operations[] = {
	{ "getppid", nothing, op_getppid },          { "open_close", open_file, op_open_close },
	{ "stat", open_file, op_stat },              { "fstat", open_file, op_fstat },
	{ "pread_512", open_file, op_pread_512 },    { "pwrite_4k", open_file, op_pwrite_4k },
	{ "create_unlink", nothing, op_create_unlink }, { "pipe_self", make_pipe, op_pipe_self },
	{ "unix_self", make_sockets, op_unix_self }, { "eventfd_epoll", make_epoll, op_eventfd_epoll },
	{ "tcp_64", make_tcp, op_tcp_64 },           { "tcp_64k", make_tcp, op_tcp_64k },
	{ "tcp_epoll", make_tcp, op_tcp_epoll },     { "tcp_connect", make_tcp, op_tcp_connect },
};

static int chosen, count;

/* What callgrind counts: it knows the function by this name. */
__attribute__((noinline, noclone)) void measured(void)
{
	for (int i = 0; i < count; i++)
		operations[chosen].op();
}

static int run(void)
{
	void *state;
	fake_setup(&state);
	task = state;
	task->net = net_new(true);
	struct pl_as *as = NEW(struct pl_as);
	as->refs = 1;
	as->pid = getpid();
	CHECK(mm_new(as, &task->mm) == 0);
	operations[chosen].prepare();
	for (int i = 0; i < 3; i++)               /* what the first time alone costs is not meant */
		operations[chosen].op();
	measured();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
			puts(operations[i].name);
		return 0;
	}
	if (argc != 3)
		errx(2, "usage: instructions OPERATION COUNT");
	for (chosen = 0; chosen < (int)ARRAY_SIZE(operations); chosen++)
		if (strcmp(operations[chosen].name, argv[1]) == 0)
			break;
	if (chosen == ARRAY_SIZE(operations))
		errx(2, "%s: no such operation", argv[1]);
	count = atoi(argv[2]);
	return run_in_coroutine(run);
}
