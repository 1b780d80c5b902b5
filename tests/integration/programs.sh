#!/bin/bash
# Ordinary programs on ordinary files: the same output as natively, as root and as an ordinary user.
. "$(dirname "$0")/lib.sh"

programs()
{
	SAME_TIMEOUT=300 same hash_many_files bash -c 'find /usr/bin /usr/lib/python3 /usr/share -type f 2>/dev/null | sort | head -n 6000 | xargs -n 64 sha256sum | tail'
	same tar_and_gzip sh -c 'tar c /usr/share/doc 2>/dev/null | gzip | gzip -dc | tar t | wc -l'
	same unpack_here sh -c 'tar c -C /usr/share/doc bash | tar x; find bash -type f | sort | xargs md5sum; rm -r bash; ls -A'
	same perl perl -e 'my %h; $h{length $_}++ for split /\W+/, join "", <STDIN>; fork or exit 3; wait; print $? >> 8, "\n"; print join(",", sort keys %ENV) ? "env\n" : "";'
	same awk awk -F: '{ n[$NF]++ } END { for (s in n) print s, n[s] | "sort"; close("sort"); "date +%Y" | getline y; print (y > 2000) }' /etc/passwd
	same sed sh -c 'seq 1 20 >f; sed -i -e "s/1/one/g;3,5d" f; cat f; sed -n "\$p" f'
	same sort_with_temporary_files sh -c 'seq 1 200000 | sort -R --random-source=/usr/bin/env >f; sort -n -S 1M -T . f | md5sum; ls'
	same dd sh -c 'dd if=/dev/zero of=f bs=64k count=64 status=none; dd if=f bs=1 skip=4194300 status=none | od -c; truncate -s 1G s; stat -c "%s %b" s; dd if=/usr/bin/env of=f bs=1k seek=1 count=3 conv=notrunc status=none; md5sum f'
	same copies_and_links sh -c 'cp -a /usr/share/doc/bash d; cp --sparse=always /usr/bin/env e; cmp e /usr/bin/env; mv d d2; ln -s d2 l; ls l | sort; find . | sort | head -n 20; rm -rf d2 l e; ls'
	same compressors sh -c 'for c in gzip bzip2 xz; do command -v $c >/dev/null || continue; head -c 300000 /usr/bin/env | $c | $c -dc | md5sum; done'
	same write_to_system_directories sh -c '[ $(id -u) = 0 ] || :; d=$(mktemp -d); echo $? ; echo x >$d/f; cat $d/f; rm -r $d'
	same environment env -i A=1 B=2 env
	same proc sh -c 'cat /proc/self/comm; tr "\0" " " </proc/self/cmdline; readlink /proc/self/exe'
	same tail_follow sh -c ': >f; timeout 2 tail -f f >out & sleep 0.3; echo line >>f; wait; cat out'
	same cmp_and_diff sh -c 'seq 1 100 >a; seq 1 2 100 >b; diff a b | wc -l; cmp a b; comm -12 a b 2>/dev/null | wc -l'
	same flock sh -c 'flock f sh -c "flock -n f true; echo \$?"; flock -n f echo free'
	same mkfifo sh -c 'mkfifo p; cat p & echo through >p; wait'
	same split_and_cat sh -c 'seq 1 50000 >f; split -b 10000 f part.; cat part.* | cmp - f; echo $?; ls | wc -l'
	if command -v busybox >/dev/null; then
		same busybox busybox sh -c 'for a in ls cat sort wc md5sum tar; do busybox $a --help >/dev/null 2>&1 || echo no $a; done; seq 1 100 | busybox tac | busybox head -n 3; busybox find /usr/share/doc/bash | busybox sort; busybox vi --help 2>/dev/null; echo abc | busybox sha256sum; busybox awk "BEGIN { print 2 ^ 10 }"'
	fi
	if command -v sqlite3 >/dev/null; then
		same sqlite_in_memory sqlite3 :memory: 'create table t (a, b); with recursive n(x) as (select 1 union all select x + 1 from n where x < 20000) insert into t select x, x * x from n; select count(*), sum(b) from t; create index i on t (b); select a from t where b = 10000;'
	fi
}
for_each_user programs

samples()
{
	local s
	for s in freestanding hello_static hello_static_pie hello_dynamic hello_musl; do
		[ -x "$SBX_BUILD/tests/guest/samples/$s" ] || continue
		mkdir -p "$WORK/files"
		cp "$SBX_BUILD/tests/guest/samples/$s" "$WORK/files/"
		same "sample_$s" "./$s" 3
	done
	rm -rf "$WORK/files"
}
[ -z "${SBX_BUILD:-}" ] || for_each_user samples

# What was written through --bind stays, also a database with its write-ahead log.
binds()
{
	local d="$WORK/data.$who"
	rm -rf "$d" && mkdir "$d" && chmod 777 "$d"
	"${AS[@]}" "$SBX" run --bind "$d" /data -w /data -- sh -c 'echo kept >f; mkdir sub; mv f sub/g; ln sub/g h; chmod 640 h'
	check "$who: bind_keeps_files" test "$(cat "$d/sub/g" 2>/dev/null) $(stat -c '%h %a' "$d/h" 2>/dev/null)" = "kept 2 640"
	if command -v sqlite3 >/dev/null; then
		"${AS[@]}" "$SBX" run --bind "$d" /data -w /data -- sqlite3 t.db 'pragma journal_mode = wal; create table t (a); insert into t values (1), (2);' >/dev/null
		"${AS[@]}" "$SBX" run --bind "$d" /data -w /data -- sqlite3 t.db 'insert into t select a + 2 from t;'
		check "$who: bind_sqlite_wal" test "$("${AS[@]}" sqlite3 "$d/t.db" 'pragma integrity_check; select sum(a) from t;' | tr '\n' ' ')" = "ok 10 "
	fi
	"${AS[@]}" "$SBX" run --ro-bind "$d" /data -- sh -c 'echo no >/data/new' 2>/dev/null
	check "$who: ro_bind_refuses_writes" test ! -e "$d/new"
}
for_each_user binds
