/* blob_fast.S - the fast entry: where rewritten call sites jump to instead of executing a system call instruction.
 *
 * IN     rax: number; rcx: where to go on; r11 is free; GS: the thread's slot; the rest as at a system call.
 * OUT    rax: result; all but rcx and r11 as before, the arithmetic flags too. No instruction of it touches the guest's stack.
 *        Or, LOAD_ALL: anywhere, with all registers as the sentry says, by iretq: a signal handler, the return from one.
 * EVENTS stub_event() as after a signal, but that the registers are in slot->regs and the extended state in the registers:
 *        a frame is made only if the sentry asks (CMD_FRAME) or an interrupt came (slot->pending): then the thread leaves
 *        by an instruction that faults, with all registers the guest's, and the handler makes of it EVENT_FRAME.
 * SIGNAL stub_signal() knows the labels: between answer_check and answer_end it completes the answer; from exit_check and
 *        full_check to their ends it goes back to them; anywhere else slot->pending is seen later by one of the checks. */
#include "platform/systrap/layout.h"

	.text
	.globl stub_fast, stub_answer_check, stub_answer_end, stub_exit_check, stub_exit_end, stub_frame_insn
	.globl stub_full_check, stub_full_end, stub_full_insn
stub_fast:
	movq %rax, %r11
	lahf
	seto %al
	movl %eax, %gs:SLOT_ARITH
	cmpq $256, %r11
	jae fast_event
	leaq stub_answer_index(%rip), %rax
	movzbl (%rax,%r11), %eax
	testl %eax, %eax
	jz fast_event
	movq %gs:SLOT_ANSWER(,%rax,8), %rax
	testq %rax, %rax
	js fast_event
	movq %rax, %r11
	incq %gs:SLOT_ANSWERED
stub_answer_check:
	cmpl $0, %gs:SLOT_PENDING
	jne answer_pending
	movl %gs:SLOT_ARITH, %eax
	addb $127, %al
	sahf
	movq %r11, %rax
	jmp *%rcx
stub_answer_end:
answer_pending:
	movl $0, %gs:SLOT_PENDING
	movl %gs:SLOT_ARITH, %eax
	addb $127, %al
	sahf
	movq %r11, %rax
	jmp stub_frame_insn

fast_event:
	movq %rcx, %gs:SLOT_REGS + 0
	movq %r11, %gs:SLOT_REGS + 8
	movq %rdi, %gs:SLOT_REGS + 16
	movq %rsi, %gs:SLOT_REGS + 24
	movq %rdx, %gs:SLOT_REGS + 32
	movq %r10, %gs:SLOT_REGS + 40
	movq %r8, %gs:SLOT_REGS + 48
	movq %r9, %gs:SLOT_REGS + 56
	movq %rsp, %gs:SLOT_REGS + 64
	movq %rbx, %gs:SLOT_REGS + 72
	movq %rbp, %gs:SLOT_REGS + 80
	movq %r12, %gs:SLOT_REGS + 88
	movq %r13, %gs:SLOT_REGS + 96
	movq %r14, %gs:SLOT_REGS + 104
	movq %r15, %gs:SLOT_REGS + 112
	movq %gs:SLOT_SELF, %rbx
	leaq AREA_WINDOWS(%rbx), %rsp
	pushfq
	popq SLOT_REGS + 120(%rbx)
	cld
	xorl %edi, %edi
	movq %rbx, %rsi
	movl $EVENT_FAST, %edx
	call stub_event
	cmpl $CMD_FRAME, %eax
	je leave_by_frame
	testl $LOAD_ALL, %gs:SLOT_LOAD
	jnz stub_full_check
stub_exit_check:
	cmpl $0, %gs:SLOT_PENDING
	jne leave_by_frame
	testb $4, %gs:SLOT_REGS + 121              /* the direction flag */
	jnz leave_by_frame
	movq %gs:SLOT_REGS + 16, %rdi
	movq %gs:SLOT_REGS + 24, %rsi
	movq %gs:SLOT_REGS + 32, %rdx
	movq %gs:SLOT_REGS + 40, %r10
	movq %gs:SLOT_REGS + 48, %r8
	movq %gs:SLOT_REGS + 56, %r9
	movq %gs:SLOT_REGS + 64, %rsp
	movq %gs:SLOT_REGS + 72, %rbx
	movl %gs:SLOT_ARITH, %eax
	addb $127, %al
	sahf
	movq %gs:SLOT_REGS + 0, %rcx
	movq %gs:SLOT_RESULT, %rax
	jmp *%rcx
stub_exit_end:

	/* The guest goes on somewhere else, with every register another: into a signal handler, or back from one. */
stub_full_check:
	movq %gs:SLOT_SELF, %rbx
	leaq AREA_WINDOWS(%rbx), %rsp
	testl $LOAD_XSTATE, %gs:SLOT_LOAD
	jz 1f
	movl $-1, %eax
	movl $-1, %edx
	xrstor64 AREA_XSAVE(%rbx)
1:	cmpl $0, %gs:SLOT_PENDING
	jne full_pending
	pushq $0x2b
	pushq %gs:SLOT_REGS + 64
	pushq %gs:SLOT_REGS + 120
	pushq $0x33
	pushq %gs:SLOT_REGS + 0
	movq %gs:SLOT_REGS + 16, %rdi
	movq %gs:SLOT_REGS + 24, %rsi
	movq %gs:SLOT_REGS + 32, %rdx
	movq %gs:SLOT_REGS + 40, %r10
	movq %gs:SLOT_REGS + 48, %r8
	movq %gs:SLOT_REGS + 56, %r9
	movq %gs:SLOT_REGS + 72, %rbx
	movq %gs:SLOT_REGS + 80, %rbp
	movq %gs:SLOT_REGS + 88, %r12
	movq %gs:SLOT_REGS + 96, %r13
	movq %gs:SLOT_REGS + 104, %r14
	movq %gs:SLOT_REGS + 112, %r15
	movq %gs:SLOT_RESULT, %rax
	movq %gs:SLOT_RCX, %rcx
	movq %gs:SLOT_R11, %r11
	iretq
stub_full_end:
full_pending:
	movl $0, %gs:SLOT_PENDING
stub_full_insn:
	ud2                                        /* stub_signal() puts slot->regs into the frame */

	/* void stub_xsave(void *area) */
	.globl stub_xsave
stub_xsave:
	movl $-1, %eax
	movl $-1, %edx
	xsave64 (%rdi)
	ret

leave_by_frame:
	movl $0, %gs:SLOT_PENDING
	testl $LOAD_XSTATE, %gs:SLOT_LOAD
	jz 1f
	movq %gs:SLOT_SELF, %rbx
	movl $-1, %eax
	movl $-1, %edx
	xrstor64 AREA_XSAVE(%rbx)
1:
	pushq %gs:SLOT_REGS + 120
	popfq
	movl %gs:SLOT_ARITH, %eax
	addb $127, %al
	sahf
	movq %gs:SLOT_REGS + 16, %rdi
	movq %gs:SLOT_REGS + 24, %rsi
	movq %gs:SLOT_REGS + 32, %rdx
	movq %gs:SLOT_REGS + 40, %r10
	movq %gs:SLOT_REGS + 48, %r8
	movq %gs:SLOT_REGS + 56, %r9
	movq %gs:SLOT_REGS + 64, %rsp
	movq %gs:SLOT_REGS + 72, %rbx
	movq %gs:SLOT_REGS + 0, %rcx
	movq %gs:SLOT_RESULT, %rax
stub_frame_insn:
	ud2
	.section .note.GNU-stack,"",@progbits
