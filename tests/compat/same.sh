# same.sh - sourced by the scripts that run real programs: each on the host's own kernel, then in sandboxes, and the same comes out.
#
# HOW      A script is a table of lines `same NAME "NEEDS…" SCRIPT`. The script runs in a fresh folder with the sources of programs/;
#          its standard output and exit status are compared, and what it writes to standard error is shown when they differ. What
#          is not deterministic is left out by the script itself. Programs that are not installed are skipped.
#          Arguments of a table's script choose names (shell patterns). COMPAT_HOW chooses ways to run:
#          systrap, no-rewrite, ptrace; all three by default.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
COMPAT_HOW=${COMPAT_HOW:-systrap no-rewrite ptrace}
SUITE=$(basename "$0" .sh)
CHOSEN=("$@")
WORK=$(mktemp -d /var/tmp/sbx-compat.XXXXXX) || exit 2
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$WORK"
passed=0 failed=0 skipped=0
SAME_OPTIONS=()
# What the sandbox gives its programs.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

chosen() # name
{
	local p
	[ ${#CHOSEN[@]} -gt 0 ] || return 0
	for p in "${CHOSEN[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 == $p ]] && return 0
	done
	return 1
}

missing() # programs...
{
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || [ -e "/$p" ] || { echo "$p"; return; }
	done
}

# once HOW SCRIPT: leaves out, err and status in $WORK/HOW.*
once()
{
	local how=$1 run=()
	case $how in
	native) ;;
	no-rewrite) run=("$SBX" run --platform systrap --no-rewrite "${SAME_OPTIONS[@]}" --) ;;
	*) run=("$SBX" run --platform "$how" "${SAME_OPTIONS[@]}" --) ;;
	esac
	rm -rf "$WORK/run"
	cp -r "$HERE/programs" "$WORK/run"
	(cd "$WORK/run" && timeout -k 2 "${SAME_TIMEOUT:-120}" "${run[@]}" bash -c "$2" </dev/null >"$WORK/$how.out" 2>"$WORK/$how.err")
	echo "status $?" >"$WORK/$how.status"
}

same() # name, needs, script
{
	local name=$1 needs=$2 script=$3 how part start without natively=$SECONDS
	chosen "$name" || return 0
	# shellcheck disable=SC2086
	without=$(missing $needs)
	if [ -n "$without" ]; then
		echo "ok $name # SKIP no $without"
		skipped=$((skipped + 1))
		return 0
	fi
	once native "$script"
	natively=$((SECONDS - natively))
	if grep -q "status 124" "$WORK/native.status"; then
		echo "ok $name # SKIP natively too slow here: $natively s"
		skipped=$((skipped + 1))
		return 0
	fi
	for how in $COMPAT_HOW; do
		start=$SECONDS
		once "$how" "$script"
		for part in status out; do
			cmp -s "$WORK/native.$part" "$WORK/$how.$part" && continue
			echo "not ok $name ($how): $part differs"
			diff "$WORK/native.$part" "$WORK/$how.$part" | head -n "${SAME_LINES:-10}" | sed 's/^/    /'
			tail -n "${SAME_LINES:-10}" "$WORK/$how.err" | sed 's/^/    err: /'
			failed=$((failed + 1))
			continue 2
		done
		echo "ok $name ($how) $((SECONDS - start)) s, natively $natively"
		passed=$((passed + 1))
	done
}

same_end()
{
	echo "$SUITE: $passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
}
