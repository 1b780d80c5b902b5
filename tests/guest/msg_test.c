/* msg_test.c - System V message queues. */
#include <grp.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "tests/guest/guest.h"

COVERS(msgget, msgsnd, msgrcv, msgctl);

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct message { long type; char text[9000]; };
static struct message out, in;

static int new_queue(void)
{
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	ASSERT_OK(id);
	return id;
}

static void drop_queue(int id)
{
	EXPECT_OK(msgctl(id, IPC_RMID, NULL));
}

static int send_text(int id, long type, const char *text, int flags)
{
	out.type = type;
	memcpy(out.text, text, strlen(text));
	return msgsnd(id, &out, strlen(text), flags);
}

/* The text of what is received, "" for none. */
static const char *receive(int id, long type, int flags)
{
	memset(&in, 0, sizeof(in));
	if (msgrcv(id, &in, sizeof(in.text) - 1, type, flags | IPC_NOWAIT) < 0)
		return "";
	return in.text;
}

static struct msqid_ds stat_of(int id)
{
	struct msqid_ds ds;
	ASSERT_OK(msgctl(id, IPC_STAT, &ds));
	return ds;
}

static int reap(pid_t pid)
{
	int status;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* Until pid sleeps in a system call. */
static void wait_asleep(pid_t pid)
{
	char path[40], text[200];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int calm = 0; calm < 5;) {
		FILE *f = fopen(path, "r");
		ASSERT(f && fgets(text, sizeof(text), f));
		fclose(f);
		calm = strstr(text, ") S ") ? calm + 1 : 0;
		usleep(2000);
	}
}

TEST(messages_come_in_order)
{
	int id = new_queue();
	EXPECT_OK(send_text(id, 2, "two", 0));
	EXPECT_OK(send_text(id, 1, "one", 0));
	EXPECT_OK(send_text(id, 3, "", 0));
	struct msqid_ds ds = stat_of(id);
	EXPECT_EQ(ds.msg_qnum, 3);
	EXPECT_EQ(ds.__msg_cbytes, 6);
	EXPECT_EQ(ds.msg_lspid, getpid());
	EXPECT_EQ(ds.msg_lrpid, 0);
	EXPECT(ds.msg_stime != 0 && ds.msg_rtime == 0);
	EXPECT_STREQ(receive(id, 0, 0), "two");
	EXPECT_EQ(in.type, 2);
	EXPECT_STREQ(receive(id, 0, 0), "one");
	EXPECT_EQ(msgrcv(id, &in, 10, 0, 0), 0);
	EXPECT_EQ(in.type, 3);
	EXPECT_ERRNO(msgrcv(id, &in, 10, 0, IPC_NOWAIT), ENOMSG);
	ds = stat_of(id);
	EXPECT_EQ(ds.msg_qnum, 0);
	EXPECT_EQ(ds.msg_lrpid, getpid());
	drop_queue(id);
}

TEST(types_choose)
{
	int id = new_queue();
	for (long type = 5; type >= 1; type--)
		EXPECT_OK(send_text(id, type, (char[]){ (char)('0' + type), 'a', 0 }, 0));
	EXPECT_OK(send_text(id, 3, "3b", 0));
	EXPECT_STREQ(receive(id, 3, 0), "3a");
	EXPECT_STREQ(receive(id, 5, MSG_EXCEPT), "4a");
	EXPECT_STREQ(receive(id, -3, 0), "1a");
	EXPECT_STREQ(receive(id, -3, 0), "2a");
	EXPECT_STREQ(receive(id, -3, 0), "3b");
	EXPECT_STREQ(receive(id, -3, 0), "");
	EXPECT_EQ(errno, ENOMSG);
	EXPECT_STREQ(receive(id, -9223372036854775807L - 1, 0), "5a");
	drop_queue(id);
}

TEST(lengths)
{
	int id = new_queue();
	EXPECT_OK(send_text(id, 1, "hello", 0));
	EXPECT_ERRNO(msgrcv(id, &in, 4, 0, 0), E2BIG);
	EXPECT_EQ(msgrcv(id, &in, 4, 0, MSG_NOERROR), 4);
	EXPECT_EQ(memcmp(in.text, "hell", 4), 0);
	EXPECT_ERRNO(msgrcv(id, &in, 4, 0, IPC_NOWAIT), ENOMSG);
	out.type = 1;
	EXPECT_ERRNO(msgsnd(id, &out, 8193, 0), EINVAL);
	EXPECT_ERRNO(msgsnd(id, &out, -1, 0), EINVAL);
	EXPECT_ERRNO(msgrcv(id, &in, -1, 0, 0), EINVAL);
	EXPECT_OK(msgsnd(id, &out, 8192, 0));
	EXPECT_EQ(msgrcv(id, &in, sizeof(in.text), 0, 0), 8192);
	out.type = 0;
	EXPECT_ERRNO(msgsnd(id, &out, 1, 0), EINVAL);
	EXPECT_ERRNO(msgsnd(id, (void *)-1L, 1, 0), EFAULT);
	out.type = 1;
	EXPECT_ERRNO(msgsnd(-1, &out, 1, 0), EINVAL);
	EXPECT_ERRNO(msgrcv(-1, &in, 1, 0, 0), EINVAL);
	drop_queue(id);
	EXPECT_ERRNO(msgsnd(id, &out, 1, 0), EINVAL);
}

TEST(a_full_queue_makes_senders_wait)
{
	int id = new_queue();
	out.type = 1;
	EXPECT_OK(msgsnd(id, &out, 8192, 0));
	EXPECT_OK(msgsnd(id, &out, 8192, 0));
	EXPECT_ERRNO(msgsnd(id, &out, 1, IPC_NOWAIT), EAGAIN);
	pid_t pid = fork();
	if (pid == 0)
		_exit(send_text(id, 7, "late", 0) ? errno : 0);
	wait_asleep(pid);
	EXPECT_EQ(stat_of(id).msg_qnum, 2);
	EXPECT_EQ(msgrcv(id, &in, sizeof(in.text), 0, 0), 8192);
	EXPECT_EQ(reap(pid), 0);
	EXPECT_EQ(stat_of(id).msg_lspid, pid);
	EXPECT_STREQ(receive(id, 7, 0), "late");
	struct msqid_ds ds = stat_of(id);
	ds.msg_qbytes = 4;
	EXPECT_OK(msgctl(id, IPC_SET, &ds));
	EXPECT_EQ(msgrcv(id, &in, sizeof(in.text), 0, 0), 8192);
	for (int i = 0; i < 4; i++)
		EXPECT_OK(send_text(id, 1, "", IPC_NOWAIT));
	EXPECT_ERRNO(send_text(id, 1, "", IPC_NOWAIT), EAGAIN);          /* as many as bytes */
	drop_queue(id);
}

TEST(receivers_get_what_they_wait_for)
{
	int id = new_queue();
	pid_t two = fork();
	if (two == 0)
		_exit(msgrcv(id, &in, 100, 2, 0) == 3 && !memcmp(in.text, "two", 3) ? 0 : 1);
	pid_t small = fork();
	if (small == 0)
		_exit(msgrcv(id, &in, 1, 3, 0) < 0 ? errno : 0);
	wait_asleep(two);
	wait_asleep(small);
	EXPECT_OK(send_text(id, 1, "one", 0));
	EXPECT_OK(send_text(id, 3, "three", 0));
	EXPECT_EQ(reap(small), E2BIG);
	EXPECT_EQ(stat_of(id).msg_qnum, 2);
	EXPECT_OK(send_text(id, 2, "two", 0));
	EXPECT_EQ(reap(two), 0);
	EXPECT_EQ(stat_of(id).msg_qnum, 2);
	EXPECT_EQ(stat_of(id).msg_lrpid, two);
	drop_queue(id);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(removal_and_signals_end_waits)
{
	int id = new_queue();
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	pid_t pids[2];
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			sigaction(SIGUSR1, &sa, NULL);
			_exit(msgrcv(id, &in, 10, 0, 0) < 0 ? errno : 0);
		}
	}
	wait_asleep(pids[0]);
	wait_asleep(pids[1]);
	kill(pids[0], SIGUSR1);
	EXPECT_EQ(reap(pids[0]), EINTR);
	drop_queue(id);
	EXPECT_EQ(reap(pids[1]), EIDRM);
}

TEST(stopping_does_not_end_a_wait)
{
	int id = new_queue();
	pid_t pid = fork();
	if (pid == 0)
		_exit(msgrcv(id, &in, 10, 0, 0) == 2 ? 0 : 1);
	wait_asleep(pid);
	kill(pid, SIGSTOP);
	int status;
	EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	EXPECT_OK(send_text(id, 1, "go", 0));
	EXPECT_EQ(reap(pid), 0);
	drop_queue(id);
}

TEST(keys_and_permissions)
{
	key_t key = 0x7b000000 + getpid();
	EXPECT_ERRNO(msgget(key, 0600), ENOENT);
	int id = msgget(key, IPC_CREAT | 0620);
	ASSERT_OK(id);
	EXPECT_EQ(msgget(key, 0), id);
	EXPECT_ERRNO(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	struct msqid_ds ds = stat_of(id);
	EXPECT_EQ(ds.msg_perm.mode & 0777, 0620);
	EXPECT_EQ(ds.msg_perm.__key, key);
	EXPECT_EQ(ds.msg_qbytes, 16384);
	if (getuid() != 0) {
		drop_queue(id);
		SKIP("the rest needs root");
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setuid(54321))
			_exit(1);
		EXPECT_OK(send_text(id, 1, "x", 0));                     /* root's group, still */
		EXPECT_ERRNO(msgrcv(id, &in, 10, 0, 0), EACCES);
		EXPECT_ERRNO(msgget(key, 0400), EACCES);
		EXPECT_ERRNO(msgctl(id, IPC_STAT, &ds), EACCES);
		EXPECT_ERRNO(msgctl(id, IPC_SET, &ds), EPERM);
		EXPECT_ERRNO(msgctl(id, IPC_RMID, NULL), EPERM);
		_exit(guest_failed);
	}
	EXPECT_EQ(reap(pid), 0);
	ds.msg_perm.uid = 54321;
	EXPECT_OK(msgctl(id, IPC_SET, &ds));
	pid = fork();
	if (pid == 0) {
		if (setuid(54321))
			_exit(1);
		ds.msg_qbytes = 1 << 20;
		EXPECT_ERRNO(msgctl(id, IPC_SET, &ds), EPERM);
		EXPECT_OK(msgctl(id, IPC_RMID, NULL));
		_exit(guest_failed);
	}
	EXPECT_EQ(reap(pid), 0);
}

TEST(copies_leave_the_message)
{
	int id = new_queue();
	EXPECT_OK(send_text(id, 5, "five", 0));
	EXPECT_OK(send_text(id, 6, "six", 0));
	ssize_t n = msgrcv(id, &in, 100, 1, MSG_COPY | IPC_NOWAIT);
	if (n < 0 && errno == ENOSYS)
		SKIP("a kernel without MSG_COPY");
	EXPECT_EQ(n, 3);
	EXPECT_EQ(in.type, 6);
	EXPECT_ERRNO(msgrcv(id, &in, 100, 2, MSG_COPY | IPC_NOWAIT), ENOMSG);
	EXPECT_ERRNO(msgrcv(id, &in, 100, 0, MSG_COPY), EINVAL);
	EXPECT_ERRNO(msgrcv(id, &in, 100, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
	EXPECT_EQ(stat_of(id).msg_qnum, 2);
	drop_queue(id);
}

TEST(info_and_proc)
{
	key_t key = 0x7e000000 + getpid();
	int id = msgget(key, IPC_CREAT | 0606);
	ASSERT_OK(id);
	EXPECT_OK(send_text(id, 1, "four", 0));
	struct msginfo info;
	int max = msgctl(0, IPC_INFO, (void *)&info);
	ASSERT_OK(max);
	EXPECT_EQ(info.msgmax, 8192);
	EXPECT_EQ(msgctl(0, MSG_INFO, (void *)&info), max);
	EXPECT(info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 4);
	bool found = false;
	struct msqid_ds ds;
	for (int i = 0; i <= max; i++)
		found |= msgctl(i, MSG_STAT, &ds) == id && ds.msg_qnum == 1 && msgctl(i, MSG_STAT_ANY, &ds) == id;
	EXPECT(found);
	char want[100], line[300];
	snprintf(want, sizeof(want), "%10d %10d  %4o  %10u %10u %5d %5d ", key, id, 0606, 4, 1, getpid(), 0);
	FILE *f = fopen("/proc/sysvipc/msg", "r");
	ASSERT(f);
	found = false;
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, want) != NULL;
	fclose(f);
	EXPECT(found);
	drop_queue(id);
}

/* More than fits: everybody waits for everybody, nothing is lost. */
TEST(many_messages_through_a_small_queue)
{
	int id = new_queue();
	for (int child = 0; child < 3; child++) {
		if (fork() == 0) {
			out.type = child + 1;
			for (int n = 0; n < 60; n++) {
				memset(out.text, n, 1000);
				if (msgsnd(id, &out, 1000, 0))
					_exit(1);
			}
			_exit(0);
		}
	}
	int next[3] = { 0, 0, 0 };
	for (int n = 0; n < 180; n++) {
		ASSERT_EQ(msgrcv(id, &in, 1000, 0, 0), 1000);
		ASSERT(in.type >= 1 && in.type <= 3);
		EXPECT_EQ(in.text[999], next[in.type - 1]++);
	}
	for (int child = 0; child < 3; child++) {
		int status;
		ASSERT(wait(&status) > 0);
		EXPECT_EQ(status, 0);
	}
	drop_queue(id);
}
