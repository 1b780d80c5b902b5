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
	for row in build_j2:make git:git sqlite:sqlite3 python_start:python3 node_start:node tar:tar sh_fork:sh sh_pipes:sh; do
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
