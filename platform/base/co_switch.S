/* co_switch(void **save_sp, void *load_sp): saves the callee-saved registers and the stack pointer,
 * takes the other's. System V ABI; MXCSR and the x87 control word are never changed by the sentry. */
	.text
	.globl co_switch
	.type co_switch, @function
co_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size co_switch, . - co_switch

/* The first frame of a coroutine: r12 = its struct, r13 = co_entry. */
	.globl co_start
	.type co_start, @function
co_start:
	movq %r12, %rdi
	xorl %ebp, %ebp
	callq *%r13
	ud2
	.size co_start, . - co_start
	.section .note.GNU-stack,"",@progbits
