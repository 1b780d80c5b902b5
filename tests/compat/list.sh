#!/bin/bash
# Any other suite: SUITE LIST [PERCENT], where LIST has lines "name command…" as LTP's runtest files have, or is a directory of
# programs. Nothing runs without arguments.
#
#	PATH=$PATH:/opt/ltp/testcases/bin LTPROOT=/opt/ltp tests/compat/list.sh ltp /opt/ltp/runtest/syscalls 75
#	tests/compat/list.sh posix …/open_posix_testsuite/conformance/interfaces 95
. "$(dirname "$0")/lib.sh"
[ $# -ge 2 ] || { echo "usage: list.sh SUITE LIST|DIRECTORY [PERCENT]"; exit 2; }
options=()
[ -z "${LTPROOT:-}" ] || options=(--run-option --ro-bind --run-option "$LTPROOT" --run-option "$LTPROOT")
judge "$1" "${3:-0}" --timeout "${COMPAT_TIMEOUT:-60}" "${options[@]}" "$2"
