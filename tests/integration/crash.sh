#!/bin/bash
# Crash reports of --debug: where a process died, and how it came there.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

cat >crash.c <<'X'
#include <signal.h>
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) int inner(volatile int *p) { return *p + 1; }
__attribute__((noinline)) int middle(volatile int *p) { return inner(p) * 3; }
void handler(int sig) { exit(middle((int *)16) + sig); }
int compare(const void *a, const void *b) { return 1 + middle((int *)24); }
int main(int argc, char **argv)
{
	int v[4] = { 3, 1, 2, argc };
	void (*volatile nowhere)(void) = (void (*)(void))0x1234;
	switch (argv[1][0]) {
	case 's': return middle((int *)8) + 1;
	case 'a': abort();
	case 'h': signal(SIGUSR1, handler); raise(SIGUSR1); return 1;
	case 'q': qsort(v, 4, sizeof(int), compare); return v[0];
	case 'j': nowhere(); return 1;
	}
	return 0;
}
X
gcc -O2 -w -fomit-frame-pointer -o crash crash.c || { not_ok compiles; exit 0; }

# The functions of the frames, by the program's symbol table.
cat >names.py <<'X'
import re, subprocess, sys
symbols = []
for line in subprocess.run(["nm", "-S", "crash"], capture_output=True, text=True).stdout.splitlines():
    f = line.split()
    if len(f) == 4 and f[2] in "tT":
        symbols.append((int(f[0], 16), int(f[1], 16), f[3]))
names = []
for line in open(sys.argv[1]):
    m = re.search(r"#(\d+) +[0-9a-f]+ (\S+)\+0x([0-9a-f]+)$", line)
    if m and m[2].endswith("/crash"):
        at = int(m[3], 16) - (m[1] != "0")
        names += [n.removesuffix(".cold") for a, size, n in symbols if a <= at < a + size]
    elif m:
        names.append("library")
short = [n for i, n in enumerate(names) if i == 0 or n != names[i - 1]]
print(" ".join(short))
X
callers() # name, argument, expected
{
	timeout 30 "$SBX" run --debug -- ./crash "$2" >out 2>err
	local got
	got=$(python3 names.py err)
	check "$1" test "$got" = "$3"
}
callers frames_of_calls s 'inner middle main library _start'
check signal_is_told grep -q 'is killed by signal 11, Segmentation fault' err
check address_is_told grep -qx 'sbx:   at address 0x8: nothing is mapped there' err
check instruction_is_told grep -q 'sbx:   mov eax, dword ptr \[rdi\]' err
check registers_are_told grep -q 'rdi 0000000000000008' err
callers frames_through_libraries q 'inner middle compare library main library _start'
callers frames_through_signal_handlers h 'inner middle handler library main library _start'
callers abort_is_reported a 'library main library _start'
timeout 30 "$SBX" run --debug -- ./crash j >out 2>err
check jump_to_nowhere test "$(sed -n 's/.*#1 .*\/\(crash\)+.*/\1/p' err)" = crash
timeout 30 "$SBX" run -- ./crash s >out 2>err
check silent_without_debug test ! -s err
timeout 30 "$SBX" run --debug -- sh -c 'kill -TERM $$' >out 2>err
check silent_about_other_signals test -z "$(grep 'is killed' err)"

# A program whose tables lie is reported too, and the sandbox lives on.
python3 -c '
import random
data = open("crash", "rb").read()
import struct
phoff, = struct.unpack_from("<Q", data, 32)
phnum, = struct.unpack_from("<H", data, 56)
for i in range(phnum):
    kind, _, off, _, _, size = struct.unpack_from("<IIQQQQ", data, phoff + 56 * i)
    if kind == 0x6474e550:
        where = off
for n in range(20):
    random.seed(n)
    bad = bytearray(data)
    for _ in range(60):
        bad[where + random.randrange(400)] = random.randrange(256)
    open(f"bad{n}", "wb").write(bad)'
chmod +x bad*
timeout 60 "$SBX" run --debug -- sh -c 'for n in $(seq 0 19); do ./bad$n s; done; echo alive' >out 2>err
check lying_tables_are_survived test "$(cat out)" = alive -a "$(grep -c 'is killed by signal 11' err)" = 20
