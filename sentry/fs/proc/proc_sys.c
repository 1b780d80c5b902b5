/* proc_sys.c - /proc/sys: the kernel's parameters.
 *
 * HOW      What this kernel has as a variable can be read and, by root, written; everything else is the number that holds, read-only.
 * LINUX    kernel/sysctl.c and Documentation/admin-guide/sysctl. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/aio/aio.h"
#include "sentry/fs/inotify/inotify.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/proc/proc_impl.h"
#include "sentry/kernel/coredump.h"
#include "sentry/kernel/machine.h"
#include "sentry/kernel/pid.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/vfs/lease.h"

/* --- names --- */

static int show_hostname(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	const struct uts_ns *uts = viewer ? viewer->uts : NULL;
	if (uts)
		seq_printf(s, "%.64s\n", i->entry->arg ? uts->domainname : uts->hostname);
	return 0;
}

static int store_hostname(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	char *field = i->entry->arg ? writer->uts->domainname : writer->uts->hostname;
	if (!cred_ns_cap(writer->cred, writer->uts->id.owner, CAP_SYS_ADMIN))
		return -EPERM;
	size_t n = MIN(len, strcspn(text, "\n"));
	if (n > 64)
		n = 64;
	memset(field, 0, 65);
	memcpy(field, text, n);
	return 0;
}

/* --- random --- */

static int show_boot_id(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%s\n", machine_boot_id());
	return 0;
}

static int show_uuid(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	char uuid[37];
	(void)i;
	(void)viewer;
	machine_uuid(uuid);
	seq_printf(s, "%s\n", uuid);
	return 0;
}

/* --- numbers that depend on the machine --- */

static int show_pid_max(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%d\n", pid_max);
	return 0;
}

static int show_last_pid(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	seq_printf(s, "%d\n", viewer->pid_ns->last);
	return 0;
}

static int store_last_pid(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	long n = pseudo_number(text);
	(void)i;
	(void)len;
	const struct user_ns *owner = writer->pid_ns->id.owner;
	if (!cred_ns_cap(writer->cred, owner, CAP_SYS_ADMIN) && !cred_ns_cap(writer->cred, owner, CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	if (n < 0 || n > pid_max)
		return -EINVAL;
	writer->pid_ns->last = (int)n;
	return 0;
}

/* As Linux sets them at boot: by the memory there is. arg: bytes for one. */
static int show_by_memory(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seq_printf(s, "%" PRIu64 "\n", machine_ram_bytes() / (uint64_t)i->entry->arg);
	return 0;
}

static int show_file_nr(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	uint64_t n = 0;
	(void)i;
	(void)viewer;
	FOREACH_PROCESS(tg) {
		const struct fdtable *ft = tg->leader ? tg->leader->files : NULL;
		for (int fd = 0; ft && fd < ft->size; fd++)
			n += ft->slots[fd].file != NULL;
	}
	seq_printf(s, "%" PRIu64 "\t0\t9223372036854775807\n", n);
	return 0;
}

/* --- files --- */

static int show_lease_time(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%d\n", lease_break_time_s);
	return 0;
}

static int store_lease_time(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	long n = pseudo_number(text);
	(void)i;
	(void)len;
	if (!cred_has_cap(writer->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (n < 0 || n > INT32_MAX)
		return -EINVAL;
	lease_break_time_s = (int)n;
	return 0;
}

static const struct proc_limit aio_limit = { .ints = &aio_max_nr, .n = 1, .max = 1 << 20 };

static int show_aio_nr(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%d\n", aio_nr);
	return 0;
}

static int show_pipe_max(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%u\n", pipe_max_bytes);
	return 0;
}

/* In whole slots, whose number is a power of two. More than at boot is refused: it is the sentry's memory. */
static int store_pipe_max(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	long n = pseudo_number(text), bytes = PAGE_SIZE;
	(void)i;
	(void)writer;
	(void)len;
	if (n <= 0 || n > (long)PIPE_MAX_BYTES)
		return -EINVAL;
	while (bytes < n)
		bytes *= 2;
	pipe_max_bytes = (unsigned)bytes;
	return 0;
}

/* --- core files --- */

static int show_core_pattern(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)i;
	(void)viewer;
	seq_printf(s, "%s\n", core_pattern);
	return 0;
}

static int store_core_pattern(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	(void)i;
	if (!cred_has_cap(writer->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (*text == '|' || len >= CORE_PATTERN_BYTES)
		return -EINVAL;               /* there is nobody to run a program for the kernel */
	snprintf(core_pattern, sizeof(core_pattern), "%s", text);
	return 0;
}

/* --- seccomp --- */

static int show_seccomp_actions(struct seq *s, struct pseudo_inode *i, struct task *viewer)
{
	(void)viewer;
	seccomp_show_actions(s, i->entry->arg);
	return 0;
}

static int store_actions_logged(struct pseudo_inode *i, struct task *writer, char *text, size_t len)
{
	(void)i;
	(void)len;
	return cred_has_cap(writer->cred, CAP_SYS_ADMIN) ? seccomp_set_logged(text) : -EPERM;
}

static const struct proc_limit core_limit = { .ints = &core_uses_pid, .n = 1, .max = INT32_MAX };

static const struct pseudo_entry seccomp_entries[] = {
	PSEUDO_FILE("actions_avail", 0444, .show = show_seccomp_actions),
	PSEUDO_FILE("actions_logged", 0644, .show = show_seccomp_actions, .store = store_actions_logged, .arg = true),
	{ 0 },
};

static const struct pseudo_entry random_entries[] = {
	PSEUDO_FILE("boot_id", 0444, .show = show_boot_id),
	PSEUDO_FILE("uuid", 0444, .show = show_uuid),
	PSEUDO_NUMBER("entropy_avail", 0444, 256),
	PSEUDO_NUMBER("poolsize", 0444, 256),
	PSEUDO_NUMBER("urandom_min_reseed_secs", 0444, 60),
	PSEUDO_NUMBER("write_wakeup_threshold", 0444, 256),
	{ 0 },
};

static const struct pseudo_entry kernel_entries[] = {
	PSEUDO_FILE("hostname", 0644, .show = show_hostname, .store = store_hostname, .arg = 0),
	PSEUDO_FILE("domainname", 0644, .show = show_hostname, .store = store_hostname, .arg = 1),
	PSEUDO_STRING("ostype", 0444, MACHINE_SYSNAME),
	PSEUDO_STRING("osrelease", 0444, MACHINE_RELEASE),
	PSEUDO_STRING("version", 0444, MACHINE_VERSION),
	PSEUDO_STRING("arch", 0444, MACHINE_ARCH),
	PSEUDO_FILE("pid_max", 0444, .show = show_pid_max),
	PSEUDO_FILE("ns_last_pid", 0666, .show = show_last_pid, .store = store_last_pid),
	PSEUDO_FILE("threads-max", 0444, .show = show_by_memory, .arg = 131072),
	PSEUDO_DIR("random", random_entries),
	PSEUDO_DIR("seccomp", seccomp_entries),
	PSEUDO_NUMBER("cap_last_cap", 0444, CAP_LAST_CAP),
	PSEUDO_FILE("core_pattern", 0644, .show = show_core_pattern, .store = store_core_pattern),
	PROC_LIMIT("core_uses_pid", core_limit),
	PSEUDO_NUMBER("dmesg_restrict", 0444, 1),
	PSEUDO_NUMBER("kptr_restrict", 0444, 1),
	PSEUDO_NUMBER("ngroups_max", 0444, 65536),
	PSEUDO_NUMBER("auto_msgmni", 0444, 0),
	PROC_LIMIT("msgmax", proc_msgmax),
	PROC_LIMIT("msgmnb", proc_msgmnb),
	PROC_LIMIT("msgmni", proc_msgmni),
	PROC_LIMIT("msg_next_id", proc_msg_next_id),
	PROC_LIMIT("shmmax", proc_shmmax),
	PROC_LIMIT("shmall", proc_shmall),
	PROC_LIMIT("shmmni", proc_shmmni),
	PROC_LIMIT("shm_next_id", proc_shm_next_id),
	PSEUDO_NUMBER("shm_rmid_forced", 0444, 0),
	PROC_LIMIT("sem", proc_sem),
	PROC_LIMIT("sem_next_id", proc_sem_next_id),
	PSEUDO_DIR("keys", proc_sys_keys_entries),
	PSEUDO_NUMBER("overflowuid", 0444, 65534),
	PSEUDO_NUMBER("overflowgid", 0444, 65534),
	PSEUDO_NUMBER("perf_event_paranoid", 0444, 4),
	PSEUDO_STRING("printk", 0444, "4\t4\t1\t7"),
	PSEUDO_NUMBER("randomize_va_space", 0444, 2),
	PSEUDO_NUMBER("sched_rr_timeslice_ms", 0444, 100),
	PSEUDO_NUMBER("sched_rt_period_us", 0444, 1000000),
	PSEUDO_NUMBER("sched_rt_runtime_us", 0444, 950000),
	PSEUDO_NUMBER("tainted", 0444, 0),
	PSEUDO_NUMBER("unprivileged_bpf_disabled", 0444, 2),
	{ 0 },
};

static const struct pseudo_entry vm_entries[] = {
	PSEUDO_NUMBER("overcommit_memory", 0444, 0),
	PSEUDO_NUMBER("overcommit_ratio", 0444, 50),
	PSEUDO_NUMBER("overcommit_kbytes", 0444, 0),
	PSEUDO_NUMBER("max_map_count", 0444, MM_MAX_MAP_COUNT),
	PSEUDO_NUMBER("mmap_min_addr", 0444, PL_GUEST_MIN),
	PSEUDO_NUMBER("swappiness", 0444, 60),
	PSEUDO_NUMBER("dirty_ratio", 0444, 20),
	PSEUDO_NUMBER("dirty_background_ratio", 0444, 10),
	PSEUDO_NUMBER("min_free_kbytes", 0444, 0),
	PSEUDO_NUMBER("nr_hugepages", 0444, 0),
	PSEUDO_NUMBER("page-cluster", 0444, 3),
	PSEUDO_NUMBER("panic_on_oom", 0444, 0),
	PSEUDO_NUMBER("oom_kill_allocating_task", 0444, 0),
	PSEUDO_NUMBER("unprivileged_userfaultfd", 0444, 0),
	PSEUDO_NUMBER("vfs_cache_pressure", 0444, 100),
	{ 0 },
};

static const struct proc_limit inotify_limits[] = {
	{ .ints = &inotify_max_queued, .n = 1, .max = 1 << 20 },
	{ .ints = &inotify_max_instances, .n = 1, .max = INT32_MAX },
	{ .ints = &inotify_max_watches, .n = 1, .max = 1 << 20 },
};
static const struct pseudo_entry inotify_entries[] = {
	PROC_LIMIT("max_queued_events", inotify_limits[0]),
	PROC_LIMIT("max_user_instances", inotify_limits[1]),
	PROC_LIMIT("max_user_watches", inotify_limits[2]),
	{ 0 },
};
static const struct pseudo_entry epoll_entries[] = {
	PSEUDO_FILE("max_user_watches", 0444, .show = show_by_memory, .arg = 4096),
	{ 0 },
};
static const struct pseudo_entry mqueue_entries[] = {
	PROC_LIMIT("msg_default", proc_mq_msg_default),
	PROC_LIMIT("msg_max", proc_mq_msg_max),
	PROC_LIMIT("msgsize_default", proc_mq_msgsize_default),
	PROC_LIMIT("msgsize_max", proc_mq_msgsize_max),
	PROC_LIMIT("queues_max", proc_mq_queues_max),
	{ 0 },
};

static const struct pseudo_entry fs_entries[] = {
	PROC_LIMIT("aio-max-nr", aio_limit),
	PSEUDO_FILE("aio-nr", 0444, .show = show_aio_nr),
	PSEUDO_STRING("file-max", 0444, "9223372036854775807"),
	PSEUDO_FILE("file-nr", 0444, .show = show_file_nr),
	PSEUDO_FILE("lease-break-time", 0644, .show = show_lease_time, .store = store_lease_time),
	PSEUDO_NUMBER("leases-enable", 0444, 1),
	PSEUDO_NUMBER("mount-max", 0444, 100000),
	PSEUDO_NUMBER("nr_open", 0444, 1048576),
	PSEUDO_NUMBER("overflowuid", 0444, 65534),
	PSEUDO_NUMBER("overflowgid", 0444, 65534),
	PSEUDO_FILE("pipe-max-size", 0644, .show = show_pipe_max, .store = store_pipe_max),
	PSEUDO_NUMBER("pipe-user-pages-hard", 0444, 0),
	PSEUDO_NUMBER("pipe-user-pages-soft", 0444, 16384),
	PSEUDO_NUMBER("protected_fifos", 0444, 0),
	PSEUDO_NUMBER("protected_hardlinks", 0444, 1),
	PSEUDO_NUMBER("protected_regular", 0444, 0),
	PSEUDO_NUMBER("protected_symlinks", 0444, 0),
	PSEUDO_NUMBER("suid_dumpable", 0444, 0),
	PSEUDO_DIR("inotify", inotify_entries),
	PSEUDO_DIR("epoll", epoll_entries),
	PSEUDO_DIR("mqueue", mqueue_entries),
	{ 0 },
};

/* One limit for all kinds and users. */
#define NS_LIMIT(kind) PSEUDO_NUMBER("max_" kind "_namespaces", 0444, NS_MAX)
static const struct pseudo_entry user_entries[] = {
	NS_LIMIT("cgroup"), NS_LIMIT("ipc"), NS_LIMIT("mnt"), NS_LIMIT("net"), NS_LIMIT("pid"), NS_LIMIT("time"),
	NS_LIMIT("user"), NS_LIMIT("uts"),
	{ 0 },
};

const struct pseudo_entry proc_sys_entries[] = {
	PSEUDO_DIR("fs", fs_entries),
	PSEUDO_DIR("kernel", kernel_entries),
	PSEUDO_DIR("net", proc_sys_net_entries),
	PSEUDO_DIR("user", user_entries),
	PSEUDO_DIR("vm", vm_entries),
	{ 0 },
};
