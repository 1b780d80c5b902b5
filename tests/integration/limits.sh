#!/bin/bash
# Limits: memory, processes, processor time; what can't be limited is refused.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

if ! timeout 20 "$SBX" run -m 200m -- true 2>err; then
	case "$(cat err)" in
	*cgroup* | *"Permission denied"* | *"Read-only"*) skip limits "no cgroup to write to: $(cat err)" ;;
	*) not_ok limits "$(cat err)" ;;
	esac
	exit 0
fi
timeout 60 "$SBX" run -m 100m -- python3 -c 'x = bytearray(300 << 20); print(len(x))' >out 2>err
check memory_limit_kills test $? = 137
check memory_limit_says_so grep -qx 'sbx: out of memory: the sandbox reached its limit of 100m' err
timeout 60 "$SBX" run -m 100m -- sh -c 'python3 -c "x = bytearray(300 << 20)"; echo status $?' >out 2>err
check only_the_large_process_dies grep -qx 'status 137' out
timeout 60 "$SBX" run -m 100m -- sh -c 'dd if=/dev/zero of=/tmp/big bs=1M count=300 2>/dev/null; echo end' >out 2>err
check files_in_memory_count test "$(cat out)" != "" -o "$(cat err)" != ""
timeout 60 "$SBX" run -m 200m -- sh -c 'grep MemTotal /proc/meminfo' >out 2>err
check memory_limit_is_visible test "$(tr -dc 0-9 <out)" = 204800

timeout 60 "$SBX" run --pids-limit 50 --timeout 3 -- bash -c 'bomb() { bomb | bomb & }; bomb; wait; sleep 10' >out 2>err
check fork_bomb_ends_with_its_sandbox test $? = 124
timeout 60 "$SBX" run --pids-limit 50 -- python3 -c '
import os, errno
n = 0
try:
    while True:
        if os.fork() == 0:
            os.read(os.pipe()[0], 1)
        n += 1
except OSError as e:
    print(errno.errorcode[e.errno], n < 50)
os._exit(0)' >out 2>err
check fork_past_the_limit_is_eagain test "$(cat out)" = 'EAGAIN True'

timeout 60 "$SBX" run --cpus 0.5 --stats=json -- sh -c 'timeout 2 sh -c "while :; do :; done"' >out 2>err
used=$(sed -n 's/.*"user_s":\([0-9.]*\),"system_s":\([0-9.]*\).*/\1 \2/p' err | awk '{ print $1 + $2 }')
check cpus_limit awk "BEGIN { exit !(${used:-99} < 1.6) }"

check no_cgroup_is_left test -z "$(dead_cgroups)"
