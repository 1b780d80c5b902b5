/* The trap code's flat image, as data of ours to be copied to STUB_TEXT. BLOB_FILE comes from CMake. */
	.section .rodata
	.balign 16
	.globl blob_image
	.globl blob_image_end
blob_image:
	.incbin BLOB_FILE
blob_image_end:
	.section .note.GNU-stack,"",@progbits
