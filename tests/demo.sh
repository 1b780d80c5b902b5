#!/bin/bash
# demo.sh SBX - ten seconds of what sbx does: what `make run` shows.
set -u
SBX=$(realpath "${1:-build/sbx}")
cd "$(mktemp -d /tmp/sbx-demo.XXXXXX)" || exit 1
here=$PWD
trap 'cd /; rm -rf "$here"' EXIT
[ -t 1 ] && bold=$(tput bold 2>/dev/null) off=$(tput sgr0 2>/dev/null) || bold='' off=''

show() # title, command as the user would type it
{
	printf '\n%s# %s%s\n$ %s\n' "$bold" "$1" "$off" "$2"
	PATH="$(dirname "$SBX"):$PATH" bash -c "$2"
}

show "A program gets a Linux kernel of its own: its own processes, host name, root directory." \
	"sbx run -- sh -c 'echo I am process \$\$ on \$(hostname); ps ax -o pid,args; ls /'"

echo "precious" >file
show "It may do what it likes. Here it deletes all it can ..." \
	"sbx run -- sh -c 'rm -rf /usr/bin /etc file 2>/dev/null; echo left here: \$(echo *), in /usr/bin: \$(echo /usr/bin/*)'"
show "... and nothing happened." "ls file /usr/bin/env"

show "Real programs run as they are: a shell, pipes, a compiler, Python with threads and processes." \
	"sbx run -- bash -c 'echo \"int main(void) { return 42; }\" >a.c; cc a.c && ./a.out; echo the program returned \$?
    python3 -c \"from multiprocessing import Pool; print(sum(Pool(4).map(abs, range(-1000, 0))))\"'"

mkdir -p results
show "Results are kept where you say so." \
	"sbx run --bind results /out -- sh -c 'seq 1 100000 | sha256sum >/out/sum'; cat results/sum"

show "Limits hold: time ..." "time sbx run --timeout 1 -- sleep 1000"
if [ "$(id -u)" = 0 ]; then
	show "... and memory." "sbx run -m 100m -- python3 -c 'x = bytearray(1 << 30)'; echo exit status \$?"
fi

show "Every system call can be seen." "sbx run --strace -- cat file 2>&1 | tail -n 6"
show "What it took." "sbx run --stats -- sh -c 'find /usr/share/doc -name copyright | head -n 500 | xargs cat | wc -c'"
printf '\nTry:  %s run -- bash\n' "$SBX"
