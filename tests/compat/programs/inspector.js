// A debugger's session with itself, and one over the wire with a child that waits for it.
const inspector = require('inspector');
const { spawn } = require('child_process');
const http = require('http');
const s = new inspector.Session();
s.connect();
s.post('Runtime.evaluate', { expression: '6 * 7' }, (e, r) => console.log('own', r.result.value));
s.post('Profiler.enable');
s.post('Profiler.start', () => {
	let x = 0;
	for (const end = Date.now() + 1000; Date.now() < end;)
		x++;
	s.post('Profiler.stop', (e, { profile }) => console.log('samples', profile.samples.length > 5));
});
const child = spawn(process.execPath, ['--inspect-brk=127.0.0.1:0', '-e', 'console.log("runs")'], { stdio: ['ignore', 'inherit', 'pipe'] });
let err = '';
child.stderr.on('data', (d) => {
	err += d;
	const m = /ws:\/\/127\.0\.0\.1:(\d+)\/([-0-9a-f]+)/.exec(err);
	if (m && !child.seen) {
		child.seen = true;
		http.get(`http://127.0.0.1:${m[1]}/json/list`, (res) => {
			let body = '';
			res.on('data', (c) => body += c);
			res.on('end', () => { console.log('list', JSON.parse(body)[0].id === m[2]); talk(m[1], m[2]); });
		});
	}
});
child.on('exit', (code, signal) => console.log('exit', code, signal));

function frame(text) { // a client's masked text frame, mask 0
	const b = Buffer.from(text);
	return Buffer.concat([Buffer.from([0x81, 0x80 | b.length, 0, 0, 0, 0]), b]);
}
function talk(port, id) {
	const req = http.request({ port, host: '127.0.0.1', path: '/' + id, headers: {
		Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } });
	req.on('upgrade', (res, socket) => {
		console.log('upgrade', res.statusCode);
		socket.on('data', (d) => {
			if (String(d).includes('"id":1'))
				socket.end();
		});
		socket.write(frame('{"id":1,"method":"Runtime.runIfWaitingForDebugger"}'));
	});
	req.end();
}
