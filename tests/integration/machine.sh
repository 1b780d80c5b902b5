#!/bin/bash
# What a program sees is a machine of its own, and of the host only what was given.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

machine()
{
	local out="$WORK/seen.$who"
	"${AS[@]}" "$SBX" run -- sh -c 'echo pid $$; id -u; hostname; ps ax -o pid=,args=; echo root:; ls /; grep -E "^(Pid|PPid|NSpid|Seccomp|CapEff):" /proc/self/status' >"$out" 2>&1
	check "$who: is_pid_1" grep -qx 'pid 1' "$out"
	check "$who: is_root_inside" grep -qx 0 "$out"
	check "$who: has_its_own_name" grep -qx sbx "$out"
	check "$who: sees_only_its_processes" test "$(sed -n '/^ *[0-9]* .*$/p' "$out" | grep -cvE 'sh -c|ps ax|pid 1')" = 0
	check "$who: sees_no_host_directory" test "$(sed -n '/^root:/,/^Pid/p' "$out" | grep -cE '^(work|boot|lost\+found|snap)$')" = 0
	"${AS[@]}" "$SBX" run --hostname other -- sh -c 'hostname; cat /etc/hostname; uname -n' >"$out" 2>&1
	check "$who: hostname_option" test "$(sort -u "$out")" = other

	# Host processes, host users' files, host sockets.
	"${AS[@]}" "$SBX" run -- sh -c 'ls /proc | grep -cE "^[0-9]+$"' >"$out" 2>&1
	check "$who: few_processes_in_proc" test "$(cat "$out")" -le 4
	"${AS[@]}" "$SBX" run -- sh -c 'ls -A /root /home /tmp /var/tmp /run /mnt /media /srv | grep -v : | grep -c .' >"$out" 2>&1
	check "$who: personal_directories_are_empty" test "$(tail -n 1 "$out")" -le 2   # /tmp has the way to $WORK
	"${AS[@]}" "$SBX" run -- sh -c 'cat /etc/shadow; ls /etc/shadow /etc/ssl/private' >"$out" 2>&1
	check "$who: secrets_of_etc_are_absent" test "$(grep -c 'No such file' "$out")" = 3
	"${AS[@]}" "$SBX" run -- sh -c 'cat /etc/machine-id /etc/resolv.conf; ls /dev' >"$out" 2>&1
	check "$who: no_host_devices" test "$(grep -cE '^(vda|sda|mem|kmsg|kvm|mapper)' "$out")" = 0
	"${AS[@]}" "$SBX" run -- sh -c 'cat /proc/net/dev 2>/dev/null; ls /sys/class/net 2>/dev/null' >"$out" 2>&1
	check "$who: no_host_network_devices" test "$(grep -cE 'eth|ens|wlan|docker' "$out")" = 0
	"${AS[@]}" "$SBX" run -- sh -c 'grep -E " / " /proc/mounts; cat /proc/mounts' >"$out" 2>&1
	check "$who: mounts_name_no_host_device" test "$(grep -cE '^/dev/' "$out")" = 0

	# What is written goes nowhere.
	"${AS[@]}" "$SBX" run -- sh -c 'echo x >/usr/bin/sbx-was-here; echo x >/etc/sbx-was-here; echo x >here; rm -f /usr/bin/env; cat here /etc/sbx-was-here /usr/bin/sbx-was-here; ls /usr/bin/env 2>&1 | grep -c "No such"' >"$out" 2>/dev/null
	check "$who: writes_are_seen_inside" test "$(tr '\n' ' ' <"$out")" = "x x x 1 "
	check "$who: writes_stay_inside" test ! -e /usr/bin/sbx-was-here -a ! -e /etc/sbx-was-here -a ! -e here -a -e /usr/bin/env
	"${AS[@]}" "$SBX" run --read-only -- sh -c 'echo x >/usr/x; echo x >here; echo x >/tmp/y && cat /tmp/y' >"$out" 2>/dev/null
	check "$who: read_only_option" test "$(cat "$out")" = x
}
for_each_user machine

visible()
{
	local out="$WORK/out"
	mkdir -p "$WORK/project/sub" "$WORK/home"
	echo secret >"$WORK/home/secret"
	printf '#!/bin/sh\necho ran $0\n' >"$WORK/home/prog"
	cp "$WORK/home/prog" "$WORK/project/sub/prog"
	chmod 755 "$WORK/home/prog" "$WORK/project/sub/prog"
	(cd "$WORK/project" && "$SBX" run -- sh -c 'pwd; ls; ./sub/prog; cat ../home/secret') >"$out" 2>/dev/null
	check current_directory_is_visible test "$(tr '\n' ' ' <"$out")" = "$WORK/project sub ran ./sub/prog "
	(cd "$WORK/home" && HOME=$WORK/home "$SBX" run -- sh -c 'ls -d secret; cat secret') >"$out" 2>/dev/null
	check home_is_not_visible test ! -s "$out"
	(cd "$WORK/home" && HOME=$WORK/home "$SBX" run -- ./prog) >"$out" 2>&1
	check program_in_home_runs test "$(cat "$out")" = "ran ./prog"
	(cd / && "$SBX" run -- "$WORK/home/prog") >"$out" 2>&1
	check program_elsewhere_runs test "$(cat "$out")" = "ran $WORK/home/prog"
	(cd / && "$SBX" run -- sh -c 'pwd; ls -d /work /boot') >"$out" 2>/dev/null
	check root_is_not_visible test "$(cat "$out")" = /
	"$SBX" run --tmpfs /data --ro-bind "$WORK/home/secret" /data/file -- sh -c 'cat /data/file; echo x >/data/new && ls /data; echo x >/data/file' >"$out" 2>/dev/null
	check mounts_in_order test "$(tr '\n' ' ' <"$out")" = "secret file new "
	"$SBX" run --clearenv -e A=1 -e SBX_T -- env >"$out" 2>&1
	check clearenv test "$(cut -d= -f1 "$out" | grep -vE '^(PATH|HOME|TERM|PWD|SHLVL|_|OLDPWD)$' | tr '\n' ' ')" = "A "
	SBX_T=5 "$SBX" run --clearenv -e SBX_T -- sh -c 'echo $SBX_T $HOME' >"$out" 2>&1
	check env_from_here test "$(cat "$out")" = "5 /root"
	"$SBX" run -u 1000:50 -- sh -c 'id -u; id -g; id -G; touch /usr/x 2>&1 | grep -c denied' >"$out" 2>&1
	check user_option test "$(tr '\n' ' ' <"$out")" = "1000 50 50 1 "
	"$SBX" run -w /usr/share -- pwd >"$out" 2>&1
	check workdir_option test "$(cat "$out")" = /usr/share
	"$SBX" run --cpus 1 -- nproc >"$out" 2>&1
	check cpus_option_is_visible test "$(cat "$out")" = 1
}
visible

rootfs()
{
	command -v busybox >/dev/null || return
	local r="$WORK/rootfs"
	mkdir -p "$r/bin" "$r/tmp" && cp "$(command -v busybox)" "$r/bin/" && ln -sf busybox "$r/bin/sh" && ln -sf busybox "$r/bin/ls"
	"${AS[@]}" "$SBX" run --rootfs "$r" -- /bin/sh -c 'pwd; /bin/ls /bin; echo x >/new; /bin/ls /' >"$WORK/out" 2>&1
	check "$who: rootfs_option" test "$(tr '\n' ' ' <"$WORK/out")" = "/ busybox ls sh bin dev new proc sys tmp "
	check "$who: rootfs_stays_as_it_was" test ! -e "$r/new"
}
for_each_user rootfs
