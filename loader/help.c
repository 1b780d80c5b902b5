/* help.c - the texts of --help; each fits a screen of 24 lines or a little more, 80 columns. */
#include "loader/help.h"

const char help_sbx[] =
	"sbx runs a program on a Linux kernel of its own, in user space: its system calls\n"
	"never reach the host's.\n"
	"\n"
	"  sbx run [OPTION...] [--] PROGRAM [ARG...]   run a program in a new sandbox\n"
	"  sbx run --help                              what can be chosen\n"
	"  sbx compat DIRECTORY | LIST | -- PROGRAM    run tests natively and in sandboxes\n"
	"  sbx check FILE                              which system calls a program has\n"
	"  sbx syscalls [--json | --md]                which system calls are supported\n"
	"  sbx --version\n"
	"\n"
	"Try:  sbx run -- bash\n";

const char help_run[] =
	"sbx run [OPTION...] [--] PROGRAM [ARG...]    (K, M, G: 1024s of bytes)\n"
	"\n"
	"Without options PROGRAM sees the host's /usr, /bin, /lib*, /etc and the current\n"
	"directory; what it writes stays in memory and vanishes. No network.\n"
	"\n"
	"      --bind SRC DST      show the host's SRC at DST; writes are real\n"
	"      --ro-bind SRC DST   the same, read-only\n"
	"      --tmpfs DST         an empty directory in memory\n"
	"      --rootfs DIR        use DIR as the root directory; writes stay in memory\n"
	"      --read-only         refuse writes, but to /tmp, /run, --bind, --tmpfs\n"
	"  -w, --workdir DIR       start in DIR\n"
	"  -e, --env NAME[=VALUE]  set a variable, or take it from here\n"
	"      --clearenv          start without the variables from here\n"
	"  -u, --user UID[:GID]    run as this user (0)\n"
	"      --hostname NAME     the machine's name (sbx)\n"
	"      --net none          loopback only (the default)\n"
	"  -t, --tty               a terminal, also where standard input is none\n"
	"  -m, --memory BYTES      kill what needs more memory than this\n"
	"      --cpus N            at most this much processor time, such as 1.5\n"
	"      --pids-limit N      at most this many processes and threads\n"
	"      --timeout TIME      end after 90, 90s, 2m or 1h; exit status 124\n"
	"      --platform NAME     how guest code is run: systrap, ptrace\n"
	"      --no-rewrite        leave the program's code as it is: slower\n"
	"      --strace[=FILE]     write every system call to standard error or FILE\n"
	"      --stats[=json]      say what it took, at the end\n"
	"      --debug             say what happens inside\n"
	"\n"
	"Exit status: the program's; 128 + N if signal N killed it; 125 if sbx failed,\n"
	"126 if PROGRAM can't be run, 127 if it can't be found.\n";

const char help_compat[] =
	"sbx compat [OPTION...] DIRECTORY | LIST | -- PROGRAM [ARG...]\n"
	"\n"
	"Runs tests natively and in sandboxes, and compares verdict by verdict: of every\n"
	"program in DIRECTORY, of every line \"name command...\" of LIST, or of PROGRAM.\n"
	"Tests may speak TAP, or as GoogleTest, cmocka, Python's unittest -v and LTP do;\n"
	"of others the exit status counts. Natively they run with your rights.\n"
	"\n"
	"      --platform NAMES    which: systrap,ptrace; the best one if not given\n"
	"  -j, --jobs N            so many tests at once\n"
	"      --timeout TIME      for each run: 60 (seconds) if not given\n"
	"  -m, --memory BYTES      for each run: 1g if not given\n"
	"      --pids-limit N      for each run: 1000 processes if not given\n"
	"      --match PATTERN     only tests with such names\n"
	"      --run-option WORD   give WORD to sbx run (may be repeated)\n"
	"      --json, --tap       print this instead of the table\n"
	"      --html FILE         write a page too\n"
	"\n"
	"Exit status: 0 if nothing fails only in a sandbox, 1 if something does, 125 if\n"
	"sbx failed.\n";

const char help_syscalls[] =
	"sbx syscalls [--json | --md]\n"
	"\n"
	"Lists the system calls of x86-64 Linux: number, name, how far sbx supports it,\n"
	"and what is missing. --json and --md tell the tests that cover it, too.\n";

const char help_check[] =
	"sbx check FILE\n"
	"\n"
	"Lists the system calls that a program and its libraries contain, as far as can\n"
	"be told without running it: in its own code, in its libraries' code, and those\n"
	"that it reaches through the C library's functions it imports.\n"
	"\n"
	"Exit status: 0 if sbx supports them all, 1 if the program has some that it does\n"
	"not, 125 if FILE can't be read.\n";
