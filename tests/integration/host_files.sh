#!/bin/bash
# Host files: --bind and --ro-bind behave as the host's own file system, see its changes, and keep what fsync kept.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

cat >calls.py <<'END'
import errno, mmap, os, socket, stat, sys, threading
top = sys.argv[1]
def p(name): return os.path.join(top, name)
def err(fn, *args):
    try: return fn(*args)
    except OSError as e: return errno.errorcode[e.errno]
f = open(p('m'), 'wb+'); f.truncate(8192)
m = mmap.mmap(f.fileno(), 8192); m[0:5] = b'hello'; m.flush(); print(os.pread(f.fileno(), 5, 0))
os.pwrite(f.fileno(), b'J', 0); print(m[0:5])
os.truncate(p('m'), 100); print(os.fstat(f.fileno()).st_size)
g = open(p('m'), 'ab'); g.write(b'x'); g.flush(); print(os.path.getsize(p('m')))
os.unlink(p('m')); print(os.fstat(f.fileno()).st_nlink, os.pread(f.fileno(), 1, 100))
print(open('/proc/self/fd/%d' % f.fileno(), 'rb').read(5))
fd = os.open(top, os.O_TMPFILE | os.O_RDWR); os.write(fd, b'tmp')
os.link('/proc/self/fd/%d' % fd, p('t1'), src_dir_fd=fd, follow_symlinks=True); print(open(p('t1')).read())
os.setxattr(p('t1'), 'user.a', b'b'); print(os.listxattr(p('t1')), os.getxattr(p('t1'), 'user.a'), err(os.getxattr, p('t1'), 'user.b'))
fd = os.open(p('sp'), os.O_CREAT | os.O_RDWR); os.ftruncate(fd, 1 << 20); os.pwrite(fd, b'x', 1 << 19)
print(os.lseek(fd, 0, os.SEEK_DATA) >> 12, os.lseek(fd, 1 << 19, os.SEEK_HOLE) >> 12)
os.posix_fallocate(fd, 0, 2 << 20); print(os.fstat(fd).st_size); os.fsync(fd); os.fdatasync(fd)
print(os.statvfs(top).f_bsize, os.stat(p('sp')).st_blksize)
os.rename(p('sp'), p('t1')); print(sorted(os.listdir(top)))
print(err(os.rename, p('t1'), '/dev/shm/x'))
os.utime(p('t1'), ns=(5, 7)); print(os.stat(p('t1')).st_atime_ns, os.stat(p('t1')).st_mtime_ns)
def appender(n):
    for i in range(100):
        with open(p('f%d' % (n % 4)), 'a') as h: h.write('line\n')
ts = [threading.Thread(target=appender, args=(n,)) for n in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sum(os.path.getsize(p('f%d' % n)) for n in range(4)))
links = os.stat(top).st_nlink; os.mkdir(p('dd')); print(os.stat(top).st_nlink - links); os.rmdir(p('dd')); print(os.stat(top).st_nlink - links)
before = os.stat(top).st_mtime_ns; open(p('zz'), 'w').close(); print(os.stat(top).st_mtime_ns > before)
os.chmod(p('zz'), 0o751); print(oct(os.stat(p('zz')).st_mode))
os.symlink('x' * 4095, p('long')); print(len(os.readlink(p('long'))))
print(err(open, p('n' * 256), 'w')); open(p('n' * 255), 'w').close(); os.unlink(p('n' * 255))
d = os.open(top, os.O_RDONLY); os.fsync(d); print(len(os.listdir(d)))
print(err(os.open, p('f0'), os.O_RDONLY | os.O_DIRECTORY), err(os.open, p('f0/x'), os.O_RDONLY), err(os.rmdir, p('f0')), err(os.unlink, p('none')))
os.mkfifo(p('fifo'), 0o600); print(stat.S_ISFIFO(os.stat(p('fifo')).st_mode))
s = socket.socket(socket.AF_UNIX); s.bind(p('sock')); print(stat.S_ISSOCK(os.stat(p('sock')).st_mode))
os.mkdir(p('a')); os.mkdir(p('a/b')); open(p('a/b/c'), 'w').write('deep'); os.rename(p('a'), p('z')); print(open(p('z/b/c')).read())
print(err(os.rename, p('z'), p('z/b/inside')), err(os.mkdir, p('z')), err(os.link, p('z'), p('zl')))
for i in range(1500): open(p('z/file-number-%d' % i), 'w').close()
print(len(os.listdir(p('z')))); [os.unlink(p('z/' + n)) for n in os.listdir(p('z')) if n.startswith('file-')]; print(os.listdir(p('z')))
END

calls()
{
	mkdir -p data && chmod 777 data
	local here="$who: same_calls"
	rm -rf data/* && "${AS[@]}" timeout 60 python3 calls.py "$WORK/data" >native 2>&1
	rm -rf data/* && "${AS[@]}" timeout 60 "$SBX" run --bind "$WORK" "$WORK" -- python3 "$WORK/calls.py" "$WORK/data" >sandbox 2>&1
	if cmp -s native sandbox; then ok "$here"; else not_ok "$here" "$(diff native sandbox | head -n 6)"; fi
	rm -rf data
}
if command -v python3 >/dev/null; then for_each_user calls; else skip same_calls "no python3"; fi

# The host writes and removes while the guest looks.
mkdir -p live && echo one >live/f && mkfifo go done
changes() {
	"$SBX" run --bind "$WORK/live" /live -- sh -c '
		cat /live/f; ls /live; echo >&2
		read x; cat /live/f /live/new; ls /live; test -e /live/gone || echo no gone; stat -c %s /live/f' <go >out 2>done &
	exec 8>go
	read -r _ <done
	echo longer >live/f.tmp && mv live/f.tmp live/f && echo new >live/new
	echo go >&8
	exec 8>&-
	wait $!
	[ "$(tr '\n' ' ' <out)" = "one f longer new f new no gone 7 " ] || { cat out; return 1; }
}
check host_changes_appear changes

echo content >single && ln -sf single pointer
check file_export sh -c "[ \"\$($SBX run --bind $WORK/single /x/file -- sh -c 'cat /x/file; echo more >>/x/file; wc -c </x/file; ls /x')\" = \"content
13
file\" ] && [ \$(wc -c <single) = 13 ]"
check ro_bind_is_read_only sh -c "$SBX run --ro-bind $WORK /w -- sh -c '! touch /w/x 2>/dev/null && ! sh -c \": >>/w/single\" 2>/dev/null && ! rm /w/single 2>/dev/null && ! chmod 600 /w/single 2>/dev/null'"
check writes_elsewhere_vanish sh -c "$SBX run -- sh -c 'echo x >/usr/vanishes && rm /usr/bin/env && test ! -e /usr/bin/env' && test ! -e /usr/vanishes && test -e /usr/bin/env"

# A symlink of the guest's making means something in the guest only.
# A path of cached names: what the guest is told last is which of them changed.
swapped_parents()
{
	mkdir -p live/a/b live/c/b
	echo old >live/a/b/f
	echo new >live/c/b/f
	coproc GUEST { exec "$SBX" run --bind "$WORK/live" /live -- sh -c 'while read -r name; do cat /live/a/b/f; stat -c %s /live/a/b/f; done' 2>&1; }
	local in=${GUEST[1]} out=${GUEST[0]} got=
	ask() { echo >&"$in" && read -r -t 20 line <&"$out" && got+="$line " && read -r -t 20 line <&"$out" && got+="$line "; }
	ask && ask && mv live/a live/x && mv live/c live/a && ask && echo longer >live/a/b/f && ask && rm -r live/a && ask
	exec {in}>&-
	rm -rf live/x live/a live/c
	wait
	echo "$got"
	[[ $got == "old 4 old 4 new 4 longer 7 cat: "* ]]
}
check a_parent_that_was_swapped_is_seen swapped_parents
check links_lead_nowhere_else sh -c "cd / && $SBX run --bind $WORK/live /live -- sh -c 'ln -s ../single /live/up && ln -s $WORK/single /live/abs && test ! -e /live/up && test ! -e /live/abs' && rm $WORK/live/up $WORK/live/abs"
check set_id_bits_stay_out sh -c "$SBX run --bind $WORK/live /live -- sh -c 'cp /bin/true /live/t; chmod 6755 /live/t' && test ! -u live/t && test ! -g live/t"
check synced_is_there_after_a_kill sh -c "$SBX run --bind $WORK/live /live -- sh -c 'echo kept >/live/kept; sync /live/kept; kill -9 \$\$'; grep -q kept live/kept"

# Standard streams are the host's open files, positions and all.
printf 'abcdef' >in
check input_position_is_shared sh -c "[ \"\$( ( $SBX run -- dd bs=2 count=1 2>/dev/null; cat ) <in | tr -d '\n')\" = abcdef ]"
check outputs_share_a_file sh -c "$SBX run -- sh -c 'echo out; echo err >&2; echo again; echo by name >>/dev/stderr' >both 2>&1; [ \"\$(tr '\n' ' ' <both)\" = 'out err again by name ' ]"
check nonblocking_stays_off python3 -c "
import fcntl, os, subprocess
r, w = os.pipe()
p = subprocess.run(['$SBX', 'run', '--', 'sh', '-c', 'timeout 0.2 cat; :'], stdin=r, timeout=30)
assert not fcntl.fcntl(r, fcntl.F_GETFL) & os.O_NONBLOCK"
check large_output_through_a_pipe sh -c "[ \$($SBX run -- head -c 50000000 /dev/zero | wc -c) = 50000000 ]"
check broken_pipe_ends_the_guest bash -c "$SBX run -- yes | head -n 1 >/dev/null; [ \${PIPESTATUS[0]} = 141 ]"
