#!/bin/bash
# --publish: clients on the host, servers in the sandbox.
. "$(dirname "$0")/lib.sh"

# published FILE: the ports that the loader says it found, in the order of the options.
published() { sed -n 's/.*127\.0\.0\.1:\([0-9]*\) is port .*/\1/p' "$1"; }

client_said() # its exit status
{
	tail -n 1 "$WORK/client.err"
	[ "$1" = 0 ]
}

talk()
{
	"$SBX" run --timeout 60 -p 0:80 -p 0:81 -p 0:82 -p 0:83 -- "$PYTHON" - <"$TESTS/publish_guest.py" >"$WORK/guest.out" 2>"$WORK/guest.err" &
	local pid=$! i status
	for ((i = 0; i < 300; i++)); do
		grep -q ready "$WORK/guest.out" && break
		sleep 0.05
	done
	# shellcheck disable=SC2046
	timeout 60 "$PYTHON" "$TESTS/publish_client.py" $pid $(published "$WORK/guest.err") 2>"$WORK/client.err"
	check the_client_came_to_its_end client_said $?
	wait $pid
	status=$?
	check the_exit_status_is_the_servers [ $status = 7 ]
	check a_guest_reads_after_its_fin grep -q '^half 100000$' "$WORK/guest.out"
	check a_clients_reset_arrives grep -q '^reset ECONNRESET$' "$WORK/guest.out"
	check a_client_that_does_not_read_stops_its_server grep -q '^flood [0-9]\{1,8\}$' "$WORK/guest.out"
}
PYTHON=$(command -v /usr/bin/python3 || command -v python3)
if [ -n "$PYTHON" ]; then talk; else skip talk "no python3"; fi

fails a_port_in_use_is_told 125 'sbx: --publish: 127.0.0.1:*: address already in use; choose another port*' \
	"$PYTHON" -c 'import socket, subprocess, sys
s = socket.create_server(("127.0.0.1", 0))
sys.exit(subprocess.call([sys.argv[1], "run", "-p", f"{s.getsockname()[1]}:80", "true"]))' "$SBX"
fails an_address_of_others_is_told 125 'sbx: --publish: 192.0.2.1:8080: cannot assign requested address: it must be an address of this machine*' \
	"$SBX" run -p 192.0.2.1:8080:80 true
if [ "$(id -u)" = 0 ] && [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 80 ]; then
	fails a_low_port_is_roots 125 "sbx: --publish: 127.0.0.1:80: permission denied: low ports are root's*" "${AS_ORDINARY[@]}" "$SBX" run -p 80:80 true
fi
