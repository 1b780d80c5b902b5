#!/bin/bash
# sbx compat: verdicts of several kinds of tests, and tests that misbehave.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
mkdir -p tests/sub tmp
chmod 1777 tmp
export TMPDIR=$WORK/tmp

cat >tests/passes <<'X'
#!/bin/sh
exit 0
X
# What differs between a sandbox and any host: the machine's name.
cat >tests/fails_inside <<'X'
#!/bin/sh
echo begin
echo the name is "$(uname -n)"
[ "$(uname -n)" != sbx ]
X
cat >tests/fails_outside <<'X'
#!/bin/sh
[ "$(uname -n)" = sbx ]
X
cat >tests/tap <<'X'
#!/bin/sh
echo 1..4
echo ok 1 - same
[ "$(uname -n)" != sbx ] && echo ok 2 - differs || echo not ok 2 - differs
echo 'ok 3 - left out # SKIP no reason'
echo not ok 4 - always
exit 1
X
cat >tests/ltp_conf <<'X'
#!/bin/sh
echo "x.c:1: TCONF: not here"
exit 32
X
cat >tests/sub/gtest <<'X'
#!/bin/sh
echo '[ RUN      ] Suite.First'
echo '[       OK ] Suite.First (0 ms)'
echo '[ RUN      ] Suite.Second'
[ "$(uname -n)" != sbx ] || { echo 'x.cc:3: Failure'; echo '[  FAILED  ] Suite.Second (1 ms)'; exit 1; }
echo '[       OK ] Suite.Second (1 ms)'
X
printf 'no program\n' >tests/readme
chmod +x tests/passes tests/fails_inside tests/fails_outside tests/tap tests/ltp_conf tests/sub/gtest

timeout 120 "$SBX" compat --timeout 30 --json --html page.html tests >out 2>err
check exit_status_tells_of_failures test $? = 1
check says_nothing_else test ! -s err
cat >judge.py <<'X'
import json, sys
rows = {(r["test"], r["case"]): r for r in json.load(open("out"))["rows"]}
want = eval(sys.argv[1])
got = {k: v["result"] for k, v in rows.items()}
assert got == want, got
X
check verdicts_are_compared python3 judge.py '{
	("passes", None): "both_pass", ("fails_inside", None): "fails_only_in_sandbox",
	("fails_outside", None): "passes_only_in_sandbox", ("ltp_conf", None): "skipped_natively",
	("tap", "same"): "both_pass", ("tap", "differs"): "fails_only_in_sandbox",
	("tap", "left out"): "skipped_natively", ("tap", "always"): "both_fail",
	("sub/gtest", "Suite.First"): "both_pass", ("sub/gtest", "Suite.Second"): "fails_only_in_sandbox" }'
check first_difference_and_last_calls python3 -c '
import json
r = [r for r in json.load(open("out"))["rows"] if r["test"] == "fails_inside"][0]
assert r["first_difference"] == "the name is sbx", r
assert any("exit_group(1)" in c for c in r["last_calls"]), r'
check page_is_self_contained python3 -c '
page = open("page.html").read()
assert "fails_inside" in page and "</html>" in page
assert "http" not in page and "src=" not in page and "@import" not in page'

timeout 60 "$SBX" compat --tap tests >out 2>err
check tap_is_tap test "$(grep -c '^not ok' out)" = 3 -a "$(head -n 2 out | tail -n 1)" = 1..10
timeout 60 "$SBX" compat -- sh -c 'exit 0' >out 2>err
check one_command test $? = 0 -a "$(tail -n 1 out)" = '1 passed, 0 failed'
printf '# a list\nfirst true\nsecond sh -c "exit 3"\nthird test -d / && true\n\n' >list
timeout 60 "$SBX" compat list >out 2>err
check list_file test "$(tail -n 1 out)" = '2 passed, 0 failed'
check list_names grep -q 'second: fail: exit status 3' out

# Tests that misbehave are told as such, cost only themselves, and leave nothing.
mkdir bad
cat >bad/a_loop <<'X'
#!/bin/sh
while :; do :; done
X
cat >bad/b_bomb <<'X'
#!/usr/bin/python3
import os, time
while True:
    try:
        os.fork()
        os.setsid()
    except OSError:
        time.sleep(0.01)
X
cat >bad/c_hog <<'X'
#!/usr/bin/python3
hog = []
while True:
    hog.append(bytearray(1 << 20))
X
cat >bad/d_killer <<'X'
#!/bin/sh
kill -9 $$
X
cat >bad/e_flood <<'X'
#!/bin/sh
exec yes
X
cp tests/passes bad/f_passes
chmod +x bad/*
timeout 200 "$SBX" compat --timeout 4 -m 100m --pids-limit 100 --json bad >out 2>err
if grep -q 'not limited' err; then
	skip limits "$(cat err)"
else
	check misbehaviour_is_told python3 -c '
import json
rows = {r["test"]: (r["native"], r["sandbox"]) for r in json.load(open("out"))["rows"]}
assert rows == { "a_loop": ("time limit",) * 2, "b_bomb": ("process limit",) * 2, "c_hog": ("memory limit",) * 2,
	"d_killer": ("crash",) * 2, "e_flood": ("time limit",) * 2, "f_passes": ("pass",) * 2 }, rows'
fi
check nothing_is_left test -z "$(pgrep -f "$WORK/bad" | tr '\n' ' ')$(dead_cgroups)$(ls tmp)"

fails missing_directory_is_told 125 'sbx: /nonexistent: No such file*' "$SBX" compat /nonexistent
fails empty_directory_is_told 125 'sbx: *no tests*' "$SBX" compat "$(mkdir -p empty && echo empty)"
fails missing_argument_is_told 125 'sbx: which tests?*' "$SBX" compat --jobs 2
