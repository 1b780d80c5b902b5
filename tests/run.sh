#!/bin/sh
# run.sh BUILD [NAME...] - runs every test and ends with the line "N passed, N failed".
#
# Unit tests; guest tests on the host's own kernel, then in a sandbox on each platform this host has, and with
# guest code left as it is; beside all that the integration scripts. All of them print "ok …" and "not ok …" lines.
# NAMEs choose test files (without .c or .sh).
# SBX_TEST_ONLY=unit|native|systrap|no-rewrite|ptrace|integration runs one part.
set -u
build=$(cd "${1:?usage: run.sh BUILD [NAME...]}" && pwd) || exit 2
shift
here=$(cd "$(dirname "$0")" && pwd)
export SBX="$build/sbx" SBX_BUILD="$build" SBX_TESTS="$here"
work=$(mktemp -d /tmp/sbx-test.XXXXXX) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export SBX_TEST_TMP="$work"
: >"$work/failed"
: >"$work/counts"
only=${SBX_TEST_ONLY:-}
chosen=" $* "

wanted() # part, file name
{
	[ -z "$only" ] || [ "$only" = "$1" ] || return 1
	[ "$chosen" = "  " ] && return 0
	case "$chosen" in *" $2 "*) return 0 ;; *) return 1 ;; esac
}

run() # part, name, seconds, command...
{
	part=$1 name=$2 limit=$3
	shift 3
	timeout -k 5 "$limit" "$@" >"$stream/out" 2>"$stream/err" </dev/null
	status=$?
	n=$(grep -c '^ok ' "$stream/out")
	s=$(grep -c '^ok .*# SKIP' "$stream/out")
	cmocka_s=$(grep -c '^not ok [0-9]* # SKIP' "$stream/out")
	echo "$((n - s)) $((s + cmocka_s))" >>"$work/counts"
	grep '^not ok ' "$stream/out" | grep -v '^not ok [0-9]* # SKIP' >"$stream/not_ok"
	if [ -s "$stream/not_ok" ]; then
		sed "s|^not ok |FAIL $part/$name |" "$stream/not_ok" | tee -a "$work/failed"
	elif [ $status -ne 0 ]; then
		case $status in
		124 | 137) why="no end after $limit s, or killed" ;;
		*) why="exit status $status" ;;
		esac
		echo "FAIL $part/$name: $why: $(tail -n 1 "$stream/err")" | tee -a "$work/failed"
	elif [ "$n" -eq 0 ]; then
		echo "FAIL $part/$name: ran no test" | tee -a "$work/failed"
	fi
}

unit_tests()
{
	for t in "$build"/tests/unit/*_test; do
		[ -x "$t" ] && wanted unit "$(basename "$t")" || continue
		CMOCKA_MESSAGE_OUTPUT=TAP run unit "$(basename "$t")" 120 "$t"
	done
}

native_tests()
{
	for t in "$build"/tests/guest/*_test; do
		[ -x "$t" ] && wanted native "$(basename "$t")" || continue
		run native "$(basename "$t")" 300 "$t"
	done
}

sandbox_tests() # systrap, no-rewrite or ptrace
{
	how=$1
	[ -z "$only" ] || [ "$only" = "$how" ] || return 0
	case $how in
	no-rewrite) platform=systrap option=--no-rewrite ;;
	*) platform=$how option= ;;
	esac
	if ! timeout 20 "$SBX" run --platform $platform $option -- /bin/true >"$stream/out" 2>"$stream/err"; then
		if [ $platform = systrap ]; then
			echo "FAIL systrap: $(tail -n 1 "$stream/err")" | tee -a "$work/failed"
		else
			echo "# $platform left out: $(tail -n 1 "$stream/err")"
		fi
		return 0
	fi
	for t in "$build"/tests/guest/*_test; do
		[ -x "$t" ] && wanted $how "$(basename "$t")" || continue
		run $how "$(basename "$t")" 300 "$SBX" run --platform $platform $option \
			--ro-bind "$build/tests" "$build/tests" -- "$t"
	done
}

integration_tests()
{
	for t in "$here"/integration/*.sh; do
		[ -f "$t" ] && wanted integration "$(basename "$t" .sh)" || continue
		case "$t" in */lib.sh | */cost.sh) continue ;; esac
		mkdir "$work/taken.$(basename "$t")" 2>/dev/null || continue     # by the other stream
		run integration "$(basename "$t" .sh)" 600 bash "$t"
	done
}

# What measures runs alone. Half of the rest is waiting: the scripts run beside it.
mkdir "$work/1" "$work/2"
stream="$work/1"
! wanted integration cost || run integration cost 600 bash "$here/integration/cost.sh"
(stream="$work/1"; unit_tests; native_tests; sandbox_tests systrap; sandbox_tests no-rewrite; sandbox_tests ptrace; integration_tests) &
(stream="$work/2"; integration_tests) &
wait

passed=$(awk '{ n += $1 } END { print n + 0 }' "$work/counts")
skipped=$(awk '{ n += $2 } END { print n + 0 }' "$work/counts")
failed=$(wc -l <"$work/failed")
if [ "$failed" -gt 0 ]; then
	echo "failed:"
	sed 's/^FAIL /  /' "$work/failed"
fi
[ $skipped -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
