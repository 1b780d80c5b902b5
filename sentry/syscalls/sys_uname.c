/* sys_uname.c - the machine's names and state: uname, sethostname, setdomainname, sysinfo, syslog, personality, getcpu.
 *
 * LINUX    kernel/sys.c, kernel/printk/printk.c. There is no kernel log: readers with CAP_SYSLOG find it empty. */
#include <linux/capability.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "sentry/kernel/machine.h"
#include "sentry/syscalls/table.h"

long sys_uname(struct task *t, uptr_t buf)
{
	struct utsname u = { MACHINE_SYSNAME, "", MACHINE_RELEASE, MACHINE_VERSION, MACHINE_ARCH, "" };
	memcpy(u.nodename, t->uts->hostname, sizeof(u.nodename));
	memcpy(u.domainname, t->uts->domainname, sizeof(u.domainname));
	return put_user(t, buf, &u);
}

static long set_name(struct task *t, char field[65], uptr_t name, uint64_t len)
{
	char new[65] = { 0 };
	if (!cred_ns_cap(t->cred, t->uts->id.owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (len > 64)
		return -EINVAL;
	int err = copy_from_user(t, new, name, len);
	if (err)
		return err;
	memcpy(field, new, sizeof(new));
	return 0;
}

long sys_sethostname(struct task *t, uptr_t name, uint64_t len)
{
	return set_name(t, t->uts->hostname, name, len);
}

long sys_setdomainname(struct task *t, uptr_t name, uint64_t len)
{
	return set_name(t, t->uts->domainname, name, len);
}

long sys_sysinfo(struct task *t, uptr_t info)
{
	uint64_t load[3];
	machine_loadavg(load);
	struct sysinfo si = {
		.uptime = (machine_uptime_for(t) + NS_PER_SEC - 1) / NS_PER_SEC,
		.loads = { load[0], load[1], load[2] },       /* SI_LOAD_SHIFT is 16 too */
		.totalram = machine_ram_bytes(),
		.freeram = machine_free_bytes(),
		.procs = MIN(task_count(), UINT16_MAX),
		.mem_unit = 1,
	};
	return put_user(t, info, &si);
}

long sys_getcpu(struct task *t, uptr_t cpu, uptr_t node, uptr_t tcache)
{
	(void)tcache;                             /* unused since Linux 2.6.24 */
	unsigned n = 0, zero = 0;
	while (n + 1 < (unsigned)machine_cpus() && !(t->cpu_mask[n / 64] >> n % 64 & 1))
		n++;
	int err = uptr_null(cpu) ? 0 : put_user(t, cpu, &n);
	if (!err && !uptr_null(node))
		err = put_user(t, node, &zero);
	return err;
}

long sys_personality(struct task *t, unsigned persona)
{
	unsigned old = t->personality;
	if (persona != 0xffffffff)
		t->personality = persona;
	return old;
}

long sys_syslog(struct task *t, int type, uptr_t bufp, int len)
{
	enum { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, CONSOLE_OFF, CONSOLE_ON, CONSOLE_LEVEL, SIZE_UNREAD, SIZE_BUFFER };
	if (!cred_has_cap(t->cred, CAP_SYSLOG) && !cred_has_cap(t->cred, CAP_SYS_ADMIN))
		return -EPERM;                    /* as with kernel.dmesg_restrict */
	switch (type) {
	case READ: case READ_ALL: case READ_CLEAR:
		if (uptr_null(bufp) || len < 0)
			return -EINVAL;
		if (type == READ && len > 0)
			return wait_event(t, NULL, false);      /* until there is a message: never */
		return 0;
	case CONSOLE_LEVEL:
		return len < 1 || len > 8 ? -EINVAL : 0;
	case SIZE_BUFFER:
		return 1 << 17;
	case CLOSE: case OPEN: case CLEAR: case CONSOLE_OFF: case CONSOLE_ON: case SIZE_UNREAD:
		return 0;
	}
	return -EINVAL;
}
