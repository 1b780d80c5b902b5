/* gofer_protocol_test.c - messages between sentry and gofer, honest ones and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "gofer/protocol.h"

static char wire[GOFER_MSG_MAX];

static struct gofer_attr sample_attr(mode_t mode)
{
	return (struct gofer_attr){ .dev = 0x801, .ino = 42, .mode = mode, .nlink = 1, .uid = 1000, .gid = 100, .size = 7,
				    .blocks = 8, .blksize = 4096, .mtime = { .sec = -5, .ns = 999999999 } };
}

/* A message with every field filled in; a type takes what it has. */
static struct gofer_msg sample(unsigned type)
{
	struct gofer_msg m = { .type = (uint16_t)type, .tag = 77, .node = 1, .node2 = 2, .target = 3, .replaced = 4, .flags = 2,
			       .mode = 0644, .uid = 5, .gid = 6, .off = 7, .len = 8, .name = "name", .name2 = "other",
			       .text = "../target/x", .data = "blob\0data", .data_bytes = 9, .count = 2,
			       .names = { "usr", "lib" } };
	for (unsigned i = 0; i < 3; i++)
		m.attr[i] = sample_attr(S_IFREG | 0644);
	m.set = (struct gofer_setattr){ .valid = GOFER_SET_MODE | GOFER_SET_SIZE, .mode = 0600, .size = 1 };
	m.statfs = (struct gofer_statfs){ .type = 0xef53, .namelen = 255 };
	m.entries[0] = (struct gofer_entry){ .node = 9, .attr = sample_attr(S_IFDIR | 0755), .text = "" };
	m.entries[1] = (struct gofer_entry){ .node = 10, .attr = sample_attr(S_IFLNK | 0777), .text = "/etc/x" };
	return m;
}

static size_t encode(const struct gofer_msg *m, enum gofer_direction dir)
{
	ssize_t n = gofer_encode(m, dir, wire, sizeof(wire));
	assert_true(n > 0);
	return (size_t)n;
}

static void every_type_survives_the_trip(void **state)
{
	for (unsigned type = GOFER_NONE + 1; type < GOFER_TYPE_END; type++) {
		for (int dir = GOFER_REQUEST; dir <= GOFER_ANSWER; dir++) {
			struct gofer_msg in = sample(type), out;
			size_t n = encode(&in, dir);
			assert_int_equal(gofer_decode(wire, n, dir, &out), 0);
			assert_int_equal(out.type, type);
			assert_int_equal(out.tag, 77);
			static char again[GOFER_MSG_MAX];
			assert_int_equal(gofer_encode(&out, dir, again, sizeof(again)), n);
			assert_memory_equal(wire, again, n);
		}
	}
}

static void fields_arrive(void **state)
{
	struct gofer_msg in = sample(GOFER_RENAME), out;
	size_t n = encode(&in, GOFER_REQUEST);
	assert_int_equal(gofer_decode(wire, n, GOFER_REQUEST, &out), 0);
	assert_int_equal(out.node2, 2);
	assert_int_equal(out.replaced, 4);
	assert_string_equal(out.name, "name");
	assert_string_equal(out.name2, "other");
	assert_null(out.text);

	in = sample(GOFER_WALK);
	n = encode(&in, GOFER_ANSWER);
	assert_int_equal(gofer_decode(wire, n, GOFER_ANSWER, &out), 0);
	assert_int_equal(out.count, 2);
	assert_string_equal(out.entries[1].text, "/etc/x");
	assert_int_equal(out.entries[0].attr.mtime.sec, -5);
}

static void errors_have_no_body(void **state)
{
	struct gofer_msg in = sample(GOFER_WALK), out;
	in.result = -ENOENT;
	size_t n = encode(&in, GOFER_ANSWER);
	assert_int_equal(n, 16);
	assert_int_equal(gofer_decode(wire, n, GOFER_ANSWER, &out), 0);
	assert_int_equal(out.result, -ENOENT);
	assert_int_equal(gofer_decode(wire, n, GOFER_REQUEST, &out), -EPROTO);
	int32_t result = 1;
	memcpy(wire + 12, &result, 4);
	assert_int_equal(gofer_decode(wire, n, GOFER_ANSWER, &out), -EPROTO);
	result = -5000;
	memcpy(wire + 12, &result, 4);
	assert_int_equal(gofer_decode(wire, n, GOFER_ANSWER, &out), -EPROTO);
}

/* Each prefix, and one byte more, under its own length and under a length that pretends. */
static void cut_and_stretched_messages_are_refused(void **state)
{
	static struct gofer_msg out;
	for (unsigned type = GOFER_NONE + 1; type < GOFER_TYPE_END; type++) {
		for (int dir = GOFER_REQUEST; dir <= GOFER_ANSWER; dir++) {
			struct gofer_msg in = sample(type);
			size_t n = encode(&in, dir);
			for (size_t cut = 0; cut <= n + 1; cut++) {
				if (cut == n)
					continue;
				/* An own allocation, so that a sanitizer sees what is read beyond it. */
				char *copy = calloc(1, cut + 1);
				memcpy(copy, wire, MIN(cut, n));
				uint32_t len = (uint32_t)cut;
				if (cut >= 4)
					memcpy(copy, &len, 4);
				char *tight = realloc(copy, cut ? cut : 1);
				assert_int_equal(gofer_decode(tight, cut, dir, &out), -EPROTO);
				free(tight);
			}
		}
	}
}

/* Whatever is accepted is good enough to be sent again. */
static void flipped_bytes_never_get_through_half(void **state)
{
	static struct gofer_msg out, out2;
	static char again[GOFER_MSG_MAX];
	for (unsigned type = GOFER_NONE + 1; type < GOFER_TYPE_END; type++) {
		for (int dir = GOFER_REQUEST; dir <= GOFER_ANSWER; dir++) {
			struct gofer_msg in = sample(type);
			size_t n = encode(&in, dir);
			for (size_t i = 4; i < n; i++) {
				for (unsigned v = 0; v < 256; v += 5) {
					char old = wire[i];
					wire[i] = (char)v;
					if (gofer_decode(wire, n, dir, &out) == 0) {
						ssize_t len = gofer_encode(&out, dir, again, sizeof(again));
						assert_true(len > 0);
						assert_int_equal(gofer_decode(again, (size_t)len, dir, &out2), 0);
					}
					wire[i] = old;
				}
			}
		}
	}
}

static int decode_with_name(const char *name, size_t len, uint16_t claimed)
{
	struct gofer_msg in = sample(GOFER_UNLINK), out;
	size_t n = encode(&in, GOFER_REQUEST);
	size_t at = 16 + 8;               /* header, node */
	char tail[8 + 4];                 /* target, flags */
	memcpy(tail, wire + n - sizeof(tail), sizeof(tail));
	memcpy(wire + at, &claimed, 2);
	memcpy(wire + at + 2, name, len);
	wire[at + 2 + len] = 0;
	memcpy(wire + at + 2 + len + 1, tail, sizeof(tail));
	n = at + 2 + len + 1 + sizeof(tail);
	uint32_t bytes = (uint32_t)n;
	memcpy(wire, &bytes, 4);
	return gofer_decode(wire, n, GOFER_REQUEST, &out);
}

static void names_are_single_components(void **state)
{
	assert_int_equal(decode_with_name("ok", 2, 2), 0);
	assert_int_equal(decode_with_name("...", 3, 3), 0);
	assert_int_equal(decode_with_name(".", 1, 1), -EPROTO);
	assert_int_equal(decode_with_name("..", 2, 2), -EPROTO);
	assert_int_equal(decode_with_name("a/b", 3, 3), -EPROTO);
	assert_int_equal(decode_with_name("/", 1, 1), -EPROTO);
	assert_int_equal(decode_with_name("", 0, 0), -EPROTO);
	assert_int_equal(decode_with_name("a\0b", 3, 3), -EPROTO);
	assert_int_equal(decode_with_name("ab", 2, 1), -EPROTO);
	assert_int_equal(decode_with_name("ab", 2, 3), -EPROTO);
	assert_int_equal(decode_with_name("ab", 2, 65535), -EPROTO);
	char longest[257];
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(decode_with_name(longest, 255, 255), 0);
	assert_int_equal(decode_with_name(longest, 256, 256), -EPROTO);
}

static void what_breaks_the_rules_is_not_sent(void **state)
{
	struct gofer_msg m = sample(GOFER_UNLINK);
	m.name = "../x";
	assert_int_equal(gofer_encode(&m, GOFER_REQUEST, wire, sizeof(wire)), -EINVAL);
	m.name = NULL;
	assert_int_equal(gofer_encode(&m, GOFER_REQUEST, wire, sizeof(wire)), -EINVAL);
	m = sample(GOFER_WALK);
	m.count = GOFER_WALK_MAX + 1;
	assert_int_equal(gofer_encode(&m, GOFER_REQUEST, wire, sizeof(wire)), -EINVAL);
	m = sample(GOFER_SETXATTR);
	m.data_bytes = GOFER_DATA_MAX + 1;
	assert_int_equal(gofer_encode(&m, GOFER_REQUEST, wire, sizeof(wire)), -EMSGSIZE);
	m = sample(GOFER_WALK);
	assert_int_equal(gofer_encode(&m, GOFER_ANSWER, wire, 100), -EMSGSIZE);
	m.type = GOFER_TYPE_END;
	assert_int_equal(gofer_encode(&m, GOFER_REQUEST, wire, sizeof(wire)), -EINVAL);
}

static void impossible_attributes_are_refused(void **state)
{
	struct gofer_msg m = sample(GOFER_GETATTR);
	m.attr[0].mode = 0644;            /* no type */
	assert_int_equal(gofer_encode(&m, GOFER_ANSWER, wire, sizeof(wire)), -EINVAL);
	m = sample(GOFER_GETATTR);
	m.attr[0].size = -1;
	assert_int_equal(gofer_encode(&m, GOFER_ANSWER, wire, sizeof(wire)), -EINVAL);
	m = sample(GOFER_GETATTR);
	m.attr[0].mtime.ns = 1000000000;
	assert_int_equal(gofer_encode(&m, GOFER_ANSWER, wire, sizeof(wire)), -EINVAL);
}

static void descriptors_come_when_announced(void **state)
{
	struct gofer_msg m = { .type = GOFER_WALK, .flags = GOFER_WALK_OPENED };
	assert_true(gofer_carries_fd(&m));
	m.flags = 0;
	assert_false(gofer_carries_fd(&m));
	m = (struct gofer_msg){ .type = GOFER_OPEN };
	assert_true(gofer_carries_fd(&m));
	m.result = -EACCES;
	assert_false(gofer_carries_fd(&m));
	m = (struct gofer_msg){ .type = GOFER_MKDIR };
	assert_false(gofer_carries_fd(&m));
}

static void directory_entries(void **state)
{
	char buf[64];
	struct gofer_dirent d = { .ino = 5, .next = 1, .type = 8, .name = "abc", .name_len = 3 }, out;
	size_t n = gofer_dirent_put(buf, sizeof(buf), &d);
	assert_int_equal(n, 21);
	assert_int_equal(gofer_dirent_put(buf, 20, &d), 0);
	assert_int_equal(gofer_dirent_get(buf, n, &out), n);
	assert_int_equal(out.name_len, 3);
	assert_memory_equal(out.name, "abc", 3);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(gofer_dirent_get(buf, cut, &out), 0);
	buf[18] = '/';
	assert_int_equal(gofer_dirent_get(buf, n, &out), 0);
	buf[18] = 0;
	assert_int_equal(gofer_dirent_get(buf, n, &out), 0);
	buf[18] = 'a';
	buf[17] = 0;                      /* no name */
	assert_int_equal(gofer_dirent_get(buf, n, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_survives_the_trip),
		cmocka_unit_test(fields_arrive),
		cmocka_unit_test(errors_have_no_body),
		cmocka_unit_test(cut_and_stretched_messages_are_refused),
		cmocka_unit_test(flipped_bytes_never_get_through_half),
		cmocka_unit_test(names_are_single_components),
		cmocka_unit_test(what_breaks_the_rules_is_not_sent),
		cmocka_unit_test(impossible_attributes_are_refused),
		cmocka_unit_test(descriptors_come_when_announced),
		cmocka_unit_test(directory_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
