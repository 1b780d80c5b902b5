#!/bin/bash
# Network servers as Debian has them, each with its own client: both on the host, both in one sandbox, and the server in a sandbox with the
# client on the host (--publish). What passes on the host must pass in the other places.
#
#	tests/compat/network.sh [SERVER...]        SERVERS_SECONDS: how long each load lasts (2)
#
# For each server there is NAME_serve (in the foreground, or it leaves pids in $PIDS) and NAME_client: it says "ok what" or
# "not ok what: why". $PORT and the nine after it are theirs, $DIR is where both may write.
. "$(dirname "$0")/network_more.sh"
SERVERS="redis nginx memcached haproxy iperf3 http_server asyncio git_daemon sshd $SERVERS_MORE"
PACKAGES='redis-server redis-tools nginx-light wrk openssl memcached libmemcached-tools haproxy iperf3 python3 curl git openssh-server
	openssh-client nodejs default-jdk-headless golang-go postgresql'
SECONDS_EACH=${SERVERS_SECONDS:-2}
PORT=${PORT:-$((20000 + $$ % 1000 * 10))}
BACK=$((PORT + 2))
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin PLACE NAME PORT DIR SERVERS_SECONDS

# expect WHAT PATTERN COMMAND...: it succeeds, and says a line that matches (and none about errors).
expect()
{
	local what=$1 pattern=$2 status
	shift 2
	timeout -k 5 120 "$@" >"$DIR/out" 2>&1 </dev/null
	status=$?
	if [ $status != 0 ]; then
		echo "not ok $what: exit status $status: $(tail -n 2 "$DIR/out" | tr '\n' ' ')"
	elif ! grep -Eq "$pattern" "$DIR/out"; then
		echo "not ok $what: no '$pattern' in: $(tail -n 3 "$DIR/out" | tr '\n' ' ')"
	elif grep -E 'Socket errors|Non-2xx|Error from server|Error:' "$DIR/out" >"$DIR/errors"; then
		echo "not ok $what: $(head -n 1 "$DIR/errors")"
	else
		echo "ok $what $(grep -E "$pattern" "$DIR/out" | tail -n 1 | tr -s ' ' | cut -c 1-60)"
	fi
}

redis_serve()
{
	redis-server --port "$PORT" --save '' --appendonly no --dir "$DIR" --protected-mode no >"$DIR/log" 2>&1
}
redis_client()
{
	local p
	for p in 1 16; do
		expect "redis-benchmark -P $p" 'MSET.*requests per second' sh -c "redis-benchmark -p $PORT -n $((SECONDS_EACH * 2500 * p)) -P $p -q | tr '\\r' '\\n'"
	done
	expect redis-benchmark-c-500 'GET.*requests per second' redis-benchmark -p "$PORT" -n 20000 -c 500 -q -t set,get
	expect redis-cli '^42$' sh -c "redis-cli -p $PORT set a 41 && redis-cli -p $PORT incr a"
}

nginx_serve()
{
	mkdir -p "$DIR/www" "$DIR/tmp"
	head -c 1000 /dev/zero | tr '\0' x >"$DIR/www/small"
	head -c 1000000 /dev/urandom >"$DIR/www/large"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$DIR/key" -out "$DIR/crt" 2>"$DIR/ssl.log"
	cat >"$DIR/nginx.conf" <<-END
		daemon off; worker_processes 2; pid $DIR/nginx.pid; error_log $DIR/log; user root;
		events { worker_connections 2048; }
		http {
			access_log off; keepalive_requests 1000000; sendfile on; tcp_nopush on;
			client_body_temp_path $DIR/tmp/1; proxy_temp_path $DIR/tmp/2; fastcgi_temp_path $DIR/tmp/3;
			uwsgi_temp_path $DIR/tmp/4; scgi_temp_path $DIR/tmp/5;
			server {
				listen $PORT backlog=1024; listen $((PORT + 1)) ssl backlog=1024; root $DIR/www;
				ssl_certificate $DIR/crt; ssl_certificate_key $DIR/key;
			}
		}
	END
	nginx -c "$DIR/nginx.conf" -e "$DIR/log" >>"$DIR/log" 2>&1
}
# load WHAT OPTION... URL: wrk; on a busy machine the first answers may take longer than the load lasts.
load()
{
	local what=$1
	shift
	expect "$what" 'Requests/sec: *[1-9]' sh -c 'for s in "$0" $(($0 * 10)); do
		wrk -t 1 --timeout 30 -d "$s" "$@" >"$DIR/wrk" || exit; grep -q "sec: *[1-9]" "$DIR/wrk" && break; done; cat "$DIR/wrk"' \
		"$SECONDS_EACH" "$@"
}

nginx_client()
{
	local c
	for c in 1 64 512; do
		load "wrk -c $c" -c $c "http://127.0.0.1:$PORT/small"
		load "wrk -c $c, without keep-alive" -c $c -H 'Connection: close' "http://127.0.0.1:$PORT/small"
		load "wrk -c $c, TLS" -c $c "https://127.0.0.1:$((PORT + 1))/small"
	done
	load "wrk, files of 1 MB" -c 8 "http://127.0.0.1:$PORT/large"
	expect "curl, TLS" '^200 1000000$' curl -sk -o /dev/null -w '%{http_code} %{size_download}\n' "https://127.0.0.1:$((PORT + 1))/large"
}

memcached_serve() { memcached -u root -l 127.0.0.1 -p "$PORT" >"$DIR/log" 2>&1; }
memcached_client()
{
	expect memccapable 'All tests passed' memccapable -h 127.0.0.1 -p "$PORT" -a
	expect memcslap 'Loading|Took|Time' memcslap --servers="127.0.0.1:$PORT" --concurrency=20 --execute-number=500 --test=set
}

# In front of python's server, with two backends' worth of connections.
haproxy_serve()
{
	mkdir -p "$DIR/www"
	seq 100 >"$DIR/www/small"
	(cd "$DIR/www" && exec python3 -m http.server -b 127.0.0.1 "$BACK" >"$DIR/back.log" 2>&1) &
	cat >"$DIR/haproxy.cfg" <<-END
		global
			maxconn 2000
		defaults
			mode http
			timeout connect 5s
			timeout client 30s
			timeout server 30s
		frontend in
			bind 127.0.0.1:$PORT
			default_backend out
		backend out
			server one 127.0.0.1:$BACK maxconn 4
		listen plain
			mode tcp
			bind 127.0.0.1:$((PORT + 1))
			server two 127.0.0.1:$BACK
	END
	haproxy -db -f "$DIR/haproxy.cfg" >"$DIR/log" 2>&1
}
haproxy_client()
{
	load "wrk, HTTP" -c 16 "http://127.0.0.1:$PORT/small"
	expect "curl, TCP" '^100$' curl -s "http://127.0.0.1:$((PORT + 1))/small"
}

iperf3_serve() { iperf3 -s -p "$PORT" >"$DIR/log" 2>&1; }
iperf3_client()
{
	local how i
	# It closes its port after each client, whoever only looked whether it is there included.
	for ((i = 0; i < 100; i++)); do
		iperf3 -c 127.0.0.1 -p "$PORT" -n 1000 >"$DIR/out" 2>&1 && break
		sleep 0.05
	done
	for how in '' -R '-P 4' --bidir '-N -l 1000'; do
		# shellcheck disable=SC2086
		expect "iperf3 $how" 'receiver' iperf3 -c 127.0.0.1 -p "$PORT" -t "$SECONDS_EACH" $how
	done
	[ "$PLACE" = published ] || expect "iperf3 -u" 'receiver' iperf3 -c 127.0.0.1 -p "$PORT" -t "$SECONDS_EACH" -u -b 200M
}

http_server_serve()
{
	mkdir -p "$DIR/www"
	head -c 3000000 /dev/urandom >"$DIR/www/file"
	cd "$DIR/www" && python3 -m http.server -b 127.0.0.1 "$PORT" >"$DIR/log" 2>&1
}
http_server_client()
{
	expect curl '^200 3000000$' curl -s -o "$DIR/got" -w '%{http_code} %{size_download}\n' "http://127.0.0.1:$PORT/file"
	expect "curl -Z, 40 files" 'done' sh -c "curl -sZ --parallel-max 20 -o '$DIR/got.#1' 'http://127.0.0.1:$PORT/file?[1-40]' &&
		cat '$DIR'/got.* | wc -c | grep -qx 120000000 && echo done"
}

asyncio_serve()
{
	ulimit -n 20000
	python3 -c '
import asyncio, sys
async def echo(r, w):
    while data := await r.read(65536):
        w.write(data)
        await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=5000)
    await s.serve_forever()
asyncio.run(main())' "$PORT" >"$DIR/log" 2>&1
}
asyncio_client()
{
	ulimit -n 20000
	expect "5,000 connections" '^5000 connections' python3 -c '
import asyncio, sys
async def one(i, all_there):
    r, w = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await all_there.wait()
    for size in (10, 3000, 100):
        data = bytes([i % 251]) * size
        w.write(data)
        assert await r.readexactly(size) == data
    w.write_eof()
    assert await r.read() == b""
    w.close()
    await w.wait_closed()
async def main():
    b = asyncio.Barrier(5000)
    await asyncio.gather(*(one(i, b) for i in range(5000)))
    print("5000 connections")
asyncio.run(main())' "$PORT"
}

git_daemon_serve()
{
	export HOME=$DIR GIT_CONFIG_NOSYSTEM=1
	git init -q -b main "$DIR/repo.git" --bare
	git config --global user.name test
	git config --global user.email test@example.org
	git config --global safe.directory '*'
	(mkdir -p "$DIR/first" && cd "$DIR/first" && git init -q -b main && for i in $(seq 200); do seq "$i" >"f$i"; done &&
	 git add . && git commit -qm first && git push -q "$DIR/repo.git" main) >"$DIR/log" 2>&1
	git daemon --listen=127.0.0.1 --port="$PORT" --export-all --enable=receive-pack --base-path="$DIR" >>"$DIR/log" 2>&1
}
git_daemon_client()
{
	export HOME=$DIR/client GIT_CONFIG_NOSYSTEM=1
	rm -rf "$HOME"
	mkdir -p "$HOME"
	expect "clone, push, fsck" '^pushed$' sh -c "cd '$HOME' && git clone -q git://127.0.0.1:$PORT/repo.git copy && cd copy &&
		git config user.name test && git config user.email test@example.org &&
		head -c 2000000 /dev/urandom >large && git add large && git commit -qm second && git push -q origin main &&
		git clone -q git://127.0.0.1:$PORT/repo.git ../again && cmp large ../again/large && git -C ../again fsck --strict && echo pushed"
}

sshd_serve()
{
	mkdir -p /run/sshd
	chmod 755 /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$DIR/hostkey"
	cat >"$DIR/sshd_config" <<-END
		ListenAddress 127.0.0.1:$PORT
		HostKey $DIR/hostkey
		AuthorizedKeysFile $DIR/key.pub
		PidFile none
		UsePAM no
		StrictModes no
		PermitRootLogin yes
		Subsystem sftp internal-sftp
	END
	/usr/sbin/sshd -D -e -f "$DIR/sshd_config" >"$DIR/log" 2>&1
}
sshd_client()
{
	local options="-F none -i $DIR/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	expect "ssh command" '^hello 0$' ssh $options -p "$PORT" root@127.0.0.1 'echo hello $(id -u)'
	expect "ssh -tt" '/dev/pts/' ssh $options -tt -p "$PORT" root@127.0.0.1 tty
	head -c 5000000 /dev/urandom >"$DIR/data"
	expect scp '^same$' sh -c "scp -q $options -P $PORT '$DIR/data' root@127.0.0.1:'$DIR/data.there' &&
		scp -q $options -P $PORT root@127.0.0.1:'$DIR/data.there' '$DIR/data.back' && cmp '$DIR/data' '$DIR/data.back' && echo same"
	[ "$PLACE" = published ] || expect "ssh -L" '^SSH-2' bash -c "ssh $options -fN -L $((PORT + 5)):127.0.0.1:$PORT -o ExitOnForwardFailure=yes -p $PORT root@127.0.0.1 &&
		exec 3<>/dev/tcp/127.0.0.1/$((PORT + 5)) && head -n 1 <&3"
}

# --- the places ---

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wait_for() # PORT PID
{
	local i
	for ((i = 0; i < 600; i++)); do
		answers "$1" && return 0
		kill -0 "$2" 2>/dev/null || break
		sleep 0.05
	done
	echo "not ok $NAME: the server doesn't answer: $(tail -n 2 "$DIR/log" | tr '\n' ' ')"
	return 1
}

# Both here. Whatever the server has started goes with its process group.
both()
{
	set -m
	"${NAME}_serve" &
	local pid=$!
	set +m
	wait_for "$PORT" $pid && "${NAME}_client"
	kill -TERM -- -$pid 2>/dev/null
	wait $pid 2>/dev/null
}

case ${1:-} in
--both) NAME=$2; both; exit ;;
--serve) "$2_serve"; exit ;;
esac

. "$(dirname "$0")/lib.sh"
ME=$(realpath "$0")
missing=$(for p in $PACKAGES; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || echo "$p"; done)
if [ -n "$missing" ] && [ "$(id -u)" = 0 ]; then
	# Debian starts servers when it installs them: not here.
	policy=/usr/sbin/policy-rc.d
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && trap 'rm -f $policy' EXIT; }
	# shellcheck disable=SC2086
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq $missing >"$COMPAT_OUT/network.apt" 2>&1 </dev/null
fi
work=$(mktemp -d /tmp/sbx-network.XXXXXX)
chmod 755 "$work"
# Until somebody answers, and not only the port of a sandbox whose server isn't there yet: that is closed at once.
published_answers()
{
	local status
	(exec 3<>"/dev/tcp/127.0.0.1/$PORT" && read -r -t 0.2 -u 3) 2>/dev/null
	status=$?
	[ $status = 0 ] || [ $status -gt 128 ]
}

[ $# -gt 0 ] || set -- $SERVERS
for NAME; do
	for PLACE in host sandbox published; do
		PORT=$((PORT + 10))       # those of the last one may be in TIME_WAIT
		DIR=$work/$NAME.$PLACE
		mkdir -p "$DIR"
		options=(--bind "$DIR" "$DIR" --ro-bind "$ME" "$ME" --ro-bind "$(dirname "$ME")/network_more.sh" "$(dirname "$ME")/network_more.sh")
		if [ "$NAME" = sshd ]; then
			# Who isn't in /etc/shadow, which sandboxes don't show, is locked out.
			ssh-keygen -q -t ed25519 -N '' -f "$DIR/key"
			echo 'root:*:19000:0:99999:7:::' >"$DIR/shadow"
			options+=(--ro-bind "$DIR/shadow" /etc/shadow)
		fi
		case $PLACE in
		host) timeout -k 5 600 bash "$ME" --both "$NAME" ;;
		sandbox) timeout -k 5 600 "$SBX" run "${options[@]}" -- bash "$ME" --both "$NAME" ;;
		published)
			"$SBX" run --timeout 600 -p "$PORT:$PORT" -p "$((PORT + 1)):$((PORT + 1))" "${options[@]}" -- \
				bash "$ME" --serve "$NAME" &
			pid=$!
			for ((i = 0; i < 1200; i++)); do
				published_answers && break
				kill -0 $pid 2>/dev/null || break
				sleep 0.05
			done
			"${NAME}_client"
			kill $pid
			wait $pid 2>/dev/null
			;;
		esac </dev/null >"$DIR/said" 2>"$DIR/err"
		sed "s/^\(not \)\?ok /&$PLACE $NAME: /" "$DIR/said"
		grep -q '^ok' "$DIR/said" || echo "not ok $PLACE $NAME: nothing was said: $(tail -n 2 "$DIR/err" | tr '\n' ' ')"
	done
done | tee "$COMPAT_OUT/network.txt"
rm -rf "$work"
! grep -q '^not ok [sp]' "$COMPAT_OUT/network.txt"
