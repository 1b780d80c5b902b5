// Worker threads with shared memory, messages and a terminate; child processes; all of it counted.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { execFile, fork, spawnSync } = require('child_process');

if (!isMainThread) {
	const cells = new Int32Array(workerData.shared);
	for (let i = 0; i < 100000; i++)
		Atomics.add(cells, 0, 1);
	Atomics.add(cells, 1, 1);
	Atomics.notify(cells, 1);
	parentPort.on('message', (m) => {
		if (m === 'end')
			process.exit(7);
		parentPort.postMessage(m * 2);
	});
} else if (process.argv[2] === 'child') {
	process.on('message', (m) => { process.send(m + ' back'); process.disconnect(); });
} else {
	const shared = new SharedArrayBuffer(8);
	const cells = new Int32Array(shared);
	let answers = 0, ended = 0;
	for (let i = 0; i < 8; i++) {
		const w = new Worker(__filename, { workerData: { shared } });
		w.on('message', (m) => { answers += m; w.postMessage('end'); });
		w.on('exit', (code) => {
			ended += code;
			if (ended === 56)
				children(cells, answers);
		});
		w.postMessage(i);
	}
}

function children(cells, answers) {
	console.log('counted', cells[0], cells[1], answers);
	console.log(spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'through' }).status);
	const c = fork(__filename, ['child']);
	c.on('message', (m) => console.log(m));
	c.on('exit', (code) => {
		console.log('child', code);
		execFile('sh', ['-c', 'kill -TERM $$'], (e) => console.log(e.signal));
	});
	c.send('there');
}
