// What happens, as it happens: the stream of events, read by an independent parser.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, expectError, transcript } from './client.ts';
import { mustFitSchema } from './contract.ts';
import { Server } from './harness.ts';
import { withKeepAlive } from './settings.ts';
import { EventStream } from './sse.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

let tenants = 0;
const tenantName = (): string => `events-${++tenants}`;

async function open(user: Client, lastEventId?: string, query = ''): Promise<EventStream> {
  const last: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const stream = await EventStream.open(`${user.url}/api/v1/events${query}`, {
    method: 'GET',
    headers: user.headers({ accept: 'text/event-stream', ...last }),
  });
  return stream;
}

// Two conversations on a topic: the first is abandoned for the second.
async function abandon(user: Client): Promise<string> {
  const id = await user.initiate('purpose');
  await user.initiate('purpose');
  return id;
}

test('a conversation that is completed is told to all streams of its user, and to no other', async () => {
  const tenant = tenantName();
  const ines = await server.client({ user: 'ines', tenant });
  const others = await Promise.all([{ user: 'otto', tenant }, { user: 'ines', tenant: tenantName() }].map((who) => server.client(who)));
  const streams = [await open(ines), await open(ines)];
  const silent = await Promise.all(others.map((other) => open(other)));
  expect(streams[0]!.status).toBe(200);
  expect(streams[0]!.header('content-type')).toMatch(/^text\/event-stream/);

  const id = await ines.initiate('core_values');
  for (const line of transcript('core_values_1')) await ines.say(id, line);
  await ines.complete(id, { feedback: 'canary-feedback' });
  await ines.untilStatus(id, 'completed');
  for (const stream of streams) {
    const event = await stream.next();
    expect(event.event).toBe('conversation.completed');
    expect(event.id).toBe(event.data.event_id);
    mustFitSchema('Event', event.data);
    expect(event.data).toMatchObject({
      type: 'conversation.completed', user_id: 'ines', tenant_id: tenant,
      data: { conversation_id: id, topic: 'core_values', status: 'completed' },
    });
    expect(Object.keys(event.data.data).sort()).toEqual(['conversation_id', 'status', 'topic']);
  }
  // What the others get is what happens to them.
  for (const [number, other] of others.entries()) {
    const abandoned = await abandon(other);
    const event = await silent[number]!.next();
    expect(event).toMatchObject({ event: 'conversation.abandoned', data: { data: { conversation_id: abandoned } } });
    expect(silent[number]!.text).not.toContain(id);
  }
  for (const stream of [...streams, ...silent]) stream.drop();
});

test('a conversation without a result is told as one that needs review', async () => {
  const user = await server.client();
  const stream = await open(user);
  const id = await user.initiate('goals');
  await user.say(id, 'Hm.');
  await user.complete(id);
  expect(await stream.next()).toMatchObject({ event: 'conversation.needs_review', data: { data: { conversation_id: id, status: 'needs_review' } } });
  stream.drop();
});

test('an analysis that was asked for as a job is told when it is done', async () => {
  const user = await server.client();
  const stream = await open(user);
  const request = { text_to_analyze: 'We bake bread by hand, and canary-text is nobody’s business.' };
  const { status, body } = await user.post('/api/v1/analysis/alignment', request, { headers: { prefer: 'respond-async' } });
  expect(status).toBe(202);
  const event = await stream.next();
  expect(event).toMatchObject({ event: 'job.completed', data: { data: { job_id: body.job_id, kind: 'analysis', topic: 'alignment', status: 'completed', error: null } } });
  expect(stream.text).not.toContain('canary-text');
  expect((await user.get(`/api/v1/analysis/${event.data.data.reference}`)).status).toBe(200);
  stream.drop();
});

describe('after a lost connection', () => {
  test('the stream goes on behind the last event seen, also with another process', async () => {
    const own = await Server.start();
    try {
      const identity = { user: 'ines', tenant: 'bakery' };
      const user = await own.client(identity);
      const stream = await open(user);
      const first = await abandon(user);
      const seen = await stream.next();
      expect(seen.data.data.conversation_id).toBe(first);
      stream.drop();
      const missed = [await abandon(user), await abandon(user)];
      const resumed = await open(user, seen.id);
      const second = await resumed.next();
      // Each abandons what the one before has left open, and its own first.
      const ids = [second.data.data.conversation_id];
      while (ids.length < 4) ids.push((await resumed.next()).data.data.conversation_id);
      expect(ids).not.toContain(first);
      expect(ids).toEqual(expect.arrayContaining(missed));
      expect(new Set(ids).size).toBe(4);
      resumed.drop();

      await own.kill();
      await own.restart();
      const again = await open(await own.client(identity), second.id);
      for (const id of ids.slice(1)) expect((await again.next()).data.data.conversation_id).toBe(id);
      again.drop();
    } finally {
      await own.stop();
    }
  });

  test('without a Last-Event-ID it begins with what happens from now on', async () => {
    const user = await server.client();
    const before = await abandon(user);
    const stream = await open(user);
    await user.initiate('vision');
    await user.initiate('vision');
    const event = await stream.next();
    expect(event.data.data).toMatchObject({ topic: 'vision' });
    expect(stream.text).not.toContain(before);
    stream.drop();
  });

  test('an id that is none is refused', async () => {
    const user = await server.client();
    for (const id of ['1.24', 'evt_', 'evt_short', 'conv_01M81PTB9GQZJ3A0T5WKCV7D2E']) {
      expectError(await user.get('/api/v1/events', { headers: { 'last-event-id': id, accept: 'text/event-stream' } }), 400, 'bad_request');
    }
  });
});

test('an administrator may listen to the whole tenant, and nobody else', async () => {
  const tenant = tenantName();
  const ines = await server.client({ user: 'ines', tenant });
  const admin = await server.client({ user: 'ada', tenant, role: 'admin' });
  const elsewhere = await server.client({ user: 'ines', tenant: tenantName() });
  const stream = await open(admin, undefined, '?scope=tenant');
  await abandon(elsewhere);
  const id = await abandon(ines);
  const event = await stream.next();
  expect(event.data).toMatchObject({ user_id: 'ines', tenant_id: tenant, data: { conversation_id: id } });
  stream.drop();
  expectError(await ines.get('/api/v1/events?scope=tenant', { headers: { accept: 'text/event-stream' } }), 403, 'forbidden');
  expectError(await server.anonymous().get('/api/v1/events', { headers: { accept: 'text/event-stream' } }), 401, 'missing_token');
});

test('a topic that is published or rolled back is told to the tenant', async () => {
  const tenant = tenantName();
  const admin = await server.client({ user: 'ada', tenant, role: 'admin' });
  const stream = await open(admin, undefined, '?scope=tenant');
  const topic = '/api/v1/admin/topics/core_values';
  const { files } = (await admin.get(topic)).body;
  const changed = { ...files, 'system.md': `${files['system.md']}\nBe brief.\n` };
  await admin.post(`${topic}/versions`, { files: changed, message: 'briefer', publish: true });
  await admin.post(`${topic}/rollback`, {});
  expect(await stream.next()).toMatchObject({ event: 'topic.published', data: { user_id: 'ada', data: { topic: 'core_values', version: 1 } } });
  expect(await stream.next()).toMatchObject({ event: 'topic.published', data: { data: { topic: 'core_values', version: 0 } } });
  stream.drop();
});

test('a user may have so many streams, and a closed one makes room', async () => {
  const user = await server.client();
  const streams = await Promise.all(Array.from({ length: 8 }, () => open(user)));
  expect(streams.map(({ status }) => status)).toEqual(Array(8).fill(200));
  const refused = await user.get('/api/v1/events', { headers: { accept: 'text/event-stream' } });
  expectError(refused, 429, 'rate_limit_exceeded');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  streams[0]!.drop();
  let again = await open(user);
  while (again.status === 429) again = await open(user);
  expect(again.status).toBe(200);
  for (const stream of [...streams.slice(1), again]) stream.drop();
});

test('a silent stream is kept alive, and one of a server that goes down ends and says when to come back', async () => {
  const own = await Server.start({ settings: withKeepAlive(30) });
  try {
    const stream = await open(await own.client());
    expect(await stream.nextComment()).toBe('keep-alive');
    expect(stream.text).toMatch(/^retry: \d+\n\n/);
    own.signal('SIGTERM');
    expect(await stream.all()).toEqual([]);
    expect(stream.ended).toBe(true);
    expect(stream.text).toMatch(/retry: \d+\n\n$/);
    expect((await own.exited()).code).toBe(0);
  } finally {
    await own.stop();
  }
});

test('nothing that was said is in an event, and no event in the log', () => {
  expect(server.stdout).not.toContain('canary');
  expect(server.stdout).not.toContain('events_failed');
});
