#!/bin/bash
# Tools that ask and change the network by netlink: in a network of their own they say here what they say on the host.
. "$(dirname "$0")/lib.sh"

tools()
{
	same ip_of_a_fresh_network unshare -rn sh -c 'ip link; ip addr; ip route show table all; ip neigh; tc qdisc'
	same ip_with_lo_up unshare -rn sh -c 'ip link set lo up; ip addr; ip route; ip route show table local; ip -6 route show table all
		ip rule; ip -6 rule; tc qdisc; ip -br link; ip link set lo down; ip -4 addr'
	same ip_changes_addresses unshare -rn sh -c 'ip link set lo up; ip addr add 10.1.2.3/24 dev lo; ip addr add 10.1.2.3/24 dev lo; echo $?
		ip addr add fd00::1/64 dev lo; ip -o addr; ip route show table local; ip addr del 10.1.2.3/24 dev lo; ip addr del 10.1.2.3/24 dev lo
		echo $?; ip addr; ip link show nosuch0; ip link del lo; echo $?'
	same ss_lists_a_listener unshare -rn sh -c 'ip link set lo up; python3 -c "
import socket, subprocess
a = socket.socket(); a.bind((\"127.0.0.1\", 8080)); a.listen(5)
b = socket.socket(socket.AF_INET6); b.bind((\"::1\", 8081)); b.listen(6)
c = socket.create_connection((\"127.0.0.1\", 8080)); c.send(b\"hello\"); d = a.accept()[0]
u = socket.socket(socket.AF_UNIX); u.bind(\"\\0name\"); u.listen(3)
for cmd in \"ss -Htln\", \"ss -Htn sport = :8080\", \"ss -Hxl\":
	print([l.split()[:4] for l in subprocess.check_output(cmd.split(), text=True).splitlines()])
print(socket.if_nameindex())"'
}
if unshare -rn true 2>/dev/null && command -v ip >/dev/null && command -v ss >/dev/null && command -v tc >/dev/null; then
	for_each_user tools
else
	skip tools "no network namespaces, or no iproute2"
fi
if command -v bwrap >/dev/null; then
	check bubblewrap_unshares_all sh -c "$SBX run -- bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev \
		ip -br addr </dev/null | grep -q 'lo *UNKNOWN *127.0.0.1/8'"
else
	skip bubblewrap_unshares_all "no bwrap"
fi
