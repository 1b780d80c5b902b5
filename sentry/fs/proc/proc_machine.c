/* proc_machine.c - what /proc says about the machine: memory, CPU time, load, version, devices.
 *
 * HOW      All of it is the sandbox's own: its limit, its tasks' time. What this kernel does not have (a page cache, swap,
 *          interrupts) counts 0 or is left out.
 * LINUX    fs/proc/{meminfo,stat,uptime,loadavg,version,devices}.c. */
#include <inttypes.h>
#include <stdio.h>

#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid.h"
#include "sentry/kernel/time_ns.h"

int proc_meminfo(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t total = machine_ram_bytes() / 1024, free_kb = machine_free_bytes() / 1024;
	const struct { const char *name; uint64_t kb; } lines[] = {
		{ "MemTotal:", total }, { "MemFree:", free_kb }, { "MemAvailable:", free_kb }, { "Buffers:", 0 }, { "Cached:", 0 },
		{ "SwapCached:", 0 }, { "Active:", 0 }, { "Inactive:", 0 }, { "SwapTotal:", 0 }, { "SwapFree:", 0 }, { "Dirty:", 0 },
		{ "Writeback:", 0 }, { "Shmem:", 0 }, { "Slab:", 0 }, { "SReclaimable:", 0 }, { "SUnreclaim:", 0 },
		{ "CommitLimit:", total / 2 }, { "VmallocTotal:", 34359738367 }, { "VmallocUsed:", 0 }, { "VmallocChunk:", 0 },
	};
	(void)i;
	(void)viewer;
	for (size_t n = 0; n < ARRAY_SIZE(lines); n++)
		seq_printf(s, "%-15s %8" PRIu64 " kB\n", lines[n].name, lines[n].kb);
	seq_puts(s, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n"
		    "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	return 0;
}

static uint64_t context_switches(void)
{
	uint64_t n = 0;
	FOREACH_PROCESS(tg) {
		struct task *t;
		n += tg->rusage_dead.ru_nvcsw + tg->rusage_dead.ru_nivcsw + tg->rusage_children.ru_nvcsw + tg->rusage_children.ru_nivcsw;
		TAILQ_FOREACH(t, &tg->threads, thread_link)
			n += t->nvcsw + t->nivcsw;
	}
	return n;
}

/* Nobody keeps count by processor: each has its equal part. */
int proc_machine_stat(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t user, sys, ncpus = machine_cpus(), all = machine_uptime_ns() * ncpus;
	(void)i;
	machine_cpu_time(&user, &sys);
	uint64_t idle = all > user + sys ? all - user - sys : 0;
	seq_printf(s, "cpu  %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", proc_ticks(user), proc_ticks(sys), proc_ticks(idle));
	for (unsigned n = 0; n < ncpus; n++)
		seq_printf(s, "cpu%u %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", n, proc_ticks(user / ncpus),
			   proc_ticks(sys / ncpus), proc_ticks(idle / ncpus));
	uint64_t boot = time_ns_shift(machine_boot_real_ns(), viewer ? -time_ns_offset(viewer->time_ns, CLOCK_BOOTTIME) : 0);
	seq_printf(s, "intr 0\nctxt %" PRIu64 "\nbtime %" PRIu64 "\nprocesses %d\nprocs_running %d\nprocs_blocked 0\n",
		   context_switches(), boot / NS_PER_SEC, pid_last(), MAX(machine_running(), 1));
	return 0;
}

int proc_uptime(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t user, sys, up = machine_uptime_ns(), all = up * machine_cpus();
	(void)i;
	machine_cpu_time(&user, &sys);
	uint64_t idle = all > user + sys ? all - user - sys : 0;
	up = machine_uptime_for(viewer);
	seq_printf(s, "%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", proc_ticks(up) / USER_HZ, proc_ticks(up) % USER_HZ,
		   proc_ticks(idle) / USER_HZ, proc_ticks(idle) % USER_HZ);
	return 0;
}

int proc_loadavg(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t load[3];
	(void)i;
	(void)viewer;
	machine_loadavg(load);
	for (int n = 0; n < 3; n++) {
		uint64_t hundredths = (load[n] * 100 + 32768) >> 16;
		seq_printf(s, "%" PRIu64 ".%02" PRIu64 " ", hundredths / 100, hundredths % 100);
	}
	seq_printf(s, "%d/%d %d\n", machine_running(), task_count(), pid_last());
	return 0;
}

int proc_version(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, MACHINE_SYSNAME " version " MACHINE_RELEASE " (sbx@sbx) (gcc " __VERSION__ ") " MACHINE_VERSION "\n");
	return 0;
}

extern const uint8_t kernel_config_gz[], kernel_config_gz_end[];     /* kernel_config.S */

int proc_config_gz(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_write(s, kernel_config_gz, (size_t)(kernel_config_gz_end - kernel_config_gz));
	return 0;
}

int proc_cmdline_kernel(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "\n");
	return 0;
}

int proc_filesystems(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct fs_type *type;
	(void)i;
	(void)viewer;
	for (int n = 0; (type = fs_type_nth(n)); n++)
		seq_printf(s, "%s\t%s\n", type->nodev ? "nodev" : "", type->name);
	return 0;
}

int proc_devices(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 pts\n\n"
		    "Block devices:\n  7 loop\n");
	return 0;
}

int proc_swaps(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

int proc_partitions(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)s;
	(void)i;
	(void)viewer;
	return 0;                                 /* not even a heading, as in Linux without disks */
}

int proc_interrupts(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_puts(s, "           ");
	for (int n = 0; n < machine_cpus(); n++)
		seq_printf(s, "CPU%-8d", n);
	seq_puts(s, "\n");
	return 0;
}

int proc_vmstat(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "nr_free_pages %" PRIu64 "\nnr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\noom_kill 0\n",
		   (uint64_t)(machine_free_bytes() / PAGE_SIZE));
	return 0;
}
