/* hostile.c - a guest that attacks what it runs on: hostile SEED [ROUND...]
 *
 * HOW      Each attack runs in a forked child of its own, in a session of its own, that is killed when it takes too long; what
 *          counts is that this program, which only watches, is still able to say its verdict at the end. Attacks make calls by
 *          instructions of their own, and by jumping into the platform's trap code (platform/systrap/layout.h).
 *          Whether the host acted is checked from outside, by check_trace.py.
 * ROUNDS   numbers sites slots stacks descriptors processes mappings frames threads; all of them by default.
 *          only:slots and others: by the program itself, without a child.
 *          probe: a few calls by the trap code, to show what the filter of the stub is for. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/hostile/hostile.h"

/* mov %rdi,%rax; mov %rsi,%r11; arguments from (%r11); syscall; ret */
const uint8_t helper_code[] = {
	0x48, 0x89, 0xf8, 0x49, 0x89, 0xf3, 0x49, 0x8b, 0x3b, 0x49, 0x8b, 0x73, 0x08, 0x49, 0x8b, 0x53, 0x10, 0x4d,
	0x8b, 0x53, 0x18, 0x4d, 0x8b, 0x43, 0x20, 0x4d, 0x8b, 0x4b, 0x28, 0x0f, 0x05, 0xc3,
};
long (*host_call)(long nr, const uint64_t args[6]);
uint8_t *sites[MAX_SITES];
int nsites;
uint8_t *scratch;
volatile uint32_t *progress;
uint64_t seed;

uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

long guest_call(long nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	long ret;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

uint64_t hostile_value(void)
{
	const uint64_t values[] = {
		0, 1, 2, 3, 4, 5, 8, 64, 4095, 4096, 65536, -1UL, -2UL, -100UL, 1UL << 31, 1UL << 32, 1UL << 63, (1UL << 63) - 1, 0xffffffff,
		0x7fffffff, (uint64_t)scratch, (uint64_t)scratch + 8191, (uint64_t)scratch + 8192, 0x7ffffffff000, 0x800000000000,
		0xffff800000000000, 0xffffffffff600000, STUB_TEXT, STUB_RO, STUB_AREAS, STUB_AREAS + AREA_BYTES - 440, STUB_END - 8,
		STUB_VVAR, (uint64_t)&seed & ~4095UL, rnd(), rnd() & 0xffff,
	};
	return values[rnd() % ARRAY_SIZE(values)];
}

void hostile_args(uint64_t a[6], unsigned pattern)
{
	for (int i = 0; i < 6; i++)
		switch (pattern) {
		case 0: a[i] = 0; break;
		case 1: a[i] = -1UL; break;
		case 2: a[i] = (uint64_t)scratch + 4096 * 2 - 4; break;
		case 3: a[i] = STUB_AREAS; break;
		default: a[i] = hostile_value();
		}
}

static void look_for_sites(void)
{
	uint8_t *text = (uint8_t *)STUB_TEXT;
	for (size_t i = 0; i + sizeof(helper_code) < STUB_TEXT_BYTES; i++) {
		if (!host_call && memcmp(text + i, helper_code, sizeof(helper_code)) == 0)
			host_call = (long (*)(long, const uint64_t *))(text + i);
		if (text[i] == 0x0f && text[i + 1] == 0x05 && nsites < MAX_SITES)
			sites[nsites++] = text + i;
	}
}

/* --- watching --- */

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

pid_t start(void (*attack)(uint32_t), uint32_t arg)
{
	uint64_t child_seed = rnd();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	seed = child_seed | 1;
	setsid();
	alarm(5);
	attack(arg);
	_exit(0);
}

static pid_t dying[256];                         /* killed, and yet to be waited for */
static int ndying;

static void reap(void)
{
	for (int i = 0; i < ndying; i++)
		if (waitpid(dying[i], NULL, WNOHANG | __WALL) != 0)
			dying[i--] = dying[--ndying];
}

static void finish(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	reap();
	if (ndying < (int)ARRAY_SIZE(dying))
		dying[ndying++] = pid;
}

/* Until the child ends, or makes no progress for a while. */
void watch(pid_t pid, unsigned patience_ms)
{
	uint32_t last = *progress;
	for (uint64_t deadline = now_ms() + patience_ms; now_ms() < deadline;) {
		if (waitpid(pid, NULL, WNOHANG | __WALL) == pid) {
			kill(-pid, SIGKILL);
			return;
		}
		if (*progress != last) {
			last = *progress;
			deadline = now_ms() + patience_ms;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	finish(pid);
}

void attack_once(void (*attack)(uint32_t), uint32_t arg, unsigned ms)
{
	pid_t pid = start(attack, arg);
	if (pid > 0)
		watch(pid, ms);
}

static void probe(void)
{
	static const struct { const char *what; long nr; uint64_t args[6]; } calls[] = {
		{ "getppid", SYS_getppid, { 0 } },
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM } },
		{ "uname", SYS_uname, { 1 } },
		{ "openat", SYS_openat, { (uint64_t)AT_FDCWD, 0, 0 } },
		{ "prctl", SYS_prctl, { 3 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		printf("hostile: %s by the trap code: %ld\n", calls[i].what, host_call(calls[i].nr, calls[i].args));
}

static const struct { const char *name; void (*run)(void); } rounds[] = {
	{ "numbers", numbers }, { "sites", sites_round }, { "slots", slots }, { "stacks", stacks }, { "descriptors", descriptors },
	{ "processes", processes }, { "mappings", mappings }, { "frames", frames }, { "threads", threads }, { "probe", probe },
};

/* Attacks by this very process: PID 1 of the sandbox. It may end by them. */
static const struct { const char *name; void (*attack)(uint32_t); uint32_t how; } own[] = {
	{ "only:slots", scribble_and_talk, 0 },   { "only:descriptors", descriptor_attack, 4 }, { "only:processes", unmanaged, 3 },
	{ "only:mappings", mapping_attack, 1 },   { "only:threads", thread_attack, 3 },
};

static void nothing_is_wrong_with_others(void)
{
	int fd[2], status;
	char c = 0;
	for (uint64_t deadline = now_ms() + 20000; ndying > 0 && now_ms() < deadline; reap())
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	if (ndying > 0) {
		printf("hostile: %d processes can't be killed\n", ndying);
		exit(1);
	}
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	if (pipe(fd) == 0 && fork() == 0)
		_exit(write(fd[1], "x", 1) == 1 ? 42 : 1);
	if (read(fd[0], &c, 1) != 1 || c != 'x' || wait(&status) < 0 || WEXITSTATUS(status) != 42) {
		printf("hostile: an honest process suffered\n");
		exit(1);
	}
	close(fd[0]);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	seed = (argc > 1 ? strtoull(argv[1], NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL | 1;
	scratch = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(scratch + 8192, 4096);
	progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	look_for_sites();
	if (!host_call || nsites < 3) {
		printf("hostile: no trap code found\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(own); i++)
		if (strcmp(argv[2], own[i].name) == 0) {
			alarm(5);
			own[i].attack(own[i].how + (uint32_t)(seed % 2) * 2);
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(rounds); i++) {
		bool chosen = argc <= 2 && rounds[i].run != probe;
		for (int k = 2; k < argc; k++)
			chosen |= strcmp(argv[k], rounds[i].name) == 0;
		if (!chosen)
			continue;
		uint64_t from = now_ms();
		rounds[i].run();
		nothing_is_wrong_with_others();
		fprintf(stderr, "hostile: %s: %u ms\n", rounds[i].name, (unsigned)(now_ms() - from));
	}
	printf("hostile: verdict: alive\n");
	return 0;
}
