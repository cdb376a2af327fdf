// Events that are delivered to a server of the tenant's, checked there with the specification's own library.
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository } from './binary.ts';
import { type Answer, type Client, expectError, expectFaults } from './client.ts';
import { mustFitSchema } from './contract.ts';
import { command, Server } from './harness.ts';
import { withSecret, withWebhooks } from './settings.ts';

const path = '/api/v1/admin/webhooks';

interface Delivery {
  path: string;
  headers: Record<string, string>;
  body: string;
}

// The tenant's server: answers by `script`, in turn; then with 204.
class Receiver {
  readonly deliveries: Delivery[] = [];
  script: { status: number; headers?: Record<string, string>; hold?: boolean }[] = [];
  private readonly news = new EventEmitter().setMaxListeners(0);

  private constructor(private readonly server: HttpServer) {
    server.on('request', async (request, response) => {
      let body = '';
      for await (const part of request.setEncoding('utf8')) body += part;
      this.deliveries.push({ path: request.url!, headers: request.headers as Record<string, string>, body });
      const { status, headers, hold } = this.script.shift() ?? { status: 204 };
      this.news.emit('delivery');
      if (!hold) response.writeHead(status, headers).end();
    });
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Receiver(server);
  }

  get authority(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  // The number-th delivery (from 1), once it has come.
  async delivery(number: number): Promise<Delivery> {
    while (this.deliveries.length < number) await once(this.news, 'delivery');
    return this.deliveries[number - 1]!;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

let receiver: Receiver;
let server: Server;
let admin: Client;
let user: Client;
beforeEach(async () => {
  receiver = await Receiver.start();
  server = await Server.start({ settings: withWebhooks(receiver.authority, 20) });
  admin = await server.client({ user: 'ada', tenant: 'bakery', role: 'admin' });
  user = await server.client({ user: 'ines', tenant: 'bakery' });
});
afterEach(async () => {
  await server.stop();
  await receiver.stop();
});

const register = async (events: string[] = ['*'], url = `http://${receiver.authority}/hooks?key=canary-key`): Promise<Answer> =>
  admin.post(path, { url, events });

// Something to report: a conversation that is abandoned for a newer one.
async function abandon(who = user): Promise<string> {
  const id = await who.initiate('purpose');
  await who.initiate('purpose');
  return id;
}

test('an event is delivered once, and verified by the library of the specification', async () => {
  const { status, body, text } = await register();
  expect(status, text).toBe(201);
  mustFitSchema('CreatedWebhook', body);
  const id = await abandon();
  const { headers, body: sent, path: where } = await receiver.delivery(1);
  expect(where).toBe('/hooks?key=canary-key');
  const event: any = new Webhook(body.secret).verify(sent, headers);
  mustFitSchema('Event', event);
  expect(event).toMatchObject({ type: 'conversation.abandoned', tenant_id: 'bakery', user_id: 'ines', data: { conversation_id: id } });
  expect(headers['webhook-id']).toBe(event.event_id);
  expect(headers['content-type']).toMatch(/^application\/json/);

  const other = (await register()).body.secret;
  expect(() => new Webhook(other).verify(sent, headers)).toThrow(/signature/i);
  expect(() => new Webhook(body.secret).verify(sent.replace('ines', 'otto'), headers)).toThrow(/signature/i);
  expect(server.stdout + server.stderr).not.toContain('canary');
  expect(server.stdout + server.stderr).not.toContain('whsec_');
});

test('docs/webhooks.md: what is to be written by hand says yes to ours and no to others', async () => {
  const { secret } = (await register()).body;
  await abandon();
  const { headers, body } = await receiver.delivery(1);
  const code = /```py\n([\s\S]*?)```/.exec(readFileSync(join(repository, 'docs', 'webhooks.md'), 'utf8'))![1]!;
  const says = (...delivery: [string, Record<string, string>, string]): string =>
    execFileSync('python3', ['-c', `${code}\nimport json, sys\nsecret, headers, body = json.load(sys.stdin)\nprint(is_ours(secret, headers, body.encode()))`], {
      input: JSON.stringify(delivery), encoding: 'utf8',
    }).trim();
  expect(says(secret, headers, body)).toBe('True');
  expect(says(secret, headers, `${body} `)).toBe('False');
  expect(says(secret, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 600) }, body)).toBe('False');
  expect(says((await register()).body.secret, headers, body)).toBe('False');
});

test('what fails twice is delivered at the third attempt, with the same id and body', async () => {
  receiver.script = [{ status: 503 }, { status: 500, headers: { 'retry-after': '0' } }];
  const { secret } = (await register()).body;
  await abandon();
  const last = await receiver.delivery(3);
  const ids = new Set(receiver.deliveries.map(({ headers }) => headers['webhook-id']));
  expect(ids.size).toBe(1);
  expect(new Set(receiver.deliveries.map(({ body }) => body)).size).toBe(1);
  new Webhook(secret).verify(last.body, last.headers);
  const line = await server.logLine(({ event, attempt }) => event === 'job_failed' && attempt === 2);
  expect(line).toMatchObject({ kind: 'webhook', outcome: 'postponed', reason: 'the endpoint answered 500' });
});

test('a server that is killed in between delivers it when it is back', async () => {
  receiver.script = [{ status: 200, hold: true }];
  const { secret } = (await register()).body;
  await abandon();
  const first = await receiver.delivery(1);
  await server.kill();
  await server.restart();
  const again = await receiver.delivery(2);
  expect(again.headers['webhook-id']).toBe(first.headers['webhook-id']);
  expect(again.body).toBe(first.body);
  new Webhook(secret).verify(again.body, again.headers);
});

test('a 410 switches a webhook off, and a deleted one gets nothing more', async () => {
  receiver.script = [{ status: 410 }];
  const gone = (await register()).body.webhook_id;
  await abandon();
  await receiver.delivery(1);
  await server.logLine(({ event, webhook_id }) => event === 'webhook_switched_off' && webhook_id === gone);
  const { webhooks } = (await admin.get(path)).body;
  expect(webhooks).toMatchObject([{ webhook_id: gone, enabled: false, disabled_reason: 'gone' }]);
  expect(JSON.stringify(webhooks)).not.toContain('whsec_');

  const second = (await register(['*'], `http://${receiver.authority}/second`)).body.webhook_id;
  const third = (await register(['*'], `http://${receiver.authority}/third`)).body.webhook_id;
  expect((await admin.delete(`${path}/${second}`)).status).toBe(204);
  expectError(await admin.delete(`${path}/${second}`), 404, 'not_found');
  await abandon();
  expect((await receiver.delivery(2)).path).toBe('/third');
  expect((await admin.get(path)).body.webhooks.map(({ webhook_id }: any) => webhook_id)).toEqual([gone, third]);
  const { entries } = (await admin.get('/api/v1/admin/audit')).body;
  expect(entries.map(({ act }: any) => act)).toEqual(['webhook.delete', 'webhook.register', 'webhook.register', 'webhook.register']);
  expect(JSON.stringify(entries)).not.toMatch(/whsec_|127\.0\.0\.1/);
});

test('a secret is replaced without a gap', async () => {
  const { secret, webhook_id } = (await register()).body;
  const rotated = await admin.post(`${path}/${webhook_id}/rotate`);
  expect(rotated.status, rotated.text).toBe(200);
  expect(rotated.body.secret).not.toBe(secret);
  await abandon();
  const { headers, body } = await receiver.delivery(1);
  for (const valid of [secret, rotated.body.secret]) new Webhook(valid).verify(body, headers);
  expectError(await user.post(`${path}/${webhook_id}/rotate`), 403, 'forbidden');
  expectError(await admin.post(`${path}/whk_01M81PTB9GQZJ3A0T5WKCV7D2E/rotate`), 404, 'not_found');
});

test('a tenant gets its own events alone, of the types it asked for', async () => {
  await register(['conversation.needs_review']);
  const stranger = await server.client({ user: 'mia', tenant: 'brewery' });
  await abandon(stranger);
  await abandon();
  const id = await user.initiate('goals');
  await user.say(id, 'Hm.');
  await user.complete(id);
  const { body } = await receiver.delivery(1);
  expect(JSON.parse(body)).toMatchObject({ type: 'conversation.needs_review', tenant_id: 'bakery', data: { conversation_id: id } });
});

describe('an endpoint', () => {
  test('is an administrator’s to register, with what the contract wants', async () => {
    expectError(await user.post(path, { url: 'https://example.com/', events: ['*'] }), 403, 'forbidden');
    expectError(await user.get(path), 403, 'forbidden');
    expectFaults(await admin.post(path, { events: ['*'] }), 'url');
    expectFaults(await admin.post(path, { url: 'https://example.com/', events: [] }), 'events');
    expectFaults(await admin.post(path, { url: 'https://example.com/', events: ['conversation.imagined'] }), 'events[0]');
  });

  test.each(['http://127.0.0.1/', 'https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/latest', 'https://2130706433/', 'https://localhost/', 'https://u:p@example.com/', 'ftp://example.com/', 'nonsense'])(
    'must lead to the public Internet: not %s',
    async (url) => {
      expectFaults(await admin.post(path, { url, events: ['*'] }), 'url');
      expect((await admin.get(path)).body.webhooks).toEqual([]);
    },
  );

  test('whose name leads inside is asked nothing', async () => {
    // Resolves to this machine, which only the connection finds out.
    expect((await register(['*'], 'https://ip6-localhost/')).status).toBe(201);
    await abandon();
    const line = await server.logLine(({ event }) => event === 'job_failed');
    expect(line.reason).toMatch(/^the endpoint could not be reached \((refused|dns)\)$/);
  });
});

test('outside development https is needed, and production allows no private address', async () => {
  const staging = await Server.start({ settings: { ...withSecret(), PURPOSEPATH_STAGE: 'staging' } });
  try {
    const ada = await staging.client({ tenant: 'bakery', role: 'admin' });
    expectFaults(await ada.post(path, { url: 'http://example.com/', events: ['*'] }), 'url');
    expect((await ada.post(path, { url: 'https://example.com/', events: ['*'] })).status).toBe(201);
  } finally {
    await staging.stop();
  }
  const refused = await command(['serve', '--port', '0'], { ...withSecret(), ...withWebhooks('127.0.0.1:1', 20), PURPOSEPATH_STAGE: 'production' });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('webhooks.allow_private');
});
