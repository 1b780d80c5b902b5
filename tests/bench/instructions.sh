#!/bin/sh
# instructions.sh BUILD [--update] - instructions the sentry executes for a system call, beside those of the last time.
#
# They don't depend on what else the machine does. Fails when an operation takes a twentieth more than instructions.txt says;
# --update writes that file (a change of compiler or libc moves the figures: update it alone then).
set -eu
build=$1
update=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
program=$build/tests/bench/instructions
known=$here/instructions.txt
count=1000
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is not installed" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bad=0
printf '%-16s %12s %12s\n' operation now before
for op in $("$program" --list); do
	valgrind --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=measured --vgdb=no \
		"$program" "$op" $count >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; exit 2; }
	total=$(sed -n 's/^.*Collected : \([0-9]*\).*$/\1/p' "$work/log")
	now=$((total / count))
	before=$(sed -n "s/^$op \([0-9]*\)$/\1/p" "$known" 2>/dev/null || true)
	mark=
	if [ -n "$before" ] && [ $((now * 20)) -gt $((before * 21)) ]; then mark='  more than before' bad=1; fi
	printf '%-16s %12d %12s%s\n' "$op" "$now" "${before:--}" "$mark"
	echo "$op $now" >>"$work/new"
done
if [ "$update" = --update ]; then
	cp "$work/new" "$known"
	exit 0
fi
exit $bad
