#!/bin/bash
# Random system calls (fuzz/guest_syscalls.c, guest_sockets.c): the sandbox under them lives on. SBX_FUZZ_SECONDS for a longer
# run, best with a sanitizer build.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
SECONDS_EACH=$((${SBX_FUZZ_SECONDS:-10} / 2))
fuzz() # program, threads, name
{
	seed=$RANDOM
	timeout -k 5 $((SECONDS_EACH + 60)) "$SBX" run --ro-bind "$SBX_BUILD/tests/fuzz" /fuzz -- "/fuzz/$1" $seed $SECONDS_EACH $2 \
		</dev/null >out 2>err
	if grep -aq "^$1: verdict: alive" out && ! grep -aq 'internal error\|runtime error\|AddressSanitizer' err; then
		ok "$3"
	else
		not_ok "$3" "seed $seed: $(tail -c 200 out | tr -d '\0') $(grep -a -m 1 'error\|Sanitizer\|sbx:' err)"
	fi
}
fuzz guest_syscalls 1 random_calls_by_1_threads
fuzz guest_syscalls 4 random_calls_by_4_threads
SECONDS_EACH=$((${SBX_FUZZ_SECONDS:-4} / 2))
fuzz guest_sockets 3 random_socket_calls
