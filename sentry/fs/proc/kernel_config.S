/* kernel_config.txt, gzipped, as the bytes of /proc/config.gz. CONFIG_FILE comes from CMake. */
	.section .rodata
	.globl kernel_config_gz
	.globl kernel_config_gz_end
kernel_config_gz:
	.incbin CONFIG_FILE
kernel_config_gz_end:
	.section .note.GNU-stack,"",@progbits
