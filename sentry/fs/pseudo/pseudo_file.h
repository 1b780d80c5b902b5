/* pseudo_file.h - open text files of pseudo file systems; for pseudo.c. */
#pragma once

#include "sentry/fs/pseudo/pseudo.h"

int pseudo_file_open(struct pseudo_inode *i, const struct path *path, int flags, struct task *t, struct file **out);
