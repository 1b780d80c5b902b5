#!/bin/bash
# What a sandbox costs: time to start, memory while idle. Prints the figures as comments.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

median() # command...
{
	hyperfine -N -w 5 -r 40 --export-json h.json "$@" >/dev/null 2>&1 && grep -m1 '"median"' h.json | tr -dc 0-9.
}
if [ "${SBX_SANITIZED:-}" ]; then
	skip start_up "a sanitizer build"
elif command -v hyperfine >/dev/null && command -v bwrap >/dev/null && bwrap --unshare-all --ro-bind / / /bin/true 2>/dev/null; then
	for _ in 1 2 3; do
		ours=$(median "$SBX run -- /bin/true")
		theirs=$(median 'bwrap --unshare-all --ro-bind / / /bin/true')
		awk "BEGIN { exit !($ours <= 3 * $theirs) }" && break
	done
	echo "# start-up: sbx $ours s, bwrap $theirs s"
	check start_up_within_3_times_bwrap awk "BEGIN { exit !($ours <= 3 * $theirs) }"
else
	skip start_up "no hyperfine or bwrap"
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
