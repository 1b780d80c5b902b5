#!/bin/bash
# sbx syscalls: the table that people read is the one the kernel is made of, and guest tests cover what it claims.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

"$SBX" syscalls --md >now.md
if cmp -s now.md "$TESTS/../../docs/syscalls.md"; then
	ok docs_are_up_to_date
else
	not_ok docs_are_up_to_date "make docs: $(diff "$TESTS/../../docs/syscalls.md" now.md | sed -n 2p)"
fi

# tests/uncovered.txt may only shrink: what is covered by now leaves it.
"$SBX" syscalls --uncovered | sort >uncovered
grep -v '^#' "$TESTS/../uncovered.txt" | sort >allowed
new=$(comm -23 uncovered allowed | tr '\n' ' ')
old=$(comm -13 uncovered allowed | tr '\n' ' ')
check no_call_works_without_a_test test -z "$new"
check uncovered_list_shrinks test -z "$old"
unknown=$("$SBX" syscalls --unknown | tr '\n' ' ')
check covers_names_system_calls test -z "$unknown"

"$SBX" syscalls --json >now.json
check json_is_json python3 -c '
import json
calls = {c["name"]: c for c in json.load(open("now.json"))}
assert calls["read"]["number"] == 0 and calls["read"]["level"] == "full" and "rw_test" in calls["read"]["tests"]
assert all(c["note"] for c in calls.values() if c["level"] == "partial")
assert len(calls) > 330'
check text_lists_each_call test "$("$SBX" syscalls | wc -l)" = "$(grep -c '"number"' now.json)"
fails unknown_option_is_refused 125 'sbx: --xml: no such option*' "$SBX" syscalls --xml
