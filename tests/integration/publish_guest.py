"""publish_guest.py - servers of publish.sh, in the sandbox: each connection's first byte says what to do with it."""
import os, select, socket, struct, sys, time

def listener(family, address, port, backlog=50):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(backlog)
    return s

def all_of(c):
    got = b""
    while data := c.recv(1 << 16):
        got += data
    return got

def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()

def serve(c, address):
    what = c.recv(1)
    if what == b"p":                      # whose connection?
        sees = sum(b":0050 " in line for line in open("/proc/net/tcp", "rb"))
        c.sendall(repr((address, c.getsockname(), sees)).encode())
    elif what == b"e":                    # back comes what was sent, after its end
        c.sendall(all_of(c))
    elif what == b"r":
        reset(c)
    elif what == b"h":                    # a FIN first, then it listens on
        c.shutdown(socket.SHUT_WR)
        print("half", len(all_of(c)), flush=True)
    elif what == b"c":                    # closed, with the client still sending
        c.close()
    elif what == b"w":                    # reads nothing until it is told by another connection
        waiting.append(c)
        return
    elif what == b"g":
        for w in waiting:
            w.sendall(b"%d" % len(all_of(w)))
            w.close()
        waiting.clear()
    elif what == b"f":                    # floods a client that doesn't read
        c.setblocking(False)
        sent = 0
        while select.select([], [c], [], 0.1)[1]:
            sent += c.send(bytes(1 << 20))
        print("flood", sent, flush=True)
    elif what == b"R":                    # the client resets
        c.sendall(b"!")
        try:
            print("reset", c.recv(1), flush=True)
        except ConnectionResetError:
            print("reset ECONNRESET", flush=True)
    elif what == b"s":                    # pause: the queue of one fills
        c.sendall(b"!")
        time.sleep(0.1)
    elif what == b"q":                    # ends with much to be sent
        c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        c.sendall(bytes(3 << 20))
        os._exit(7)
    c.close()

waiting = []
ls = [listener(socket.AF_INET, "127.0.0.1", 80), listener(socket.AF_INET6, "::1", 81), listener(socket.AF_INET, "0.0.0.0", 82, 1)]
p = select.epoll()
for s in ls:
    p.register(s, select.EPOLLIN)
print("ready", flush=True)
while True:
    for fd, _ in p.poll():
        serve(*next(s for s in ls if s.fileno() == fd).accept())
