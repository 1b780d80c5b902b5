/* mkfilters.c - run by the build: turns the policies into static BPF programs, on standard output.
 *
 * libseccomp compiles and sorts each list (as a binary tree over the numbers: the sentry's is long); what it exports is
 * printed as arrays of sock_filter, so that the program neither links libseccomp nor spends time compiling at start-up. */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/seccomp/policy.h"

extern const struct policy policy_sentry, policy_sentry_publish, policy_gofer, policy_init;

static void fail(const struct policy *p, const char *what, int err)
{
	fprintf(stderr, "mkfilters: %s: %s: %s\n", p->name, what, strerror(-err));
	exit(1);
}

static unsigned count_args(const struct policy_rule *r)
{
	unsigned n = 0;
	while (n < sizeof(r->args) / sizeof(r->args[0]) && r->args[n].op != _SCMP_CMP_MIN)
		n++;
	return n;
}

/* A call that is allowed without conditions needs no further lines, and libseccomp refuses them. */
static int has_plain_line(const struct policy *p, int nr)
{
	for (; p; p = p->base)
		for (size_t i = 0; i < p->nrules; i++)
			if (p->rules[i].nr == nr && count_args(&p->rules[i]) == 0)
				return 1;
	return 0;
}

static void add_rules(scmp_filter_ctx ctx, const struct policy *whole, const struct policy *p)
{
	for (size_t i = 0; i < p->nrules; i++) {
		const struct policy_rule *r = &p->rules[i];
		unsigned nargs = count_args(r);
		if (nargs > 0 && has_plain_line(whole, r->nr))
			continue;
		int err = seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW, r->nr, nargs, r->args);
		if (err && err != -EEXIST)
			fail(p, seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, r->nr), err);
	}
}

static void print_filter(const struct policy *p)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		fail(p, "seccomp_init", -1);
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (err)
		fail(p, "seccomp_attr_set", err);
	for (const struct policy *from = p; from; from = from->base)
		add_rules(ctx, p, from);
	FILE *bpf = tmpfile();
	if (!bpf)
		fail(p, "tmpfile", -1);
	err = seccomp_export_bpf(ctx, fileno(bpf));
	if (err)
		fail(p, "seccomp_export_bpf", err);
	rewind(bpf);
	printf("static const struct sock_filter filter_%s_insns[] = {\n", p->name);
	struct sock_filter insn;
	while (fread(&insn, sizeof(insn), 1, bpf) == 1)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", insn.code, insn.jt, insn.jf, insn.k);
	printf("};\n");
	fclose(bpf);
	seccomp_release(ctx);
}

int main(void)
{
	printf("/* Made by mkfilters from platform/seccomp/policy_*.c. */\n");
	print_filter(&policy_gofer);
	print_filter(&policy_sentry);
	print_filter(&policy_sentry_publish);
	print_filter(&policy_init);
	return 0;
}
