#!/bin/bash
# sbx check: which system calls a program contains, read from its code.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

cat >direct.c <<'X'
void _start(void)
{
	__asm__ volatile("mov $39, %eax; syscall; mov $304, %eax; xor %edi, %edi; syscall; mov $231, %eax; syscall");
}
X
cat >wrapper.c <<'X'
#include <sys/eventfd.h>
#include <unistd.h>
int main(void)
{
	return eventfd(0, 0) < 0;
}
X
gcc -nostdlib -static -o direct direct.c && gcc -o wrapper wrapper.c || { not_ok compiles; exit 0; }
# The calls above must be what the table says they are: pick one that is not supported from the table itself.
missing=$("$SBX" syscalls | awk '$3 == "none" { print $1, $2; exit }')
nr=${missing% *} name=${missing#* }
sed "s/\$304/\$$nr/" direct.c >missing.c && gcc -nostdlib -static -o missing missing.c

"$SBX" check direct >out 2>err
check sites_in_own_code grep -q 'getpid exit_group' out
"$SBX" check missing >out 2>err
check unsupported_call_fails test $? = 1
check unsupported_call_is_named grep -q "^  $name .*by missing" out
"$SBX" check wrapper >out 2>err
check imported_function_is_followed grep -q eventfd2 out
"$SBX" check /bin/true >out 2>err
check ordinary_program_is_fine test $? = 0
strip -o stripped direct && "$SBX" check stripped >out 2>err
check symbols_are_not_needed grep -q 'getpid exit_group' out

mkdir -p lib
echo 'int f(void) { int r; __asm__ volatile("mov $110, %%eax; syscall" : "=a"(r) :: "rcx", "r11"); return r; }' >f.c
echo 'int f(void); int main(void) { return f() < 0; }' >main.c
gcc -shared -fPIC -o lib/libf.so f.c && gcc -o main main.c -Llib -lf -Wl,-rpath,'$ORIGIN/lib'
"$SBX" check main >out 2>err
check library_of_origin_is_read grep -q getppid out
rm lib/libf.so
"$SBX" check main >out 2>err
check missing_library_is_told grep -q 'libf.so' err

fails script_is_told 125 'sbx: *script*' "$SBX" check "$TESTS/check.sh"
fails directory_is_told 125 'sbx: *no ELF file*' "$SBX" check /
head -c 3000 /bin/true >cut
fails cut_file_is_told 125 'sbx: cut: *' "$SBX" check cut
# Whatever is in the file: an answer, and no crash.
python3 -c '
import random
data = bytearray(open("/bin/true", "rb").read())
for i in range(30):
    random.seed(i)
    bad = bytearray(data)
    for _ in range(40):
        bad[random.randrange(len(bad) if i % 2 else 2048)] = random.randrange(256)
    open(f"bad{i}", "wb").write(bad)'
crashed=
for i in $(seq 0 29); do
	timeout 20 "$SBX" check "bad$i" >/dev/null 2>&1
	case $? in 0 | 1 | 125) ;; *) crashed="$crashed bad$i" ;; esac
done
check damaged_files_are_survived test -z "$crashed"
