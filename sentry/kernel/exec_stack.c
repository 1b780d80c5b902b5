/* exec_stack.c - what a program finds on its stack: argc, argv, envp, the auxiliary vector, and the strings.
 *
 * LINUX    fs/binfmt_elf.c (create_elf_tables), from the top down: eight zero bytes, the file's name, the environment, the
 *          arguments, the platform's name, 16 random bytes, a gap to align, the vectors. The ABI: System V x86-64, 3.4.1. */
#include "sentry/kernel/exec.h"

#include <elf.h>
#include <string.h>

static const char platform_name[] = "x86_64";

/* Addresses of the strings of v, which start at addr, then NULL. */
static uint64_t *put_pointers(uint64_t *to, const struct strvec *v, uint64_t addr)
{
	const char *s = v->buf;
	for (unsigned i = 0; i < v->count; i++) {
		*to++ = addr;
		size_t n = strlen(s) + 1;
		s += n;
		addr += n;
	}
	*to++ = 0;
	return to;
}

static void patch_auxv(uint64_t *auxv, unsigned words, uint64_t type, uint64_t value)
{
	for (unsigned i = 0; i + 1 < words; i += 2) {
		if (auxv[i] == type)
			auxv[i + 1] = value;
	}
}

int exec_stack_build(const struct exec_args *args, const char *filename, const unsigned char random[16], uint64_t top,
		     uint64_t *auxv, unsigned auxv_words, struct exec_stack *out)
{
	const struct strvec *argv = &args->argv, *envp = &args->envp;
	struct exec_stack st;
	uint64_t filename_at = top - 8 - (strlen(filename) + 1);
	st.env_end = filename_at;
	st.env_start = st.arg_end = st.env_end - envp->len;
	st.arg_start = st.arg_end - argv->len;
	uint64_t platform_at = (st.arg_start & ~15ULL) - sizeof(platform_name);
	uint64_t random_at = platform_at - 16;
	/* argc, the pointers with their NULLs, auxv */
	size_t words = 1 + argv->count + 1 + envp->count + 1 + (size_t)auxv_words;
	st.sp = (random_at - words * 8) & ~15ULL;
	st.len = top - st.sp;
	st.bytes = calloc(1, st.len);
	if (!st.bytes)
		return -ENOMEM;
#define AT(addr) (st.bytes + ((addr) - st.sp))
	memcpy(AT(filename_at), filename, strlen(filename));
	if (envp->len)
		memcpy(AT(st.env_start), envp->buf, envp->len);
	if (argv->len)
		memcpy(AT(st.arg_start), argv->buf, argv->len);
	memcpy(AT(platform_at), platform_name, sizeof(platform_name));
	memcpy(AT(random_at), random, 16);
#undef AT
	patch_auxv(auxv, auxv_words, AT_RANDOM, random_at);
	patch_auxv(auxv, auxv_words, AT_EXECFN, filename_at);
	patch_auxv(auxv, auxv_words, AT_PLATFORM, platform_at);
	uint64_t *to = (uint64_t *)st.bytes;
	*to++ = argv->count;
	to = put_pointers(to, argv, st.arg_start);
	to = put_pointers(to, envp, st.env_start);
	memcpy(to, auxv, auxv_words * sizeof(*auxv));
	*out = st;
	return 0;
}
