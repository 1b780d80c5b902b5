/* crash_unwind.c - walks the stack of a guest thread: by the tables of .eh_frame in its memory, else by frame pointers.
 *
 * HOW      The ELF header of the mapped file leads to .eh_frame_hdr, its sorted table to the FDE of an address, whose program
 *          tells where the caller's registers are.
 * WHY      Not libunwind, whose library for other processes is no position-independent code in Debian, and which would be
 *          much code to let loose on hostile tables. What is here is bounded: sizes, numbers of rows, of operations.
 * LINUX    System V ABI for x86-64, chapter 3.7; LSB, chapter 10.6 (.eh_frame_hdr); DWARF 4, chapter 6.4.
 * MISSING  .debug_frame, 64-bit DWARF, pointer encodings that gcc and clang do not use here. */
#include "sentry/kernel/crash_unwind.h"

#include <elf.h>
#include <string.h>

#include "sentry/mm/mm.h"

#define ENTRY_BYTES_MAX 1024              /* of a CIE or an FDE */
#define PHDRS_MAX 64
#define STATES_MAX 8                      /* nested DW_CFA_remember_state */
#define EXPR_STACK 16

enum rule_kind { RULE_SAME, RULE_UNDEFINED, RULE_AT, RULE_IS, RULE_REG, RULE_AT_EXPR, RULE_IS_EXPR };
struct rule {
	uint8_t kind;
	uint16_t expr_len;
	int64_t value;                    /* offset from the CFA, register, or place of the expression in the entry */
};
struct row {
	struct rule regs[UNWIND_REGS];
	struct rule cfa;                  /* RULE_REG with cfa_offset, or RULE_IS_EXPR */
	int64_t cfa_offset;
};

/* Bytes that came from the guest. Past the end everything is 0 and `bad` is set. */
struct bytes {
	const uint8_t *data;
	size_t len, at;
	bool bad;
};

struct cie {
	uint64_t code_align;
	uint64_t data_align;              /* a negative number, most often: multiplied modulo 2^64 */
	uint64_t ra;
	uint8_t fde_encoding;
	bool augmented, signal_frame;
	struct bytes program;
};

static bool read_guest(struct task *t, uint64_t addr, void *to, size_t len)
{
	return mm_read(t->mm, addr, to, len) == (ssize_t)len;
}

static uint64_t get(struct bytes *b, size_t len)
{
	uint64_t v = 0;
	if (len > 8 || b->len - b->at < len) {
		b->bad = true;
		b->at = b->len;
		return 0;
	}
	memcpy(&v, b->data + b->at, len);
	b->at += len;
	return v;
}

static uint64_t get_leb(struct bytes *b, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t c;
	do {
		c = (uint8_t)get(b, 1);
		if (shift < 64)
			v |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
	} while ((c & 0x80) && !b->bad);
	return is_signed && shift < 64 && (c & 0x40) ? v | ~0ULL << shift : v;
}

static uint64_t get_uleb(struct bytes *b) { return get_leb(b, false); }
static int64_t get_sleb(struct bytes *b) { return (int64_t)get_leb(b, true); }

/* DW_EH_PE_*: absolute or relative to the place, of 4 or 8 bytes. addr: of b->data in the guest. */
static uint64_t get_pointer(struct bytes *b, uint8_t encoding, uint64_t addr)
{
	uint64_t base = (encoding & 0x70) == 0x10 ? addr + b->at : 0;
	switch (encoding & 0x0f) {
	case 0x00: case 0x04: case 0x0c: return base + get(b, 8);
	case 0x03: return base + get(b, 4);
	case 0x0b: return base + (uint64_t)(int32_t)get(b, 4);
	}
	b->bad = true;
	return 0;
}

static void skip(struct bytes *b, uint64_t len)
{
	if (len > b->len - b->at)
		b->bad = true;
	b->at = b->bad ? b->len : b->at + len;
}

/* --- finding the FDE --- */

struct vma *unwind_module(struct mm *mm, uint64_t addr)
{
	struct vma *v = mm_find(mm, addr), *base = NULL;
	if (!v || v->start > addr || !v->file)
		return NULL;
	for (struct vma *m = mm_first(mm); m && m->start <= addr; m = mm_next(m))
		if (m->file && m->file->inode == v->file->inode && m->pgoff == 0)
			base = m;
	return base;
}

static uint64_t find_eh_frame_hdr(struct task *t, uint64_t base)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	uint64_t bias = base, hdr = 0;
	if (!read_guest(t, base, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_phnum > PHDRS_MAX)
		return 0;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		if (!read_guest(t, base + h.e_phoff + i * sizeof(p), &p, sizeof(p)))
			return 0;
		if (p.p_type == PT_LOAD && p.p_offset == 0)
			bias = base - PAGE_ALIGN_DOWN(p.p_vaddr);
		if (p.p_type == PT_GNU_EH_FRAME)
			hdr = p.p_vaddr;
	}
	return hdr ? bias + hdr : 0;
}

/* The table has pairs of 32-bit offsets, from its header: a function, its FDE; sorted by functions. */
static uint64_t find_fde(struct task *t, uint64_t hdr, uint64_t ip)
{
	struct { uint8_t version, ptr_enc, count_enc, table_enc; int32_t eh_frame; uint32_t count; } h;
	_Static_assert(sizeof(h) == 12, "as in the file");
	if (!read_guest(t, hdr, &h, sizeof(h)) || h.version != 1 || h.ptr_enc != 0x1b || h.count_enc != 0x03 || h.table_enc != 0x3b)
		return 0;
	int32_t pair[2];
	uint32_t low = 0, high = h.count;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (!read_guest(t, hdr + sizeof(h) + 8ULL * mid, pair, sizeof(pair)))
			return 0;
		if (hdr + (uint64_t)(int64_t)pair[0] > ip)
			high = mid;
		else
			low = mid + 1;
	}
	if (low == 0 || !read_guest(t, hdr + sizeof(h) + 8ULL * (low - 1), pair, sizeof(pair)))
		return 0;
	return hdr + (uint64_t)(int64_t)pair[1];
}

/* A CIE or FDE without its length; 0: damaged. */
static uint64_t read_entry(struct task *t, uint64_t addr, uint8_t buf[ENTRY_BYTES_MAX], struct bytes *out)
{
	uint32_t len;
	if (!read_guest(t, addr, &len, sizeof(len)) || len < 4 || len > ENTRY_BYTES_MAX || !read_guest(t, addr + 4, buf, len))
		return 0;
	*out = (struct bytes){ .data = buf, .len = len };
	return addr + 4;
}

static bool read_cie(struct bytes *b, uint64_t addr, struct cie *out)
{
	*out = (struct cie){ 0 };
	uint64_t id = get(b, 4), version = get(b, 1);
	const char *aug = (const char *)b->data + b->at;
	const char *end = memchr(aug, '\0', b->len - b->at);
	if (b->bad || id != 0 || (version != 1 && version != 3) || !end)
		return false;
	skip(b, (uint64_t)(end - aug) + 1);
	out->code_align = get_uleb(b);
	out->data_align = (uint64_t)get_sleb(b);
	out->ra = version == 1 ? get(b, 1) : get_uleb(b);
	if (*aug == 'z') {
		out->augmented = true;
		uint64_t len = get_uleb(b), rest = b->at;
		for (aug++; *aug && !b->bad; aug++) {
			if (*aug == 'R')
				out->fde_encoding = (uint8_t)get(b, 1);
			else if (*aug == 'P')
				get_pointer(b, (uint8_t)get(b, 1), addr);
			else if (*aug == 'L')
				get(b, 1);
			else if (*aug == 'S')
				out->signal_frame = true;
			else
				break;
		}
		b->at = rest;
		skip(b, len);
	} else if (*aug) {
		return false;
	}
	out->program = (struct bytes){ .data = b->data + b->at, .len = b->len - b->at };
	return !b->bad && out->ra == UNWIND_RIP;
}

/* --- running their programs --- */

static void set_rule(struct row *r, uint64_t reg, enum rule_kind kind, int64_t value, uint16_t expr_len)
{
	if (reg < UNWIND_REGS)
		r->regs[reg] = (struct rule){ .kind = kind, .value = value, .expr_len = expr_len };
}

static void set_expr(struct row *r, struct bytes *b, const uint8_t *entry, bool is_cfa, uint64_t reg, enum rule_kind kind)
{
	uint64_t len = get_uleb(b);
	int64_t at = b->data + b->at - entry;
	skip(b, len);
	if (b->bad)
		return;
	if (is_cfa)
		r->cfa = (struct rule){ .kind = RULE_IS_EXPR, .value = at, .expr_len = (uint16_t)len };
	else
		set_rule(r, reg, kind, at, (uint16_t)len);
}

/* Runs until the row of `ip`. `initial`: what DW_CFA_restore goes back to. */
static bool run_program(struct bytes b, const struct cie *cie, const uint8_t *entry, uint64_t loc, uint64_t ip, struct row *r,
			const struct row *initial)
{
	struct row states[STATES_MAX];
	int nstates = 0;
	while (b.at < b.len && !b.bad && loc <= ip) {
		uint8_t op = (uint8_t)get(&b, 1);
		uint64_t reg = op & 0x3f;
		switch (op & 0xc0) {
		case 0x40: loc += reg * cie->code_align; continue;                                  /* advance_loc */
		case 0x80: set_rule(r, reg, RULE_AT, (int64_t)(get_uleb(&b) * cie->data_align), 0); continue;    /* offset */
		case 0xc0:                                                                          /* restore */
			if (reg < UNWIND_REGS)
				r->regs[reg] = initial->regs[reg];
			continue;
		}
		switch (op) {
		case 0x00: break;                                                                   /* nop */
		case 0x02: loc += get(&b, 1) * cie->code_align; break;                              /* advance_loc1, 2, 4 */
		case 0x03: loc += get(&b, 2) * cie->code_align; break;
		case 0x04: loc += get(&b, 4) * cie->code_align; break;
		case 0x05: reg = get_uleb(&b); set_rule(r, reg, RULE_AT, (int64_t)(get_uleb(&b) * cie->data_align), 0); break;
		case 0x06: reg = get_uleb(&b); if (reg < UNWIND_REGS) r->regs[reg] = initial->regs[reg]; break;
		case 0x07: set_rule(r, get_uleb(&b), RULE_UNDEFINED, 0, 0); break;
		case 0x08: set_rule(r, get_uleb(&b), RULE_SAME, 0, 0); break;
		case 0x09: reg = get_uleb(&b); set_rule(r, reg, RULE_REG, (int64_t)get_uleb(&b), 0); break;
		case 0x0a:                                                                          /* remember_state */
			if (nstates == STATES_MAX)
				return false;
			states[nstates++] = *r;
			break;
		case 0x0b:                                                                          /* restore_state */
			if (nstates == 0)
				return false;
			*r = states[--nstates];
			break;
		case 0x0c:                                                                          /* def_cfa */
			r->cfa = (struct rule){ .kind = RULE_REG, .value = (int64_t)get_uleb(&b) };
			r->cfa_offset = (int64_t)get_uleb(&b);
			break;
		case 0x0d: r->cfa = (struct rule){ .kind = RULE_REG, .value = (int64_t)get_uleb(&b) }; break;
		case 0x0e: r->cfa_offset = (int64_t)get_uleb(&b); break;
		case 0x0f: set_expr(r, &b, entry, true, 0, RULE_IS_EXPR); break;
		case 0x10: reg = get_uleb(&b); set_expr(r, &b, entry, false, reg, RULE_AT_EXPR); break;
		case 0x11: reg = get_uleb(&b); set_rule(r, reg, RULE_AT, (int64_t)((uint64_t)get_sleb(&b) * cie->data_align), 0); break;
		case 0x12:                                                                          /* def_cfa_sf */
			r->cfa = (struct rule){ .kind = RULE_REG, .value = (int64_t)get_uleb(&b) };
			r->cfa_offset = (int64_t)((uint64_t)get_sleb(&b) * cie->data_align);
			break;
		case 0x13: r->cfa_offset = (int64_t)((uint64_t)get_sleb(&b) * cie->data_align); break;
		case 0x14: reg = get_uleb(&b); set_rule(r, reg, RULE_IS, (int64_t)(get_uleb(&b) * cie->data_align), 0); break;
		case 0x16: reg = get_uleb(&b); set_expr(r, &b, entry, false, reg, RULE_IS_EXPR); break;
		case 0x2e: get_uleb(&b); break;                                                     /* GNU_args_size */
		default: return false;
		}
	}
	return !b.bad;
}

/* What compilers and the C library write: PLTs, the return from signal handlers. */
static bool eval(struct task *t, const struct unwind *u, struct bytes b, const uint64_t *start, uint64_t *out)
{
	uint64_t s[EXPR_STACK], a;
	int n = 0;
	if (start)
		s[n++] = *start;
	while (b.at < b.len && !b.bad) {
		uint8_t op = (uint8_t)get(&b, 1);
		if (n >= EXPR_STACK - 1)
			return false;
		if (op >= 0x30 && op <= 0x4f) {                           /* lit0 … */
			s[n++] = op - 0x30U;
		} else if (op >= 0x70 && op <= 0x70 + UNWIND_RIP) {       /* breg0 … */
			s[n++] = u->regs[op - 0x70] + (uint64_t)get_sleb(&b);
		} else if (op == 0x08 || op == 0x0a || op == 0x0c) {      /* const1u, 2u, 4u */
			s[n++] = get(&b, op == 0x08 ? 1 : op == 0x0a ? 2 : 4);
		} else if (op == 0x10 || op == 0x11) {
			s[n++] = get_leb(&b, op == 0x11);
		} else if (op == 0x06 && n >= 1) {                        /* deref */
			if (!read_guest(t, s[n - 1], &a, sizeof(a)))
				return false;
			s[n - 1] = a;
		} else if (op == 0x23 && n >= 1) {                        /* plus_uconst */
			s[n - 1] += get_uleb(&b);
		} else if (n >= 2) {
			a = s[--n];
			switch (op) {
			case 0x1a: s[n - 1] &= a; break;
			case 0x1c: s[n - 1] -= a; break;
			case 0x22: s[n - 1] += a; break;
			case 0x24: s[n - 1] = a < 64 ? s[n - 1] << a : 0; break;
			case 0x2a: s[n - 1] = (int64_t)s[n - 1] >= (int64_t)a; break;
			default: return false;
			}
		} else {
			return false;
		}
	}
	if (b.bad || n == 0)
		return false;
	*out = s[n - 1];
	return true;
}

static bool apply_rule(struct task *t, const struct unwind *u, const struct rule *r, const uint8_t *entry, uint64_t cfa,
		       uint64_t old, uint64_t *out)
{
	struct bytes expr = { .data = entry + r->value, .len = r->expr_len };
	uint64_t at;
	*out = old;
	switch (r->kind) {
	case RULE_SAME: return true;
	case RULE_AT: return read_guest(t, cfa + (uint64_t)r->value, out, sizeof(*out));
	case RULE_IS: *out = cfa + (uint64_t)r->value; return true;
	case RULE_REG: *out = (uint64_t)r->value < UNWIND_REGS ? u->regs[r->value] : 0; return true;
	case RULE_AT_EXPR: return eval(t, u, expr, &cfa, &at) && read_guest(t, at, out, sizeof(*out));
	case RULE_IS_EXPR: return eval(t, u, expr, &cfa, out);
	default: return false;            /* undefined: there is no caller */
	}
}

enum found { NO_TABLES, CALLER, NO_CALLER };

static enum found apply_row(struct unwind *u, struct task *t, const struct row *r, const uint8_t *entry, const uint8_t *cie_entry)
{
	struct unwind next = *u;
	uint64_t cfa;
	if (r->cfa.kind == RULE_REG)
		cfa = ((uint64_t)r->cfa.value < UNWIND_REGS ? u->regs[r->cfa.value] : 0) + (uint64_t)r->cfa_offset;
	else if (!eval(t, u, (struct bytes){ .data = cie_entry + r->cfa.value, .len = r->cfa.expr_len }, NULL, &cfa))
		return NO_TABLES;
	next.regs[UNWIND_RSP] = cfa;
	for (int i = 0; i < UNWIND_REGS; i++) {
		bool needed = i == UNWIND_RIP || r->regs[i].kind != RULE_UNDEFINED;
		if (i == UNWIND_RSP && r->regs[i].kind == RULE_SAME)
			continue;
		if (needed && !apply_rule(t, u, &r->regs[i], entry, cfa, u->regs[i], &next.regs[i]))
			return i == UNWIND_RIP ? NO_CALLER : NO_TABLES;
	}
	*u = next;
	return CALLER;
}

static enum found step_by_tables(struct unwind *u, struct task *t)
{
	uint64_t vdso_bytes, vdso = pl_vdso(&vdso_bytes);
	uint64_t ip = u->regs[UNWIND_RIP] - (u->interrupted ? 0 : 1);     /* of the call, not behind it */
	struct vma *module = unwind_module(t->mm, ip);
	uint64_t base = module ? module->start : vdso && ip >= vdso && ip - vdso < vdso_bytes ? vdso : 0;
	uint64_t hdr = base ? find_eh_frame_hdr(t, base) : 0, fde = hdr ? find_fde(t, hdr, ip) : 0;
	/* One buffer for both, so that expressions can be told by their place in it. */
	uint8_t buf[2 * ENTRY_BYTES_MAX];
	struct bytes b, c;
	struct cie cie;
	uint64_t addr = fde ? read_entry(t, fde, buf, &b) : 0;
	if (!addr)
		return NO_TABLES;
	uint64_t cie_addr = read_entry(t, addr - get(&b, 4), buf + ENTRY_BYTES_MAX, &c);
	if (!cie_addr || !read_cie(&c, cie_addr, &cie))
		return NO_TABLES;
	uint64_t start = get_pointer(&b, cie.fde_encoding, addr), len = get_pointer(&b, cie.fde_encoding & 0x0f, addr);
	if (cie.augmented)
		skip(&b, get_uleb(&b));
	if (b.bad || ip < start || ip - start >= len)
		return NO_TABLES;
	struct row row = { 0 }, initial = { 0 };
	struct bytes program = { .data = b.data + b.at, .len = b.len - b.at };
	if (!run_program(cie.program, &cie, buf, 0, UINT64_MAX, &row, &initial))
		return NO_TABLES;
	initial = row;
	if (!run_program(program, &cie, buf, start, ip, &row, &initial))
		return NO_TABLES;
	enum found found = apply_row(u, t, &row, buf, buf);
	u->interrupted = found == CALLER && cie.signal_frame;
	return found;
}

/* --- without tables --- */

static bool step_by_frame_pointer(struct unwind *u, struct task *t)
{
	uint64_t frame[2], rbp = u->regs[UNWIND_RBP], rsp = u->regs[UNWIND_RSP];
	/* A jump to nowhere: most likely a call through a bad pointer, whose return address is on the stack. */
	if (u->interrupted && !unwind_module(t->mm, u->regs[UNWIND_RIP])) {
		if (!read_guest(t, rsp, frame, 8))
			return false;
		u->regs[UNWIND_RIP] = frame[0];
		u->regs[UNWIND_RSP] = rsp + 8;
	} else {
		if (rbp < rsp || rbp % 8 || !read_guest(t, rbp, frame, sizeof(frame)))
			return false;
		u->regs[UNWIND_RBP] = frame[0];
		u->regs[UNWIND_RIP] = frame[1];
		u->regs[UNWIND_RSP] = rbp + 16;
	}
	u->interrupted = false;
	return true;
}

void unwind_init(struct unwind *u, const struct task *t)
{
	const struct user_regs_struct *r = &t->pl->regs;
	*u = (struct unwind){
		.regs = { r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8, r->r9, r->r10, r->r11, r->r12,
			  r->r13, r->r14, r->r15, r->rip },
		.interrupted = true,
	};
}

bool unwind_step(struct unwind *u, struct task *t)
{
	struct unwind before = *u;
	enum found found = step_by_tables(u, t);
	if (found == NO_CALLER || (found == NO_TABLES && !step_by_frame_pointer(u, t)))
		return false;
	/* The stack grows down; only a signal handler may have another one. */
	bool progress = u->regs[UNWIND_RSP] > before.regs[UNWIND_RSP] || u->interrupted;
	return progress && u->regs[UNWIND_RIP] != 0;
}
