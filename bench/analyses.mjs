// Analyses from the response cache, and with a model that answers at once: rows for the table in README.md.
import { analysisScript, freePort, measured, request, startModel, startPurposePath, withModel, wrk } from './bench.mjs';

const seconds = Number(process.env.SECONDS_EACH ?? 6);
const users = Array.from({ length: 500 }, (_, number) => `user-${number}`);
const result = {
  scores: { overall_score: 62, purpose_alignment: 70, values_alignment: 65, goal_clarity: 40 },
  overall_assessment: 'The text says clearly whom it is for, and names no date.', strengths: ['It says that the bread is made by hand.'],
  misalignments: ['No goal has a date.'],
  recommendations: [{ action: 'Give each goal a date.', priority: 'high', rationale: 'What has no date is not done.' }],
};
const modelPort = await freePort();
await startModel(modelPort, JSON.stringify(result));
const row = (name, target, r) => console.log(`| ${name} | ${target}/s | ${Math.round(r.perSecond).toLocaleString('en-US')}/s | ${r.p50ms.toFixed(1)} ms |` +
  ` ${r.p99ms.toFixed(1)} ms | ${r.cpuMicros.toFixed(0)} µs | ${r.badStatus + r.socketErrors} |`);

console.log('| analyses | target | measured | p50 | p99 | CPU of one | failed |\n|---|---|---|---|---|---|---|');
for (const [name, target, everyTimeAnother] of [['from the cache', '8,000', false], ['asked of a model', '4,000', true]]) {
  const port = await freePort();
  const server = await startPurposePath(port, withModel(modelPort));
  const first = await request(port, 'POST', '/api/v1/analysis/alignment', { user: 'user-0', body: { text_to_analyze: 'We bake bread by hand.' } });
  if (first.scores.overall_score !== 62) throw new Error('the model was not asked');
  row(name, target, await measured(server, () => wrk(`http://127.0.0.1:${port}/`, analysisScript(users, everyTimeAnother), { seconds })));
  server.kill('SIGKILL');
}
process.exit(0);
