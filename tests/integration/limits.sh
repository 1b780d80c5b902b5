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

# Peers that never read: sending fails when their buffers have used up what there is, descriptors end first where there are few, and
# all goes on afterwards.
cat >peers.py <<'END'
import errno, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
def pair():
    if sys.argv[1] == "unix":
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as l:
        a = socket.create_connection(l.getsockname())
        return a, l.accept()[0]
def fill(kept):
    while True:
        a, b = pair()
        kept.append((a, b))
        a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        a.setblocking(False)
        try:
            while True:
                a.send(bytes(65536))
        except BlockingIOError:
            pass
kept = []
try:
    fill(kept)
except OSError as e:
    print(errno.errorcode[e.errno], len(kept) > 10)
kept.clear()
a, b = pair()
a.send(b"again")
print(b.recv(9))
END
few=100m
[ -z "${SBX_SANITIZED:-}" ] || few=200m    # what a sanitizer notes about memory is memory too
for family in unix tcp; do
	timeout 60 "$SBX" run -m $few -- python3 peers.py $family 20000 >out 2>err
	check "buffers_of_${family}_end_at_the_limit" test "$(tr '\n' ' ' <out)" = "ENOBUFS True b'again' "
	timeout 60 "$SBX" run -m 400m -- python3 peers.py $family 40 >out 2>err
	check "descriptors_for_${family}_end" test "$(tr '\n' ' ' <out)" = "EMFILE True b'again' "
done

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
