/* proc_impl.h - what the files of fs/proc share. */
#pragma once

#include "sentry/fs/pseudo/pseudo.h"
#include "sentry/kernel/pid_ns.h"

/* Tables, one a file. */
extern const struct pseudo_entry proc_pid_entries[];          /* /proc/PID; proc_pid.c */
extern const struct pseudo_entry proc_sys_entries[];          /* /proc/sys; proc_sys.c */
extern const struct pseudo_entry proc_sys_net_entries[];      /* proc_sys_net.c */
extern const struct pseudo_entry proc_sys_keys_entries[];     /* proc_keys.c */
extern const struct pseudo_entry proc_net_entries[];          /* /proc/PID/net; proc_net.c */
enum { PROC_NET_TCP = 1, PROC_NET_UDP = 2, PROC_NET_RAW = 4, PROC_NET_IPV6 = 8 };      /* proc_net_inet's arg */
extern const struct pseudo_entry proc_ns_entries[];           /* /proc/PID/ns; proc_ns.c */

int proc_timens_show(struct seq *s, struct pseudo_inode *i, struct task *viewer);        /* timens_offsets; proc_timens.c */
int proc_timens_store(struct pseudo_inode *i, struct pseudo_writer *w, char *text, size_t len);

extern const struct pseudo_entry proc_sysvipc_entries[];      /* /proc/sysvipc; proc_sysvipc.c */

/* Files of /proc/sys that are variables: a row of n, longs (any value) or ints (min to max). entry->ptr. */
struct proc_limit {
	uint64_t *longs;
	int *ints, n;
	int64_t min, max;
};
extern const struct proc_limit proc_shmmax, proc_shmall, proc_shmmni, proc_shm_next_id, proc_sem, proc_sem_next_id,
	proc_msgmax, proc_msgmnb, proc_msgmni, proc_msg_next_id,
	proc_mq_queues_max, proc_mq_msg_max, proc_mq_msgsize_max, proc_mq_msg_default, proc_mq_msgsize_default;
int proc_limit_show(struct seq *s, struct pseudo_inode *i, struct task *viewer);
int proc_limit_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len);
#define PROC_LIMIT(name_, limit) PSEUDO_FILE(name_, 0644, .show = proc_limit_show, .store = proc_limit_store, .ptr = &(limit))

/* A show() each. */
typedef int proc_show(struct seq *s, struct pseudo_inode *i, struct task *viewer);
proc_show proc_config_gz, proc_cpuinfo, proc_meminfo, proc_machine_stat, proc_uptime, proc_loadavg, proc_version, proc_filesystems,
	proc_devices, proc_locks, proc_keys, proc_key_users, proc_swaps, proc_vmstat, proc_partitions, proc_interrupts,
	proc_cmdline_kernel;
proc_show proc_pid_stat, proc_pid_statm, proc_pid_status, proc_pid_maps, proc_pid_smaps, proc_pid_cmdline,
	proc_pid_environ, proc_pid_auxv, proc_pid_comm, proc_pid_limits, proc_pid_personality, proc_pid_syscall,
	proc_pid_oom_score, proc_pid_oom_score_adj, proc_pid_oom_adj, proc_pid_timerslack, proc_pid_mounts,
	proc_pid_schedstat, proc_pid_mountinfo, proc_pid_mountstats, proc_pid_coredump_filter, proc_net_inet, proc_net_unix;
/* "1: POSIX  ADVISORY  WRITE …", a line. pid: as it is to be shown. */
struct lock_info;
void proc_show_lock(struct seq *s, int number, const struct inode *i, const struct lock_info *l, int pid);
long proc_pid_maps_ioctl(struct pseudo_inode *i, struct task *t, unsigned cmd, uint64_t arg);
/* A mapping's columns: where it comes from, what it is called. */
void proc_vma_where(const struct vma *v, uint64_t *off, dev_t *dev, uint64_t *ino);
void proc_vma_name(struct seq *s, const struct vma *v, struct task *viewer, const char *escape);
typedef int proc_store(struct pseudo_inode *i, struct task *writer, char *text, size_t len);
proc_store proc_pid_comm_store, proc_pid_oom_score_adj_store, proc_pid_oom_adj_store, proc_pid_timerslack_store,
	proc_pid_coredump_filter_store;

/* Whose numbers this /proc shows: the pid namespace it was mounted in. */
const struct pid_ns *proc_pid_ns(const struct pseudo_inode *i);

/* pseudo_entry functions for what is about i->task. */
void proc_pid_refresh(struct pseudo_inode *i);                /* owner */
int proc_pid_check(struct pseudo_inode *i);                   /* -ESRCH: reaped */
int proc_pid_may_open(struct pseudo_inode *i, struct task *viewer);   /* -EACCES unless viewer may look into it */
int proc_pid_measure(struct pseudo_inode *i, struct task *viewer);    /* 0: asks the host about the viewer's own memory. Sleeps */
bool proc_may_look(struct task *viewer, struct task *target);
int proc_task_lookup(struct pseudo_inode *dir, const char *name, struct inode **out);   /* task/TID */
int proc_task_iterate(struct pseudo_inode *dir, struct dir_context *ctx);
int proc_fd_lookup(struct pseudo_inode *dir, const char *name, struct inode **out);     /* fd/N, fdinfo/N */
int proc_fd_iterate(struct pseudo_inode *dir, struct dir_context *ctx);
int proc_fdinfo_lookup(struct pseudo_inode *dir, const char *name, struct inode **out);
int proc_mem_open(struct pseudo_inode *i, const struct path *path, int flags, struct task *t, struct file **out);
ssize_t proc_exe_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes);
int proc_exe_follow(struct pseudo_inode *i, struct task *viewer, struct path *out);
ssize_t proc_cwd_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes);
int proc_cwd_follow(struct pseudo_inode *i, struct task *viewer, struct path *out);
ssize_t proc_root_readlink(struct pseudo_inode *i, struct task *viewer, char *buf, size_t bytes);
int proc_root_follow(struct pseudo_inode *i, struct task *viewer, struct path *out);

/* The path's name as a link's target: its length. */
ssize_t proc_path_target(struct task *viewer, const struct path *p, char *buf, size_t bytes);
uint64_t proc_ticks(uint64_t ns);                             /* in USER_HZ */
