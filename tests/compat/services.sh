#!/bin/bash
# Init systems, daemons and databases: what starts, supervises and serves. Arguments: names; default all.
. "$(dirname "$0")/same.sh"

same s6 "s6-svscan s6-svc" 'mkdir -p scan/a scan/b scan/b/log; printf "#!/bin/sh\necho started >>../../a.log\nexec sleep 1000\n" >scan/a/run
	printf "#!/bin/sh\necho line\nexec sleep 1000\n" >scan/b/run; printf "#!/bin/sh\nexec cat >>../../../b.log\n" >scan/b/log/run; chmod +x scan/*/run scan/b/log/run
	s6-svscan scan & until s6-svstat scan/a 2>/dev/null | grep -q "^up" && grep -q line b.log 2>/dev/null; do sleep 0.05; done
	until grep -q started a.log; do sleep 0.05; done; s6-svc -k scan/a; until [ $(wc -l <a.log) = 2 ]; do sleep 0.05; done
	s6-svwait -d scan/a & s6-svc -wd -d scan/a; wait $!; s6-svstat scan/a | grep -o "^down"; s6-svscanctl -t scan; wait %1; echo $?; cat a.log b.log'
same s6_as_init s6-svscan 'mkdir -p scan/a; printf "#!/bin/sh\necho \$PPID >../../log\nexec sleep 1000\n" >scan/a/run; chmod +x scan/a/run
	(until [ -s log ]; do sleep 0.05; done; s6-svscanctl -t scan) & s6-svscan scan; wait; echo $?; wc -l <log'
same runit "runsvdir sv" 'mkdir -p sv/a; printf "#!/bin/sh\necho started >>../../log\nexec sleep 1000\n" >sv/a/run; chmod +x sv/a/run
	runsvdir sv & until sv status ./sv/a 2>/dev/null | grep -q ^run && [ -s log ]; do sleep 0.05; done; sv -w 10 restart ./sv/a | sed "s/pid [0-9]*\|[0-9]s//g"
	until [ $(wc -l <log) = 2 ]; do sleep 0.05; done; sv -w 10 down ./sv/a | grep -o "^ok: down"; sv once ./sv/a; until [ $(wc -l <log) = 3 ]; do sleep 0.05; done
	kill -HUP $!; wait $!; echo $?; cat log; '
same supervisord "supervisord supervisorctl" 'cat >c <<E
[supervisord]
nodaemon=true
logfile=$PWD/log
pidfile=$PWD/pid
[unix_http_server]
file=$PWD/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://$PWD/sock
[program:a]
command=sh -c "echo line; exec sleep 1000"
stdout_logfile=$PWD/a.log
[program:b]
command=sh -c "sleep 0.1; exit 3"
startsecs=0
autorestart=false
E
	supervisord -c c >/dev/null & until supervisorctl -c c status a 2>/dev/null | grep -q RUNNING; do sleep 0.2; done
	until supervisorctl -c c status b | grep -q EXITED; do sleep 0.2; done; supervisorctl -c c restart a; supervisorctl -c c stop a
	grep -c line a.log; grep -o "exit status 3" log; supervisorctl -c c shutdown; wait $!; echo $?'
same supervisord_as_init supervisord 'printf "[supervisord]\nnodaemon=true\nlogfile=$PWD/log\npidfile=$PWD/pid\n[program:a]\ncommand=sh -c \"echo x; exec sleep 1000\"\nstdout_logfile=$PWD/a.log\n" >c
	(until [ -s a.log ]; do sleep 0.1; done; kill $(cat pid)) & exec supervisord -c c >/dev/null'

# sshd -i serves one connection on its standard input: over a socket pair, as inetd does it, and over pipes.
SSH='ssh-keygen -q -t ed25519 -N "" -f host; ssh-keygen -q -t ed25519 -N "" -f me; cp me.pub keys; chmod 600 keys; mkdir -p /run/sshd; [ -e /etc/shadow ] || echo "root:*:20000:0:99999:7:::" >/etc/shadow
	printf "HostKey $PWD/host\nAuthorizedKeysFile $PWD/keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp internal-sftp\nLogLevel ERROR\n" >conf
	printf "ProxyUseFdpass no\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nIdentityFile $PWD/me\nLogLevel ERROR\n" >client
	S="ssh -F client -o ProxyCommand=\"/usr/sbin/sshd -i -f $PWD/conf\" root@here"'
same sshd_over_a_socket_pair "ssh usr/sbin/sshd" "$SSH"'
	eval $S "\"echo session; id -un; exit 7\""; echo $?; seq 1 100000 | eval $S "md5sum"; eval $S -tt "\"stty size; tty | cut -c 1-9\"" | tr -d "\r"
	head -c 3000000 /usr/bin/env >f; eval $S "cat" <f | cmp - f && echo same'
same sshd_sftp_and_privileges "sftp usr/sbin/sshd" "$SSH"'
	seq 1 50000 >f; printf "put f g\nget g h\nls -1 g h\nrm g\n" >b; sftp -q -F client -o ProxyCommand="/usr/sbin/sshd -i -f $PWD/conf" -b b root@here:$PWD | grep -v ^sftp; cmp f h && echo same'
same sshd_listens "ssh usr/sbin/sshd" "$SSH"'
	/usr/sbin/sshd -D -f conf -o ListenAddress=127.0.0.1 -o Port=18022 & until eval ssh -F client -p 18022 root@127.0.0.1 echo in; do sleep 0.2; done 2>/dev/null
	P=$!; ssh -F client -p 18022 -N -L 127.0.0.1:18023:127.0.0.1:18022 root@127.0.0.1 & T=$!
	until ssh -F client -p 18023 root@127.0.0.1 "echo through a tunnel"; do sleep 0.2; done 2>/dev/null; kill $T $P; wait $P; echo $?'

same redis "redis-server redis-cli" 'redis-server --port 0 --unixsocket $PWD/s --dir $PWD >/dev/null & until redis-cli -s s ping 2>/dev/null; do sleep 0.1; done
	redis-cli -s s mset a 1 b 2; for i in $(seq 200); do echo "lpush l $i"; done | redis-cli -s s | tail -n 1; redis-cli -s s bgsave; until redis-cli -s s info persistence | grep -q "rdb_bgsave_in_progress:0"; do sleep 0.1; done; ls *.rdb
	redis-cli -s s bgrewriteaof; until redis-cli -s s info persistence | grep -q "aof_rewrite_in_progress:0"; do sleep 0.1; done; redis-cli -s s llen l; redis-cli -s s shutdown nosave; wait $!; echo $?'
same mariadb "mariadbd mariadb-install-db mariadb" 'mkdir d; chown mysql d; chmod 755 . ; mariadb-install-db --user=mysql --datadir=$PWD/d --auth-root-authentication-method=normal >/dev/null 2>&1; echo $?
	mariadbd --user=mysql --datadir=$PWD/d --socket=$PWD/d/s --skip-networking --pid-file=$PWD/d/pid --innodb-buffer-pool-size=32M 2>err & P=$!
	for i in $(seq 300); do mariadb -S d/s -e "select 1" >/dev/null 2>&1 && break; sleep 0.1; done
	mariadb -S d/s -e "create database t; use t; create table x (a int primary key auto_increment, b text) engine=innodb; insert into x (b) select seq from seq_1_to_5000; select count(*), sum(b) from x; create table y engine=aria select * from x; select count(*) from y"
	for i in 1 2 3 4 5 6; do mariadb -S d/s t -e "start transaction; update x set b = b + 1 where a = 7; commit" & J="$J $!"; done; wait $J; mariadb -S d/s t -e "select b from x where a = 7"
	mariadb-admin -S d/s shutdown; wait $P; echo $?'
same postgresql "usr/lib/postgresql/15/bin/postgres setpriv" 'P=/usr/lib/postgresql/15/bin; chmod 755 .; mkdir d; chown postgres d; U="setpriv --reuid postgres --regid postgres --init-groups"; cd d
	$U $P/initdb -D db >/dev/null 2>&1; echo $?; $U $P/pg_ctl -D db -w -l log -o "-k $PWD -c listen_addresses=" start >/dev/null; echo $?
	Q="$U $P/psql -h $PWD -At -d postgres"; $Q -c "create table t as select i, md5(i::text) m from generate_series(1, 20000) i" -c "create index on t (m)" -c "select count(*), max(m) from t" -c "select sum(i) from t where m < (select m from t where i = 7)" -c "vacuum analyze t"
	for i in 1 2 3 4; do $Q -c "select pg_advisory_lock(1); select count(*) from t; select pg_sleep(0.05)" & J="$J $!"; done >out; wait $J; sort out; $Q -c "listen x" -c "notify x" 2>/dev/null | sed "s/PID [0-9]*/PID/"
	$U $P/pg_ctl -D db -w -m fast stop >/dev/null; echo $?'
same nginx nginx 'chmod 755 .; mkdir -p /var/lib/nginx; mkdir www; echo hello >www/i.html; head -c 300000 /usr/bin/env >www/big; cat >n <<E
worker_processes 2;
error_log $PWD/err;
pid $PWD/pid;
events { worker_connections 64; }
http { access_log off; server { listen 127.0.0.1:18081; root $PWD/www; sendfile on; } server { listen unix:$PWD/s; location / { proxy_pass http://127.0.0.1:18081; } } }
E
	nginx -c $PWD/n -g "daemon off;" & until python3 -c "import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:18081/i.html\").read())" 2>/dev/null; do sleep 0.1; done
	python3 -c "import urllib.request as u, hashlib; print(hashlib.md5(u.urlopen(\"http://127.0.0.1:18081/big\").read()).hexdigest())"; md5sum <www/big
	nginx -c $PWD/n -s reload; nginx -c $PWD/n -s quit; wait $!; echo $?'
same dbus "dbus-daemon dbus-send" 'cat >c <<E
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$PWD/s</listen><auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
E
	dbus-daemon --config-file=c --nofork --nopidfile & until [ -S s ]; do sleep 0.05; done; export DBUS_SESSION_BUS_ADDRESS=unix:path=$PWD/s
	dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames | grep -c string; dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixUser string:org.freedesktop.DBus | grep uint32
	kill $!; wait $!; echo $?'
same socat socat 'socat -T 5 UNIX-LISTEN:s,fork EXEC:"tr a-z A-Z" & until [ -S s ]; do sleep 0.05; done; echo over unix | socat -t 2 - UNIX-CONNECT:s; kill $!; echo hi | socat - EXEC:cat,pty,raw,echo=0; wait'
same_end
