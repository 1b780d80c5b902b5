/* fdtable.c - descriptors: small numbers for open files (struct fdtable).
 *
 * HOW      An array that doubles. `next` is a lower bound for the lowest free number. A number can be reserved before
 *          its file exists, so that calls which copy it out to the guest publish it last.
 * LINUX    fs/file.c. Same: fork skips numbers that are only reserved; close drops the process's record locks. */
#include "sentry/vfs/fdtable.h"

#include <string.h>

#include "platform/base/live.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/notify.h"

#define FD_MAX (1 << 20)                  /* Linux's sysctl fs.nr_open */

static uint64_t versions;

struct fdtable *fdtable_new(void)
{
	struct fdtable *ft = NEW(struct fdtable);
	live_born(FDTABLE);
	ft->refs = 1;
	ft->version = ++versions;
	return ft;
}

struct fdtable *fdtable_get(struct fdtable *ft)
{
	ft->refs++;
	return ft;
}

/* What close(2) does to a file that has left the table. */
static int close_file(struct task *t, struct fdtable *ft, struct file *f)
{
	int err = 0;
	if (!(f->mode & FMODE_PATH)) {
		if (t && f->ops->flush)
			err = f->ops->flush(t, f);
		locks_release_process(ft, f->inode);
		if (f->inode->watches)
			dnotify_released(f, ft);
	}
	file_put(f);
	return err;
}

static struct file *slot_clear(struct fdtable *ft, int fd)
{
	struct file *f = ft->slots[fd].file;
	if (f && f->empties)
		empties_drop_fd(ft, f, fd);
	ft->slots[fd] = (struct fdslot){ 0 };
	ft->version = ++versions;
	if (fd < ft->next)
		ft->next = fd;
	return f;
}

void fdtable_put(struct task *t, struct fdtable *ft)
{
	if (!ft)
		return;
	CHECK(ft->refs > 0);
	if (ft->refs > 1) {
		ft->refs--;
		return;
	}
	for (int fd = 0; fd < ft->size; fd++) {
		struct file *f = slot_clear(ft, fd);
		if (f)
			close_file(t, ft, f);
	}
	free(ft->slots);
	live_died(FDTABLE);
	free(ft);
}

static int fdtable_grow(struct fdtable *ft, int fd)
{
	if (fd < ft->size)
		return 0;
	if (fd >= FD_MAX)
		return -EMFILE;
	int size = MAX(ft->size, 32);
	while (size <= fd)
		size *= 2;
	struct fdslot *slots = realloc(ft->slots, (size_t)size * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + ft->size, 0, (size_t)(size - ft->size) * sizeof(*slots));
	ft->slots = slots;
	ft->size = size;
	return 0;
}

struct fdtable *fdtable_copy(struct fdtable *ft)
{
	struct fdtable *copy = fdtable_new();
	int used = ft->size;
	while (used > 0 && !ft->slots[used - 1].file)
		used--;
	if (used == 0)
		return copy;
	CHECK(fdtable_grow(copy, used - 1) == 0);
	for (int fd = 0; fd < used; fd++) {
		struct fdslot *slot = &ft->slots[fd];
		if (slot->file)
			copy->slots[fd] = (struct fdslot){ .file = file_get(slot->file), .cloexec = slot->cloexec };
	}
	copy->next = ft->next;
	if (copy->next > used)
		copy->next = used;
	/* What was reserved over there is free here. */
	for (int fd = 0; fd < copy->next; fd++) {
		if (!copy->slots[fd].file)
			copy->next = fd;
	}
	return copy;
}

void fdtable_close_exec(struct task *t)
{
	struct fdtable *ft = t->files;
	if (ft->refs > 1) {               /* shared with another process: exec takes a table of its own */
		t->files = fdtable_copy(ft);
		fdtable_put(t, ft);
		ft = t->files;
	}
	for (int fd = 0; fd < ft->size; fd++) {
		if (ft->slots[fd].file && ft->slots[fd].cloexec)
			close_file(t, ft, slot_clear(ft, fd));
	}
}

static struct fdslot *slot_of(struct task *t, int fd)
{
	struct fdtable *ft = t->files;
	if (!ft || fd < 0 || fd >= ft->size || !ft->slots[fd].file)
		return NULL;
	return &ft->slots[fd];
}

struct file *fd_get_raw(struct task *t, int fd)
{
	struct fdslot *slot = slot_of(t, fd);
	return slot ? file_get(slot->file) : NULL;
}

struct file *fd_get(struct task *t, int fd)
{
	struct fdslot *slot = slot_of(t, fd);
	return slot && !(slot->file->mode & FMODE_PATH) ? file_get(slot->file) : NULL;
}

bool fd_get_cloexec(struct task *t, int fd)
{
	struct fdslot *slot = slot_of(t, fd);
	return slot && slot->cloexec;
}

int fd_set_cloexec(struct task *t, int fd, bool on)
{
	struct fdslot *slot = slot_of(t, fd);
	if (!slot)
		return -EBADF;
	slot->cloexec = on;
	return 0;
}

int fd_next_open(struct task *t, int fd)
{
	struct fdtable *ft = t->files;
	for (fd = MAX(fd, 0); ft && fd < ft->size; fd++) {
		if (ft->slots[fd].file)
			return fd;
	}
	return -1;
}

static uint64_t fd_limit(const struct task *t)
{
	return t->tg->rlimits[RLIMIT_NOFILE].rlim_cur;
}

int fd_reserve(struct task *t, int min)
{
	struct fdtable *ft = t->files;
	int fd = MAX(min, ft->next);
	while (fd < ft->size && (ft->slots[fd].file || ft->slots[fd].reserved))
		fd++;
	if ((uint64_t)fd >= fd_limit(t))
		return -EMFILE;
	int err = fdtable_grow(ft, fd);
	if (err)
		return err;
	ft->slots[fd].reserved = true;
	if (min <= ft->next)
		ft->next = fd + 1;
	return fd;
}

void fd_commit(struct task *t, int fd, struct file *f, bool cloexec)
{
	struct fdslot *slot = &t->files->slots[fd];
	CHECK(slot->reserved && !slot->file);
	*slot = (struct fdslot){ .file = f, .cloexec = cloexec };
}

void fd_abort(struct task *t, int fd)
{
	CHECK(t->files->slots[fd].reserved);
	slot_clear(t->files, fd);
}

int fd_install(struct task *t, struct file *f, int min, bool cloexec)
{
	int fd = fd_reserve(t, min);
	if (fd >= 0)
		fd_commit(t, fd, f, cloexec);
	return fd;
}

int fd_close(struct task *t, int fd)
{
	if (!slot_of(t, fd))
		return -EBADF;
	return close_file(t, t->files, slot_clear(t->files, fd));
}

int fd_dup_to(struct task *t, struct file *f, int fd, bool cloexec)
{
	struct fdtable *ft = t->files;
	if (fd < 0 || (uint64_t)fd >= fd_limit(t))
		return -EBADF;
	int err = fdtable_grow(ft, fd);
	if (err)
		return err;
	if (ft->slots[fd].reserved)
		return -EBUSY;
	struct file *old = ft->slots[fd].file;
	if (old && old->empties)
		empties_drop_fd(ft, old, fd);
	ft->version = ++versions;
	ft->slots[fd] = (struct fdslot){ .file = file_get(f), .cloexec = cloexec };
	if (old)
		close_file(t, ft, old);
	return fd;
}
