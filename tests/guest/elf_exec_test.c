/* elf_exec_test.c - programs of unusual make, built byte by byte: what the loader maps where. Each ends with the byte that
 * it finds at some address as its exit status. */
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/guest/guest.h"

COVERS(execve);

#define BASE 0x400000UL
#define DATA 0x600000UL
#define FILE_BYTES 0x5000

static unsigned char image[FILE_BYTES];
static Elf64_Ehdr *const eh = (Elf64_Ehdr *)image;
static Elf64_Phdr *const ph = (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr));

/* exit(*(unsigned char *)addr) */
static void code_exit_with_byte_at(unsigned long addr)
{
	unsigned char *c = image + 0x1000;
	static const unsigned char code[] = { 0xb8, 60, 0, 0, 0, 0x0f, 0xb6, 0x3c, 0x25, 0, 0, 0, 0, 0x0f, 0x05 };
	memcpy(c, code, sizeof(code));
	unsigned low = (unsigned)addr;
	memcpy(c + 9, &low, 4);
}

/* *(char *)addr = 1; exit(0) */
static void code_write_at(unsigned long addr)
{
	static const unsigned char code[] = { 0xc6, 0x04, 0x25, 0, 0, 0, 0, 1, 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 };
	unsigned char *c = image + 0x1000;
	memcpy(c, code, sizeof(code));
	unsigned low = (unsigned)addr;
	memcpy(c + 3, &low, 4);
}

/* Text at BASE (file 0x1000), data at DATA + 0x300 (file 0x2300): 0x100 bytes of file, then zeroes over two pages more.
 * Everything else in the file is 0xee. */
static void make(void)
{
	memset(image, 0xee, sizeof(image));
	memset(image, 0, 0x1000);
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_version = EV_CURRENT;
	eh->e_entry = BASE;
	eh->e_phoff = sizeof(*eh);
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = BASE,
			      .p_filesz = 0x1000, .p_memsz = 0x1000, .p_align = 0x1000 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2300, .p_vaddr = DATA + 0x300,
			      .p_filesz = 0x100, .p_memsz = 0x2800, .p_align = 0x1000 };
	image[0x2300] = 42;
	image[0x2200] = 43;     /* before the segment, in its first page */
}

static char path[64];

/* 0-255: exit status; 256+n: signal n; -errno: not executed. */
static int run(void)
{
	snprintf(path, sizeof(path), "/tmp/elf_execXXXXXX");
	int fd = mkstemp(path);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, image, sizeof(image)), sizeof(image));
	ASSERT_OK(fchmod(fd, 0700));
	close(fd);
	int err[2];
	ASSERT_OK(pipe2(err, O_CLOEXEC));
	pid_t pid = fork();
	if (pid == 0) {
		execve(path, (char *[]){ path, NULL }, NULL);
		int e = errno;
		if (write(err[1], &e, sizeof(e)) < 0)
			_exit(1);
		_exit(0);
	}
	close(err[1]);
	int e = 0, st;
	ssize_t n = read(err[0], &e, sizeof(e));
	close(err[0]);
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	unlink(path);
	if (n == sizeof(e))
		return -e;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 256 + WTERMSIG(st);
}

static int byte_at(unsigned long addr)
{
	code_exit_with_byte_at(addr);
	return run();
}

TEST(file_part_zero_part_and_what_lies_around)
{
	make();
	EXPECT_EQ(byte_at(DATA + 0x300), 42);
	EXPECT_EQ(byte_at(DATA + 0x3ff), 0xee);
	EXPECT_EQ(byte_at(DATA + 0x400), 0);            /* zeroed in the file's last page */
	EXPECT_EQ(byte_at(DATA + 0xfff), 0);
	EXPECT_EQ(byte_at(DATA + 0x1000), 0);           /* anonymous pages */
	EXPECT_EQ(byte_at(DATA + 0x2fff), 0);
	EXPECT_EQ(byte_at(DATA + 0x200), 43);           /* the first page is the file's from its start */
	EXPECT_EQ(byte_at(DATA + 0x4000), 256 + SIGSEGV);
	EXPECT_EQ(byte_at(DATA - 1), 256 + SIGSEGV);
}

TEST(protection_is_the_segments_own)
{
	make();
	code_write_at(DATA + 0x300);
	EXPECT_EQ(run(), 0);
	code_write_at(DATA + 0x2fff);
	EXPECT_EQ(run(), 0);
	code_write_at(BASE + 0x800);
	EXPECT_EQ(run(), 256 + SIGSEGV);
	ph[1].p_flags = PF_R;
	ph[1].p_memsz = ph[1].p_filesz;
	code_write_at(DATA + 0x300);
	EXPECT_EQ(run(), 256 + SIGSEGV);
	EXPECT_EQ(byte_at(DATA + 0x400), 0xee);         /* nothing beyond to be zeroed */
	make();
	code_exit_with_byte_at(DATA + 0x300);
	ph[0].p_flags = PF_R;
	EXPECT_EQ(run(), 256 + SIGSEGV);                /* not executable */
}

TEST(a_segment_may_be_all_zero)
{
	make();
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = DATA, .p_memsz = 0x1800, .p_align = 0x1000 };
	EXPECT_EQ(byte_at(DATA), 0);
	EXPECT_EQ(byte_at(DATA + 0x17ff), 0);
	code_write_at(DATA + 0x1fff);
	EXPECT_EQ(run(), 0);
}

TEST(an_empty_segment_is_nothing)
{
	make();
	eh->e_phnum = 3;
	ph[2] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R, .p_offset = 0x3000, .p_vaddr = 0x700000, .p_align = 0x1000 };
	EXPECT_EQ(byte_at(DATA + 0x300), 42);
}

TEST(beyond_the_file_is_sigbus)
{
	make();
	ph[1].p_offset = 0x4000;
	ph[1].p_vaddr = DATA;
	ph[1].p_filesz = ph[1].p_memsz = 0x3000;
	EXPECT_EQ(byte_at(DATA + 0xfff), 0xee);
	EXPECT_EQ(byte_at(DATA + 0x1000), 256 + SIGBUS);
}

TEST(a_relocatable_program_without_interpreter_runs)
{
	make();
	eh->e_type = ET_DYN;
	eh->e_entry = 0x100000;
	ph[0].p_vaddr = 0x100000;
	ph[1].p_vaddr = 0x300300;
	/* movzbl 0x200300-7(%rip), %edi; mov $60, %eax; syscall */
	static const unsigned char code[] = { 0x0f, 0xb6, 0x3d, 0xf9, 0x02, 0x20, 0x00, 0xb8, 60, 0, 0, 0, 0x0f, 0x05 };
	memcpy(image + 0x1000, code, sizeof(code));
	EXPECT_EQ(run(), 42);
}

TEST(damaged_headers_do_not_run)
{
	make();
	code_exit_with_byte_at(DATA + 0x300);
	ASSERT_EQ(run(), 42);
	eh->e_machine = EM_AARCH64;
	EXPECT_EQ(run(), -ENOEXEC);
	make();
	eh->e_phentsize = 55;
	EXPECT_EQ(run(), -ENOEXEC);
	make();
	eh->e_phnum = 0;
	EXPECT_EQ(run(), -ENOEXEC);
	make();
	eh->e_phoff = FILE_BYTES;
	EXPECT_EQ(run(), -ENOEXEC);
	make();
	eh->e_type = ET_REL;
	EXPECT_EQ(run(), -ENOEXEC);
	/* from here on Linux may find out when there is no way back, and kill */
	make();
	ph[1].p_filesz = ph[1].p_memsz + 1;
	int ret = run();
	EXPECT(ret < 0 || ret > 256);
	make();
	ph[1].p_vaddr = 0x7fffffff0000;
	ph[1].p_offset = 0x2000;
	ph[1].p_memsz = 0x10000000;
	ret = run();
	EXPECT(ret < 0 || ret > 256);
	make();
	ph[1].p_vaddr += 1;
	ret = run();
	EXPECT(ret < 0 || ret > 256);
}

TEST(interpreters_are_checked)
{
	make();
	eh->e_phnum = 3;
	ph[2] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = 0x800, .p_filesz = 10 };
	memcpy(image + 0x800, "/none/ld\0\0", 10);
	EXPECT_EQ(run(), -ENOENT);
	memcpy(image + 0x800, "/etc/passw", 10);        /* no NUL */
	EXPECT_EQ(run(), -ENOEXEC);
	memcpy(image + 0x800, "/tmp\0\0\0\0\0", 10);
	EXPECT_EQ(run(), -EACCES);
	ph[2].p_filesz = 20;
	memcpy(image + 0x800, "/tmp/elf_no_interp\0", 20);
	int fd = open("/tmp/elf_no_interp", O_CREAT | O_WRONLY | O_TRUNC, 0700);
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, image + 0x3000, 0x1000), 0x1000);
	close(fd);
	EXPECT_EQ(run(), -ELIBBAD);
	unlink("/tmp/elf_no_interp");
}
