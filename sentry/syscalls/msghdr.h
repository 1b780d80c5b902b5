/* msghdr.h - the guest's structs of sendmsg(2) and recvmsg(2). */
#pragma once

#include "platform/base/base.h"

struct kmsghdr {
	uint64_t name;
	int32_t namelen;
	uint32_t pad0;
	uint64_t iov, iovlen;
	uint64_t control, controllen;
	uint32_t flags;
	uint32_t pad1;
};
struct kmmsghdr {
	struct kmsghdr hdr;
	uint32_t len;
	uint32_t pad;
};
struct kcmsghdr {
	uint64_t len;                     /* with this header */
	int32_t level, type;
};
#define CMSG_ALIGNED(n) (((n) + 7) & ~7UL)
#define MSG_IOV_MAX 1024
