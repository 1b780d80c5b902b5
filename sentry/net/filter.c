/* filter.c - see filter.h.
 *
 * HOW      A program of classic BPF runs over headers made for it, when a message is about to be queued.
 * LINUX    net/core/filter.c: sk_attach_filter(), sk_filter_trim_cap(), sk_get_filter(). Same: offsets from SKF_NET_OFF
 *          count from the IP header, those from SKF_LL_OFF from the (loopback's) Ethernet header; extensions (SKF_AD_*) are
 *          checked when attached.
 * MISSING  SKF_AD_NLATTR, SKF_AD_NLATTR_NEST, SKF_AD_VLAN_*: EINVAL. SO_ATTACH_BPF: there is no bpf(2). */
#include "sentry/net/filter.h"

#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>

#include "sentry/kernel/cbpf.h"
#include "sentry/kernel/host_random.h"
#include "sentry/net/net.h"

struct socket_filter {
	int refs;
	unsigned len;
	struct sock_filter prog[];
};

struct input {
	struct cbpf_input in;
	const struct filter_packet *p;
};

static size_t link_bytes(const struct filter_packet *p)
{
	return p->protocol || p->link ? sizeof(struct ethhdr) : 0;
}

/* Where offset 0 is, from the Ethernet header. */
static size_t origin(const struct filter_packet *p)
{
	if (p->from == FILTER_FROM_LINK)
		return 0;
	return link_bytes(p) + (p->from == FILTER_FROM_TRANSPORT ? p->net.bytes : 0);
}

/* Bytes from the Ethernet header on, as numbers of the network's order. */
static bool read_number(const struct filter_packet *p, size_t at, unsigned size, uint32_t *out)
{
	struct ethhdr eth = { .h_proto = htons((uint16_t)p->protocol) };
	const struct filter_part parts[] = { { p->link ? p->link : &eth, link_bytes(p) }, p->net, p->transport, p->data };
	uint32_t v = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (; size > 0 && at < parts[i].bytes; size--)
			v = v << 8 | ((const unsigned char *)parts[i].at)[at++];
		at -= MIN(at, parts[i].bytes);
	}
	*out = v;
	return size == 0;
}

static bool extension(const struct filter_packet *p, uint32_t which, uint32_t a, uint32_t x, uint32_t *out)
{
	switch (which) {
	case SKF_AD_PROTOCOL:
		*out = (uint32_t)p->protocol;
		return true;
	case SKF_AD_PKTTYPE:
		*out = p->pkttype;
		return true;
	case SKF_AD_MARK:
	case SKF_AD_QUEUE:
	case SKF_AD_RXHASH:
	case SKF_AD_CPU:
		*out = 0;
		return true;
	case SKF_AD_IFINDEX:
		*out = NET_LO_IFINDEX;
		return p->protocol != 0;
	case SKF_AD_HATYPE:
		*out = ARPHRD_LOOPBACK;
		return p->protocol != 0;
	case SKF_AD_ALU_XOR_X:
		*out = a ^ x;
		return true;
	case SKF_AD_PAY_OFFSET:
		*out = (uint32_t)p->transport.bytes;
		return true;
	case SKF_AD_RANDOM:
		host_random(out, sizeof(*out));
		return true;
	default:
		return false;
	}
}

static bool load(struct cbpf_input *in, uint32_t off, unsigned size, uint32_t a, uint32_t x, uint32_t *out)
{
	const struct filter_packet *p = container_of(in, struct input, in)->p;
	int32_t k = (int32_t)off;
	if (k >= 0)
		return read_number(p, origin(p) + off, size, out);
	if (k >= SKF_AD_OFF)
		return extension(p, (uint32_t)(k - SKF_AD_OFF), a, x, out);
	if (!p->protocol || k < SKF_LL_OFF)
		return false;
	return read_number(p, k >= SKF_NET_OFF ? link_bytes(p) + (size_t)(k - SKF_NET_OFF) : (size_t)(k - SKF_LL_OFF), size, out);
}

bool filter_run(const struct socket *s, const struct filter_packet *p, size_t *keep)
{
	size_t len = link_bytes(p) + p->net.bytes + p->transport.bytes + p->data.bytes - origin(p);
	struct input input = { .in = { .load = load, .len = (uint32_t)len }, .p = p };
	uint32_t ret = cbpf_run(s->filter->prog, &input.in);
	*keep = MIN(len, p->from == FILTER_FROM_TRANSPORT ? MAX((size_t)ret, p->transport.bytes) : (size_t)ret);
	return ret != 0;
}

bool filter_run_bytes(const struct socket *s, const void *data, size_t *bytes)
{
	return !s->filter || filter_run(s, &(struct filter_packet){ .data = { data, *bytes } }, bytes);
}

uint32_t filter_result(const struct socket_filter *f, const void *data, size_t bytes)
{
	const struct filter_packet p = { .data = { data, bytes } };
	struct input input = { .in = { .load = load, .len = (uint32_t)bytes }, .p = &p };
	return cbpf_run(f->prog, &input.in);
}

static bool extensions_known(const struct sock_filter *prog, unsigned len)
{
	static const struct filter_packet any = { .protocol = ETH_P_IP };
	for (unsigned i = 0; i < len; i++) {
		uint32_t out, which = prog[i].k - (uint32_t)SKF_AD_OFF;
		bool absolute = BPF_CLASS(prog[i].code) == BPF_LD && BPF_MODE(prog[i].code) == BPF_ABS;
		if (absolute && prog[i].k >= (uint32_t)SKF_AD_OFF && !extension(&any, which, 0, 0, &out))
			return false;
	}
	return true;
}

void filter_put(struct socket_filter *f)
{
	if (f && --f->refs == 0)
		free(f);
}
DEFINE_AUTO(filter_put, struct socket_filter *)

int filter_new(struct task *t, const struct socket *s, const void *value, socklen_t len, struct socket_filter **out)
{
	struct { uint16_t len; uint64_t insns; } prog;           /* struct sock_fprog */
	if (len != sizeof(prog))
		return -EINVAL;
	memcpy(&prog, value, sizeof(prog));
	if (s->lock_filter)
		return -EPERM;
	if (!prog.insns || prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	size_t bytes = prog.len * sizeof(struct sock_filter);
	AUTO(filter_put) struct socket_filter *f = malloc(sizeof(*f) + bytes);
	if (!f)
		return -ENOBUFS;
	f->refs = 1;
	f->len = prog.len;
	int err = copy_from_user(t, f->prog, UPTR(prog.insns), bytes);
	if (err)
		return err;
	err = cbpf_check(f->prog, f->len);
	if (err || !extensions_known(f->prog, f->len))
		return -EINVAL;
	*out = TAKE(f);
	return 0;
}

int filter_attach(struct task *t, struct socket *s, const void *value, socklen_t len)
{
	struct socket_filter *f;
	int err = filter_new(t, s, value, len, &f);
	if (err)
		return err;
	filter_put(s->filter);
	s->filter = f;
	return 0;
}

int filter_detach(struct socket *s)
{
	if (s->lock_filter)
		return -EPERM;
	if (!s->filter)
		return -ENOENT;
	filter_put(TAKE(s->filter));
	return 0;
}

int filter_get(struct task *t, const struct socket *s, uptr_t to, socklen_t *count)
{
	const struct socket_filter *f = s->filter;
	unsigned len = f ? f->len : 0;
	if (len && *count) {
		if (*count < len)
			return -EINVAL;
		int err = copy_to_user(t, to, f->prog, len * sizeof(f->prog[0]));
		if (err)
			return err;
	}
	*count = len;
	return 0;
}

void filter_inherit(struct socket *s, const struct socket *from)
{
	s->filter = from->filter;
	if (s->filter)
		s->filter->refs++;
	s->lock_filter = from->lock_filter;
}

void filter_free(struct socket *s)
{
	filter_put(TAKE(s->filter));
}
