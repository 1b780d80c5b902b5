/* blob_entry.S - the trap code's edges: signal entry, return to the guest, new threads and processes.
 *
 * A thread's guest registers live in the signal frame on its own alternate stack; going back to the
 * guest is rt_sigreturn on that frame. The slot is found from the stack pointer: areas are aligned to their size.
 * Calls from rewritten sites come in by blob_fast.S. */
#include <asm/unistd.h>

#include "platform/systrap/layout.h"

#define EVENT_READY 0x100

	.section .header, "a"
	.quad stub_handler
	.quad stub_restorer
	.quad stub_template_start
	.quad stub_fast
	.quad blob_end

	.text
	/* rdi: signal. rsp: the frame. */
	.globl stub_handler
stub_handler:
	movq %rsp, %rbx
	movl %edi, %esi
	movq %rbx, %rdi
	andq $-16, %rsp
	call stub_signal
	jmp stub_sigreturn
	/* rbx: the frame of a thread that has just begun */
stub_enter:
	movq %rbx, %rdi
	movq %rbx, %rsi
	andq $-AREA_BYTES, %rsi
	andq $-16, %rsp
	movl $EVENT_READY, %edx
	call stub_event
stub_sigreturn:
	leaq 8(%rbx), %rsp
stub_restorer:
	movl $__NR_rt_sigreturn, %eax
	syscall
	hlt

	/* long stub_syscall(nr, a0..a5 on the C side: rdi=nr, rsi=args*) */
	.globl stub_syscall
stub_syscall:
	movq %rdi, %rax
	movq %rsi, %r11
	movq 0(%r11), %rdi
	movq 8(%r11), %rsi
	movq 16(%r11), %rdx
	movq 24(%r11), %r10
	movq 32(%r11), %r8
	movq 40(%r11), %r9
	syscall
	ret

	/* int stub_cmpxchg(uint32_t *addr, uint32_t *old, uint32_t new): 1 done, 0 differs (*old updated), -1 fault */
	.globl stub_cmpxchg
stub_cmpxchg:
	movl (%rsi), %eax
	.globl stub_cmpxchg_insn, stub_cmpxchg_fixup
stub_cmpxchg_insn:
	lock cmpxchgl %edx, (%rdi)
	movl %eax, (%rsi)
	movl $0, %eax
	sete %al
	ret
stub_cmpxchg_fixup:
	movl $-1, %eax
	ret

	/* size_t stub_copy(to, from, bytes): what is left */
	.globl stub_copy
stub_copy:
	movq %rdx, %rcx
	.globl stub_copy_insn, stub_copy_fixup
stub_copy_insn:
	rep movsb
stub_copy_fixup:
	movq %rcx, %rax
	ret

	/* uint32_t stub_copy_string(to, from, max): bytes with the NUL, or 0 */
	.globl stub_copy_string
stub_copy_string:
	xorl %eax, %eax
1:	cmpl %edx, %eax
	jae stub_string_fixup
	.globl stub_string_insn, stub_string_fixup
stub_string_insn:
	movzbl (%rsi,%rax), %ecx
	movb %cl, (%rdi,%rax)
	incl %eax
	testl %ecx, %ecx
	jnz 1b
	ret
stub_string_fixup:
	xorl %eax, %eax
	ret

	/* int stub_touch(addr): 0 if it can be written to */
	.globl stub_touch
stub_touch:
	.globl stub_touch_insn, stub_touch_fixup
stub_touch_insn:
	lock orb $0, (%rdi)
	xorl %eax, %eax
	ret
stub_touch_fixup:
	movl $-1, %eax
	ret

	/* long stub_clone_thread(flags, child_frame, tid_address): the child starts on its own frame. */
	.globl stub_clone_thread
stub_clone_thread:
	movl $__NR_clone, %eax
	movq %rdx, %r10
	xorl %r8d, %r8d
	syscall
	testq %rax, %rax
	jz 1f
	ret
1:	movq %rsp, %rbx
	xorl %ebp, %ebp
	jmp stub_enter

	/* long stub_fork(flags, frame, areas, areas_bytes, memfd, control): the child has no stack until it has
	 * mapped its own areas; the sentry has put a copy of the frame at the same place there. */
	.globl stub_fork
stub_fork:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsi, %rbx
	movq %rdx, %r12
	movq %rcx, %r13
	movq %r8, %r14
	movq %r9, %r15
	movl $__NR_clone, %eax
	xorl %esi, %esi
	xorl %edx, %edx
	xorl %r10d, %r10d
	xorl %r8d, %r8d
	syscall
	testq %rax, %rax
	jz 1f
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
1:	movl $__NR_mmap, %eax
	movq %r12, %rdi
	movq %r13, %rsi
	movl $3, %edx
	movl $0x11, %r10d
	movq %r14, %r8
	xorl %r9d, %r9d
	syscall
	cmpq %r12, %rax
	jne 2f
	movl $__NR_madvise, %eax
	movq %r12, %rdi
	movq %r13, %rsi
	movl $10, %edx
	syscall
	testq %rax, %rax
	jnz 2f
	movl $__NR_dup3, %eax
	movq %r15, %rdi
	movl $3, %esi
	movl $0x80000, %edx
	syscall
	movl $__NR_close, %eax
	movq %r14, %rdi
	syscall
	movl $__NR_close, %eax
	movq %r15, %rdi
	syscall
	movq %rbx, %rsp
	andq $-16, %rsp
	xorl %ebp, %ebp
	call stub_hello
	jmp stub_enter
2:	movl $__NR_exit, %eax
	movl $1, %edi
	syscall
	hlt

	/* The template begins here: rdi = frame, rsi = ranges to unmap (on the frame's stack). */
	.globl stub_template_start
stub_template_start:
	movq %rdi, %rbx
	movq %rdi, %rsp
	subq $256, %rsp
	andq $-16, %rsp
	xorl %ebp, %ebp
	movq %rsi, %rdi
	call stub_unmap
	call stub_hello
	jmp stub_enter
	.section .note.GNU-stack,"",@progbits
