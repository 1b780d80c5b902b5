/* loop.h - loop devices: block devices 7:0 to 7:7, whose bytes are those of a file. */
#pragma once

#include <linux/loop.h>

#include "sentry/vfs/file.h"

#define LOOP_DEVICES 8
#define LOOP_MAJOR 7
#define LOOP_CONTROL_MINOR 237            /* of major 10: /dev/loop-control */
#define LOOP_SECTOR 512

struct loop_dev {
	int number;
	int opens;                        /* open files */
	struct file *backing;             /* a reference; NULL: the device is free */
	bool rundown;                     /* let go by LOOP_CLR_FD; free with the last close */
	bool read_only;                   /* BLKROSET, or the file is */
	uint32_t flags;                   /* LO_FLAGS_* */
	uint64_t offset, sizelimit;       /* bytes of the file */
	uint64_t sectors;                 /* its size, as of the last time somebody asked for it to be looked at */
	uint32_t block_bytes;             /* logical block */
	uint64_t readahead;               /* sectors: BLKRASET */
	uint64_t reads, read_sectors, writes, written_sectors;
	uint8_t file_name[LO_NAME_SIZE], crypt_name[LO_NAME_SIZE];
};

/* At boot. */
void loop_devices_register(void);

struct loop_dev *loop_nth(int n);         /* 0 to LOOP_DEVICES - 1; borrowed */
static inline bool loop_is_bound(const struct loop_dev *d) { return d->backing && !d->rundown; }

/* opened: how the device's file was. -EBUSY, -EINVAL (not a regular file, or what config says is wrong). Takes a reference. */
int loop_bind(struct loop_dev *d, const struct file *opened, struct file *backing, const struct loop_config *config) MUST_CHECK;
/* What LOOP_SET_STATUS sets. Sleeps. */
int loop_set_status(struct loop_dev *d, const struct loop_info64 *info) MUST_CHECK;
/* Another file of the same size, under a device that can't be written. Sleeps. */
int loop_change(struct loop_dev *d, struct file *backing) MUST_CHECK;
int loop_update_size(struct loop_dev *d) MUST_CHECK;     /* sleeps */
int loop_check_block(uint64_t bytes) MUST_CHECK;         /* may a logical block be so big? */
void loop_unbind_last(struct loop_dev *d);               /* nobody has it open: free it. May sleep */

/* Bytes away: zeros from here on. Sleeps. */
int loop_punch(struct loop_dev *d, uint64_t off, uint64_t len) MUST_CHECK;

/* What an open device answers: loop_ioctl.c, loop_block.c (the first: -ENOTTY if it is for the second). */
long loop_ioctl(struct task *t, struct file *f, struct loop_dev *d, unsigned cmd, uint64_t arg);
long loop_block_ioctl(struct task *t, struct file *f, struct loop_dev *d, unsigned cmd, uint64_t arg);
long loop_control_ioctl(struct task *t, struct file *f, unsigned cmd, uint64_t arg);
