#!/bin/bash
# Language runtimes: threads, children, timers, collectors. Arguments: names; default all.
. "$(dirname "$0")/same.sh"
# Filled natively: the sandboxes compile and link the program only.
export GO_CACHE=$WORK/go

same node_workers_and_children node 'node workers.js'
same node_walk_of_5000_packages node 'node walk.js'
same node_inspector node 'node inspector.js 2>/dev/null | sort'
same node_crypto_zlib_streams node 'node -e "
const z = require(\"zlib\"), c = require(\"crypto\"), fs = require(\"fs\"), { pipeline } = require(\"stream\");
fs.writeFileSync(\"big\", Buffer.alloc(5e6, \"some text \"));
pipeline(fs.createReadStream(\"big\"), z.createGzip(), z.createGunzip(), c.createHash(\"sha256\").setEncoding(\"hex\"), fs.createWriteStream(\"sum\"), (e) => console.log(e, String(fs.readFileSync(\"sum\"))));
c.pbkdf2(\"a\", \"b\", 100000, 64, \"sha512\", (e, k) => console.log(k.toString(\"hex\")));
c.generateKeyPair(\"rsa\", { modulusLength: 2048 }, (e, p) => console.log(p.type));" | sort'
same java_compiles_and_runs "javac java" 'javac Threads.java && java -XX:+UseParallelGC -Xmx64m Threads'
same java_g1 "javac java" 'javac Threads.java && java -XX:+UseG1GC -Xmx64m Threads'
same java_serial_interpreter "javac java" 'javac Threads.java && java -XX:+UseSerialGC -Xmx64m -XX:TieredStopAtLevel=1 Threads'
same java_zgc "javac java" 'javac Threads.java && java -XX:+UseZGC -Xmx256m Threads'
same java_shenandoah "javac java" 'javac Threads.java && java -XX:+UseShenandoahGC -Xmx128m Threads'
same jstack "javac java jstack" 'javac Threads.java; java Threads wait >out & until grep -q waiting out; do sleep 0.1; done
	jstack $! | grep -c "^\"main\"\|Thread.sleep\|^\"VM Thread\""; jcmd $! VM.flags | grep -c MaxHeapSize; jmap -histo $! | grep -c "java.lang.String$"
	kill -QUIT $!; until grep -q "Full thread dump" out; do sleep 0.1; done; kill $!; wait $!; echo $?; tail -n 1 out'
SAME_TIMEOUT=600
same go_builds_and_runs go 'export GOCACHE=$GO_CACHE GOFLAGS=-mod=mod; go mod init x 2>/dev/null; go build -o x runtime.go && ./x'
same go_race_detector "go gcc" 'export GOCACHE=$GO_CACHE; go mod init x 2>/dev/null; go build -race -o x runtime.go && ./x'
SAME_TIMEOUT=120
same rust_pool rustc 'rustc -O -o pool pool.rs && ./pool && ./pool deep; echo $?'
same rust_static_pool "rustc musl-gcc" 'rustc -O -C target-feature=+crt-static -o pool pool.rs && ./pool'
same perl_posix perl 'perl posix.pl'
same perl_threads perl 'perl -MConfig -e "exit 0 if !\$Config{useithreads}; use threads; use threads::shared; my \$n :shared = 0; \$_->join for map { threads->create(sub { for (1 .. 1000) { lock \$n; \$n++ } }) } 1 .. 8; print \"\$n\n\""'
same php php 'php posix.php'
same php_server php 'echo "<?php echo 6 * 7, \"\\n\";" >i.php; php -S 127.0.0.1:18080 i.php 2>/dev/null & until php -r "echo @file_get_contents(\"http://127.0.0.1:18080/\");" | grep 42; do sleep 0.1; done; kill $!; wait $!; echo $?'
same ruby ruby 'ruby runtime.rb 2>&1'
same ruby_ractors ruby 'ruby -W0 -e "p 4.times.map { |i| Ractor.new(i) { |n| (1..100000).sum { |x| x * n } } }.map(&:take)"'
same ocaml_native "ocamlopt" 'ocamlopt -w -a -I +threads -I +unix unix.cmxa threads.cmxa runtime.ml -o x && ./x'
same ocaml_bytecode "ocamlc" 'ocamlc -w -a -I +threads -I +unix unix.cma threads.cma runtime.ml -o x && ./x'
same erlang escript 'escript runtime.escript'
same python_threads_and_processes python3 'python3 -c "
import concurrent.futures as f, multiprocessing as m, asyncio, threading, os, signal
with f.ThreadPoolExecutor(16) as e: print(sum(e.map(lambda x: x * x, range(5000))))
with f.ProcessPoolExecutor(4) as e: print(sum(e.map(abs, range(-500, 500), chunksize=50)))
with m.Pool(4) as p: print(p.map(len, [\"a\" * i for i in range(20)]))
async def main():
    p = await asyncio.create_subprocess_shell(\"cat; exit 3\", stdin=-1, stdout=-1)
    print(await p.communicate(b\"x\"), p.returncode)
    print(sum(await asyncio.gather(*(asyncio.sleep(i / 1000, i) for i in range(100)))))
asyncio.run(main())"'
same lua lua5.4 'lua5.4 -e "local t = {} for i = 1, 300000 do t[i] = tostring(i) end print(#table.concat(t)); local p = io.popen(\"echo out; exit 3\"); print(p:read(\"a\"), p:close())"'
same luajit luajit 'luajit -e "local ffi = require(\"ffi\") ffi.cdef[[int getpid(void); int poll(void *, unsigned long, int);]] local x = 0 for i = 1, 1e8 do x = x + i % 3 end print(x, ffi.C.getpid() > 0, ffi.C.poll(nil, 0, 10))"'
same guile guile 'guile --no-auto-compile -c "(use-modules (ice-9 threads) (ice-9 popen) (ice-9 rdelim)) (display (apply + (par-map (lambda (x) (* x x)) (iota 1000)))) (newline) (let ((p (open-input-pipe \"echo pipe\"))) (display (read-line p)) (newline) (display (close-pipe p)))"'
same sbcl sbcl 'sbcl --noinform --non-interactive --eval "(progn (let ((n 0) (m (sb-thread:make-mutex))) (mapc (function sb-thread:join-thread) (loop repeat 8 collect (sb-thread:make-thread (lambda () (dotimes (i 20000) (make-array 100) (sb-thread:with-mutex (m) (incf n))))))) (print n)) (sb-ext:gc :full t) (handler-case (labels ((f (x) (1+ (f x)))) (f 1)) (sb-kernel::control-stack-exhausted () (print :deep))) (handler-case (sb-ext:with-timeout 0.1 (loop)) (sb-ext:timeout () (print :late))) (print (with-output-to-string (s) (sb-ext:run-program \"/bin/echo\" (list \"a\" \"b\") :output s))))" 2>/dev/null'
same swipl swipl 'swipl -g "numlist(1, 1000, L), concurrent_maplist([X, Y]>>(Y is X * X), L, M), sum_list(M, S), writeln(S), catch(call_with_time_limit(0.1, (repeat, fail)), E, (print_message(silent, E), writeln(late)))" -t halt 2>/dev/null'
same tcl tclsh 'echo "set p [open {|cat} r+]; puts \$p hello; flush \$p; puts [gets \$p]; after 20 {set x 1}; vwait x; set s [socket -server {apply {{c a p} {puts \$c hi; close \$c}}} -myaddr 127.0.0.1 0]; set c [socket 127.0.0.1 [lindex [fconfigure \$s -sockname] 2]]; fileevent \$c readable {puts [gets \$c]; set y 1}; vwait y; catch {exec sh -c {exit 3}} e o; puts [dict get \$o -errorcode]" >x.tcl; tclsh x.tcl | sed "s/[0-9]* 3$/N 3/"'
same_end
