import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, expectError, expectFaults } from './client.ts';
import { command, Server, temporaryFolder, topicsWith } from './harness.ts';
import { secret, withIssuer, withPreviousSecret, withSecret, withSecretFile, withTopics } from './settings.ts';
import { claims, now, sign, unsigned } from './tokens.ts';

const previous = 'the-secret-before-the-rotation-9876543210-abc';
const unknownId = 'conv_01M81PG4RGSGX9CQ3MWB6AFFAW';
let server: Server;

beforeAll(async () => {
  server = await Server.start({ settings: { ...withSecret(), ...withPreviousSecret(previous) } });
});
afterAll(() => server.stop());

const as = (token: string | null, at = server) => new Client(at.url, token);
const without = (name: string) => {
  const { [name]: _, ...rest } = claims();
  return rest;
};

describe('a request without a token', () => {
  test.each([
    ['GET', '/api/v1/topics'],
    ['GET', '/api/v1/topics/goals/schema'],
    ['GET', '/api/v1/conversations'],
    ['POST', '/api/v1/conversations/initiate'],
    ['POST', `/api/v1/conversations/${unknownId}/message`],
    ['GET', `/api/v1/conversations/${unknownId}`],
    ['DELETE', `/api/v1/conversations/${unknownId}`],
  ])('is a 401 missing_token: %s %s', async (method, path) => {
    const answer = await as(null).request(method, path, method === 'POST' ? {} : undefined);
    expectError(answer, 401, 'missing_token');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });
});

describe('a token is a 401 invalid_token', () => {
  const bad: [string, () => string][] = [
    ['with alg none', () => unsigned(claims(), 'none')],
    ['with alg NONE', () => unsigned(claims(), 'NONE')],
    ['with alg none and a signature', () => sign(claims(), { header: { alg: 'none' } })],
    ['without a signature', () => unsigned(claims(), 'HS256')],
    ['signed with another secret', () => sign(claims(), { key: 'some-other-secret-of-the-same-length-012345678' })],
    ['signed with an empty secret', () => sign(claims(), { key: '' })],
    ['signed with HS384 where HS256 is agreed', () => sign(claims(), { header: { alg: 'HS384' }, hash: 'sha384' })],
    ['that says RS256 and is signed with the shared secret', () => sign(claims(), { header: { alg: 'RS256' } })],
    ['that says hs256 in small letters', () => sign(claims(), { header: { alg: 'hs256' } })],
    ['without alg', () => sign(claims(), { header: { alg: undefined } })],
    ['with a header it is told to understand and does not', () => sign(claims(), { header: { crit: ['b64'], b64: true } })],
    ['that has expired', () => sign(claims({ exp: now() - 3600 }))],
    ['that is not valid yet', () => sign(claims({ nbf: now() + 3600 }))],
    ['without exp', () => sign(without('exp'))],
    ['without sub', () => sign(without('sub'))],
    ['without tenant_id', () => sign(without('tenant_id'))],
    ['with an empty sub', () => sign(claims({ sub: '' }))],
    ['with an empty tenant_id', () => sign(claims({ tenant_id: '' }))],
    ['with a sub that is a number', () => sign(claims({ sub: 42 }))],
    ['with an exp that is text', () => sign(claims({ exp: 'tomorrow' }))],
    ['whose roles are no list', () => sign(claims({ roles: 'admin, please' }))],
    ['whose payload is not JSON', () => sign('{"sub":')],
    ['whose payload is a list', () => sign([claims()])],
    ['that is no token at all', () => 'open-sesame'],
    ['with a fourth part', () => `${sign(claims())}.x`],
    ['with a payload changed after signing', () => {
      const [header, , signature] = sign(claims()).split('.');
      return `${header}.${Buffer.from(JSON.stringify(claims({ roles: ['owner'] }))).toString('base64url')}.${signature}`;
    }],
  ];

  test.each(bad)('%s', async (_, make) => {
    const answer = await as(make()).get('/api/v1/topics');
    expectError(answer, 401, 'invalid_token');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
  });

  test.each([
    ['another issuer', { iss: 'https://elsewhere.example', aud: 'purposepath' }],
    ['no issuer', { aud: 'purposepath' }],
    ['another audience', { iss: 'https://login.example', aud: 'somebody-else' }],
    ['no audience', { iss: 'https://login.example' }],
  ])('with %s, where both are configured', async (_, extra) => {
    expectError(await as(sign(claims(extra)), strict).get('/api/v1/topics'), 401, 'invalid_token');
  });

  let strict: Server;
  beforeAll(async () => {
    strict = await Server.start({ settings: { ...withSecret(), ...withIssuer('https://login.example', 'purposepath') } });
  });
  afterAll(() => strict.stop());

  test.each(['purposepath', ['somebody-else', 'purposepath']])('but not with the right issuer and audience: %s', async (aud) => {
    expect((await as(sign(claims({ iss: 'https://login.example', aud })), strict).get('/api/v1/topics')).status).toBe(200);
  });
});

describe('a token counts', () => {
  test.each([
    ['with the required claims alone', () => sign(claims())],
    ['with all claims', () => sign(claims({ email: 'ines@example.org', name: 'Ines', roles: ['user'], scopes: ['coaching'], tier: 'premium', iat: now(), nbf: now() - 1 }))],
    ['with claims nobody asked for', () => sign(claims({ favourite_bread: 'rye' }))],
    ['with the previous secret', () => sign(claims(), { key: previous })],
    ['with a type in the header', () => sign(claims(), { header: { typ: 'JWT', kid: 'irrelevant' } })],
  ])('%s', async (_, make) => {
    expect((await as(make()).get('/api/v1/topics')).status).toBe(200);
  });

  test.each(['Bearer', 'bearer', 'BEARER'])('with the scheme written %s', async (scheme) => {
    const answer = await as(null).get('/api/v1/topics', { headers: { authorization: `${scheme} ${sign(claims())}` } });
    expect(answer.status).toBe(200);
  });
});

test('a secret in a file is read again when the file changes, and its predecessor goes on', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'jwt-secret');
  writeFileSync(file, `${previous}\n`, { mode: 0o600 });
  const rotating = await Server.start({ settings: withSecretFile(file) });
  try {
    const [old, fresh] = [as(sign(claims(), { key: previous }), rotating), as(sign(claims()), rotating)];
    expect((await old.get('/api/v1/topics')).status).toBe(200);
    expectError(await fresh.get('/api/v1/topics'), 401, 'invalid_token');
    writeFileSync(file, `${secret}\n${previous}\n`);
    await expect.poll(async () => (await fresh.get('/api/v1/topics')).status, { timeout: 10_000, interval: 50 }).toBe(200);
    expect((await old.get('/api/v1/topics')).status).toBe(200);
    writeFileSync(file, `${secret}\n`);
    await expect.poll(async () => (await old.get('/api/v1/topics')).status, { timeout: 10_000, interval: 50 }).toBe(401);
    writeFileSync(file, 'too short\n');
    await expect.poll(async () => (await rotating.anonymous().get('/api/v1/health/ready')).body.dependencies.secrets.status, { timeout: 10_000, interval: 50 }).not.toBe('healthy');
    expect((await fresh.get('/api/v1/topics')).status).toBe(200);
  } finally {
    await rotating.stop();
    rmSync(folder, { recursive: true });
  }
});

test('there is no built-in secret: off the loopback address a server without one does not start', async () => {
  const folder = temporaryFolder();
  const { code, stdout, stderr } = await command(['serve', '--host', '0.0.0.0', '--port', '0', '--data', folder]);
  rmSync(folder, { recursive: true });
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/secret/i);
});

describe('what belongs to somebody else', () => {
  let id: string;
  beforeAll(async () => {
    id = await as(sign(claims())).initiate();
  });

  const strangers: [string, object][] = [
    ['another user of the tenant', { sub: 'otto' }],
    ['the same user id in another tenant', { tenant_id: 'mill' }],
    ['an owner of another tenant', { sub: 'boss', tenant_id: 'mill', roles: ['owner'] }],
  ];

  test.each(strangers)('answers like what does not exist: %s', async (_, extra) => {
    const stranger = as(sign(claims({ ...extra })));
    const calls = (conversation: string) => [
      stranger.get(`/api/v1/conversations/${conversation}`),
      stranger.say(conversation, 'May I come in?'),
      stranger.pause(conversation),
      stranger.resume(conversation),
      stranger.complete(conversation),
      stranger.cancel(conversation),
      stranger.delete(`/api/v1/conversations/${conversation}`),
      stranger.get(`/api/v1/conversations/${conversation}/turns/turn_01M81PQN00P9XT3CRGQNWE4JW0/events`),
    ];
    const [theirs, nobodys] = [await Promise.all(calls(id)), await Promise.all(calls(unknownId))];
    theirs.forEach((answer, index) => {
      const body = expectError(answer, 404, 'conversation_not_found');
      expect({ ...body, request_id: '' }).toEqual({ ...nobodys[index]!.body, request_id: '' });
    });
    expect((await stranger.get('/api/v1/conversations')).body.total).toBe(0);
    expect((await as(sign(claims())).conversation(id)).status).toBe('active');
  });

  test('cannot be had by naming another user or tenant in the body', async () => {
    const answer = await as(sign(claims())).post('/api/v1/conversations/initiate', { topic: 'goals', user_id: 'otto', tenant_id: 'mill' });
    expectFaults(answer, 'user_id', 'tenant_id');
  });
});

describe('roles', () => {
  test('are needed: a token with an empty list of roles is a 403', async () => {
    expectError(await as(sign(claims({ roles: [] }))).get('/api/v1/conversations'), 403, 'forbidden');
  });

  test.each(['user', 'coach', 'admin', 'owner'])('%s may hold a conversation', async (role) => {
    const user = as(sign(claims({ sub: `a-${role}`, roles: [role] })));
    expect((await user.post('/api/v1/conversations/initiate', { topic: 'goals' })).status).toBe(201);
  });
});

describe('tiers', () => {
  let tiered: Server;
  const topics = topicsWith('vision', { tier: 'premium' });
  beforeAll(async () => {
    tiered = await Server.start({ settings: { ...withSecret(), ...withTopics(topics) } });
  });
  afterAll(async () => {
    await tiered.stop();
    rmSync(topics, { recursive: true });
  });

  const visionOf = async (tier: string | undefined) => {
    const user = as(sign(claims(tier ? { tier } : {})), tiered);
    const listed = (await user.get('/api/v1/topics')).body.topics.some(({ id }: any) => id === 'vision');
    return { listed, answer: await user.post('/api/v1/conversations/initiate', { topic: 'vision' }) };
  };

  test.each([undefined, 'free', 'basic'])('below that of a topic are a 403, and do not see it: %s', async (tier) => {
    const { listed, answer } = await visionOf(tier);
    expect(listed).toBe(false);
    expectError(answer, 403, 'forbidden');
  });

  test.each(['premium', 'ultimate'])('%s may take a premium topic', async (tier) => {
    const { listed, answer } = await visionOf(tier);
    expect(listed).toBe(true);
    expect(answer.status).toBe(201);
  });
});
