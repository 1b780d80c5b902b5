/* file_rw.h - the verbs on open files, with all the options the system calls have. */
#pragma once

#include "sentry/vfs/file.h"

/* file_read and file_write with RWF_* flags (preadv2(2)). */
ssize_t file_read_flags(struct task *t, struct file *f, struct uio *dst, off_t *pos, int rwf);
ssize_t file_write_flags(struct task *t, struct file *f, struct uio *src, off_t *pos, int rwf);

/* From file to file through the sentry: sendfile, splice, copy_file_range. A NULL position: the file's own. Returns the bytes
 * moved; an error only if none were. nonblock: SPLICE_F_NONBLOCK. Sleeps. */
ssize_t file_copy(struct task *t, struct file *in, off_t *in_pos, struct file *out, off_t *out_pos, size_t bytes,
		  bool nonblock);

/* fallocate(2), after its argument checks; fsync(2). Sleep. */
int file_fallocate(struct task *t, struct file *f, int mode, off_t off, off_t len) MUST_CHECK;
int file_fsync(struct file *f, bool datasync) MUST_CHECK;
