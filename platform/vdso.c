/* vdso.c - the host's vDSO and its data pages: where they lie in us, and where stubs have them (platform.h). */
#include "platform/vdso.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "platform/platform.h"
#include "platform/systrap/layout.h"

static struct pl_vdso_part parts[8];
static int count;
static uint64_t vdso_off, vdso_bytes, clock_off;

/* Where the host's own vDSO, mapped here, has a function: its distance from the start; 0: nowhere. */
static uint64_t find_function(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *eh = (const void *)base;
	const Elf64_Shdr *sh = (const void *)(base + eh->e_shoff);
	for (int i = 0; i < eh->e_shnum && eh->e_shoff < vdso_bytes; i++) {
		if (sh[i].sh_type != SHT_DYNSYM)
			continue;
		const Elf64_Sym *sym = (const void *)(base + sh[i].sh_offset);
		const char *names = base + sh[sh[i].sh_link].sh_offset;
		for (uint64_t n = 0; n < sh[i].sh_size / sizeof(*sym); n++)
			if (sym[n].st_value && !strcmp(names + sym[n].st_name, name))
				return sym[n].st_value;
	}
	return 0;
}

/* [vvar], [vvar_vclock] …, [vdso]: adjacent, in this order on every kernel since 3.15. */
int pl_vdso_look(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	if (!f)
		return -errno;
	char line[512];
	while (fgets(line, sizeof(line), f) && count < (int)ARRAY_SIZE(parts)) {
		uint64_t start, end;
		bool code = strstr(line, "[vdso]");
		if ((!code && !strstr(line, "[vvar")) ||
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
			continue;
		parts[count++] = (struct pl_vdso_part){ start, end - start };
		if (code) {
			vdso_off = start - parts[0].start;
			vdso_bytes = end - start;
		}
	}
	fclose(f);
	if (!vdso_bytes)
		count = 0;
	else
		clock_off = find_function("__vdso_clock_gettime");
	return 0;
}

int pl_vdso_parts(struct pl_vdso_part *out, int max)
{
	int n = MIN(count, max);
	memcpy(out, parts, (size_t)n * sizeof(*out));
	return n;
}

uint64_t pl_vdso(uint64_t *out_bytes)
{
	if (out_bytes)
		*out_bytes = vdso_bytes;
	return vdso_bytes ? STUB_VVAR + vdso_off : 0;
}

uint64_t pl_vdso_clock(void)
{
	return clock_off ? pl_vdso(NULL) + clock_off : 0;
}

uint64_t pl_vvar(uint64_t *out_bytes)
{
	if (out_bytes)
		*out_bytes = vdso_off;
	return vdso_off ? STUB_VVAR : 0;
}
