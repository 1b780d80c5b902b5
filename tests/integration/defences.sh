#!/bin/bash
# What each process of a running sandbox has left, as the host sees it: namespaces, capabilities, no_new_privs, filters, root
# directory, descriptors. Every check must fail for a process that has none of it (this shell), or it would prove nothing.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
if [ "$(id -u)" != 0 ]; then
	skip defences "needs root to look"
	exit 0
fi

status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
apart() # pid, namespaces...
{
	local pid=$1 ns
	shift
	for ns in "$@"; do
		[ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/$$/ns/$ns")" ] || return 1
	done
}
own_namespaces() { apart "$1" user pid mnt net ipc uts cgroup; }
no_new_privs() { [ "$(status "$1" NoNewPrivs)" = 1 ]; }
filtered() { [ "$(status "$1" Seccomp)" = 2 ]; }
not_root() { [ "$(status "$1" Uid | cut -f 1)" != 0 ] && [ -z "$(status "$1" Groups | tr -d ' ')" ]; }
no_caps() { [ $((0x$(status "$1" CapEff) | 0x$(status "$1" CapPrm) | 0x$(status "$1" CapInh) | 0x$(status "$1" CapAmb))) = 0 ]; }
only_ptrace() { [ $((0x$(status "$1" CapEff))) = $((1 << 19)) ] && [ $((0x$(status "$1" CapBnd))) = $((1 << 19)) ]; }
only_reads() { [ $((0x$(status "$1" CapEff) & ~(1 << 2))) = 0 ]; }
nothing_to_gain() { [ $((0x$(status "$1" CapBnd) & ~(1 << 19))) = 0 ]; }
empty_root() { [ -z "$(ls -A "/proc/$1/root/")" ] && ! touch "/proc/$1/root/x" 2>/dev/null; }
# The gofer's root has the exports in it, and of the host's own directories nothing.
no_host_root()
{
	local dir
	for dir in bin boot home root var proc/self .proc/self; do
		[ ! -e "/proc/$1/root/$dir" ] || return 1
	done
}
# But for those it was given for standard input, output and error.
no_files_open() { ! readlink "/proc/$1"/fd/* | grep -v "^socket:\|^/memfd:\|^anon_inode:\|^pipe:\|/dev/null\|$WORK/ready\|$WORK/err" | grep -q .; }
no_network() { ! grep -qv 'lo:\|Inter-\|face' "/proc/$1/net/dev"; }
nothing_above() # of the gofer: the directory of its descriptors leads nowhere
{
	local fd
	for fd in /proc/"$1"/fd/*; do
		[ ! -e "$fd/../sys/kernel/core_pattern" ] && [ ! -e "$fd/../../sys/kernel/core_pattern" ] || return 1
	done
}

mkfifo ready
"$SBX" run -- sh -c 'echo up; exec sleep 60' >ready 2>err </dev/null &
loader=$!
read -r _ <ready
declare -A pids
for pid in $(family $loader); do
	case "$(cat /proc/"$pid"/comm)" in
	"sbx init") pids[init]=$pid ;;
	"sbx gofer") pids[gofer]=$pid ;;
	"sbx sentry") pids[sentry]=$pid ;;
	"sbx stub") pids[stub]=$pid ;;
	esac
done
has() # process, checks...
{
	local who=$1 what
	shift
	for what in "$@"; do
		if [ -z "${pids[$who]:-}" ] || ! $what "${pids[$who]}"; then
			not_ok "${who}_has_$what" "$(grep -E 'Uid|Cap|NoNew|Seccomp:' "/proc/${pids[$who]:-self}/status" | tr '\n' ' ')"
		else
			ok "${who}_has_$what"
		fi
	done
}
has init own_namespaces no_new_privs filtered not_root no_caps nothing_to_gain empty_root no_files_open no_network
has gofer own_namespaces no_new_privs filtered only_reads no_host_root nothing_above no_network
has sentry own_namespaces no_new_privs filtered not_root only_ptrace nothing_to_gain empty_root no_network
has stub own_namespaces no_new_privs filtered not_root no_caps nothing_to_gain empty_root no_files_open no_network
kill $loader
wait $loader 2>/dev/null

# An ordinary process passes none of them.
tail -f /etc/passwd >/dev/null &
plain=$!
cd /
for what in own_namespaces no_new_privs filtered not_root no_caps only_ptrace only_reads nothing_to_gain no_host_root no_files_open; do
	if $what $plain; then not_ok "an_ordinary_process_lacks_$what" "it has it"; else ok "an_ordinary_process_lacks_$what"; fi
done
kill $plain
