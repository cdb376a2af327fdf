// `purposepath analyze` against the real server: what a person reads, what a script gets, and what is said when something is wrong.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository } from './binary.ts';
import { command, Server, temporaryFolder } from './harness.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const analyze = (args: string[], input = '') => command(['analyze', '--url', server.url, '--data', server.data, ...args], {}, input);
const example = (topic: string) => JSON.parse(readFileSync(join(repository, 'topics', topic, 'example.json'), 'utf8')).request;

test('prints the result for a person, at most 80 columns wide', async () => {
  const { code, stdout, stderr } = await analyze(['alignment', '--set', 'text_to_analyze=We bake bread by hand for people in our town, and want to open a second shop by June.', '--set', 'context.core_values=craft', '--set', 'context.core_values=honesty']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Alignment\n\nScores\n {2}Overall score +\d+ {2}[█░]{20}\n/);
  expect(stdout).toMatch(/\nRecommendations\n {2}\* /);
  expect(stdout).toMatch(/\nanls_\w+\noffline-coach \(rule-based\): \d+ \+ \d+ tokens, \$0\.0000\n$/);
  for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
});

test.each(['alignment', 'strategy', 'kpi', 'operations', 'prioritization', 'scheduling', 'optimize_action_plan'])('takes the example of %s from standard input', async (topic) => {
  const { code, stdout, stderr } = await analyze([topic, '--input', '-'], JSON.stringify(example(topic)));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
});

test('--json prints the answer as it came; --set comes over the file', async () => {
  const file = join(temporaryFolder(), 'request.json');
  writeFileSync(file, JSON.stringify(example('operations')));
  const { code, stdout, stderr } = await analyze(['operations', '--input', file, '--set', 'analysis_type=root_cause', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const analysis = JSON.parse(stdout);
  expect(analysis).toMatchObject({ analysis_type: 'operations', specific_analysis_type: 'root_cause', metadata: { tenant_id: 'dev', cached: false } });
  const again = await analyze(['operations', '--input', file, '--set', 'analysis_type=root_cause']);
  expect(again.stdout).toContain('the answer to an equal request before');
});

test('says what is missing, and shows a command that has it', async () => {
  const { code, stdout, stderr } = await analyze(['operations', '--set', 'analysis_type=swot']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('needs description:');
  expect(stderr).toContain('It also takes context.goal, context.constraints, context.team, context.deadline.');
  expect(stderr).toContain("purposepath analyze operations --set analysis_type=swot --set 'description=The situation,");
});

test.each([
  ['an analysis that is none', ['operation'], 2, /there is no analysis operation; did you mean operations\?/],
  ['a conversation', ['core_values'], 2, /there is no analysis core_values; there are .*alignment/],
  ['a member that is none', ['operations', '--set', 'descriptoin=x'], 2, /did you mean description\?/],
  ['a file that is not there', ['operations', '--input', '/nowhere.json'], 2, /\/nowhere\.json cannot be read/],
  ['a value that does not fit', ['operations', '--set', 'analysis_type=guess', '--set', 'description=Parts often arrive late.'], 1, /analysis_type/],
])('%s is an error that says what to do', async (_, args, exit, words) => {
  const { code, stdout, stderr } = await analyze(args);
  expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
  expect(stderr).toMatch(words);
});

test('what is no JSON is an error too', async () => {
  const { code, stderr } = await analyze(['operations', '--input', '-'], 'Parts often arrive late.');
  expect(code).toBe(2);
  expect(stderr).toContain('standard input: not valid JSON');
  expect(stderr).not.toContain('Parts');
});

test('nobody there is exit code 4 and how to start one', async () => {
  const ended = await command(['analyze', 'alignment', '--url', 'http://127.0.0.1:1', '--data', temporaryFolder()]);
  expect(ended.code).toBe(4);
  expect(ended.stderr).toContain('purposepath serve');
});
