#!/bin/bash
# PostgreSQL: a new cluster, and pgbench's TPC-B with 8 clients, over the unix socket and TCP; buffers in SysV shared memory.
set -eu
[ "$(id -u)" != 0 ] || exec setpriv --reuid=postgres --regid=postgres --clear-groups bash "$0"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
dir=$(mktemp -d /tmp/postgres.XXXXXX)
trap '"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
port=15432
cd "$dir"
mkdir run

"$bin/initdb" -D data -A trust -U postgres --no-sync >initdb.log 2>&1 || { cat initdb.log; exit 1; }
echo "ok initdb"

settings="-p $port -k $dir/run -c listen_addresses=127.0.0.1 -c fsync=off -c shared_memory_type=sysv"
"$bin/pg_ctl" -D data -l log -w -t 60 -o "$settings" start >/dev/null || { cat log; exit 1; }
echo "ok start"

bench() # name, host
{
	"$bin/pgbench" -h "$2" -p $port -U postgres -n -c 8 -j 2 -t 50 postgres >out 2>&1 || { cat out; exit 1; }
	grep -q 'actually processed: 400/400' out || { cat out; exit 1; }
	echo "ok $1"
}
"$bin/pgbench" -h "$dir/run" -p $port -U postgres -i -s 1 postgres >out 2>&1 || { cat out; exit 1; }
bench "TPC-B over the unix socket" "$dir/run"
bench "TPC-B over TCP" 127.0.0.1
query="SELECT count(*), sum(delta) - (SELECT sum(bbalance) FROM pgbench_branches) FROM pgbench_history"
[ "$("$bin/psql" -h "$dir/run" -p $port -U postgres -Atc "$query" postgres)" = "800|0" ]
echo "ok all transactions count"
"$bin/pg_ctl" -D data -m fast -w stop >/dev/null
echo "ok stop"
