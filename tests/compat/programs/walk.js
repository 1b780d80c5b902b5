// What `npm ls` does: 5,000 packages in nested folders, made, walked asynchronously, parsed, summed.
const fs = require('fs');
const path = require('path');
const root = 'node_modules';
for (let i = 0; i < 5000; i++) {
	const dir = path.join(root, `p${i % 50}`, 'node_modules', `q${i % 10}`, `r${i}`);
	fs.mkdirSync(dir, { recursive: true });
	fs.writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ name: `r${i}`, version: `1.${i}.0` }));
}
async function walk(dir) {
	let n = 0, sum = 0;
	const parts = await Promise.all((await fs.promises.readdir(dir, { withFileTypes: true })).map(async (e) => {
		const p = path.join(dir, e.name);
		if (e.isDirectory())
			return walk(p);
		const st = await fs.promises.lstat(p);
		return [1, Number(JSON.parse(await fs.promises.readFile(p, 'utf8')).version.split('.')[1]) + st.size];
	}));
	for (const [a, b] of parts)
		n += a, sum += b;
	return [n, sum];
}
walk(root).then((r) => { console.log(r.join(' ')); fs.rmSync(root, { recursive: true }); console.log(fs.existsSync(root)); });
