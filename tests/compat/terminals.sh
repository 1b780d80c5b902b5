#!/bin/bash
# Programs that draw on a terminal: driven by tmux's keys, natively and with `sbx run -it`, and the screens are the same.
# Arguments: names; default all.
#
# HOW      `screen NAME NEEDS COMMAND KEYS` runs COMMAND in a window of 80 columns and 24 lines. KEYS has a line each: "keys KEY…" as
#          tmux send-keys takes them, "until TEXT" waits until the screen has it, "show" keeps the screen for the comparison.
. "$(dirname "$0")/same.sh"
command -v tmux >/dev/null || { echo "terminals: no tmux"; exit 0; }
unset TMUX
export TERM=xterm LC_ALL=C.UTF-8 SHELL=/bin/bash
t() { tmux -L "sbx-compat-$$" -f /dev/null "$@" 2>/dev/null; }
trap 't kill-server; rm -rf "$WORK"' EXIT

settled() # the screen, when nothing changes it any more
{
	local before=. now
	while now=$(t capture-pane -p); [ "$now" != "$before" ]; do
		before=$now
		sleep 0.4
	done
	printf '%s\n' "$now"
}

drive() # how, command, keys: leaves the screens in $WORK/HOW.out
{
	local how=$1 verb rest tries run=
	case $how in
	native) ;;
	no-rewrite) run="$SBX run -it --platform systrap --no-rewrite -e LC_ALL=C.UTF-8 --" ;;
	*) run="$SBX run -it --platform $how -e LC_ALL=C.UTF-8 --" ;;
	esac
	rm -rf "$WORK/run"
	mkdir "$WORK/run"
	seq -f "line %g" 500 >"$WORK/run/lines"
	printf '%s\n' "$2" >"$WORK/run/command"
	: >"$WORK/$how.out"
	t new-session -d -x 80 -y 24 -c "$WORK/run" "$run bash --norc command; echo status \$?; sleep 1000"
	while read -r verb rest; do
		case $verb in
		keys) eval "t send-keys $rest" ;;
		show) settled >>"$WORK/$how.out" ;;
		until)
			for ((tries = 0; tries < 300; tries++)); do
				t capture-pane -p | grep -qF -- "$rest" && continue 2
				sleep 0.1
			done
			{ echo "no \"$rest\" in"; t capture-pane -p; } >>"$WORK/$how.out"
			break ;;
		esac
	done <<<"$3"
	t kill-server
}

screen() # name, needs, command, keys
{
	local name=$1 how without
	chosen "$name" || return 0
	# shellcheck disable=SC2086
	without=$(missing $2)
	[ -z "$without" ] || { echo "ok $name # SKIP no $without"; skipped=$((skipped + 1)); return 0; }
	drive native "$3" "$4"
	if grep -q '^no "' "$WORK/native.out"; then
		echo "not ok $name (native)"
		head -n 24 "$WORK/native.out" | sed 's/^/    /'
		failed=$((failed + 1))
		return
	fi
	for how in $COMPAT_HOW; do
		drive "$how" "$3" "$4"
		if cmp -s "$WORK/native.out" "$WORK/$how.out"; then
			echo "ok $name ($how)"
			passed=$((passed + 1))
		else
			echo "not ok $name ($how)"
			diff "$WORK/native.out" "$WORK/$how.out" | head -n 30 | sed 's/^/    /'
			failed=$((failed + 1))
		fi
	done
}

# What is typed ahead meets the shell or the program, as it comes: every step waits for its effect.
screen bash_jobs bash 'export PS1="in> "; exec bash --norc' "until in>
keys 'cat' Enter 'echoed' Enter
until echoed
keys C-z
until [1]+  Stopped
keys 'sleep 1000' Enter
until sleep 1000
keys C-z
until [2]+  Stopped
keys 'bg; jobs' Enter
until [2]-  Running
keys 'fg %1' Enter 'again' Enter
until again
keys C-d
keys 'echo back \$((1+1))' Enter
until back 2
keys 'fg' Enter
until sleep 1000
keys C-c
keys 'set -o vi; echo vi \$((1+2))' Enter
until vi 3
keys 'abc' Escape '0iecho ' Enter
until abc
keys '(sleep 0.2; exit 3)' Enter 'echo status \$?' Enter
until status 3
keys 'clear; jobs; kill %1; wait; echo none \$((2+2))' Enter
until none 4
show
keys 'exit 9' Enter
until status 9"
screen bash_interrupts bash 'export PS1="in> "; exec bash --norc' "until in>
keys 'echo go1; while :; do :; done' Enter
until go1
keys C-c
until ^C
keys 'for i in 1 2 3; do sh -c \"echo go\$i\$i; exec sleep 100\"; done; echo after' Enter
until go11
keys C-c
keys 'clear; cat | sh -c \"echo a\$((5+5)); cat\"' Enter
until a10
keys C-c
until ^C
keys 'clear; stty -a | grep -o \"intr = ..\"' Enter
until intr
keys C-v C-a C-u 'typed' C-a 'echo ' C-e ' end' Enter
until typed end
keys 'clear; sh -c \"echo c\\\$((6+6)); exec sleep 100\"; echo b\$?' Enter
until c12
keys C-'\\'
until b131
show
keys 'exit' Enter
until status 0"
screen background_and_the_terminal bash 'export PS1="in> "; exec bash --norc' "until in>
keys 'stty tostop; (echo from\$((1+1)); read x; echo the back \$x) &' Enter
until in>
keys 'sleep 0.3; jobs' Enter
until Stopped
keys 'clear; fg' Enter
until from2
keys 'typed' Enter
until the back typed
keys 'set +m; echo c\$((3+3))' Enter
until c6
show
keys 'exit' Enter
until status 0"
screen vim vim 'exec vim -u NONE -i NONE --cmd "set nocp nomore" lines' "until line 20
show
keys ':set number hlsearch' Enter '/line 250' Enter
until 260
show
keys 'ggdGiwritten' Escape ':w' Enter
until written
keys ':!stty size' Enter
until 24 80
keys Enter
until 1 written
keys ':split' Enter ':term ++noclose echo in a terminal' Enter
until [finished]
show
keys ':qa!' Enter
until status 0"
screen vim_stops_and_goes_on vim 'export PS1="in> "; exec bash --norc' "until in>
keys 'vim -u NONE -i NONE lines' Enter
until line 20
keys C-z
until Stopped
keys 'fg' Enter
until line 20
keys 'ofrom vim' Escape
until from vim
show
keys ':q!' Enter
until in>
keys 'exit' Enter
until status 0"
screen less less 'exec less lines' "until line 23
keys /250 Enter
until line 272
show
keys G
until line 500
keys g
until line 1
keys F
until Waiting
keys C-c
until line 500
show
keys q
until status 0"
screen more more 'exec more lines' "until line 23
keys Space
until line 46
show
keys q
until status 0"
screen top top 'exec top -b -n 1 | head -n 1 | cut -c 1-5' "until status 0
show"
screen top_interactive top 'top -d 1; echo ended' "until %Cpu
keys q
until ended"
screen tmux_three_panes tmux 'echo "set -g default-command \"bash --norc\"" >conf; export TMUX_TMPDIR=$PWD; export TMUX=; tmux -f conf new; tmux kill-server' "until bash-5
keys C-b
keys '%'
until │bash-5
keys C-b
keys '\"'
until ├
keys 'clear; PS1=\"x> \"; stty size' Enter
until x>
keys C-b
keys Left
keys 'clear' Enter
keys 'echo first; tmux list-panes | cut -c 1-12; tmux set -g status-right \"\"; tmux set -g status-left \"\"; tmux set -g automatic-rename off; tmux rename-window w' Enter
until 2: [
until w*
show
keys C-b
keys '['
keys PageUp q
keys C-b d
until status 0"
screen tmux_detached tmux 'export TMUX= TMUX_TMPDIR=$PWD; tmux -f /dev/null new -d -s a "sh -c \"read x; echo got \\\$x; exec cat\""; tmux send-keys -t a hello Enter; until tmux capture-pane -p -t a | grep "got hello"; do sleep 0.1; done; tmux ls | cut -d : -f 1,2 | cut -c 1-12; tmux kill-server; echo ended' "until status 0
show"
screen screen screen 'screen -c /dev/null -S s bash --norc -c "PS1=\"in> \" exec bash --norc"; echo back' "until in>
keys 'echo in screen; stty size' Enter
until 24 80
keys C-a ':' 'screen bash --norc' Enter
until bash-5
keys 'PS1=\"two> \"; clear' Enter
until two>
keys C-a p
until in screen
show
keys C-a d
until back"
screen nano nano 'exec nano -R -I lines' "until line 19
keys C-w 250 Enter
until line 250
show
keys C-x
until status 0"
screen mc mc 'exec mc -u -x -d -b . .' "until 1Help
keys Down Down F3
until line 20
show
keys F10
until 5Copy
keys F10
until status 0"
screen emacs emacs 'exec emacs -Q -nw lines' "until line 20
keys C-s '250' Enter
until line 250
keys C-x 2
show
keys C-x C-c
until status 0"
screen python_readline python3 'exec python3 -q' "until >>>
keys 'import time; print(1, 2' Tab
keys ')' Enter
until 1 2
keys 'print(5 + 6); time.sleep(100)' Enter
until 11
keys C-c
until KeyboardInterrupt
keys 'print(6 * 7)' Enter
until 42
keys Up Up
until sleep
show
keys C-a C-k 'exit()' Enter
until status 0"
screen watch watch 'watch -t -n 0.2 "date +%Y; tail -n 2 lines"; echo ended' "until line 500
show
keys C-c
until ended"
screen script script 'script -q -c "bash --norc" out; tail -n 1 out | wc -l' "until bash-5
keys 'echo recorded; stty size; exit' Enter
until status 0
show"
screen dialog whiptail 'whiptail --menu title 15 40 4 a one b two c three 2>answer; echo; cat answer' "until three
show
keys Down Enter
until status 0
show"
screen zsh zsh 'PS1="z> " exec zsh -f' "until z>
keys 'echo /et' Tab
until /etc
keys Enter
show
keys 'sh -c \"echo go\\\$((3+4)); exec cat\"' Enter
until go7
keys C-z
until suspended
keys 'fg; echo b\$((3+4))' Enter
until continued
keys C-d
until b7
show
keys 'exit 3' Enter
until status 3"
screen fish fish 'exec fish --no-config -C "function fish_prompt; echo \"f> \"; end; set fish_greeting"' "until f>
keys 'echo a | cat' Enter
until a
keys 'echo go(math 3+4); sleep 100' Enter
until go7
keys C-c
keys 'exit 4' Enter
until status 4"
screen busybox_vi busybox 'exec busybox vi lines' "until line 20
keys 'Goend' Escape
until end
show
keys ':q!' Enter
until status 0"
same_end
