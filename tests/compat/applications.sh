#!/bin/bash
# Applications: other languages' compilers, debuggers, emulators, media, offices, servers. Arguments: names; default all.
. "$(dirname "$0")/same.sh"
SAME_TIMEOUT=${SAME_TIMEOUT:-300}

same ffmpeg_transcodes ffmpeg 'ffmpeg -v error -f lavfi -i testsrc=d=2:s=320x240:r=15 -f lavfi -i sine=d=2 -threads 2 -c:v mpeg4 -c:a aac -bitexact -y a.mp4; echo $?; ffmpeg -v error -i a.mp4 -f framemd5 - | md5sum; ffprobe -v error -show_entries stream=codec_name,nb_frames a.mp4
	ffmpeg -v error -i a.mp4 -f rawvideo -pix_fmt gray - | ffmpeg -v error -f rawvideo -pix_fmt gray -s 320x240 -r 15 -i - -f null -; echo $?'
same imagemagick convert 'convert -size 200x200 gradient:red-blue -blur 0x3 -resize 50% -rotate 30 b.png; convert b.png rgba:- | md5sum; convert b.png b.png -append pnm:- | md5sum; identify -format "%m %w %h\n" b.png'
same emacs_batch emacs 'emacs --batch --eval "(progn (with-temp-buffer (insert \"b\nc\na\n\") (sort-lines nil (point-min) (point-max)) (princ (buffer-string))) (princ (shell-command-to-string \"echo sh; exit 3\"))
	(let ((p (start-process \"p\" nil \"sh\" \"-c\" \"read x; echo got \$x; exit 7\"))) (set-process-filter p (lambda (_ s) (princ s))) (process-send-string p \"in\n\") (while (accept-process-output p 5)) (princ (process-exit-status p))) (princ (call-process \"false\")))" 2>&1
	echo "(defun f (x) (* x x))" >f.el; emacs --batch -f batch-byte-compile f.el 2>/dev/null; emacs --batch -l ./f.elc --eval "(princ (f 9))"'
same expect_drives_a_terminal expect 'expect -c "log_user 0; set timeout 10; spawn sh -c {stty -echo; printf name?; read n; printf \"hello %s.\" \$n; sleep 100}; expect name?; send \"me\r\"; expect -re {hello (.*)\.}; puts \$expect_out(1,string); send \003; expect eof; puts [lrange [wait] 2 end]; spawn cat; send \"a\r\"; expect -re \"a\r\na\r\n\" {puts twice}; send \004; expect eof; puts [lrange [wait] 2 3]"'
SAME_OPTIONS=(--ro-bind /var/lib/ghc /var/lib/ghc)
same ghc ghc 'cat >m.hs <<E
import Control.Concurrent
import Control.Exception
import System.Exit
import System.Timeout
main = do
  ms <- mapM (\i -> do { m <- newEmptyMVar; _ <- forkIO (evaluate (sum [1 .. i * 10000 :: Int]) >>= putMVar m); return m }) [1 .. 20]
  rs <- mapM takeMVar ms
  print (sum rs)
  timeout 20000 (threadDelay 10000000) >>= print
  r <- try (evaluate (div 1 (0 :: Int))) :: IO (Either ArithException Int)
  print r
  interact (map succ)
  exitWith (ExitFailure 5)
E
	ghc -threaded -rtsopts -O -v0 m.hs -o m && echo abc | ./m +RTS -N2; echo $?; ghc -e "sum (map fromEnum (show (2 ^ 1000)))"'
SAME_OPTIONS=()
same mono "mcs mono" 'cat >m.cs <<E
using System; using System.Threading; using System.Threading.Tasks; using System.Diagnostics; using System.Linq;
class M { static int Main() { int n = 0; var t = Enumerable.Range(0, 20).Select(i => Task.Run(() => { for (int k = 0; k < 1000; k++) { Interlocked.Increment(ref n); var b = new byte[1000]; } })).ToArray(); Task.WaitAll(t); Console.WriteLine(n); GC.Collect();
 try { object o = null; o.ToString(); } catch (NullReferenceException) { Console.WriteLine("null"); }
 var p = Process.Start(new ProcessStartInfo("/bin/sh", "-c \"echo out; exit 4\"") { UseShellExecute = false, RedirectStandardOutput = true }); Console.Write(p.StandardOutput.ReadToEnd()); p.WaitForExit(); Console.WriteLine(p.ExitCode);
 using (var e = new ManualResetEvent(false)) { new Timer(_ => e.Set(), null, 20, -1); Console.WriteLine(e.WaitOne(5000)); } return 3; } }
E
	mcs m.cs && mono m.exe; echo $?'
same elixir elixir 'elixir -e "1..100 |> Task.async_stream(fn x -> x * x end) |> Enum.reduce(0, fn {:ok, v}, a -> a + v end) |> IO.puts; {o, c} = System.cmd(\"sh\", [\"-c\", \"echo hi; exit 3\"]); IO.puts(o <> Integer.to_string(c)); {:ok, p} = Agent.start_link(fn -> 0 end); for _ <- 1..1000, do: Agent.update(p, &(&1 + 1)); IO.puts(Agent.get(p, & &1)); Process.send_after(self(), :late, 20); receive do m -> IO.inspect(m) end"'
same racket racket 'racket -e "(define c (make-channel)) (for ([i 20]) (thread (lambda () (channel-put c (* i i))))) (displayln (for/sum ([i 20]) (channel-get c))) (displayln (touch (future (lambda () (for/sum ([i 100000]) i))))) (define-values (p o i e) (subprocess #f #f #f \"/bin/sh\" \"-c\" \"cat; exit 6\")) (display \"x\" i) (close-output-port i) (displayln (read-line o)) (subprocess-wait p) (displayln (subprocess-status p)) (displayln (sync/timeout 0.05 never-evt))"'
same r_language Rscript 'Rscript -e "library(parallel); print(sum(unlist(mclapply(1:20, function(i) sum(rnorm(10) * 0 + i), mc.cores = 4)))); print(system(\"exit 3\")); print(system(\"echo a; echo b\", intern = TRUE)); set.seed(1); m <- matrix(rnorm(10000), 100); print(round(sum(solve(m) %*% m))); print(tryCatch(stop(\"x\"), error = conditionMessage))" 2>/dev/null'
same libreoffice_converts libreoffice 'export HOME=$PWD; printf "a,b\n1,2\n3,=A2+B2\n" >t.csv; libreoffice --headless --convert-to ods t.csv >/dev/null 2>&1; echo $?; libreoffice --headless --convert-to html t.ods >/dev/null 2>&1; grep -o "sdval=\"[0-9]*\"" t.html; echo "text of a letter" >l.txt; libreoffice --headless --convert-to "docx:MS Word 2007 XML" l.txt >/dev/null 2>&1; unzip -p l.docx word/document.xml | grep -o "text of a letter"'
same wine wine 'export WINEPREFIX=$PWD/w WINEDEBUG=-all; wine wineboot -i >/dev/null 2>&1; echo $?; wine cmd /c "echo hello& exit 5" 2>/dev/null | tr -d "\r"; echo ${PIPESTATUS[0]}; ls w | sort; wine reg query "HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion" /v CurrentVersion 2>/dev/null | tr -d "\r" | grep -o "REG_SZ.*"; wineserver -w; echo $?'
same qemu_user "qemu-x86_64 gcc" 'gcc -O1 -w -static -pthread -o x libc.c -lrt -lutil; qemu-x86_64 ./x timers; echo $?; qemu-x86_64 /bin/bash -c "seq 3 | sort -r; (exit 3); echo \$?; trap \"echo usr\" USR1; kill -USR1 \$\$; sleep 0.1"; qemu-x86_64 -strace /bin/true 2>&1 | grep -c exit_group'
same qemu_system "qemu-system-x86_64 socat" 'printf "\270\003\000\315\020\276\026\174\254\010\300\164\006\272\370\003\356\353\365\364\353\375from the boot sector\n\000" >b; truncate -s 510 b; printf "\125\252" >>b
	timeout 60 qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 32 -display none -serial file:out -monitor unix:mon,server,nowait -drive format=raw,file=b -net none & for i in $(seq 300); do grep -q sector out 2>/dev/null && break; sleep 0.1; done; cat out; echo info cpus | socat -t 2 - UNIX-CONNECT:mon | grep -c "CPU #"; echo quit | socat - UNIX-CONNECT:mon >/dev/null; wait $!; echo $?'
same dpkg_into_a_root "dpkg-deb dpkg" 'mkdir -p p/DEBIAN p/opt/x; printf "Package: xtest\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n" >p/DEBIAN/control; printf "#!/bin/sh\necho configured\n" >p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; echo data >p/opt/x/f; dpkg-deb --root-owner-group -b p x.deb; dpkg-deb -c x.deb | cut -c 1-25
	mkdir -p root/var/lib/dpkg/updates root/var/lib/dpkg/info root/tmp; touch root/var/lib/dpkg/status; dpkg --root=$PWD/root --force-not-root --force-script-chrootless --log=/dev/null -i x.deb 2>&1; cat root/opt/x/f; dpkg --root=$PWD/root -l xtest | tail -n 1; dpkg --root=$PWD/root --force-script-chrootless --log=/dev/null -r xtest 2>&1 | tail -n 1; ls root/opt 2>&1'
same fakeroot fakeroot 'fakeroot sh -c "touch f; chown 12:34 f; stat -c %u:%g f; mknod d c 1 3; stat -c %F d; tar cf - f d | tar tvf - | cut -c 1-20"; fakeroot false; echo $?; fakeroot -s db touch g; fakeroot -i db stat -c %U g'
same fio fio 'for e in sync psync vsync pvsync2 mmap libaio posixaio; do fio --name=x --ioengine=$e --rw=randrw --size=2m --bs=4k --iodepth=8 --verify=crc32c --minimal --output=o --fallocate=none --filename=f >/dev/null 2>err; echo $e $? $(cut -d\; -f5 o 2>/dev/null); rm -f f o; done; fio --name=x --ioengine=psync --rw=write --size=1m --numjobs=4 --thread --group_reporting --minimal --directory=. | cut -d\; -f 5'
same sysbench sysbench 'for t in "cpu --cpu-max-prime=2000" threads "mutex --mutex-num=64 --mutex-locks=2000" "memory --memory-total-size=50M"; do sysbench $t --events=200 --time=0 --threads=4 run | grep -c "events (avg/stddev)"; done; sysbench fileio --file-num=4 --file-total-size=4M prepare >/dev/null; sysbench fileio --file-num=4 --file-total-size=4M --file-test-mode=rndrw --events=500 --time=0 --threads=3 run | grep -c "fsyncs/s"'
same rsync_daemon rsync 'mkdir src; seq 50000 >src/a; ln -s a src/l; mkdir src/d; cp src/a src/d/b; chmod 600 src/d/b; printf "port = 18730\nuse chroot = no\npid file = $PWD/pid\n[m]\npath = $PWD/src\nread only = no\nuid = 0\ngid = 0\n" >c; rsync --daemon --no-detach --config=c --address=127.0.0.1 & until rsync rsync://127.0.0.1:18730/ 2>/dev/null; do sleep 0.1; done
	rsync -a rsync://127.0.0.1:18730/m/ dst; (cd dst; find . | sort | xargs stat -c "%n %F %a"); echo more >>src/a; rsync -ai rsync://127.0.0.1:18730/m/ dst; rsync -a --delete dst/d/ rsync://127.0.0.1:18730/m/; ls src; kill $!; wait $!; echo $?'
same samba "smbd smbclient" 'mkdir -p share s; chmod 755 . share; seq 30000 >share/f; { printf "[global]\ninterfaces = lo\nbind interfaces only = yes\nsmb ports = 18445\n"; for d in private lock state cache pid; do printf "$d $([ $d = private ] && echo dir || echo directory) = $PWD/s\n"; done; printf "ncalrpc dir = $PWD/s/n\nlog file = $PWD/log\nmap to guest = Bad User\nload printers = no\ndisable spoolss = yes\n[x]\npath = $PWD/share\nguest ok = yes\nread only = no\nforce user = root\n"; } >c
	setsid smbd -F --no-process-group -s $PWD/c >/dev/null 2>&1 & C="smbclient -s $PWD/c -p 18445 -N //127.0.0.1/x -c"; for i in $(seq 100); do $C ls >/dev/null 2>&1 && break; sleep 0.1; done
	$C "get f g; put g h; mkdir d; rename h d/i; cd d; ls i; del i" 2>&1 | sed "s/[A-Z][a-z][a-z] [A-Z].*//; s/(.*//; /blocks/d"; cmp g share/f && echo same; ls share share/d; kill $!; wait $!; echo $?'
same rabbitmq "rabbitmq-server rabbitmqctl" 'export HOME=$PWD RABBITMQ_MNESIA_BASE=$PWD/m RABBITMQ_LOG_BASE=$PWD/l RABBITMQ_NODENAME=r@localhost RABBITMQ_NODE_PORT=18672 RABBITMQ_PID_FILE=$PWD/pid RABBITMQ_ENABLED_PLUGINS_FILE=$PWD/pl S=/usr/lib/rabbitmq/bin; $S/rabbitmq-server >out 2>&1 & P=$!
	$S/rabbitmqctl wait --timeout 100 $PWD/pid >/dev/null 2>&1; echo $?; $S/rabbitmqctl -q add_user u p; $S/rabbitmqctl -q list_users | sort; $S/rabbitmqctl -q stop; wait $P; echo $?; epmd -kill >/dev/null'
same gdb_of_threads_and_watchpoints "gdb g++" 'printf "#include <thread>\n#include <vector>\n#include <mutex>\nstd::mutex m; int n; void work(int i) { std::lock_guard<std::mutex> l(m); n += i; }\nint main() { std::vector<std::thread> t; for (int i = 0; i < 5; i++) t.emplace_back(work, i); for (auto &x : t) x.join(); return n; }\n" >a.cc; g++ -g -O0 a.cc -o a -pthread
	printf "break work\ncommands\nsilent\nprint i\ncontinue\nend\nrun\ninfo breakpoints\n" >g; gdb -batch -nx -x g ./a 2>&1 | grep -E "^.[0-9]+ =|exited with|already hit" | sed "s/^.[0-9]* =/x =/; s/process [0-9]*/process/" | sort; gdb -batch -nx -ex "break main" -ex run -ex next -ex "watch n" -ex continue -ex continue ./a 2>&1 | grep -cE "Old|New|Hardware"'
same lldb "lldb gcc" 'printf "int f(int x) { return x * 2; }\nint main(void) { int s = 0; for (int i = 0; i < 5; i++) s += f(i); return s; }\n" >a.c; gcc -g -O0 a.c -o a; lldb --no-use-colors --batch -o "breakpoint set -n f -c x==3" -o run -o "frame variable x" -o bt -o "thread step-out" -o "breakpoint disable 1" -o continue ./a 2>&1 | grep -E "\(int\)|frame #|exited" | sed "s/0x[0-9a-f]*//g; s/Process [0-9]*//"'
same valgrind_profilers "valgrind ms_print gcc" 'printf "#include <stdlib.h>\nint main(void) { for (int i = 0; i < 100; i++) malloc(1000); return 0; }\n" >a.c; gcc -g a.c -o a; valgrind -q --tool=massif --massif-out-file=o ./a; echo $?; ms_print o | grep -c main; valgrind -q --tool=callgrind --callgrind-out-file=c ./a; grep -c "fn=" c | grep -c .; valgrind -q --tool=drd ./a; echo $?'
same strace_of_make "strace make" 'printf "all: a b\na b:\n\techo \$@ | tr a-z A-Z >\$@\n" >Makefile; strace -f -c -o s make -s -j2; grep -c "execve\|wait4" s; cat a b; strace -f -e trace=execve -o e make -B -s; grep -c "= 0" e; strace -f -e inject=unlinkat:error=EPERM:when=1 rm a 2>&1 | grep -c INJECTED; strace -k -e trace=exit_group true 2>&1 | grep -c _exit; strace -y -e trace=openat,read cat a 2>&1 >/dev/null | grep -c "/a>"'
same ltrace "ltrace gcc" 'printf "#include <stdlib.h>\n#include <string.h>\nint main(int c, char **v) { char *p = malloc(77); strcpy(p, v[0]); return strlen(p); }\n" >a.c; gcc -fno-builtin -fcf-protection=none -O0 -no-pie -Wl,-z,lazy a.c -o a; ltrace -e malloc+strlen ./a 2>&1 | sed "s/0x[0-9a-f]*/P/"; ltrace -S -c ./a 2>&1 | grep -c exit_group'
same inotifywait inotifywait 'mkdir d; inotifywait -q -m -r --format "%w %e %f" d >out & until [ -s out ]; do mkdir -p d/s; touch d/t; rm -f d/t; sleep 0.05; done; echo x >d/f; mv d/f d/g; chmod 600 d/g; rm d/g; until grep -q DELETE.g out; do sleep 0.05; done; kill $!; grep " [fg]$" out; inotifywait -q -t 1 -e modify d; echo $?'
same sem_and_halt parallel 'for i in 1 2 3 4; do sem --will-cite -j2 --id x$$ "echo $i >>o"; done; sem --will-cite --wait --id x$$; sort o; parallel --will-cite --joblog l -j3 "exit {}" ::: 0 3 0; cut -f 7 l | sort; parallel --will-cite --halt now,fail=1 -j2 "sleep 0.{}; exit {}" ::: 1 9 2>/dev/null; echo $?'
same tmux_script tmux 'export TMUX_TMPDIR=$PWD; unset TMUX; tmux -f /dev/null new-session -d -x 80 -y 24 sh; tmux split-window -h sh; tmux send-keys -t 0 "echo le""ft" Enter; tmux send-keys -t 1 "tty | grep -c pts" Enter; until tmux capture-pane -p -t 1 | grep -q "^1"; do sleep 0.1; done; until tmux capture-pane -p -t 0 | grep -q "^left"; do sleep 0.1; done
	tmux list-panes -F "#{pane_width}x#{pane_height}"; tmux resize-pane -t 0 -x 20; tmux list-panes -F "#{pane_width}"; (sleep 0.1; tmux wait-for -S a) & tmux wait-for a; echo $?; tmux kill-server; echo $?'
same_end
