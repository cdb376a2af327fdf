import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BusinessApi } from './business_api.ts';
import type { Client } from './client.ts';
import { Collector } from './collector.ts';
import { FakeModel } from './fake_model.ts';
import { command, Server } from './harness.ts';
import { withBusinessApi, withModel, withTraces } from './settings.ts';

const route = '/api/v1/conversations/{conversation_id}/message';
const callerSpan = '00f067aa0ba902b7';
const traceparent = (traceId: string, flags = '01') => `00-${traceId}-${callerSpan}-${flags}`;
const fast = { PURPOSEPATH_LLM__RETRY__BACKOFF__FIRST: '1ms' };

let collector: Collector;
let model: FakeModel;
let business: BusinessApi;
let server: Server;
let user: Client;
let id: string;

const say = (text: string, trace: string, headers: Record<string, string> = {}) =>
  user.say(id, text, { headers: { traceparent: trace, ...headers } });

beforeAll(async () => {
  [collector, model, business] = await Promise.all([Collector.start(), FakeModel.start(), BusinessApi.start()]);
  model.on('fails-first', () => (model.repliesTo('fails-first').length === 1 ? { status: 503 } : { text: 'And what then?' }));
  const settings = {
    ...fast,
    ...withModel(model.url),
    ...withBusinessApi(business.url),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=a%20key',
    OTEL_SERVICE_NAME: 'coach-under-test',
  };
  server = await Server.start({ settings });
  user = await server.client({ user: 'ines', tenant: 'bakery' });
  id = (await user.post('/api/v1/conversations/initiate', { topic: 'goals' })).body.conversation_id;
});
afterAll(async () => {
  await server.stop();
  await Promise.all([collector.stop(), model.stop(), business.stop()]);
});

describe('a turn whose first try fails', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

  test('is one trace: the request, the turn, its calls and their tries', async () => {
    expect((await say('It fails-first.', traceparent(traceId), { 'x-request-id': 'traced-1' })).status).toBe(200);
    const request = await collector.span((span) => span.traceId === traceId && span.kind === 2);
    expect(request).toMatchObject({ name: `POST ${route}`, parentSpanId: callerSpan, failed: false, service: 'coach-under-test' });
    expect(request.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': route,
      'http.response.status_code': 200,
      'purposepath.request_id': 'traced-1',
    });

    const [turn] = collector.inside(request);
    expect(turn).toMatchObject({ name: 'turn', attributes: { 'purposepath.reference': id, 'purposepath.topic': 'goals' } });
    const calls = collector.inside(turn!);
    expect(calls.map(({ attributes }) => attributes['purposepath.purpose']).sort()).toEqual(['assessment', 'reply']);
    const call = calls.find(({ attributes }) => attributes['purposepath.purpose'] === 'reply')!;
    expect(call).toMatchObject({ name: 'chat fake-1', kind: 3, failed: false });
    expect(call.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'fake-1',
      'gen_ai.response.model': 'fake-1',
      'gen_ai.usage.input_tokens': 120,
      'gen_ai.usage.output_tokens': 20,
      'purposepath.tries': 2,
    });

    const tries = collector.inside(call);
    expect(tries.map(({ name, failed }) => [name, failed])).toEqual([['try fake-1', true], ['try fake-1', false]]);
    expect(tries[0]!.attributes).toMatchObject({ 'error.type': 'llm_unavailable', 'purposepath.reason': '503 server_error' });
    expect(tries[1]!.attributes).toMatchObject({ 'purposepath.outcome': 'ok' });
    for (const [outer, inner] of [[request, turn!], [turn!, call], [call, tries[0]!], [call, tries[1]!]] as const) {
      expect(inner.begin >= outer.begin && inner.end <= outer.end).toBe(true);
      expect(inner.traceId).toBe(traceId);
    }
    expect(model.repliesTo('fails-first').map((asked) => asked.traceparent)).toEqual(
      tries.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    );
  });

  test('is found in the log by its trace', async () => {
    expect(await server.logLine(({ event, request_id }) => event === 'request' && request_id === 'traced-1')).toMatchObject({ trace_id: traceId });
    expect(await server.logLine(({ event, trace_id }) => event === 'llm_call' && trace_id === traceId)).toMatchObject({ tries: 2 });
  });

  test('reaches the collector with the headers that it wants', () => {
    for (const headers of collector.headers) expect(headers['x-collector-key']).toBe('a key');
  });
});

test('a Business API is told the trace', async () => {
  const traceId = 'aaaabbbbccccddddeeeeffff00001111';
  const before = business.asked.length;
  const somebody = await server.client({ user: 'otto', tenant: 'mill' });
  const started = await somebody.post('/api/v1/conversations/initiate', { topic: 'goals' }, { headers: { traceparent: traceparent(traceId) } });
  expect(started.status).toBe(201);
  const request = await collector.span((span) => span.traceId === traceId && span.kind === 2);
  const reads = collector.inside(request).filter(({ name }) => name.startsWith('business '));
  expect(reads.length).toBeGreaterThan(0);
  const told = business.asked.slice(before).map((asked) => asked.traceparent);
  expect(told.sort()).toEqual(reads.map(({ spanId }) => `00-${traceId}-${spanId}-01`).sort());
});

test('a job is a trace of its own that names the one it came from', async () => {
  const traceId = '11112222333344445555666677778888';
  const done = await user.post(`/api/v1/conversations/${id}/complete`, undefined, { headers: { traceparent: traceparent(traceId) } });
  expect(done.status).toBe(204);
  const job = await collector.span(({ name }) => name === 'job extraction');
  expect(job).toMatchObject({ kind: 1, parentSpanId: '', failed: false, links: [{ traceId }], attributes: { 'purposepath.reference': id } });
  expect(job.traceId).not.toBe(traceId);
  expect(collector.inside(job).map(({ name }) => name)).toEqual(['chat fake-1']);
});

test('a trace that its caller does not record is not recorded here', async () => {
  const [unrecorded, recorded] = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'];
  id = (await user.post('/api/v1/conversations/initiate', { topic: 'vision' })).body.conversation_id;
  await say('Nobody writes-this-down.', traceparent(unrecorded, '00'), { 'x-request-id': 'untraced-1' });
  await say('Somebody does.', traceparent(recorded));
  await collector.span((span) => span.traceId === recorded && span.kind === 2);
  expect(collector.received).not.toContain(unrecorded);
  expect(model.repliesTo('writes-this-down').map((asked) => asked.traceparent)).toEqual(['']);
  const line = await server.logLine(({ event, request_id }) => event === 'request' && request_id === 'untraced-1');
  expect(line).not.toHaveProperty('trace_id');
});

test('what is left is sent when the server ends', async () => {
  const own = await Collector.start();
  const short = await Server.start({ settings: withTraces(own.url) });
  try {
    await short.anonymous().get('/health', { headers: { 'x-request-id': 'last-1' } });
    short.signal('SIGTERM');
    expect((await short.exited()).code).toBe(0);
    expect(own.spans.map(({ attributes }) => attributes['purposepath.request_id'])).toContain('last-1');
  } finally {
    await short.stop();
    await own.stop();
  }
});

test('a collector that is not there is nobody’s problem', async () => {
  const alone = await Server.start({ settings: { ...fast, ...withModel(model.url), ...withTraces('http://127.0.0.1:1') } });
  try {
    const client = await alone.client();
    const started = await client.post('/api/v1/conversations/initiate', { topic: 'goals' });
    expect(started.status).toBe(201);
    expect((await client.say(started.body.conversation_id, 'We bake bread.')).status).toBe(200);
    alone.signal('SIGTERM');
    expect((await alone.exited()).code).toBe(0);
    expect(await alone.logLine(({ event }) => event === 'spans_lost')).toMatchObject({ level: 'warn', reason: expect.stringContaining('connect') });
  } finally {
    await alone.stop();
  }
});

test('without a collector no trace is made', async () => {
  const plain = await Server.start({ settings: withModel(model.url) });
  try {
    const client = await plain.client();
    const headers = { traceparent: traceparent('99998888777766665555444433332222'), 'x-request-id': 'plain-1' };
    await client.post('/api/v1/conversations/initiate', { topic: 'goals' }, { headers });
    expect(model.calls.at(-1)!.traceparent).toBe('');
    expect(await plain.logLine(({ event, request_id }) => event === 'request' && request_id === 'plain-1')).not.toHaveProperty('trace_id');
  } finally {
    await plain.stop();
  }
});

test('settings that cannot be used are named at the start', async () => {
  const wrong = {
    ...withTraces('ftp://collector'),
    PURPOSEPATH_TELEMETRY__TRACES__SAMPLE_RATIO: '1.5',
    PURPOSEPATH_TELEMETRY__TRACES__HEADERS: 'nothing',
  };
  const { code, stderr } = await command(['serve', '--port', '0'], wrong);
  expect(code).not.toBe(0);
  for (const key of ['endpoint', 'sample_ratio', 'headers']) expect(stderr).toContain(`telemetry.traces.${key}`);
});
