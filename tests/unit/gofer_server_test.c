/* gofer_server_test.c - a real gofer over a temporary directory, asked by an honest and by a hostile sentry. */
#include <setjmp.h>
#include <stdarg.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/gofer.h"
#include "gofer/protocol.h"

enum { RW, RO, FILE_EXPORT, EXPORTS };

struct fixture {
	char dir[64];                     /* holds in/ (exported), outside/, alone */
	int dir_fd, in_fd;
	int sock;
	pid_t pid;
	uint64_t root[EXPORTS];
};

static struct fixture fx;
static struct gofer_msg ans;
static char wire[GOFER_MSG_MAX];
static int ans_fd;

/* --- the fixture --- */

static void put_file(int dir, const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int open_export(const char *name)
{
	int fd = openat(fx.dir_fd, name, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static pid_t start_gofer(int sock, rlim_t max_files)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct gofer_export ex[EXPORTS] = {
		[RW] = { .fd = open_export("in"), .allow = GOFER_ALLOW_FIFO },
		[RO] = { .fd = open_export("in"), .read_only = true },
		[FILE_EXPORT] = { .fd = open_export("alone"), .is_file = true },
	};
	if (max_files)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ max_files, max_files });
	_exit(gofer_main(&(struct gofer_config){ .socket_fd = sock, .exports = ex, .nexports = EXPORTS, .proc_fd = -1,
						 .debug_fd = -1 }));
}

/* Sends the request; the answer is in ans, ans_fd. Returns its result. */
static int ask(struct gofer_msg q)
{
	static uint32_t tag;
	q.tag = ++tag;
	ssize_t n = gofer_encode(&q, GOFER_REQUEST, wire, sizeof(wire));
	assert_true(n > 0);
	assert_int_equal(send(fx.sock, wire, (size_t)n, 0), n);
	if (q.type == GOFER_CLOSE)
		return 0;
	if (ans_fd >= 0)
		close(ans_fd);
	ans_fd = -1;
	union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov = { wire, sizeof(wire) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	n = recvmsg(fx.sock, &m, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	assert_int_equal(gofer_decode(wire, (size_t)n, GOFER_ANSWER, &ans), 0);
	assert_int_equal(ans.tag, tag);
	assert_int_equal(ans.type, q.type);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c)
		memcpy(&ans_fd, CMSG_DATA(c), sizeof(int));
	assert_int_equal(ans_fd >= 0, gofer_carries_fd(&ans));
	return ans.result;
}
#define ASK(...) ask((struct gofer_msg){ __VA_ARGS__ })

static int statat(uint64_t dir, const char *name)
{
	int err = ASK(.type = GOFER_STATAT, .data = &dir, .data_bytes = sizeof(dir), .count = 1, .names = { name });
	assert_int_equal(ans.count, ans.mode ? 0 : 1);
	return err ? err : -(int)ans.mode;
}

static int setup_limited(rlim_t max_files)
{
	fx = (struct fixture){ .dir = "/tmp/gofer_test_XXXXXX" };
	ans_fd = -1;
	assert_non_null(mkdtemp(fx.dir));
	fx.dir_fd = open(fx.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(fx.dir_fd, "in", 0755);
	mkdirat(fx.dir_fd, "outside", 0755);
	mkdirat(fx.dir_fd, "in/a", 0755);
	mkdirat(fx.dir_fd, "in/a/b", 0755);
	put_file(fx.dir_fd, "outside/secret", "secret", 0644);
	put_file(fx.dir_fd, "alone", "alone", 0644);
	put_file(fx.dir_fd, "in/file", "hello", 0644);
	put_file(fx.dir_fd, "in/a/b/deep", "deep", 0600);
	symlinkat("../outside", fx.dir_fd, "in/up");
	symlinkat("/etc/passwd", fx.dir_fd, "in/abs");
	symlinkat("/etc", fx.dir_fd, "in/absdir");
	mkfifoat(fx.dir_fd, "in/fifo", 0644);
	fx.in_fd = openat(fx.dir_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fx.pid = start_gofer(pair[1], max_files);
	close(pair[1]);
	fx.sock = pair[0];
	assert_int_equal(ASK(.type = GOFER_HELLO, .flags = GOFER_VERSION), 0);
	assert_int_equal(ans.len, EXPORTS);
	for (unsigned i = 0; i < EXPORTS; i++) {
		assert_int_equal(ASK(.type = GOFER_ATTACH, .off = i), 0);
		fx.root[i] = ans.node;
	}
	return 0;
}

static int setup(void **state)
{
	return setup_limited(0);
}

static int setup_few_files(void **state)
{
	return setup_limited(100);
}

static int status_of_gofer(void)
{
	int status;
	assert_int_equal(waitpid(fx.pid, &status, 0), fx.pid);
	fx.pid = 0;
	return status;
}

static int teardown(void **state)
{
	close(fx.sock);
	if (fx.pid) {
		int status = status_of_gofer();
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	if (ans_fd >= 0)
		close(ans_fd);
	close(fx.in_fd);
	close(fx.dir_fd);
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", fx.dir);
	return system(cmd);
}

static uint64_t walk1(uint64_t dir, const char *name)
{
	assert_int_equal(ASK(.type = GOFER_WALK, .node = dir, .count = 1, .names = { name }), 0);
	assert_int_equal(ans.mode, 0);
	assert_int_equal(ans.count, 1);
	return ans.entries[0].node;
}

/* --- looking --- */

static void walk_takes_many_steps_and_opens(void **state)
{
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .flags = GOFER_WALK_OPEN, .count = 3,
			     .names = { "a", "b", "deep" }), 0);
	assert_int_equal(ans.count, 3);
	assert_true(S_ISDIR(ans.entries[1].attr.mode));
	assert_int_equal(ans.entries[2].attr.size, 4);
	assert_true(ans.flags & GOFER_WALK_OPENED);
	char buf[8] = "";
	assert_int_equal(pread(ans_fd, buf, sizeof(buf), 0), 4);
	assert_string_equal(buf, "deep");
	assert_int_equal(fcntl(ans_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}

static void walk_tells_how_far_it_came(void **state)
{
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .count = 3, .names = { "a", "none", "x" }), 0);
	assert_int_equal(ans.count, 1);
	assert_int_equal(ans.mode, ENOENT);
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .count = 2, .names = { "file", "x" }), 0);
	assert_int_equal(ans.count, 1);
	assert_int_equal(ans.mode, ENOTDIR);
}

static void symlinks_are_told_not_followed(void **state)
{
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .flags = GOFER_WALK_OPEN, .count = 2,
			     .names = { "up", "secret" }), 0);
	assert_int_equal(ans.count, 1);
	assert_int_equal(ans.mode, 0);
	assert_true(S_ISLNK(ans.entries[0].attr.mode));
	assert_string_equal(ans.entries[0].text, "../outside");
	uint64_t link = ans.entries[0].node;
	assert_int_equal(ASK(.type = GOFER_READLINK, .node = link), 0);
	assert_string_equal(ans.text, "../outside");
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = link), -ENXIO);
	assert_int_equal(ASK(.type = GOFER_WALK, .node = link, .count = 1, .names = { "secret" }), -ENOTDIR);
	assert_int_equal(statat(link, "secret"), -ENOTDIR);
	assert_int_equal(ASK(.type = GOFER_READDIR, .node = walk1(fx.root[RW], "absdir")), -ENOTDIR);
	assert_int_equal(statat(fx.root[RW], "abs"), 0);
	assert_true(S_ISLNK(ans.entries[0].attr.mode));
	/* Nor when something is made or changed through one. */
	assert_int_equal(ASK(.type = GOFER_CREATE, .node = fx.root[RW], .name = "abs", .mode = 0644), -EEXIST);
	assert_int_equal(ASK(.type = GOFER_SETATTR, .node = link, .set = { .valid = GOFER_SET_MODE, .mode = 0 }), -EOPNOTSUPP);
	assert_int_equal(ASK(.type = GOFER_SETATTR, .node = link, .set = { .valid = GOFER_SET_SIZE }), -EINVAL);
}

static void a_directory_swapped_for_a_symlink_leads_nowhere(void **state)
{
	uint64_t a = walk1(fx.root[RW], "a");
	assert_int_equal(renameat(fx.in_fd, "a", fx.in_fd, "a2"), 0);
	assert_int_equal(symlinkat("../outside", fx.in_fd, "a"), 0);
	/* The node is the old directory. */
	assert_int_equal(statat(a, "secret"), -ENOENT);
	assert_int_equal(statat(a, "b"), 0);
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .count = 2, .names = { "a", "secret" }), 0);
	assert_int_equal(ans.count, 1);
	assert_true(S_ISLNK(ans.entries[0].attr.mode));
}

static void special_files_and_directories_are_not_opened(void **state)
{
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = walk1(fx.root[RW], "fifo")), -ENXIO);
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = walk1(fx.root[RW], "a")), -EISDIR);
	assert_int_equal(ASK(.type = GOFER_WALK, .node = fx.root[RW], .flags = GOFER_WALK_OPEN, .count = 1, .names = { "a" }), 0);
	assert_false(ans.flags & GOFER_WALK_OPENED);
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = walk1(fx.root[RW], "file"), .flags = O_RDWR | O_TRUNC), -EINVAL);
}

static void a_listing_is_complete_and_stays_inside(void **state)
{
	for (int i = 0; i < 3000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "a/a-rather-long-name-for-a-file-%04d", i);
		put_file(fx.in_fd, name, "", 0644);
	}
	uint64_t dir = walk1(fx.root[RW], "a"), root_ino = 0;
	uint64_t pos = 0;
	unsigned files = 0, messages = 0;
	for (bool end = false; !end; messages++) {
		assert_int_equal(ASK(.type = GOFER_READDIR, .node = dir, .off = pos), 0);
		end = ans.flags & GOFER_DIR_END;
		struct gofer_dirent e;
		for (size_t off = 0, n; off < ans.data_bytes; off += n) {
			n = gofer_dirent_get((const char *)ans.data + off, ans.data_bytes - off, &e);
			assert_true(n > 0);
			files += e.name[0] == 'a';
			pos = (uint64_t)e.next;
		}
	}
	assert_int_equal(files, 3000);
	assert_in_range(messages, 2, 6);

	struct stat st;
	assert_int_equal(fstat(fx.in_fd, &st), 0);
	assert_int_equal(ASK(.type = GOFER_READDIR, .node = fx.root[RW]), 0);
	assert_true(ans.flags & GOFER_DIR_END);
	struct gofer_dirent e;
	for (size_t off = 0, n; off < ans.data_bytes; off += n) {
		n = gofer_dirent_get((const char *)ans.data + off, ans.data_bytes - off, &e);
		assert_true(n > 0);
		if (e.name_len == 2 && !memcmp(e.name, "..", 2))
			root_ino = e.ino;
	}
	assert_int_equal(root_ino, st.st_ino);
}

static void a_file_export_is_that_file(void **state)
{
	uint64_t file = fx.root[FILE_EXPORT];
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = file, .flags = O_RDWR), 0);
	char buf[8] = "";
	assert_int_equal(pread(ans_fd, buf, sizeof(buf), 0), 5);
	assert_string_equal(buf, "alone");
	assert_int_equal(statat(file, "secret"), -ENOTDIR);
	assert_int_equal(ASK(.type = GOFER_ATTACH, .off = EXPORTS), -ENOENT);
}

/* --- changing --- */

static void files_are_made_written_and_removed(void **state)
{
	assert_int_equal(ASK(.type = GOFER_CREATE, .node = fx.root[RW], .name = "new", .mode = 0640, .uid = getuid(),
			     .gid = getgid()), 0);
	uint64_t node = ans.node;
	assert_int_equal(ans.attr[0].mode, S_IFREG | 0640);
	assert_true(S_ISDIR(ans.attr[1].mode));
	assert_int_equal(pwrite(ans_fd, "data", 4, 0), 4);
	assert_int_equal(ASK(.type = GOFER_CREATE, .node = fx.root[RW], .name = "new", .mode = 0640), -EEXIST);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = node), 0);
	assert_int_equal(ans.attr[0].size, 4);
	assert_int_equal(ASK(.type = GOFER_SETATTR, .node = node, .set = {
		.valid = GOFER_SET_SIZE | GOFER_SET_MODE | GOFER_SET_MTIME, .size = 2, .mode = 0600,
		.mtime = { .sec = 1000, .ns = 5 } }), 0);
	assert_int_equal(ans.attr[0].size, 2);
	assert_int_equal(ans.attr[0].mode, S_IFREG | 0600);
	assert_int_equal(ans.attr[0].mtime.sec, 1000);
	assert_int_equal(ASK(.type = GOFER_FSYNC, .node = node), 0);
	assert_int_equal(ASK(.type = GOFER_LINK, .node = fx.root[RW], .name = "second", .target = node), 0);
	assert_int_equal(ans.attr[0].nlink, 2);
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = fx.root[RW], .name = "new", .target = node), 0);
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = fx.root[RW], .name = "second", .target = node), 0);
	assert_int_equal(ans.attr[0].nlink, 0);
	/* The file is still there for who has it open. */
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = node, .flags = O_RDWR), 0);
	char buf[4];
	assert_int_equal(pread(ans_fd, buf, sizeof(buf), 0), 2);
	assert_int_equal(faccessat(fx.in_fd, "new", F_OK, 0), -1);
}

static void directories_symlinks_and_fifos_are_made(void **state)
{
	uint64_t root = fx.root[RW];
	assert_int_equal(ASK(.type = GOFER_MKDIR, .node = root, .name = "d", .mode = 0700), 0);
	uint64_t d = ans.node;
	assert_int_equal(ASK(.type = GOFER_SYMLINK, .node = d, .name = "l", .text = "../../.."), 0);
	assert_true(S_ISLNK(ans.attr[0].mode));
	uint64_t l = ans.node;
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = root, .name = "d", .target = d, .flags = AT_REMOVEDIR), -ENOTEMPTY);
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = d, .name = "l", .target = l), 0);
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = root, .name = "d", .target = d, .flags = AT_REMOVEDIR), 0);
	assert_int_equal(ASK(.type = GOFER_MKNOD, .node = root, .name = "p", .mode = S_IFIFO | 0600), 0);
	assert_true(S_ISFIFO(ans.attr[0].mode));
	assert_int_equal(ASK(.type = GOFER_MKNOD, .node = root, .name = "s", .mode = S_IFSOCK | 0600), -EPERM);
	assert_int_equal(ASK(.type = GOFER_MKNOD, .node = root, .name = "c", .mode = S_IFCHR | 0600), -EPERM);
	assert_int_equal(ASK(.type = GOFER_MKNOD, .node = root, .name = "b", .mode = S_IFBLK | 0600), -EPERM);
}

static void set_id_bits_are_dropped_unless_allowed(void **state)
{
	assert_int_equal(ASK(.type = GOFER_CREATE, .node = fx.root[RW], .name = "su", .mode = 06755), 0);
	assert_int_equal(ans.attr[0].mode, S_IFREG | 0755);
	assert_int_equal(ASK(.type = GOFER_SETATTR, .node = ans.node, .set = { .valid = GOFER_SET_MODE, .mode = 04755 }), 0);
	assert_int_equal(ans.attr[0].mode, S_IFREG | 0755);
}

static void a_rename_carries_nodes_along(void **state)
{
	uint64_t root = fx.root[RW], a = walk1(root, "a"), b = walk1(a, "b"), deep = walk1(b, "deep"), file = walk1(root, "file");
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = a, .name = "b", .node2 = root, .name2 = "b2", .target = b), 0);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = deep), 0);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = b, .name = "deep", .node2 = root, .name2 = "file", .target = deep,
			     .replaced = file), 0);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = file), 0);
	assert_int_equal(ans.attr[0].nlink, 0);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = root, .name = "file", .node2 = a, .name2 = "x", .target = deep,
			     .flags = RENAME_WHITEOUT), -EINVAL);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = root, .name = "file", .node2 = root, .name2 = "b2", .target = deep,
			     .replaced = b, .flags = RENAME_EXCHANGE), 0);
	assert_int_equal(statat(root, "b2"), 0);
	assert_true(S_ISREG(ans.entries[0].attr.mode));
}

static void nameless_files_can_get_a_name(void **state)
{
	int err = ASK(.type = GOFER_TMPFILE, .node = fx.root[RW], .mode = 0600);
	if (err == -EOPNOTSUPP)
		skip();
	assert_int_equal(err, 0);
	uint64_t node = ans.node;
	assert_int_equal(write(ans_fd, "tmp", 3), 3);
	assert_int_equal(ans.attr[0].nlink, 0);
	assert_int_equal(ASK(.type = GOFER_LINK, .node = fx.root[RW], .name = "named", .target = node), 0);
	struct stat st;
	assert_int_equal(fstatat(fx.in_fd, "named", &st, 0), 0);
	assert_int_equal(st.st_size, 3);
}

static void extended_attributes(void **state)
{
	uint64_t f = walk1(fx.root[RW], "file");
	int err = ASK(.type = GOFER_SETXATTR, .node = f, .name = "user.k", .data = "v", .data_bytes = 1);
	if (err == -EOPNOTSUPP)
		skip();
	assert_int_equal(err, 0);
	assert_int_equal(ASK(.type = GOFER_GETXATTR, .node = f, .name = "user.k"), 0);
	assert_int_equal(ans.data_bytes, 1);
	assert_int_equal(ASK(.type = GOFER_LISTXATTR, .node = f), 0);
	assert_int_equal(ans.data_bytes, 7);
	assert_int_equal(ASK(.type = GOFER_SETXATTR, .node = f, .name = "security.capability", .data = "v", .data_bytes = 1), -EPERM);
	assert_int_equal(ASK(.type = GOFER_SETXATTR, .node = f, .name = "trusted.x", .data = "v", .data_bytes = 1), -EPERM);
	assert_int_equal(ASK(.type = GOFER_GETXATTR, .node = f, .name = "trusted.x"), -EOPNOTSUPP);
	assert_int_equal(ASK(.type = GOFER_REMOVEXATTR, .node = f, .name = "user.k"), 0);
	assert_int_equal(ASK(.type = GOFER_GETXATTR, .node = f, .name = "user.k"), -ENODATA);
}

static void a_read_only_export_is_not_changed(void **state)
{
	uint64_t root = fx.root[RO], file = walk1(root, "file"), a = walk1(root, "a");
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = file, .flags = O_RDWR), -EROFS);
	assert_int_equal(ASK(.type = GOFER_OPEN, .node = file, .flags = O_WRONLY), -EROFS);
	assert_int_equal(ASK(.type = GOFER_CREATE, .node = root, .name = "n", .mode = 0644), -EROFS);
	assert_int_equal(ASK(.type = GOFER_TMPFILE, .node = root, .mode = 0644), -EROFS);
	assert_int_equal(ASK(.type = GOFER_MKDIR, .node = root, .name = "n", .mode = 0755), -EROFS);
	assert_int_equal(ASK(.type = GOFER_MKNOD, .node = root, .name = "n", .mode = S_IFREG | 0644), -EROFS);
	assert_int_equal(ASK(.type = GOFER_SYMLINK, .node = root, .name = "n", .text = "x"), -EROFS);
	assert_int_equal(ASK(.type = GOFER_LINK, .node = root, .name = "n", .target = file), -EROFS);
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = root, .name = "file", .target = file), -EROFS);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = root, .name = "file", .node2 = a, .name2 = "n", .target = file), -EROFS);
	assert_int_equal(ASK(.type = GOFER_SETATTR, .node = file, .set = { .valid = GOFER_SET_MODE, .mode = 0600 }), -EROFS);
	assert_int_equal(ASK(.type = GOFER_SETXATTR, .node = file, .name = "user.k", .data = "v", .data_bytes = 1), -EROFS);
	assert_int_equal(ASK(.type = GOFER_REMOVEXATTR, .node = file, .name = "user.k"), -EROFS);
	/* Nor by way of a writable one. */
	assert_int_equal(ASK(.type = GOFER_LINK, .node = fx.root[RW], .name = "n", .target = file), -EXDEV);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = fx.root[RW], .name = "file", .node2 = root, .name2 = "n",
			     .target = file), -EROFS);
}

/* --- nodes --- */

static void closed_and_invented_nodes_are_refused(void **state)
{
	uint64_t f = walk1(fx.root[RW], "file");
	assert_int_equal(ASK(.type = GOFER_CLOSE, .data = &f, .data_bytes = sizeof(f)), 0);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = f), -ESTALE);
	assert_int_equal(ASK(.type = GOFER_CLOSE, .data = &f, .data_bytes = sizeof(f)), 0);
	uint64_t again = walk1(fx.root[RW], "file");
	assert_int_not_equal(again, f);
	const uint64_t invented[] = { 0, 1ULL << 32, UINT64_MAX, UINT32_MAX, 0xffffffff00000001 };
	for (size_t i = 0; i < ARRAY_SIZE(invented); i++)
		assert_int_equal(ASK(.type = GOFER_GETATTR, .node = invented[i]), -ESTALE);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = again), 0);
}

/* Many more nodes than descriptors: all stay usable, also those that moved or lost their names. */
static void nodes_outlive_their_descriptors(void **state)
{
	enum { N = 300 };
	static uint64_t dirs[N], files[N];
	uint64_t root = fx.root[RW], at = walk1(root, "a");
	uint64_t top = at;
	char name[16];
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(ASK(.type = GOFER_MKDIR, .node = at, .name = name, .mode = 0755), 0);
		dirs[i] = at = ans.node;
		assert_int_equal(ASK(.type = GOFER_CREATE, .node = root, .name = name, .mode = 0644), 0);
		files[i] = ans.node;
	}
	assert_int_equal(ASK(.type = GOFER_UNLINK, .node = root, .name = "d7", .target = files[7]), 0);
	assert_int_equal(ASK(.type = GOFER_RENAME, .node = top, .name = "d0", .node2 = root, .name2 = "moved", .target = dirs[0]), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(ASK(.type = GOFER_GETATTR, .node = dirs[i]), 0);
		assert_int_equal(ASK(.type = GOFER_GETATTR, .node = files[N - 1 - i]), 0);
	}
	/* What took an evicted node's name is not it. */
	assert_int_equal(unlinkat(fx.in_fd, "d9", 0), 0);
	put_file(fx.in_fd, "other", "", 0644);
	assert_int_equal(renameat(fx.in_fd, "other", fx.in_fd, "d9"), 0);
	for (int i = 10; i < N; i++)
		assert_int_equal(ASK(.type = GOFER_GETATTR, .node = files[i]), 0);
	assert_int_equal(ASK(.type = GOFER_GETATTR, .node = files[9]), -ESTALE);
}

/* --- the process --- */

static void it_keeps_only_what_it_needs(void **state)
{
	char path[64], target[256];
	snprintf(path, sizeof(path), "/proc/%d/fd", fx.pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	unsigned n = 0;
	struct dirent *e;
	while ((e = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		n++;
		bool expected = strstr(target, "gofer_test_") || strstr(target, "/fd") || !strncmp(target, "socket:", 7);
		if (!expected)
			fail_msg("descriptor %s is %s", e->d_name, target);
	}
	closedir(d);
	/* 0, 1, 2, /proc/self/fd, the socket, the exports. */
	assert_int_equal(n, 5 + EXPORTS);
}

static void nonsense_ends_it(void **state)
{
	assert_int_equal(send(fx.sock, "nonsense", 8, 0), 8);
	int status = status_of_gofer();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	char c;
	assert_int_equal(recv(fx.sock, &c, 1, 0), 0);
}

static void descriptors_sent_to_it_do_not_arrive(void **state)
{
	union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec iov = { wire, 16 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(c), &fx.dir_fd, sizeof(int));
	assert_true(sendmsg(fx.sock, &m, 0) > 0);
	int status = status_of_gofer();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(walk_takes_many_steps_and_opens),
		T(walk_tells_how_far_it_came),
		T(symlinks_are_told_not_followed),
		T(a_directory_swapped_for_a_symlink_leads_nowhere),
		T(special_files_and_directories_are_not_opened),
		T(a_listing_is_complete_and_stays_inside),
		T(a_file_export_is_that_file),
		T(files_are_made_written_and_removed),
		T(directories_symlinks_and_fifos_are_made),
		T(set_id_bits_are_dropped_unless_allowed),
		T(a_rename_carries_nodes_along),
		T(nameless_files_can_get_a_name),
		T(extended_attributes),
		T(a_read_only_export_is_not_changed),
		T(closed_and_invented_nodes_are_refused),
		cmocka_unit_test_setup_teardown(nodes_outlive_their_descriptors, setup_few_files, teardown),
		T(it_keeps_only_what_it_needs),
		T(nonsense_ends_it),
		T(descriptors_sent_to_it_do_not_arrive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
