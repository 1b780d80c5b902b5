/* seq.h - text that grows: what the files of /proc and /sys are made of. */
#pragma once

#include "platform/base/base.h"

struct seq {
	char *buf;
	size_t len, cap;
	bool failed;                      /* out of memory, or longer than SEQ_MAX */
};
#define SEQ_MAX (64UL << 20)

void seq_printf(struct seq *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void seq_write(struct seq *s, const void *data, size_t bytes);
void seq_puts(struct seq *s, const char *text);
/* With \ooo in place of the characters in `escape` and of backslashes, as in /proc/mounts. */
void seq_escaped(struct seq *s, const char *text, const char *escape);
/* "0-3,8": the bits that are set. */
void seq_bitlist(struct seq *s, const uint64_t *bits, size_t nbits);
/* "0000000f" or "ff,ffffffff": groups of 32 bits, as cpumap and Cpus_allowed. */
void seq_bitmask(struct seq *s, const uint64_t *bits, size_t nbits);
void seq_fini(struct seq *s);
