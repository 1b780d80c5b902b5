#!/bin/bash
# X11: Xvfb, its clients over the unix socket and the abstract one, an xterm whose shell answers.
set -eu
dir=$(mktemp -d /tmp/x11.XXXXXX)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
mkfifo "$dir/display" "$dir/go"
Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp 3>"$dir/display" >"$dir/log" 2>&1 &
server=$!
read -r number <"$dir/display" || { cat "$dir/log"; exit 1; }
export DISPLAY=:$number
echo "ok Xvfb"
xdpyinfo >"$dir/info"
grep -q 'dimensions: *640x480' "$dir/info"
echo "ok xdpyinfo"
DISPLAY=unix:$number xdpyinfo >/dev/null
echo "ok xdpyinfo by its other name"
xterm -T sandboxed -e "echo \$WINDOWID >$dir/window; read -r answer <$dir/go; echo \$answer >$dir/answer" &
terminal=$!
for _ in $(seq 100); do
	[ ! -s "$dir/window" ] || break
	sleep 0.1
done
xwininfo -id "$(cat "$dir/window")" >"$dir/xwininfo"
grep -q sandboxed "$dir/xwininfo"
echo "ok xwininfo sees the xterm"
xprop -root >/dev/null
echo "ok xprop"
echo hello >"$dir/go"
wait "$terminal"
[ "$(cat "$dir/answer")" = hello ]
echo "ok the shell in the xterm answered"
for _ in 1 2 3 4 5 6 7 8; do
	xlsclients >/dev/null &
done
wait $!
echo "ok several clients at once"
kill "$server"
wait "$server" || true
echo "ok Xvfb ends"
