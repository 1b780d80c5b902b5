/* attack_memory.c - hostile memory: what the stub shares with the sentry is written to and mapped away. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/hostile/hostile.h"

/* --- slots: a second thread writes where the first one talks to the sentry --- */

int thread_of(int (*fn)(void *), void *arg)
{
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return clone(fn, stack + 65536, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, arg);
}

/* How a thread scribbles: over everything, over the first words (state, event, frame, command), with plausible values. */
static int scribble(void *arg)
{
	uint32_t how = (uint32_t)(uintptr_t)arg;
	uint64_t state = seed * 7 + how + 1;
	for (;;) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		uint8_t *area = (uint8_t *)STUB_AREAS + (how & 8 ? state % 4 : 0) * AREA_BYTES;
		struct slot *s = (struct slot *)area;
		uint64_t *words = (uint64_t *)area;
		switch (how % 8) {
		case 0: words[state % (AREA_BYTES / 8)] = state; break;
		case 1: words[state % 24] = state; break;
		case 2: s->state = (uint32_t)state % 4; break;
		case 3: s->state = (uint32_t)state % 4; s->event = (uint32_t)(state >> 8) % 40; break;
		case 4: s->event = state & 1 ? 31 : 0x100 + (state >> 8 & 1); break;
		case 5: s->frame = STUB_AREAS + (state & (AREA_BYTES - 8)); break;
		case 6: s->command = (uint32_t)state % 8; s->ncalls = (uint32_t)(state >> 8); s->ret = (int64_t)(state >> 40); break;
		case 7: s->tid = (uint32_t)state % 32; words[AREA_BYTES / 8 - 1 - state % 512] = state >> 20; break;
		}
		if (state % 64 == 0)
			guest_call(SYS_sched_yield, (uint64_t[6]){ 0 });
	}
	return 0;
}

void talk(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	for (int i = 0; i < 200; i++) {
		++*progress;
		char buf[64];
		syscall(SYS_getppid);
		void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			munmap(p, 8192);
		pread(fd, buf, sizeof(buf), 0);
		int pipes[2];
		if (pipe(pipes) == 0) {
			write(pipes[1], buf, sizeof(buf));
			close(pipes[0]);
			close(pipes[1]);
		}
		if (i % 16 == 0) {
			pid_t pid = fork();
			if (pid == 0)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
		if (i % 32 == 0)
			mprotect(scratch, 4096, i & 64 ? PROT_READ : PROT_READ | PROT_WRITE);
		if (i % 64 == 9)
			thread_of(scribble, (void *)2);
	}
}

void scribble_and_talk(uint32_t how)
{
	thread_of(scribble, (void *)(uintptr_t)how);
	talk();
}

void slots(void)
{
	for (uint32_t how = 0; how < 16; how++)
		attack_once(scribble_and_talk, how, 150);
}

/* --- mappings: the platform's own pages --- */

void mapping_attack(uint32_t how)
{
	switch (how) {
	case 0: HOST(SYS_munmap, STUB_TEXT, STUB_TEXT_BYTES); break;
	case 1: HOST(SYS_munmap, STUB_AREAS, STUB_AREAS_BYTES); break;
	case 2: HOST(SYS_mprotect, STUB_AREAS, AREA_BYTES, PROT_READ); break;
	case 3: HOST(SYS_mmap, STUB_AREAS, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1UL, 0); break;
	case 4: HOST(SYS_mprotect, STUB_TEXT, STUB_TEXT_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
		memset((void *)(STUB_TEXT + 0x1000), 0x90, 16);
		memcpy((void *)(STUB_TEXT + 0x1010), helper_code, sizeof(helper_code));
		host_call = (long (*)(long, const uint64_t *))(STUB_TEXT + 0x1000);
		for (long nr = 0; nr <= LAST_NR; nr++) {
			uint64_t a[6];
			hostile_args(a, 9);
			if (nr != SYS_exit && nr != SYS_clone && nr != SYS_munmap && nr != SYS_mmap && nr != SYS_mremap &&
			    nr != SYS_rt_sigreturn && nr != SYS_recvmsg && nr != SYS_futex && nr != SYS_kill && nr != SYS_tkill &&
			    nr != SYS_tgkill)
				host_call(nr, a);
			++*progress;
		}
		break;
	case 5:
		/* The page that all stubs share. A process that can write there says so by its exit status, see below. */
		HOST(SYS_mprotect, STUB_RO, STUB_RO_BYTES, PROT_READ | PROT_WRITE);
		*(volatile uint32_t *)STUB_RO = 1;
		*progress = 0xbad;
		break;
	case 6: HOST(SYS_mremap, STUB_AREAS, AREA_BYTES, AREA_BYTES * 2, MREMAP_MAYMOVE); break;
	case 7: HOST(SYS_madvise, STUB_AREAS, STUB_AREAS_BYTES, MADV_REMOVE); break;
	case 8: HOST(SYS_munmap, STUB_VVAR, 0x10000); break;
	case 9: HOST(SYS_munmap, 0x10000, STUB_TEXT - 0x10000); break;
	}
	talk();
}

void mappings(void)
{
	for (uint32_t how = 0; how <= 9; how++) {
		*progress = 0;
		attack_once(mapping_attack, how, 150);
		if (how == 5 && *progress == 0xbad) {
			printf("hostile: the page shared by all stubs is writable\n");
			exit(1);
		}
	}
}
