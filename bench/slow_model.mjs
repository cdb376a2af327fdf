// Many streams at once from a slow model: what they cost in CPU, all of the service included. The model sends a piece to
// each stream every PAUSE_MS; clients only read.
import net from 'node:net';
import { join } from 'node:path';
import { cpuSeconds, freePort, root, start, startConversations, startPurposePath, withModel } from './bench.mjs';

const count = Number(process.env.STREAMS ?? 2000);
const pause = Number(process.env.PAUSE_MS ?? 200);
const seconds = Number(process.env.SECONDS_EACH ?? 10);
const modelPort = await freePort();
await start(join(root, 'build/release/router_bench'), ['model', String(modelPort), String(pause)], modelPort);
const port = await freePort();
const server = await startPurposePath(port, { ...withModel(modelPort), PURPOSEPATH_LLM__TIMEOUTS__TOTAL: '0',
  PURPOSEPATH_CLIENT__MAX_CONNECTIONS: String(count) });
const conversations = await startConversations(port, count);

let bytes = 0;
const body = JSON.stringify({ user_message: 'It was the night of the flood.' });
const open = (conversation) => new Promise((resolve, reject) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.once('error', reject);
  socket.once('data', () => resolve(socket));
  socket.on('data', (data) => { bytes += data.length; });
  socket.write(`POST /api/v1/conversations/${conversation.id}/message HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ` +
    `${conversation.token}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
});
for (let begin = 0; begin < count; begin += 100) await Promise.all(conversations.slice(begin, begin + 100).map(open));
const before = cpuSeconds(server);
bytes = 0;
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const used = (cpuSeconds(server) - before) / seconds;
const expected = (count * 1000) / pause;
console.log(`${count} streams, ${expected}/s pieces    ${(used * 50).toFixed(0)} % of two cores ` +
  `(${((used / expected) * 1e6).toFixed(1)} us CPU a piece, ${(bytes / seconds / 1e6).toFixed(1)} MB/s to clients)`);
process.exit(0);
