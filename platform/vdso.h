/* vdso.h - the host's vDSO as parts to be moved (vdso.c). */
#pragma once

#include "platform/base/base.h"

struct pl_vdso_part { uint64_t start, bytes; };
int pl_vdso_look(void) MUST_CHECK;                             /* needs /proc; once, before any fork */
int pl_vdso_parts(struct pl_vdso_part *out, int max);          /* in this process, lowest first; 0: no vDSO */
