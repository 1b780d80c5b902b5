/* capstone_x86.c - keeps the other processors out of capstone's static library.
 *
 * Its core refers to every processor's module; those we define here the linker need not take from the library. They are four fifths
 * of it, and have tables of addresses, 1.4 MB, that every start of a position-independent program would relocate page by page:
 * 1.1 ms, more than all namespaces cost. The linker is told to look for one of these names first (-u, CMakeLists.txt). */
#include <capstone/capstone.h>

#define WITHOUT(processor)                                                       \
	cs_err processor##_global_init(void *handle);                            \
	cs_err processor##_option(void *handle, cs_opt_type type, size_t value); \
	cs_err processor##_global_init(void *handle)                             \
	{                                                                        \
		(void)handle;                                                    \
		return CS_ERR_ARCH;                                              \
	}                                                                        \
	cs_err processor##_option(void *handle, cs_opt_type type, size_t value)  \
	{                                                                        \
		(void)handle, (void)type, (void)value;                           \
		return CS_ERR_ARCH;                                              \
	}
WITHOUT(ARM)
WITHOUT(AArch64)
WITHOUT(Mips)
WITHOUT(PPC)
WITHOUT(Sparc)
WITHOUT(SystemZ)
WITHOUT(XCore)
WITHOUT(M68K)
WITHOUT(TMS320C64x)
WITHOUT(M680X)
WITHOUT(EVM)
