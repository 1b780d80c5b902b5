/* afpacket_impl.h - what the files of this folder share. */
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "platform/base/loop.h"
#include "sentry/net/net.h"
#include "sentry/net/packet/afpacket.h"

/* A frame in a queue. */
struct afpacket_msg {
	TAILQ_ENTRY(afpacket_msg) link;
	struct sockaddr_ll from;
	uint64_t stamp_ns;
	size_t len, whole, charge;        /* of data; of the frame before a filter cut it */
	uint16_t net_off;                 /* where its IP header is: tp_net */
	char data[];
};

/* Memory that the guest maps, in blocks; what the guest writes there is only believed to be a frame's status. */
struct afpacket_ring {
	int fd;                           /* a memfd; -1: no ring */
	uint32_t block_size, block_nr, frame_size, frames_per_block;
	uint32_t priv, timeout_ms;        /* TPACKET_V3 */
	uint32_t head;                    /* the next frame; TPACKET_V3: the block that is open */
	/* TPACKET_V3's open block. */
	bool open;
	uint32_t npkts, used, last_at;    /* used: bytes; last_at: where its last frame is */
	uint64_t seq, first_ns, last_ns;
	struct ktimer timer;
};

struct afpacket_sock {
	struct socket sock;
	struct net *net;                  /* a reference */
	TAILQ_ENTRY(afpacket_sock) link;
	uint16_t protocol;                /* of the network's order; 0: receives nothing */
	int ifindex;                      /* 0: any */
	TAILQ_HEAD(, afpacket_msg) queue;
	size_t queued;                    /* bytes charged */
	int version;                      /* TPACKET_V1 … */
	unsigned reserve;
	int vnet_hdr, origdev, auxdata, ignore_outgoing, loss, timestamp, copy_thresh, qdisc_bypass;
	struct tpacket_stats_v3 stats;
	struct afpacket_ring ring;
	unsigned mapped;
};
#define to_afpacket(s) container_of(s, struct afpacket_sock, sock)

/* afpacket_send.c */
ssize_t afpacket_send(struct task *t, struct socket *s, struct socket_msg *m);
struct sockaddr_ll afpacket_address(uint16_t protocol, int ifindex, uint8_t pkttype);

/* afpacket_opt.c */
int afpacket_getsockopt(struct task *t, struct socket *s, int level, int name, void *value, socklen_t *len);
int afpacket_setsockopt(struct task *t, struct socket *s, int level, int name, const void *value, socklen_t len);
size_t afpacket_header(int version);              /* PACKET_HDRLEN's, with the address behind it */

/* afpacket_ring.c. -EINVAL, -EBUSY, -ENOMEM */
int afpacket_ring_set(struct afpacket_sock *a, const struct tpacket_req3 *r) MUST_CHECK;
/* False: there is no room. */
bool afpacket_ring_put(struct afpacket_sock *a, const struct afpacket_msg *g);
bool afpacket_ring_ready(const struct afpacket_sock *a);
void afpacket_ring_free(struct afpacket_sock *a);
uint64_t afpacket_ring_bytes(const struct afpacket_sock *a);
void afpacket_ring_fire(struct ktimer *kt);
