# lib.sh - sourced by the suites of `make compat`: tests that nobody here wrote, natively and in sandboxes.
#
# SBX is the program under test, COMPAT_OUT where results go, COMPAT_PLATFORMS what to compare (default: systrap).
set -u
SBX=${SBX:?SBX must be the sbx program}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
COMPAT_OUT=${COMPAT_OUT:-$PWD/compat-results}
COMPAT_PLATFORMS=${COMPAT_PLATFORMS:-systrap}
mkdir -p "$COMPAT_OUT"

# judge SUITE PERCENT OPTION... LIST: runs `sbx compat`, writes SUITE.json and SUITE.html, lists what fails only in the sandbox,
# and fails if less than PERCENT of what passes natively passes on one of the platforms.
judge()
{
	local suite=$1 percent=$2
	shift 2
	"$SBX" compat --platform "$COMPAT_PLATFORMS" --html "$COMPAT_OUT/$suite.html" --json "$@" >"$COMPAT_OUT/$suite.json"
	[ $? -le 1 ] || return 1
	python3 "$HERE/judge.py" "$suite" "$percent" <"$COMPAT_OUT/$suite.json"
}
