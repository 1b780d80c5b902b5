#!/bin/bash
# Exit statuses and messages of sbx itself.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

fails unknown_program 127 'sbx: no-such-program: *' "$SBX" run -- no-such-program
fails unknown_path 127 'sbx: /no/such/program: *' "$SBX" run -- /no/such/program
fails directory 126 'sbx: /usr: *' "$SBX" run -- /usr
fails not_executable 126 'sbx: /etc/passwd: *' "$SBX" run -- /etc/passwd
fails bad_option 125 'sbx: --nonsense: no such option*' "$SBX" run --nonsense -- true
fails bad_short_option 125 'sbx: -z: no such option*' "$SBX" run -z -- true
fails no_program 125 'sbx: which program?*' "$SBX" run
fails no_argument 125 'sbx: *--memory*' "$SBX" run --memory
fails bind_needs_two 125 'sbx: --bind: *' "$SBX" run --bind /usr
fails bind_missing 125 'sbx: --bind: /no/such: no such file or directory on the host' "$SBX" run --bind /no/such /data -- true
fails bind_relative 125 'sbx: --bind: data: must be an absolute path*' "$SBX" run --bind /usr data -- true
fails bind_dotdot 125 'sbx: --bind: /a/../b: *' "$SBX" run --bind /usr /a/../b -- true
fails rootfs_missing 125 'sbx: --rootfs: /no/such: no such directory on the host' "$SBX" run --rootfs /no/such -- true
fails rootfs_file 125 'sbx: --rootfs: /etc/passwd: is not a directory' "$SBX" run --rootfs /etc/passwd -- true
fails workdir_missing 125 'sbx: --workdir: /no/such: *' "$SBX" run -w /no/such -- true
fails bad_memory 125 'sbx: --memory: lots: *' "$SBX" run -m lots -- true
fails bad_cpus 125 'sbx: --cpus: -1: *' "$SBX" run --cpus=-1 -- true
fails bad_pids 125 'sbx: --pids-limit: 0: *' "$SBX" run --pids-limit 0 -- true
fails bad_timeout 125 'sbx: --timeout: soon: *' "$SBX" run --timeout soon -- true
fails bad_user 125 'sbx: --user: root: *' "$SBX" run -u root -- true
fails bad_net 125 'sbx: --net: host: *' "$SBX" run --net host -- true
fails bad_platform 125 'sbx: --platform: abacus: *' "$SBX" run --platform abacus -- true
fails bad_hostname 125 'sbx: --hostname: *' "$SBX" run --hostname 'a b' -- true
fails bad_stats 125 'sbx: --stats: *' "$SBX" run --stats=xml -- true
fails strace_unwritable 125 'sbx: --strace: /no/such/file: *' "$SBX" run --strace=/no/such/file -- true
fails no_such_command 125 'sbx: frobnicate: no such command*' "$SBX" frobnicate
if [ "$(id -u)" = 0 ]; then
	mkdir -p closed && chmod 700 closed
	who=user
	fails rootfs_unreadable 125 'sbx: --rootfs: *: Permission denied' setpriv --reuid $ORDINARY --regid $ORDINARY --clear-groups -- "$SBX" run --rootfs "$WORK/closed" -- true
	who=root
fi

status() # name, expected, command...
{
	local name=$1 want=$2
	shift 2
	timeout 30 "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	local got=$?
	if [ $got = "$want" ]; then ok "$name"; else not_ok "$name" "exit status $got, not $want; $(head -n 2 "$WORK/err")"; fi
}
status passes_exit_status_on 42 "$SBX" run -- sh -c 'exit 42'
status success 0 "$SBX" run -- true
status killed_by_segv 139 "$SBX" run -- python3 -c 'import ctypes; ctypes.string_at(0)'
status guest_timeout_is_its_own 124 "$SBX" run -- timeout 0.1 sleep 5
status version 0 "$SBX" --version
status help 0 "$SBX" --help
status run_help 0 "$SBX" run --help
check run_help_fits_a_screen test "$("$SBX" run --help | wc -l)" -le 36 -a "$("$SBX" run --help | wc -L)" -le 80
status options_of_the_program_are_its_own 0 "$SBX" run sh -c 'exit 0' --nonsense

before=$(date +%s%N)
timeout 30 "$SBX" run --timeout 1 -- sleep 10 2>"$WORK/err"
got=$?
ms=$((($(date +%s%N) - before) / 1000000))
check timeout_exits_with_124 test $got = 124
check timeout_is_in_time test $ms -ge 1000 -a $ms -le 1200

# Signals from outside reach the program; without a handler they end it, though it is PID 1.
"$SBX" run -- sh -c 'trap "echo got it; exit 9" TERM; echo ready >&2; while :; do sleep 0.1; done' >out 2>ready </dev/null &
pid=$!
for _ in $(seq 100); do grep -q ready ready 2>/dev/null && break; sleep 0.05; done
kill -TERM $pid
wait $pid
check term_is_forwarded test "$? $(cat out)" = "9 got it"
"$SBX" run -- sh -c 'echo ready >&2; exec sleep 100' >out 2>ready </dev/null &
pid=$!
for _ in $(seq 100); do grep -q ready ready 2>/dev/null && break; sleep 0.05; done
kill -INT $pid
sleep 0.3
kill -TERM $pid 2>/dev/null
wait $pid
status=$?
check signal_without_handler_ends_it test $status = 130 -o $status = 143

# Standard input, output and error are what they were.
check stdin_is_passed test "$(echo through | "$SBX" run -- cat)" = through
check stdout_and_stderr_are_apart test "$("$SBX" run -- sh -c 'echo out; echo err >&2' 2>/dev/null)" = out
check closed_stdout_is_closed test "$("$SBX" run -- sh -c 'echo x' 2>&1 >&- | grep -cE 'Bad file descriptor|I/O error')" -ge 1
check broken_pipe test "$("$SBX" run -- sh -c 'yes; echo $? >&2' 2>&1 | head -n 1)" = y
check strace_option test "$("$SBX" run --strace="$WORK/trace" -- true; grep -c '^.*execve(\|exit_group(0' "$WORK/trace")" -ge 1
check stats_option test "$("$SBX" run --stats=json -- true 2>&1 | grep -c '"wall_s":')" = 1
# The code of a program that is started often is rewritten once for all (sentry/mm/text.c): 40 of them make 1200 calls and more.
calls() { "$SBX" run --stats=json "$@" -- sh -c 'for i in $(seq 40); do /bin/true; done' 2>&1; }
if "$SBX" run --platform systrap -- true 2>/dev/null; then
	check young_programs_do_not_trap python3 -c 'import json, sys
calls = json.loads(sys.argv[1])["syscalls"]
assert calls["total"] > 1000 and calls["trapped"] < calls["total"] / 2, calls' "$(calls --platform systrap)"
	check unless_code_is_to_be_left_alone python3 -c 'import json, sys
assert json.loads(sys.argv[1])["syscalls"]["rewritten"] == 0' "$(calls --platform systrap --no-rewrite)"
fi
check stats_timeline_is_in_order python3 -c 'import json, sys
t = json.loads(sys.argv[1])["timeline"]; us = [e["us"] for e in t]; what = [e["what"] for e in t]
assert us == sorted(us) and us[0] == 0, us
order = [what.index(w) for w in ("namespaces made", "serves", "program loaded; guest runs", "guest has ended", "all processes gone")]
assert order == sorted(order), what' "$("$SBX" run --stats=json -- true 2>&1)"
