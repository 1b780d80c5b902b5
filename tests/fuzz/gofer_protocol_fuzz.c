/* gofer_protocol_fuzz.c - any bytes as a message: never out of bounds; what is accepted can be sent on and means the same.
 *
 * clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. tests/fuzz/gofer_protocol_fuzz.c gofer/protocol.c platform/base/base.c */
#include <string.h>

#include "gofer/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void try_direction(const uint8_t *data, size_t bytes, enum gofer_direction dir)
{
	static struct gofer_msg m, again;
	static char buf[GOFER_MSG_MAX];
	if (gofer_decode(data, bytes, dir, &m))
		return;
	ssize_t n = gofer_encode(&m, dir, buf, sizeof(buf));
	CHECK(n == (ssize_t)bytes || m.result < 0);
	CHECK(n > 0 && gofer_decode(buf, (size_t)n, dir, &again) == 0);
	for (unsigned i = 0; i < m.count; i++)
		if (dir == GOFER_REQUEST)
			CHECK(gofer_name_ok(m.names[i]));
	size_t off = 0, used;
	struct gofer_dirent d;
	while (m.type == GOFER_READDIR && off < m.data_bytes &&
	       (used = gofer_dirent_get((const char *)m.data + off, m.data_bytes - off, &d)) > 0) {
		CHECK(!memchr(d.name, '/', d.name_len));
		off += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	try_direction(data, bytes, GOFER_REQUEST);
	try_direction(data, bytes, GOFER_ANSWER);
	/* Past the header's own checks more often than chance would. */
	if (bytes >= 16 && bytes <= GOFER_MSG_MAX) {
		static uint8_t copy[GOFER_MSG_MAX];
		memcpy(copy, data, bytes);
		uint32_t len = (uint32_t)bytes;
		uint16_t version = GOFER_VERSION;
		memcpy(copy, &len, sizeof(len));
		memcpy(copy + 4, &version, sizeof(version));
		memset(copy + 12, 0, 4);
		try_direction(copy, bytes, GOFER_REQUEST);
		try_direction(copy, bytes, GOFER_ANSWER);
	}
	return 0;
}
