import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from './client.ts';
import { Collector } from './collector.ts';
import { FakeModel } from './fake_model.ts';
import { Server } from './harness.ts';
import { secret, withModel, withSecret, withTraces } from './settings.ts';

// Each place where a person's words come in has a word of its own, so that a leak tells where it leaked.
const words = [
  'canary-message', 'canary-metadata', 'canary-context', 'canary-reply', 'canary-feedback', 'canary-reason', 'canary-upstream',
  'canary-invalid', 'canary-broken', 'canary-stream', 'canary-streamed', 'canary-key', 'canary-result', 'canary-query', 'canary-unknown',
];
const apiKey = 'canary-api-key-of-the-model';

let server: Server;
let model: FakeModel;
let collector: Collector;
let user: Client;
let id: string;

beforeAll(async () => {
  model = await FakeModel.start();
  collector = await Collector.start();
  model.on('canary-message', { text: 'canary-reply: what did the bird sing?' });
  model.on('canary-stream', { text: 'canary-streamed: and then?' });
  model.on('fails-with-400', { status: 400, body: '{"error": {"message": "canary-upstream did not like canary-message"}}' });
  model.on('fails-with-html', { status: 200, body: '<p>canary-upstream</p>' });
  const usual = model.structured;
  model.structured = (call) => {
    const script = usual(call);
    return { text: script.text!.replaceAll('Something that was said', 'canary-result') };
  };
  server = await Server.start({ settings: { ...withSecret(), ...withModel(model.url), ...withTraces(collector.url), PURPOSEPATH_LLM__API_KEY: apiKey } });
  user = await server.client({ user: 'ines', tenant: 'bakery' });

  const started = await user.post('/api/v1/conversations/initiate', { topic: 'purpose', context: { role: 'canary-context' } });
  id = started.body.conversation_id;
  const path = `/api/v1/conversations/${id}/message`;
  await user.post(path, { user_message: 'canary-message sang.', metadata: { note: 'canary-metadata' } }, { headers: { 'idempotency-key': 'canary-key' } });
  await (await user.stream(id, 'canary-stream sang.')).all();
  await user.post(path, { user_message: 'canary-invalid'.repeat(400), 'canary-unknown': 1 });
  await user.post(path, '{"user_message": "canary-broken');
  await user.say(id, 'canary-message fails-with-400');
  await user.say(id, 'canary-message fails-with-html');
  await user.get(`/api/v1/conversations/${id}`, { query: { limit: 'canary-query' } });
  await user.pause(id, { reason: 'canary-reason' });
  await user.resume(id);
  await user.complete(id, { rating: 4, feedback: 'canary-feedback' });
  await user.untilStatus(id, 'completed');
  await collector.span(({ name }) => name === 'job extraction'); // and with it all that ended before
});
afterAll(async () => {
  await server.stop();
  await collector.stop();
  await model.stop();
});

test('the words went in, so that what follows means something', async () => {
  const kept = JSON.stringify(await user.conversation(id));
  for (const word of ['canary-message', 'canary-reply', 'canary-streamed', 'canary-metadata', 'canary-result']) expect(kept).toContain(word);
});

describe('what people say is not in', () => {
  test.each(words)('the log: %s', (word) => {
    expect(server.stdout.length).toBeGreaterThan(1_000);
    expect(server.stdout).not.toContain(word);
    expect(server.stderr).not.toContain(word);
  });

  test('the traces', () => {
    expect(collector.spans.filter(({ name }) => name.startsWith('chat ')).length).toBeGreaterThan(5);
    for (const word of [...words, apiKey, user.token!]) expect(collector.received).not.toContain(word);
  });

  test('the metrics, nor readiness', async () => {
    const texts = [(await user.get('/metrics')).text, (await user.get('/api/v1/health/ready')).text];
    for (const word of words) for (const text of texts) expect(text).not.toContain(word);
  });

  test('the message of an error', async () => {
    const answers = [await user.say(id, 'canary-message to what is over'), await user.post(`/api/v1/conversations/${id}/message`, '{"user_message": "canary-broken')];
    for (const { status, text } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toMatch(/canary-message|canary-broken/);
    }
  });
});

describe('no secret is in the log:', () => {
  test.each([
    ['the secret of the tokens', secret],
    ['the key of the model', apiKey],
  ])('%s', (_, value) => {
    expect(server.stdout + server.stderr).not.toContain(value);
  });

  test('a token', () => {
    expect(server.stdout + server.stderr).not.toContain(user.token!);
    expect(server.stdout + server.stderr).not.toContain(user.token!.split('.')[2]!);
  });
});

describe('the log', () => {
  test('is JSON, one object a line', () => {
    const lines = server.stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });

  test('has exactly one line for each request, with what an operator looks for', async () => {
    const ids = ['log-1', 'log-2', 'log-3'];
    await user.get(`/api/v1/conversations/${id}`, { headers: { 'x-request-id': 'log-1' } });
    await user.get('/api/v1/no-such-thing', { headers: { 'x-request-id': 'log-2' } });
    await server.anonymous().get('/api/v1/topics', { headers: { 'x-request-id': 'log-3' } });
    const lines = await Promise.all(ids.map((wanted) => server.logLine(({ request_id, status }) => request_id === wanted && status !== undefined)));
    expect(lines.map(({ status }) => status)).toEqual([200, 404, 401]);
    expect(lines[0]).toMatchObject({ method: 'GET', route: '/api/v1/conversations/{conversation_id}' });
    for (const line of lines) {
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(line.duration_ms).toBeGreaterThanOrEqual(0);
    }
    for (const wanted of ids) expect(server.logLines().filter(({ request_id }) => request_id === wanted)).toHaveLength(1);
  });

  test('does not let a header write lines of its own', async () => {
    await user.get('/health', { headers: { 'user-agent': 'x","level":"error","event":"forged' } });
    await user.get('/health', { headers: { 'x-request-id': 'log-4' } });
    await server.logLine(({ request_id }) => request_id === 'log-4');
    expect(server.logLines().some(({ event }) => event === 'forged')).toBe(false);
  });
});
