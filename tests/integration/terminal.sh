#!/bin/bash
# Terminals: what the guest finds, keys and jobs, window sizes, editors and pagers, and that the user's terminal is left as it was.
. "$(dirname "$0")/lib.sh"

if ! command -v python3 >/dev/null; then
	skip terminal "no python3"
	exit 0
fi

# drive NAME SCRIPT COMMAND...: the command on a terminal of 24 lines and 80 columns. The script's lines: "send TEXT" (escapes as in
# Python), "wait TEXT", "size ROWS COLS", "status N"; what was waited for and did not come fails the test.
drive()
{
	local name=$1 script=$2 out
	shift 2
	if out=$(printf '%s\n' "$script" | timeout 60 python3 "$TESTS/terminal_drive.py" "$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "$(tail -c 400 <<<"$out")"
	fi
}
RUN=("$SBX" run --)

drive the_guest_gets_a_terminal_of_its_own 'wait /dev/pts/0
wait 24 80
wait 1 Ss+ 1
wait /dev/pts/0
wait crw--w---- 1 root tty 136, 0
status 0' "${RUN[@]}" sh -c 'tty; stty size; ps -o pid=,stat=,tpgid= -p 1 | tr -s " "; readlink /proc/self/fd/2; ls -l /dev/pts/0'

drive interrupt_key_ends_the_program 'wait ready
send \x03
wait ^C
status 130' "${RUN[@]}" sh -c 'echo ready; exec sleep 100'

drive quit_key_is_a_signal_that_can_be_caught 'wait ready
send \x1c
wait caught
status 4' "${RUN[@]}" bash -c 'trap "echo caught; exit 4" QUIT; echo ready; while :; do sleep 0.1; done'

drive job_control_of_a_shell 'wait #
send sleep 100\r
wait sleep 100\r\n
send \x1a
wait Stopped
wait #
send jobs; bg; echo s$((1+1))\r
wait sleep 100 &
wait s2
send fg\r
wait sleep 100\r\n
send \x03
wait ^C
send cat\r
wait cat\r\n
send typed \x7f\x7fo!\r
wait typeo!\r\n
send \x04
send (read x; echo never) & sleep 0.3; jobs\r
wait Stopped
send kill %1; wait; exit 7\r
status 7' "${RUN[@]}" bash --norc

drive window_size_reaches_the_guest 'wait 24 80
size 50 132
wait 50 132
status 0' "${RUN[@]}" bash -c 'trap "stty size; exit 0" WINCH; stty size; while :; do sleep 0.1; done'

drive canonical_end_of_file_key 'wait go
send one\rtwo\x04\x04
wait 1       2       7
status 0' "${RUN[@]}" sh -c 'echo go; wc'

drive stop_and_start_keys 'wait go
send \x13
send \x11
wait done
status 0' "${RUN[@]}" sh -c 'echo go; sleep 0.3; echo done'

drive everything_written_arrives 'wait \n50000\r\n
wait last words
status 3' "${RUN[@]}" sh -c 'seq 1 50000; printf "last words"; exit 3'

drive controlling_terminal_of_a_pipeline 'wait from pipe
wait go
send answer\r
wait got answer
status 0' "${RUN[@]}" sh -c 'echo from pipe | cat; echo go | { cat; read x </dev/tty; echo got $x; }'

if command -v vi >/dev/null; then
	drive vim 'wait ~
send ihello world\x1b:w /tmp/file\r
wait written
send :q\r
wait read back: hello world
status 0' "${RUN[@]}" sh -c 'vi -u NONE; echo "read back: $(cat /tmp/file)"'
fi
if command -v less >/dev/null; then
	drive less 'wait :
send G
wait 300
send q
status 0' "${RUN[@]}" sh -c 'seq 1 300 | less'
fi
command -v top >/dev/null && drive top 'wait %Cpu
send q
status 0' "${RUN[@]}" top -d 1

drive the_terminal_is_left_as_it_was 'wait same
status 0' bash -c 'before=$(stty -g); "$0" run -- sh -c "stty raw -echo; exit 5"; [ $? = 5 ] && [ "$(stty -g)" = "$before" ] && echo same' "$SBX"
drive also_after_an_error 'wait same
status 0' bash -c 'before=$(stty -g); "$0" run -- /no/such/program; [ "$(stty -g)" = "$before" ] && echo same' "$SBX"
drive what_is_no_terminal_stays_what_it_is 'wait tty tty no
status 0' bash -c '"$0" run -- sh -c "test -t 0 && a=tty; test -t 2 && b=tty; test -t 1 || c=no; echo \$a \$b \$c" | cat' "$SBX"
drive a_hangup_ends_it 'wait ready
hangup' "${RUN[@]}" sh -c 'echo ready; sleep 100'
drive in_the_background_it_takes_no_keys 'wait done
status 0' bash -c 'set -m; "$0" run -- sh -c "echo done" & wait $!' "$SBX"

drive what_is_typed_for_others_is_left_to_them 'wait ready
send mine\r
wait got mine
status 0' bash -c '"$0" run -- sh -c "echo ready; sleep 0.5"; read x; echo got $x' "$SBX"
drive keys_of_a_pager_behind_a_pipe 'wait 20
send q
wait same
status 0' bash -c 'before=$(stty -g); "$0" run -- sh -c "seq 100; sleep 1" | less; [ "$(stty -g)" = "$before" ] && echo same' "$SBX"
drive newlines_of_others 'wait a\r\nb\r\n
status 0' bash -c '"$0" run -- sh -c "sleep 0.2; echo b; echo a" | sort' "$SBX"

check without_a_terminal_there_is_none bash -c 'echo x | "$0" run -- sh -c "tty; cat; ! cat /dev/tty" 2>/dev/null | tr "\n" " " | grep -qx "not a tty x "' "$SBX"
check asked_for_with_t bash -c 'printf "line\nrest" | timeout 20 "$0" run -t -- sh -c "tty; read x; echo got \$x; cat" | tr -d "\r" | tr "\n" " " | grep -q "/dev/pts/0.*got line rest"' "$SBX"

if command -v tmux >/dev/null; then
	export TMUX_TMPDIR=$WORK TERM=xterm
	t() { tmux -L sbx -f /dev/null "$@"; }
	until_shown() # text
	{
		for _ in $(seq 100); do
			t capture-pane -p | grep -qF -- "$1" && return 0
			sleep 0.1
		done
		t capture-pane -p
		return 1
	}
	t new-session -d -x 100 -y 30 "$SBX run -- bash --norc"
	t send-keys 'stty size; PS1="inner> "' Enter
	check tmux_outside until_shown "30 100"
	t send-keys 'TMUX= tmux -f /dev/null new "bash --norc"' Enter
	check tmux_inside until_shown "[0] 0:bash*"
	t send-keys C-b '%'
	sleep 1
	t send-keys 'tty; echo pane $((1 + 1))' Enter
	check tmux_inside_has_panes until_shown "pane 2"
	t send-keys C-b d
	check tmux_inside_detaches until_shown "[detached (from session 0)]"
	t kill-server
fi
