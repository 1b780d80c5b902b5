# network_more.sh - servers of network.sh that are programs of runtimes, and PostgreSQL. Sourced by it.
SERVERS_MORE='node java go postgres'

# ask N WHAT: N requests, twenty at a time; each answer is the path that was asked for.
ask()
{
	expect "$2" '^good$' sh -c "curl -sZ --parallel-max 20 'http://127.0.0.1:$PORT/r[1-$1]' -o '$DIR/got.#1' &&
		for i in \$(seq $1); do [ \"\$(cat '$DIR'/got.\$i)\" = /r\$i ] || exit 1; done; echo good"
}

# Workers that share the port.
node_serve()
{
	cat >"$DIR/s.js" <<-'END'
		const cluster = require('cluster'), http = require('http');
		if (cluster.isPrimary) for (let i = 0; i < 2; i++) cluster.fork();
		else http.createServer((req, res) => res.end(req.url)).listen(+process.argv[2], '127.0.0.1');
	END
	node "$DIR/s.js" "$PORT" >"$DIR/log" 2>&1
}
node_client() { ask 400 "400 requests"; }

java_serve()
{
	cat >"$DIR/Serve.java" <<-'END'
		import com.sun.net.httpserver.HttpServer;
		import java.net.InetSocketAddress;
		import java.util.concurrent.Executors;
		public class Serve {
			public static void main(String[] a) throws Exception {
				HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])), 50);
				s.setExecutor(Executors.newFixedThreadPool(8));
				s.createContext("/", e -> {
					byte[] path = e.getRequestURI().toString().getBytes();
					e.sendResponseHeaders(200, path.length);
					e.getResponseBody().write(path);
					e.close();
				});
				s.start();
			}
		}
	END
	java "$DIR/Serve.java" "$PORT" >"$DIR/log" 2>&1
}
java_client() { ask 400 "400 requests"; }

# HTTP/2 over TLS on the second port.
go_serve()
{
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$DIR/key" -out "$DIR/crt" 2>"$DIR/ssl.log"
	cat >"$DIR/serve.go" <<-'END'
		package main

		import ("fmt"; "net/http"; "os")

		func main() {
			http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
			go http.ListenAndServeTLS("127.0.0.1:"+os.Args[2], os.Args[3]+"/crt", os.Args[3]+"/key", nil)
			http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)
		}
	END
	export HOME=$DIR GOCACHE=$DIR/cache GOFLAGS=-buildvcs=false
	(cd "$DIR" && go build -o serve serve.go && ./serve "$PORT" $((PORT + 1)) "$DIR") >"$DIR/log" 2>&1
}
go_client()
{
	ask 400 "400 requests"
	expect "HTTP/2" '^2 /two$' curl -sk --http2 -w '%{stderr}' -o "$DIR/two" "https://127.0.0.1:$((PORT + 1))/two" -w '%{stdout}%{http_version} /two\n'
}

postgres_serve()
{
	local bin
	bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	chmod 755 "$DIR"
	mkdir -p "$DIR/pg"
	chown postgres "$DIR/pg"
	cd "$DIR/pg" || exit 1
	setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/initdb" -D data -A trust -U postgres --no-sync >"$DIR/log" 2>&1 || exit 1
	exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D data -p "$PORT" -k "$DIR/pg" \
		-c listen_addresses=127.0.0.1 -c fsync=off -c shared_memory_type=sysv >>"$DIR/log" 2>&1
}
postgres_client()
{
	local bin pg
	bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	pg="-h 127.0.0.1 -p $PORT -U postgres"
	expect "ready" 'accepting' sh -c "for i in \$(seq 200); do $bin/pg_isready $pg && exit; sleep 0.1; done; exit 1"
	expect "pgbench, TPC-B, 8 clients" '400/400' sh -c "$bin/pgbench $pg -i -q -s 1 postgres && $bin/pgbench $pg -n -c 8 -j 2 -t 50 postgres"
}
