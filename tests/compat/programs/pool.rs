use std::collections::VecDeque;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

// A pool that steals work, as rayon's does: each worker has a queue of its own and takes from others when it is empty.
struct Pool {
    queues: Vec<Mutex<VecDeque<(u64, u64)>>>,
    idle: Mutex<usize>,
    wake: Condvar,
    left: AtomicU64,
    sum: AtomicU64,
}

fn work(pool: &Pool, me: usize) {
    loop {
        let n = pool.queues.len();
        let job = (0..n).find_map(|i| {
            let mut q = pool.queues[(me + i) % n].lock().unwrap();
            if i == 0 { q.pop_back() } else { q.pop_front() }
        });
        match job {
            Some((a, b)) if b - a > 1000 => {
                let m = (a + b) / 2;
                pool.left.fetch_add(1, Ordering::SeqCst);
                let mut q = pool.queues[me].lock().unwrap();
                q.push_back((a, m));
                q.push_back((m, b));
                pool.wake.notify_all();
            }
            Some((a, b)) => {
                pool.sum.fetch_add((a..b).map(|x| x * x % 13).sum(), Ordering::SeqCst);
                if pool.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    pool.wake.notify_all();
                }
            }
            None => {
                if pool.left.load(Ordering::SeqCst) == 0 {
                    pool.wake.notify_all();
                    return;
                }
                let idle = pool.idle.lock().unwrap();
                let _ = pool.wake.wait_timeout(idle, Duration::from_millis(1)).unwrap();
            }
        }
    }
}

fn main() {
    let pool = Arc::new(Pool {
        queues: (0..12).map(|_| Mutex::new(VecDeque::new())).collect(),
        idle: Mutex::new(0),
        wake: Condvar::new(),
        left: AtomicU64::new(1),
        sum: AtomicU64::new(0),
    });
    pool.queues[0].lock().unwrap().push_back((0, 3_000_000));
    let workers: Vec<_> = (0..12).map(|i| { let p = pool.clone(); thread::spawn(move || work(&p, i)) }).collect();
    for w in workers {
        w.join().unwrap();
    }
    println!("sum {}", pool.sum.load(Ordering::SeqCst));

    let (tx, rx) = mpsc::sync_channel(4);
    for i in 0..8u64 {
        let tx = tx.clone();
        thread::spawn(move || for k in 0..2000 { tx.send(i * 10000 + k).unwrap() });
    }
    drop(tx);
    println!("received {}", rx.iter().fold((0u64, 0u64), |(n, s), x| (n + 1, s + x)).1);

    let lock = Arc::new(RwLock::new(0u64));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| for _ in 0..5000 { *lock.write().unwrap() += 1 });
            s.spawn(|| for _ in 0..5000 { let _ = *lock.read().unwrap(); });
        }
    });
    println!("written {}", *lock.read().unwrap());

    let r = thread::spawn(|| { if true { panic!("on purpose") } }).join();
    println!("panicked {}", r.is_err());
    thread::park_timeout(Duration::from_millis(0)); // takes the token that a scope may have left
    let t = Instant::now();
    thread::park_timeout(Duration::from_millis(20));
    println!("parked {}", t.elapsed() >= Duration::from_millis(19));
    let mut c = Command::new("sh").args(["-c", "cat; exit 9"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    c.stdin.take().unwrap().write_all(b"to the child").unwrap();
    let out = c.wait_with_output().unwrap();
    println!("{} {:?}", String::from_utf8_lossy(&out.stdout), out.status.code());
    fn deep(n: u64) -> u64 { let a = [n; 100]; if n == 0 { 0 } else { deep(n - 1) + unsafe { std::ptr::read_volatile(&a[50]) } } }
    if std::env::args().len() > 1 {
        println!("{}", deep(u64::MAX));
    }
}
