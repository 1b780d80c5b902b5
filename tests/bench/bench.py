#!/usr/bin/env python3
"""What a sandboxed program pays: the same operations and programs natively, under sbx, and under each peer on this machine.

    bench.py BUILD [--quick] [--rows "getppid open"] [--sandboxes "sbx bwrap"] [--runs N] [--out DIR] [--docs FILE]

Runs of a row are interleaved over the sandboxes, so that what else happens on the machine hits all alike; only ratios within
one run of this program mean anything. Results: results.json, table.md, chart.svg in BUILD/bench.
"""
import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import report
import sandboxes

HOST_ROWS = ["open_close", "stat", "pread_512", "pread_64k", "pwrite_4k", "create_unlink"]
STARTS = 10                       # sandboxes started one after the other for one value of start_true
PARALLEL, MANY = 8, 100


class Failure(Exception):
    pass


class Bench:
    def __init__(self, args):
        self.build = os.path.abspath(args.build)
        self.sbx = os.path.join(self.build, "sbx")
        self.tools = os.path.join(self.build, "tests", "bench")
        self.quick = args.quick
        self.scratch = tempfile.mkdtemp(prefix="sbx-bench.", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.memory_dir, self.host_dir = (os.path.join(self.scratch, d) for d in ("memory", "host"))
        os.chmod(self.scratch, 0o711)         # PostgreSQL gets there as another user
        for d in (self.memory_dir, self.host_dir):
            os.mkdir(d)
        here = os.path.dirname(os.path.abspath(__file__))
        shutil.copy(os.path.join(here, "apps.sh"), self.tools)

    def run(self, argv, seconds):
        """Standard output of a command; whatever it leaves behind is killed with it."""
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True, cwd=self.scratch)
        try:
            out, err = p.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            raise Failure("no end after %d s" % seconds) from None
        if p.returncode != 0:
            raise Failure((err.strip().splitlines() or ["exit status %d" % p.returncode])[-1])
        return out


class Row:
    def __init__(self, name, kind, measure):
        self.name, self.kind, self.measure = name, kind, measure
        self.unit, self.values, self.failed = "ms", {}, {}

    def take(self, bench, sandbox):
        if sandbox.name in self.failed:
            return
        try:
            value, self.unit = self.measure(bench, sandbox)
            self.values.setdefault(sandbox.name, []).append(value)
        except Failure as e:
            self.failed[sandbox.name] = str(e)
            self.values.pop(sandbox.name, None)

    def json(self):
        return {"name": self.name, "kind": self.kind, "unit": self.unit, "values": self.values, "failed": self.failed}


def parse(out):
    words = out.split()
    if len(words) != 3:
        raise Failure("printed %r" % out[:100])
    return float(words[1]), words[2]


def micro(row, where):
    def measure(bench, s):
        iterations = (2000 if s.slow else 5000) if bench.quick else (5000 if s.slow else 20000)
        return parse(bench.run(s.argv([bench.tools + "/micro", s.dirs()[where], str(iterations), row]), 120))
    return measure


def app(row):
    def measure(bench, s):
        return parse(bench.run(s.argv([bench.tools + "/apps.sh", row, s.dirs()[0]]), 300))
    return measure


def start_argv(bench, s):
    """The plainest sandbox each has."""
    if s.name == "bwrap":
        return ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
    if s.name.startswith("sbx"):
        return [bench.sbx, "run", "--platform", s.platform, "--", "/bin/true"]
    return s.argv(["/bin/true"])


def spawn(argv):
    return os.posix_spawn(shutil.which(argv[0]), argv, os.environ)


def reap(pid):
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise Failure("exit status %d" % os.waitstatus_to_exitcode(status))


def start_true(bench, s):
    """Median of some, in ms."""
    took = []
    for _ in range(3 if s.slow and s.name.startswith("runsc") else STARTS):
        argv = start_argv(bench, s)
        start = time.monotonic()
        reap(spawn(argv))
        took.append((time.monotonic() - start) * 1e3)
    return sorted(took)[len(took) // 2], "ms"


def start_100(bench, s):
    many = MANY // 5 if bench.quick else MANY
    commands = [start_argv(bench, s) for _ in range(many)]
    start = time.monotonic()
    running = 0
    for argv in commands:
        if running == PARALLEL:
            reap(-1)
            running -= 1
        spawn(argv)
        running += 1
    for _ in range(running):
        reap(-1)
    return (time.monotonic() - start) * 1e3 * MANY / many, "ms"


def all_rows(bench):
    rows = [Row("start_true", "start", start_true), Row("start_100_by_8", "start", start_100)]
    names = subprocess.run([bench.tools + "/micro", "--list"], capture_output=True, text=True, check=True).stdout.split()
    rows += [Row(n, "micro", micro(n, 0)) for n in names]
    rows += [Row("host_" + n, "host", micro(n, 1)) for n in HOST_ROWS]
    apps = subprocess.run([bench.tools + "/apps.sh", "--list"], capture_output=True, text=True, check=True).stdout.split()
    return rows + [Row(n, "app", app(n)) for n in apps]


def choose(rows, wanted):
    """By full name if there is one, else by what the name contains; or by kind."""
    if not wanted:
        return rows
    chosen = []
    for w in wanted:
        exact = [r for r in rows if w in (r.name, r.kind)]
        chosen += exact or [r for r in rows if w in r.name] or sys.exit("bench: no row is called %s" % w)
    return [r for r in rows if r in chosen]


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "?"


def load():
    return "%.1f" % os.getloadavg()[0]


def replace_block(path, text):
    """Puts text between the markers of a document."""
    begin, end = "<!-- make bench: begin -->\n", "<!-- make bench: end -->"
    with open(path) as f:
        doc = f.read()
    head, rest = doc.split(begin, 1)
    with open(path, "w") as f:
        f.write(head + begin + text + end + rest.split(end, 1)[1])


def command_line(args):
    flags = (["--sandboxes '%s'" % args.sandboxes] if args.sandboxes else []) + (["--runs %d" % args.runs] if args.runs else [])
    return ("make bench" + (" QUICK=1" if args.quick else "") + (' ROWS="%s"' % args.rows if args.rows else "") +
            (' BENCH_FLAGS="%s"' % " ".join(flags) if flags else ""))


def measure(bench, row, measured, runs):
    for n in range(runs):
        # Rotated: none is always the first after the machine was idle.
        for i in range(len(measured)):
            row.take(bench, measured[(n + i) % len(measured)])
    shown = {s.name: report.times(report.ratio(row.json(), s.name)) for s in measured[1:]}
    native = report.number(sorted(row.values["native"])[runs // 2]) if "native" in row.values else "-"
    sys.stderr.write("%-22s %10s %-4s  %s\n" % (row.name, native, row.unit, "  ".join("%s %s" % x for x in shown.items())))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("build")
    ap.add_argument("--quick", action="store_true", help="fewer iterations, 3 runs, native and sbx only")
    ap.add_argument("--rows", default="", help="names, parts of names, or: start micro host app")
    ap.add_argument("--sandboxes", default="", help="native sbx sbx-ptrace bwrap crun runc runsc runsc-ptrace")
    ap.add_argument("--runs", type=int, default=0)
    ap.add_argument("--out", default="")
    ap.add_argument("--docs", default="", help="a document whose marked block gets the tables; the chart goes beside it")
    args = ap.parse_args()

    bench = Bench(args)
    try:
        wanted = args.sandboxes.split() or (["sbx"] if args.quick and not args.docs else [])
        measured, left_out = sandboxes.find(bench, wanted)
        rows = choose(all_rows(bench), args.rows.split())
        runs = args.runs or (3 if args.quick else 5)
        before = load()
        done = []
        try:
            for row in rows:
                measure(bench, row, measured, runs)
                done.append(row)
        except KeyboardInterrupt:
            print("bench: interrupted; the rows so far", file=sys.stderr)
        rows = done
        results = {
            "command": command_line(args),
            "date": datetime.date.today().isoformat(), "runs": runs,
            "machine": {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0)), "kernel": os.uname().release,
                        "load_before": before, "load_after": load()},
            "versions": {s.name: s.version() for s in measured}, "left_out": left_out,
            "sandboxes": [s.name for s in measured], "rows": [r.json() for r in rows],
        }
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)

    out = args.out or os.path.join(bench.build, "bench")
    os.makedirs(out, exist_ok=True)
    chart, text = report.svg(results), report.markdown(results)
    with open(os.path.join(out, "results.json"), "w") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    with open(os.path.join(out, "table.md"), "w") as f:
        f.write(text)
    if chart:
        with open(os.path.join(out, "chart.svg"), "w") as f:
            f.write(chart)
    if args.docs:
        replace_block(args.docs, text)
        if chart:
            shutil.copy(os.path.join(out, "chart.svg"), os.path.join(os.path.dirname(args.docs), "performance.svg"))
    if not args.quick:
        print(text)
    failed = [(r.name, n, why) for r in rows for n, why in r.failed.items()]
    for f in failed:
        print("bench: %s in %s: %s" % f, file=sys.stderr)
    return 1 if any(n.startswith("sbx") for _, n, _ in failed) else 0


if __name__ == "__main__":
    sys.exit(main())
