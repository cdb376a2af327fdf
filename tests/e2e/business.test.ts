// What is on record about a company: kept here, or read from a Business API that behaves, or does not.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BusinessApi, MockedBusinessApi } from './business_api.ts';
import { type Client, expectError, expectFaults } from './client.ts';
import { FakeModel } from './fake_model.ts';
import { command, Server, temporaryFolder, topicsWith } from './harness.ts';
import { withBusinessApi, withModel, withoutCircuitBreaker, withTopics } from './settings.ts';

const base = '/api/v1/business';
const sections = ['foundation', 'goals', 'strategies', 'measures', 'actions', 'issues', 'people'];
const text = 'We bake bread by hand, promise an answer in a day, and want to open a second shop by the end of June.';

let tenants = 0;
const newTenant = (): string => `company-${++tenants}`;

describe('kept here', () => {
  let server: Server;
  let tenant: string;
  let coach: Client;
  let user: Client;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    tenant = newTenant();
    coach = await server.client({ tenant, role: 'coach', user: 'ada' });
    user = await server.client({ tenant });
  });

  test('begins empty, and is what was written; for its tenant alone', async () => {
    const empty = (await user.get(base)).body;
    expect(empty.provider).toBe('local');
    expect(empty.sections.map(({ section }: any) => section)).toEqual(sections);
    expect(empty.sections.every(({ data, version }: any) => data === null && version === 0)).toBe(true);

    const data = [{ id: 'g1', title: 'A second shop', of_our_own: { kept: true } }];
    const written = await coach.put(`${base}/goals`, { data });
    expect(written.status, written.text).toBe(200);
    expect(written.body).toMatchObject({ section: 'goals', data, version: 1, updated_by: 'ada' });
    expect((await user.get(`${base}/goals`)).body).toEqual(written.body);
    expect((await (await server.client({ tenant: newTenant() })).get(`${base}/goals`)).body.data).toBeNull();
    await server.restart();
    const after = await server.client({ tenant });
    expect((await after.get(`${base}/goals`)).body.data).toEqual(data);
  });

  test('refuses a change on top of one that was not seen', async () => {
    await coach.put(`${base}/foundation`, { data: { purpose: 'Bread' }, version: 0 });
    const late = await coach.put(`${base}/foundation`, { data: { purpose: 'Cake' }, version: 0 });
    expectError(late, 409, 'conflict');
    expect(late.body.details).toEqual({ section: 'foundation', version: 1 });
    expect((await coach.put(`${base}/foundation`, { data: { purpose: 'Cake' }, version: 1 })).body.version).toBe(2);
  });

  test('is written by a coach or above, and stands in the audit log without its content', async () => {
    expectError(await user.put(`${base}/goals`, { data: [] }), 403, 'forbidden');
    await coach.put(`${base}/goals`, { data: [{ title: 'canary-goal' }] });
    const admin = await server.client({ tenant, role: 'admin' });
    const audit = await admin.get('/api/v1/admin/audit');
    expect(audit.body.entries[0]).toMatchObject({ act: 'business.write', subject: 'goals', user_id: 'ada', details: { version: 1, entries: 1 } });
    expect(audit.text).not.toContain('canary-goal');
    const all = await admin.get('/api/v1/admin/export');
    expect(all.text).toMatch(/"kind":"business".*canary-goal/);
  });

  test('says what does not fit', async () => {
    expectFaults(await coach.put(`${base}/goals`, { data: [{ title: 7 }] }), 'data[0].title');
    expectFaults(await coach.put(`${base}/foundation`, { data: [] }), 'data');
    expectFaults(await coach.put(base, { sections: { nonsense: {} } }), 'sections.nonsense');
    expectError(await coach.get(`${base}/nonsense`), 404, 'not_found');
    const much = Array.from({ length: 1000 }, () => ({ title: 'x'.repeat(1000) }));
    expectError(await coach.put(`${base}/goals`, { data: much }), 413, 'payload_too_large');
    expect((await user.get(`${base}/goals`)).body.version).toBe(0);
  });

  test('is replaced all at once, or not at all', async () => {
    const both = await coach.put(base, { sections: { foundation: { purpose: 'Bread' }, people: [{ name: 'Otto' }] } });
    expect(both.status, both.text).toBe(200);
    expect(both.body.sections.map(({ section }: any) => section)).toEqual(['foundation', 'people']);
    expectFaults(await coach.put(base, { sections: { foundation: { purpose: 'Cake' }, people: 'nobody' } }), 'sections.people');
    expect((await user.get(`${base}/foundation`)).body.data).toEqual({ purpose: 'Bread' });
  });

  test('reaches an analysis, which says so', async () => {
    const without = await user.post('/api/v1/analysis/alignment', { text_to_analyze: text });
    expect(without.body.metadata).not.toHaveProperty('business_context');
    await coach.put(`${base}/foundation`, { data: { purpose: 'Bread that people remember', core_values: ['Honesty'] } });
    const made = await user.post('/api/v1/analysis/alignment', { text_to_analyze: text });
    expect(made.status, made.text).toBe(201);
    expect(made.body.metadata).toMatchObject({ cached: false, business_context: { sections: ['foundation'], unavailable: [], stale: [] } });
    const { analysis_id, created_at, metadata, ...result } = made.body;
    const { analysis_id: _, created_at: __, metadata: ___, ...before } = without.body;
    expect(result).not.toEqual(before);
  });

  test('is imported, shown and exported by the command line, with the service at work or not', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'company.yaml');
    writeFileSync(file, 'foundation:\n  purpose: Bread that people remember\ngoals:\n  - {id: g1, title: A second shop}\n');
    const run = (...args: string[]) => command(['business', ...args, '--tenant', tenant, '--data', server.data]);
    const imported = await run('import', file);
    expect(imported, imported.stderr).toMatchObject({ code: 0 });
    expect(imported.stdout).toMatch(/^foundation +1 entry, version 1, .*\ngoals +1 entry, version 1/);
    expect((await user.get(`${base}/foundation`)).body.data).toEqual({ purpose: 'Bread that people remember' });
    expect((await run('show')).stdout).toMatch(/people +0 entries\n/);

    server.signal('SIGTERM');
    await server.exited();
    expect(JSON.parse((await run('show', 'goals')).stdout)).toEqual([{ id: 'g1', title: 'A second shop' }]);
    const exported = await run('export');
    expect(JSON.parse(exported.stdout)).toEqual({ foundation: { purpose: 'Bread that people remember' }, goals: [{ id: 'g1', title: 'A second shop' }] });
    writeFileSync(file, exported.stdout.replace('A second shop', 'A third shop'));
    expect((await run('import', file)).stdout).toMatch(/goals +1 entry, version 2/);
    writeFileSync(file, 'gaols: []\n');
    const wrong = await run('import', file);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/gaols/);
    expect((await command(['business', 'show', '--data', server.data])).code).toBe(2);
    await server.restart();
    rmSync(folder, { recursive: true });
  });
});

describe('in a Business API', () => {
  let api: BusinessApi;
  let model: FakeModel;
  let server: Server;
  let tenant: string;
  let user: Client;
  beforeAll(async () => {
    [api, model] = await Promise.all([BusinessApi.start(), FakeModel.start()]);
    server = await Server.start({ settings: { ...withBusinessApi(api.url), ...withModel(model.url), ...withoutCircuitBreaker } });
  });
  afterAll(() => Promise.all([server.stop(), api.stop(), model.stop()]));
  beforeEach(async () => {
    tenant = newTenant();
    user = await server.client({ tenant });
  });
  afterEach(() => api.recover());

  const initiate = async (topic = 'goals') => (await user.post('/api/v1/conversations/initiate', { topic })).body;
  const prompt = () => model.calls.at(-1)!.prompt;
  const insights = async () => user.post('/api/v1/analysis/insights', { observations: text });

  test('is read once a section that the prompts use, with the caller\'s token and tenant', async () => {
    const started = await initiate();
    expect(api.paths(tenant)).toEqual(['/business/foundation', '/user/profile']);
    for (const one of api.asked.filter((asked) => asked.tenant === tenant)) expect(one.authorization).toBe(`Bearer ${user.token}`);
    expect(started.metadata.business_context).toMatchObject({ sections: ['foundation', 'profile'], unavailable: [], stale: [] });
    expect(prompt()).toContain('Three shops by the river');
    expect(prompt()).toContain('Honesty');
    expect(prompt()).toContain('The coachee likes to be called Ines');
    expect(prompt()).not.toContain('unused');
  });

  test('is not read again by a turn, and anew after a pause', async () => {
    const { conversation_id: id } = await initiate();
    const before = api.paths(tenant).length;
    expect((await user.say(id, 'We want to grow.')).status).toBe(200);
    expect(api.paths(tenant)).toHaveLength(before);
    expect(prompt()).toContain('Three shops by the river');
    await user.post(`/api/v1/conversations/${id}/pause`, {});
    await user.post(`/api/v1/conversations/${id}/resume`, {});
    expect(prompt()).toContain('Three shops by the river');
    expect((await user.conversation(id)).metadata.business_context.sections).toEqual(['foundation', 'profile']);
    expect((await user.delete(`/api/v1/conversations/${id}`)).status).toBe(204);
  });

  test('answers in many forms, and all of them are understood', async () => {
    const made = await insights();
    expect(made.status, made.text).toBe(201);
    expect(made.body.metadata.business_context.unavailable).toEqual([]);
    for (const word of ['Bread that people remember', 'goal title: A second shop', 'Sell to restaurants', 'Loaves a day', 'Mill Street', 'Flour arrives late']) {
      expect(prompt()).toContain(word);
    }
  });

  test.each([
    ['a page', { text: '<!DOCTYPE html><h1>canary-page</h1>', type: 'text/html' }],
    ['an error', { status: 500, text: 'canary-page' }],
    ['half of an answer', { text: '{"data": {"canary-page"' }],
    ['nothing that is data', { data: 'canary-page' }],
    ['nothing for three seconds', { data: {}, after: 3_000 }],
    ['nothing ever', 'never'],
  ] as const)('answers with %s: a conversation goes on without, and says so', async (_, answer) => {
    api.fail(answer);
    const begin = performance.now();
    const started = await initiate();
    expect(performance.now() - begin).toBeLessThan(2_900);
    expect(started.status).toBe('active');
    expect(started.metadata.business_context).toMatchObject({ sections: [], unavailable: ['foundation', 'profile'] });
    expect((await user.say(started.conversation_id, 'We want to grow.')).status).toBe(200);
    expect((await user.conversation(started.conversation_id)).metadata.business_context.unavailable).toEqual(['foundation', 'profile']);
    const made = await insights();
    expect(made.status).toBe(201);
    expect(made.body.metadata.business_context.unavailable).toHaveLength(6);
    expect(server.stdout + server.stderr).not.toContain('canary-page');
    expect(server.stdout + server.stderr).not.toContain(user.token);
  });

  test('that is down leaves what it had said before, marked as such', async () => {
    const settings = { ...withBusinessApi(api.url), ...withoutCircuitBreaker, PURPOSEPATH_BUSINESS__TTL: '1ms', PURPOSEPATH_BUSINESS__STALE: 'off' };
    const forgetful = await Server.start({ settings });
    try {
      const other = await forgetful.client({ tenant });
      expect((await other.post('/api/v1/analysis/insights', { observations: text })).body.metadata.business_context.stale).toEqual([]);
      api.fail({ status: 503 });
      const made = await other.post('/api/v1/analysis/insights', { observations: text });
      expect(made.body.metadata.business_context.unavailable).toEqual([]);
      expect(made.body.metadata.business_context.stale.sort()).toEqual(['actions', 'foundation', 'goals', 'issues', 'measures', 'strategies']);
      expect(made.body.metadata.cached).toBe(true); // the same prompt
    } finally {
      await forgetful.stop();
    }
  });

  test('is not told what it may not see', async () => {
    api.fail({ status: 403, data: { error: 'forbidden' } });
    expect((await initiate()).metadata.business_context.unavailable).toEqual(['foundation', 'profile']);
    expectError(await user.get(`${base}/goals`), 403, 'forbidden');
  });

  test('shows through our own API, which writes nothing to it', async () => {
    const all = (await user.get(base)).body;
    expect(all.provider).toBe('http');
    expect(all.sections.find(({ section }: any) => section === 'people')).toMatchObject({ data: [{ name: 'Otto', job_title: 'Baker' }], available: true, version: null });
    const coach = await server.client({ tenant, role: 'coach' });
    expectError(await coach.put(`${base}/goals`, { data: [] }), 409, 'conflict');
    expectError(await coach.put(base, { sections: { goals: [] } }), 409, 'conflict');
  });

  test('is asked for all sections at the same time', async () => {
    api.delay = 20;
    try {
      await insights(); // connections are open now
      const other = await server.client({ tenant: newTenant() });
      const begin = api.asked.length;
      expect((await other.post('/api/v1/analysis/insights', { observations: text })).status).toBe(201);
      const asked = api.asked.slice(begin);
      expect(asked).toHaveLength(6);
      expect(Math.max(...asked.map(({ at }) => at)) - Math.min(...asked.map(({ at }) => at))).toBeLessThan(20);
    } finally {
      api.delay = 0;
    }
  });

  test('is one of the dependencies in /health/ready', async () => {
    const { body } = await server.anonymous().get('/api/v1/health/ready');
    expect(body.dependencies.business_api.status).toBe('healthy');
    const { text: metrics } = await server.anonymous().get('/metrics');
    expect(metrics).toMatch(/purposepath_business_requests_total\{section="goals",outcome="ok"\} \d+/);
    expect(metrics).toMatch(/purposepath_business_cache_total\{outcome="miss"\} \d+/);
  });
});

test('an analysis that needs what is on record says so when it is not there, or cannot be read', async () => {
  const folder = topicsWith('alignment', {});
  const file = join(folder, 'alignment', 'topic.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('source: business.foundation\n', 'source: business.foundation\n    required: true\n'));
  const api = await BusinessApi.start();
  const server = await Server.start({ settings: { ...withBusinessApi(api.url), ...withTopics(folder) } });
  try {
    const user = await server.client();
    api.answers['/business/foundation'] = { status: 404, data: { error: 'not_found' } };
    expectFaults(await user.post('/api/v1/analysis/alignment', { text_to_analyze: text }), 'business.foundation');
    api.answers['/business/foundation'] = { text: '<html>down</html>', type: 'text/html' };
    const failed = await (await server.client()).post('/api/v1/analysis/alignment', { text_to_analyze: text });
    expectError(failed, 503, 'dependency_unavailable');
    expect(failed.headers.get('retry-after')).toBeTruthy();
    api.recover();
    expect((await (await server.client()).post('/api/v1/analysis/alignment', { text_to_analyze: text })).status).toBe(201);
  } finally {
    await Promise.all([server.stop(), api.stop()]);
    rmSync(folder, { recursive: true });
  }
});

test('a server that fails is left alone for a while', async () => {
  const api = await BusinessApi.start();
  const server = await Server.start({ settings: { ...withBusinessApi(api.url), PURPOSEPATH_BUSINESS__CIRCUIT_BREAKER__REST: '1h' } });
  try {
    api.fail({ status: 500 });
    for (let i = 0; i < 10; i++) await (await server.client()).post('/api/v1/conversations/initiate', { topic: 'goals' });
    expect(api.asked.length).toBeLessThan(10);
    const { body } = await server.anonymous().get('/api/v1/health/ready');
    expect(body.status).toBe('degraded');
    expect(body.dependencies.business_api).toMatchObject({ status: 'unhealthy', reason: 'failed too often, rests' });
  } finally {
    await Promise.all([server.stop(), api.stop()]);
  }
});

test('a server made from docs/business-api.openapi.yaml is understood', async () => {
  const api = await MockedBusinessApi.start();
  const server = await Server.start({ settings: withBusinessApi(api.url) });
  try {
    const user = await server.client({ tenant: 'bakery' });
    const all = (await user.get(base)).body;
    const data = Object.fromEntries(all.sections.map((one: any) => [one.section, one.data]));
    expect(all.sections.filter(({ available }: any) => !available)).toEqual([]);
    expect(data.foundation.purpose).toBe('Bread that people remember');
    for (const section of sections.slice(1)) expect(data[section], section).toHaveLength(1);
    const started = await user.post('/api/v1/conversations/initiate', { topic: 'goals' });
    expect(started.body.metadata.business_context.sections.sort()).toEqual(['foundation', 'profile']);
  } finally {
    await Promise.all([server.stop(), api.stop()]);
  }
}, 60_000);

test('none is none', async () => {
  const server = await Server.start({ settings: { PURPOSEPATH_BUSINESS__PROVIDER: 'none' } });
  try {
    const coach = await server.client({ role: 'coach' });
    expect((await coach.get(base)).body.sections[0]).toMatchObject({ data: null, available: true });
    expectError(await coach.put(`${base}/goals`, { data: [] }), 409, 'conflict');
  } finally {
    await server.stop();
  }
});

test('a service without the address of its Business API does not start', async () => {
  const refused = await command(['serve', '--port', '0'], { PURPOSEPATH_BUSINESS__PROVIDER: 'http' });
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/business\.base_url/);
});
