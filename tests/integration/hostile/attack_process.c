/* attack_process.c - hostile descriptors, processes and threads: those that the sentry knows nothing of, or that go unseen. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/hostile/hostile.h"

/* --- descriptors: the control socket and the doorbell --- */

static int steal(void *arg)
{
	(void)arg;
	for (;;) {
		uint8_t byte, control[64] = { 0 };
		struct iovec iov = { &byte, 1 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		uint64_t flags[] = { 0, MSG_DONTWAIT, MSG_DONTWAIT | MSG_PEEK, MSG_DONTWAIT | MSG_CMSG_CLOEXEC };
		HOST(SYS_recvmsg, STUB_CONTROL_FD, (uint64_t)&m, flags[rnd() % 4]);
		for (uint64_t fd = 0; fd < 9; fd++) {
			/* What was caught: map it for writing, write to it by the control socket's number. */
			HOST(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (rnd() % 8 == 0)
				HOST(SYS_dup3, fd, STUB_CONTROL_FD, 0);
		}
		HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)scratch, 8);
	}
	return 0;
}

void descriptor_attack(uint32_t how)
{
	static const uint64_t much = -2UL;
	switch (how % 6) {
	case 0: HOST(SYS_close, STUB_CONTROL_FD); break;
	case 1: HOST(SYS_close, STUB_DOORBELL_FD); break;
	case 2: HOST(SYS_dup3, STUB_DOORBELL_FD, STUB_CONTROL_FD, 0); break;
	case 3:
		for (int i = 0; i < 2000; i++)
			HOST(SYS_write, STUB_DOORBELL_FD, (uint64_t)&much, 8);
		break;
	case 4: thread_of(steal, NULL); break;
	case 5:
		for (int i = 0; i < 100; i++)
			HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)&much, 8);
		break;
	}
	talk();
}

void descriptors(void)
{
	for (uint32_t how = 0; how < 8; how++)
		attack_once(descriptor_attack, how == 7 ? 4 : how, 150);
}

/* --- processes that the sentry knows nothing of --- */

void unmanaged(uint32_t how)
{
	if (how & 1)
		HOST(SYS_madvise, STUB_AREAS, STUB_AREAS_BYTES, 11 /* MADV_DOFORK */);
	for (int i = 0; i < 12; i++) {
		long pid = HOST(SYS_clone, STUB_CLONE_FORK, 0);
		if (pid != 0)
			continue;
		/* Here nobody watches: it may only make calls by the trap code. */
		for (int k = 0; k < 200; k++) {
			switch ((how + (unsigned)k) % 5) {
			case 0: HOST(SYS_write, STUB_CONTROL_FD, (uint64_t)scratch, 8); break;
			case 1: HOST(SYS_write, STUB_DOORBELL_FD, (uint64_t)scratch, 8); break;
			case 2: HOST(SYS_mmap, 0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1UL, 0); break;
			case 3: HOST(SYS_futex, STUB_AREAS, 1, 100); break;
			case 4: HOST(SYS_recvmsg, STUB_CONTROL_FD, (uint64_t)scratch, MSG_DONTWAIT); break;
			}
		}
		if (how & 2)
			guest_call(SYS_getpid, (uint64_t[6]){ 0 });
		HOST(SYS_exit, 0);
	}
	talk();
}

void processes(void)
{
	for (uint32_t how = 0; how < 4; how++)
		attack_once(unmanaged, how, 200);
}

/* --- threads that end or go without the sentry's knowledge, and that nothing interrupts --- */

static int exit_behind_its_back(void *arg)
{
	(void)arg;
	HOST(SYS_exit, 0);
	return 0;
}

static int block_all_signals_and_spin(void *arg)
{
	(void)arg;
	static struct host_frame f;
	f.rip = (uint64_t)exit_behind_its_back;
	f.cs = 0x33;
	f.ss = 0x2b;
	f.eflags = 0x202;
	f.sigmask = -1UL;
	__asm__ volatile("lea 1f(%%rip), %%rcx\n mov %%rcx, %2\n mov %%rsp, %3\n"
			 "mov %0, %%rsp\n mov $15, %%eax\n jmp *%1\n"
			 "1: pause\n jmp 1b"
			 : : "r"((uint64_t)&f + 8), "r"(sites[0]), "m"(f.rip), "m"(f.rsp) : "rax", "rcx", "memory");
	return 0;
}

void thread_attack(uint32_t how)
{
	thread_of(how & 1 ? exit_behind_its_back : block_all_signals_and_spin, NULL);
	if (how & 2)
		talk();
	if (how & 4)
		execl("/proc/self/exe", "hostile", "nothing", NULL);
	if (how & 8)
		HOST(SYS_exit, 0);
	if (how & 16)
		block_all_signals_and_spin(NULL);
}

void threads(void)
{
	for (uint32_t how = 0; how < 32; how++)
		attack_once(thread_attack, how, 60);
}
