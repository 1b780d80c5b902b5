#!/bin/bash
# Debuggers inside: gdb, strace and ltrace say what they say natively, but for addresses and process ids.
. "$(dirname "$0")/lib.sh"
command -v gdb >/dev/null || { skip debuggers "no gdb"; exit 0; }
mkdir -p "$WORK/files"
cd "$WORK/files" || exit 1

cat >crash.c <<'X'
#include <stdio.h>
int counter;
int leaf(int x) { counter += x; return counter * 2; }
int middle(int x) { int y = leaf(x); return y + 1; }
int main(int argc, char **argv)
{
	for (int i = 0; i < 5; i++)
		middle(i);
	printf("counter %d\n", counter);
	fflush(stdout);
	if (argc > 1)
		return 3;
	*(volatile int *)8 = 1;
	return 0;
}
X
cat >threads.c <<'X'
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static pthread_barrier_t all;
static void *run(void *arg) { pthread_barrier_wait(&all); for (;;) pause(); return arg; }
int main(void)
{
	pthread_t t;
	pthread_barrier_init(&all, NULL, 4);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, run, NULL);
	pthread_barrier_wait(&all);
	usleep(50000);
	raise(SIGABRT);
}
X
gcc -g -O0 -o crash crash.c && gcc -g -O0 -pthread -o threads threads.c || { not_ok compiles; exit 0; }

# What differs from run to run, and in what order threads report.
cat >plain <<'X'
sed -E 's/0x[0-9a-f]+/ADDR/g; s/(process|LWP|Thread|pid) [0-9]+/\1 N/g; s/Thread ADDR/Thread/g; s/^[0-9]+ +//; s/si_pid=[0-9]+/si_pid=N/; s/\[pid +[0-9]+\] //' |
	grep -v '^\[New LWP\|^Download failed\|too small\|load map\|^$'
X
debug() { local name=$1; shift; same "$name" sh -c 'gdb -nx -batch "$@" 2>&1 | sh ./plain' sh "$@"; }

for platform in systrap ptrace; do
	SBX_OPTIONS=(--platform $platform)
	debug "$platform: a crash and its callers" -ex run -ex bt ./crash
	debug "$platform: breakpoints, finish, steps, a call" -ex 'break leaf' -ex 'run x' -ex bt -ex finish -ex stepi -ex stepi -ex next \
		-ex 'print counter' -ex delete -ex 'print middle(10)' -ex continue ./crash
	debug "$platform: watchpoints of the processor" -ex 'break main' -ex 'run x' -ex 'watch counter' -ex continue -ex continue \
		-ex 'hbreak middle' -ex continue -ex delete -ex continue ./crash
	debug "$platform: watchpoints of the debugger" -ex 'set can-use-hw-watchpoints 0' -ex 'break main' -ex 'run x' \
		-ex 'watch counter' -ex continue -ex continue -ex delete -ex continue ./crash
	debug "$platform: calls and forks can be caught" -ex 'catch syscall write' -ex 'run x' -ex 'bt 1' -ex continue -ex continue ./crash
	same "$platform: a core file of four threads" sh -c 'ulimit -c unlimited; ./threads 2>/dev/null; echo $?
		gdb -nx -batch -ex "thread apply all bt -3" ./threads core* 2>&1 | sh ./plain | sort'
	same "$platform: attach to a sleeping program" sh -c 'sleep 1000 & sleep 0.3; gdb -nx -batch -p $! -ex bt -ex detach 2>&1 |
		grep -o "clock_nanosleep\|detached"; { kill $!; wait $!; } 2>/dev/null; echo $?'
	command -v strace >/dev/null || continue
	same "$platform: strace follows children" sh -c 'strace -f -e trace=write,exit_group -o out sh -c "echo a; (echo b); sh -c \"exit 3\""
		echo $?; sh ./plain <out | sort'
	same "$platform: strace counts calls" sh -c 'strace -c -o out ls >/dev/null; awk "\$NF ~ /^(write|openat|execve)$/ { print \$4, \$NF }" out | sort'
	command -v ltrace >/dev/null && same "$platform: ltrace" sh -c 'ltrace ./crash x 2>&1 | sh ./plain'
done
exit 0
