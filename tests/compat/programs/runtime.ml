(* Threads, children, signals, timers, memory: OCaml's runtime with its master lock and its tick thread. *)
let count = ref 0
let m = Mutex.create ()
let c = Condition.create ()
let worker n =
  for _ = 1 to n do Mutex.lock m; incr count; Mutex.unlock m done;
  Mutex.lock m; Condition.signal c; Mutex.unlock m
let () =
  let ts = List.init 8 (fun _ -> Thread.create worker 20000) in
  List.iter Thread.join ts;
  Printf.printf "count %d\n%!" !count;
  let spin = ref true in
  let t = Thread.create (fun () -> while !spin do ignore (ref 0) done) () in
  Thread.delay 0.05; spin := false; Thread.join t;
  print_endline "a loop is preempted";
  let got = ref 0 in
  Sys.set_signal Sys.sigalrm (Sys.Signal_handle (fun _ -> incr got));
  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_interval = 0.002; it_value = 0.002 });
  while !got < 20 do (try ignore (Unix.select [] [] [] 0.01) with Unix.Unix_error (Unix.EINTR, _, _) -> ()) done;
  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_interval = 0.; it_value = 0. });
  print_endline "ticked";
  let rec deep n = if n = 0 then 0 else 1 + deep (n - 1) in
  (match deep max_int with exception Stack_overflow -> print_endline "stack overflow" | _ -> ());
  let ic, oc = Unix.open_process "tr a-z A-Z" in
  output_string oc "through tr\n"; close_out oc;
  print_endline (input_line ic);
  ignore (Unix.close_process (ic, oc));
  (match Unix.fork () with
   | 0 -> exit 5
   | pid -> match Unix.waitpid [] pid with _, Unix.WEXITED n -> Printf.printf "exit %d\n" n | _ -> ());
  let l = List.init 300000 (fun i -> string_of_int i) in
  Gc.compact ();
  Printf.printf "%d\n" (List.fold_left (fun a s -> a + String.length s) 0 l)
