/* uaccess.c - the only way to guest memory (uaccess.h).
 *
 * HOW      From the bytes that came along with the call (window.h), else through the platform, which copies by the pages' own
 *          protection, at the price of a host call. Addresses at or above PL_GUEST_END are refused here: the trap code's own
 *          pages lie there, and they are not the guest's.
 * LINUX    Where Linux copies a part and then fails, so may this; the callers that care use struct uio. */
#include "sentry/mm/uaccess.h"

#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/window.h"

#define STRING_STEP 256UL

/* Did anything come along with the call? */
static bool has_windows(const struct task *t)
{
	return t->pl && t->pl->nwindows > 0;
}

static bool in_guest(uint64_t addr, size_t bytes)
{
	return bytes <= PL_GUEST_END && addr <= PL_GUEST_END - bytes;
}

int copy_from_user(struct task *t, void *dst, uptr_t src, size_t bytes)
{
	if (bytes == 0)
		return 0;
	if (!t->mm || !in_guest(src.addr, bytes))
		return -EFAULT;
	if (has_windows(t) && window_read(t, src.addr, dst, bytes))
		return 0;
	return pl_read(t->mm->as, src.addr, dst, bytes) == (ssize_t)bytes ? 0 : -EFAULT;
}

int copy_to_user(struct task *t, uptr_t dst, const void *src, size_t bytes)
{
	if (bytes == 0)
		return 0;
	if (!t->mm || !in_guest(dst.addr, bytes))
		return -EFAULT;
	if (has_windows(t) && window_write(t, dst.addr, src, bytes))
		return 0;
	return pl_write(t->mm->as, dst.addr, src, bytes) == (ssize_t)bytes ? 0 : -EFAULT;
}

/* How much of [addr, addr + bytes) is the guest's at all. */
static size_t clip(uint64_t addr, size_t bytes)
{
	return addr >= PL_GUEST_END ? 0 : MIN(bytes, PL_GUEST_END - addr);
}

ssize_t mm_read(struct mm *mm, uint64_t addr, void *dst, size_t bytes)
{
	if (bytes == 0)
		return 0;
	size_t n = clip(addr, bytes);
	ssize_t got = n ? pl_read(mm->as, addr, dst, n) : -EFAULT;
	return got > 0 ? got : -EFAULT;
}

ssize_t mm_write(struct mm *mm, uint64_t addr, const void *src, size_t bytes)
{
	if (bytes == 0)
		return 0;
	size_t n = clip(addr, bytes);
	ssize_t put = n ? pl_write(mm->as, addr, src, n) : -EFAULT;
	return put > 0 ? put : -EFAULT;
}

ssize_t task_read(struct task *t, uint64_t addr, void *dst, size_t bytes)
{
	size_t n = has_windows(t) ? clip(addr, bytes) : 0;
	return n && window_read(t, addr, dst, n) ? (ssize_t)n : mm_read(t->mm, addr, dst, bytes);
}

ssize_t task_write(struct task *t, uint64_t addr, const void *src, size_t bytes)
{
	size_t n = has_windows(t) ? clip(addr, bytes) : 0;
	return n && window_write(t, addr, src, n) ? (ssize_t)n : mm_write(t->mm, addr, src, bytes);
}

int clear_user(struct task *t, uptr_t dst, size_t bytes)
{
	static const char zeroes[PAGE_SIZE];
	while (bytes > 0) {
		size_t n = MIN(bytes, sizeof(zeroes) - (dst.addr & (PAGE_SIZE - 1)));
		if (copy_to_user(t, dst, zeroes, n))
			return -EFAULT;
		dst = uptr_add(dst, n);
		bytes -= n;
	}
	return 0;
}

ssize_t strncpy_from_user(struct task *t, char *dst, uptr_t src, size_t bytes)
{
	size_t done = 0;
	if (!t->mm)
		return -EFAULT;
	/* Page by page, for what follows the string's last page may be unmapped; and most strings are short. */
	for (size_t most = STRING_STEP; done < bytes; most = PAGE_SIZE) {
		uint64_t at = src.addr + done;
		size_t n = MIN(MIN(bytes - done, most), PAGE_SIZE - (at & (PAGE_SIZE - 1)));
		if (at < src.addr || !in_guest(at, n))
			return -EFAULT;
		size_t got = done ? 0 : window_read_some(t, at, dst, bytes);
		if (got)
			n = got;
		else if (pl_read(t->mm->as, at, dst + done, n) != (ssize_t)n)
			return -EFAULT;
		const char *end = memchr(dst + done, '\0', n);
		if (end)
			return end - dst;
		done += n;
	}
	return -ENAMETOOLONG;
}

int strndup_from_user(struct task *t, uptr_t src, size_t max, char **out)
{
	size_t room = MIN(max, (size_t)256);
	for (;;) {
		char *s = malloc(room);
		if (!s)
			return -ENOMEM;
		ssize_t len = strncpy_from_user(t, s, src, room);
		if (len >= 0) {
			*out = s;
			return 0;
		}
		free(s);
		if (len != -ENAMETOOLONG || room >= max)
			return (int)len;
		room = MIN(max, room * 8);
	}
}

int copy_struct_from_user(struct task *t, void *dst, size_t ksize, uptr_t src, size_t usize, size_t min)
{
	if (usize < min)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	char buf[PAGE_SIZE];
	if (copy_from_user(t, buf, src, usize))
		return -EFAULT;
	for (size_t i = ksize; i < usize; i++) {
		if (buf[i])
			return -E2BIG;
	}
	size_t n = MIN(ksize, usize);
	memcpy(dst, buf, n);
	memset((char *)dst + n, 0, ksize - n);
	return 0;
}
