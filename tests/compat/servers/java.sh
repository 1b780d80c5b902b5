#!/bin/bash
# Java's HttpServer with a pool of threads, asked by HttpClient; channels and a selector; what interfaces there are.
set -eu
dir=$(mktemp -d /tmp/java.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/Main.java" <<'JAVA'
import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.util.*;
import java.util.concurrent.*;

public class Main {
	static void check(boolean good, String what) {
		if (!good) {
			System.out.println("not ok " + what);
			System.exit(1);
		}
		System.out.println("ok " + what);
	}

	static void http() throws Exception {
		HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
		server.createContext("/", e -> {
			byte[] body = e.getRequestBody().readAllBytes();
			byte[] answer = (e.getRequestURI() + " " + body.length).getBytes();
			e.sendResponseHeaders(200, answer.length);
			e.getResponseBody().write(answer);
			e.close();
		});
		ExecutorService pool = Executors.newFixedThreadPool(8);
		server.setExecutor(pool);
		server.start();
		HttpClient client = HttpClient.newHttpClient();
		List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
		for (int i = 0; i < 200; i++) {
			URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/" + i);
			all.add(client.sendAsync(HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.ofByteArray(new byte[i * 50])).build(),
						 HttpResponse.BodyHandlers.ofString()));
		}
		int good = 0;
		for (int i = 0; i < 200; i++)
			good += all.get(i).get(60, TimeUnit.SECONDS).body().equals("/" + i + " " + i * 50) ? 1 : 0;
		check(good == 200, "200 requests");
		server.stop(0);
		pool.shutdownNow();
	}

	static void selector() throws Exception {
		Selector selector = Selector.open();
		ServerSocketChannel l = ServerSocketChannel.open();
		l.bind(new InetSocketAddress("127.0.0.1", 0));
		l.configureBlocking(false);
		l.register(selector, SelectionKey.OP_ACCEPT);
		SocketChannel client = SocketChannel.open(l.getLocalAddress());
		client.write(ByteBuffer.wrap("hello".getBytes()));
		ByteBuffer b = ByteBuffer.allocate(64);
		while (b.position() < 5) {
			selector.select();
			for (Iterator<SelectionKey> i = selector.selectedKeys().iterator(); i.hasNext(); i.remove()) {
				SelectionKey key = i.next();
				if (key.isAcceptable()) {
					SocketChannel s = l.accept();
					s.configureBlocking(false);
					s.register(selector, SelectionKey.OP_READ);
				} else {
					((SocketChannel)key.channel()).read(b);
				}
			}
		}
		check(new String(b.array(), 0, 5).equals("hello"), "selector");
	}

	public static void main(String[] args) throws Exception {
		http();
		selector();
		DatagramSocket a = new DatagramSocket(0, InetAddress.getLoopbackAddress()), c = new DatagramSocket();
		c.send(new DatagramPacket("abc".getBytes(), 3, a.getLocalSocketAddress()));
		DatagramPacket p = new DatagramPacket(new byte[10], 10);
		a.receive(p);
		check(p.getLength() == 3, "datagram");
		NetworkInterface lo = NetworkInterface.getByName("lo");
		check(lo != null && lo.isUp() && lo.isLoopback() && lo.inetAddresses().anyMatch(x -> x.isLoopbackAddress()), "interfaces");
		check(InetAddress.getByName("127.0.0.1").isReachable(2000), "reachable");
		System.exit(0);
	}
}
JAVA
cd "$dir"
java -Xmx256m -XX:+UseSerialGC Main.java
