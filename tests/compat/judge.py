#!/usr/bin/env python3
"""judge.py SUITE PERCENT < sbx-compat.json: what fails only in the sandbox, and whether enough passes."""
import json
import sys

suite, percent = sys.argv[1], float(sys.argv[2])
report = json.load(sys.stdin)
good = True
for row in report["rows"]:
    if row["result"] == "fails_only_in_sandbox":
        name = row["test"] + (": " + row["case"] if row["case"] else "")
        again = " (passed when run again)" if row.get("passed_again") else ""
        print(f'{suite}: {row["platform"]}: {name}: {row["sandbox"]}: {row.get("sandbox_why") or ""}{again}')
for platform, sums in report["platforms"].items():
    passed, failed = sums["both_pass"], sums["fails_only_in_sandbox"]
    rate = 100.0 * passed / max(1, passed + failed)
    enough = rate >= percent and passed > 0
    good = good and enough
    print(f'{suite}: {platform}: {passed} of {passed + failed} that pass natively pass, {rate:.1f} % '
          f'({"at least" if enough else "LESS THAN"} {percent:g} %)')
sys.exit(0 if good else 1)
