#!/bin/bash
# What each process of a sandbox is left with, seen from the host: ids, capabilities, filters, namespaces, files, descriptors.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

field() { awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/status"; }
same_for() # name, pids; the condition is $cond, with PID
{
	local pid bad=
	for pid in $2; do
		bash -c "${cond//PID/$pid}" >/dev/null 2>&1 || bad="$bad $(cat /proc/"$pid"/comm 2>/dev/null)($pid)"
	done
	if [ -z "$bad" ]; then ok "$who: $1"; else not_ok "$who: $1" "$cond fails for$bad"; fi
}

confinement()
{
	rm -f ready
	"${AS[@]}" "$SBX" run --bind "$WORK" /out -- sh -c 'sleep 100 & echo ready >/out/ready; exec sleep 100' </dev/null &
	local loader=$! init=, gofer= sentry= stubs= pid
	for _ in $(seq 100); do [ -s ready ] && break; sleep 0.05; done
	sleep 0.3
	# setpriv and env have become sbx, or are its parents.
	for pid in $(family $loader); do
		case "$(cat /proc/"$pid"/comm)" in
		"sbx init") init=$pid ;;
		"sbx gofer") gofer=$pid ;;
		"sbx sentry") sentry=$pid ;;
		"sbx stub") stubs="$stubs $pid" ;;
		esac
	done
	check "$who: processes_are_known_by_name" test -n "$init" -a -n "$gofer" -a -n "$sentry" -a "$(echo $stubs | wc -w)" -ge 3
	local all="$init $gofer $sentry $stubs"

	cond='[ "$(awk "/^Seccomp:/ { print \$2 }" /proc/PID/status)" = 2 ]'
	same_for all_are_under_a_filter "$all"
	cond='[ "$(awk "/^NoNewPrivs:/ { print \$2 }" /proc/PID/status)" = 1 ]'
	same_for none_can_gain_privileges "$all"
	cond='! awk "/^Cap(Inh|Prm|Eff|Bnd|Amb):/ { print \$2 }" /proc/PID/status | grep -q "[1-9a-f]"'
	same_for no_capabilities "$init $stubs"
	check "$who: the_sentry_may_only_ptrace" test "$(field "$sentry" CapEff) $(field "$sentry" CapBnd)" = "0000000000080000 0000000000080000"
	check "$who: the_gofer_may_only_write_files" test "$((0x$(field "$gofer" CapPrm) & ~0x1f))" = 0
	if [ "$who" = root ]; then
		cond='[ "$(awk "/^Uid:/ { print \$2 \$3 \$4 \$5 }" /proc/PID/status)" = 65534655346553465534 ]'
		same_for nobody_runs_them "$init $sentry $stubs"
	fi
	cond='[ -z "$(awk "/^Groups:/ { print \$2 }" /proc/PID/status)" ] || [ "$(id -u)" != 0 ] || [ '"$who"' = user ]'
	same_for no_supplementary_groups "$all"
	local ns
	for ns in user pid mnt net ipc uts cgroup time; do
		[ -e /proc/self/ns/$ns ] || continue
		cond='[ "$(readlink /proc/PID/ns/'$ns')" != "$(readlink /proc/self/ns/'$ns')" ]'
		same_for "own_${ns}_namespace" "$([ $ns = time ] && echo "$sentry $stubs" || echo "$all")"
	done
	cond='[ -z "$(ls -A /proc/PID/root/)" ] && ! touch /proc/PID/root/x'
	same_for no_files "$init $sentry $stubs"
	check "$who: the_gofer_sees_exports_only" test -z "$(ls -A "/proc/$gofer/root/" | grep -vxE 'system|etc|file[0-9]+|bind[0-9]+|[.]fd')"
	cond='[ "$(tail -n +3 /proc/PID/net/dev | cut -d: -f1 | tr -d " ")" = lo ]'
	same_for no_network "$all"
	cond='[ "$(ls /proc/PID/fd | tr "\n" " ")" = "3 4 " ]'
	same_for stubs_have_two_descriptors "$stubs"
	cond='for f in /proc/PID/fd/*; do [ ! -d $f ] || exit 1; done'
	same_for the_sentry_holds_no_directory_of_the_host "$sentry"
	cond='[ "$(cat /proc/PID/oom_score_adj)" = 1000 ]'
	same_for stubs_are_the_first_to_be_killed "$stubs"
	cond='[ "$(awk "/^Max core file size/ { print \$5 }" /proc/PID/limits)" -le 1 ]'
	same_for no_core_files "$all"
	kill -KILL $loader
	wait $loader 2>/dev/null
}
for_each_user confinement
