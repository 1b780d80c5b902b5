#!/bin/sh
# apps.sh ROW DIR - one application load, in an empty directory of DIR; prints "row milliseconds ms".
#
# Runs inside of a sandbox. What a load needs is prepared before the clock starts. "apps.sh --list": the rows whose programs
# are on this machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
watch=$here/stopwatch
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C

rows()
{
	for row in build_j2:make git:git sqlite:sqlite3 python_start:python3 node_start:node tar:tar sh_fork:sh sh_pipes:sh \
		redis:redis-benchmark redis_p99:redis-benchmark redis_pipelined:redis-benchmark nginx:wrk nginx_p99:wrk iperf3:iperf3 pgbench_unix:pgbench \
		pgbench_tcp:pgbench; do
		! command -v "${row#*:}" >/dev/null || echo "${row%:*}"
	done
}

# Twenty files that include what programs include.
prepare_build_j2()
{
	for i in $(seq 20); do
		echo "int f$i(int);" >>all.h
		cat >"f$i.c" <<-END
			#include <stdio.h>
			#include <stdlib.h>
			#include <string.h>
			#include <unistd.h>
			#include "all.h"
			int f$i(int x)
			{
				char b[64];
				snprintf(b, sizeof(b), "%d-%d", x, $i);
				return (int)strlen(b) + x * $i;
			}
		END
	done
	{
		echo '#include "all.h"'
		echo 'int main(void) { int s = 0;'
		for i in $(seq 20); do echo "s += f$i($i);"; done
		echo 'return s == 0; }'
	} >main.c
	printf 'CFLAGS = -O1\nprog: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^\n' >Makefile
}
run_build_j2() { "$watch" build_j2 make -s -j2; }

prepare_git()
{
	export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
	git config --global user.name bench
	git config --global user.email bench@example.org
	git config --global init.defaultBranch main
	mkdir repo
	for d in $(seq 20); do
		mkdir "repo/d$d"
		for f in $(seq 100); do echo "$d $f" >"repo/d$d/f$f"; done
	done
}
run_git() { "$watch" git sh -c 'cd repo && git init -q && git add -A && git commit -q -m all && git status --short && git gc -q'; }

prepare_sqlite()
{
	{
		echo 'PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE INDEX tb ON t(b);'
		for i in $(seq 300); do echo "INSERT INTO t(a, b) VALUES('row $i', $((i * 7919 % 1000)));"; done
		echo 'BEGIN;'
		for i in $(seq 5000); do echo "INSERT INTO t(a, b) VALUES('row $i', $((i * 7919 % 1000)));"; done
		echo 'COMMIT; SELECT count(*), sum(b) FROM t WHERE b < 500;'
	} >load.sql
}
run_sqlite() { "$watch" sqlite sqlite3 test.db '.read load.sql'; }

run_python_start() { "$watch" -n 3 python_start python3 -c 'import json, subprocess, re'; }
run_node_start() { "$watch" -n 3 node_start node -e 'require("fs")'; }

prepare_tar()
{
	mkdir tree out
	for d in $(seq 20); do
		mkdir "tree/d$d"
		for f in $(seq 100); do echo "$d $f some bytes of a small file" >"tree/d$d/f$f"; done
	done
}
run_tar() { "$watch" tar sh -c 'tar cf all.tar tree && tar xf all.tar -C out'; }

run_sh_fork() { "$watch" sh_fork sh -c 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'; }
run_sh_pipes() { "$watch" sh_pipes sh -c 'i=0; while [ $i -lt 30 ]; do echo $i | cat | wc -l; i=$((i + 1)); done'; }

# Servers and their clients over loopback. Each row starts its own server, and ends it.
redis_begin()
{
	redis-server --port 16399 --save '' --appendonly no --dir "$PWD" >redis.log 2>&1 &
	server=$!
	until redis-cli -p 16399 ping >/dev/null 2>&1; do kill -0 $server; done
}
redis_row() # ROW REQUESTS PIPELINE
{
	redis_begin
	"$watch" "$1" redis-benchmark -p 16399 -c 50 -n "$2" -P "$3" -t set,get -q
	kill $server
	wait $server || true
}
run_redis() { redis_row redis 50000 1; }
run_redis_pipelined() { redis_row redis_pipelined 500000 16; }
run_redis_p99()
{
	redis_begin
	# "test","rps","avg_latency_ms","min","p50","p95","p99","max"
	redis-benchmark -p 16399 -c 50 -n 50000 -t get --csv | sed -n 's/"GET",\("[^"]*",\)\{5\}"\([0-9.]*\)".*/redis_p99 \2 ms/p'
	kill $server
	wait $server || true
}

nginx_begin()
{
	mkdir www tmp
	printf '%01000d' 0 >www/small
	cat >nginx.conf <<-END
		worker_processes 1; pid $PWD/pid; error_log $PWD/log; $([ "$(id -u)" != 0 ] || echo 'user root;')
		events { worker_connections 1024; }
		http {
			access_log off; keepalive_requests 1000000; sendfile on; tcp_nopush on;
			client_body_temp_path $PWD/tmp/1; proxy_temp_path $PWD/tmp/2; fastcgi_temp_path $PWD/tmp/3;
			uwsgi_temp_path $PWD/tmp/4; scgi_temp_path $PWD/tmp/5;
			server { listen 16380; root $PWD/www; }
		}
	END
	PATH=$PATH:/usr/sbin
	nginx -c "$PWD/nginx.conf" -e "$PWD/log"        # it listens when it returns
}
nginx_end()
{
	pid=$(cat pid)
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
}
nginx_row() # ROW PROGRAM: wrk's words to a row
{
	nginx_begin
	wrk -t 1 -c 64 -d 3 --latency http://127.0.0.1:16380/small | awk -v row="$1" "$2"
	nginx_end
}
run_nginx() { nginx_row nginx '$1 == "Requests/sec:" { printf "%s %.3f us\n", row, 1e6 / $2 }'; }
run_nginx_p99()
{
	nginx_row nginx_p99 '$1 == "99%" { f = $2 ~ /us$/ ? 1e-3 : $2 ~ /ms$/ ? 1 : 1e3; printf "%s %.3f ms\n", row, $2 * f }'
}

run_iperf3()
{
	iperf3 -s -1 -p 16301 >log 2>&1 &
	until "$watch" iperf3 iperf3 -c 127.0.0.1 -p 16301 -n 2G >out 2>err; do grep -q refused err; done
	cat out
	wait
}

# TPC-B, 8 clients, scale 8: a transaction's time. PostgreSQL doesn't run as root.
pgbench_row() # ROW HOST
{
	if [ "$(id -u)" = 0 ]; then
		cp "$here/apps.sh" .
		chown postgres "$PWD"
		setpriv --reuid=postgres --regid=postgres --clear-groups sh ./apps.sh --pgbench "$1" "$2"
	else
		pgbench_load "$1" "$2"
	fi
}
pgbench_load()
{
	pg=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	host=${2:-$PWD}
	"$pg/initdb" -D data -A trust -U postgres --no-sync >log 2>&1
	"$pg/pg_ctl" -D data -l log -w -o "-p 16432 -k $PWD -c listen_addresses=127.0.0.1" start >start.log
	"$pg/pgbench" -h "$host" -p 16432 -U postgres -i -s 8 postgres >log.init 2>&1
	"$pg/pgbench" -h "$host" -p 16432 -U postgres -n -c 8 -j 2 -T 3 postgres 2>errors |
		awk -v row="$1" '$1 == "tps" { printf "%s %.3f ms\n", row, 1000 / $3 }'
	"$pg/pg_ctl" -D data -m immediate -w stop >stop.log
}
run_pgbench_unix() { pgbench_row pgbench_unix ''; }
run_pgbench_tcp() { pgbench_row pgbench_tcp 127.0.0.1; }

if [ "$1" = --pgbench ]; then
	pgbench_load "$2" "$3"
	exit
fi
if [ "$1" = --list ]; then
	rows
	exit
fi
row=$1
work=$2/app.$$
mkdir "$work"
cd "$work"
! command -v "prepare_$row" >/dev/null || "prepare_$row"
"run_$row"
cd /
rm -rf "$work"
