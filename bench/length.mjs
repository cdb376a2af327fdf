// Whether a turn costs the same at the beginning and late in a conversation: CPU a turn at message 10 and at 2,000.
import { freePort, cpuSeconds, request, startConversations, startModel, startPurposePath, withModel } from './bench.mjs';

const modelPort = await freePort();
await startModel(modelPort);
const port = await freePort();
const server = await startPurposePath(port, withModel(modelPort));
const conversations = await startConversations(port, 40);
const say = (c, n) => request(port, 'POST', `/api/v1/conversations/${c.id}/message`,
  { user: c.user, body: { user_message: `This is message ${n}: nobody asked who would pay for the bread that night.` } });
const all = async (from, to) => {
  await Promise.all(conversations.map(async (c) => { for (let n = from; n < to; n += 2) await say(c, n); }));
};
const cost = async (from, to) => {
  const before = cpuSeconds(server);
  await all(from, to);
  return ((cpuSeconds(server) - before) / (conversations.length * (to - from) / 2)) * 1e6;
};
// The window fills up first: a prompt of 4,000 tokens costs more to send than one of 400, however long the history is.
await all(0, 400);
const early = await cost(400, 800);
await all(800, 1800);
const late = await cost(1800, 2200);
console.log(`CPU a turn around message 600: ${early.toFixed(0)} us, around message 2,000: ${late.toFixed(0)} us, ` +
  `ratio ${(late / early).toFixed(2)}`);
process.exit(0);
