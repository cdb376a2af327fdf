// The terminal chat against the real server, without a terminal: lines in, text out.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, Server, temporaryFolder } from './harness.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const chat = (input: string, ...args: string[]) => command(['chat', '--url', server.url, '--data', server.data, ...args], {}, input);

test('a paused conversation is gone on with, by default', async () => {
  const first = await chat('I run a bakery.\n/pause\n', '--topic', 'purpose');
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain('Paused.');
  const second = await chat('/quit\n', '--topic', 'purpose');
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout).toContain('Going on with Purpose');
  const resumed = await chat('/status\n/quit\n', '--resume');
  expect(resumed.stdout).toContain('Going on with Purpose');
});

test('--new begins anew', async () => {
  await chat('Hello.\n/quit\n', '--topic', 'vision');
  const anew = await chat('/quit\n', '--topic', 'vision', '--new');
  expect(anew.code).toBe(0);
  expect(anew.stdout).not.toContain('Going on');
});

test('a played transcript ends with the result', async () => {
  const played = await chat('', '--script', 'examples/transcripts/core_values_1.txt');
  expect(played.code, played.stderr).toBe(0);
  expect(played.stdout).toContain('Core values: the result');
  expect(played.stdout).toContain('* Craft');
});

test('a played transcript as data is one JSON object', async () => {
  const played = await chat('', '--script', 'examples/transcripts/goals_1.txt', '--json');
  expect(played.code, played.stderr).toBe(0);
  const conversation = JSON.parse(played.stdout);
  expect(conversation).toMatchObject({ topic: 'goals', status: 'completed' });
  expect(conversation.result).not.toBeNull();
});

test('a topic that is none is an error with a reason', async () => {
  const ended = await chat('', '--topic', 'nonsense');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('topic_not_found');
});

test('nobody there is exit code 4 and how to start one', async () => {
  const ended = await command(['chat', '--url', 'http://127.0.0.1:1', '--data', temporaryFolder()]);
  expect(ended.code).toBe(4);
  expect(ended.stderr).toContain('purposepath serve');
});
