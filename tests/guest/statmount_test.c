/* statmount_test.c - mounts by number: statmount(2), listmount(2), statx(2)'s unique mount ids. */
#include "tests/guest/fs.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

COVERS(statmount, listmount, statx);

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#define UNIQUE 0x4000U
#define SB_BASIC 1
#define MNT_BASIC 2
#define MNT_POINT 16
#define FS_TYPE 32
#define MNT_NS_ID 64

struct req { uint32_t size, spare; uint64_t id, param; };
struct answer {
	uint32_t size, opts;
	uint64_t mask;
	uint32_t dev_major, dev_minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent;
	uint32_t id_old, parent_old;
	uint64_t attr, propagation, group, master, from;
	uint32_t root, point;
	uint64_t ns_id, spare[49];
	char text[512];
};

static int statmount_(uint64_t id, uint64_t mask, void *buf, size_t bytes)
{
	struct req r = { .size = 24, .id = id, .param = mask };
	return (int)syscall(SYS_statmount, &r, buf, bytes, 0);
}
static long listmount_(uint64_t id, uint64_t after, uint64_t *out, size_t n)
{
	struct req r = { .size = 24, .id = id, .param = after };
	return syscall(SYS_listmount, &r, out, n, 0);
}
static uint64_t id_of(const char *path)
{
	struct statx sx;
	ASSERT_OK(statx(AT_FDCWD, path, 0, UNIQUE, &sx));
	if (!(sx.stx_mask & UNIQUE))
		SKIP("no unique mount ids before Linux 6.8");
	uint64_t id;
	memcpy(&id, (char *)&sx + 144, sizeof(id));
	return id;
}

static void own_namespace(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, 16384 | 1 << 18, NULL) < 0)
		SKIP("no mount namespace here");
	if (listmount_(UINT64_MAX, 0, NULL, 0) < 0 && errno == ENOSYS)
		SKIP("no listmount before Linux 6.8");
	scratch();
	ASSERT_OK(mkdir("m", 0755));
	ASSERT_OK(mount("here", "m", "tmpfs", 1 /* MS_RDONLY */, NULL));
}

static void end(void)
{
	EXPECT_OK(umount2("m", 2));
	scratch_end();
}

TEST(a_mount_is_described)
{
	own_namespace();
	static struct answer a;
	uint64_t id = id_of("m");
	ASSERT_OK(statmount_(id, SB_BASIC | MNT_BASIC | FS_TYPE | MNT_POINT, &a, sizeof(a)));
	EXPECT_EQ(a.mask, SB_BASIC | MNT_BASIC | FS_TYPE | MNT_POINT);
	EXPECT_EQ(a.magic, 0x01021994);
	EXPECT_EQ(a.sb_flags, 1);
	EXPECT_EQ(a.id, id);
	EXPECT_EQ(a.parent, id_of("."));
	EXPECT_EQ(a.attr & MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY);
	EXPECT_EQ(a.propagation, 1 << 18);
	EXPECT_STREQ(a.text + a.fs_type, "tmpfs");
	EXPECT_STREQ(strrchr(a.text + a.point, '/'), "/m");
	uint64_t ns = 0;
	int fd = open("/proc/self/ns/mnt", O_RDONLY);
	if (ioctl(fd, _IOR(0xb7, 5, uint64_t), &ns) == 0) {
		ASSERT_OK(statmount_(id, MNT_NS_ID, &a, sizeof(a)));
		EXPECT_EQ(a.ns_id, ns);
	}
	end();
}

TEST(mounts_are_listed)
{
	own_namespace();
	uint64_t id = id_of("m"), ids[1024], after[1024];
	long n = listmount_(UINT64_MAX, 0, ids, 1024), found = 0;
	ASSERT(n > 1);
	for (long i = 0; i < n; i++)
		found += ids[i] == id;
	EXPECT_EQ(found, 1);
	EXPECT_EQ(listmount_(UINT64_MAX, ids[0], after, 1024), n - 1);
	EXPECT_EQ(after[0], ids[1]);
	EXPECT_EQ(listmount_(UINT64_MAX, 0, after, 1), 1);
	EXPECT_EQ(listmount_(id, 0, after, 1024), 0);              /* nothing lies on it */
	end();
}

TEST(what_is_wrong_is_said)
{
	own_namespace();
	static struct answer a;
	uint64_t id = id_of("m"), ids[8];
	EXPECT_ERRNO(statmount_(UINT64_MAX - 1, 0, &a, sizeof(a)), ENOENT);
	EXPECT_ERRNO(statmount_(id, FS_TYPE, &a, 512), EOVERFLOW);
	EXPECT_ERRNO(statmount_(id, 0, NULL, 512), EFAULT);
	EXPECT_ERRNO(syscall(SYS_statmount, NULL, &a, sizeof(a), 0), EFAULT);
	EXPECT_ERRNO(listmount_(UINT64_MAX - 1, 0, ids, 8), ENOENT);
	EXPECT_ERRNO(listmount_(UINT64_MAX, 0, NULL, 8), EFAULT);
	struct req small = { .size = 8, .id = id };
	EXPECT_ERRNO(syscall(SYS_listmount, &small, ids, 8, 0), EINVAL);
	small.size = 24;
	EXPECT_ERRNO(syscall(SYS_listmount, &small, ids, 8, 2), EINVAL);
	end();
}

TEST(a_place_may_be_bound_on_itself)
{
	own_namespace();
	EXPECT_OK(mount("m", "m", NULL, 4096 /* MS_BIND */, NULL));
	EXPECT_OK(mount("m", "m", NULL, 4096, NULL));
	EXPECT_OK(umount2("m", 0));
	EXPECT_OK(umount2("m", 0));
	end();
}

/* A walk to "/" or "." stops there; mounting goes on to what lies on it. */
TEST(the_root_is_covered_and_uncovered)
{
	own_namespace();
	ASSERT_OK(umount2("m", 0));
	ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
	pid_t pid = fork();
	if (pid == 0) {
		ASSERT_OK(chroot("m"));
		ASSERT_OK(chdir("/"));
		EXPECT_OK(mount("/", "/", NULL, 4096, NULL));
		EXPECT_OK(mount("/", "/", NULL, 4096, NULL));
		EXPECT_EQ(listmount_(UINT64_MAX, 0, (uint64_t[8]){ 0 }, 8), 3);
		EXPECT_OK(umount2("/", 0));
		EXPECT_OK(umount2("/", 0));
		EXPECT_EQ(listmount_(UINT64_MAX, 0, (uint64_t[8]){ 0 }, 8), 1);
		_exit(guest_failed);
	}
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	end();
}
