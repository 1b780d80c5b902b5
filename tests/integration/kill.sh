#!/bin/bash
# Killing any one of a sandbox's processes, at any moment of a busy workload, leaves nothing behind.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
ROUNDS=${SBX_KILL_ROUNDS:-10}

busy='i=0; while :; do (echo $i | cat | wc -c) >/tmp/f$((i % 10)); ls -l /usr/bin >/dev/null; i=$((i + 1)); done'
pick() # which: a pid of the family
{
	local pid
	for pid in $(family "$1"); do
		case "$2 $(cat /proc/"$pid"/comm 2>/dev/null)" in
		"loader sbx" | "init sbx init" | "gofer sbx gofer" | "sentry sbx sentry") echo "$pid" && return ;;
		"stub sbx stub") echo "$pid" ;;
		esac
	done | { [ "$2" = stub ] && shuf -n 1 || head -n 1; }
}
mounts_before=$(wc -l </proc/self/mountinfo)
options=()
timeout 20 "$SBX" run -m 400m -- true 2>/dev/null && options=(-m 400m)
for victim in loader init gofer sentry stub; do
	bad=
	for round in $(seq "$ROUNDS"); do
		"$SBX" run "${options[@]}" -- bash -c "$busy" >/dev/null 2>err </dev/null &
		loader=$!
		sleep "0.$((RANDOM % 4 + 1))"
		# On a busy machine it may not have started yet.
		for _ in $(seq 100); do
			target=$(pick $loader $victim)
			[ -n "$target" ] && break
			sleep 0.05
		done
		members=$(family $loader)
		if [ -z "$target" ]; then
			bad="round $round: found no $victim: $(cat err)"
			kill -KILL $loader
			wait $loader 2>/dev/null
			break
		fi
		kill -KILL "$target"
		ended=
		for _ in $(seq 100); do
			left=
			for pid in $members; do
				# A pid that was given to somebody else by now has another name.
				case "$(cat /proc/"$pid"/comm 2>/dev/null)" in sbx*) grep -q '^State:.*Z' /proc/"$pid"/status 2>/dev/null || left="$left $pid" ;; esac
			done
			# A stub that was killed may be one that the guest survives: a process of its died.
			[ -z "$left" ] && ended=yes && break
			if [ $victim = stub ]; then
				kill -TERM $loader 2>/dev/null
				sleep 0.05
				kill -KILL $loader 2>/dev/null
			fi
			sleep 0.05
		done
		wait $loader 2>/dev/null
		status=$?
		if [ -z "$ended" ]; then
			bad="round $round: still there:$left"
			kill -KILL $left 2>/dev/null
			break
		fi
		case $victim in
		init | gofer | sentry)
			if [ $status != 125 ] || ! grep -q "killed by signal 9" err; then
				bad="round $round: status $status, says: $(cat err)"
				break
			fi
			;;
		esac
	done
	if [ -z "$bad" ]; then ok "kill_$victim"; else not_ok "kill_$victim" "$bad"; fi
done
for _ in $(seq 100); do
	left=$(dead_cgroups)
	[ -z "$left" ] && break
	sleep 0.1
done
# What ends last may still be waiting to be buried, which nobody is to see.
ends_count() {
	for _ in 1 2 3 4 5; do
		"$SBX" run --stats -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; (:); done' 2>&1 | grep -q '^sbx: left behind: nothing$' || return 1
	done
}
check programs_that_ended_are_not_counted ends_count
check no_cgroup_is_left test -z "$left"
check no_mount_is_left test "$(wc -l </proc/self/mountinfo)" = "$mounts_before"
