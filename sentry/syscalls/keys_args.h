/* keys_args.h - what add_key(2), request_key(2) and keyctl(2) take from a guest; sys_keys.c. */
#pragma once

#include "sentry/kernel/task.h"

#define KEY_TYPE_BYTES 32
#define KEY_DESC_BYTES 4096

int keys_get_type(struct task *t, uptr_t from, char out[KEY_TYPE_BYTES]) MUST_CHECK;  /* -EINVAL -EFAULT; -EPERM: ".name" */
int keys_get_text(struct task *t, uptr_t from, char **out) MUST_CHECK;                 /* the caller frees */
int keys_get_payload(struct task *t, uptr_t from, uint64_t bytes, void **out) MUST_CHECK;      /* the caller frees, failed or not */
