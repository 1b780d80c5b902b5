/* ask_time.c - mm_ask_for_time(): a process that is not to read the host's clocks by itself.
 *
 * HOW      In a time namespace with offsets the vDSO, which computes the host's time from the host's data, would be wrong. Its
 *          clock_gettime becomes a system call: eight bytes of code, in the process's own copy of that page. Fork inherits it. Nothing
 *          else of the vDSO tells a clock that has an offset. A guest that computed from [vvar] by itself would see the host's.
 * LINUX    arch/x86/entry/vdso: there such a process has data pages of its own. */
#include "sentry/mm/internal.h"

/* mov $228,%eax; syscall; ret: the arguments are where the call wants them, and a C function loses rcx and r11 anyway. */
static const uint8_t ask[] = { 0xb8, SYS_clock_gettime, 0, 0, 0, 0x0f, 0x05, 0xc3 };

int mm_ask_for_time(struct mm *mm, struct pl_thread *pl)
{
	uint64_t at = pl_vdso_clock(), len, start = pl_vdso(&len);      /* all of it: the host splits no vDSO */
	if (mm->asks_for_time || !at)
		return 0;
	struct pl_call open = PL_CALL(SYS_mprotect, start, len, PROT_RWX);
	struct pl_call close = PL_CALL(SYS_mprotect, start, len, PROT_READ | PROT_EXEC);
	int err = pl_calls(pl, &open, 1);
	if (err || open.ret)
		return err ? err : -ENOMEM;
	ssize_t n = pl_write(mm->as, at, ask, sizeof(ask));
	err = pl_calls(pl, &close, 1);
	if (err || close.ret || n != (ssize_t)sizeof(ask))
		return -ENOMEM;
	mm->asks_for_time = true;
	return 0;
}
