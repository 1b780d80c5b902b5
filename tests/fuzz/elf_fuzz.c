/* elf_fuzz.c - elf_parse() on arbitrary files. Build: clang -fsanitize=fuzzer,address,undefined -I. -D_GNU_SOURCE
 * tests/fuzz/elf_fuzz.c sentry/kernel/elf.c platform/base/base.c */
#include <string.h>

#include "platform/platform.h"
#include "sentry/kernel/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source { const uint8_t *bytes; size_t len; };

static ssize_t read_input(void *src, void *buf, size_t bytes, uint64_t off)
{
	struct source *s = src;
	if (off >= s->len)
		return 0;
	size_t n = MIN(bytes, s->len - off);
	memcpy(buf, s->bytes + off, n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { data, size };
	struct elf_image img;
	for (int as_interp = 0; as_interp < 2; as_interp++) {
		if (elf_parse(read_input, &s, as_interp, &img))
			continue;
		CHECK(img.start < img.end && img.end <= PL_GUEST_END && img.entry < PL_GUEST_END);
		for (unsigned i = 0; i < img.nsegments; i++) {
			const struct elf_segment *seg = &img.segments[i];
			CHECK(seg->vaddr >= img.start && seg->mem_bytes <= img.end - seg->vaddr);
			CHECK(seg->file_bytes <= seg->mem_bytes);
			CHECK(seg->off <= INT64_MAX - seg->file_bytes);
		}
		elf_image_fini(&img);
	}
	return 0;
}
