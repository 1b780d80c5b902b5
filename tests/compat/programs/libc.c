/* What a C library makes of the kernel: threads cancelled in blocking calls, one uid for all
 * threads, posix_spawn, robust and PI mutexes, semaphores with deadlines, timers that start
 * threads. Prints a line each; glibc and musl differ, so the native run is the oracle.
 * Long, but one program on purpose: it is built four ways in a folder of its own, by one command. */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define REQUIRE(x)                                                              \
	do {                                                                    \
		if (!(x)) {                                                     \
			printf("line %d: " #x ": errno %d\n", __LINE__, errno); \
			fflush(stdout);                                         \
			_exit(1);                                               \
		}                                                               \
	} while (0)

/* Until thread tid sleeps in a system call. */
static void until_asleep(pid_t tid)
{
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	for (;;) {
		FILE *f = fopen(path, "r");
		REQUIRE(f);
		REQUIRE(fgets(line, sizeof(line), f));
		fclose(f);
		char *state = strrchr(line, ')');
		if (state[2] == 'S')
			return;
		sched_yield();
	}
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

/* Cancellation */

static int empty[2], full[2], pair[2], filled[2], lonely, listener, ep, queue, mq_empty, locked;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static pthread_t sleeper;
static char buf[65536];

static void c_read(void)
{
	read(empty[0], buf, 1);
}
static void c_readv(void)
{
	struct iovec v = {buf, 1};
	readv(empty[0], &v, 1);
}
static void c_write(void)
{
	write(full[1], buf, 1);
}
static void c_pause(void)
{
	pause();
}
static void c_nanosleep(void)
{
	struct timespec t = {1000, 0};
	nanosleep(&t, NULL);
}
static void c_clock_nanosleep(void)
{
	struct timespec t = in_ms(CLOCK_MONOTONIC, 1000000);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}
static void c_sleep(void)
{
	sleep(1000);
}
static void c_usleep(void)
{
	usleep(1000000000);
}
static void c_select(void)
{
	fd_set s;
	FD_ZERO(&s);
	FD_SET(empty[0], &s);
	select(empty[0] + 1, &s, NULL, NULL, NULL);
}
static void c_pselect(void)
{
	fd_set s;
	sigset_t m;
	FD_ZERO(&s);
	FD_SET(empty[0], &s);
	sigemptyset(&m);
	pselect(empty[0] + 1, &s, NULL, NULL, NULL, &m);
}
static void c_poll(void)
{
	struct pollfd p = {empty[0], POLLIN, 0};
	poll(&p, 1, -1);
}
static void c_ppoll(void)
{
	struct pollfd p = {empty[0], POLLIN, 0};
	ppoll(&p, 1, NULL, NULL);
}
static void c_epoll_wait(void)
{
	struct epoll_event e;
	epoll_wait(ep, &e, 1, -1);
}
static void c_epoll_pwait(void)
{
	struct epoll_event e;
	sigset_t m;
	sigemptyset(&m);
	epoll_pwait(ep, &e, 1, -1, &m);
}
static void c_accept(void)
{
	accept(listener, NULL, NULL);
}
static void c_accept4(void)
{
	accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}
static void c_recv(void)
{
	recv(pair[0], buf, 1, 0);
}
static void c_recvfrom(void)
{
	recvfrom(pair[0], buf, 1, 0, NULL, NULL);
}
static void c_recvmsg(void)
{
	struct iovec v = {buf, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	recvmsg(pair[0], &m, 0);
}
static void c_send(void)
{
	send(filled[0], buf, 1, 0);
}
static void c_sendmsg(void)
{
	struct iovec v = {buf, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	sendmsg(filled[0], &m, 0);
}
static void c_sigwait(void)
{
	sigset_t m;
	int s;
	sigemptyset(&m);
	sigaddset(&m, SIGUSR2);
	sigwait(&m, &s);
}
static void c_sigwaitinfo(void)
{
	sigset_t m;
	sigemptyset(&m);
	sigaddset(&m, SIGUSR2);
	sigwaitinfo(&m, NULL);
}
static void c_sigtimedwait(void)
{
	sigset_t m;
	struct timespec t = {1000, 0};
	sigemptyset(&m);
	sigaddset(&m, SIGUSR2);
	sigtimedwait(&m, NULL, &t);
}
static void c_sigsuspend(void)
{
	sigset_t m;
	sigemptyset(&m);
	sigsuspend(&m);
}
static void c_wait(void)
{
	wait(NULL);
}
static void c_waitpid(void)
{
	waitpid(lonely, NULL, 0);
}
static void c_waitid(void)
{
	siginfo_t si;
	waitid(P_PID, lonely, &si, WEXITED);
}
static void c_sem_wait(void)
{
	sem_wait(&sem);
}
static void c_sem_timedwait(void)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
	sem_timedwait(&sem, &t);
}
static void unlock(void *m)
{
	pthread_mutex_unlock(m);
}
static void c_cond_wait(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
}
static void c_cond_timedwait(void)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	pthread_cond_timedwait(&cond, &mutex, &t);
	pthread_cleanup_pop(1);
}
static void c_join(void)
{
	pthread_join(sleeper, NULL);
}
static void c_mq_receive(void)
{
	mq_receive(mq_empty, buf, sizeof(buf), NULL);
}
static void c_mq_timedreceive(void)
{
	struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
	mq_timedreceive(mq_empty, buf, sizeof(buf), NULL, &t);
}
static void c_msgrcv(void)
{
	msgrcv(queue, buf, 100, 1, 0);
}
static void c_lock(void)
{
	struct flock l = {.l_type = F_WRLCK};
	fcntl(locked, F_SETLKW, &l);
}
static void c_open(void)
{
	open("fifo", O_RDONLY);
}
static void c_system(void)
{
	system("exec sleep 1000");
}

struct point {
	const char *name;
	void (*call)(void);
	atomic_int tid;
	int cleaned;
};
static struct point points[] = {
#define P(x)                    \
	{                       \
#x, c_##x, 0, 0 \
	}
	P(read),
	P(readv),
	P(write),
	P(pause),
	P(nanosleep),
	P(clock_nanosleep),
	P(sleep),
	P(usleep),
	P(select),
	P(pselect),
	P(poll),
	P(ppoll),
	P(epoll_wait),
	P(epoll_pwait),
	P(accept),
	P(accept4),
	P(recv),
	P(recvfrom),
	P(recvmsg),
	P(send),
	P(sendmsg),
	P(sigwait),
	P(sigwaitinfo),
	P(sigtimedwait),
	P(sigsuspend),
	P(wait),
	P(waitpid),
	P(waitid),
	P(sem_wait),
	P(sem_timedwait),
	P(cond_wait),
	P(cond_timedwait),
	P(join),
	P(mq_receive),
	P(mq_timedreceive),
	P(msgrcv),
	P(lock),
	P(open),
	P(system),
};

static void cleanup(void *p)
{
	((struct point *)p)->cleaned++;
}

static void *cancelled(void *arg)
{
	struct point *p = arg;
	pthread_cleanup_push(cleanup, p);
	p->tid = syscall(SYS_gettid);
	p->call();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *sleeping(void *arg)
{
	sleep(1000);
	return arg;
}

static void prepare(void)
{
	REQUIRE(!pipe(empty) && !pipe(full) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair) &&
		!socketpair(AF_UNIX, SOCK_STREAM, 0, filled));
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], buf, sizeof(buf)) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	while (send(filled[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	struct sockaddr_un un = {AF_UNIX, "listener"};
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	REQUIRE(!bind(listener, (void *)&un, sizeof(un)) && !listen(listener, 1));
	struct epoll_event e = {.events = EPOLLIN};
	ep = epoll_create1(0);
	REQUIRE(!epoll_ctl(ep, EPOLL_CTL_ADD, empty[0], &e));
	queue = msgget(IPC_PRIVATE, 0600);
	char name[32];
	snprintf(name, sizeof(name), "/q%d", getpid());
	struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 8};
	mq_empty = mq_open(name, O_RDWR | O_CREAT, 0600, &a);
	REQUIRE(queue >= 0 && mq_empty >= 0);
	mq_unlink(name);
	sem_init(&sem, 0, 0);
	REQUIRE(!mkfifo("fifo", 0600));
	REQUIRE((locked = open("locked", O_RDWR | O_CREAT, 0600)) >= 0);
	int ready[2];
	REQUIRE(!pipe(ready));
	REQUIRE((lonely = fork()) >= 0);
	if (lonely == 0) {
		struct flock l = {.l_type = F_WRLCK};
		fcntl(locked, F_SETLKW, &l);
		write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	read(ready[0], buf, 1);
	pthread_create(&sleeper, NULL, sleeping, NULL);
}

static void *spinning(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	*(atomic_int *)arg = 1;
	for (volatile long i = 0;; i++)
		;
}

static void *disabled(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	*(atomic_int *)arg = syscall(SYS_gettid);
	read(empty[0], buf, 1);
	*(atomic_int *)arg = -1;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	return NULL;
}

static void test_cancel(void)
{
	prepare();
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		struct point *p = &points[i];
		pthread_t t;
		void *got;
		REQUIRE(!pthread_create(&t, NULL, cancelled, p));
		while (!p->tid)
			sched_yield();
		until_asleep(p->tid);
		REQUIRE(!pthread_cancel(t));
		REQUIRE(!pthread_join(t, &got));
		printf("cancel in %s: %s, cleaned %d\n", p->name,
		       got == PTHREAD_CANCELED ? "cancelled" : "ended", p->cleaned);
		fflush(stdout);
	}
	pthread_t t;
	void *got;
	atomic_int seen = 0;
	pthread_create(&t, NULL, spinning, &seen);
	while (!seen)
		sched_yield();
	pthread_cancel(t);
	pthread_join(t, &got);
	printf("cancel of a loop: %d\n", got == PTHREAD_CANCELED);
	seen = 0;
	pthread_create(&t, NULL, disabled, &seen);
	while (!seen)
		sched_yield();
	until_asleep(seen);
	pthread_cancel(t);
	until_asleep(seen);
	printf("disabled: %d\n", seen > 0);
	write(empty[1], "x", 1);
	pthread_join(t, &got);
	printf("enabled again: %d\n", got == PTHREAD_CANCELED && seen == -1);
	pthread_cancel(sleeper);
	pthread_join(sleeper, NULL);
	kill(lonely, SIGKILL);
	waitpid(lonely, NULL, 0);
	msgctl(queue, IPC_RMID, NULL);
}

/* Credentials */

static pthread_barrier_t barrier;
static void *ids(void *arg)
{
	char text[128];
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	uid_t r, e, s;
	gid_t g[4];
	syscall(SYS_getresuid, &r, &e, &s);
	int n = syscall(SYS_getgroups, 4, g);
	snprintf(text, sizeof(text), "%d %d %d %d %d %d", r, e, s, (int)syscall(SYS_getegid), n,
		 n > 0 ? (int)g[0] : -1);
	*(char **)arg = strdup(text);
	return NULL;
}

static void test_setuid(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t[10], blocked;
		char *text[10] = {NULL};
		pthread_barrier_init(&barrier, NULL, 11);
		pthread_create(&blocked, NULL, sleeping, NULL);
		for (int i = 0; i < 10; i++)
			pthread_create(&t[i], NULL, ids, &text[i]);
		pthread_barrier_wait(&barrier);
		gid_t g[1] = {54};
		printf("set %d", setgroups(1, g));
		printf(" %d", setresgid(1003, 1004, 1005));
		printf(" %d", setresuid(1000, 1001, 1002));
		printf(" %d %d\n", setuid(0), errno);
		pthread_barrier_wait(&barrier);
		for (int i = 0; i < 10; i++) {
			pthread_join(t[i], NULL);
			if (i == 0 || strcmp(text[i], text[0]))
				printf("thread: %s\n", text[i]);
		}
		fflush(stdout);
		_exit(0);
	}
	int st;
	waitpid(pid, &st, 0);
	printf("setuid of all threads: %d\n", st);
}

/* posix_spawn */

static int spawned(const char *what, const char *script, const posix_spawn_file_actions_t *fa,
		   const posix_spawnattr_t *at)
{
	char *argv[] = {"sh", "-c", (char *)script, NULL};
	pid_t pid;
	int st = -1;
	fflush(stdout);
	int err = posix_spawnp(&pid, "sh", fa, at, argv, environ);
	if (!err)
		waitpid(pid, &st, 0);
	printf("spawn %s: %d %d\n", what, err, st);
	return st;
}

static void *spawner(void *arg)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid;
		int st;
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, (char *[]){"true", NULL}, environ) ||
		    waitpid(pid, &st, 0) != pid || st)
			atomic_fetch_add((atomic_int *)arg, 1);
	}
	return NULL;
}

static void test_spawn(void)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	pid_t pid;
	sigset_t m;
	spawned("plain", "exit 3", NULL, NULL);
	printf("spawn of nothing: %d\n",
	       posix_spawn(&pid, "/nonexistent", NULL, NULL, (char *[]){"x", NULL}, environ));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 7, "spawned", O_CREAT | O_WRONLY | O_TRUNC, 0644);
	posix_spawn_file_actions_adddup2(&fa, 7, 1);
	posix_spawn_file_actions_addclose(&fa, 7);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	spawned("with files", "echo into the file; [ -e /proc/self/fd/7 ]; exit $?", &fa, NULL);
	FILE *f = fopen("spawned", "r");
	printf("%s", f && fgets(buf, sizeof(buf), f) ? buf : "nothing\n");
	posix_spawn_file_actions_addopen(&fa, 5, "/nonexistent/file", O_RDONLY, 0);
	spawned("with a file that is not there", "exit 0", &fa, NULL);
	posix_spawnattr_init(&at);
	sigemptyset(&m);
	sigaddset(&m, SIGUSR1);
	posix_spawnattr_setsigmask(&at, &m);
	sigaddset(&m, SIGINT);
	posix_spawnattr_setsigdefault(&at, &m);
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					      POSIX_SPAWN_SETPGROUP);
	signal(SIGINT, SIG_IGN);
	spawned("with attributes",
		"grep -E 'Sig(Blk|Ign)' /proc/self/status; [ $(ps -o pgid= -p $$) = $$ ]", NULL,
		&at);
	signal(SIGINT, SIG_DFL);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID);
	spawned("in a session", "[ $(ps -o sid= -p $$) = $$ ]", NULL, &at);
	struct sched_param sp = {0};
	posix_spawnattr_setschedpolicy(&at, SCHED_BATCH);
	posix_spawnattr_setschedparam(&at, &sp);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSCHEDULER);
	spawned("with a policy", "chrt -p $$ 2>/dev/null | grep -q BATCH", NULL, &at);
	atomic_int bad = 0;
	pthread_t t[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, spawner, &bad);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("spawn from 8 threads: %d bad\n", bad);
	FILE *p = popen("cat >popened; exit 6", "w");
	fputs("text", p);
	printf("popen %d system %d\n", pclose(p), system("kill -9 $$"));
}

/* Mutexes */

static pthread_mutex_t *shared_mutex(int robust, int protocol, int type)
{
	pthread_mutexattr_t a;
	pthread_mutex_t *m =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_settype(&a, type);
	if (robust)
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	int err = pthread_mutexattr_setprotocol(&a, protocol);
	if (err)
		printf("protocol %d: %d\n", protocol, err);
	err = pthread_mutex_init(m, &a);
	if (err)
		printf("init: %d\n", err);
	return m;
}

static void *die_with(void *m)
{
	pthread_mutex_lock(m);
	return NULL;
}

static void robust(const char *name, int protocol, int type)
{
	pthread_mutex_t *m = shared_mutex(1, protocol, type);
	pthread_t t;
	pthread_create(&t, NULL, die_with, m);
	pthread_join(t, NULL);
	int a = pthread_mutex_trylock(m), b = pthread_mutex_consistent(m),
	    c = pthread_mutex_unlock(m);
	printf("%s, owner thread ended: %d %d %d\n", name, a, b, c);

	int go[2];
	pipe(go);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(m);
		write(go[1], "x", 1);
		for (;;)
			pause();
	}
	read(go[0], buf, 1);
	pid_t waiter = fork();
	if (waiter == 0)
		_exit(pthread_mutex_lock(m) == EOWNERDEAD ? 11 : 12);
	until_asleep(waiter);
	struct timespec ts = in_ms(CLOCK_REALTIME, 20);
	a = pthread_mutex_timedlock(m, &ts);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	int st;
	waitpid(waiter, &st, 0);
	b = pthread_mutex_lock(m);   /* the waiter died with it, too */
	c = pthread_mutex_unlock(m); /* not made consistent */
	printf("%s, owner killed: %d %d %d %d %d\n", name, a, WEXITSTATUS(st), b, c,
	       pthread_mutex_lock(m));
}

static int counter;
static void *count(void *m)
{
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(m);
		counter++;
		pthread_mutex_unlock(m);
	}
	return NULL;
}

static void contended(const char *name, pthread_mutex_t *m)
{
	pthread_t t[8];
	counter = 0;
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, count, m);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("%s counts %d\n", name, counter);
}

static void test_mutex(void)
{
	robust("robust", PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ERRORCHECK);
	robust("robust recursive", PTHREAD_PRIO_NONE, PTHREAD_MUTEX_RECURSIVE);
#ifdef __GLIBC__ /* musl waits for ever for a PI mutex whose owner is dead */
	robust("robust PI", PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_NORMAL);
#endif
	contended("normal", shared_mutex(0, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL));
	contended("PI", shared_mutex(0, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_NORMAL));
	contended("PI robust", shared_mutex(1, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_NORMAL));
	pthread_mutex_t *m = shared_mutex(0, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ERRORCHECK);
	int a = pthread_mutex_lock(m), b = pthread_mutex_lock(m), c = pthread_mutex_trylock(m);
	printf("PI error checks: %d %d %d", a, b, c);
	struct timespec ts = in_ms(CLOCK_REALTIME, -5);
	a = pthread_mutex_timedlock(m, &ts);
	printf(" %d %d %d\n", a, pthread_mutex_unlock(m), pthread_mutex_unlock(m));
	pthread_condattr_t ca;
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_t cv;
	pthread_cond_init(&cv, &ca);
	pthread_mutex_lock(m);
	ts = in_ms(CLOCK_MONOTONIC, 10);
	printf("condition with PI mutex: %d\n", pthread_cond_timedwait(&cv, m, &ts));
	pthread_mutex_unlock(m);
}

/* Semaphores */

static void nothing(int n)
{
	(void)n;
}
static void *signaller(void *arg)
{
	pthread_t t = *(pthread_t *)arg;
	until_asleep(getpid());
	pthread_kill(t, SIGUSR1);
	return NULL;
}

static void test_sem(void)
{
	struct timespec ts = in_ms(CLOCK_REALTIME, 20), before, after;
	sem_t s;
	sem_init(&s, 0, 0);
	clock_gettime(CLOCK_REALTIME, &before);
	int r = sem_timedwait(&s, &ts);
	clock_gettime(CLOCK_REALTIME, &after);
	printf("sem_timedwait %d %d in time %d\n", r, errno,
	       (after.tv_sec > ts.tv_sec || after.tv_nsec >= ts.tv_nsec));
	ts.tv_sec = 0;
	r = sem_timedwait(&s, &ts);
	printf("past %d %d\n", r, errno);
	ts.tv_nsec = -1;
	r = sem_timedwait(&s, &ts);
	printf("invalid %d %d\n", r, errno);
	ts.tv_nsec = 0;
	sem_post(&s);
	printf("posted %d\n", sem_timedwait(&s, &ts));
	for (int restart = 0; restart < 2; restart++) {
		struct sigaction sa = {.sa_handler = nothing, .sa_flags = restart ? SA_RESTART : 0};
		sigaction(SIGUSR1, &sa, NULL);
		pthread_t me = pthread_self(), t;
		ts = in_ms(CLOCK_REALTIME, 300);
		pthread_create(&t, NULL, signaller, &me);
		r = sem_timedwait(&s, &ts);
		printf("interrupted, restart %d: %d %d\n", restart, r, errno);
		pthread_join(t, NULL);
	}
	char name[32];
	snprintf(name, sizeof(name), "/s%d", getpid());
	sem_t *n = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	REQUIRE(n != SEM_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 1000; i++)
			sem_post(n);
		_exit(0);
	}
	for (int i = 0; i < 1000; i++)
		sem_wait(n);
	waitpid(pid, NULL, 0);
	int v;
	sem_getvalue(n, &v);
	printf("named %d %d\n", v, sem_unlink(name));
}

/* Timers, asynchronous I/O, message queues: notifications by threads */

static atomic_int ticks;
static sem_t ticked;
static void tick(union sigval v)
{
	if (v.sival_int == 42 && syscall(SYS_gettid) != getpid() &&
	    atomic_fetch_add(&ticks, 1) == 9)
		sem_post(&ticked);
}
static void done(union sigval v)
{
	sem_post(v.sival_ptr);
}

static void test_timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD,
			      .sigev_notify_function = tick,
			      .sigev_value.sival_int = 42};
	struct itimerspec it = {{0, 2000000}, {0, 2000000}}, left;
	timer_t t[4];
	sem_init(&ticked, 0, 0);
	for (int i = 0; i < 4; i++) {
		ticks = 0;
		REQUIRE(!timer_create(i % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ev, &t[i]));
		REQUIRE(!timer_settime(t[i], 0, &it, NULL));
		sem_wait(&ticked);
		REQUIRE(!timer_gettime(t[i], &left));
		int d = timer_delete(t[i]);
		printf("timer with threads: %d, interval %ld, again %d\n", d,
		       left.it_interval.tv_nsec, ticks >= 10);
	}
	sigset_t m;
	sigemptyset(&m);
	sigaddset(&m, SIGRTMIN);
	signal(SIGRTMIN, nothing); /* threads of glibc's that tell of things block nothing */
	ev = (struct sigevent){
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 7};
	REQUIRE(!timer_create(CLOCK_MONOTONIC, &ev, &t[0]));
	it = (struct itimerspec){{0, 1000000}, {0, 1000000}};
	timer_settime(t[0], 0, &it, NULL);
	struct timespec ts = {0, 20000000};
	nanosleep(&ts, NULL);
	siginfo_t si;
	int s = sigwaitinfo(&m, &si);
	printf("timer signal %d code %d value %d overran %d\n", s == SIGRTMIN, si.si_code,
	       si.si_value.sival_int, timer_getoverrun(t[0]) >= 10);
	timer_delete(t[0]);
	ev = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	int e = timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &t[0]);
	it = (struct itimerspec){{0, 5000000}, {0, 5000000}};
	timer_settime(t[0], 0, &it, NULL);
	sigset_t pending;
	do
		sigpending(&pending);
	while (!sigismember(&pending, SIGRTMIN));
	printf("timer of processor time %d %d\n", e, timer_delete(t[0]));
	sem_t io;
	sem_init(&io, 0, 0);
	struct aiocb cb = {.aio_fildes = open("aio", O_RDWR | O_CREAT, 0600),
			   .aio_buf = "some bytes",
			   .aio_nbytes = 10,
			   .aio_sigevent = {.sigev_notify = SIGEV_THREAD,
					    .sigev_notify_function = done,
					    .sigev_value.sival_ptr = &io}};
	REQUIRE(!aio_write(&cb));
	sem_wait(&io);
	printf("aio %d %zd\n", aio_error(&cb), aio_return(&cb));
	char name[32];
	snprintf(name, sizeof(name), "/n%d", getpid());
	struct mq_attr qa = {.mq_maxmsg = 4, .mq_msgsize = 8};
	mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &qa);
	mq_unlink(name);
	ev = (struct sigevent){.sigev_notify = SIGEV_THREAD,
			       .sigev_notify_function = done,
			       .sigev_value.sival_ptr = &io};
	int r = mq_notify(q, &ev);
	printf("mq_notify %d %d\n", r, r ? errno : 0);
	mq_send(q, "x", 1, 0);
	if (!r)
		sem_wait(&io);
}

/* Threads and forks, terminals, the rest */

static atomic_int prepared;
static void before(void)
{
	prepared++;
}
static void *echo(void *arg)
{
	char b[100];
	ssize_t n;
	while ((n = read(*(int *)arg, b, sizeof(b))) > 0)
		write(*(int *)arg, b, n);
	return NULL;
}

static void test_rest(void)
{
	pthread_atfork(before, before, before);
	pthread_t t;
	pthread_create(&t, NULL, sleeping, NULL);
	int bad = 0;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(malloc(10000) && getpid() == syscall(SYS_gettid) ? 5 : 6);
		int st;
		waitpid(pid, &st, 0);
		bad += WEXITSTATUS(st) != 5;
	}
	printf("fork beside a thread: %d bad, %d handlers\n", bad, prepared);
	int fd;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);
	if (pid == 0) {
		execlp("sh", "sh", "-c", "read x; test -t 0 && echo \"got $x\"", NULL);
		_exit(99);
	}
	write(fd, "line\n", 5);
	ssize_t n, all = 0;
	while (all < (ssize_t)sizeof(buf) && (n = read(fd, buf + all, sizeof(buf) - all)) > 0)
		all += n;
	buf[all] = 0;
	printf("forkpty: %d %s", errno, buf);
	waitpid(pid, NULL, 0);
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	printf("affinity %d", pthread_setaffinity_np(t, sizeof(cpus), &cpus));
	CPU_ZERO(&cpus);
	printf(" %d %d", pthread_getaffinity_np(t, sizeof(cpus), &cpus), CPU_COUNT(&cpus));
	int policy = -1;
	struct sched_param sp = {0};
	printf(" %d", pthread_setschedparam(t, SCHED_BATCH, &sp));
	printf(" %d %d", pthread_getschedparam(t, &policy, &sp), policy);
	char tname[16] = "";
	printf(" %d", pthread_setname_np(t, "name"));
	printf(" %d %s\n", pthread_getname_np(t, tname, sizeof(tname)), tname);
	clockid_t c;
	struct timespec ts;
	printf("clock of a thread %d %d\n", pthread_getcpuclockid(t, &c), clock_gettime(c, &ts));
	union sigval v = {.sival_int = 9};
	sigset_t m;
	siginfo_t si;
	sigemptyset(&m);
	sigaddset(&m, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &m, NULL);
	sigqueue(getpid(), SIGUSR2, v);
	sigwaitinfo(&m, &si);
	printf("queued %d %d\n", si.si_code, si.si_value.sival_int);
	int sp2[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, sp2);
	pthread_t e;
	pthread_create(&e, NULL, echo, &sp2[1]);
	FILE *f = fdopen(sp2[0], "r+");
	fputs("through a thread\n", f);
	fflush(f);
	printf("%s", fgets(buf, sizeof(buf), f));
	pthread_cancel(t);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	/* Blocked in every thread, those of the library too: what is sent to the process waits for
	 * sigwaitinfo(). */
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	static const struct {
		const char *name;
		void (*run)(void);
	} all[] = {
		{"cancel", test_cancel}, {"setuid", test_setuid}, {"spawn", test_spawn},
		{"mutex", test_mutex},	 {"sem", test_sem},	  {"timers", test_timers},
		{"rest", test_rest},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (argc < 2 || !strcmp(argv[1], all[i].name)) {
			all[i].run();
			fflush(stdout);
		}
	return 0;
}
