/* shm_test.c - System V shared memory. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "tests/guest/guest.h"

COVERS(shmget, shmat, shmdt, shmctl);

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds ds;
	ASSERT_OK(shmctl(id, IPC_STAT, &ds));
	return ds;
}

static int reap(pid_t pid)
{
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

TEST(child_and_parent_see_each_others_stores)
{
	int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
	ASSERT_OK(id);
	char *p = shmat(id, NULL, 0);
	ASSERT(p != (void *)-1);
	EXPECT_EQ(p[9999], 0);
	pid_t pid = fork();
	if (pid == 0) {
		char *q = shmat(id, NULL, 0);     /* another mapping of the same */
		p[1] = 'x';
		_exit(q != p && q[1] == 'x' ? (q[9999] = 7) : 1);
	}
	EXPECT_EQ(reap(pid), 7);
	EXPECT_EQ(p[1], 'x');
	EXPECT_EQ(p[9999], 7);
	EXPECT_OK(shmdt(p));
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(keys_find_segments)
{
	key_t key = 0x5b000000 + getpid();
	EXPECT_ERRNO(shmget(key, 4096, 0600), ENOENT);
	int id = shmget(key, 4096, IPC_CREAT | 0640);
	ASSERT_OK(id);
	EXPECT_EQ(shmget(key, 0, 0), id);
	EXPECT_EQ(shmget(key, 100, IPC_CREAT | 0600), id);
	EXPECT_ERRNO(shmget(key, 4097, 0), EINVAL);
	EXPECT_ERRNO(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	struct shmid_ds ds = stat_of(id);
	EXPECT_EQ(ds.shm_perm.mode & 0777, 0640);
	EXPECT_EQ(ds.shm_perm.__key, key);
	EXPECT_EQ(ds.shm_segsz, 4096);
	EXPECT_EQ(ds.shm_cpid, getpid());
	EXPECT_EQ(ds.shm_lpid, 0);
	EXPECT_EQ(ds.shm_atime, 0);
	EXPECT(ds.shm_ctime != 0);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
	EXPECT_ERRNO(shmget(key, 4096, 0600), ENOENT);
	EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
	EXPECT_ERRNO(shmat(id, NULL, 0), EINVAL);
}

TEST(bad_sizes_and_ids)
{
	EXPECT_ERRNO(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
	EXPECT_ERRNO(shmget(IPC_PRIVATE, -1, IPC_CREAT | 0600), EINVAL);
	EXPECT_ERRNO(shmat(-1, NULL, 0), EINVAL);
	EXPECT_ERRNO(shmctl(-1, IPC_RMID, NULL), EINVAL);
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	EXPECT_ERRNO(shmctl(id, 12345, NULL), EINVAL);
	EXPECT_ERRNO(shmctl(id, IPC_STAT, (void *)-1L), EFAULT);
	EXPECT_ERRNO(shmctl(id, IPC_SET, (void *)-1L), EFAULT);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(attachments_are_counted)
{
	int id = shmget(IPC_PRIVATE, 4 * 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
	ASSERT(p != (void *)-1 && q != (void *)-1);
	EXPECT_EQ(stat_of(id).shm_nattch, 2);
	EXPECT_EQ(stat_of(id).shm_lpid, getpid());
	int go[2], done[2];
	char c;
	ASSERT_OK(pipe(go));
	ASSERT_OK(pipe(done));
	pid_t pid = fork();
	if (pid == 0) {
		if (stat_of(id).shm_nattch != 4 || shmdt(q) || stat_of(id).shm_nattch != 3 || stat_of(id).shm_lpid != getpid())
			_exit(1);
		write(done[1], "x", 1);
		read(go[0], &c, 1);
		_exit(0);
	}
	EXPECT_EQ(read(done[0], &c, 1), 1);
	EXPECT_EQ(stat_of(id).shm_nattch, 3);
	write(go[1], "x", 1);
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(stat_of(id).shm_nattch, 2);
	EXPECT_EQ(stat_of(id).shm_lpid, pid);
	EXPECT_OK(mprotect(p + 4096, 4096, PROT_READ));          /* three mappings now, of one attachment */
	EXPECT_EQ(stat_of(id).shm_nattch, 4);
	EXPECT_OK(shmdt(p));
	EXPECT_EQ(stat_of(id).shm_nattch, 1);
	EXPECT(stat_of(id).shm_dtime != 0);
	EXPECT_ERRNO(shmdt(p), EINVAL);
	EXPECT_OK(munmap(q, 4 * 4096));
	EXPECT_EQ(stat_of(id).shm_nattch, 0);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(exec_detaches)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), fds[2];
	ASSERT_OK(id);
	ASSERT_OK(pipe(fds));
	pid_t pid = fork();
	if (pid == 0) {
		shmat(id, NULL, 0);
		dup2(fds[0], 0);
		close(fds[1]);
		execlp("cat", "cat", NULL);
		_exit(1);
	}
	close(fds[0]);
	while (stat_of(id).shm_lpid == 0 || stat_of(id).shm_nattch == 1)
		usleep(1000);
	EXPECT_EQ(stat_of(id).shm_nattch, 0);
	close(fds[1]);
	EXPECT_EQ(reap(pid), 0);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(a_removed_segment_lives_until_its_last_detach)
{
	key_t key = 0x5c000000 + getpid();
	int id = shmget(key, 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	char *p = shmat(id, NULL, 0);
	ASSERT(p != (void *)-1);
	ASSERT_OK(shmctl(id, IPC_RMID, NULL));
	EXPECT_ERRNO(shmget(key, 4096, 0600), ENOENT);           /* its key is free … */
	EXPECT_EQ(stat_of(id).shm_perm.mode & 01000, 01000);
	EXPECT_EQ(stat_of(id).shm_perm.__key, IPC_PRIVATE);
	char *q = shmat(id, NULL, 0);                            /* … but its id still works */
	ASSERT(q != (void *)-1);
	p[5] = 5;
	EXPECT_EQ(q[5], 5);
	EXPECT_OK(shmdt(p));
	EXPECT_EQ(stat_of(id).shm_nattch, 1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(shmdt(q));
	EXPECT_EQ(reap(pid), 0);
	EXPECT_OK(shmdt(q));
	struct shmid_ds ds;
	EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
}

TEST(the_last_mapping_of_a_removed_segment_cannot_be_remapped)
{
	int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
	ASSERT_OK(id);
	char *p = shmat(id, NULL, 0);
	ASSERT(p != (void *)-1);
	EXPECT_OK(remap_file_pages(p, 8192, 0, 0, 0));
	EXPECT_EQ(stat_of(id).shm_nattch, 1);
	ASSERT_OK(shmctl(id, IPC_RMID, NULL));
	EXPECT_EQ(remap_file_pages(p, 8192, 0, 0, 0), -1);
}

TEST(exit_is_the_last_detach)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	pid_t pid = fork();
	if (pid == 0) {
		shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
		raise(SIGKILL);
	}
	EXPECT_EQ(reap(pid), 256 + SIGKILL);
	struct shmid_ds ds;
	EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
}

TEST(addresses_and_flags_of_shmat)
{
	int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
	ASSERT_OK(id);
	char *hole = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(hole != MAP_FAILED);
	EXPECT_ERRNO(shmat(id, hole, 0), EINVAL);                /* something is there */
	EXPECT_ERRNO(shmat(id, hole + 1, 0), EINVAL);
	EXPECT_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
	EXPECT(shmat(id, hole, SHM_REMAP) == hole);
	hole[8191] = 1;
	EXPECT_OK(shmdt(hole));
	EXPECT(shmat(id, hole + 5, SHM_RND) == hole);
	EXPECT_EQ(hole[8191], 1);
	EXPECT_ERRNO(shmdt(hole + 1), EINVAL);
	EXPECT_ERRNO(shmdt(hole + 4096), EINVAL);                /* not its beginning */
	EXPECT_OK(shmdt(hole));
	char *ro = shmat(id, NULL, SHM_RDONLY);
	ASSERT(ro != (void *)-1);
	EXPECT_EQ(ro[8191], 1);
	EXPECT_ERRNO(mprotect(ro, 4096, PROT_READ | PROT_WRITE), EACCES);
	pid_t pid = fork();
	if (pid == 0) {
		ro[0] = 1;
		_exit(0);
	}
	EXPECT_EQ(reap(pid), 256 + SIGSEGV);
	unsigned char *code = shmat(id, NULL, SHM_EXEC);
	if (code != (void *)-1) {
		memcpy(code, "\xb8\x2a\0\0\0\xc3", 6);
		EXPECT_EQ(((int (*)(void))(uintptr_t)code)(), 42);
	}
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(others_need_permission)
{
	if (getuid() != 0)
		SKIP("needs root");
	key_t key = 0x5d000000 + getpid();
	int id = shmget(key, 4096, IPC_CREAT | 0640);
	ASSERT_OK(id);
	pid_t pid = fork();
	if (pid == 0) {
		struct shmid_ds ds;
		if (setgid(54321) || setuid(54321))
			_exit(1);
		EXPECT_ERRNO(shmget(key, 4096, 0400), EACCES);
		EXPECT_EQ(shmget(key, 4096, 0), id);
		EXPECT_ERRNO(shmat(id, NULL, SHM_RDONLY), EACCES);
		EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EACCES);
		EXPECT_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
		EXPECT_ERRNO(shmctl(id, SHM_LOCK, NULL), EPERM);
		_exit(guest_failed);
	}
	EXPECT_EQ(reap(pid), 0);
	struct shmid_ds ds = stat_of(id);
	ds.shm_perm.uid = 54321;
	ds.shm_perm.mode = 0400;
	EXPECT_OK(shmctl(id, IPC_SET, &ds));
	pid = fork();
	if (pid == 0) {
		if (setgid(54321) || setuid(54321))
			_exit(1);
		EXPECT(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
		EXPECT_ERRNO(shmat(id, NULL, 0), EACCES);
		EXPECT_OK(shmctl(id, IPC_RMID, NULL));
		_exit(guest_failed);
	}
	EXPECT_EQ(reap(pid), 0);
	EXPECT_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL);
}

TEST(info_and_stat_by_index)
{
	int id = shmget(IPC_PRIVATE, 3 * 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	struct shminfo info;
	int max = shmctl(0, IPC_INFO, (void *)&info);
	ASSERT_OK(max);
	EXPECT_EQ(info.shmmin, 1);
	EXPECT(info.shmmax > 1UL << 40 && info.shmmni >= 1);
	struct shm_info use;
	EXPECT_EQ(shmctl(0, SHM_INFO, (void *)&use), max);
	EXPECT(use.used_ids >= 1 && use.shm_tot >= 3);
	bool found = false;
	for (int i = 0; i <= max; i++) {
		struct shmid_ds ds;
		int got = shmctl(i, SHM_STAT, &ds);
		if (got != id)
			continue;
		found = true;
		EXPECT_EQ(ds.shm_segsz, 3 * 4096);
		EXPECT_EQ(shmctl(i, SHM_STAT_ANY, &ds), id);
	}
	EXPECT(found);
	EXPECT_OK(shmctl(id, SHM_LOCK, NULL));
	EXPECT_EQ(stat_of(id).shm_perm.mode & 02000, 02000);
	EXPECT_OK(shmctl(id, SHM_UNLOCK, NULL));
	EXPECT_EQ(stat_of(id).shm_perm.mode & 02000, 0);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

static bool file_has(const char *path, const char *text)
{
	static char buf[1 << 18];
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;
	ASSERT_OK(fd);
	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = 0;
	return strstr(buf, text) != NULL;
}

TEST(proc_shows_segments)
{
	key_t key = 0x5e000000 + getpid();
	int id = shmget(key, 12345, IPC_CREAT | 0606);
	ASSERT_OK(id);
	char *p = shmat(id, NULL, 0);
	ASSERT(p != (void *)-1);
	char line[200];
	snprintf(line, sizeof(line), "%10d %10d  %4o %21lu %5u %5u  %5lu", key, id, 0606, 12345UL, getpid(), getpid(), 1UL);
	EXPECT(file_has("/proc/sysvipc/shm", line));
	EXPECT(file_has("/proc/sysvipc/shm", "       key      shmid perms                  size  cpid  lpid nattch"));
	snprintf(line, sizeof(line), " %d ", id);
	EXPECT(file_has("/proc/self/maps", line));
	snprintf(line, sizeof(line), "/SYSV%08x (deleted)", key);
	EXPECT(file_has("/proc/self/maps", line));
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(ids_are_not_reused_soon)
{
	int first = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	ASSERT_OK(first);
	EXPECT_OK(shmctl(first, IPC_RMID, NULL));
	for (int i = 0; i < 100; i++) {
		int id = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
		ASSERT_OK(id);
		EXPECT(id != first);
		EXPECT_OK(shmctl(id, IPC_RMID, NULL));
	}
}

/* A process-shared mutex in a segment: futexes of different mappings are the same word. */
TEST(shared_mutex_in_a_segment)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	ASSERT_OK(id);
	struct both { pthread_mutex_t m; int n; } *p = shmat(id, NULL, 0);
	ASSERT(p != (void *)-1);
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&p->m, &a);
	pid_t pid = fork();
	if (pid == 0) {
		p = shmat(id, NULL, 0);
	}
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&p->m);
		int n = p->n;
		if (i % 50 == 0)
			sched_yield();
		p->n = n + 1;
		pthread_mutex_unlock(&p->m);
	}
	if (pid == 0)
		_exit(0);
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(p->n, 1000);
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}
