/* fs_stress_test.c - several processes change one small tree at once; what is left must make sense. */
#include "tests/guest/fs.h"

#include <linux/fs.h>
#include <sys/file.h>

COVERS(rename, renameat2, link, unlink, mkdir, rmdir, symlink, open, getdents64, chdir, flock, fcntl);

static unsigned long seed;
static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

/* One of 3 + 9 + 27 names, three levels deep. */
static const char *some_name(char *buf)
{
	int levels = 1 + (int)rnd(3);
	char *p = buf;
	for (int i = 0; i < levels; i++) {
		if (i)
			*p++ = '/';
		*p++ = (char)('a' + rnd(3));
	}
	*p = '\0';
	return buf;
}

static void one_change(void)
{
	char a[16], b[16], buf[256];
	int fd;
	some_name(a);
	some_name(b);
	switch (rnd(14)) {
	case 0:
	case 1:
	case 2:
		mkdir(a, 0755);
		break;
	case 3:
		rmdir(a);
		break;
	case 4:
	case 5:
		fd = open(a, O_RDWR | O_CREAT | (rnd(2) ? O_APPEND : 0), 0644);
		if (fd >= 0) {
			write(fd, "line\n", 5);
			pread(fd, buf, sizeof(buf), 0);
			flock(fd, LOCK_EX | LOCK_NB);
			close(fd);
		}
		break;
	case 6:
		unlink(a);
		break;
	case 7:
	case 8:
		rename(a, b);
		break;
	case 9:
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
		break;
	case 10:
		link(a, b);
		break;
	case 11:
		symlink(b, a);
		break;
	case 12: {
		DIR *d = opendir(a);
		while (d && readdir(d))
			;
		if (d)
			closedir(d);
		break;
	}
	case 13:
		if (chdir(a) == 0) {
			getcwd(buf, sizeof(buf));
			mkdir("x", 0755);
			ASSERT_OK(chdir(scratch_dir));
		}
		truncate(b, rnd(10));
		break;
	}
}

/* Every directory entry can be looked at, every directory's ".." is where it was found. */
static int check_tree(const char *name, ino_t parent)
{
	struct stat st, up;
	ASSERT_OK(lstat(name, &st));
	if (!S_ISDIR(st.st_mode))
		return 1;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/..", name);
	ASSERT_OK(stat(path, &up));
	EXPECT_EQ(up.st_ino, parent);
	int n = 1;
	DIR *d = opendir(name);
	ASSERT(d != NULL);
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		n += check_tree(path, st.st_ino);
	}
	closedir(d);
	return n;
}

TEST(changes_by_many_processes)
{
	scratch();
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		ASSERT_OK(pid);
		if (pid == 0) {
			seed = (unsigned long)i + 1;
			for (int n = 0; n < 1500; n++)
				one_change();
			_exit(0);
		}
	}
	int status;
	while (wait(&status) > 0)
		EXPECT_EQ(status, 0);
	struct stat st;
	ASSERT_OK(stat("..", &st));
	EXPECT(check_tree(".", st.st_ino) > 1);
	scratch_end();
	EXPECT_ERRNO(stat(scratch_dir, &st), ENOENT);
}

TEST(each_name_is_made_once)
{
	scratch();
	int made[4], p[2];
	ASSERT_OK(pipe(p));
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			char name[16];
			int n = 0;
			for (int f = 0; f < 300; f++) {
				snprintf(name, sizeof(name), "f%d", f);
				int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
				n += fd >= 0;
				close(fd);
			}
			write(p[1], &n, sizeof(n));
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	ASSERT_EQ(read(p[0], made, sizeof(made)), sizeof(made));
	EXPECT_EQ(made[0] + made[1] + made[2] + made[3], 300);
	scratch_end();
}
