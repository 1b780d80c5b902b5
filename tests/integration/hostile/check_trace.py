#!/usr/bin/env python3
"""check_trace.py FILE: did a stub make the host act?

FILE is what `strace -f -e raw=all -e decode-fds=none` wrote about a whole sandbox. The processes that carry the stub's filter
are told apart by what they do: the template installs it, the others appear later and install none. A call of theirs that is not followed by SIGSYS was
made by the host's kernel: it must be one of those below, with arguments as below. The list is written down a second time on
purpose; platform/systrap/stub_filter.c is not consulted. Prints a summary; exit status 1: something got through.
"""
import re
import sys

TEXT, TEXT_END = 0x7ff000000000, 0x7ff000010000
THREAD, FORK = 0x00350f00, 0x00008011
LOW = 0xffffffff


def bits(value, allowed):
    return value & ~allowed == 0


RULES = {
    "futex": lambda a: a[1] in (0, 1),
    "rt_sigreturn": lambda a: True,
    "sched_yield": lambda a: True,
    "write": lambda a: a[0] in (3, 4) and a[2] == 8,
    "mmap": lambda a: bits(a[2], 0x3000007) and bits(a[3], 0x4000 | 0x8000 | 0x20000 | 0x100000 | 0x933 | 0x1000),
    "munmap": lambda a: True,
    "mprotect": lambda a: bits(a[2], 0x3000007),
    "mremap": lambda a: bits(a[3], 7),
    "madvise": lambda a: a[2] <= 23 and a[2] != 12,
    "msync": lambda a: bits(a[2], 7),
    "mincore": lambda a: True,
    "recvmsg": lambda a: a[0] == 3,
    "close": lambda a: True,
    "dup3": lambda a: a[1] == 3,
    "exit": lambda a: True,
    "clone": lambda a: a[0] in (THREAD, FORK),
    "arch_prctl": lambda a: bits(a[0], 0x1007),
    "rseq": lambda a: bits(a[2], 1),
    "getrusage": lambda a: a[0] in (0, 1),
    "sched_setaffinity": lambda a: a[0] == 0,
    "membarrier": lambda a: bits(a[0], 0x1f8),
    # The kernel's own way to go on after a stop.
    "restart_syscall": lambda a: True,
    # Linux lets these pass every filter; outside of a probe's trampoline they kill the caller.
    "uretprobe": lambda a: True,
    "uprobe": lambda a: True,
    "syscall_0x14f": lambda a: True,
    "syscall_0x150": lambda a: True,
}
CALL = re.compile(r"^(\w+)\((.*?)\)?\s*(?:= (.*)|<unfinished \.\.\.>)$")
RESUMED = re.compile(r"^<\.\.\. \w+ resumed>.*?= (.*)$")


def numbers(text):
    out = []
    for word in text.split(","):
        try:
            out.append(int(word.strip().rstrip(")"), 0) & 0xffffffffffffffff)
        except ValueError:
            out.append(-1)
    return (out + [0] * 6)[:6]


class Thread:
    """One traced thread: its call that is under way, or is over while the next line tells its fate; and all it has made."""

    def __init__(self):
        self.call = None
        self.over = False
        self.made = []
        self.is_template = self.has_own_filter = False
        self.trapped = 0

    def call_was_made(self):
        self.over = False
        name, args, _ = self.call
        if name == "seccomp" and args[0] == 1:
            self.has_own_filter = True
            self.made.clear()
            return
        if name == "dup3" and args[1] == 4:
            self.is_template = True
        self.made.append(self.call)

    def line(self, text):
        if text.startswith("--- SIGSYS"):
            if self.over and "SYS_SECCOMP" in text:
                self.trapped += 1
                self.over = False
            return
        if text.startswith("---"):
            return                               # told before the SIGSYS of a trapped call, perhaps
        if text.startswith("+++"):
            # A blocked SIGSYS kills; the call that it is for is not told apart from one that was made before a SIGKILL.
            if self.over and not text.startswith("+++ killed"):
                self.call_was_made()
            self.over = False
            return
        if self.over:
            self.call_was_made()
        resumed = RESUMED.match(text)
        if resumed and self.call:
            self.call[2] = resumed.group(1)
        else:
            call = CALL.match(text)
            if not call:
                return
            self.call = [call.group(1), numbers(call.group(2)), call.group(3)]
        # A call without a result never came back: its thread was killed under way.
        self.over = self.call[2] not in (None, "?")


def read(path):
    ended, threads, loader = [], {}, None
    with open(path, errors="replace") as trace:
        for line in trace:
            pid, _, text = line.rstrip("\n").partition(" ")
            loader = loader or pid
            t = threads.setdefault(pid, Thread())
            text = text.strip()
            t.line(text)
            if text.startswith("+++") and pid != loader:
                ended.append(threads.pop(pid))
    threads.pop(loader, None)
    return ended + list(threads.values())


def main():
    threads = read(sys.argv[1])
    # The loader and what has a filter of its own are the sandbox's; whatever else there is runs guest code.
    others = [t for t in threads if t.has_own_filter and not t.is_template]
    templates = [t for t in threads if t.has_own_filter and t.is_template]
    stubs = [t for t in threads if t not in others]
    bad = [c for t in stubs for c in t.made if c[0] not in RULES or not RULES[c[0]](c[1])]
    made, trapped = sum(len(t.made) for t in stubs), sum(t.trapped for t in stubs)
    print(f"{len(stubs)} stubs' threads: {made} calls made, {trapped} trapped, {len(bad)} not allowed")
    for name, args, result in bad[:20]:
        print(f"  {name}({', '.join(hex(a) for a in args)}) = {result}")
    if len(others) != 3 or len(templates) != 1 or trapped < 100:
        print(f"  not the trace of a sandbox: {len(others)} with filters, {len(templates)} templates")
        return 1
    return 1 if bad else 0


sys.exit(main())
