/* gofer_fs_test.c - the gofer's file system from the sentry's side, over a real gofer and a temporary directory. */
#include <setjmp.h>
#include <stdarg.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/gofer.h"
#include "platform/base/loop.h"
#include "platform/impl.h"
#include "sentry/fs/gofer/gofer.h"
#include "sentry/fs/gofer/gofer_inode.h"
#include "sentry/fs/gofer/rpc.h"
#include "sentry/kernel/cred.h"
#include "sentry/sentry.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

static char dir[] = "/tmp/gofer_fs_XXXXXX";
static int dir_fd;
static pid_t gofer;
static struct superblock *own, *read_only, *shared;
static struct cred cred = { .refs = 1 };

/* --- running a test as a coroutine, as system calls run --- */

static void (*body)(void);

static void run_body(void *arg)
{
	body();
	loop_stop();
}

static void run(void (*fn)(void))
{
	body = fn;
	co_spawn(run_body, NULL);
	loop_run();
}

static void mount_all(void)
{
	assert_int_equal(gofer_mount(0, false, false, &own), 0);
	assert_int_equal(gofer_mount(0, true, false, &read_only), 0);
	assert_int_equal(gofer_mount(0, false, true, &shared), 0);
}

static int group_setup(void **state)
{
	static const struct sentry_config cfg = { .control_fd = -1, .debug_fd = -1, .strace_fd = -1, .ncpus = 2 };
	sentry_config = &cfg;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	gofer = fork();
	if (gofer == 0) {
		struct gofer_export ex = { .fd = open(dir, O_PATH | O_CLOEXEC), .allow = GOFER_ALLOW_FIFO };
		_exit(gofer_main(&(struct gofer_config){ .socket_fd = pair[1], .exports = &ex, .nexports = 1, .proc_fd = -1,
							 .look = true, .debug_fd = -1 }));
	}
	close(pair[1]);
	cred.fsuid = cred.uid = getuid();
	cred.fsgid = cred.gid = getgid();
	assert_int_equal(loop_init(), 0);
	assert_int_equal(gofer_connect(pair[0]), 0);
	run(mount_all);
	return 0;
}

static int group_teardown(void **state)
{
	char cmd[64];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* --- helpers --- */

static void host_file(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct inode *lookup(struct inode *d, const char *name)
{
	struct inode *i = NULL;
	assert_int_equal(d->ops->lookup(d, name, &i), 0);
	assert_non_null(i);
	return i;
}

static struct file *open_inode(struct inode *i, int flags)
{
	struct file *f = NULL;
	assert_int_equal(i->ops->open(i, NULL, flags, NULL, &f), 0);
	return f;
}

static struct file *create(struct superblock *sb, const char *name)
{
	struct inode *i = NULL;
	assert_int_equal(sb->root->ops->create(sb->root, name, 0644, &cred, &i), 0);
	struct file *f = open_inode(i, O_RDWR);
	inode_put(i);
	return f;
}

static ssize_t write_at(struct file *f, const char *text, off_t pos)
{
	struct uio u;
	uio_init_kernel(&u, (void *)(uintptr_t)text, strlen(text));
	return f->ops->write(f, &u, &pos);
}

static void expect_content(struct file *f, const char *text)
{
	char buf[256] = "";
	off_t pos = 0;
	struct uio u;
	uio_init_kernel(&u, buf, sizeof(buf) - 1);
	assert_int_equal(f->ops->read(f, &u, &pos), strlen(text));
	assert_string_equal(buf, text);
	assert_int_equal(pos, strlen(text));
}

/* --- tests --- */

static void reading(void)
{
	host_file("read", "content");
	struct inode *i = lookup(read_only->root, "read");
	assert_int_equal(i->size, 7);
	assert_int_equal(i->mode, S_IFREG | 0644);
	struct file *f = open_inode(i, O_RDONLY);
	expect_content(f, "content");
	struct file *again = open_inode(i, O_RDONLY);
	expect_content(again, "content");
	file_put(f);
	file_put(again);
	struct file *w = NULL;
	assert_int_equal(i->ops->open(i, NULL, O_RDWR, NULL, &w), -EROFS);
	struct inode *none = NULL;
	assert_int_equal(read_only->root->ops->lookup(read_only->root, "none", &none), -ENOENT);
	assert_int_equal(read_only->root->ops->create(read_only->root, "none", 0644, &cred, &none), -EROFS);
	inode_put(i);
}

/* What the host has not cached is read by the gofer first; the bytes are the same. */
static void reading_cold(void)
{
	enum { BYTES = 3 << 20 };
	char *data = malloc(BYTES), *got = malloc(BYTES);
	for (unsigned k = 0; k < BYTES; k++)
		data[k] = (char)(k * 2654435761U >> 13);
	int fd = openat(dir_fd, "cold", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, data, BYTES), BYTES);
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	struct inode *i = lookup(read_only->root, "cold");
	struct file *f = open_inode(i, O_RDONLY);
	assert_int_equal(file_read_kernel(f, got, BYTES, 0), BYTES);
	assert_memory_equal(data, got, BYTES);
	file_put(f);
	inode_put(i);
	close(fd);
	free(data);
	free(got);
}

static void writing(void)
{
	struct file *f = create(own, "written");
	assert_int_equal(write_at(f, "hello", 0), 5);
	assert_int_equal(f->inode->size, 5);
	assert_int_equal(write_at(f, "J", 0), 1);
	expect_content(f, "Jello");
	struct timespec before = f->inode->mtime;
	assert_int_equal(gofer_getattr(f->inode), 0);
	assert_int_equal(f->inode->size, 5);
	assert_true(f->inode->mtime.tv_sec >= before.tv_sec - 1);
	assert_int_equal(f->ops->fsync(f, false), 0);
	assert_int_equal(f->inode->ops->setattr(f->inode, &(struct iattr){ .valid = ATTR_SIZE, .size = 2 }), 0);
	assert_int_equal(f->inode->size, 2);
	expect_content(f, "Je");
	struct stat st;
	assert_int_equal(fstatat(dir_fd, "written", &st, 0), 0);
	assert_int_equal(st.st_size, 2);
	file_put(f);
}

static void an_unlinked_file_stays_usable(void)
{
	struct file *f = create(own, "gone");
	assert_int_equal(write_at(f, "x", 0), 1);
	struct inode *i = inode_get(f->inode);
	assert_int_equal(own->root->ops->unlink(own->root, "gone", i), 0);
	assert_int_equal(i->nlink, 0);
	assert_int_equal(faccessat(dir_fd, "gone", F_OK, 0), -1);
	assert_int_equal(write_at(f, "yz", 1), 2);
	file_put(f);
	f = open_inode(i, O_RDWR);        /* /proc/self/fd/N */
	expect_content(f, "xyz");
	file_put(f);
	inode_put(i);
}

static void hard_links_are_one_inode(void)
{
	host_file("one", "");
	struct inode *one = lookup(own->root, "one"), *dup = NULL;
	assert_int_equal(own->root->ops->link(own->root, "two", one), 0);
	assert_int_equal(one->nlink, 2);
	dup = lookup(own->root, "two");
	assert_ptr_equal(one, dup);
	inode_put(dup);
	assert_int_equal(own->root->ops->rename(own->root, "two", one, own->root, "three", NULL, 0), 0);
	struct inode *d = NULL;
	assert_int_equal(own->root->ops->mkdir(own->root, "sub", 0750, &cred, &d), 0);
	assert_int_equal(d->mode, S_IFDIR | 0750);
	assert_int_equal(own->root->ops->rename(own->root, "three", one, d, "four", NULL, 0), 0);
	assert_int_equal(own->root->ops->rmdir(own->root, "sub", d), -ENOTEMPTY);
	assert_int_equal(d->ops->unlink(d, "four", one), 0);
	assert_int_equal(one->nlink, 1);
	assert_int_equal(own->root->ops->rmdir(own->root, "sub", d), 0);
	inode_put(d);
	inode_put(one);
}

static void symlinks(void)
{
	struct inode *i = NULL;
	assert_int_equal(own->root->ops->symlink(own->root, "link", "../../somewhere", &cred, &i), 0);
	char buf[64] = "";
	assert_int_equal(i->ops->readlink(i, NULL, buf, sizeof(buf)), 15);
	assert_string_equal(buf, "../../somewhere");
	assert_int_equal(i->ops->readlink(i, NULL, buf, 4), 4);
	inode_put(i);
	i = lookup(shared->root, "link");
	assert_int_equal(i->ops->readlink(i, NULL, buf, sizeof(buf)), 15);
	inode_put(i);
}

static void shared_mounts_see_the_host(void)
{
	host_file("shared", "a");
	struct inode *i = lookup(shared->root, "shared");
	struct dentry root = { .inode = shared->root }, d = { .inode = i, .parent = &root, .name = "shared" };
	assert_true(shared->ops->revalidate(&d));
	struct dentry gone = d, *both[] = { &d, &gone };
	gone.name = "gone";
	bool good[] = { false, true };
	uint64_t asked = gofer_requests();
	shared->ops->revalidate_all(both, good, 2);
	assert_true(good[0] && !good[1]);
	assert_int_equal(gofer_requests() - asked, 1);
	host_file("shared", "longer");
	assert_int_equal(i->size, 1);
	assert_true(shared->ops->revalidate(&d));
	assert_int_equal(i->size, 6);
	unlinkat(dir_fd, "shared", 0);
	assert_false(shared->ops->revalidate(&d));
	host_file("shared", "new");       /* another file, though it may have the number of the old one on the host */
	assert_false(shared->ops->revalidate(&d));
	inode_put(i);
	assert_null(own->ops->revalidate);
	assert_true(own->cache_negative);
	assert_false(shared->cache_negative);
}

static void attributes_are_asked_for_once_a_call(void)
{
	host_file("once", "a");
	struct inode *i = lookup(shared->root, "once");
	uint64_t asked = gofer_requests();
	assert_int_equal(i->ops->getattr(i), 0);  /* the lookup's answer had them */
	assert_int_equal(gofer_requests() - asked, 0);
	host_file("once", "longer");
	pl_stats_.syscalls++;
	assert_int_equal(i->ops->getattr(i), 0);
	assert_int_equal(gofer_requests() - asked, 1);
	assert_int_equal(i->size, 6);
	/* What is open for writing is not believed a lookup: its descriptor knows. */
	struct file *f = open_inode(i, O_RDWR);
	host_file("once", "longest");
	assert_int_equal(linkat(dir_fd, "once", dir_fd, "twice", 0), 0);
	struct inode *other = lookup(shared->root, "twice");
	assert_ptr_equal(other, i);
	assert_int_equal(i->ops->getattr(i), 0);
	assert_int_equal(i->size, 7);
	inode_put(other);
	file_put(f);
	inode_put(i);
}

static void appending_shares_the_end_with_the_host(void)
{
	struct inode *i = NULL;
	assert_int_equal(shared->root->ops->create(shared->root, "log", 0644, &cred, &i), 0);
	struct file *f = open_inode(i, O_RDWR | O_APPEND);
	int host = openat(dir_fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write_at(f, "a", 0), 1);
	assert_int_equal(write(host, "HOST", 4), 4);
	assert_int_equal(write_at(f, "b", 1), 1);
	expect_content(f, "aHOSTb");
	close(host);
	file_put(f);
	inode_put(i);
}

static void mappings_get_no_more_than_the_file_may(void)
{
	host_file("map", "m");
	struct inode *i = lookup(own->root, "map");
	struct file *w = open_inode(i, O_RDWR), *r = open_inode(i, O_RDONLY);
	struct mmap_source src;
	assert_int_equal(r->ops->mmap(r, 0, 1, PROT_READ, MAP_SHARED, &src), 0);
	assert_int_equal(fcntl(src.host_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(w->ops->mmap(w, 0, 1, PROT_READ, MAP_PRIVATE, &src), 0);
	assert_int_equal(fcntl(src.host_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(w->ops->mmap(w, 0, 1, PROT_READ, MAP_SHARED, &src), 0);
	assert_int_equal(fcntl(src.host_fd, F_GETFL) & O_ACCMODE, O_RDWR);
	file_put(w);
	file_put(r);
	/* The host may execute what the guest wrote: nothing is left open for writing. */
	assert_int_equal(to_gofer_inode(i)->rw_fd, -1);
	inode_put(i);
}

struct listing { struct dir_context ctx; unsigned count, room; };

static bool count_entry(struct dir_context *ctx, const char *name, size_t len, uint64_t ino, unsigned type, off_t next)
{
	struct listing *l = container_of(ctx, struct listing, ctx);
	if (l->room == 0)
		return false;
	l->room--;
	l->count++;
	assert_true(ino != 0);
	return true;
}

static void listing(void)
{
	struct inode *d = NULL;
	assert_int_equal(own->root->ops->mkdir(own->root, "many", 0755, &cred, &d), 0);
	for (int k = 0; k < 2500; k++) {
		char name[64];
		snprintf(name, sizeof(name), "many/file-with-a-name-of-some-length-%d", k);
		host_file(name, "");
	}
	struct file *f = open_inode(d, O_RDONLY | O_DIRECTORY);
	struct listing l = { .ctx = { .emit = count_entry } };
	unsigned calls = 0, before;
	do {
		before = l.count;
		l.room = 100;
		assert_int_equal(f->ops->iterate(f, &l.ctx), 0);
		calls++;
	} while (l.count > before);
	assert_int_equal(l.count, 2502);
	assert_int_equal(calls, 27);
	l = (struct listing){ .ctx = { .emit = count_entry }, .room = 10000 };
	assert_int_equal(f->ops->iterate(f, &l.ctx), 0);
	assert_int_equal(l.count, 2502);
	file_put(f);
	inode_put(d);
}

static unsigned entries_of(struct inode *d)
{
	struct file *f = open_inode(d, O_RDONLY | O_DIRECTORY);
	struct listing l = { .ctx = { .emit = count_entry }, .room = 10000 };
	assert_int_equal(f->ops->iterate(f, &l.ctx), 0);
	file_put(f);
	return l.count;
}

/* What nobody else changes is asked for once, and again when a name in it has changed. */
static void listings_are_kept(void)
{
	struct inode *d = NULL, *i = NULL, *other = NULL;
	assert_int_equal(own->root->ops->mkdir(own->root, "kept", 0755, &cred, &d), 0);
	assert_int_equal(own->root->ops->mkdir(own->root, "kept2", 0755, &cred, &other), 0);
	uint64_t before = gofer_requests_of(GOFER_READDIR);
	assert_int_equal(entries_of(d), 2);
	assert_int_equal(entries_of(d), 2);
	assert_int_equal(gofer_requests_of(GOFER_READDIR), before + 1);
	struct file *early = open_inode(d, O_RDONLY | O_DIRECTORY);
	struct listing l = { .ctx = { .emit = count_entry }, .room = 1 };
	assert_int_equal(early->ops->iterate(early, &l.ctx), 0);
	assert_int_equal(d->ops->create(d, "one", 0644, &cred, &i), 0);
	assert_int_equal(entries_of(d), 3);
	l.room = 100;                     /* who had begun goes on with what it has */
	assert_int_equal(early->ops->iterate(early, &l.ctx), 0);
	assert_int_equal(l.count, 2);
	file_put(early);
	assert_int_equal(entries_of(other), 2);
	assert_int_equal(d->ops->rename(d, "one", i, other, "two", NULL, 0), 0);
	assert_int_equal(entries_of(d), 2);
	assert_int_equal(entries_of(other), 3);
	assert_int_equal(other->ops->unlink(other, "two", i), 0);
	assert_int_equal(entries_of(other), 2);
	inode_put(i);

	i = lookup(shared->root, "kept");
	assert_int_equal(entries_of(i), 2);
	host_file("kept/by-the-host", "");
	assert_int_equal(entries_of(i), 3);
	inode_put(i);
	inode_put(other);
	inode_put(d);
}

static void walking_ahead(void)
{
	mkdirat(dir_fd, "p", 0755);
	mkdirat(dir_fd, "p/q", 0755);
	host_file("p/q/r", "deep");
	struct inode *root = own->root;
	root->ops->walk_ahead(root, "p/q/r", true);
	/* The gofer could be gone by now: what follows is known here. */
	struct inode *p = lookup(root, "p"), *q = lookup(p, "q"), *r = lookup(q, "r");
	assert_true(to_gofer_inode(r)->ro_fd >= 0);
	struct file *f = open_inode(r, O_RDONLY);
	expect_content(f, "deep");
	file_put(f);

	root->ops->walk_ahead(root, "p/q/none/x", false);
	struct inode *i = NULL;
	assert_int_equal(q->ops->lookup(q, "none", &i), -ENOENT);
	/* A change of names makes what was fetched worthless. */
	q->ops->walk_ahead(q, "soon/x", false);
	assert_int_equal(q->ops->mkdir(q, "soon", 0755, &cred, &i), 0);
	inode_put(i);
	inode_put(lookup(q, "soon"));
	inode_put(r);
	inode_put(q);
	inode_put(p);
}

/* On a shared mount for the call that asked: a later one asks again. */
static void walking_ahead_where_the_host_may_change(void)
{
	mkdirat(dir_fd, "s", 0755);
	host_file("s/t", "deep");
	struct inode *root = shared->root, *s = lookup(root, "s"), *t = NULL;
	root->ops->walk_ahead(root, "s/t", true);
	uint64_t asked = gofer_requests();
	inode_put(lookup(root, "s"));
	t = lookup(s, "t");
	assert_true(to_gofer_inode(t)->ro_fd >= 0);
	assert_int_equal(gofer_requests() - asked, 0);
	inode_put(t);

	root->ops->walk_ahead(root, "s/t", true);
	unlinkat(dir_fd, "s/t", 0);
	pl_stats_.syscalls++;
	assert_int_equal(s->ops->lookup(s, "t", &t), -ENOENT);
	inode_put(s);
}

static void walks_stop_at_what_is_not_a_plain_name(void)
{
	symlinkat("p", dir_fd, "plink");
	struct inode *root = own->root;
	root->ops->walk_ahead(root, "plink/q/r", true);
	struct inode *l = lookup(root, "plink");
	assert_true(S_ISLNK(l->mode));
	inode_put(l);
	root->ops->walk_ahead(root, "../../etc/passwd", true);
	root->ops->walk_ahead(root, "p/../../x", true);
	root->ops->walk_ahead(root, "", true);
	root->ops->walk_ahead(root, "//p//q//", true);
}

static unsigned finished;
static struct waitq all_done = WAITQ_INIT(all_done);

static void busy(void *arg)
{
	char name[16];
	unsigned long n = (unsigned long)arg;
	snprintf(name, sizeof(name), "busy%lu", n % 20);
	for (int k = 0; k < 20; k++) {
		struct inode *i = NULL;
		int err = own->root->ops->lookup(own->root, name, &i);
		assert_true(err == 0 || err == -ENOENT);
		if (err == 0) {
			struct file *f = open_inode(i, n & 1 ? O_RDONLY : O_RDWR);
			expect_content(f, "busy");
			file_put(f);
		}
		inode_put(i);
	}
	finished++;
	waitq_wake(&all_done, 0);
}

static void many_at_once(void)
{
	for (int k = 0; k < 19; k++) {
		char name[16];
		snprintf(name, sizeof(name), "busy%d", k);
		host_file(name, "busy");
	}
	finished = 0;
	for (unsigned long n = 0; n < 200; n++)
		co_spawn(busy, (void *)n);
	wait_event_uninterruptible(&all_done, finished == 200);
	struct statfs s;
	assert_int_equal(own->ops->statfs(own, &s), 0);
	assert_true(s.f_bsize > 0);
	assert_int_equal(own->ops->syncfs(own), 0);
}

static void nameless_files(void)
{
	struct inode *i = NULL;
	int err = own->root->ops->tmpfile(own->root, 0600, &cred, &i);
	if (err == -EOPNOTSUPP)
		return;
	assert_int_equal(err, 0);
	struct file *f = open_inode(i, O_RDWR);
	assert_int_equal(write_at(f, "t", 0), 1);
	assert_int_equal(own->root->ops->link(own->root, "now-named", i), 0);
	assert_int_equal(i->nlink, 1);
	file_put(f);
	inode_put(i);
}

static void the_end_of_the_gofer_is_the_end(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		kill(gofer, SIGKILL);
		struct inode *i;
		int err = own->root->ops->lookup(own->root, "whatever", &i);
		_exit(err ? 55 : 56);     /* not reached */
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
	waitpid(gofer, &status, 0);
}

#define IN_COROUTINE(fn) static void test_##fn(void **state) { run(fn); }
IN_COROUTINE(reading)
IN_COROUTINE(reading_cold)
IN_COROUTINE(writing)
IN_COROUTINE(an_unlinked_file_stays_usable)
IN_COROUTINE(hard_links_are_one_inode)
IN_COROUTINE(symlinks)
IN_COROUTINE(shared_mounts_see_the_host)
IN_COROUTINE(appending_shares_the_end_with_the_host)
IN_COROUTINE(mappings_get_no_more_than_the_file_may)
IN_COROUTINE(listing)
IN_COROUTINE(listings_are_kept)
IN_COROUTINE(attributes_are_asked_for_once_a_call)
IN_COROUTINE(walking_ahead)
IN_COROUTINE(walking_ahead_where_the_host_may_change)
IN_COROUTINE(walks_stop_at_what_is_not_a_plain_name)
IN_COROUTINE(many_at_once)
IN_COROUTINE(nameless_files)
IN_COROUTINE(the_end_of_the_gofer_is_the_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_reading_cold),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_an_unlinked_file_stays_usable),
		cmocka_unit_test(test_hard_links_are_one_inode),
		cmocka_unit_test(test_symlinks),
		cmocka_unit_test(test_shared_mounts_see_the_host),
		cmocka_unit_test(test_attributes_are_asked_for_once_a_call),
		cmocka_unit_test(test_appending_shares_the_end_with_the_host),
		cmocka_unit_test(test_mappings_get_no_more_than_the_file_may),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_listings_are_kept),
		cmocka_unit_test(test_walking_ahead),
		cmocka_unit_test(test_walking_ahead_where_the_host_may_change),
		cmocka_unit_test(test_walks_stop_at_what_is_not_a_plain_name),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_nameless_files),
		cmocka_unit_test(test_the_end_of_the_gofer_is_the_end),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
