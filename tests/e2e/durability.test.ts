import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Client, expectError } from './client.ts';
import { FakeModel, Gate } from './fake_model.ts';
import { command, Server, temporaryFolder } from './harness.ts';
import { RawConnection } from './raw.ts';
import { type Settings, withDrainDeadline, withModel } from './settings.ts';

let model: FakeModel;
const servers: Server[] = [];

beforeAll(async () => {
  model = await FakeModel.start();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
afterAll(() => model.stop());

async function serve(settings: Settings = {}): Promise<Server> {
  const server = await Server.start({ settings: { ...withModel(model.url), ...settings } });
  servers.push(server);
  return server;
}

// The same user, after a restart on another port.
const again = (user: Client, server: Server) => new Client(server.url, user.token);
const settled = { timeout: 15_000, interval: 50 };

describe('a crash while the model is thinking', () => {
  test('loses no message, and the turn is finished exactly once after the restart', async () => {
    const server = await serve();
    model.on('crash-1', { before: () => new Promise<void>(() => {}) });
    const user = await server.client();
    const id = await user.initiate();
    const lost = user.say(id, 'crash-1: the lights went out.').catch(() => 'lost');
    await model.replyCall('crash-1');
    await server.kill();
    expect(await lost).toBe('lost');
    model.on('crash-1', { text: 'The lights are on again. What did you see?' });
    await server.restart();
    const back = again(user, server);
    expect((await back.said(id))[0]).toBe('user: crash-1: the lights went out.');
    await expect.poll(() => back.said(id), settled).toEqual([
      'user: crash-1: the lights went out.',
      'assistant: The lights are on again. What did you see?',
    ]);
    // And once only: the next turn comes right behind it.
    expect((await back.say(id, 'Then it was quiet.')).status).toBe(200);
    expect(await back.said(id)).toHaveLength(4);
    expect(model.repliesTo('crash-1')).toHaveLength(2);
  });

  test('a repeat with the same key gets the answer of the one turn', async () => {
    const server = await serve();
    model.on('crash-2', { before: () => new Promise<void>(() => {}) });
    const user = await server.client();
    const id = await user.initiate();
    const headers = { 'idempotency-key': 'k-crash' };
    const lost = user.say(id, 'crash-2: hello?', { headers }).catch(() => 'lost');
    await model.replyCall('crash-2');
    await server.kill();
    await lost;
    model.on('crash-2', { text: 'Hello. Who is there?' });
    await server.restart();
    const back = again(user, server);
    const repeats = await Promise.all(Array.from({ length: 5 }, () => back.say(id, 'crash-2: hello?', { headers })));
    expect(repeats.map(({ status, body }) => [status, body.ai_response])).toEqual(Array(5).fill([200, 'Hello. Who is there?']));
    expect(await back.said(id)).toEqual(['user: crash-2: hello?', 'assistant: Hello. Who is there?']);
    expect(model.repliesTo('crash-2')).toHaveLength(2);
  });

  test('a reader who saw half of the first attempt gets the message of the second, and no deltas', async () => {
    const server = await serve();
    model.on('crash-3', { chunks: ['The first ', 'attempt'], before: (chunk) => (chunk === 1 ? new Promise<void>(() => {}) : undefined) });
    const user = await server.client();
    const id = await user.initiate();
    const stream = await user.stream(id, 'crash-3: tell me.');
    const accepted = await stream.next();
    const delta = await stream.next();
    expect(delta.data.text).toBe('The first ');
    await server.kill();
    model.on('crash-3', { text: 'A second attempt. Better?' });
    await server.restart();
    const events = await (await again(user, server).events(id, accepted.data.turn_id, delta.id)).all();
    expect(events.map(({ event }) => event)).toEqual(['message']);
    expect(events[0]!.data.ai_response).toBe('A second attempt. Better?');
    expect(events[0]!.id).not.toBe(`${delta.id.split('.')[0]}.end`);
  });

  test('a second crash in the second attempt is no different', async () => {
    const server = await serve();
    model.on('crash-4', { before: () => new Promise<void>(() => {}) });
    const user = await server.client();
    const id = await user.initiate();
    user.say(id, 'crash-4: twice.').catch(() => {});
    await model.replyCall('crash-4', 0);
    await server.kill();
    await server.restart();
    // Whoever repeats it, or the server itself, takes the turn up again.
    again(user, server).get(`/api/v1/conversations/${id}`).catch(() => {});
    await model.replyCall('crash-4', 1);
    await server.kill();
    model.on('crash-4', { text: 'Third time lucky. Yes?' });
    await server.restart();
    const back = again(user, server);
    await expect.poll(() => back.said(id), settled).toEqual(['user: crash-4: twice.', 'assistant: Third time lucky. Yes?']);
  });

  test('a result that was being worked out is worked out after the restart', async () => {
    const server = await serve();
    const user = await server.client();
    const id = await user.initiate('purpose');
    await user.say(id, 'crash-5: I am here to try again.');
    const usual = model.structured;
    const before = model.calls.filter(({ kind, prompt }) => kind === 'structured' && prompt.includes('crash-5')).length;
    model.structured = (call) => (call.prompt.includes('crash-5') ? { before: () => new Promise<void>(() => {}) } : usual(call));
    user.complete(id).catch(() => {});
    await model.call(({ kind, prompt }) => kind === 'structured' && prompt.includes('crash-5'), before);
    await server.kill();
    model.structured = usual;
    await server.restart();
    const back = again(user, server);
    expect((await back.untilStatus(id, 'completed')).result).not.toBeNull();
  });
});

test('what was answered is there after a crash, every turn of it', async () => {
  const server = await Server.start();
  servers.push(server);
  const users = await Promise.all(Array.from({ length: 4 }, () => server.client()));
  const answered = await Promise.all(
    users.map(async (user) => {
      const id = await user.initiate('vision');
      const said: string[] = [];
      for (let turn = 1; turn <= 8; turn++) {
        const text = `In year ${turn} I see ${turn} trees in our garden.`;
        const answer = await user.say(id, text);
        said.push(`user: ${text}`, `assistant: ${answer.body.ai_response}`);
      }
      return { user, id, said };
    }),
  );
  await server.kill();
  await server.restart();
  for (const { user, id, said } of answered) expect(await again(user, server).said(id)).toEqual(said);
});

test('a crash at any moment leaves no half turn', async () => {
  const server = await Server.start();
  servers.push(server);
  const user = await server.client();
  const id = await user.initiate('vision');
  let turns = 0;
  for (let round = 0; round < 5; round++) {
    const back = again(user, server);
    const acknowledged: string[] = [];
    // Talks until the connection breaks under it; the kill comes while some turn is on its way.
    const talking = (async () => {
      for (;;) {
        const text = `turn ${++turns}`;
        const answer = await back.say(id, text, { headers: { 'idempotency-key': `k-${turns}` } }).catch(() => null);
        if (answer === null) return text;
        if (answer.status === 200) acknowledged.push(text);
        if (acknowledged.length === 3) setImmediate(() => server.signal('SIGKILL'));
      }
    })();
    await talking;
    await server.exited();
    await server.restart();
    const fresh = again(user, server);
    await expect
      .poll(async () => {
        const said = await fresh.said(id);
        return said.length % 2 === 0 && said.every((line, index) => line.startsWith(index % 2 === 0 ? 'user' : 'assistant'));
      }, settled)
      .toBe(true);
    const said = await fresh.said(id);
    for (const text of acknowledged) expect(said.filter((line) => line === `user: ${text}`)).toHaveLength(1);
  }
});

describe('on SIGTERM', () => {
  test('an open turn is finished and answered, new work is refused, and the process ends with 0', async () => {
    const server = await serve(withDrainDeadline(10_000));
    const gate = new Gate();
    model.on('drain-1', { text: 'Almost closed. One last word?', before: () => gate.opened });
    const user = await server.client();
    const id = await user.initiate();
    // Half a request from before is no idle connection: it is told what is going on.
    const late = await RawConnection.open(server.port);
    late.send(`GET /api/v1/conversations HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: late\r\n`);
    const open = user.say(id, 'drain-1: before you close.');
    await model.replyCall('drain-1');
    server.signal('SIGTERM');
    const knock = () => RawConnection.open(server.port).then((connection) => (connection.end(), 'open'), () => 'closed');
    await expect.poll(knock, settled).toBe('closed');
    late.send(`Authorization: Bearer ${user.token}\r\n\r\n`);
    const { status, body } = await late.answer();
    const { details, message, ...rest } = JSON.parse(body);
    expect({ status, ...rest }).toEqual({ status: 503, error: 'shutting_down', request_id: 'late' });
    gate.open();
    const answer = await open;
    expect(answer.status).toBe(200);
    expect(answer.body.ai_response).toBe('Almost closed. One last word?');
    expect(await server.exited()).toEqual({ code: 0, signal: null });
    await server.restart();
    expect(await again(user, server).said(id)).toEqual(['user: drain-1: before you close.', 'assistant: Almost closed. One last word?']);
  });

  test('an open stream is finished, too', async () => {
    const server = await serve(withDrainDeadline(10_000));
    const gate = new Gate();
    model.on('drain-2', { chunks: ['Going ', 'on. Are you?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const user = await server.client();
    const stream = await user.stream(await user.initiate(), 'drain-2: please go on.');
    await stream.next();
    await stream.next();
    server.signal('SIGTERM');
    gate.open();
    expect((await stream.all()).at(-1)).toMatchObject({ event: 'message', data: { ai_response: 'Going on. Are you?' } });
    expect((await server.exited()).code).toBe(0);
  });

  test('a model that does not end holds nobody up beyond the deadline, and the message waits for the next start', async () => {
    const server = await serve(withDrainDeadline(500));
    model.on('drain-3', { before: () => new Promise<void>(() => {}) });
    const user = await server.client();
    const id = await user.initiate();
    const open = user.say(id, 'drain-3: hello?').catch(() => null);
    await model.replyCall('drain-3');
    server.signal('SIGTERM');
    await server.exited();
    const answer = await open;
    if (answer !== null) expectError(answer, 503, 'shutting_down');
    model.on('drain-3', { text: 'Good morning. Did you sleep?' });
    await server.restart();
    const back = again(user, server);
    await expect.poll(() => back.said(id), settled).toEqual(['user: drain-3: hello?', 'assistant: Good morning. Did you sleep?']);
  });

  test('an idle server ends at once, with 0', async () => {
    const server = await serve();
    const idle = await RawConnection.open(server.port);
    server.signal('SIGTERM');
    expect(await server.exited()).toEqual({ code: 0, signal: null });
    await idle.untilClosed();
  });
});

describe('a store that cannot write', () => {
  test('is a 503 dependency_unavailable, readiness knows, reading goes on, and nothing is half written', async () => {
    const server = await Server.start({ fileSizeLimitKb: 2_048 });
    servers.push(server);
    const user = await server.client();
    const id = await user.initiate('goals');
    const acknowledged: string[] = [];
    let refused;
    for (let turn = 0; turn < 1_000 && refused === undefined; turn++) {
      if (turn % 20 === 0) {
        const fresh = await user.post('/api/v1/conversations/initiate', { topic: 'vision' }); // so that no turn limit comes first
        if (fresh.status === 201) acknowledged.splice(0, acknowledged.length, fresh.body.conversation_id);
        else refused = fresh;
        continue;
      }
      const answer = await user.say(acknowledged[0]!, `${turn} `.padEnd(4_000, 'x'));
      if (answer.status === 200) acknowledged.push(answer.body.message_id);
      else refused = answer;
    }
    const { details } = expectError(refused!, 503, 'dependency_unavailable');
    expect(details).toEqual({ dependency: 'store' });
    expect(refused!.text).not.toContain(server.data);
    expect((await user.get('/api/v1/health/ready')).body.dependencies.store.status).toBe('unhealthy');
    expect((await user.get('/health')).status).toBe(200);
    expect((await user.conversation(id)).status).toBe('active');
    await server.kill();
    await server.restart({ fileSizeLimitKb: undefined });
    const back = again(user, server);
    const { messages } = await back.conversation(acknowledged[0]!);
    const stored = messages.map(({ message_id }: any) => message_id);
    expect(stored).toEqual(expect.arrayContaining(acknowledged.slice(1)));
    expect((await back.say(acknowledged[0]!, 'There is room again.')).status).toBe(200);
  });

  test('because its file is no database is an error that names the file, at the start', async () => {
    const data = temporaryFolder();
    const server = await Server.start({ data });
    const user = await server.client();
    await user.initiate();
    server.signal('SIGTERM');
    await server.exited();
    const name = readdirSync(data).find((file) => /\.(db|sqlite3?)$/.test(file))!;
    const file = openSync(join(data, name), 'r+');
    writeSync(file, Buffer.alloc(8_192, 'This is no database. '), 0, 8_192, 0);
    closeSync(file);
    const { code, stdout, stderr } = await command(['serve', '--port', '0', '--data', data]);
    rmSync(data, { recursive: true });
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(name);
  });
});

test('tokens and conversations outlive a restart', async () => {
  const server = await serve();
  const user = await server.client();
  const id = await user.initiate('goals');
  const before = await user.conversation(id);
  await server.restart();
  expect(await again(user, server).conversation(id)).toEqual(before);
});
