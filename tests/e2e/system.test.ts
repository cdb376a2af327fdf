import { readdirSync, readFileSync, statSync } from 'node:fs';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, expectError } from './client.ts';
import { document, mustFitSchema, operations } from './contract.ts';
import { Server } from './harness.ts';
import { lintContract } from './lint_openapi.mjs';
import { RawConnection } from './raw.ts';
import { withReadTimeouts, withOrigins } from './settings.ts';

const page = 'https://coach.example';
let server: Server;
let anyone: Client;

beforeAll(async () => {
  server = await Server.start({ settings: { ...withOrigins(page), ...withReadTimeouts(400) } });
  anyone = server.anonymous();
});
afterAll(() => server.stop());

describe('the contract', () => {
  test('passes the linter', async () => {
    expect(await lintContract()).toEqual([]);
  });

  test('has only schemas that draft 7 of JSON Schema understands', () => {
    const known = new Set(
      'type enum const properties required additionalProperties items minItems maxItems minLength maxLength pattern format minimum maximum maxProperties anyOf $ref description default x-trim'.split(' '),
    );
    const unknown: string[] = [];
    const look = (schema: any, where: string): void => {
      for (const key of Object.keys(schema)) if (!known.has(key)) unknown.push(`${where}: ${key}`);
      if (schema.$ref && !schema.$ref.startsWith('#/components/schemas/')) unknown.push(`${where}: ${schema.$ref}`);
      for (const [name, inner] of Object.entries(schema.properties ?? {})) look(inner, `${where}.${name}`);
      for (const inner of schema.anyOf ?? []) look(inner, where);
      for (const inner of [schema.items, schema.additionalProperties]) if (typeof inner === 'object') look(inner, `${where}[]`);
    };
    for (const [name, schema] of Object.entries(document.components.schemas)) look(schema, name);
    expect(unknown).toEqual([]);
    const ajv = addFormats(new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }));
    ajv.addVocabulary(['components', 'x-trim']);
    ajv.addSchema({ $id: 'x', components: { schemas: document.components.schemas } } as object, 'x');
    for (const name of Object.keys(document.components.schemas)) expect(() => ajv.compile({ $ref: `x#/components/schemas/${name}` })).not.toThrow();
  });

  test('shows an example of each error code that an operation can answer', () => {
    const shown = new Set<string>();
    for (const response of Object.values<any>(document.components.responses)) {
      for (const { value } of Object.values<any>(response.content?.['application/json']?.examples ?? {})) {
        mustFitSchema('Error', value);
        shown.add(value.error);
      }
    }
    expect([...shown].sort()).toEqual([...document.components.schemas.ErrorCode.enum].sort());
  });

  test('says of each operation how it is limited, and who may call it', () => {
    for (const { path, method } of operations) {
      const operation = document.paths[path][method];
      expect(['initiate', 'analysis', 'default', 'none']).toContain(operation['x-rate-limit']);
      expect(operation['x-public'] === true).toBe(operation.security?.length === 0);
      expect(operation['x-public'] === true).toBe(operation['x-role'] === undefined);
    }
  });

  test('is what the server serves', async () => {
    const { status, body } = await anyone.get('/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    expect(body.paths).toMatchObject(document.paths); // and a path for each analysis
    expect(body.components).toEqual(document.components);
  });
});

describe('system endpoints', () => {
  test('the root tells the name and where to go', async () => {
    const { status, body } = await anyone.get('/', { headers: { accept: 'application/json' } });
    expect(status).toBe(200);
    for (const path of Object.values<string>(body.links)) expect((await fetch(server.url + path)).status, path).toBe(path.startsWith('/api/v1/conv') || path.startsWith('/api/v1/topics') ? 401 : 200);
  });

  test.each(['/health', '/api/v1/health'])('%s says that the process is alive', async (path) => {
    const { status, body } = await anyone.get(path);
    expect(status).toBe(200);
    expect(body.uptime_s).toBeLessThan(60);
  });

  test('readiness names each dependency', async () => {
    const { status, body } = await anyone.get('/api/v1/health/ready');
    expect(status).toBe(200);
    expect(body.dependencies.store.status).toBe('healthy');
    expect(body.dependencies.store.latency_ms).toBeGreaterThanOrEqual(0);
    expect(body.dependencies.business_api).toEqual({ status: 'not_configured' });
  });

  test('metrics are in the text format of Prometheus, and count', async () => {
    const text = (await anyone.get('/metrics')).body as string;
    const line = /^(# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+|[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? ([-+]?[0-9.eE+-]+|[+-]Inf|NaN)( \d+)?)$/;
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((each) => !line.test(each))).toEqual([]);
    const total = (metrics: string) =>
      metrics.split('\n').filter((each) => /^purposepath_http_requests_total/.test(each)).reduce((sum, each) => sum + Number(each.split(' ').at(-1)), 0);
    await anyone.get('/health');
    expect(total((await anyone.get('/metrics')).body)).toBeGreaterThanOrEqual(total(text) + 1);
  });

  test('the documentation page needs nothing from outside', async () => {
    const page = await fetch(`${server.url}/docs`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    const text = await page.text();
    expect(text).toContain('<title>PurposePath API</title>');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!).filter((url) => !url.startsWith('data:'));
    expect(files).toContain('/docs/docs.js');
    expect(files).toContain('/docs/docs.css');
    for (const file of files) {
      expect(file).toMatch(/^\/(?!\/)/);
      expect((await fetch(server.url + file)).status, file).toBe(200);
    }
    expect((await fetch(`${server.url}/docs/docs.js`)).headers.get('content-type')).toMatch(/javascript/);
    expect((await fetch(`${server.url}/docs/docs.css`)).headers.get('content-type')).toMatch(/^text\/css/);
  });

  test.each(['/docs/no-such-file.js', '/docs/../openapi.yaml', '/docs/..%2f..%2fetc%2fpasswd', '/docs/%2e%2e/secret'])('%s is not there', async (path) => {
    const raw = await RawConnection.open(server.port);
    raw.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const { status, body } = await raw.answer();
    expect([status, JSON.parse(body).error]).toEqual([404, 'not_found']);
    raw.end();
  });
});

describe('every answer', () => {
  test('has a request id of the server', async () => {
    expect((await anyone.get('/health')).headers.get('x-request-id')).toMatch(/^req_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  test('has the request id of the caller when it is well-formed', async () => {
    const answer = await anyone.get('/nowhere', { headers: { 'x-request-id': 'my-trace.42_A' } });
    expect(answer.headers.get('x-request-id')).toBe('my-trace.42_A');
    expect(answer.body.request_id).toBe('my-trace.42_A');
  });

  test.each(['has space', '{"a":1}', 'x'.repeat(129), '<script>'])('has a new request id instead of a malformed one: %s', async (id) => {
    const answer = await anyone.get('/health', { headers: { 'x-request-id': id } });
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
  });

  test('is 404 not_found at an unknown path', async () => {
    const user = await server.client();
    expectError(await user.get('/api/v1/no-such-thing'), 404, 'not_found');
    expectError(await anyone.get('/no-such-thing'), 404, 'not_found');
  });

  test('is 405 method_not_allowed with Allow for another method', async () => {
    const user = await server.client();
    const answer = await user.request('PUT', '/api/v1/conversations');
    expectError(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')).toContain('GET');
    const health = await anyone.post('/health');
    expectError(health, 405, 'method_not_allowed');
    expect(health.headers.get('allow')).toContain('GET');
  });

  test('is 406 not_acceptable when nothing of what is wanted can be had', async () => {
    const user = await server.client();
    expectError(await user.get('/api/v1/topics', { headers: { accept: 'image/png' } }), 406, 'not_acceptable');
  });

  test.each(['*/*', 'application/*', 'text/html, application/json;q=0.5', 'application/json; charset=utf-8'])('accepts Accept: %s', async (accept) => {
    const user = await server.client();
    expect((await user.get('/api/v1/topics', { headers: { accept } })).status).toBe(200);
  });

  test('is the same with a trailing slash', async () => {
    const user = await server.client();
    expect((await user.get('/api/v1/conversations/')).body).toEqual((await user.get('/api/v1/conversations')).body);
  });
});

describe('CORS', () => {
  const preflight = (origin: string) =>
    fetch(`${server.url}/api/v1/conversations/initiate`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,idempotency-key' },
    });

  test('answers the preflight of a configured origin before it asks for a token', async () => {
    const { status, headers } = await preflight(page);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(page);
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    expect(headers.get('access-control-allow-methods')).toMatch(/\bPOST\b/);
    const allowed = headers.get('access-control-allow-headers')!.toLowerCase();
    for (const name of ['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'x-request-id']) expect(allowed).toContain(name);
    expect(headers.get('vary')?.toLowerCase()).toContain('origin');
  });

  test('gives nothing to another origin', async () => {
    const { headers } = await preflight('https://elsewhere.example');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test('lets a page read errors too, and the headers it needs', async () => {
    const { status, headers } = await fetch(`${server.url}/api/v1/topics`, { headers: { origin: page } });
    expect(status).toBe(401);
    expect(headers.get('access-control-allow-origin')).toBe(page);
    const exposed = headers.get('access-control-expose-headers')!.toLowerCase();
    for (const name of ['x-request-id', 'x-ratelimit-remaining', 'retry-after', 'location']) expect(exposed).toContain(name);
  });
});

describe('connections', () => {
  test('answer pipelined requests in their order', async () => {
    const raw = await RawConnection.open(server.port);
    const get = (path: string, id: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n\r\n`;
    raw.send(get('/health', 'first') + get('/nowhere', 'second') + get('/api/v1/health', 'third'));
    const answers = [await raw.answer(), await raw.answer(), await raw.answer()];
    expect(answers.map(({ status, headers }) => [status, headers['x-request-id']])).toEqual([[200, 'first'], [404, 'second'], [200, 'third']]);
    raw.end();
  });

  test('close when the client asks for it', async () => {
    const raw = await RawConnection.open(server.port);
    raw.send('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('of a client that never finishes its headers are closed, while others are served', async () => {
    const slow = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(server.port)));
    for (const raw of slow) raw.send('GET /health HTTP/1.1\r\nHost: local');
    expect((await anyone.get('/health')).status).toBe(200);
    await Promise.all(slow.map((raw) => raw.untilClosed()));
    expect((await anyone.get('/health')).status).toBe(200);
  });

  test('of a client that never finishes its body are closed', async () => {
    const user = await server.client();
    const raw = await RawConnection.open(server.port);
    raw.send(`POST /api/v1/conversations/initiate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${user.token}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"topic":`);
    await raw.untilClosed();
    expect((await user.get('/api/v1/conversations')).body.total).toBe(0);
  });
});

describe('rate limits', () => {
  let limited: Server;
  beforeAll(async () => {
    limited = await Server.start({ rateLimits: true });
  });
  afterAll(() => limited.stop());

  test('allow ten conversations at once, and say when the next one is possible', async () => {
    const user = await limited.client();
    const answers = await Promise.all(Array.from({ length: 14 }, () => user.post('/api/v1/conversations/initiate', { topic: 'goals' })));
    const refused = answers.filter(({ status }) => status === 429);
    const allowed = answers.filter(({ status }) => status === 201);
    expect(allowed.length + refused.length).toBe(14);
    // One may have come back in the meantime, at one every two seconds.
    expect([10, 11]).toContain(allowed.length);
    for (const answer of refused) {
      expectError(answer, 429, 'rate_limit_exceeded');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(10);
      expect(answer.headers.get('x-ratelimit-limit')).toBe('10');
      expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
    }
  });

  test('count down in the headers', async () => {
    const user = await limited.client();
    const first = await user.get('/api/v1/topics');
    const second = await user.get('/api/v1/topics');
    expect(first.headers.get('x-ratelimit-limit')).toBe('100');
    expect(first.headers.get('x-ratelimit-remaining')).toBe('99');
    expect(['98', '99']).toContain(second.headers.get('x-ratelimit-remaining'));
    expect(Number(second.headers.get('x-ratelimit-reset'))).toBeLessThanOrEqual(10);
  });

  test('are of one user: another one is not held up', async () => {
    const [greedy, modest] = [await limited.client(), await limited.client()];
    await Promise.all(Array.from({ length: 12 }, () => greedy.post('/api/v1/conversations/initiate', { topic: 'goals' })));
    expect((await modest.post('/api/v1/conversations/initiate', { topic: 'goals' })).status).toBe(201);
  });

  test('are of one user in one tenant', async () => {
    const [here, there] = [await limited.client({ user: 'same', tenant: 'one' }), await limited.client({ user: 'same', tenant: 'two' })];
    await here.get('/api/v1/topics');
    expect((await there.get('/api/v1/topics')).headers.get('x-ratelimit-remaining')).toBe('99');
  });

  test('hold for those who try one bad token after the other, too', async () => {
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, guess) => new Client(limited.url, `guess.${guess}.x`).get('/api/v1/topics')));
    const statuses = guesses.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(21);
    // Who has a good token from the same address is let in all the same.
    expect((await (await limited.client()).get('/api/v1/topics')).status).toBe(200);
  });

  test('do not hold for health and metrics', async () => {
    for (const path of ['/health', '/api/v1/health/ready', '/metrics']) {
      expect((await limited.anonymous().get(path)).headers.get('x-ratelimit-limit')).toBeNull();
    }
  });
});

test('a development secret is made on the first start, readable by its owner alone, and no two are the same', async () => {
  const other = await Server.start();
  try {
    const files = readdirSync(server.data, { recursive: true, encoding: 'utf8' }).map((name) => join(server.data, name));
    const secrets = files.filter((name) => /secret/i.test(name) && statSync(name).isFile());
    expect(secrets).toHaveLength(1);
    expect(statSync(secrets[0]!).mode & 0o777).toBe(0o600);
    expect(readFileSync(secrets[0]!).length).toBeGreaterThanOrEqual(32);
    const stranger = await other.client();
    expect((await stranger.get('/api/v1/topics')).status).toBe(200);
    const answer = await fetch(`${server.url}/api/v1/topics`, { headers: stranger.headers() });
    expect(answer.status).toBe(401);
  } finally {
    await other.stop();
  }
});
