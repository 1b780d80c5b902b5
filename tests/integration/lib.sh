# lib.sh - sourced by the integration tests: each check prints "ok name" or "not ok name: why".
#
# SBX is the program under test, SBX_TEST_TMP a directory to work in (run.sh sets both). A test that is run by hand needs
# SBX only.
set -u
SBX=${SBX:?SBX must be the sbx program}
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${SBX_TEST_TMP:-}" ]; then
	SBX_TEST_TMP=$(mktemp -d /tmp/sbx-test.XXXXXX)
	trap 'rm -rf "$SBX_TEST_TMP"' EXIT
fi
chmod 755 "$SBX_TEST_TMP"
# Where an ordinary user can run it too. Two scripts may be at work: whole or not at all.
install -D -m 755 "$SBX" "$SBX_TEST_TMP/bin/sbx.$$"
mv -f "$SBX_TEST_TMP/bin/sbx.$$" "$SBX_TEST_TMP/bin/sbx"
SBX=$SBX_TEST_TMP/bin/sbx
TEST=$(basename "$0" .sh)
WORK=$SBX_TEST_TMP/$TEST
mkdir -p "$WORK" && chmod 777 "$WORK"
ORDINARY=12345
who=root
[ "$(id -u)" = 0 ] || who=user

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1: ${2//$'\n'/ | }"; }
skip() { echo "ok $1 # SKIP $2"; }
check() # name, condition's command...
{
	local name=$1
	shift
	local out="$WORK/check.$BASHPID"
	if "$@" >"$out" 2>&1; then ok "$name"; else not_ok "$name" "$* failed: $(tail -n 2 "$out")"; fi
}

# In front of a command: runs it as $who, an ordinary user without any rights here or root.
AS=()
AS_ORDINARY=(setpriv --reuid $ORDINARY --regid $ORDINARY --clear-groups -- env HOME=/root)

# Both for root and for an ordinary user, where that is possible: calls a function with $who and $AS set.
for_each_user()
{
	if [ "$(id -u)" != 0 ]; then
		who=user
		"$@"
		return
	fi
	"$@"
	who=user AS=("${AS_ORDINARY[@]}")
	"$@"
	who=root AS=()
}

# same NAME COMMAND...: standard output, standard error and exit status are those of a native run. Both runs start in a fresh
# copy of $WORK/files, if that exists. SBX_OPTIONS are given to the sandbox.
SBX_OPTIONS=()
same()
{
	local name="$who: $1" dir="$WORK/run.$RANDOM" kind
	shift
	for kind in native sandbox; do
		rm -rf "$dir"
		mkdir "$dir"
		[ -d "$WORK/files" ] && cp -a "$WORK/files/." "$dir"
		[ ${#AS[@]} -eq 0 ] || chown -R $ORDINARY:$ORDINARY "$dir"
		local run=("${AS[@]}")
		[ $kind = sandbox ] && run+=("$SBX" run "${SBX_OPTIONS[@]}" --)
		(cd "$dir" && timeout "${SAME_TIMEOUT:-120}" "${run[@]}" "$@" </dev/null >"$WORK/$kind.out" 2>"$WORK/$kind.err"
		 echo "status $?" >"$WORK/$kind.status")
	done
	rm -rf "$dir"
	local part
	for part in status out err; do
		if ! cmp -s "$WORK/native.$part" "$WORK/sandbox.$part"; then
			not_ok "$name" "$part differs: $(diff "$WORK/native.$part" "$WORK/sandbox.$part" | head -n 6)
$([ $part = err ] || tail -n 2 "$WORK/sandbox.err")"
			return 1
		fi
	done
	ok "$name"
}

# fails NAME STATUS TEXT COMMAND...: exits with STATUS and one line on standard error, which has TEXT (a shell pattern).
fails()
{
	local name=$1 status=$2 text=$3 got
	shift 3
	timeout 30 "$@" </dev/null >"$WORK/out" 2>"$WORK/err"
	got=$?
	if [ $got != "$status" ]; then
		not_ok "$name" "exit status $got, not $status; $(head -n 2 "$WORK/err")"
	elif [ "$(wc -l <"$WORK/err")" != 1 ]; then
		not_ok "$name" "not one line: $(head -n 3 "$WORK/err")"
	else
		# shellcheck disable=SC2254
		case "$(cat "$WORK/err")" in
		$text) ok "$name" ;;
		*) not_ok "$name" "says: $(cat "$WORK/err")" ;;
		esac
	fi
}

# All processes of the sandboxes that a loader with this pid started, itself first.
family()
{
	local pid=$1 child
	echo "$pid"
	for child in $(cat /proc/"$pid"/task/*/children 2>/dev/null); do
		family "$child"
	done
}

# Cgroups of loaders that live no more; there may be other sandboxes on this machine.
dead_cgroups()
{
	local dir
	find /sys/fs/cgroup -maxdepth 4 -name 'sbx-*' -type d 2>/dev/null | while read -r dir; do
		[ -d "/proc/${dir##*-}" ] || echo "$dir"
	done
}
