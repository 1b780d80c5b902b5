/* keys_test.c - keys and keyrings: who has which, who may do what with them, how they go (keyrings(7)). */
#include <linux/keyctl.h>
#include <sched.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "tests/guest/guest.h"

#define POS_ALL 0x3f000000
#define THREAD KEY_SPEC_THREAD_KEYRING
#define PROCESS KEY_SPEC_PROCESS_KEYRING
#define SESSION KEY_SPEC_SESSION_KEYRING

static long add(const char *type, const char *desc, const void *data, size_t bytes, int ring)
{
	return syscall(SYS_add_key, type, desc, data, bytes, ring);
}
static long request(const char *type, const char *desc, const char *callout, int ring)
{
	return syscall(SYS_request_key, type, desc, callout, ring);
}
#define ctl(...) syscall(SYS_keyctl, __VA_ARGS__)

/* Where the kernel has no keys, or a container's filter hides them, there is nothing to judge. */
static void need_keys(void)
{
	if (ctl(KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		SKIP("no keys here: %s", strerror(errno));
}

TEST(a_key_is_read_updated_and_described)
{
	COVERS(add_key, keyctl);
	char buf[64];
	need_keys();
	long key = add("user", "color", "red", 3, PROCESS);
	ASSERT_OK(key);
	memset(buf, '#', sizeof(buf));
	EXPECT_EQ(ctl(KEYCTL_READ, key, buf, 2), 3);
	EXPECT(!memcmp(buf, "re#", 3) || !memcmp(buf, "###", 3));
	EXPECT_EQ(ctl(KEYCTL_READ, key, buf, sizeof(buf)), 3);
	EXPECT(!memcmp(buf, "red#", 4));
	EXPECT_EQ(add("user", "color", "green", 5, PROCESS), key);
	EXPECT_EQ(ctl(KEYCTL_READ, key, NULL, 0), 5);
	EXPECT_EQ(ctl(KEYCTL_UPDATE, key, "blue", 4), 0);
	EXPECT_EQ(ctl(KEYCTL_READ, key, buf, sizeof(buf)), 4);
	char want[64];
	int len = snprintf(want, sizeof(want), "user;%d;%d;3f010000;color", getuid(), getgid());
	EXPECT_EQ(ctl(KEYCTL_DESCRIBE, key, buf, sizeof(buf)), len + 1);
	EXPECT_STREQ(buf, want);
	buf[0] = '#';
	EXPECT_EQ(ctl(KEYCTL_DESCRIBE, key, buf, len), len + 1);
	EXPECT_EQ(buf[0], '#');
	EXPECT_EQ(ctl(KEYCTL_GET_SECURITY, key, buf, sizeof(buf)), 1);
}

TEST(what_is_no_key_is_refused)
{
	char big[33000] = { 1 };
	need_keys();
	EXPECT_ERRNO(add("nonsense", "x", "y", 1, PROCESS), ENODEV);
	EXPECT_ERRNO(add(".user", "x", "y", 1, PROCESS), EPERM);
	EXPECT_ERRNO(add("", "x", "y", 1, PROCESS), EINVAL);
	EXPECT_ERRNO(add("user", "", "y", 1, PROCESS), EINVAL);
	EXPECT_ERRNO(add("user", "x", NULL, 0, PROCESS), EINVAL);
	EXPECT_ERRNO(add("user", "x", NULL, 5, PROCESS), EFAULT);
	EXPECT_ERRNO(add("user", "x", big, 32768, PROCESS), EINVAL);
	EXPECT_OK(add("user", "x", big, 10000, PROCESS));
	EXPECT_ERRNO(add("keyring", "x", "y", 1, PROCESS), EINVAL);
	EXPECT_ERRNO(add("keyring", ".x", NULL, 0, PROCESS), EPERM);
	EXPECT_ERRNO(add("logon", "unqualified", "y", 1, PROCESS), EINVAL);
	EXPECT_ERRNO(add("user", "x", "y", 1, 0), EINVAL);
	EXPECT_ERRNO(add("user", "x", "y", 1, KEY_SPEC_GROUP_KEYRING), EINVAL);
	EXPECT_ERRNO(add("user", "x", "y", 1, 1), ENOKEY);
	long key = add("user", "x", "y", 1, PROCESS);
	EXPECT_ERRNO(add("user", "z", "y", 1, (int)key), ENOTDIR);
	EXPECT_ERRNO(ctl(99), EOPNOTSUPP);
	EXPECT_ERRNO(ctl(KEYCTL_INSTANTIATE, key, "x", 1, 0), EPERM);
	EXPECT_ERRNO(ctl(KEYCTL_SETPERM, key, 0xffffffff), EINVAL);
	EXPECT_ERRNO(ctl(KEYCTL_READ, KEY_SPEC_REQKEY_AUTH_KEY, NULL, 0), ENOKEY);
}

TEST(a_logon_key_keeps_its_contents)
{
	need_keys();
	long key = add("logon", "disk:1", "secret", 6, PROCESS);
	ASSERT_OK(key);
	EXPECT_ERRNO(ctl(KEYCTL_READ, key, NULL, 0), EOPNOTSUPP);
	EXPECT_EQ(ctl(KEYCTL_UPDATE, key, "other", 5), 0);
	EXPECT_EQ(request("logon", "disk:1", NULL, 0), key);
}

TEST(keyrings_hold_keys_and_keyrings)
{
	int32_t ids[4];
	need_keys();
	long outer = add("keyring", "outer", NULL, 0, PROCESS), inner = add("keyring", "inner", NULL, 0, (int)outer);
	long key = add("user", "k", "v", 1, (int)inner);
	ASSERT_OK(key);
	EXPECT_EQ(ctl(KEYCTL_READ, inner, ids, sizeof(ids)), 4);
	EXPECT_EQ(ids[0], key);
	EXPECT_EQ(ctl(KEYCTL_SEARCH, outer, "user", "k", 0), key);
	EXPECT_EQ(request("user", "k", NULL, 0), key);
	EXPECT_ERRNO(ctl(KEYCTL_SEARCH, outer, "user", "none", 0), ENOKEY);
	EXPECT_ERRNO(request("user", "none", NULL, 0), ENOKEY);
	EXPECT_ERRNO(request("nonsense", "none", NULL, 0), ENOKEY);
	EXPECT_ERRNO(ctl(KEYCTL_LINK, outer, inner), EDEADLK);
	EXPECT_ERRNO(ctl(KEYCTL_LINK, outer, outer), EDEADLK);
	EXPECT_EQ(ctl(KEYCTL_LINK, key, outer), 0);
	EXPECT_EQ(ctl(KEYCTL_UNLINK, key, inner), 0);
	EXPECT_ERRNO(ctl(KEYCTL_UNLINK, key, inner), ENOENT);
	EXPECT_EQ(ctl(KEYCTL_MOVE, key, outer, inner, 0), 0);
	EXPECT_ERRNO(ctl(KEYCTL_MOVE, key, outer, inner, 0), ENOENT);
	EXPECT_EQ(ctl(KEYCTL_CLEAR, inner), 0);
	EXPECT_EQ(ctl(KEYCTL_READ, inner, ids, sizeof(ids)), 0);
	EXPECT_ERRNO(ctl(KEYCTL_CLEAR, add("user", "u", "v", 1, PROCESS)), ENOTDIR);
	EXPECT_EQ(ctl(KEYCTL_RESTRICT_KEYRING, inner, NULL, NULL), 0);
	EXPECT_ERRNO(add("user", "k", "v", 1, (int)inner), EPERM);
}

TEST(revoked_invalid_and_expired_keys_say_so)
{
	need_keys();
	long key = add("user", "a", "v", 1, PROCESS);
	EXPECT_EQ(ctl(KEYCTL_REVOKE, key), 0);
	EXPECT_ERRNO(ctl(KEYCTL_READ, key, NULL, 0), EKEYREVOKED);
	EXPECT_ERRNO(ctl(KEYCTL_SEARCH, PROCESS, "user", "a", 0), EKEYREVOKED);
	EXPECT_ERRNO(request("user", "a", NULL, 0), ENOKEY);
	EXPECT_EQ(ctl(KEYCTL_UNLINK, key, PROCESS), 0);
	EXPECT_ERRNO(request("user", "a", NULL, 0), ENOKEY);
	key = add("user", "b", "v", 1, PROCESS);
	EXPECT_EQ(ctl(KEYCTL_INVALIDATE, key), 0);
	EXPECT_ERRNO(ctl(KEYCTL_UPDATE, key, "w", 1), ENOKEY);
	key = add("user", "c", "v", 1, PROCESS);
	EXPECT_EQ(ctl(KEYCTL_SET_TIMEOUT, key, 1), 0);
	long again = add("user", "d", "v", 1, PROCESS);
	EXPECT_EQ(ctl(KEYCTL_SET_TIMEOUT, again, 1), 0);
	EXPECT_EQ(ctl(KEYCTL_SET_TIMEOUT, again, 0), 0);
	while (request("user", "c", NULL, 0) == key)
		usleep(20000);
	EXPECT_ERRNO(ctl(KEYCTL_SEARCH, PROCESS, "user", "c", 0), EKEYEXPIRED);
	EXPECT_EQ(request("user", "d", NULL, 0), again);
}

TEST(permissions_are_checked)
{
	need_keys();
	long key = add("user", "p", "v", 1, PROCESS);
	EXPECT_EQ(ctl(KEYCTL_SETPERM, key, POS_ALL & ~0x04000000), 0);
	EXPECT_ERRNO(ctl(KEYCTL_UPDATE, key, "w", 1), EACCES);
	EXPECT_ERRNO(add("user", "p", "w", 1, PROCESS), EACCES);
	EXPECT_EQ(ctl(KEYCTL_READ, key, NULL, 0), 1);
	EXPECT_EQ(ctl(KEYCTL_SETPERM, key, 0x3f0000), 0);
	EXPECT_EQ(ctl(KEYCTL_READ, key, NULL, 0), 1);
	EXPECT_EQ(ctl(KEYCTL_SETPERM, key, 0), 0);
	EXPECT_ERRNO(ctl(KEYCTL_READ, key, NULL, 0), EACCES);
	EXPECT_ERRNO(ctl(KEYCTL_DESCRIBE, key, NULL, 0), EACCES);
	EXPECT_ERRNO(ctl(KEYCTL_SETPERM, key, POS_ALL), EACCES);
}

TEST(special_keyrings_belong_to_whom_they_say)
{
	COVERS(fork, clone);
	int status;
	need_keys();
	EXPECT_ERRNO(ctl(KEYCTL_GET_KEYRING_ID, THREAD, 0), ENOKEY);
	EXPECT_ERRNO(ctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0), ENOKEY);
	long thread = ctl(KEYCTL_GET_KEYRING_ID, THREAD, 1), process = ctl(KEYCTL_GET_KEYRING_ID, PROCESS, 1);
	long session = ctl(KEYCTL_GET_KEYRING_ID, SESSION, 0), user = ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0);
	ASSERT(thread > 0 && process > 0 && session > 0 && user > 0);
	EXPECT_EQ(ctl(KEYCTL_GET_KEYRING_ID, THREAD, 1), thread);
	pid_t pid = fork();
	if (pid == 0) {
		EXPECT_ERRNO(ctl(KEYCTL_GET_KEYRING_ID, THREAD, 0), ENOKEY);
		EXPECT_ERRNO(ctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0), ENOKEY);
		EXPECT_EQ(ctl(KEYCTL_GET_KEYRING_ID, SESSION, 0), session);
		EXPECT_EQ(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0), user);
		EXPECT(ctl(KEYCTL_JOIN_SESSION_KEYRING, NULL) != session);
		_exit(guest_failed);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(ctl(KEYCTL_GET_KEYRING_ID, SESSION, 0), session);
	long named = ctl(KEYCTL_JOIN_SESSION_KEYRING, "sbx-keys-test");
	EXPECT(named > 0 && named != session);
	EXPECT_ERRNO(ctl(KEYCTL_JOIN_SESSION_KEYRING, ".dot"), EPERM);
}

TEST(a_request_without_an_answer_leaves_a_negative_key)
{
	COVERS(request_key);
	int32_t id = 0;
	if (access("/sbin/request-key", X_OK) == 0)
		SKIP("somebody might answer");
	need_keys();
	EXPECT_ERRNO(request("user", "unheard of", "callout", PROCESS), ENOENT);
	EXPECT_EQ(ctl(KEYCTL_READ, PROCESS, &id, sizeof(id)), 4);
	EXPECT_ERRNO(ctl(KEYCTL_READ, id, NULL, 0), ENOKEY);
	EXPECT_ERRNO(request("user", "unheard of", NULL, 0), ENOKEY);
	EXPECT_EQ(add("user", "unheard of", "v", 1, PROCESS), id);
	EXPECT_EQ(request("user", "unheard of", NULL, 0), id);
	EXPECT_ERRNO(request((char *)-1, "x", NULL, PROCESS), EFAULT);
}

TEST(proc_keys_shows_what_may_be_seen)
{
	char line[300], want[20];
	bool seen = false;
	need_keys();
	long key = add("user", "shown", "12345", 5, PROCESS);
	snprintf(want, sizeof(want), "%08x ", (unsigned)key);
	FILE *f = fopen("/proc/keys", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, want, strlen(want)))
			continue;
		seen = true;
		EXPECT(strstr(line, "I--Q---"));
		EXPECT(strstr(line, "perm 3f010000"));
		EXPECT(strstr(line, " user      shown: 5\n"));
	}
	fclose(f);
	EXPECT(seen);
}

TEST(a_user_has_a_quota)
{
	need_keys();
	if (setresgid(54321, 54321, 54321) < 0 || setresuid(54321, 54321, 54321) < 0)
		SKIP("one user only");
	char desc[16], big[15000] = { 1 };
	ASSERT_OK(add("user", "first", "v", 1, PROCESS));
	EXPECT_OK(add("user", "big", big, sizeof(big), PROCESS));
	EXPECT_ERRNO(add("user", "big2", big, sizeof(big), PROCESS), EDQUOT);
	int made = 0;
	for (; made < 300; made++) {
		snprintf(desc, sizeof(desc), "k%d", made);
		if (add("user", desc, "v", 1, PROCESS) < 0)
			break;
	}
	EXPECT_EQ(errno, EDQUOT);
	EXPECT(made > 150 && made < 200);
	EXPECT_ERRNO(ctl(KEYCTL_CHOWN, ctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0), 0, -1), EACCES);
}
