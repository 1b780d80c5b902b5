/* elf_test.c - elf_parse() against good headers, each kind of bad one, and random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/platform.h"
#include "sentry/kernel/elf.h"

#define IMAGE_BYTES 0x4000
static unsigned char image[IMAGE_BYTES];
static Elf64_Ehdr *const eh = (Elf64_Ehdr *)image;
static Elf64_Phdr *const ph = (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr));

struct source { const unsigned char *bytes; size_t len; };

static ssize_t read_image(void *src, void *buf, size_t bytes, uint64_t off)
{
	struct source *s = src;
	if (off >= s->len)
		return 0;
	size_t n = MIN(bytes, s->len - off);
	memcpy(buf, s->bytes + off, n);
	return (ssize_t)n;
}

static int parse(struct elf_image *out)
{
	struct source s = { image, sizeof(image) };
	memset(out, 0, sizeof(*out));
	return elf_parse(read_image, &s, false, out);
}

/* text, data with bss, interpreter, stack */
static void make_good(void)
{
	memset(image, 0, sizeof(image));
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_type = ET_DYN;
	eh->e_machine = EM_X86_64;
	eh->e_entry = 0x40;
	eh->e_phoff = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 4;
	ph[0] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = 0x800, .p_filesz = 8 };
	memcpy(image + 0x800, "/lib/ld", 8);
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x1234, .p_memsz = 0x1234, .p_align = 0x1000 };
	ph[2] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2100, .p_vaddr = 0x3100,
			      .p_filesz = 0x200, .p_memsz = 0x2000, .p_align = 0x4000 };
	ph[3] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
}

static void check_sane(const struct elf_image *img)
{
	assert_true(img->nsegments > 0);
	assert_true(img->start < img->end && img->end <= PL_GUEST_END);
	assert_true(img->align >= PAGE_SIZE && (img->align & (img->align - 1)) == 0 && img->align <= PL_GUEST_END / 4);
	assert_true(img->relocatable || img->start >= PL_GUEST_MIN);
	assert_true(img->entry < PL_GUEST_END);
	assert_true(img->brk <= img->end);
	for (unsigned i = 0; i < img->nsegments; i++) {
		const struct elf_segment *s = &img->segments[i];
		assert_true(s->file_bytes <= s->mem_bytes && s->mem_bytes > 0);
		assert_true(s->vaddr >= img->start && s->vaddr + s->mem_bytes <= img->end);
		assert_true(s->vaddr + s->mem_bytes > s->vaddr);
		assert_true(!s->file_bytes || (s->off & 4095) == (s->vaddr & 4095));
		assert_true(s->off <= INT64_MAX && s->off + s->file_bytes <= INT64_MAX);
	}
	if (img->interp)
		assert_true(strlen(img->interp) < 4096);
}

static void good_image_is_read(void **state)
{
	struct elf_image img;
	make_good();
	assert_int_equal(parse(&img), 0);
	check_sane(&img);
	assert_true(img.relocatable);
	assert_int_equal(img.nsegments, 2);
	assert_string_equal(img.interp, "/lib/ld");
	assert_int_equal(img.start, 0);
	assert_int_equal(img.end, 0x6000);
	assert_int_equal(img.brk, 0x5100);
	assert_int_equal(img.align, 0x4000);
	assert_int_equal(img.phdr, sizeof(Elf64_Ehdr));
	assert_int_equal(img.segments[1].prot, PROT_READ | PROT_WRITE);
	assert_false(img.exec_stack);
	elf_image_fini(&img);

	ph[3].p_flags |= PF_X;
	assert_int_equal(parse(&img), 0);
	assert_true(img.exec_stack);
	elf_image_fini(&img);
}

#define REFUSED(change, err)                               \
	do {                                               \
		struct elf_image img_;                     \
		make_good();                               \
		change;                                    \
		assert_int_equal(parse(&img_), err);       \
		assert_null(img_.segments);                \
	} while (0)

static void bad_headers_are_refused(void **state)
{
	REFUSED(image[0] = 'x', -ENOEXEC);
	REFUSED(eh->e_ident[EI_CLASS] = ELFCLASS32, -ENOEXEC);
	REFUSED(eh->e_type = ET_REL, -ENOEXEC);
	REFUSED(eh->e_type = ET_CORE, -ENOEXEC);
	REFUSED(eh->e_machine = EM_386, -ENOEXEC);
	REFUSED(eh->e_phentsize = 32, -ENOEXEC);
	REFUSED(eh->e_phnum = 0, -ENOEXEC);
	REFUSED(eh->e_phnum = 0xffff, -ENOEXEC);
	REFUSED(eh->e_phoff = IMAGE_BYTES, -ENOEXEC);
	REFUSED(eh->e_phoff = UINT64_MAX, -ENOEXEC);
	REFUSED(eh->e_entry = PL_GUEST_END, -EINVAL);
	REFUSED(ph[1].p_type = ph[2].p_type = PT_NULL, -EINVAL);
}

static void bad_interpreters_are_refused(void **state)
{
	REFUSED(ph[0].p_filesz = 1, -ENOEXEC);
	REFUSED(ph[0].p_filesz = 4097, -ENOEXEC);
	REFUSED(ph[0].p_filesz = 7, -ENOEXEC);          /* no NUL */
	REFUSED(ph[0].p_offset = IMAGE_BYTES - 4, -EIO);
	REFUSED(ph[0].p_offset = UINT64_MAX - 2, -EIO);
}

static void bad_segments_are_refused(void **state)
{
	REFUSED(ph[2].p_filesz = 0x2001, -EINVAL);      /* more than in memory */
	REFUSED(ph[2].p_vaddr = 0x3200, -EINVAL);       /* offset and address disagree */
	REFUSED(ph[2].p_vaddr = UINT64_MAX - 0xeff, -EINVAL);
	REFUSED(ph[2].p_memsz = UINT64_MAX, -EINVAL);
	REFUSED(ph[2].p_memsz = PL_GUEST_END, -EINVAL);
	REFUSED(ph[2].p_memsz = PL_GUEST_END - 0x4000, -ENOMEM);
	REFUSED(ph[2].p_offset = INT64_MAX - 0xeff, -EINVAL);
	REFUSED(ph[2].p_align = 1ULL << 62, -EINVAL);
	REFUSED(eh->e_type = ET_EXEC, -EINVAL);         /* below the lowest address */
}

static void an_interpreter_has_its_own_error(void **state)
{
	struct elf_image img = { 0 };
	struct source s = { image, sizeof(image) };
	make_good();
	eh->e_machine = EM_ARM;
	assert_int_equal(elf_parse(read_image, &s, true, &img), -ELIBBAD);
	make_good();
	assert_int_equal(elf_parse(read_image, &s, true, &img), 0);
	assert_null(img.interp);
	elf_image_fini(&img);
}

static void every_truncation_is_handled(void **state)
{
	make_good();
	for (size_t len = 0; len < 0x900; len++) {
		struct source s = { image, len };
		struct elf_image img = { 0 };
		int err = elf_parse(read_image, &s, false, &img);
		assert_true(err == 0 ? len >= 0x808 : err == -ENOEXEC || err == -EIO);
		elf_image_fini(&img);
	}
}

static void random_damage_never_gets_through(void **state)
{
	uint64_t seed = 42;
	int accepted = 0;
	for (int round = 0; round < 200000; round++) {
		make_good();
		for (int n = 1 + round % 4; n > 0; n--) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			size_t at = (seed >> 33) % (sizeof(*eh) + 4 * sizeof(*ph));
			image[at] = (unsigned char)(seed >> 24);
		}
		struct elf_image img;
		if (parse(&img) == 0) {
			accepted++;
			check_sane(&img);
			elf_image_fini(&img);
		}
	}
	assert_true(accepted > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_image_is_read),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(bad_interpreters_are_refused),
		cmocka_unit_test(bad_segments_are_refused),
		cmocka_unit_test(an_interpreter_has_its_own_error),
		cmocka_unit_test(every_truncation_is_handled),
		cmocka_unit_test(random_damage_never_gets_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
