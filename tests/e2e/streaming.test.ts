import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, expectError } from './client.ts';
import { mustFitSchema } from './contract.ts';
import { FakeModel, Gate } from './fake_model.ts';
import { Server } from './harness.ts';
import { withFirstTokenTimeout, withKeepAlive, withModel, withResumeGrace, withTotalTimeout } from './settings.ts';
import { EventStream, replyOf, type StreamEvent } from './sse.ts';

let model: FakeModel;
let server: Server;

beforeAll(async () => {
  model = await FakeModel.start();
  server = await Server.start({ settings: { ...withModel(model.url), ...withFirstTokenTimeout(1_500) } });
});
afterAll(async () => {
  await server.stop();
  await model.stop();
});

async function begin() {
  const user = await server.client();
  return { user, id: await user.initiate() };
}

const bytes = (text: string) => Buffer.byteLength(text, 'utf8');

// What must hold of every stream, whoever the model is.
function expectOrderly(events: StreamEvent[]): void {
  const [accepted, ...rest] = events;
  expect(accepted!.event).toBe('accepted');
  mustFitSchema('AcceptedEvent', accepted!.data);
  const attempt = accepted!.id.split('.')[0]!;
  expect(accepted!.id).toBe(`${attempt}.0`);
  expect(attempt).toMatch(/^[1-9][0-9]*$/);
  const last = rest.at(-1)!;
  expect(last.event).toBe('message');
  expect(last.id).toBe(`${attempt}.end`);
  mustFitSchema('MessageResponse', last.data);
  let offset = 0;
  for (const delta of rest.slice(0, -1)) {
    expect(delta.event).toBe('delta');
    mustFitSchema('DeltaEvent', delta.data);
    offset += bytes(delta.data.text);
    expect(delta.id).toBe(`${attempt}.${offset}`);
  }
  expect(replyOf(events)).toBe(last.data.ai_response);
}

describe('a streamed turn', () => {
  test('is accepted, comes in pieces that make the reply, and ends with the whole message', async () => {
    const gate = new Gate();
    model.on('river', { chunks: ['A river ', 'keeps going. ', 'What keeps you going?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const { user, id } = await begin();
    const stream = await user.stream(id, 'I think of a river.');
    expect(stream.status).toBe(200);
    expect(stream.header('content-type')).toMatch(/^text\/event-stream/);
    expect(stream.header('cache-control')).toMatch(/no-(cache|store)/);
    await stream.untilReply('A river ');
    gate.open();
    const events = await stream.all();
    expectOrderly(events);
    expect(stream.ended).toBe(true);
    expect(events.filter(({ event }) => event === 'delta').length).toBeGreaterThan(1);
    expect(events.at(-1)!.data.ai_response).toBe('A river keeps going. What keeps you going?');
    const { messages } = await user.conversation(id);
    expect(messages.at(-2).message_id).toBe(events[0]!.data.message_id);
    expect(messages.at(-1).message_id).toBe(events.at(-1)!.data.message_id);
  });

  test('with the offline coach is no different', async () => {
    const offline = await Server.start();
    try {
      const user = await offline.client();
      const stream = await user.stream(await user.initiate('purpose'), 'I mend things that others throw away.');
      expectOrderly(await stream.all());
    } finally {
      await offline.stop();
    }
  });

  test('stores the message before the model has said a word, and passes on each word at once', async () => {
    const [first, second] = [new Gate(), new Gate()];
    model.on('patient', { chunks: ['One. ', 'Two?'], before: (chunk) => [first, second][chunk]?.opened });
    const { user, id } = await begin();
    const stream = await user.stream(id, 'Be patient with me.');
    const accepted = await stream.next();
    expect(accepted.event).toBe('accepted');
    const { messages } = await user.conversation(id);
    expect(messages.at(-1)).toMatchObject({ role: 'user', content: 'Be patient with me.', message_id: accepted.data.message_id });
    first.open();
    expect((await stream.next()).data).toEqual({ text: 'One. ' });
    second.open();
    expectOrderly(await stream.all());
  });

  test('counts ids in bytes of UTF-8, and never breaks a character', async () => {
    const text = 'Schön 👩‍👩‍👧 – שלום. Was trägt dich?';
    const event = Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })}\n\n`);
    // Each byte in a packet of its own.
    model.on('umlaut', { chunks: [...event].map((byte) => Buffer.from([byte])), before: () => new Promise((resolve) => setImmediate(resolve)) });
    const { user, id } = await begin();
    const events = await (await user.stream(id, 'Ein umlaut, bitte.')).all();
    expectOrderly(events);
    expect(events.at(-1)!.data.ai_response).toBe(text);
  });

  test('with an Idempotency-Key is told again to whoever repeats it, and the model is asked once', async () => {
    model.on('echo chamber', { text: 'Once more? What for?' });
    const { user, id } = await begin();
    const headers = { 'idempotency-key': 'k-stream' };
    const first = await (await user.stream(id, 'An echo chamber.', headers)).all();
    const again = await (await user.stream(id, 'An echo chamber.', headers)).all();
    expect(again.at(-1)).toEqual(first.at(-1));
    expect(again[0]).toEqual(first[0]);
    expect((await user.say(id, 'An echo chamber.', { headers })).body).toEqual(first.at(-1)!.data);
    expect(model.repliesTo('echo chamber')).toHaveLength(1);
  });
});

test('a stream is kept open by comments while the model is silent', async () => {
  const chatty = await Server.start({ settings: { ...withModel(model.url), ...withKeepAlive(200) } });
  try {
    const gate = new Gate();
    model.on('long thought', { chunks: ['There. ', 'And you?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const user = await chatty.client();
    const stream = await user.stream(await user.initiate(), 'A long thought, please.');
    await stream.untilReply('There. ');
    const silent = performance.now();
    for (let comments = 0; comments < 3; comments++) expect((await stream.nextComment()).trim()).toBe('keep-alive');
    expect(performance.now() - silent).toBeGreaterThan(350);
    gate.open();
    expectOrderly(await stream.all());
  } finally {
    await chatty.stop();
  }
});

describe('after a lost connection', () => {
  test('the stream goes on behind the last event seen, without a gap and without a repeat', async () => {
    const gate = new Gate();
    model.on('tunnel', { chunks: ['Into the ', 'tunnel ', 'and ', 'out. ', 'What do you see?'], before: (chunk) => (chunk === 2 ? gate.opened : undefined) });
    const { user, id } = await begin();
    const stream = await user.stream(id, 'We come to a tunnel.');
    const accepted = await stream.next();
    const seen = await stream.untilReply('Into the tunnel ');
    stream.drop();
    const resumed = await user.events(id, accepted.data.turn_id, seen.at(-1)!.id);
    expect(resumed.status).toBe(200);
    gate.open();
    const rest = await resumed.all();
    expect(rest.every(({ event }) => event !== 'accepted')).toBe(true);
    expectOrderly([accepted, ...seen, ...rest]);
    expect(model.repliesTo('tunnel')).toHaveLength(1);
    expect((await user.said(id)).at(-1)).toBe('assistant: Into the tunnel and out. What do you see?');
  });

  test('a reader that comes when all is over gets the rest, too', async () => {
    const gate = new Gate();
    model.on('too late', { chunks: ['It is ', 'never ', 'too late. ', 'Is it?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const { user, id } = await begin();
    const stream = await user.stream(id, 'I am too late.');
    const { turn_id } = (await stream.next()).data;
    const [first] = await stream.untilReply('It is ');
    gate.open();
    const events = await stream.all();
    const rest = await (await user.events(id, turn_id, first!.id)).all();
    expect(replyOf([first!, ...rest])).toBe('It is never too late. Is it?');
    expect(replyOf(rest)).not.toBe('');
    expect(rest.at(-1)).toEqual(events.at(-1));
    expect(await (await user.events(id, turn_id, events.at(-2)!.id)).all()).toEqual([events.at(-1)]);
  });

  test('a reader without Last-Event-ID gets the turn from its beginning', async () => {
    model.on('from the top', { chunks: ['All ', 'of ', 'it?'] });
    const { user, id } = await begin();
    const events = await (await user.stream(id, 'Once from the top.')).all();
    const again = await (await user.events(id, events[0]!.data.turn_id)).all();
    expectOrderly(again);
    expect(again[0]).toEqual(events[0]);
    expect(again.at(-1)).toEqual(events.at(-1));
  });

  test('several readers at once get the same reply', async () => {
    const gate = new Gate();
    model.on('choir', { chunks: ['We ', 'sing ', 'together. Shall we?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const { user, id } = await begin();
    const stream = await user.stream(id, 'Like a choir.');
    const { turn_id } = (await stream.next()).data;
    const others = await Promise.all(Array.from({ length: 5 }, () => user.events(id, turn_id)));
    gate.open();
    for (const reader of [stream, ...others]) expectOrderly(await reader.all());
    expect(model.repliesTo('choir')).toHaveLength(1);
  });

  test('an offset that is no event of the turn still leads to the whole message', async () => {
    const { user, id } = await begin();
    const events = await (await user.stream(id, 'Anything.')).all();
    for (const last of ['1.999999', '7.3']) {
      const rest = await (await user.events(id, events[0]!.data.turn_id, last)).all();
      expect(rest.at(-1)).toMatchObject({ event: 'message', data: events.at(-1)!.data });
      expect(rest.filter(({ event }) => event === 'delta')).toEqual([]);
    }
  });

  test.each(['abc', '1', '1.-2', '1.2.3', 'x'.repeat(40)])('a malformed Last-Event-ID is a 400 bad_request: %s', async (last) => {
    const { user, id } = await begin();
    const [accepted] = await (await user.stream(id, 'Hello.')).all();
    const answer = await user.get(`/api/v1/conversations/${id}/turns/${accepted!.data.turn_id}/events`, { headers: { 'last-event-id': last } });
    expectError(answer, 400, 'bad_request');
  });

  test('a turn that does not exist is a 404, like one of somebody else', async () => {
    const { user, id } = await begin();
    for (const turn of ['turn_01M81PQN00P9XT3CRGQNWE4JW0', 'turn_nonsense', id]) {
      expectError(await user.get(`/api/v1/conversations/${id}/turns/${turn}/events`), 404, 'not_found');
    }
    const [accepted] = await (await user.stream(id, 'Mine alone.')).all();
    const { user: stranger, id: theirs } = await begin();
    const path = (conversation: string) => `/api/v1/conversations/${conversation}/turns/${accepted!.data.turn_id}/events`;
    expectError(await stranger.get(path(id)), 404, 'conversation_not_found');
    expectError(await stranger.get(path(theirs)), 404, 'not_found');
  });
});

describe('a client that goes away', () => {
  let hasty: Server;
  beforeAll(async () => {
    hasty = await Server.start({ settings: { ...withModel(model.url), ...withResumeGrace(100) } });
  });
  afterAll(() => hasty.stop());

  test('and does not come back cancels the call to the model in the end, and the message is kept', async () => {
    model.on('never mind', { before: () => new Promise<void>(() => {}) });
    const user = await hasty.client();
    const id = await user.initiate();
    const abort = new AbortController();
    const answer = user.say(id, 'Oh, never mind.', { signal: abort.signal }).catch(() => 'aborted');
    const call = await model.replyCall('never mind');
    abort.abort();
    expect(await answer).toBe('aborted');
    await call.closed;
    expect(call.finished).toBe(false);
    expect((await user.said(id))[0]).toBe('user: Oh, never mind.');
    await expect.poll(async () => (await user.say(id, 'Still there?')).status, { timeout: 10_000 }).toBe(200);
  });

  test('in the middle of a stream, and does not come back, cancels the call as well', async () => {
    model.on('hanging up', { chunks: ['Are ', 'you there?'], before: (chunk) => (chunk === 1 ? new Promise<void>(() => {}) : undefined) });
    const user = await hasty.client();
    const id = await user.initiate();
    const stream = await user.stream(id, 'I am hanging up.');
    expect((await stream.next()).event).toBe('accepted');
    expect((await stream.next()).event).toBe('delta');
    stream.drop();
    const call = await model.replyCall('hanging up');
    await call.closed;
    expect(call.finished).toBe(false);
    await expect.poll(() => user.said(id)).toEqual(['user: I am hanging up.']);
  });

  test('with an Idempotency-Key can come back for its answer', async () => {
    const gate = new Gate();
    model.on('back soon', { text: 'Welcome back. Shall we?', before: () => gate.opened });
    const { user, id } = await begin();
    const headers = { 'idempotency-key': 'k-back' };
    const abort = new AbortController();
    const answer = user.say(id, 'I am back soon.', { headers, signal: abort.signal }).catch(() => 'aborted');
    await model.replyCall('back soon');
    abort.abort();
    expect(await answer).toBe('aborted');
    const again = user.say(id, 'I am back soon.', { headers });
    gate.open();
    expect((await again).body.ai_response).toBe('Welcome back. Shall we?');
    expect(model.repliesTo('back soon')).toHaveLength(1);
    expect(await user.said(id)).toHaveLength(2);
  });
});

describe('a model that fails', () => {
  type Failure = [string, Parameters<FakeModel['on']>[1], number, string];
  const failures: Failure[] = [
    ['refuses the request', { status: 400 }, 502, 'llm_error'],
    ['refuses the key', { status: 401 }, 502, 'llm_error'],
    ['answers with HTML', { status: 200, body: '<html>Welcome to nginx</html>' }, 502, 'llm_error'],
    ['answers with other JSON', { status: 200, body: '{"choices": []}' }, 502, 'llm_error'],
    ['says no word', { text: ' ' }, 502, 'llm_error'],
    ['is overloaded', { status: 503 }, 503, 'llm_unavailable'],
    ['breaks off in the middle', { text: 'I was about to', cutAfter: 2 }, 503, 'llm_unavailable'],
  ];
  const raw = (json: object | string) => ['Well, ', Buffer.from(`data: ${typeof json === 'string' ? json : JSON.stringify(json)}\n\n`)];
  const streamFailures: Failure[] = [
    ...failures,
    ['sends garbage in its stream', { chunks: raw('{"choices": [{]}') }, 502, 'llm_error'],
    ['sends an error in its stream', { chunks: raw({ error: { message: 'canary-upstream', code: 'context_length_exceeded' } }) }, 502, 'llm_error'],
    ['is overloaded in its stream', { chunks: raw({ error: { message: 'canary-upstream', type: 'server_error' } }) }, 503, 'llm_unavailable'],
    ['says nothing', { before: () => new Promise<void>(() => {}) }, 504, 'llm_timeout'],
  ];

  // The message is kept, and the same key tries again.
  async function recovers(user: Client, id: string, marker: string, headers: Record<string, string>): Promise<void> {
    expect(await user.said(id)).toEqual([`user: ${marker}`]);
    model.on(marker, { text: 'Better now. And you?' });
    expect((await user.say(id, marker, { headers })).body.ai_response).toBe('Better now. And you?');
    expect(await user.said(id)).toEqual([`user: ${marker}`, 'assistant: Better now. And you?']);
  }

  test.each(failures)('%s: the error says so, the message is kept, and the same key tries again', async (what, script, status, code) => {
    const marker = `failing: ${what}.`;
    model.on(marker, script);
    const { user, id } = await begin();
    const headers = { 'idempotency-key': 'k-retry' };
    const answer = await user.say(id, marker, { headers });
    const { message } = expectError(answer, status, code);
    expect(message).not.toContain('canary-upstream');
    await recovers(user, id, marker, headers);
  });

  test.each(streamFailures)('%s: the stream ends with an error event, the message is kept, and the same key tries again', async (what, script, _, code) => {
    const marker = `failing in a stream: ${what}.`;
    model.on(marker, script);
    const { user, id } = await begin();
    const headers = { 'idempotency-key': 'k-retry' };
    const stream = await user.stream(id, marker, headers);
    const events = await stream.all();
    expect(stream.ended).toBe(true);
    const last = events.at(-1)!;
    expect(last).toMatchObject({ event: 'error', id: '1.error', data: { error: code } });
    mustFitSchema('Error', last.data);
    expect(last.data.message).not.toContain('canary-upstream');
    expect(events.some(({ event }) => event === 'message')).toBe(false);
    await recovers(user, id, marker, headers);
  });

  test('says nothing for as long as a whole answer may take: the error says so, the message is kept, and the same key tries again', async () => {
    const impatient = await Server.start({ settings: { ...withModel(model.url), ...withTotalTimeout(1_000) } });
    try {
      const marker = 'failing: silent for too long.';
      const user = await impatient.client();
      const id = await user.initiate();
      model.on(marker, { before: () => new Promise<void>(() => {}) });
      const headers = { 'idempotency-key': 'k-retry' };
      expectError(await user.say(id, marker, { headers }), 504, 'llm_timeout');
      await recovers(user, id, marker, headers);
    } finally {
      await impatient.stop();
    }
  });

  test('once and then recovers is not even noticed', async () => {
    let calls = 0;
    model.on('hiccup', () => (calls++ === 0 ? { status: 503, headers: { 'retry-after': '0' } } : { text: 'Fine. What now?' }));
    const { user, id } = await begin();
    expect((await user.say(id, 'A hiccup.')).body.ai_response).toBe('Fine. What now?');
    expect(calls).toBe(2);
  });

  test('that cannot be reached at all is a 503 llm_unavailable, and readiness knows', async () => {
    const gone = await FakeModel.start();
    const lonely = await Server.start({ settings: withModel(gone.url) });
    try {
      const user = await lonely.client();
      const id = await user.initiate();
      await gone.stop();
      expectError(await user.say(id, 'Anybody?'), 503, 'llm_unavailable');
      expect(await user.said(id)).toEqual(['user: Anybody?']);
      expect((await user.get('/health')).status).toBe(200);
      await expect.poll(async () => (await user.get('/api/v1/health/ready')).status, { timeout: 10_000 }).toBe(503);
    } finally {
      await lonely.stop();
    }
  });
});

describe('what is wrong with the request', () => {
  test('is answered before a stream begins, as JSON', async () => {
    const { user, id } = await begin();
    const open = async (body: string, conversation = id) => {
      const stream = await EventStream.open(`${server.url}/api/v1/conversations/${conversation}/message`, {
        method: 'POST',
        headers: user.headers({ accept: 'text/event-stream', 'content-type': 'application/json' }),
        body,
      });
      await stream.all();
      return [stream.status, JSON.parse(stream.text).error];
    };
    expect(await open('{"user_message": ""}')).toEqual([422, 'validation_error']);
    expect(await open('{')).toEqual([400, 'bad_request']);
    expect(await open('{"user_message": "Hi."}', 'conv_01M81PG4RGSGX9CQ3MWB6AFFAW')).toEqual([404, 'conversation_not_found']);
    await user.cancel(id);
    expect(await open('{"user_message": "Hi."}')).toEqual([409, 'conversation_not_active']);
  });
});
