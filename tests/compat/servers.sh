#!/bin/bash
# Servers with their clients, unmodified: programs of servers/, natively and in a sandbox. Arguments: which; default: all.
. "$(dirname "$0")/lib.sh"
list=$COMPAT_OUT/servers.list
for program in ${*:-$(cd "$HERE/servers" && ls)}; do
	program=${program%.sh}
	echo "$program bash $HERE/servers/$program.sh"
done >"$list"
cd "$HERE" || exit 1
judge servers 100 --timeout "${COMPAT_TIMEOUT:-200}" -m 3g --pids-limit 2000 "$list"
