#!/bin/bash
# run.sh SBX [SUITE...] - `make compat`: programs and test suites that nobody here wrote, natively and in sandboxes. Takes hours.
# Results: compat-results/*.html, *.json. COMPAT_PLATFORMS=systrap,ptrace chooses platforms.
set -u
SBX=$(realpath "${1:?usage: run.sh SBX [SUITE...]}") || exit 2
shift
export SBX COMPAT_OUT=${COMPAT_OUT:-$PWD/compat-results}
here=$(cd "$(dirname "$0")" && pwd)
bad=0
for suite in ${*:-runtimes tools applications services terminals libc cpython stress_ng servers network stress}; do
	bash "$here/$suite.sh" || bad=1
done
exit $bad
