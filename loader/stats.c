/* stats.c - what --stats prints: what the sandbox took from the host, and how its system calls went. */
#include "loader/stats.h"

#include <ctype.h>
#include <string.h>
#include <sys/resource.h>

#include "gofer/protocol.h"
#include "platform/base/timeline.h"
#include "sentry/syscalls/table.h"

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* Numbers from the sentry, names from our own table. */
static void print_top(FILE *to, const struct control_stats *s, bool json)
{
	const char *sep = json ? "" : "sbx: most made: ";
	for (size_t i = 0; i < ARRAY_SIZE(s->top) && s->top[i].count; i++) {
		uint32_t nr = s->top[i].nr;
		const char *name = nr < SYSCALL_MAX && syscall_table[nr].name ? syscall_table[nr].name : "?";
		fprintf(to, json ? "%s{\"name\":\"%s\",\"count\":%llu}" : "%s%s %llu", sep, name, (unsigned long long)s->top[i].count);
		sep = json ? "," : ", ";
	}
	if (json || s->top[0].count)
		fputs(json ? "]" : "\n", to);
}

/* "walk 12, open 3" */
static void print_gofer(FILE *to, const struct control_stats *s, bool json)
{
	static const char *const names[CONTROL_GOFER_TYPES] = {
#define X(name, request, answer, fd) [GOFER_##name] = #name,
		GOFER_TYPES(X)
#undef X
	};
	const char *sep = json ? ",\"gofer\":{" : "sbx: gofer: ";
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!s->gofer_types[i] || !names[i])
			continue;
		fputs(sep, to);
		if (json)
			fputc('"', to);
		for (const char *c = names[i]; *c; c++)
			fputc(tolower((unsigned char)*c), to);
		fprintf(to, json ? "\":%u" : " %u", s->gofer_types[i]);
		sep = json ? "," : ", ";
		any = true;
	}
	if (json)
		fputs(any ? "}" : ",\"gofer\":{}", to);
	else if (any)
		fputc('\n', to);
}

/* What should be nothing. "left behind: 2 tasks, 1 mappings" */
static void print_left(FILE *to, const struct control_stats *s, bool json)
{
	static const char *const names[LIVE_COUNT] = {
#define X(id, name) name,
		LIVE_KINDS(X)
#undef X
	};
	const char *sep = "";
	fputs(json ? ",\"left\":{" : "sbx: left behind: ", to);
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!s->left[i])
			continue;
		if (json)
			fprintf(to, "%s\"%s\":%d", sep, names[i], s->left[i]);
		else
			fprintf(to, "%s%d %s", sep, s->left[i], names[i]);
		sep = json ? "," : ", ";
		any = true;
	}
	fputs(json ? "}" : any ? "\n" : "nothing\n", to);
}

static int earliest(const uint64_t at[TIMELINE_COUNT])
{
	int first = -1;
	for (int i = 0; i < TIMELINE_COUNT; i++)
		if (at[i] && (first < 0 || at[i] < at[first]))
			first = i;
	return first;
}

/* By time: some of the processes run side by side. */
static void print_timeline(FILE *to, bool json)
{
	static const struct { const char *who, *what; } stages[] = {
#define X(id, who, what) { who, what },
		TIMELINE_STAGES(X)
#undef X
	};
	uint64_t at[TIMELINE_COUNT] = { 0 };
	if (timeline_page)
		memcpy(at, timeline_page, sizeof(at));
	if (json)
		fputs(",\"timeline\":[", to);
	uint64_t start = at[TIMELINE_LOADER], before = start;
	const char *sep = "";
	for (int next; (next = earliest(at)) >= 0; at[next] = 0) {
		fprintf(to, json ? "%s{\"who\":\"%s\",\"what\":\"%s\",\"us\":%.1f}" : "%ssbx: %-8s %-34s %9.1f us",
			sep, stages[next].who, stages[next].what, (double)(at[next] - start) / 1e3);
		if (!json)
			fprintf(to, "  +%.1f\n", (double)(at[next] - before) / 1e3);
		before = at[next];
		sep = json ? "," : "";
	}
	if (json)
		fputs("]}\n", to);
}

void stats_print(FILE *to, const struct result *r, const struct cgroup *cg, uint64_t wall_ns, bool json)
{
	struct rusage ru = { 0 };
	getrusage(RUSAGE_CHILDREN, &ru);
	/* Without a cgroup only the largest process is known. */
	uint64_t peak = cgroup_peak_bytes(cg);
	const char *peak_of = peak ? "sandbox" : "largest process";
	if (!peak)
		peak = (uint64_t)ru.ru_maxrss * 1024;
	const struct control_stats *s = &r->stats;
	const char *format = json ?
		"{\"exit_status\":%d,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"sentry_s\":%.6f,\"peak_bytes\":%llu,"
		"\"peak_of\":\"%s\",\"syscalls\":{\"total\":%llu,\"trapped\":%llu,\"rewritten\":%llu,\"in_stub\":%llu,"
		"\"unimplemented\":%llu},\"memory_reads\":%llu,\"memory_writes\":%llu,"
		"\"faults\":%llu,\"forks\":%llu,\"threads\":%llu,\"wakeups\":%llu,\"doorbells\":%llu,\"moves\":%llu,\"gofer_requests\":%llu,\"top\":[" :
		"sbx: exit status %d\n"
		"sbx: %.3f s wall, %.3f s user, %.3f s system, of which the sentry %.3f s\n"
		"sbx: %llu bytes of memory at the peak (%s)\n"
		"sbx: %llu system calls: %llu trapped, %llu rewritten, %llu in the stub; %llu not implemented\n"
		"sbx: %llu reads, %llu writes of guest memory that took a host call\n"
		"sbx: %llu faults, %llu forks, %llu threads, %llu wake-ups of threads, %llu of the sentry, %llu moves, %llu gofer requests\n";
#define U(x) (unsigned long long)(x)
	fprintf(to, format, r->exit_status, (double)wall_ns / 1e9, seconds(ru.ru_utime), seconds(ru.ru_stime),
		(double)s->sentry_cpu_ns / 1e9, U(peak), peak_of, U(s->syscalls), U(s->trapped), U(s->rewritten), U(s->in_stub),
		U(s->unimplemented), U(s->memory_reads), U(s->memory_writes),
		U(s->faults), U(s->forks), U(s->threads), U(s->wakeups), U(s->doorbells), U(s->moves), U(s->gofer_requests));
	print_top(to, s, json);
	print_gofer(to, s, json);
	print_left(to, s, json);
	print_timeline(to, json);
#undef U
}
