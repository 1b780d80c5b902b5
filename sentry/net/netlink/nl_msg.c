/* nl_msg.c - netlink messages: taking them apart, and making them.
 *
 * LINUX    lib/nlattr.c. Same: attributes are aligned to 4 bytes, an unknown one is skipped, a broken one ends the message. */
#include <string.h>

#include "sentry/net/netlink/netlink_impl.h"

bool nl_head(const struct nl_request *r, void *head, size_t bytes)
{
	if (r->len < bytes)
		return false;
	memcpy(head, r->body, bytes);
	return true;
}

void nl_attrs(const struct nl_request *r, size_t head_bytes, struct nl_attr *out, unsigned max)
{
	size_t at = NLMSG_ALIGN(head_bytes);
	struct nlattr a;
	memset(out, 0, (max + 1) * sizeof(*out));
	while (at < r->len && r->len - at >= sizeof(a)) {
		memcpy(&a, r->body + at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > r->len - at)
			return;
		unsigned type = a.nla_type & NLA_TYPE_MASK;
		if (type <= max)
			out[type] = (struct nl_attr){ r->body + at + sizeof(a), a.nla_len - sizeof(a) };
		at += NLA_ALIGN(a.nla_len);
	}
}

bool nl_attr_copy(const struct nl_attr *a, void *out, size_t bytes)
{
	if (!a->data || a->len < bytes)
		return false;
	memcpy(out, a->data, bytes);
	return true;
}

bool nl_attr_u32(const struct nl_attr *a, uint32_t *out)
{
	return nl_attr_copy(a, out, sizeof(*out));
}

bool nl_attr_is(const struct nl_attr *a, const char *text)
{
	return a->data && strnlen(a->data, a->len) == strlen(text) && memcmp(a->data, text, strlen(text)) == 0;
}

struct nl_buf *nl_buf_new(size_t cap)
{
	struct nl_buf *b = xzalloc(sizeof(*b) + cap);
	b->cap = cap;
	return b;
}

/* Room for so many bytes at the end, zeroed; NULL: there is none. */
static void *grow(struct nl_buf *b, size_t bytes)
{
	size_t aligned = NLMSG_ALIGN(bytes);
	if (b->full || b->cap - b->len < aligned) {
		b->full = true;
		return NULL;
	}
	char *at = b->data + b->len;
	memset(at, 0, aligned);
	b->len += aligned;
	return at;
}

void nl_begin(struct nl_buf *b, int type, int flags, uint32_t seq, uint32_t port, const void *head, size_t bytes)
{
	struct nlmsghdr h = { .nlmsg_type = (uint16_t)type, .nlmsg_flags = (uint16_t)flags, .nlmsg_seq = seq, .nlmsg_pid = port };
	b->begun = b->len;
	b->full = false;
	void *at = grow(b, sizeof(h));
	if (at)
		memcpy(at, &h, sizeof(h));
	at = grow(b, bytes);
	if (at)
		memcpy(at, head, bytes);
}

bool nl_end(struct nl_buf *b)
{
	if (b->full) {
		b->len = b->begun;
		return false;
	}
	uint32_t len = (uint32_t)(b->len - b->begun);
	memcpy(b->data + b->begun + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	return true;
}

void nl_put(struct nl_buf *b, int type, const void *data, size_t bytes)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + bytes), .nla_type = (uint16_t)type };
	char *at = bytes > UINT16_MAX - sizeof(a) ? NULL : grow(b, sizeof(a) + bytes);
	if (!at) {
		b->full = true;
		return;
	}
	memcpy(at, &a, sizeof(a));
	if (bytes)
		memcpy(at + sizeof(a), data, bytes);
}

void nl_put_u8(struct nl_buf *b, int type, uint8_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u16(struct nl_buf *b, int type, uint16_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_buf *b, int type, uint32_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_string(struct nl_buf *b, int type, const char *text)
{
	nl_put(b, type, text, strlen(text) + 1);
}

size_t nl_nest(struct nl_buf *b, int type)
{
	size_t at = b->len;
	nl_put(b, type, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_buf *b, size_t at)
{
	uint16_t len = (uint16_t)(b->len - at);
	if (!b->full)
		memcpy(b->data + at, &len, sizeof(len));
}
