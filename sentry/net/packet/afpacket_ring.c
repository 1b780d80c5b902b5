/* afpacket_ring.c - rings of received frames in memory that the guest maps (PACKET_RX_RING).
 *
 * HOW      The memory is a memfd of ours; it is written by the file, and of what the guest writes only a status word is read.
 *          TPACKET_V1 and V2 hand over frames of one size, V3 blocks full of frames, which also end by time.
 * LINUX    net/packet/af_packet.c tpacket_rcv(), packet_set_ring(), prb_*(); Documentation/networking/packet_mmap.rst. Same:
 *          sizes are checked so that a frame has room for its header. */
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>

#include "sentry/fs/tmpfs/host_memfd.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/net/packet/afpacket_impl.h"

#define RING_MAX (256UL << 20)            /* what a ring may have; its memory counts as soon as it is made */
#define BLOCK_HEADER ((sizeof(struct tpacket_block_desc) + 7) & ~7UL)
#define DEFAULT_TIMEOUT_MS 8

uint64_t afpacket_ring_bytes(const struct afpacket_sock *a)
{
	return (uint64_t)a->ring.block_size * a->ring.block_nr;
}

void afpacket_ring_free(struct afpacket_sock *a)
{
	if (a->ring.fd < 0)
		return;
	ktimer_cancel(&a->ring.timer);
	host_memfd_close(a->ring.fd);
	fs_memory_uncharge(afpacket_ring_bytes(a));
	a->ring.fd = -1;
	a->ring.block_nr = 0;
}

static uint64_t first_frame(uint32_t priv)
{
	return BLOCK_HEADER + (((uint64_t)priv + 7) & ~7UL);
}

static int check(const struct afpacket_sock *a, const struct tpacket_req3 *r)
{
	uint64_t least = afpacket_header(a->version) + a->reserve;
	if ((int)r->tp_block_size <= 0 || r->tp_block_size & (PAGE_SIZE - 1))
		return -EINVAL;
	if (a->version == TPACKET_V3 && r->tp_block_size < first_frame(r->tp_sizeof_priv) + least)
		return -EINVAL;
	if (r->tp_frame_size < least || r->tp_frame_size & (TPACKET_ALIGNMENT - 1) || r->tp_frame_size > r->tp_block_size)
		return -EINVAL;
	uint64_t frames = (uint64_t)(r->tp_block_size / r->tp_frame_size) * r->tp_block_nr;
	if (frames != r->tp_frame_nr)
		return -EINVAL;
	return (uint64_t)r->tp_block_size * r->tp_block_nr > RING_MAX ? -ENOMEM : 0;
}

int afpacket_ring_set(struct afpacket_sock *a, const struct tpacket_req3 *r)
{
	if (a->mapped)
		return -EBUSY;
	if (!r->tp_block_nr) {
		if (r->tp_frame_nr)
			return -EINVAL;
		afpacket_ring_free(a);
		return 0;
	}
	if (a->ring.fd >= 0)
		return -EBUSY;
	int err = check(a, r);
	if (err)
		return err;
	uint64_t bytes = (uint64_t)r->tp_block_size * r->tp_block_nr;
	if (fs_memory_charge(bytes))
		return -ENOMEM;
	int fd = host_memfd_create();
	if (fd < 0 || host_memfd_resize(fd, (off_t)bytes)) {
		if (fd >= 0)
			host_memfd_close(fd);
		fs_memory_uncharge(bytes);
		return -ENOMEM;
	}
	a->ring = (struct afpacket_ring){ .fd = fd, .block_size = r->tp_block_size, .block_nr = r->tp_block_nr,
					  .frame_size = r->tp_frame_size, .frames_per_block = r->tp_block_size / r->tp_frame_size,
					  .seq = 1, .timer.fire = afpacket_ring_fire };
	if (a->version == TPACKET_V3) {
		a->ring.priv = r->tp_sizeof_priv;
		a->ring.timeout_ms = r->tp_retire_blk_tov ? r->tp_retire_blk_tov : DEFAULT_TIMEOUT_MS;
	}
	return 0;
}

static bool put(const struct afpacket_sock *a, uint64_t at, const void *data, size_t bytes)
{
	return host_memfd_write(a->ring.fd, data, bytes, (off_t)at) == (ssize_t)bytes;
}

/* The status word of a frame (V1: a long), or of a block. */
static uint32_t status(const struct afpacket_sock *a, uint64_t at)
{
	uint32_t v;
	return host_memfd_read(a->ring.fd, &v, sizeof(v), (off_t)at) == sizeof(v) ? v : ~0U;
}

static uint64_t frame_at(const struct afpacket_ring *r, uint32_t n)
{
	return (uint64_t)(n / r->frames_per_block) * r->block_size + (uint64_t)(n % r->frames_per_block) * r->frame_size;
}

static uint64_t block_status_at(const struct afpacket_ring *r, uint32_t n)
{
	return (uint64_t)n * r->block_size + offsetof(struct tpacket_block_desc, hdr.bh1.block_status);
}

/* Where in a frame things are. */
struct places { size_t mac, net, vnet; };

static struct places places(const struct afpacket_sock *a)
{
	struct places p = { 0 };
	size_t head = afpacket_header(a->version);
	if (a->sock.type == SOCK_DGRAM) {
		p.mac = p.net = TPACKET_ALIGN(head) + 16 + a->reserve;
		return p;
	}
	p.vnet = a->vnet_hdr ? sizeof(struct virtio_net_hdr) : 0;
	p.net = TPACKET_ALIGN(head + 16) + a->reserve + p.vnet;
	p.mac = p.net - ETH_HLEN;
	return p;
}

union header { struct tpacket_hdr v1; struct tpacket2_hdr v2; struct tpacket3_hdr v3; };

static union header header(const struct afpacket_sock *a, const struct afpacket_msg *g, const struct places *p, size_t snap)
{
	union header h = { 0 };
	uint32_t sec = (uint32_t)(g->stamp_ns / NS_PER_SEC), ns = (uint32_t)(g->stamp_ns % NS_PER_SEC), user = TP_STATUS_USER;
	if (a->version == TPACKET_V1)
		h.v1 = (struct tpacket_hdr){ user, (unsigned)g->whole, (unsigned)snap, (uint16_t)p->mac, (uint16_t)p->net, sec, ns / 1000 };
	else if (a->version == TPACKET_V2)
		h.v2 = (struct tpacket2_hdr){ .tp_status = user, .tp_len = (uint32_t)g->whole, .tp_snaplen = (uint32_t)snap,
					      .tp_mac = (uint16_t)p->mac, .tp_net = (uint16_t)p->net, .tp_sec = sec, .tp_nsec = ns };
	else
		h.v3 = (struct tpacket3_hdr){ .tp_status = user, .tp_len = (uint32_t)g->whole, .tp_snaplen = (uint32_t)snap,
					      .tp_mac = (uint16_t)p->mac, .tp_net = (uint16_t)p->net, .tp_sec = sec, .tp_nsec = ns };
	return h;
}

/* Everything but a V1 or V2 frame's status, which makes it the guest's. */
static bool put_frame(const struct afpacket_sock *a, uint64_t at, const struct afpacket_msg *g, const struct places *p,
		      union header h, size_t snap)
{
	static const struct virtio_net_hdr none;
	size_t head = afpacket_header(a->version) - sizeof(struct sockaddr_ll), word = a->version == TPACKET_V1 ? 8 : 4;
	size_t skip = a->version == TPACKET_V3 ? 0 : word;
	return put(a, at + skip, (const char *)&h + skip, head - skip) && put(a, at + head, &g->from, sizeof(g->from)) &&
	       (!p->vnet || put(a, at + p->mac - p->vnet, &none, sizeof(none))) && put(a, at + p->mac, g->data, snap) &&
	       (!skip || put(a, at, &h, word));
}

static bool put_single(struct afpacket_sock *a, const struct afpacket_msg *g)
{
	struct afpacket_ring *r = &a->ring;
	struct places p = places(a);
	uint64_t at = frame_at(r, r->head);
	if (p.net > UINT16_MAX || p.mac > r->frame_size || status(a, at) != TP_STATUS_KERNEL)
		return false;
	size_t snap = MIN(g->len, r->frame_size - p.mac);
	if (!put_frame(a, at, g, &p, header(a, g, &p, snap), snap))
		return false;
	r->head = (r->head + 1) % (r->frames_per_block * r->block_nr);
	waitq_wake(&a->sock.wq, EPOLLIN | EPOLLRDNORM);
	return true;
}

static struct tpacket_bd_ts stamp(uint64_t ns)
{
	struct tpacket_bd_ts ts = { .ts_sec = (unsigned)(ns / NS_PER_SEC) };
	ts.ts_nsec = (unsigned)(ns % NS_PER_SEC);
	return ts;
}

/* The open block becomes the guest's. */
static void close_block(struct afpacket_sock *a, uint32_t why)
{
	struct afpacket_ring *r = &a->ring;
	uint64_t at = (uint64_t)r->head * r->block_size;
	struct tpacket_block_desc d = { .version = TPACKET_V3, .offset_to_priv = (uint32_t)BLOCK_HEADER };
	d.hdr.bh1 = (struct tpacket_hdr_v1){ .num_pkts = r->npkts, .offset_to_first_pkt = (uint32_t)first_frame(r->priv),
					     .blk_len = MIN(r->used, r->block_size), .seq_num = r->seq++,
					     .ts_first_pkt = stamp(r->first_ns), .ts_last_pkt = stamp(r->last_ns) };
	uint32_t last = 0, user = TP_STATUS_USER | why;
	ktimer_cancel(&r->timer);
	r->open = false;
	if (!put(a, at + r->last_at, &last, sizeof(last)) || !put(a, at, &d, sizeof(d)) ||
	    !put(a, block_status_at(r, r->head), &user, sizeof(user)))
		return;                          /* no memory: the guest keeps waiting for this block */
	r->head = (r->head + 1) % r->block_nr;
	waitq_wake(&a->sock.wq, EPOLLIN | EPOLLRDNORM);
}

void afpacket_ring_fire(struct ktimer *kt)
{
	struct afpacket_sock *a = container_of(kt, struct afpacket_sock, ring.timer);
	if (a->ring.open)
		close_block(a, TP_STATUS_BLK_TMO);
}

static bool open_block(struct afpacket_sock *a, uint64_t now_ns)
{
	struct afpacket_ring *r = &a->ring;
	if (status(a, block_status_at(r, r->head)) != TP_STATUS_KERNEL) {
		a->stats.tp_freeze_q_cnt++;
		return false;
	}
	r->open = true;
	r->npkts = 0;
	r->used = (uint32_t)first_frame(r->priv);
	r->first_ns = now_ns;
	ktimer_arm(&r->timer, now_mono_ns() + r->timeout_ms * 1000000UL);
	return true;
}

static bool put_in_block(struct afpacket_sock *a, const struct afpacket_msg *g)
{
	struct afpacket_ring *r = &a->ring;
	struct places p = places(a);
	if (p.net > UINT16_MAX || first_frame(r->priv) + p.mac >= r->block_size)
		return false;
	size_t snap = MIN(g->len, r->block_size - first_frame(r->priv) - p.mac), bytes = TPACKET_ALIGN(p.mac + snap);
	if (r->open && r->used + bytes > r->block_size)
		close_block(a, 0);
	if (!r->open && !open_block(a, g->stamp_ns))
		return false;
	union header h = header(a, g, &p, snap);
	h.v3.tp_next_offset = (uint32_t)bytes;
	if (!put_frame(a, (uint64_t)r->head * r->block_size + r->used, g, &p, h, snap))
		return false;
	r->last_at = r->used;
	r->used += (uint32_t)bytes;
	r->last_ns = g->stamp_ns;
	r->npkts++;
	return true;
}

bool afpacket_ring_put(struct afpacket_sock *a, const struct afpacket_msg *g)
{
	return a->version == TPACKET_V3 ? put_in_block(a, g) : put_single(a, g);
}

/* As Linux: the guest has not given back what it got last. */
bool afpacket_ring_ready(const struct afpacket_sock *a)
{
	const struct afpacket_ring *r = &a->ring;
	if (r->fd < 0)
		return false;
	uint32_t n = a->version == TPACKET_V3 ? r->block_nr : r->frames_per_block * r->block_nr, last = (r->head + n - 1) % n;
	return status(a, a->version == TPACKET_V3 ? block_status_at(r, last) : frame_at(r, last)) != TP_STATUS_KERNEL;
}
