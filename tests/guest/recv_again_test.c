/* Reads that find nothing, again and again: a sandbox may know that in advance, but has to notice all that changes it. */
#include "tests/guest/guest.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

COVERS(recvfrom, read, fcntl, close, shutdown);

static int here, there;

static void tcp_pair(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_OK(bind(l, (void *)&sa, sizeof(sa)));
	ASSERT_OK(listen(l, 1));
	ASSERT_OK(getsockname(l, (void *)&sa, &len));
	ASSERT_OK(there = socket(AF_INET, SOCK_STREAM, 0));
	ASSERT_OK(connect(there, (void *)&sa, sizeof(sa)));
	ASSERT_OK(here = accept4(l, NULL, NULL, SOCK_NONBLOCK));
	close(l);
}

static void unix_pair(void)
{
	int pair[2];
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	here = pair[0];
	there = pair[1];
	ASSERT_OK(fcntl(here, F_SETFL, O_NONBLOCK));
}

static char bytes[100];

static void find_nothing(void)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_ERRNO(recv(here, bytes, 100, 0), EAGAIN);
		ASSERT_ERRNO(read(here, bytes, 100), EAGAIN);
	}
}

static void in_both(void (*test)(void))
{
	tcp_pair();
	find_nothing();
	test();
	unix_pair();
	find_nothing();
	test();
}

static void bytes_come(void)
{
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(write(there, "abc", 3), 3);
		ASSERT_EQ(recv(here, bytes, 2, 0), 2);
		ASSERT_EQ(i % 2 ? read(here, bytes, 2) : recv(here, bytes, 2, MSG_DONTWAIT), 1);
		ASSERT_ERRNO(i % 2 ? read(here, bytes, 2) : recv(here, bytes, 2, 0), EAGAIN);
	}
	close(there);
	EXPECT_EQ(recv(here, bytes, 2, 0), 0);
	EXPECT_EQ(read(here, bytes, 2), 0);
}
TEST(what_comes_is_read) { in_both(bytes_come); }

static void gets_another_number(void)
{
	int pipes[2];
	ASSERT_OK(pipe(pipes));
	ASSERT_EQ(write(pipes[1], "pipe", 4), 4);
	ASSERT_OK(dup2(pipes[0], here));
	EXPECT_EQ(read(here, bytes, 100), 4);
	close(here);
	EXPECT_ERRNO(read(here, bytes, 100), EBADF);
	EXPECT_ERRNO(recv(here, bytes, 100, 0), EBADF);
	EXPECT_EQ(open("/dev/zero", O_RDONLY), here);
	EXPECT_EQ(read(here, bytes, 100), 100);
}
TEST(the_number_means_another_file) { in_both(gets_another_number); }

static void is_shut(void)
{
	ASSERT_OK(shutdown(here, SHUT_RD));
	EXPECT_EQ(recv(here, bytes, 100, 0), 0);
}
TEST(shutdown_means_the_end) { in_both(is_shut); }

static void *write_soon(void *arg)
{
	(void)arg;
	usleep(2000);
	return (void *)write(there, "abc", 3);
}

static void waits(void)
{
	pthread_t thread;
	ASSERT_EQ(pthread_create(&thread, NULL, write_soon, NULL), 0);
	ASSERT_OK(ioctl(here, FIONBIO, &(int){ 0 }));
	EXPECT_EQ(read(here, bytes, 100), 3);
	pthread_join(thread, NULL);
	ASSERT_OK(fcntl(here, F_SETFL, O_NONBLOCK));
	find_nothing();
	ASSERT_EQ(pthread_create(&thread, NULL, write_soon, NULL), 0);
	ASSERT_OK(fcntl(here, F_SETFL, 0));
	EXPECT_EQ(recv(here, bytes, 100, 0), 3);
	pthread_join(thread, NULL);
}
TEST(a_socket_that_waits_again_waits) { in_both(waits); }

/* Nothing but reads here; what changes them comes from another thread, or another process. */
static volatile int go;
static void *close_and_open(void *arg)
{
	while (go != 1)
		;
	*(int *)arg = dup2(open("/dev/zero", O_RDONLY), here);
	go = 2;
	return NULL;
}

static void another_thread(void)
{
	pthread_t thread;
	int fd = -1;
	go = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, close_and_open, &fd), 0);
	find_nothing();
	go = 1;
	while (go != 2)
		;
	EXPECT_EQ(read(here, bytes, 100), 100);
	pthread_join(thread, NULL);
	EXPECT_EQ(fd, here);
}
TEST(another_thread_closes_it) { in_both(another_thread); }

static void another_process(void)
{
	volatile int *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	ASSERT_OK(child);
	if (child == 0) {
		for (int i = 0; i < 20; i++)
			if (recv(here, bytes, 100, 0) != -1)
				_exit(1);
		words[0] = 1;
		while (!words[1])
			;
		if (recv(here, bytes, 100, 0) != 3)
			_exit(2);
		words[0] = 2;
		while (words[1] != 2)
			;
		_exit(recv(here, bytes, 100, 0) == 0 ? 0 : 3);
	}
	while (words[0] != 1)
		;
	ASSERT_EQ(write(there, "abc", 3), 3);
	words[1] = 1;
	while (words[0] != 2)
		;
	ASSERT_OK(shutdown(there, SHUT_WR));
	words[1] = 2;
	int status;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}
TEST(another_process_writes) { in_both(another_process); }
