/* protocol.c - messages to bytes and back (protocol.h).
 *
 * HOW   One letter per field; each type has two strings of letters. Encoding and decoding walk the same strings through one
 *       function per direction, so they can't disagree. A cursor with a sticky error keeps every access in bounds. */
#include "gofer/protocol.h"

#include <string.h>
#include <sys/stat.h>

struct header {
	uint32_t bytes;
	uint16_t version, type;
	uint32_t tag;
	int32_t result;
};

static const char *const fields[][2] = {
#define X(name, request, answer, fd) [GOFER_##name] = { request, answer },
	GOFER_TYPES(X)
#undef X
};

static const bool may_carry_fd[] = {
#define X(name, request, answer, fd) [GOFER_##name] = fd,
	GOFER_TYPES(X)
#undef X
};

bool gofer_may_carry_fd(unsigned type)
{
	return type < GOFER_TYPE_END && may_carry_fd[type];
}

bool gofer_carries_fd(const struct gofer_msg *answer)
{
	if (!gofer_may_carry_fd(answer->type) || answer->result < 0)
		return false;
	return answer->type != GOFER_WALK || (answer->flags & GOFER_WALK_OPENED);
}

bool gofer_name_ok(const char *name)
{
	size_t len = strnlen(name, GOFER_NAME_MAX + 1);
	if (len == 0 || len > GOFER_NAME_MAX || memchr(name, '/', len))
		return false;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool time_ok(const struct gofer_time *t)
{
	return t->ns < NS_PER_SEC;
}

static bool attr_ok(const struct gofer_attr *a)
{
	switch (a->mode & S_IFMT) {
	case S_IFREG: case S_IFDIR: case S_IFLNK: case S_IFIFO: case S_IFSOCK: case S_IFCHR: case S_IFBLK:
		break;
	default:
		return false;
	}
	return a->mode <= (S_IFMT | 07777) && a->size >= 0 && time_ok(&a->atime) && time_ok(&a->mtime) &&
	       time_ok(&a->ctime) && time_ok(&a->btime);
}

static bool set_ok(const struct gofer_setattr *s)
{
	return s->valid < GOFER_SET_MTIME * 2 && s->mode <= 07777 && s->size >= 0 && time_ok(&s->atime) &&
	       time_ok(&s->mtime);
}

/* --- the cursor --- */

struct cursor {
	char *out;                        /* encoding, else NULL */
	const char *in;
	size_t bytes, off;
	int err;
};

static const void *take(struct cursor *c, size_t n)
{
	if (c->err || n > c->bytes - c->off) {
		c->err = c->err ? c->err : -EPROTO;
		return NULL;
	}
	const void *p = c->in + c->off;
	c->off += n;
	return p;
}

static void fixed(struct cursor *c, void *field, size_t n)
{
	if (!c->out) {
		const void *p = take(c, n);
		if (p)
			memcpy(field, p, n);
		return;
	}
	if (c->err || n > c->bytes - c->off) {
		c->err = c->err ? c->err : -EMSGSIZE;
		return;
	}
	memcpy(c->out + c->off, field, n);
	c->off += n;
}

/* A string with its terminator; min and max are lengths without it. */
static void string(struct cursor *c, const char **field, size_t min, size_t max)
{
	uint16_t len = 0;
	if (c->out) {
		size_t n = *field ? strnlen(*field, max + 1) : 0;
		if (!c->err && (n < min || n > max))
			c->err = -EINVAL;
		len = (uint16_t)n;
		fixed(c, &len, sizeof(len));
		if (!c->err)
			fixed(c, (void *)(uintptr_t)(n ? *field : ""), n + 1);
		return;
	}
	fixed(c, &len, sizeof(len));
	const char *p = take(c, (size_t)len + 1);
	if (!p)
		return;
	if (len < min || len > max || strnlen(p, (size_t)len + 1) != len)
		c->err = -EPROTO;
	else
		*field = p;
}

static void component(struct cursor *c, const char **field)
{
	string(c, field, 1, GOFER_NAME_MAX);
	if (!c->err && !gofer_name_ok(*field))
		c->err = c->out ? -EINVAL : -EPROTO;
}

static void blob(struct cursor *c, struct gofer_msg *m)
{
	uint32_t n = m->data_bytes;
	if (c->out && !c->err && n > GOFER_DATA_MAX)
		c->err = -EMSGSIZE;
	fixed(c, &n, sizeof(n));
	if (c->out) {
		if (n)
			fixed(c, (void *)(uintptr_t)m->data, n);
		return;
	}
	m->data = take(c, n);
	m->data_bytes = c->err ? 0 : n;
}

static void checked(struct cursor *c, bool ok)
{
	if (!c->err && !ok)
		c->err = c->out ? -EINVAL : -EPROTO;
}

static void counted(struct cursor *c, struct gofer_msg *m, bool names)
{
	uint16_t n = (uint16_t)m->count;
	checked(c, m->count <= GOFER_WALK_MAX);
	fixed(c, &n, sizeof(n));
	checked(c, n <= GOFER_WALK_MAX && (n > 0 || !names));
	for (unsigned i = 0; i < n && !c->err; i++) {
		struct gofer_entry *e = &m->entries[i];
		if (names) {
			component(c, &m->names[i]);
			continue;
		}
		fixed(c, &e->node, sizeof(e->node));
		fixed(c, &e->attr, sizeof(e->attr));
		string(c, &e->text, 0, GOFER_TEXT_MAX);
		checked(c, attr_ok(&e->attr));
	}
	m->count = c->err ? 0 : n;
}

static void attr(struct cursor *c, struct gofer_attr *a)
{
	fixed(c, a, sizeof(*a));
	checked(c, attr_ok(a));
}

static void walk_fields(struct cursor *c, struct gofer_msg *m, const char *letters)
{
	for (; *letters && !c->err; letters++) {
		switch (*letters) {
		case 'n': fixed(c, &m->node, sizeof(m->node)); break;
		case 'N': fixed(c, &m->node2, sizeof(m->node2)); break;
		case 'T': fixed(c, &m->target, sizeof(m->target)); break;
		case 'R': fixed(c, &m->replaced, sizeof(m->replaced)); break;
		case 'f': fixed(c, &m->flags, sizeof(m->flags)); break;
		case 'm': fixed(c, &m->mode, sizeof(m->mode)); break;
		case 'o': fixed(c, &m->off, sizeof(m->off)); break;
		case 'l': fixed(c, &m->len, sizeof(m->len)); break;
		case 'u':
			fixed(c, &m->uid, sizeof(m->uid));
			fixed(c, &m->gid, sizeof(m->gid));
			break;
		case 'a': attr(c, &m->attr[0]); break;
		case 'A': attr(c, &m->attr[1]); break;
		case 'B': attr(c, &m->attr[2]); break;
		case 's':
			fixed(c, &m->set, sizeof(m->set));
			checked(c, set_ok(&m->set));
			break;
		case 'v': fixed(c, &m->statfs, sizeof(m->statfs)); break;
		case 'c': component(c, &m->name); break;
		case 'C': component(c, &m->name2); break;
		case 'x': string(c, &m->name, 1, GOFER_NAME_MAX); break;
		case 't': string(c, &m->text, 1, GOFER_TEXT_MAX); break;
		case 'd': blob(c, m); break;
		case 'w': counted(c, m, true); break;
		case 'e': counted(c, m, false); break;
		default: CHECK(!"a letter without a meaning");
		}
	}
}

/* --- whole messages --- */

ssize_t gofer_encode(const struct gofer_msg *m, enum gofer_direction dir, void *buf, size_t bytes)
{
	if (m->type == GOFER_NONE || m->type >= GOFER_TYPE_END)
		return -EINVAL;
	struct cursor c = { .out = buf, .bytes = MIN(bytes, (size_t)GOFER_MSG_MAX), .off = sizeof(struct header) };
	if (c.bytes < c.off)
		return -EMSGSIZE;
	/* Encoding only reads the message; the one walker serves both ways. */
	if (m->result >= 0)
		walk_fields(&c, (struct gofer_msg *)(uintptr_t)m, fields[m->type][dir]);
	if (c.err)
		return c.err;
	struct header h = { .bytes = (uint32_t)c.off, .version = GOFER_VERSION, .type = m->type, .tag = m->tag,
			    .result = m->result };
	memcpy(buf, &h, sizeof(h));
	return (ssize_t)c.off;
}

int gofer_decode(const void *buf, size_t bytes, enum gofer_direction dir, struct gofer_msg *out)
{
	struct header h;
	if (bytes < sizeof(h) || bytes > GOFER_MSG_MAX)
		return -EPROTO;
	memcpy(&h, buf, sizeof(h));
	if (h.bytes != bytes || h.version != GOFER_VERSION || h.type == GOFER_NONE || h.type >= GOFER_TYPE_END)
		return -EPROTO;
	if (h.result > 0 || h.result < -4095 || (dir == GOFER_REQUEST && h.result != 0))
		return -EPROTO;

	memset(out, 0, sizeof(*out));
	out->type = h.type;
	out->tag = h.tag;
	out->result = h.result;
	struct cursor c = { .in = buf, .bytes = bytes, .off = sizeof(h) };
	if (h.result == 0)
		walk_fields(&c, out, fields[h.type][dir]);
	if (!c.err && c.off != bytes)
		c.err = -EPROTO;
	return c.err;
}

/* --- directory entries --- */

#define DIRENT_FIXED (8 + 8 + 1 + 1)

size_t gofer_dirent_put(void *buf, size_t bytes, const struct gofer_dirent *d)
{
	size_t need = DIRENT_FIXED + (size_t)d->name_len;
	if (need > bytes)
		return 0;
	char *p = buf;
	memcpy(p, &d->ino, 8);
	memcpy(p + 8, &d->next, 8);
	p[16] = (char)d->type;
	p[17] = (char)d->name_len;
	memcpy(p + DIRENT_FIXED, d->name, d->name_len);
	return need;
}

size_t gofer_dirent_get(const void *buf, size_t bytes, struct gofer_dirent *out)
{
	const char *p = buf;
	if (bytes < DIRENT_FIXED)
		return 0;
	struct gofer_dirent d = { .type = (uint8_t)p[16], .name_len = (uint8_t)p[17], .name = p + DIRENT_FIXED };
	memcpy(&d.ino, p, 8);
	memcpy(&d.next, p + 8, 8);
	if (d.name_len == 0 || d.name_len > bytes - DIRENT_FIXED || d.next <= 0 || d.type > 15)
		return 0;
	if (memchr(d.name, '/', d.name_len) || memchr(d.name, 0, d.name_len))
		return 0;
	*out = d;
	return DIRENT_FIXED + (size_t)d.name_len;
}
