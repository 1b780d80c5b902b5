/* inotify_test.c - inotify(7). */
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/guest/guest.h"

COVERS(inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch, read);

static char dir[] = "/tmp/inotify.XXXXXX";
static int in;
static char buf[8192];
static ssize_t have, at;

static void begin(void)
{
	ASSERT(mkdtemp(dir) != NULL);
	ASSERT_OK(chdir(dir));
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ASSERT_OK(in);
}

static void end(void)
{
	chdir("/");
	char cmd[64];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	EXPECT_EQ(system(cmd), 0);
}

/* The next event, or NULL if there is none. */
static struct inotify_event *next(void)
{
	if (at >= have) {
		at = 0;
		have = read(in, buf, sizeof(buf));
		if (have <= 0)
			return NULL;
	}
	struct inotify_event *e = (struct inotify_event *)(buf + at);
	at += (ssize_t)(sizeof(*e) + e->len);
	return e;
}

#define EXPECT_EVENT(wd_, mask_, name_)                                              \
	do {                                                                         \
		struct inotify_event *ev_ = next();                                  \
		ASSERT(ev_ != NULL);                                                 \
		EXPECT_EQ(ev_->wd, wd_);                                             \
		EXPECT_EQ(ev_->mask, mask_);                                         \
		EXPECT_STREQ(ev_->len ? ev_->name : "", name_);                      \
	} while (0)

TEST(directory_hears_of_its_entries)
{
	begin();
	int wd = inotify_add_watch(in, ".", IN_CREATE | IN_DELETE | IN_MOVE);
	ASSERT_EQ(wd, 1);
	close(open("a", O_CREAT | O_RDWR, 0600));
	mkdir("d", 0700);
	rename("a", "b");
	unlink("b");
	rmdir("d");
	EXPECT_EVENT(wd, IN_CREATE, "a");
	EXPECT_EVENT(wd, IN_CREATE | IN_ISDIR, "d");
	struct inotify_event *e = next();
	ASSERT(e != NULL);
	EXPECT_EQ(e->mask, IN_MOVED_FROM);
	uint32_t cookie = e->cookie;
	e = next();
	ASSERT(e != NULL);
	EXPECT_EQ(e->mask, IN_MOVED_TO);
	EXPECT(cookie != 0 && e->cookie == cookie);
	EXPECT_STREQ(e->name, "b");
	EXPECT_EVENT(wd, IN_DELETE, "b");
	EXPECT_EVENT(wd, IN_DELETE | IN_ISDIR, "d");
	EXPECT(next() == NULL && errno == EAGAIN);
	end();
}

TEST(file_hears_of_what_is_done_to_it)
{
	begin();
	close(open("f", O_CREAT | O_RDWR, 0600));
	int wd = inotify_add_watch(in, "f", IN_ALL_EVENTS);
	ASSERT_OK(wd);
	int fd = open("f", O_RDWR);
	char c;
	write(fd, "x", 1);
	pread(fd, &c, 1, 0);
	close(fd);
	chmod("f", 0644);
	EXPECT_EVENT(wd, IN_OPEN, "");
	EXPECT_EVENT(wd, IN_MODIFY, "");
	EXPECT_EVENT(wd, IN_ACCESS, "");
	EXPECT_EVENT(wd, IN_CLOSE_WRITE, "");
	EXPECT_EVENT(wd, IN_ATTRIB, "");
	EXPECT(next() == NULL);
	end();
}

TEST(directory_hears_of_what_is_done_to_its_files)
{
	begin();
	int wd = inotify_add_watch(in, ".", IN_MODIFY | IN_CLOSE | IN_ATTRIB);
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	write(fd, "x", 1);
	write(fd, "x", 1);
	close(fd);
	truncate("f", 0);
	EXPECT_EVENT(wd, IN_MODIFY, "f");
	EXPECT_EVENT(wd, IN_CLOSE_WRITE, "f");
	EXPECT_EVENT(wd, IN_MODIFY, "f");
	EXPECT(next() == NULL);
	end();
}

TEST(the_end_of_a_file_ends_its_watch)
{
	begin();
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	int wd = inotify_add_watch(in, "f", IN_DELETE_SELF);
	unlink("f");
	EXPECT(next() == NULL);
	close(fd);
	EXPECT_EVENT(wd, IN_DELETE_SELF, "");
	EXPECT_EVENT(wd, IN_IGNORED, "");
	EXPECT_ERRNO(inotify_rm_watch(in, wd), EINVAL);
	end();
}

TEST(watches_are_changed_and_removed)
{
	begin();
	int wd = inotify_add_watch(in, ".", IN_CREATE);
	EXPECT_EQ(inotify_add_watch(in, ".", IN_DELETE), wd);
	close(open("a", O_CREAT | O_RDWR, 0600));
	EXPECT(next() == NULL);
	EXPECT_EQ(inotify_add_watch(in, ".", IN_CREATE | IN_MASK_ADD), wd);
	close(open("b", O_CREAT | O_RDWR, 0600));
	unlink("b");
	EXPECT_EVENT(wd, IN_CREATE, "b");
	EXPECT_EVENT(wd, IN_DELETE, "b");
	EXPECT_ERRNO(inotify_add_watch(in, ".", IN_CREATE | IN_MASK_CREATE), EEXIST);
	ASSERT_OK(inotify_rm_watch(in, wd));
	EXPECT_EVENT(wd, IN_IGNORED, "");
	EXPECT_EQ(inotify_add_watch(in, ".", IN_CREATE), wd + 1);
	end();
}

TEST(oneshot)
{
	begin();
	int wd = inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT);
	close(open("a", O_CREAT | O_RDWR, 0600));
	close(open("b", O_CREAT | O_RDWR, 0600));
	EXPECT_EVENT(wd, IN_CREATE, "a");
	EXPECT_EVENT(wd, IN_IGNORED, "");
	EXPECT(next() == NULL);
	end();
}

TEST(errors_and_sizes)
{
	begin();
	EXPECT_ERRNO(inotify_init1(1), EINVAL);
	EXPECT_ERRNO(inotify_add_watch(in, ".", 0), EINVAL);
	EXPECT_ERRNO(inotify_add_watch(in, "nothing", IN_CREATE), ENOENT);
	EXPECT_ERRNO(inotify_add_watch(0, ".", IN_CREATE), EINVAL);
	close(open("file", O_CREAT | O_RDWR, 0600));
	EXPECT_ERRNO(inotify_add_watch(in, "file", IN_OPEN | IN_ONLYDIR), ENOTDIR);
	ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
	close(open("a", O_CREAT | O_RDWR, 0600));
	int n;
	ASSERT_OK(ioctl(in, FIONREAD, &n));
	EXPECT_EQ(n, 32);
	EXPECT_ERRNO(read(in, buf, 31), EINVAL);
	struct pollfd p = { in, POLLIN, 0 };
	EXPECT_EQ(poll(&p, 1, 0), 1);
	EXPECT_EQ(read(in, buf, 32), 32);
	EXPECT_EQ(poll(&p, 1, 0), 0);
	end();
}

TEST(reader_sleeps_until_something_happens)
{
	begin();
	fcntl(in, F_SETFL, 0);
	ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
	pid_t pid = fork();
	if (pid == 0) {
		usleep(5000);
		close(open("late", O_CREAT | O_RDWR, 0600));
		_exit(0);
	}
	struct inotify_event *e = next();
	ASSERT(e != NULL);
	EXPECT_STREQ(e->name, "late");
	waitpid(pid, NULL, 0);
	end();
}

TEST(a_directorys_own_events_do_not_say_that_it_is_one)
{
	COVERS(rmdir, rename);
	begin();
	ASSERT_OK(mkdir("d", 0700));
	ASSERT_OK(inotify_add_watch(in, "d", IN_ALL_EVENTS));
	ASSERT_OK(rename("d", "e"));
	struct inotify_event *e = next();
	ASSERT(e != NULL);
	EXPECT_EQ(e->mask, IN_MOVE_SELF);
	ASSERT_OK(rmdir("e"));
	e = next();
	ASSERT(e != NULL);
	EXPECT_EQ(e->mask, IN_DELETE_SELF);
	e = next();
	ASSERT(e != NULL);
	EXPECT_EQ(e->mask, IN_IGNORED);
	end();
}

TEST(fdinfo_shows_the_flags_of_a_watch)
{
	char path[40], line[200];
	unsigned mask = 0;
	begin();
	ASSERT_OK(inotify_add_watch(in, ".", IN_MODIFY | IN_ONESHOT));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", in);
	FILE *f = fopen(path, "r");
	ASSERT(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "inotify", 7))
			ASSERT_EQ(sscanf(strstr(line, " mask:"), " mask:%x", &mask), 1);
	fclose(f);
	EXPECT_EQ(mask & (IN_MODIFY | IN_ONESHOT), IN_MODIFY | IN_ONESHOT);
	end();
}

TEST(a_user_has_so_many_instances)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_user_instances", "r");
	int max = 0, n = 0;
	ASSERT(f && fscanf(f, "%d", &max) == 1);
	struct rlimit files = { (rlim_t)max + 100, (rlim_t)max + 100 };
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SKIP("so many files can't be open");
	while (inotify_init1(IN_CLOEXEC) >= 0)
		n++;
	EXPECT_EQ(errno, EMFILE);
	EXPECT(n > 0 && n <= max);
	EXPECT_OK(dup(0));
}
