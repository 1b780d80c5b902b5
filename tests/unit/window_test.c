/* window_test.c - guest bytes that came along with a call: what is read and written where. The guest's memory is our own. */
#include "tests/unit/fake_task.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/impl.h"
#include "platform/systrap/blob_window.h"
#include "sentry/mm/uio.h"
#include "sentry/mm/window.h"

static struct pl_as as;
static struct pl_thread thread;
static struct mm mm = { .refs = 1, .as = &as };
static struct task task;
static struct slot_window slots[PL_WINDOWS];
static char area[WIN_AREA_BYTES];
static char mem[8192];                    /* the guest's */

/* The trap code's words, with a hole in memory. */
static char *hole;
static bool in_hole(uint64_t addr)
{
	return hole && addr - (uint64_t)hole < PAGE_SIZE;
}

size_t stub_copy(char *to, const char *from, size_t bytes)
{
	for (; bytes > 0 && !in_hole((uint64_t)to) && !in_hole((uint64_t)from); bytes--)
		*to++ = *from++;
	return bytes;
}

uint32_t stub_copy_string(char *to, uint64_t from, uint32_t max)
{
	for (uint32_t n = 0; n < max && !in_hole(from + n); n++)
		if (!(to[n] = ((const char *)from)[n]))
			return n + 1;
	return 0;
}

int stub_touch(uint64_t addr)
{
	return in_hole(addr) ? -1 : 0;
}

static unsigned begin(uint64_t nr, const void *a, uint64_t b, uint64_t c)
{
	const uint64_t args[WIN_ARGS] = { (uint64_t)a, b, c };
	as = (struct pl_as){ .refs = 1, .pid = getpid() };
	thread.as = &as;
	task.pl = &thread;
	task.mm = &mm;
	memset(slots, 0, sizeof(slots));
	thread.nwindows = windows_take(thread.windows, slots, stub_windows_in(nr, args, slots, area), area);
	return thread.nwindows;
}

static size_t end(void)
{
	windows_give(slots, thread.windows, thread.nwindows);
	size_t left = stub_windows_out(thread.nwindows, slots, area);
	thread.nwindows = 0;
	return left;
}

/* SYS_read's and SYS_write's buffer is argument 1. */
static unsigned begin_read(size_t bytes)
{
	return begin(SYS_read, NULL, (uint64_t)mem, bytes);
}

static void what_came_along_is_read_from_there(void **state)
{
	char got[16];
	strcpy(mem, "as it was");
	assert_int_equal(begin(SYS_write, NULL, (uint64_t)mem, 10), 1);
	strcpy(mem, "changed!!");
	assert_int_equal(copy_from_user(&task, got, UPTR(mem), 10), 0);
	assert_string_equal(got, "as it was");
	assert_int_equal(copy_from_user(&task, got, UPTR(mem + 3), 4), 0);
	assert_memory_equal(got, "it w", 4);
	/* One byte more than came along is asked of memory itself. */
	assert_int_equal(copy_from_user(&task, got, UPTR(mem), 11), 0);
	assert_string_equal(got, "changed!!");
	end();
	assert_int_equal(copy_from_user(&task, got, UPTR(mem), 10), 0);
	assert_string_equal(got, "changed!!");
}

static void a_path_is_read_from_there(void **state)
{
	char got[PATH_MAX];
	strcpy(mem, "/a/path");
	assert_int_equal(begin(SYS_open, mem, 0, 0), 1);
	assert_int_equal(thread.windows[0].len, 8);
	strcpy(mem, "/x");
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem), sizeof(got)), 7);
	assert_string_equal(got, "/a/path");
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem + 3), sizeof(got)), 4);
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem), 5), -ENAMETOOLONG);
	end();
	/* Too long for a window. */
	memset(mem, 'x', 3000);
	mem[3000] = '\0';
	assert_int_equal(begin(SYS_open, mem, 0, 0), 0);
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem), sizeof(got)), 3000);
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem), 3000), -ENAMETOOLONG);
	assert_int_equal(strncpy_from_user(&task, got, UPTR(mem), 3001), 3000);
}

static void what_is_written_arrives_when_the_call_ends(void **state)
{
	strcpy(mem, "----------");
	assert_int_equal(begin_read(10), 1);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 2), "abc", 3), 0);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 5), "de", 2), 0);
	assert_string_equal(mem, "----------");
	assert_int_equal(end(), 0);
	assert_string_equal(mem, "--abcde---");
}

static void bytes_the_call_has_not_written_stay(void **state)
{
	strcpy(mem, "----------");
	begin_read(10);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 7), "z", 1), 0);
	mem[3] = '!';                     /* another thread */
	assert_int_equal(copy_to_user(&task, UPTR(mem + 1), "a", 1), 0);
	assert_string_equal(mem, "---!---z--");
	end();
	assert_string_equal(mem, "-a-!---z--");
}

static void what_was_written_can_be_read_back(void **state)
{
	char got[4];
	strcpy(mem, "----------");
	begin_read(10);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 2), "abc", 3), 0);
	assert_int_equal(copy_from_user(&task, got, UPTR(mem + 1), 3), 0);
	assert_memory_equal(got, "-ab", 3);
	end();
	assert_string_equal(mem, "--abc-----");
}

static void a_write_across_the_end_goes_to_memory(void **state)
{
	strcpy(mem, "----------");
	begin_read(4);
	assert_int_equal(copy_to_user(&task, UPTR(mem), "abcd", 4), 0);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 2), "WXYZ", 4), 0);
	assert_string_equal(mem, "abWXYZ----");
	end();
	assert_string_equal(mem, "abWXYZ----");
}

static void a_write_to_what_came_along_is_seen(void **state)
{
	char got[4];
	strcpy(mem, "abcd");
	begin(SYS_write, NULL, (uint64_t)mem, 4);
	assert_int_equal(copy_to_user(&task, UPTR(mem + 1), "X", 1), 0);
	assert_int_equal(copy_from_user(&task, got, UPTR(mem), 4), 0);
	assert_memory_equal(got, "aXcd", 4);
	end();
}

static void flushing_shows_what_was_written_at_once(void **state)
{
	strcpy(mem, "----");
	begin_read(4);
	assert_int_equal(copy_to_user(&task, UPTR(mem), "ab", 2), 0);
	window_flush(&task);
	assert_string_equal(mem, "ab--");
	mem[0] = 'X';                     /* who looked has changed it: it is not written again */
	end();
	assert_string_equal(mem, "Xb--");
}

static void uio_goes_through_windows(void **state)
{
	struct uio u;
	char got[8];
	strcpy(mem, "--------");
	begin_read(8);
	uio_init_user(&u, &task, UPTR(mem), 8);
	assert_int_equal(uio_fill(&u, "1234", 4), 4);
	assert_int_equal(uio_fill(&u, "5678", 4), 4);
	assert_string_equal(mem, "--------");
	end();
	assert_string_equal(mem, "12345678");
	begin(SYS_write, NULL, (uint64_t)mem, 8);
	memset(mem, 0, 8);
	uio_init_user(&u, &task, UPTR(mem), 8);
	assert_int_equal(uio_drain(&u, got, 8), 8);
	assert_memory_equal(got, "12345678", 8);
	end();
}

static void bad_pointers_bring_nothing(void **state)
{
	hole = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(begin(SYS_read, NULL, (uint64_t)hole, 10), 0);
	assert_int_equal(copy_to_user(&task, UPTR(hole), "x", 1), -EFAULT);
	assert_int_equal(begin(SYS_write, NULL, (uint64_t)hole, 10), 0);
	assert_int_equal(begin(SYS_open, hole, 0, 0), 0);
	assert_int_equal(begin(SYS_read, NULL, (uint64_t)hole - 5, 10), 0);
	assert_int_equal(begin(SYS_read, NULL, 0, 10), 0);
	assert_int_equal(begin(SYS_read, NULL, (uint64_t)mem, 0), 0);
	assert_int_equal(begin(SYS_write, NULL, (uint64_t)mem, -1ULL), 0);
	assert_int_equal(begin(SYS_read, NULL, -4ULL, 10), 0);
	assert_int_equal(begin(SYS_writev, NULL, (uint64_t)mem, 1ULL << 60), 0);
	assert_int_equal(begin(100000, mem, 0, 0), 0);
	munmap(hole, PAGE_SIZE);
	hole = NULL;
}

static void what_cannot_be_copied_back_is_told(void **state)
{
	begin_read(10);
	assert_int_equal(copy_to_user(&task, UPTR(mem), "abc", 3), 0);
	hole = mem;
	assert_int_equal(end(), 3);
	hole = NULL;
}

static void forged_windows_are_refused(void **state)
{
	const struct slot_window bad[] = {
		{ .addr = 0x10000, .len = WIN_AREA_BYTES + 1, .flags = WINDOW_IN },
		{ .addr = 0x10000, .len = 16, .off = WIN_AREA_BYTES - 15, .flags = WINDOW_IN },
		{ .addr = 0x10000, .len = UINT32_MAX, .off = UINT32_MAX, .flags = WINDOW_OUT },
		{ .addr = PL_GUEST_END - 15, .len = 16, .flags = WINDOW_OUT },
		{ .addr = -8ULL, .len = 16, .flags = WINDOW_OUT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(windows_take(thread.windows, &bad[i], 1, area), 0);
	struct slot_window many[PL_WINDOWS + 1] = { 0 };
	assert_int_equal(windows_take(thread.windows, many, 1000, area), PL_WINDOWS);
	/* What the guest says of lo and hi counts for nothing. */
	struct slot_window liar = { .addr = (uint64_t)mem, .len = 8, .lo = 0, .hi = 1U << 30, .flags = WINDOW_OUT };
	assert_int_equal(windows_take(thread.windows, &liar, 1, area), 1);
	assert_int_equal(thread.windows[0].hi, 0);
}

static void vectors_bring_what_they_point_at(void **state)
{
	static struct iovec v[2];
	struct uio u;
	char got[8];
	strcpy(mem, "abcdefgh");
	v[0] = (struct iovec){ mem + 4, 4 };
	v[1] = (struct iovec){ mem, 4 };
	assert_int_equal(begin(SYS_writev, NULL, (uint64_t)v, 2), 3);
	memset(mem, 0, 8);
	memset(v, 0, sizeof(v));
	assert_int_equal(uio_init_iov(&u, &task, UPTR(v), 2), 0);
	assert_int_equal(uio_drain(&u, got, 8), 8);
	assert_memory_equal(got, "efghabcd", 8);
	uio_fini(&u);
	end();
	v[0] = (struct iovec){ mem + 4, 4 };
	v[1] = (struct iovec){ mem, 4 };
	assert_int_equal(begin(SYS_readv, NULL, (uint64_t)v, 2), 3);
	assert_int_equal(uio_init_iov(&u, &task, UPTR(v), 2), 0);
	assert_int_equal(uio_fill(&u, "12345678", 8), 8);
	uio_fini(&u);
	assert_memory_equal(mem, "\0\0\0\0\0\0\0\0", 8);
	end();
	assert_memory_equal(mem, "56781234", 8);
	/* More elements than windows: the rest is fetched. */
	static struct iovec many[20];
	for (int i = 0; i < 20; i++)
		many[i] = (struct iovec){ mem + i, 1 };
	assert_int_equal(begin(SYS_writev, NULL, (uint64_t)many, 20), PL_WINDOWS);
	assert_int_equal(uio_init_iov(&u, &task, UPTR(many), 20), 0);
	assert_int_equal(uio_drain(&u, got, 8), 8);
	assert_memory_equal(got, mem, 8);
	uio_fini(&u);
	end();
}

static void messages_bring_what_they_point_at(void **state)
{
	static struct msghdr h;
	static struct iovec v;
	struct msghdr got;
	uint32_t flags = 7, len = 99;
	strcpy(mem, "name----data");
	v = (struct iovec){ mem + 8, 4 };
	h = (struct msghdr){ .msg_name = mem, .msg_namelen = 4, .msg_iov = &v, .msg_iovlen = 1 };
	assert_int_equal(begin(SYS_sendmsg, NULL, (uint64_t)&h, 0), 4);
	end();
	assert_int_equal(begin(SYS_recvmsg, NULL, (uint64_t)&h, 0), 5);
	assert_int_equal(copy_from_user(&task, &got, UPTR(&h), sizeof(got)), 0);
	assert_ptr_equal(got.msg_iov, &v);
	assert_int_equal(copy_to_user(&task, UPTR(&h.msg_flags), &flags, 4), 0);
	assert_int_equal(copy_to_user(&task, UPTR(&h.msg_namelen), &len, 4), 0);
	end();
	assert_int_equal(h.msg_flags, 7);
	assert_int_equal(h.msg_namelen, 99);
	assert_ptr_equal(h.msg_iov, &v);
}

static int all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_along_is_read_from_there),
		cmocka_unit_test(a_path_is_read_from_there),
		cmocka_unit_test(what_is_written_arrives_when_the_call_ends),
		cmocka_unit_test(bytes_the_call_has_not_written_stay),
		cmocka_unit_test(what_was_written_can_be_read_back),
		cmocka_unit_test(a_write_across_the_end_goes_to_memory),
		cmocka_unit_test(a_write_to_what_came_along_is_seen),
		cmocka_unit_test(flushing_shows_what_was_written_at_once),
		cmocka_unit_test(uio_goes_through_windows),
		cmocka_unit_test(vectors_bring_what_they_point_at),
		cmocka_unit_test(messages_bring_what_they_point_at),
		cmocka_unit_test(bad_pointers_bring_nothing),
		cmocka_unit_test(what_cannot_be_copied_back_is_told),
		cmocka_unit_test(forged_windows_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return run_in_coroutine(all);
}
