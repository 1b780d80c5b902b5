#!/bin/bash
# What C libraries make of the kernel (programs/libc.c), with glibc and musl, dynamic and static. Arguments: names; default all.
. "$(dirname "$0")/same.sh"
for part in cancel setuid spawn mutex sem timers rest; do
	same "glibc_$part" gcc "gcc -O1 -w -pthread -o x libc.c -lrt -lutil && ./x $part"
	same "glibc_static_$part" gcc "gcc -O1 -w -static -pthread -o x libc.c -lrt -lutil && ./x $part"
	same "musl_$part" musl-gcc "musl-gcc -O1 -w -static -pthread -o x libc.c && ./x $part"
done
same_end
