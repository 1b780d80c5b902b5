"""terminal_drive.py COMMAND... - runs a command on a terminal and does what standard input says (see terminal.sh)."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

TIMEOUT = 15


def decode(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def fail(why):
    print(why)
    sys.exit(1)


def resize(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Terminal:
    def __init__(self, argv):
        master, slave = pty.openpty()
        resize(slave, 24, 80)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(master)
            os.login_tty(slave) if hasattr(os, "login_tty") else self.login(slave)
            os.environ["TERM"] = "xterm"
            os.execvp(argv[0], argv)
        os.close(slave)
        self.fd = master
        self.out = b""

    @staticmethod
    def login(slave):
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.close(slave)

    def more(self, deadline):
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return None
        try:
            return os.read(self.fd, 65536)
        except OSError:
            return b""

    def wait(self, want):
        deadline = time.monotonic() + TIMEOUT
        while want not in self.out:
            data = self.more(deadline)
            if not data:
                fail(f"{'time out' if data is None else 'end'} before {want!r}; there is {self.out[-300:]!r}")
            self.out += data
        self.out = self.out[self.out.index(want) + len(want):]

    def status(self, want):
        deadline = time.monotonic() + TIMEOUT
        while (data := self.more(deadline)) != b"":
            if data is None:
                fail(f"does not end; there is {self.out[-300:]!r}")
            self.out += data
        self.end(want)

    def end(self, want):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                if want is not None and code != want:
                    fail(f"exit status {code}, not {want}; there is {self.out[-300:]!r}")
                return
            time.sleep(0.01)
        os.kill(self.pid, 9)
        fail("does not end")


def main():
    term = Terminal(sys.argv[1:])
    for line in sys.stdin.read().splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "send":
            time.sleep(0.1)           # as people do: after the program has come to wait for it
            os.write(term.fd, decode(rest))
        elif verb == "wait":
            term.wait(decode(rest))
        elif verb == "size":
            resize(term.fd, *map(int, rest.split()))
        elif verb == "status":
            term.status(int(rest))
        elif verb == "hangup":
            os.close(term.fd)
            term.end(None)


main()
