"""publish_client.py PID P80 P81 P82 P83 - the host's side of publish.sh: PID is the loader's, the others where the sandbox's ports are."""
import os, select, socket, struct, sys, threading, time

loader = int(sys.argv[1])
port = dict(zip((80, 81, 82, 83), map(int, sys.argv[2:])))

def ok(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)

def connect(what, to=80):
    c = socket.create_connection(("127.0.0.1", port[to]))
    c.settimeout(20)
    c.sendall(what)
    return c

def all_of(c):
    got = b""
    while data := c.recv(1 << 16):
        got += data
    return got

def error_of(fn, *args):
    try:
        return fn(*args)
    except OSError as e:
        return type(e).__name__

def sentry_ticks():
    def family(pid):
        yield pid
        for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
            yield from family(int(child))
    for pid in family(loader):
        if open(f"/proc/{pid}/comm").read() == "sbx sentry\n":
            return sum(map(int, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))

def quiet(name):
    time.sleep(0.05)
    before = sentry_ticks()
    time.sleep(0.25)
    ticks = sentry_ticks() - before
    ok(name, ticks <= 5, f"{ticks} of 25 ticks")

with connect(b"p") as c:
    got = eval(all_of(c))
    ok("the_guest_sees_the_clients_address", got[0] == c.getsockname() and got[1] == ("127.0.0.1", 80), got)
    ok("the_guest_sees_its_end_of_a_connection_only", got[2] == 2, got)
with connect(b"p", 81) as c:
    got = eval(all_of(c))
    ok("an_ipv6_server_sees_loopback", got[0][0] == "::1" and got[1][0] == "::1", got)
with connect(b"e") as c:
    data = os.urandom(3 << 20)
    t = threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR)))
    t.start()
    ok("bytes_go_both_ways_and_half_closes_too", all_of(c) == data)
    t.join()
with connect(b"h") as c:
    ok("a_guests_fin_arrives_alone", all_of(c) == b"")
    c.sendall(bytes(100000))
got = error_of(lambda: connect(b"", 83).recv(1))      # which of the three calls meets the reset is chance
ok("nobody_listening_is_a_reset", got == "ConnectionResetError", got)
with connect(b"r") as c:
    got = error_of(c.recv, 1)
    ok("a_guests_reset_is_a_reset", got == "ConnectionResetError", got)
with connect(b"c") as c:
    ok("closing_sends_a_fin", c.recv(1) == b"")
    reset = select.poll()
    reset.register(c, 0)
    for _ in range(200):
        got = error_of(c.send, b"x")      # what arrives before the close does is not answered by a reset
        if isinstance(got, str) or reset.poll(100):
            break
    got = error_of(c.send, b"x")
    ok("data_for_a_closed_socket_is_a_reset", got in ("ConnectionResetError", "BrokenPipeError"), got)
with connect(b"R") as c:
    c.recv(1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
with connect(b"w") as c:
    c.setblocking(False)
    sent = 0
    while select.select([], [c], [], 0.1)[1]:
        sent += c.send(bytes(1 << 20))
    ok("a_server_that_does_not_read_stops_its_client", sent < 64 << 20, sent)
    quiet("who_waits_for_a_server_costs_nothing")
    connect(b"g").close()
    c.settimeout(20)
    c.shutdown(socket.SHUT_WR)
    ok("and_reads_it_all_later", int(all_of(c)) == sent, sent)
with connect(b"f") as c:
    quiet("who_waits_for_a_client_costs_nothing")
with connect(b"s", 82) as c:
    c.recv(1)
    more = [connect(b"p", 82) for i in range(12)]
    ok("who_finds_the_queue_full_waits", all(eval(all_of(m))[0] == m.getsockname() for m in more))
with connect(b"q") as c:
    time.sleep(0.2)
    n = len(all_of(c))
    ok("what_a_server_sent_before_it_ended_arrives", n == 3 << 20, n)
