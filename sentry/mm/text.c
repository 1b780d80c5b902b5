/* text.c - rewritten code by file.
 *
 * WHY      A process that is young pays a trap for each of its first calls, and copies every page of code that was changed
 *          under it, at fork, too. A shell makes many such.
 * HOW      The first trap of every call site of a host file is counted here, by file. When a file has been mapped often enough and
 *          enough of its sites have trapped, a memfd is made: trampolines, then the code with those sites changed. Processes
 *          that map the file from then on get it in place of the code (text_map.c). Sites that show up later make a new
 *          version; who has mapped the old one keeps it. In the books, /proc and core files the mapping is the file's.
 * FILES    A file is known by what stat(2) says of it, the time of its last change included.
 * TRUST    Any guest can make any bytes of a file trap, by jumping at them; and the version is everybody's. So a site is taken
 *          only where code, read from any place before it, has an instruction (site_is_code()). The memfd is sealed: nobody
 *          can write to it. */
#include "sentry/mm/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "sentry/sentry.h"
#include "sentry/vfs/file.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

#define MAPPED_MIN 3                      /* so many processes, and so many sites that trapped: */
#define FRESH_MIN 24U                     /* a version costs about as much as some hundred traps */
#define BYTES_MAX (4ULL << 20)            /* of one text */
#define VERSIONS_BYTES_MAX (16ULL << 20)  /* of all, in one sandbox */
#define COPY_BYTES 0x10000UL
#define TEXTS_MAX 64
#define SITES_MAX 512                     /* of a text; a quarter of the trampolines of every class fits */

struct seen {
	uint64_t ip, nr;
	UT_hash_handle hh;
};

struct identity { dev_t dev; ino_t ino; };

struct known {
	struct text text;
	struct identity id;
	off_t size;
	struct timespec mtime, ctime;
	unsigned mapped, fresh, versions;
	bool building;
	struct seen *seen;
	UT_hash_handle hh;                /* in order of last use */
};
static struct known *texts;
static uint64_t versions_bytes;

/* --- references --- */

static struct known *to_known(struct text *x)
{
	return container_of(x, struct known, text);
}

struct text_version *text_version_hold(struct text_version *v)
{
	v->refs++;
	return v;
}

void text_version_put(struct text_version *v)
{
	if (!v || --v->refs > 0)
		return;
	struct stat st;
	if (fstat(v->fd, &st) == 0)
		versions_bytes -= (uint64_t)st.st_size;
	close(v->fd);
	free(v);
}

struct text *text_hold(struct text *x)
{
	x->refs++;
	return x;
}

void text_put(struct text *x)
{
	if (!x || --x->refs > 0)
		return;
	struct known *k = to_known(x);
	struct seen *s, *next;
	HASH_ITER(hh, k->seen, s, next) {
		HASH_DEL(k->seen, s);
		free(s);
	}
	text_version_put(x->version);
	free(k);
}

static void forget(struct known *k)
{
	HASH_DEL(texts, k);
	text_put(&k->text);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct text *text_get(const struct mmap_source *src, bool create)
{
	struct stat st;
	if (!src->of_host || src->host_off || fstat(src->host_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	struct identity id = { 0 };
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	struct known *k;
	HASH_FIND(hh, texts, &id, sizeof(id), k);
	if (k && (k->size != st.st_size || !same_time(k->mtime, st.st_mtim) || !same_time(k->ctime, st.st_ctim))) {
		forget(k);
		k = NULL;
	}
	if (k) {
		HASH_DEL(texts, k);
		HASH_ADD(hh, texts, id, sizeof(id), k);
		return text_hold(&k->text);
	}
	if (!create)
		return NULL;
	if (HASH_COUNT(texts) >= TEXTS_MAX)
		forget(texts);
	k = NEW(struct known);
	k->text.refs = 1;                         /* the table's */
	k->id = id;
	k->size = st.st_size;
	k->mtime = st.st_mtim;
	k->ctime = st.st_ctim;
	HASH_ADD(hh, texts, id, sizeof(id), k);
	return text_hold(&k->text);
}

/* --- sites --- */

bool text_is_changed(const struct text_version *v, uint64_t ip)
{
	for (unsigned i = 0; v && i < v->nsites; i++)
		if (v->sites[i].ip == ip)
			return true;
	return false;
}

void text_trapped(struct text *x, uint64_t ip, uint64_t nr)
{
	struct known *k = to_known(x);
	struct seen *s;
	HASH_FIND(hh, k->seen, &ip, sizeof(ip), s);
	if (s) {
		k->fresh += s->nr != UINT64_MAX && !text_is_changed(x->version, ip);
		return;
	}
	if (HASH_COUNT(k->seen) >= SITES_MAX)
		return;
	s = NEW(struct seen);
	s->ip = ip;
	s->nr = nr;
	HASH_ADD(hh, k->seen, ip, sizeof(s->ip), s);
	k->fresh++;
}

struct maker {
	uint8_t *room, *code;             /* the memfd's */
	uint64_t bytes, below;
	unsigned next;                    /* trampoline to try */
	uint64_t used[TEXT_ROOM / TRAMPOLINE_BYTES / 64];
};

static uint8_t *take_trampoline(struct maker *m, const struct site_code *c, uint64_t *out_at)
{
	for (unsigned i = 0; i < TEXT_ROOM / TRAMPOLINE_BYTES; i++) {
		uint64_t at = i * TRAMPOLINE_BYTES - m->below;
		if ((m->used[i / 64] >> i % 64 & 1) || !site_fits(c, at))
			continue;
		m->used[i / 64] |= 1ULL << i % 64;
		*out_at = at;
		return m->room + i * TRAMPOLINE_BYTES;
	}
	return NULL;
}

static bool make_site(struct maker *m, uint64_t ip, uint64_t nr, struct text_site *s)
{
	if (ip >= m->bytes)
		return false;
	uint64_t from = ip - MIN(ip, (uint64_t)SITE_BEFORE), to = MIN(m->bytes, ip + SITE_AFTER);
	s->ip = ip;
	if (!site_recognise(m->code + from, to - from, ip - from, ip, nr, &s->code) || s->code.start + PATCH_BYTES > m->bytes ||
	    !site_is_code(m->code, m->bytes, s->code.start, ip))
		return false;
	memcpy(s->was, m->code + s->code.start, PATCH_BYTES);
	uint8_t *trampoline = take_trampoline(m, &s->code, &s->trampoline);
	if (!trampoline || !site_trampoline(&s->code, ip, s->trampoline, pl_fast_entry(), trampoline, s->patch))
		return false;
	memcpy(m->code + s->code.start, s->patch, PATCH_BYTES);
	return true;
}

/* --- versions --- */

static int new_memfd(uint64_t bytes)
{
	int fd = memfd_create("sbx-text", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)            /* before Linux 6.3 all of them are executable */
		fd = memfd_create("sbx-text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, (off_t)bytes) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Piece by piece and by pwrite: storing to a mapping would take a fault for each page, and clear it first. */
static bool copy_code(struct text *x, struct file *f, int fd)
{
	AUTO(free) char *piece = xzalloc(COPY_BYTES);
	for (uint64_t done = 0; done < x->bytes; ) {
		ssize_t n = file_read_kernel(f, piece, MIN(COPY_BYTES, x->bytes - done), (off_t)(x->off + done));
		if (n <= 0)
			return n == 0 && done > 0;
		if (pwrite(fd, piece, (size_t)n, (off_t)(TEXT_ROOM + done)) != n)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

static bool fill(struct known *k, struct file *f, int fd, struct text_version *v)
{
	struct text *x = &k->text;
	uint64_t bytes = TEXT_ROOM + x->bytes;
	struct maker *m = NEW(struct maker);
	m->room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool ok = m->room != MAP_FAILED && copy_code(x, f, fd);
	if (ok) {
		m->code = m->room + TEXT_ROOM;
		m->bytes = x->bytes;
		m->below = x->below;
	}
	for (struct seen *s = k->seen; ok && s; s = s->hh.next) {
		if (s->nr != UINT64_MAX && make_site(m, s->ip, s->nr, &v->sites[v->nsites]))
			v->nsites++;
		else
			s->nr = UINT64_MAX;       /* no way, ever */
	}
	if (m->room != MAP_FAILED)
		munmap(m->room, bytes);
	free(m);
	return ok && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
}

static void make_version(struct known *k, struct file *f)
{
	uint64_t bytes = TEXT_ROOM + k->text.bytes;
	k->fresh = 0;
	k->versions++;
	if (k->text.bytes > BYTES_MAX || versions_bytes + bytes > VERSIONS_BYTES_MAX)
		return;
	int fd = new_memfd(bytes);
	if (fd < 0)
		return;
	struct text_version *v = calloc(1, sizeof(*v) + SITES_MAX * sizeof(v->sites[0]));
	if (!v) {
		close(fd);
		return;
	}
	versions_bytes += bytes;
	v->refs = 1;
	v->fd = fd;
	k->building = true;
	bool ok = fill(k, f, fd, v);
	k->building = false;
	if (ok && v->nsites > 0) {
		struct text_version *old = k->text.version;
		k->text.version = realloc(v, sizeof(*v) + v->nsites * sizeof(v->sites[0]));
		text_version_put(old);
	} else {
		text_version_put(v);
	}
}

struct text_version *text_current(struct text *x, struct file *f)
{
	struct known *k = to_known(x);
	k->mapped++;
	if (!k->building && x->bytes && k->mapped > MAPPED_MIN && k->versions < 8 && k->fresh >= FRESH_MIN << k->versions &&
	    f->inode->writers <= 0)
		make_version(k, f);
	return x->version ? text_version_hold(x->version) : NULL;
}
