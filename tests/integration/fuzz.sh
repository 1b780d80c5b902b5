#!/bin/bash
# Random system calls (fuzz/guest_syscalls.c): the sandbox under them lives on. SBX_FUZZ_SECONDS for a longer run, best with a
# sanitizer build.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
SECONDS_EACH=$((${SBX_FUZZ_SECONDS:-10} / 2))
for threads in 1 4; do
	seed=$RANDOM
	timeout -k 5 $((SECONDS_EACH + 60)) "$SBX" run --ro-bind "$SBX_BUILD/tests/fuzz" /fuzz -- /fuzz/guest_syscalls $seed $SECONDS_EACH $threads \
		</dev/null >out 2>err
	if grep -aq '^guest_syscalls: verdict: alive' out && ! grep -aq 'internal error\|runtime error\|AddressSanitizer' err; then
		ok "random_calls_by_${threads}_threads"
	else
		not_ok "random_calls_by_${threads}_threads" "seed $seed: $(tail -c 200 out | tr -d '\0') $(grep -a -m 1 'error\|Sanitizer\|sbx:' err)"
	fi
done
