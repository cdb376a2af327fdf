// What an open stream costs in memory, and the idle server. The model sends one word and then falls silent.
import http from 'node:http';
import { freePort, modelAnswer, residentBytes, startConversations, startPurposePath, withModel } from './bench.mjs';

const count = Number(process.env.STREAMS ?? 5000);
const model = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    if (!Buffer.concat(pieces).includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(modelAnswer());
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Well"}}]}\n\n');
  });
});
const modelPort = await freePort();
await new Promise((resolve) => model.listen({ port: modelPort, host: '127.0.0.1', backlog: 8192 }, resolve));
const port = await freePort();
const server = await startPurposePath(port, { ...withModel(modelPort), PURPOSEPATH_LLM__TIMEOUTS__BETWEEN_TOKENS: '0' ,
  PURPOSEPATH_LLM__TIMEOUTS__TOTAL: '0', PURPOSEPATH_CLIENT__MAX_CONNECTIONS: String(count) });
console.log(`idle server                  ${(residentBytes(server) / 1e6).toFixed(1)} MB resident`);
const conversations = await startConversations(port, count);
const before = residentBytes(server);

const body = JSON.stringify({ user_message: 'It was the night of the flood.' });
const agent = new http.Agent({ keepAlive: false, maxSockets: Infinity });
const open = (conversation) => new Promise((resolve, reject) => {
  const call = http.request({ port, host: '127.0.0.1', agent, method: 'POST',
    path: `/api/v1/conversations/${conversation.id}/message`, headers: { authorization: `Bearer ${conversation.token}`,
      accept: 'text/event-stream', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } },
  (answer) => {
    if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`));
    answer.on('data', (data) => { if (data.includes('event: delta')) resolve(call); });
  });
  call.once('error', reject);
  call.end(body);
});
for (let begin = 0; begin < count; begin += 100) await Promise.all(conversations.slice(begin, begin + 100).map(open));
const after = residentBytes(server);
console.log(`${count} open streams            ${((after - before) / count / 1000).toFixed(1)} KB each ` +
  `(${(before / 1e6).toFixed(1)} MB before, ${(after / 1e6).toFixed(1)} MB with them)`);
process.exit(0);
