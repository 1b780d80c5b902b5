#!/bin/bash
# What a sandbox costs: time to start, memory while idle. Prints the figures as comments.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

# Processor time of one start in ms, and wall time. Other load on the machine makes everything take longer, but not much more
# processor time; the least of some rounds, taken in turn, has least of others in it.
STARTS=20
cost() # command...
{
	local TIMEFORMAT='%3U %3S %3R' i
	{ time for ((i = 0; i < STARTS; i++)); do "$@" >/dev/null 2>&1 </dev/null; done; } 2>&1 |
		awk -v n=$STARTS '{ printf "%.2f %.2f\n", ($1 + $2) * 1000 / n, $3 * 1000 / n }'
}
least() { sort -n "$1" | head -n 1; }
if [ "${SBX_SANITIZED:-}" ]; then
	skip start_up "a sanitizer build"
elif command -v bwrap >/dev/null && bwrap --unshare-all --ro-bind / / /bin/true 2>/dev/null; then
	for _ in 1 2 3 4; do
		cost "$SBX" run -- /bin/true >>ours
		cost bwrap --unshare-all --ro-bind / / /bin/true >>theirs
	done
	read -r ours ours_wall < <(least ours)
	read -r theirs theirs_wall < <(least theirs)
	echo "# a start: sbx $ours ms of processor time, $ours_wall ms in all; bwrap $theirs ms, $theirs_wall ms"
	# bwrap does not wait for its last process, whose time is missing.
	check start_up_within_3_times_bwrap awk "BEGIN { exit !($ours > 0 && $ours <= 3 * $theirs) }"
else
	skip start_up "no bwrap"
fi

"$SBX" run -- sh -c 'echo ready >&2; exec sleep 100' 2>ready </dev/null &
loader=$!
for _ in $(seq 100); do grep -q ready ready && break; sleep 0.05; done
sleep 0.3
total=0
for pid in $(family $loader); do
	kb=$(awk '/^Pss:/ { print $2 }' /proc/"$pid"/smaps_rollup 2>/dev/null)
	echo "# $(cat /proc/"$pid"/comm): ${kb:-0} kB"
	total=$((total + ${kb:-0}))
done
kill -KILL $loader
wait $loader 2>/dev/null
echo "# idle sandbox, with the guest's own memory: $total kB"
if [ "${SBX_SANITIZED:-}" ]; then skip idle_memory "a sanitizer build"; else check idle_memory_under_5_mb test $total -gt 0 -a $total -lt 5120; fi

# What is measured under callgrind (make bench-instructions) has to run at all.
instructions=$SBX_BUILD/tests/bench/instructions
runs() { for op in $("$instructions" --list); do "$instructions" "$op" 10 >/dev/null || return 1; done; }
if [ -x "$instructions" ]; then check measured_operations_run runs; else skip measured_operations_run "no cmocka"; fi

# Files that the host may change: one request tells whether a path is still what it was, however deep, and what it is now; one more
# opens a file that is new to us.
requests() # shell script: how many requests a sandbox made that ran it
{
	"$SBX" run --stats --bind "$WORK/tree" /tree -- sh -c "$1" 2>&1 >/dev/null |
		awk '/^sbx: gofer: / { for (i = 4; i <= NF; i += 2) n += $i } END { print n + 0 }'
}
mkdir -p tree/a/b
for ((i = 0; i < 50; i++)); do echo $i >tree/a/b/$i; done
none=$(requests '[ -e /tree/a/b/1 ]')
known=$(requests 'i=0; while [ $i -lt 200 ]; do [ -e /tree/a/b/1 ]; i=$((i + 1)); done')
opened=$(requests 'for f in /tree/a/b/*; do read -r x <"$f"; done')
echo "# requests to the gofer: $none; with 200 looks at a known path $known; with 50 files opened $opened"
check one_request_for_a_known_path test $((known - none)) -gt 190 -a $((known - none)) -lt 210
check two_requests_for_a_new_file test $((opened - none)) -gt 90 -a $((opened - none)) -lt 120
