/* sem_test.c - System V semaphores. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/guest/guest.h"

COVERS(semget, semop, semtimedop, semctl);

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

union semun { int val; struct semid_ds *buf; unsigned short *array; struct seminfo *info; };

static int new_set(int n)
{
	int id = semget(IPC_PRIVATE, n, IPC_CREAT | 0600);
	ASSERT_OK(id);
	return id;
}

static void drop_set(int id)
{
	EXPECT_OK(semctl(id, 0, IPC_RMID));
}

static int op(int id, int num, int by, int flags)
{
	struct sembuf b = { (unsigned short)num, (short)by, (short)flags };
	return semop(id, &b, 1);
}

static int value(int id, int num)
{
	return semctl(id, num, GETVAL);
}

static int set_value(int id, int num, int v)
{
	return semctl(id, num, SETVAL, (union semun){ .val = v });
}

static int reap(pid_t pid)
{
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void wait_for_count(int id, int num, int cmd, int n)
{
	while (semctl(id, num, cmd) != n)
		usleep(500);
}

TEST(keys_and_sizes)
{
	key_t key = 0x6b000000 + getpid();
	EXPECT_ERRNO(semget(key, 1, 0600), ENOENT);
	EXPECT_ERRNO(semget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
	EXPECT_ERRNO(semget(IPC_PRIVATE, -1, IPC_CREAT | 0600), EINVAL);
	EXPECT_ERRNO(semget(IPC_PRIVATE, 1 << 30, IPC_CREAT | 0600), EINVAL);
	int id = semget(key, 3, IPC_CREAT | 0600);
	ASSERT_OK(id);
	EXPECT_EQ(semget(key, 0, 0), id);
	EXPECT_ERRNO(semget(key, 4, 0), EINVAL);
	EXPECT_ERRNO(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	struct semid_ds ds;
	EXPECT_OK(semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds }));
	EXPECT_EQ(ds.sem_nsems, 3);
	EXPECT_EQ(ds.sem_otime, 0);
	EXPECT(ds.sem_ctime != 0);
	EXPECT_EQ(ds.sem_perm.__key, key);
	EXPECT_EQ(op(id, 0, 1, 0), 0);
	EXPECT_OK(semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds }));
	EXPECT(ds.sem_otime != 0);
	drop_set(id);
	EXPECT_ERRNO(semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds }), EINVAL);
}

TEST(values_are_set_and_read)
{
	int id = new_set(3);
	unsigned short v[3] = { 1, 2, 3 };
	EXPECT_OK(semctl(id, 0, SETALL, (union semun){ .array = v }));
	EXPECT_OK(set_value(id, 1, 32767));
	EXPECT_ERRNO(set_value(id, 1, 32768), ERANGE);
	EXPECT_ERRNO(set_value(id, 1, -1), ERANGE);
	EXPECT_ERRNO(set_value(id, 3, 1), EINVAL);
	EXPECT_ERRNO(semctl(id, 3, GETVAL), EINVAL);
	v[0] = v[1] = v[2] = 0;
	EXPECT_OK(semctl(id, 0, GETALL, (union semun){ .array = v }));
	EXPECT(v[0] == 1 && v[1] == 32767 && v[2] == 3);
	v[1] = 40000;
	EXPECT_ERRNO(semctl(id, 0, SETALL, (union semun){ .array = v }), ERANGE);
	EXPECT_EQ(value(id, 0), 1);
	EXPECT_EQ(semctl(id, 1, GETPID), getpid());
	EXPECT_ERRNO(op(id, 1, 1, 0), ERANGE);
	EXPECT_ERRNO(semctl(id, 0, 999), EINVAL);
	drop_set(id);
}

TEST(operations_are_all_or_nothing)
{
	int id = new_set(2);
	struct sembuf b[3] = { { 0, 1, 0 }, { 0, 2, 0 }, { 1, -1, IPC_NOWAIT } };
	EXPECT_ERRNO(semop(id, b, 3), EAGAIN);
	EXPECT_EQ(value(id, 0), 0);
	EXPECT_OK(set_value(id, 1, 1));
	EXPECT_OK(semop(id, b, 3));
	EXPECT_EQ(value(id, 0), 3);
	EXPECT_EQ(value(id, 1), 0);
	struct sembuf zero_then_take[2] = { { 1, 0, 0 }, { 1, 1, 0 } };
	EXPECT_OK(semop(id, zero_then_take, 2));
	EXPECT_EQ(value(id, 1), 1);
	zero_then_take[0].sem_flg = IPC_NOWAIT;
	EXPECT_ERRNO(semop(id, zero_then_take, 2), EAGAIN);
	EXPECT_ERRNO(op(id, 2, 1, 0), EFBIG);
	EXPECT_ERRNO(semop(id, b, 0), EINVAL);
	EXPECT_ERRNO(semop(-1, b, 1), EINVAL);
	EXPECT_ERRNO(semop(id, (void *)-1L, 1), EFAULT);
	static struct sembuf many[100000];
	EXPECT_ERRNO(semop(id, many, 100000), E2BIG);
	drop_set(id);
}

TEST(waiters_are_counted_and_woken)
{
	int id = new_set(2);
	pid_t taker = fork();
	if (taker == 0)
		_exit(op(id, 0, -3, 0) ? errno : 0);
	wait_for_count(id, 0, GETNCNT, 1);
	EXPECT_EQ(semctl(id, 0, GETZCNT), 0);
	EXPECT_OK(set_value(id, 1, 1));
	pid_t zero = fork();
	if (zero == 0)
		_exit(op(id, 1, 0, 0) ? errno : 0);
	wait_for_count(id, 1, GETZCNT, 1);
	EXPECT_OK(op(id, 0, 2, 0));
	EXPECT_EQ(value(id, 0), 2);
	EXPECT_OK(op(id, 0, 1, 0));
	EXPECT_EQ(value(id, 0), 0);
	EXPECT_EQ(reap(taker), 0);
	EXPECT_EQ(semctl(id, 0, GETPID), taker);
	EXPECT_OK(set_value(id, 1, 0));
	EXPECT_EQ(reap(zero), 0);
	drop_set(id);
}

TEST(removal_ends_waits)
{
	int id = new_set(1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(op(id, 0, -1, SEM_UNDO) ? errno : 0);
	wait_for_count(id, 0, GETNCNT, 1);
	drop_set(id);
	EXPECT_EQ(reap(pid), EIDRM);
	EXPECT_ERRNO(op(id, 0, 1, 0), EINVAL);
}

TEST(timeouts)
{
	int id = new_set(1);
	struct sembuf b = { 0, -1, 0 };
	struct timespec ts = { 0, 20000000 }, before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_ERRNO(semtimedop(id, &b, 1, &ts), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >= 20000000);
	EXPECT_EQ(semctl(id, 0, GETNCNT), 0);
	ts.tv_nsec = 1000000000;
	EXPECT_ERRNO(semtimedop(id, &b, 1, &ts), EINVAL);
	ts.tv_nsec = 0;
	ts.tv_sec = -1;
	EXPECT_ERRNO(semtimedop(id, &b, 1, &ts), EINVAL);
	EXPECT_ERRNO(semtimedop(id, &b, 1, (void *)-1L), EFAULT);
	drop_set(id);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(a_handler_ends_the_wait_whatever_SA_RESTART_says)
{
	int id = new_set(1);
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction sa = { .sa_handler = nothing, .sa_flags = SA_RESTART };
		sigaction(SIGUSR1, &sa, NULL);
		_exit(op(id, 0, -1, 0) ? errno : 0);
	}
	wait_for_count(id, 0, GETNCNT, 1);
	kill(pid, SIGUSR1);
	EXPECT_EQ(reap(pid), EINTR);
	EXPECT_EQ(semctl(id, 0, GETNCNT), 0);
	drop_set(id);
}

TEST(exit_undoes)
{
	int id = new_set(3);
	EXPECT_OK(set_value(id, 0, 5));
	pid_t pid = fork();
	if (pid == 0) {
		struct sembuf b[3] = { { 0, -2, SEM_UNDO }, { 1, 4, SEM_UNDO }, { 2, 1, 0 } };
		semop(id, b, 3);
		_exit(value(id, 0) == 3 ? 0 : 1);
	}
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(value(id, 0), 5);
	EXPECT_EQ(value(id, 1), 0);
	EXPECT_EQ(value(id, 2), 1);
	EXPECT_EQ(semctl(id, 0, GETPID), pid);
	drop_set(id);
}

TEST(undo_wakes_waiters_and_stops_at_zero)
{
	int id = new_set(1);
	int fds[2];
	char c;
	ASSERT_OK(pipe(fds));
	EXPECT_OK(set_value(id, 0, 1));
	pid_t holder = fork();
	if (holder == 0) {
		close(fds[1]);
		op(id, 0, -1, SEM_UNDO);
		read(fds[0], &c, 1);
		raise(SIGKILL);
	}
	while (value(id, 0) != 0)
		usleep(500);
	pid_t next = fork();
	if (next == 0) {
		close(fds[1]);
		_exit(op(id, 0, -1, 0) ? errno : 0);
	}
	wait_for_count(id, 0, GETNCNT, 1);
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(reap(next), 0);
	EXPECT_EQ(reap(holder), 256 + SIGKILL);
	pid_t adder = fork();
	if (adder == 0) {
		op(id, 0, 5, SEM_UNDO);
		op(id, 0, -3, 0);                 /* 2 left; the undo wants to take 5 */
		_exit(0);
	}
	EXPECT_EQ(reap(adder), 0);
	EXPECT_EQ(value(id, 0), 0);
	drop_set(id);
}

TEST(setting_a_value_forgets_undos)
{
	int id = new_set(1);
	pid_t pid = fork();
	if (pid == 0) {
		op(id, 0, 3, SEM_UNDO);
		set_value(id, 0, 9);
		op(id, 0, 1, SEM_UNDO);
		_exit(0);
	}
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(value(id, 0), 9);
	drop_set(id);
}

static void *add_and_leave(void *id)
{
	op((int)(long)id, 0, 1, SEM_UNDO);
	return NULL;
}

TEST(threads_share_their_undos)
{
	int id = new_set(1);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t th;
		pthread_create(&th, NULL, add_and_leave, (void *)(long)id);
		pthread_join(th, NULL);
		if (value(id, 0) != 1)
			_exit(1);
		if (unshare(CLONE_SYSVSEM) || value(id, 0) != 0)
			_exit(2);
		op(id, 0, 2, SEM_UNDO);
		execlp("true", "true", NULL);     /* keeps them */
		_exit(3);
	}
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(value(id, 0), 0);
	drop_set(id);
}

TEST(others_need_permission)
{
	if (getuid() != 0)
		SKIP("needs root");
	int id = new_set(1);
	struct semid_ds ds;
	EXPECT_OK(semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds }));
	ds.sem_perm.mode = 0604;
	EXPECT_OK(semctl(id, 0, IPC_SET, (union semun){ .buf = &ds }));
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(54321) || setuid(54321))
			_exit(1);
		EXPECT_EQ(value(id, 0), 0);
		EXPECT_OK(op(id, 0, 0, 0));
		EXPECT_ERRNO(op(id, 0, 1, 0), EACCES);
		EXPECT_ERRNO(set_value(id, 0, 1), EACCES);
		EXPECT_ERRNO(semctl(id, 0, IPC_SET, (union semun){ .buf = &ds }), EPERM);
		EXPECT_ERRNO(semctl(id, 0, IPC_RMID), EPERM);
		_exit(guest_failed);
	}
	EXPECT_EQ(reap(pid), 0);
	drop_set(id);
}

TEST(info_and_proc)
{
	key_t key = 0x6e000000 + getpid();
	int id = semget(key, 7, IPC_CREAT | 0606);
	ASSERT_OK(id);
	struct seminfo info;
	int max = semctl(0, 0, IPC_INFO, (union semun){ .info = &info });
	ASSERT_OK(max);
	EXPECT_EQ(info.semvmx, 32767);
	int sem[4];
	FILE *f = fopen("/proc/sys/kernel/sem", "r");
	ASSERT(f && fscanf(f, "%d %d %d %d", &sem[0], &sem[1], &sem[2], &sem[3]) == 4);
	fclose(f);
	EXPECT(info.semmsl == sem[0] && info.semmns == sem[1] && info.semopm == sem[2] && info.semmni == sem[3]);
	EXPECT_EQ(semctl(0, 0, SEM_INFO, (union semun){ .info = &info }), max);
	EXPECT(info.semusz >= 1 && info.semaem >= 7);
	bool found = false;
	struct semid_ds ds;
	for (int i = 0; i <= max; i++)
		found |= semctl(i, 0, SEM_STAT, (union semun){ .buf = &ds }) == id && ds.sem_nsems == 7 &&
			 semctl(i, 0, SEM_STAT_ANY, (union semun){ .buf = &ds }) == id;
	EXPECT(found);
	char want[100], line[300];
	snprintf(want, sizeof(want), "%10d %10d  %4o %10u ", key, id, 0606, 7);
	f = fopen("/proc/sysvipc/sem", "r");
	ASSERT(f);
	found = false;
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, want) != NULL;
	fclose(f);
	EXPECT(found);
	drop_set(id);
}

/* Philosophers: each takes two of five at once; nobody may be left waiting. */
TEST(many_processes_take_two_at_once)
{
	int id = new_set(5);
	unsigned short ones[5] = { 1, 1, 1, 1, 1 };
	pid_t pids[5];
	EXPECT_OK(semctl(id, 0, SETALL, (union semun){ .array = ones }));
	for (int i = 0; i < 5; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct sembuf take[2] = { { (unsigned short)i, -1, SEM_UNDO }, { (unsigned short)((i + 1) % 5), -1, SEM_UNDO } };
			struct sembuf give[2] = { { (unsigned short)i, 1, SEM_UNDO }, { (unsigned short)((i + 1) % 5), 1, SEM_UNDO } };
			for (int n = 0; n < 100; n++)
				if (semop(id, take, 2) || semop(id, give, 2))
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(reap(pids[i]), 0);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(value(id, i), 1);
	drop_set(id);
}
