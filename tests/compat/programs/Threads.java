import java.lang.management.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;

/* Locks, queues, pools, a parallel stream, garbage for the collector, null checks and stack overflows (both by signals), children. */
public class Threads {
	static int depth(int n) { return depth(n + 1) + 1; }

	public static void main(String[] args) throws Exception {
		var pool = Executors.newFixedThreadPool(16);
		var lock = new ReentrantLock();
		var changed = lock.newCondition();
		int[] turn = { 0 };
		var done = new CountDownLatch(16);
		for (int i = 0; i < 16; i++) {
			int me = i;
			pool.submit(() -> {
				for (int k = 0; k < 200; k++) {
					lock.lock();
					try {
						while (turn[0] % 16 != me)
							changed.awaitUninterruptibly();
						turn[0]++;
						changed.signalAll();
					} finally {
						lock.unlock();
					}
				}
				done.countDown();
			});
		}
		done.await();
		System.out.println("turns " + turn[0]);
		pool.shutdown();
		System.out.println(pool.awaitTermination(10, TimeUnit.SECONDS));

		System.out.println("sum " + LongStream.range(0, 20_000_000).parallel().map(x -> x % 7).sum());
		var map = new ConcurrentHashMap<Integer, byte[]>();
		IntStream.range(0, 200_000).parallel().forEach(i -> map.put(i % 500, new byte[2000]));
		System.out.println("kept " + map.size());
		long collections = 0;
		for (var gc : ManagementFactory.getGarbageCollectorMXBeans())
			collections += gc.getCollectionCount();
		System.out.println("collected " + (collections > 0));

		int nulls = 0;
		for (int i = 0; i < 20000; i++) {
			try {
				String s = i % 2 == 0 ? null : "x";
				nulls += s.length() - 1;
			} catch (NullPointerException e) {
				nulls++;
			}
		}
		System.out.println("nulls " + nulls);
		try {
			depth(0);
		} catch (StackOverflowError e) {
			System.out.println("stack overflow");
		}
		var p = new ProcessBuilder("sh", "-c", "read x; echo got $x; exit 5").redirectErrorStream(true).start();
		p.getOutputStream().write("line\n".getBytes());
		p.getOutputStream().close();
		System.out.println(new String(p.getInputStream().readAllBytes()).trim() + " " + p.waitFor());

		var f = Files.createTempFile("t", "x");
		try (var ch = java.nio.channels.FileChannel.open(f, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			var m = ch.map(java.nio.channels.FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
			for (int i = 0; i < 1 << 20; i += 4096)
				m.put(i, (byte) (i >> 12));
			m.force();
		}
		System.out.println(Files.size(f) + " " + Files.readAllBytes(f)[4096 * 77]);
		Files.delete(f);

		var slow = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) { System.out.println("interrupted"); } });
		slow.start();
		slow.interrupt();
		slow.join();
		var timer = new ScheduledThreadPoolExecutor(2);
		var ticks = new CountDownLatch(20);
		timer.scheduleAtFixedRate(ticks::countDown, 1, 5, TimeUnit.MILLISECONDS);
		System.out.println(ticks.await(20, TimeUnit.SECONDS));
		timer.shutdownNow();
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
		if (args.length > 0 && args[0].equals("wait")) {
			System.out.println("waiting");
			Thread.sleep(100000);
		}
		System.exit(4);
	}
}
