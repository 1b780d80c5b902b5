#!/bin/bash
# node's http: one process with keep-alive, worker threads with a server each, and a cluster whose workers share a port.
set -eu
dir=$(mktemp -d /tmp/node.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.js" <<'JS'
const http = require('http'), cluster = require('cluster');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const WORKERS = 3, REQUESTS = 200;

function server(name) {
	return http.createServer((req, res) => {
		let n = 0;
		req.on('data', d => n += d.length);
		req.on('end', () => res.end(JSON.stringify({ name, n, url: req.url })));
	});
}
function ask(port, path, body, agent) {
	return new Promise((good, bad) => {
		const req = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent }, res => {
			let text = '';
			res.on('data', d => text += d);
			res.on('end', () => good(JSON.parse(text)));
		});
		req.on('error', bad);
		req.end(body);
	});
}
async function hammer(port, label) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 20 }), names = new Set();
	const answers = await Promise.all([...Array(REQUESTS).keys()].map(i => ask(port, '/' + i, 'x'.repeat(i * 100), agent)));
	answers.forEach((a, i) => {
		if (a.n != i * 100 || a.url != '/' + i)
			throw new Error(label + ': wrong answer ' + i);
		names.add(a.name);
	});
	agent.destroy();
	console.log('ok ' + label);
	return names;
}

async function main() {
	const one = server('one');
	await new Promise(r => one.listen(0, '127.0.0.1', r));
	await hammer(one.address().port, 'one process');
	one.close();

	for (let i = 0; i < WORKERS; i++) {
		const w = new Worker(__filename, { workerData: 'thread' + i });
		const port = await new Promise((r, bad) => { w.on('message', r); w.on('error', bad); });
		await hammer(port, 'worker thread ' + i);
		await w.terminate();
	}

	cluster.schedulingPolicy = cluster.SCHED_RR;
	const up = [];
	for (let i = 0; i < WORKERS; i++) {
		const w = cluster.fork();
		up.push(new Promise(r => w.on('listening', a => r(a.port))));
	}
	const ports = await Promise.all(up);
	const names = new Set();
	for (let i = 0; i < 3; i++)
		(await hammer(ports[0], 'cluster, round ' + i)).forEach(n => names.add(n));
	if (names.size != WORKERS)
		throw new Error('only ' + [...names] + ' answered');
	console.log('ok every worker answered');
	await new Promise(r => cluster.disconnect(r));
	console.log('ok cluster ends');
}

if (!isMainThread) {
	const s = server(workerData);
	s.listen(0, '127.0.0.1', () => parentPort.postMessage(s.address().port));
} else if (cluster.isWorker) {
	server('worker' + cluster.worker.id).listen(18081, '127.0.0.1');
} else {
	main().catch(e => { console.log('not ok ' + e.message); process.exit(1); });
}
JS

node "$dir/main.js"
