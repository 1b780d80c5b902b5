/* genl.c - NETLINK_GENERIC: the controller, which knows no family but itself.
 *
 * LINUX    net/netlink/genetlink.c ctrl_getfamily(). Same: a name nobody has is ENOENT. */
#include <linux/genetlink.h>

#include "sentry/net/netlink/netlink_impl.h"

#define CONTROLLER_VERSION 2

static void put_controller(struct nl_buf *b)
{
	nl_put_string(b, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	nl_put_u16(b, CTRL_ATTR_FAMILY_ID, GENL_ID_CTRL);
	nl_put_u32(b, CTRL_ATTR_VERSION, CONTROLLER_VERSION);
	nl_put_u32(b, CTRL_ATTR_HDRSIZE, 0);
	nl_put_u32(b, CTRL_ATTR_MAXATTR, CTRL_ATTR_MAX);
	size_t ops = nl_nest(b, CTRL_ATTR_OPS), op = nl_nest(b, 1);
	nl_put_u32(b, CTRL_ATTR_OP_ID, CTRL_CMD_GETFAMILY);
	nl_put_u32(b, CTRL_ATTR_OP_FLAGS, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL);
	nl_nest_end(b, op);
	nl_nest_end(b, ops);
}

static const struct genlmsghdr new_family = { .cmd = CTRL_CMD_NEWFAMILY, .version = CONTROLLER_VERSION };

static void fill_families(struct nl_dump *d)
{
	if (!nl_dump_begin(d, GENL_ID_CTRL, &new_family, sizeof(new_family)))
		return;
	put_controller(d->buf);
	nl_dump_end(d);
}

static int get_family(struct nl_request *r)
{
	struct nl_attr tb[CTRL_ATTR_MAX + 1];
	uint16_t id;
	nl_attrs(r, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MAX);
	bool by_id = nl_attr_copy(&tb[CTRL_ATTR_FAMILY_ID], &id, sizeof(id));
	if (!by_id && !tb[CTRL_ATTR_FAMILY_NAME].data)
		return -EINVAL;
	if (by_id ? id != GENL_ID_CTRL : !nl_attr_is(&tb[CTRL_ATTR_FAMILY_NAME], "nlctrl"))
		return -ENOENT;
	struct nl_buf *b = nl_buf_new(1024);
	nl_begin(b, GENL_ID_CTRL, 0, r->h.nlmsg_seq, r->nlk->port.id, &new_family, sizeof(new_family));
	put_controller(b);
	(void)nl_end(b);
	nl_reply(r, b);
	return 0;
}

int genl_handle(struct nl_request *r)
{
	struct genlmsghdr g;
	if (r->h.nlmsg_type != GENL_ID_CTRL)
		return -ENOENT;
	if (!nl_head(r, &g, sizeof(g)))
		return -EINVAL;
	if (g.cmd != CTRL_CMD_GETFAMILY)
		return -EOPNOTSUPP;
	return r->h.nlmsg_flags & NLM_F_DUMP ? nl_dump_start(r, fill_families, NULL, 0, 0) : get_family(r);
}
