#!/bin/bash
# A D-Bus bus of its own: calls, names, a service that gdbus watches, credentials of clients.
set -eu
dir=$(mktemp -d /tmp/dbus.XXXXXX)
trap 'kill "$bus" 2>/dev/null || true; rm -rf "$dir"' EXIT
cat >"$dir/bus.conf" <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$dir/socket</listen>
  <listen>unix:abstract=$dir/abstract</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
XML
mkfifo "$dir/address"
dbus-daemon --config-file="$dir/bus.conf" --nofork --print-address=3 3>"$dir/address" 2>"$dir/log" &
bus=$!
read -r addresses <"$dir/address"
peer() { dbus-send "--bus=$1" --print-reply --dest=org.freedesktop.DBus / "org.freedesktop.DBus.$2" "${@:3}"; }
IFS=';'
for address in $addresses; do
	peer "$address" ListNames | grep -q org.freedesktop.DBus
	echo "ok dbus-send over ${address%%=*}"
done
unset IFS
export DBUS_SESSION_BUS_ADDRESS=unix:path=$dir/socket
peer "$DBUS_SESSION_BUS_ADDRESS" GetConnectionUnixProcessID string:org.freedesktop.DBus | grep -q "uint32 $bus"
echo "ok the bus's process id"
peer "$DBUS_SESSION_BUS_ADDRESS" GetConnectionUnixUser string:org.freedesktop.DBus | grep -q "uint32 $(id -u)"
echo "ok its user"

# Signals from one client to another.
gdbus monitor --session --dest org.example.Nobody >"$dir/monitor" 2>&1 &
monitor=$!
dbus-monitor --session "type='signal',interface='org.example.Signal'" >"$dir/signals" 2>&1 &
watcher=$!
for _ in $(seq 100); do
	dbus-send --session /org/example org.example.Signal.Hello string:there
	! grep -q there "$dir/signals" || break
	sleep 0.1
done
grep -q there "$dir/signals"
echo "ok a signal reaches who listens"
gdbus introspect --session --dest org.freedesktop.DBus --object-path / | grep -q RequestName
echo "ok gdbus introspect"
# Who is at the other end is what the kernel says.
for _ in $(seq 100); do
	pids=$(peer "$DBUS_SESSION_BUS_ADDRESS" ListNames | grep -o ':1\.[0-9]*' | while read -r name; do
		peer "$DBUS_SESSION_BUS_ADDRESS" GetConnectionUnixProcessID "string:$name" 2>/dev/null || true
	done)
	! grep -q "uint32 $monitor\$" <<<"$pids" || break
	sleep 0.1
done
grep -q "uint32 $monitor\$" <<<"$pids"
echo "ok a client's process id"
kill "$monitor" "$watcher"
wait "$monitor" "$watcher" 2>/dev/null || true
for i in $(seq 20); do
	gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.GetId >"$dir/id$((i % 2))" &
	[ $((i % 5)) != 0 ] || wait $!
done
wait $!
cmp "$dir/id0" "$dir/id1"
echo "ok many clients"
kill "$bus"
wait "$bus" || [ $? = 143 ]
echo "ok the bus ends"
