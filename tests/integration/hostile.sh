#!/bin/bash
# A guest that attacks the platform with all it has (hostile/hostile.c): the host never acts for it, the sentry never
# crashes, and who is honest in the same sandbox goes on. SBX_HOSTILE_SEEDS: how many seeds; a part of them is traced.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
SEEDS=${SBX_HOSTILE_SEEDS:-3}
HOSTILE=$SBX_BUILD/tests/hostile/hostile
OPEN=$SBX_BUILD/tests/hostile/sbx_open
CHECK=$TESTS/hostile/check_trace.py

attack() # the command in front, program, seed, rounds...
{
	local front=$1 sbx=$2
	shift 2
	# shellcheck disable=SC2086
	timeout -k 5 150 $front "$sbx" run --platform systrap --timeout 120 --ro-bind "$(dirname "$HOSTILE")" /hostile -- /hostile/hostile "$@" \
		</dev/null >out 2>err
}
survived() # name
{
	if ! grep -aq 'hostile: verdict: alive$' out; then
		not_ok "$1" "$(tail -c 200 out | tr -d '\0') $(grep -av '^hostile:' err | tail -n 3)"
	elif grep -aq 'internal error\|runtime error\|AddressSanitizer' err; then
		not_ok "$1" "$(grep -a -m 1 'internal error\|runtime error\|AddressSanitizer' err)"
	else
		ok "$1"
	fi
}

beside() # directory, command...: most of an attack is waiting for the sentry's patience to end
{
	mkdir "$1"
	(cd "$1" && shift && "$@") &
}
one_seed()
{
	attack "" "$SBX" "$((RANDOM * SEEDS + $1))"
	survived "seed_$1_ends_with_its_verdict"
}
for seed in $(seq "$SEEDS"); do
	beside "seed$seed" one_seed "$seed"
done
wait

# As PID 1 an attack may end the sandbox, and nothing else: no crash, and an end in time.
as_pid_1()
{
	attack "" "$SBX" "$RANDOM" "only:$1"
	local status=$?
	if [ $status = 125 ] || [ $status -ge 200 ] || grep -aq 'internal error\|the sentry\|AddressSanitizer' err; then
		not_ok "$1_by_pid_1_end_at_most_the_sandbox" "status $status $(grep -av '^hostile:' err | tail -n 2)"
	else
		ok "$1_by_pid_1_end_at_most_the_sandbox"
	fi
}
for attack in slots descriptors processes mappings threads; do
	beside "$attack" as_pid_1 "$attack"
done
wait

trace="strace -f -e raw=all -o trace"
if ! timeout 10 $trace true 2>err; then
	skip the_host_never_acts "no strace: $(cat err)"
	exit 0
fi
traced()
{
	# shellcheck disable=SC2086
	attack "$trace" "$SBX" "$RANDOM" $1
	survived "traced_${1// /_}_ends_with_its_verdict"
	check "the_host_never_acts_for_${1// /_}" python3 "$CHECK" trace
	rm -f trace
}
beside traced1 traced "numbers sites"
beside traced2 traced "slots stacks descriptors processes"
beside traced3 traced "mappings frames threads"
wait

# The list of the stub's filter is what holds: without it the same check fails.
attack "$trace" "$OPEN" 1 probe stacks
if python3 "$CHECK" trace >check.out; then
	not_ok without_the_filter_the_host_acts "$(cat check.out)"
elif grep -q 'socket(' check.out; then
	ok without_the_filter_the_host_acts
else
	not_ok without_the_filter_the_host_acts "$(cat check.out) $(tail -n 2 err)"
fi
rm -f trace
