// From exec to listening: an empty data folder, and one that is there already.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { binary, folder, freePort } from './bench.mjs';

const listening = (port) => new Promise((resolve) => {
  const attempt = () => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(performance.now()); });
    socket.once('error', () => setImmediate(attempt));
  };
  attempt();
});
async function once(data) {
  const port = await freePort();
  const begin = performance.now();
  const child = spawn(binary, ['serve', '--port', String(port), '--data', data], { stdio: 'ignore' });
  const end = await listening(port);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
  return end - begin;
}
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const first = [], again = [];
for (let i = 0; i < 15; ++i) {
  const data = mkdtempSync(join(folder, 'start-'));
  first.push(await once(data));
  again.push(await once(data));
}
console.log(`exec to listening            ${median(again).toFixed(1)} ms (median of ${again.length}); ` +
  `${median(first).toFixed(1)} ms when the data folder is new`);
process.exit(0);
