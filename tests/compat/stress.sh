#!/bin/bash
# Many tasks (tests/guest/stress*_test.c with their large counts): all must pass, leave nothing behind, and cost the sentry no
# memory for good. Arguments: systrap, no-rewrite, ptrace; default: all. Takes half an hour on two processors.
#
# STRESS_BUILD: where tests/guest is built (default: beside the program).
. "$(dirname "$0")/lib.sh"
build=${STRESS_BUILD:-$(dirname "$(realpath "$SBX")")}
work=$(mktemp -d /tmp/sbx-stress.XXXXXX)
trap 'rm -rf "$work"' EXIT
bad=0

failed()
{
	echo "stress: $*"
	bad=1
}

# option... -- command...: STRESS and --stats around it. Fails if the command does, or if anything is left behind.
in_sandbox() # what, option..., --, command...
{
	local what=$1 left began=$SECONDS
	shift
	timeout -k 5 3000 "$SBX" run --stats=json --pids-limit 5000 --ro-bind "$build/tests" "$build/tests" "$@" \
		</dev/null >"$work/out" 2>"$work/err"
	local status=$?
	left=$(sed -n 's/.*"left":{\([^}]*\)}.*/\1/p' "$work/err")
	if [ $status -ne 0 ]; then
		failed "$what: status $status: $(grep '^not ok' "$work/out" | head -n 3)"
	elif ! grep -q '"left":{' "$work/err"; then
		failed "$what: no report of what is left"
	elif [ -n "$left" ]; then
		failed "$what: left behind: $left"
	else
		echo "stress: $what: passed in $((SECONDS - began)) s"
	fi
}

# What the sentry of the sandbox that $1 runs holds for itself, in KB.
sentry_kb()
{
	local pid
	for pid in $(ps -eo pid=,ppid= | awk -v top="$1" '{ kids[$2] = kids[$2] " " $1 }
		END { n = 1; q[1] = top; while (n) { p = q[n--]; print p; k = split(kids[p], c, " "); while (k) q[++n] = c[k--] } }'); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "sbx sentry" ] || continue
		awk '/^Private_Dirty/ { print $2 }' "/proc/$pid/smaps_rollup"
	done
}

# The same again and again: memory may grow in the first rounds, for caches, but not go on to.
growth() # what, option...
{
	local what=$1 before after round
	shift
	mkfifo "$work/rounds.$$" || return
	"$SBX" run --pids-limit 5000 --ro-bind "$build/tests" "$build/tests" "$@" -- sh -c '
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
			"$0"/stress_test >/dev/null && "$0"/stress_race_test >/dev/null && echo $i || echo failed
		done' "$build/tests/guest" </dev/null >"$work/rounds.$$" &
	local sbx=$!
	while read -r round; do
		case $round in
		4) before=$(sentry_kb $sbx) ;;
		12) after=$(sentry_kb $sbx) ;;
		failed) failed "$what: a round of growth failed" ;;
		esac
	done <"$work/rounds.$$"
	wait $sbx
	rm "$work/rounds.$$"
	if [ "${after:-0}" -gt $((${before:-0} + 1024)) ] || [ -z "${after:-}" ]; then
		failed "$what: the sentry grew from ${before:-?} KB to ${after:-?} KB"
	else
		echo "stress: $what: the sentry has $before KB after 4 rounds, $after KB after 12"
	fi
}

for how in ${*:-systrap no-rewrite ptrace}; do
	case $how in
	no-rewrite) options=(--platform systrap --no-rewrite) ;;
	*) options=(--platform "$how") ;;
	esac
	guest=$build/tests/guest
	names=$("$guest/stress_test" -l)
	[ "$how" != ptrace ] || names="threads_live_side_by_side processes_live_side_by_side kill_9_of_whoever_leaves_nothing"
	for name in $names; do
		in_sandbox "$how: $name" "${options[@]}" -- env STRESS=full "$guest/stress_test" "$name"
	done
	in_sandbox "$how: races" "${options[@]}" -- env STRESS=full "$guest/stress_race_test"
	# The whole sandbox on one processor.
	in_sandbox "$how: races, one processor" "${options[@]}" --cpus 1 -- env STRESS=full "$guest/stress_race_test"
	growth "$how" "${options[@]}"
done
exit $bad
