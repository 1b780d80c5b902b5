#!/bin/bash
# Python: processes, threads, and the libraries that ask most of a kernel.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { skip python "no python3"; exit 0; }
mkdir -p "$WORK/files"

cat >"$WORK/files/subprocesses.py" <<'END'
import subprocess, sys, os, signal
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 4"], capture_output=True))
print(subprocess.check_output("tr a-z A-Z", input=b"shout", shell=True))
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b"x" * 300000)[0] == b"x" * 300000, p.returncode)
p = subprocess.Popen(["sleep", "100"]); p.send_signal(signal.SIGTERM); print(p.wait())
try: subprocess.run(["sleep", "100"], timeout=0.2)
except subprocess.TimeoutExpired: print("timeout")
try: subprocess.run(["/nonexistent"])
except FileNotFoundError as e: print(e)
print(os.system("exit 3") >> 8, os.popen("echo popen").read())
END
cat >"$WORK/files/threads.py" <<'END'
import threading, queue
q, out, lock = queue.Queue(), [], threading.Lock()
barrier = threading.Barrier(100)
def work(i):
    barrier.wait()
    n = q.get()
    with lock: out.append(n * i)
ts = [threading.Thread(target=work, args=(1,)) for i in range(100)]
for t in ts: t.start()
for i in range(100): q.put(i)
for t in ts: t.join()
e = threading.Event(); threading.Timer(0.05, e.set).start(); print(e.wait(5))
print(sum(out), len(out), threading.active_count())
END
cat >"$WORK/files/processes.py" <<'END'
import multiprocessing as mp, os
def square(x): return x * x
def child(conn): conn.send(os.getpid() != os.getppid()); conn.close()
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        ctx = mp.get_context(method)
        with ctx.Pool(4) as pool: print(method, sum(pool.map(square, range(1000))))
        a, b = ctx.Pipe(); p = ctx.Process(target=child, args=(b,)); p.start(); print(a.recv()); p.join(); print(p.exitcode)
        v = ctx.Value("i", 5)
        with v.get_lock(): v.value += 1
        print(v.value)
END
cat >"$WORK/files/libraries.py" <<'END'
import sqlite3, json, zlib, hashlib, tempfile, os, mmap, shutil, glob, bz2, lzma, random, stat, select, socket, signal, time
db = sqlite3.connect("t.db"); db.execute("create table t (a, b)")
db.executemany("insert into t values (?, ?)", ((i, str(i)) for i in range(5000))); db.commit()
print(db.execute("select sum(a), count(distinct b) from t").fetchone()); db.close()
print(json.loads(json.dumps({"a": [1, 2.5, None, "\u00e9"]})))
data = b"".join(bytes([i % 251]) * 97 for i in range(3000))
print(zlib.crc32(zlib.decompress(zlib.compress(data))), hashlib.sha256(data).hexdigest(), hashlib.blake2b(data).hexdigest()[:16])
print(bz2.decompress(bz2.compress(data)) == data, lzma.decompress(lzma.compress(data)) == data)
with tempfile.TemporaryDirectory() as d:
    with tempfile.NamedTemporaryFile(dir=d) as f: f.write(b"abc"); f.flush(); print(os.stat(f.name).st_size, stat.filemode(os.stat(f.name).st_mode))
    os.makedirs(d + "/x/y/z"); open(d + "/x/y/z/f", "w").write("1"); shutil.copytree(d + "/x", d + "/c"); print(sorted(p[len(d):] for p in glob.glob(d + "/**", recursive=True)))
    with open(d + "/m", "w+b") as f:
        f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[4096:4099] = b"map"; m.flush(); f.seek(4096); print(f.read(3)); m.close()
    os.mkfifo(d + "/p"); print(stat.S_ISFIFO(os.stat(d + "/p").st_mode))
a, b = socket.socketpair(); a.sendall(b"hi"); print(select.select([b], [], [], 1)[0] == [b], b.recv(10))
signal.signal(signal.SIGALRM, lambda *_: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.pause()
r, w = os.pipe(); os.set_blocking(r, False)
try: os.read(r, 1)
except BlockingIOError as e: print(e)
print(os.cpu_count() >= 1, os.getloadavg() is not None, time.clock_gettime(time.CLOCK_BOOTTIME) > 0)
END
cat >"$WORK/files/async.py" <<'END'
import asyncio, sys
async def run(i):
    p = await asyncio.create_subprocess_exec("sh", "-c", f"sleep 0.0{i}; echo {i}; exit {i}", stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate()
    return out.decode().strip(), p.returncode
async def main():
    print(await asyncio.gather(*(run(i) for i in range(8))))
    p = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(len((await p.communicate(b"z" * 200000))[0]))
    try: await asyncio.wait_for(asyncio.sleep(10), 0.1)
    except asyncio.TimeoutError: print("timeout")
    print(await asyncio.get_running_loop().run_in_executor(None, sum, range(1000)))
asyncio.run(main())
END

scripts()
{
	local s
	for s in subprocesses threads processes libraries async; do
		same "python_$s" python3 $s.py
	done
	same python_traceback python3 -c 'import sys; sys.stdout.write("x"); raise SystemExit(7)'
}
for_each_user scripts
