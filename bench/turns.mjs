// One JSON turn with a model that answers at once, beside nginx merely proxying to the same model server.
import { freePort, measured, plainScript, startConversations, startModel, startProxy, startPurposePath, withModel, wrk,
  wrkScript } from './bench.mjs';

const seconds = Number(process.env.SECONDS_EACH ?? 6);
const modelPort = await freePort();
await startModel(modelPort);
const proxyPort = await freePort();
const proxy = await startProxy(proxyPort, modelPort);
const line = (name, r) => console.log(`${name.padEnd(28)} ${r.perSecond.toFixed(0).padStart(7)}/s  p50 ${r.p50ms.toFixed(2)} ms` +
  `  p99 ${r.p99ms.toFixed(2)} ms  ${r.cpuMicros.toFixed(1)} us CPU each  ${r.badStatus + r.socketErrors} failed`);

for (let round = 1; round <= Number(process.env.ROUNDS ?? 3); ++round) {
  const bare = await measured(proxy, () => wrk(`http://127.0.0.1:${proxyPort}/v1/chat/completions`, plainScript(), { seconds }));
  line('nginx, proxying', bare);
  // A server of its own each round: the conversations begin anew and have up to some twenty messages.
  const port = await freePort();
  const server = await startPurposePath(port, withModel(modelPort));
  const conversations = await startConversations(port, Number(process.env.CONVERSATIONS ?? 6000));
  const turns = await measured(server, () => wrk(`http://127.0.0.1:${port}/`, wrkScript(conversations), { seconds }));
  line('PurposePath, whole turns', turns);
  server.kill('SIGKILL');
  console.log(`  CPU of a turn / of a proxied call: ${(turns.cpuMicros / bare.cpuMicros).toFixed(2)}`);
}
process.exit(0);
