/* vdso.c - the host's vDSO and its data pages: where they lie in us, and where stubs have them (platform.h). */
#include "platform/vdso.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/platform.h"
#include "platform/systrap/layout.h"

static struct pl_vdso_part parts[8];
static int count;
static uint64_t vdso_off, vdso_bytes;

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

uint64_t pl_vvar(uint64_t *out_bytes)
{
	if (out_bytes)
		*out_bytes = vdso_off;
	return vdso_off ? STUB_VVAR : 0;
}
