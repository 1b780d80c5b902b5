/* machine.h - what the guest may know about the computer: memory, processors, the kernel's name, time since start. */
#pragma once

#include "platform/base/base.h"

/* The Linux whose behaviour this kernel follows. uname(2), /proc/version, /proc/sys/kernel/osrelease. */
#define MACHINE_SYSNAME "Linux"
#define MACHINE_RELEASE "6.12.0-sbx"
#define MACHINE_VERSION "#1 SMP PREEMPT_DYNAMIC sbx " SBX_VERSION
#define MACHINE_ARCH "x86_64"

struct task;

#define MACHINE_CPUS_MAX 1024             /* bits of task.cpu_mask */
#define USER_HZ 100                       /* clock ticks in /proc and times(2) */

int machine_cpus(void);                   /* 1 … MACHINE_CPUS_MAX; numbered from 0 without holes */
uint64_t machine_ram_bytes(void);         /* the sandbox's limit, or the host's memory */
uint64_t machine_free_bytes(void);        /* at most the above */
uint64_t machine_uptime_ns(void);         /* since the sandbox's start */
uint64_t machine_uptime_for(const struct task *t);   /* on t's clocks; t may be NULL */
uint64_t machine_since_start_ns(uint64_t mono_ns);   /* a CLOCK_MONOTONIC time as time since then */
uint64_t machine_boot_real_ns(void);      /* CLOCK_REALTIME of that */
uint64_t machine_tsc_hz(void);            /* measured since the start; 0: too early to tell */
const char *machine_boot_id(void);        /* a UUID, new for every sandbox */
void machine_uuid(char out[37]);          /* a random one */

/* CPU time of all tasks, also those that have gone, in ns. */
void machine_cpu_time(uint64_t *user_ns, uint64_t *system_ns);
/* 1, 5 and 15 minutes, as fixed point numbers of 16 bits after the point. Averages what it finds whenever it is asked. */
void machine_loadavg(uint64_t out[3]);
int machine_running(void);                /* tasks that neither sleep nor are stopped */

/* For every thread of every process, in order of process id. */
struct thread_group;
#define FOREACH_PROCESS(tg) for (struct thread_group *tg = tg_first(); tg; tg = tg_next(tg))
