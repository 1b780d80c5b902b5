/* proc_cpuinfo.c - /proc/cpuinfo.
 *
 * HOW      The guest runs on the host's processor and can ask it by CPUID like anybody; so does this. Each processor is shown
 *          as a core of one package.
 * LINUX    arch/x86/kernel/cpu/proc.c; the flags' names are those of arch/x86/include/asm/cpufeatures.h.
 * MISSING  microcode, bugs: the processor does not tell them to programs. */
#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/machine.h"

enum reg { EAX, EBX, ECX, EDX };
struct cpu_flag { unsigned leaf; unsigned char subleaf, reg, bit; const char *name; };
#define F(leaf, sub, reg, bit, name) { leaf, sub, reg, bit, name }

static const struct cpu_flag cpu_flags[] = {
	F(1, 0, EDX, 0, "fpu"), F(1, 0, EDX, 1, "vme"), F(1, 0, EDX, 2, "de"), F(1, 0, EDX, 3, "pse"), F(1, 0, EDX, 4, "tsc"),
	F(1, 0, EDX, 5, "msr"), F(1, 0, EDX, 6, "pae"), F(1, 0, EDX, 7, "mce"), F(1, 0, EDX, 8, "cx8"), F(1, 0, EDX, 9, "apic"),
	F(1, 0, EDX, 11, "sep"), F(1, 0, EDX, 12, "mtrr"), F(1, 0, EDX, 13, "pge"), F(1, 0, EDX, 14, "mca"),
	F(1, 0, EDX, 15, "cmov"), F(1, 0, EDX, 16, "pat"), F(1, 0, EDX, 17, "pse36"), F(1, 0, EDX, 19, "clflush"),
	F(1, 0, EDX, 23, "mmx"), F(1, 0, EDX, 24, "fxsr"), F(1, 0, EDX, 25, "sse"), F(1, 0, EDX, 26, "sse2"),
	F(1, 0, EDX, 27, "ss"), F(1, 0, EDX, 28, "ht"),
	F(0x80000001, 0, EDX, 11, "syscall"), F(0x80000001, 0, EDX, 20, "nx"), F(0x80000001, 0, EDX, 22, "mmxext"),
	F(0x80000001, 0, EDX, 25, "fxsr_opt"), F(0x80000001, 0, EDX, 26, "pdpe1gb"), F(0x80000001, 0, EDX, 27, "rdtscp"),
	F(0x80000001, 0, EDX, 29, "lm"), F(0x80000001, 0, EDX, 30, "3dnowext"), F(0x80000001, 0, EDX, 31, "3dnow"),
	F(0x80000007, 0, EDX, 8, "constant_tsc"), F(0x80000007, 0, EDX, 8, "nonstop_tsc"),
	F(1, 0, ECX, 0, "pni"), F(1, 0, ECX, 1, "pclmulqdq"), F(1, 0, ECX, 3, "monitor"), F(1, 0, ECX, 9, "ssse3"),
	F(1, 0, ECX, 12, "fma"), F(1, 0, ECX, 13, "cx16"), F(1, 0, ECX, 17, "pcid"), F(1, 0, ECX, 19, "sse4_1"),
	F(1, 0, ECX, 20, "sse4_2"), F(1, 0, ECX, 21, "x2apic"), F(1, 0, ECX, 22, "movbe"), F(1, 0, ECX, 23, "popcnt"),
	F(1, 0, ECX, 24, "tsc_deadline_timer"), F(1, 0, ECX, 25, "aes"), F(1, 0, ECX, 26, "xsave"), F(1, 0, ECX, 28, "avx"),
	F(1, 0, ECX, 29, "f16c"), F(1, 0, ECX, 30, "rdrand"), F(1, 0, ECX, 31, "hypervisor"),
	F(0x80000001, 0, ECX, 0, "lahf_lm"), F(0x80000001, 0, ECX, 1, "cmp_legacy"), F(0x80000001, 0, ECX, 4, "cr8_legacy"),
	F(0x80000001, 0, ECX, 5, "abm"), F(0x80000001, 0, ECX, 6, "sse4a"), F(0x80000001, 0, ECX, 7, "misalignsse"),
	F(0x80000001, 0, ECX, 8, "3dnowprefetch"), F(0x80000001, 0, ECX, 9, "osvw"), F(0x80000001, 0, ECX, 11, "xop"),
	F(0x80000001, 0, ECX, 16, "fma4"), F(0x80000001, 0, ECX, 21, "tbm"), F(0x80000001, 0, ECX, 22, "topoext"),
	F(7, 0, EBX, 0, "fsgsbase"), F(7, 0, EBX, 1, "tsc_adjust"), F(7, 0, EBX, 3, "bmi1"), F(7, 0, EBX, 4, "hle"),
	F(7, 0, EBX, 5, "avx2"), F(7, 0, EBX, 7, "smep"), F(7, 0, EBX, 8, "bmi2"), F(7, 0, EBX, 9, "erms"),
	F(7, 0, EBX, 10, "invpcid"), F(7, 0, EBX, 11, "rtm"), F(7, 0, EBX, 14, "mpx"), F(7, 0, EBX, 16, "avx512f"),
	F(7, 0, EBX, 17, "avx512dq"), F(7, 0, EBX, 18, "rdseed"), F(7, 0, EBX, 19, "adx"), F(7, 0, EBX, 20, "smap"),
	F(7, 0, EBX, 21, "avx512ifma"), F(7, 0, EBX, 23, "clflushopt"), F(7, 0, EBX, 24, "clwb"), F(7, 0, EBX, 28, "avx512cd"),
	F(7, 0, EBX, 29, "sha_ni"), F(7, 0, EBX, 30, "avx512bw"), F(7, 0, EBX, 31, "avx512vl"),
	F(0xd, 1, EAX, 0, "xsaveopt"), F(0xd, 1, EAX, 1, "xsavec"), F(0xd, 1, EAX, 2, "xgetbv1"), F(0xd, 1, EAX, 3, "xsaves"),
	F(7, 1, EAX, 4, "avx_vnni"), F(7, 1, EAX, 5, "avx512_bf16"),
	F(0x80000008, 0, EBX, 0, "clzero"), F(0x80000008, 0, EBX, 2, "xsaveerptr"), F(0x80000008, 0, EBX, 9, "wbnoinvd"),
	F(6, 0, EAX, 2, "arat"),
	F(7, 0, ECX, 1, "avx512vbmi"), F(7, 0, ECX, 2, "umip"), F(7, 0, ECX, 3, "pku"), F(7, 0, ECX, 4, "ospke"),
	F(7, 0, ECX, 5, "waitpkg"), F(7, 0, ECX, 6, "avx512_vbmi2"), F(7, 0, ECX, 8, "gfni"), F(7, 0, ECX, 9, "vaes"),
	F(7, 0, ECX, 10, "vpclmulqdq"), F(7, 0, ECX, 11, "avx512_vnni"), F(7, 0, ECX, 12, "avx512_bitalg"),
	F(7, 0, ECX, 14, "avx512_vpopcntdq"), F(7, 0, ECX, 16, "la57"), F(7, 0, ECX, 22, "rdpid"), F(7, 0, ECX, 25, "cldemote"),
	F(7, 0, ECX, 27, "movdiri"), F(7, 0, ECX, 28, "movdir64b"),
	F(7, 0, EDX, 2, "avx512_4vnniw"), F(7, 0, EDX, 3, "avx512_4fmaps"), F(7, 0, EDX, 4, "fsrm"),
	F(7, 0, EDX, 8, "avx512_vp2intersect"), F(7, 0, EDX, 14, "serialize"), F(7, 0, EDX, 22, "amx_bf16"),
	F(7, 0, EDX, 23, "avx512_fp16"), F(7, 0, EDX, 24, "amx_tile"), F(7, 0, EDX, 25, "amx_int8"),
};

static bool has_flag(const struct cpu_flag *f)
{
	unsigned r[4];
	if (!__get_cpuid_count(f->leaf, f->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
		return false;
	return r[f->reg] >> f->bit & 1;
}

static void show_flags(struct seq *s)
{
	seq_puts(s, "flags\t\t:");
	for (size_t n = 0; n < ARRAY_SIZE(cpu_flags); n++)
		if (has_flag(&cpu_flags[n]))
			seq_printf(s, " %s", cpu_flags[n].name);
	seq_puts(s, " rep_good nopl cpuid\n");    /* not of CPUID: what Linux finds on every processor of today */
}

static const char *brand(char out[49])
{
	unsigned r[12] = { 0 };
	for (unsigned n = 0; n < 3; n++)
		__get_cpuid(0x80000002 + n, &r[4 * n], &r[4 * n + 1], &r[4 * n + 2], &r[4 * n + 3]);
	memcpy(out, r, sizeof(r));
	out[48] = '\0';
	for (size_t len = strlen(out); len && out[len - 1] == ' ';)
		out[--len] = '\0';
	while (*out == ' ')
		out++;
	return *out ? out : "unknown";
}

/* The last level's size in KB; 0: not told. */
static unsigned cache_kb(void)
{
	unsigned a, b, c, d;
	if (__get_cpuid(0x80000006, &a, &b, &c, &d))
		return c >> 16;
	return 0;
}

int proc_cpuinfo(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	unsigned a, b, c, d, level = 0, vendor[4] = { 0 }, phys_bits = 36, virt_bits = 48, model_bits = 0, clflush = 0;
	char name[49];
	(void)i;
	(void)viewer;
	__get_cpuid(0, &level, &vendor[0], &vendor[2], &vendor[1]);
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		model_bits = a;
		clflush = (b >> 8 & 0xff) * 8;
	}
	if (__get_cpuid(0x80000008, &a, &b, &c, &d)) {
		phys_bits = a & 0xff;
		virt_bits = a >> 8 & 0xff;
	}
	unsigned family = model_bits >> 8 & 0xf, model = model_bits >> 4 & 0xf;
	if (family == 0xf)
		family += model_bits >> 20 & 0xff;
	if (family >= 6)
		model |= model_bits >> 12 & 0xf0;
	uint64_t khz = machine_tsc_hz() / 1000;
	const char *brand_name = brand(name);

	for (int cpu = 0; cpu < machine_cpus(); cpu++) {
		seq_printf(s, "processor\t: %d\nvendor_id\t: %.12s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n",
			   cpu, (char *)vendor, family, model, brand_name, model_bits & 0xf);
		if (khz)
			seq_printf(s, "cpu MHz\t\t: %" PRIu64 ".%03" PRIu64 "\n", khz / 1000, khz % 1000);
		if (cache_kb())
			seq_printf(s, "cache size\t: %u KB\n", cache_kb());
		seq_printf(s, "physical id\t: 0\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: %d\ninitial apicid\t: %d\n",
			   machine_cpus(), cpu, machine_cpus(), cpu, cpu);
		seq_printf(s, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n", level);
		show_flags(s);
		if (khz)
			seq_printf(s, "bogomips\t: %" PRIu64 ".%02" PRIu64 "\n", khz * 2 / 1000, khz * 2 / 10 % 100);
		seq_printf(s, "clflush size\t: %u\ncache_alignment\t: %u\naddress sizes\t: %u bits physical, %u bits virtual\n"
			      "power management:\n\n", clflush, clflush, phys_bits, virt_bits);
	}
	return 0;
}
