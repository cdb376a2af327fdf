// Every analysis there is, from outside: the offline coach answers, or a model that does what the test says.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repository } from './binary.ts';
import { type Answer, type Client, expectError, expectFaults } from './client.ts';
import { mustFitJsonSchema } from './contract.ts';
import { FakeModel, sample } from './fake_model.ts';
import { command, Server, temporaryFolder, topicsWith } from './harness.ts';
import { withBudget, withModel, withPrices, withPrivateSites, withTopics } from './settings.ts';
import { Site } from './site.ts';

const base = '/api/v1/analysis';
const common = ['analysis_id', 'analysis_type', 'created_at', 'metadata'];
const resultOf = (body: any): any => Object.fromEntries(Object.entries(body).filter(([name]) => !common.includes(name)));
// Stands for whatever website an example names.
const site = await Site.start();
const exampleOf = (topic: string): any => {
  const { request, context } = JSON.parse(readFileSync(join(repository, 'topics', topic, 'example.json'), 'utf8'));
  if (!context?.website) return request;
  const { title, description, headings, text } = context.website;
  const block = (line: string): string => (headings.includes(line) ? `<h2>${line}</h2>` : `<p>${line}</p>`);
  const html = `<title>${title}</title><meta name="description" content="${description}">${text.split('\n').map(block).join('')}`;
  return { ...request, website_url: site.serve(`/${topic}`, { html }) };
};
const text = 'We bake bread by hand, promise an answer in a day, and want to open a second shop by the end of June.';
const metric = async (server: Server, outcome: string): Promise<number> => {
  const { text: all } = await server.anonymous().get('/metrics');
  const line = all.split('\n').find((one) => one.startsWith(`purposepath_response_cache_total{outcome="${outcome}"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
};

let server: Server;
beforeAll(async () => {
  server = await Server.start({ settings: withPrivateSites(site.authority) });
});
afterAll(async () => {
  await server.stop();
  await site.stop();
});

const analyses: string[] = JSON.parse((await command(['topics', 'list', '--json'])).stdout)
  .filter(({ kind }: any) => kind === 'analysis')
  .map(({ id }: any) => id);

test('there are analyses, and the API lists them', async () => {
  const user = await server.client({ tier: 'ultimate' });
  const { topics } = (await user.get('/api/v1/topics')).body;
  expect(topics.filter(({ kind }: any) => kind === 'analysis').map(({ id }: any) => id).sort()).toEqual([...analyses].sort());
  for (const topic of ['alignment', 'strategy', 'kpi', 'operations']) expect(analyses).toContain(topic);
});

test('topics are listed conversations first, then analyses by category, each by name', async () => {
  const { topics } = (await (await server.client({ tier: 'ultimate' })).get('/api/v1/topics')).body;
  const key = ({ kind, category, name }: any): string => [kind === 'conversation' ? 0 : 1, category ?? '', name].join('\t');
  expect(topics.map(key)).toEqual(topics.map(key).sort());
  expect(topics[0].category).toBeNull();
  for (const { kind, category } of topics) expect(category === null).toBe(kind === 'conversation');
});

describe.each(analyses)('%s', (topic) => {
  let user: Client;
  let schemas: any;
  beforeAll(async () => {
    user = await server.client({ tenant: `tenant-of-${topic}`, tier: 'ultimate' });
    schemas = (await user.get(`/api/v1/topics/${topic}/schema`)).body;
  });

  test('answers its example by its result schema, and can be read again', async () => {
    const request = exampleOf(topic);
    mustFitJsonSchema(schemas.request_schema, request);
    const made = await user.post(`${base}/${topic}`, request);
    expect(made.status, made.text).toBe(201);
    expect(made.headers.get('location')).toBe(`${base}/${made.body.analysis_id}`);
    expect(made.body).toMatchObject({ analysis_type: topic, metadata: { cached: false, topic_version: 0, topic_origin: 'built_in' } });
    expect(made.body.metadata.usage.model).toMatch(/offline/);
    mustFitJsonSchema(schemas.result_schema, resultOf(made.body));
    expect((await user.get(`${base}/${made.body.analysis_id}`)).body).toEqual(made.body);
  });

  // The longest text of the example, with something else in its place.
  test('says something else to another request', async () => {
    const request = exampleOf(topic);
    let longest: { holder: any; name: string | number } | undefined;
    const look = (holder: any): void => {
      for (const [name, value] of Object.entries<any>(holder)) {
        if (value !== null && typeof value === 'object') look(value);
        else if (typeof value === 'string' && value.length > (longest ? longest.holder[longest.name].length : 0)) longest = { holder, name };
      }
    };
    look(request);
    longest!.holder[longest!.name] = 'Orders of the brewery are late because one person does all the planning by hand.'.slice(0, longest!.holder[longest!.name].length);
    const [first, second] = [await user.post(`${base}/${topic}`, exampleOf(topic)), await user.post(`${base}/${topic}`, request)];
    expect([first.status, second.status], second.text).toEqual([201, 201]);
    mustFitJsonSchema(schemas.result_schema, resultOf(second.body));
    expect(resultOf(second.body)).not.toEqual(resultOf(first.body));
  });

  test('refuses what does not fit, by name', async () => {
    const request = exampleOf(topic);
    const missing: string | undefined = schemas.request_schema.required?.[0]; // some take whatever there is
    if (missing === undefined) {
      expectFaults(await user.post(`${base}/${topic}`, { ...request, surely_unknown: 1 }), 'surely_unknown');
      return;
    }
    delete request[missing];
    expect(expectFaults(await user.post(`${base}/${topic}`, { ...request, surely_unknown: 1 }), missing, 'surely_unknown')[missing]).toMatch(/missing/);
  });
});

describe('a request for an analysis', () => {
  test('names fields deep inside as the client wrote them', async () => {
    const user = await server.client();
    expectFaults(await user.post(`${base}/alignment`, { text_to_analyze: 'short', context: { core_values: ['a', 5] } }), 'text_to_analyze', 'context.core_values[1]');
    expectFaults(await user.post(`${base}/operations`, { analysis_type: 'tarot', description: text }), 'analysis_type');
    expectFaults(await user.post(`${base}/alignment`, { text_to_analyze: ' '.repeat(40) }), 'text_to_analyze');
    expectFaults(await user.post(`${base}/alignment`, { text_to_analyze: 'x'.repeat(10_001) }), 'text_to_analyze');
    expectFaults(await user.post(`${base}/alignment`, []), 'body');
    expectError(await user.post(`${base}/alignment`, '{"text_to_analyze": '), 400, 'bad_request');
  });

  test('about no analysis is a 404', async () => {
    const user = await server.client();
    for (const topic of ['core_values', 'nonsense', 'anls_01M81PTB9GQZJ3A0T5WKCV7D2E', '%00', '..%2Falignment']) {
      expect((await user.post(`${base}/${topic}`, { text_to_analyze: text })).status, topic).toBe(404);
    }
    expectError(await user.post(`${base}/core_values`, {}), 404, 'topic_not_found');
  });

  test('needs a token', async () => {
    expectError(await server.anonymous().post(`${base}/alignment`, { text_to_analyze: text }), 401, 'missing_token');
  });

  test('has a rate of its own', async () => {
    const limited = await Server.start({ rateLimits: true });
    try {
      const answer = await (await limited.client()).post(`${base}/alignment`, { text_to_analyze: text });
      expect(answer.headers.get('x-ratelimit-limit')).toBe('20');
    } finally {
      await limited.stop();
    }
  });

  test('with a tier that is too low is a 403', async () => {
    const folder = topicsWith('alignment', { tier: 'premium' });
    const tiered = await Server.start({ settings: withTopics(folder) });
    try {
      const request = { text_to_analyze: text };
      const refused = await (await tiered.client({ tier: 'basic' })).post(`${base}/alignment`, request);
      expect(expectError(refused, 403, 'forbidden').details).toEqual({ required_tier: 'premium' });
      expect((await (await tiered.client({ tier: 'premium' })).post(`${base}/alignment`, request)).status).toBe(201);
    } finally {
      await tiered.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

test('a budget that is used up refuses the next one, which costs nothing and is not stored', async () => {
  const model = await FakeModel.start();
  const limited = await Server.start({ settings: { ...withModel(model.url), ...withPrices(500, 2500), ...withBudget('user', 'day_tokens', 14_000) } });
  try {
    const user = await limited.client({ user: 'ines', tenant: 'bakery' });
    let refused: Answer | undefined;
    let made = 0;
    for (let number = 0; number < 200 && !refused; ++number) {
      const answer = await user.post(`${base}/alignment`, { text_to_analyze: `${text} Note ${number}.` });
      if (answer.status === 201) ++made;
      else refused = answer;
    }
    expect(made).toBeGreaterThan(0);
    const { details } = expectError(refused!, 429, 'quota_exceeded');
    expect(details).toMatchObject({ budget: 'user_day_tokens', limit: 14_000 });
    expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(model.calls).toHaveLength(made);
    expect((await user.get(base)).body.total).toBe(made);
    expect((await user.get('/api/v1/usage')).body.budgets).toMatchObject([{ reserved: 0 }]);
    // What costs nothing is still there: an equal request's answer, and other people's budgets.
    expect((await user.post(`${base}/alignment`, { text_to_analyze: `${text} Note 0.` })).body.metadata.cached).toBe(true);
    const otto = await limited.client({ user: 'otto', tenant: 'bakery' });
    expect((await otto.post(`${base}/alignment`, { text_to_analyze: `${text} Otto.` })).status).toBe(201);
  } finally {
    await limited.stop();
    await model.stop();
  }
});

describe('an analysis that was made', () => {
  const some = (user: Client, about: string, extras?: any): Promise<Answer> => user.post(`${base}/alignment`, { text_to_analyze: `${text} ${about}` }, extras);

  test('is its owner’s alone', async () => {
    const ines = await server.client({ user: 'ines', tenant: 'bakery' });
    const { analysis_id } = (await some(ines, 'It is Monday.')).body;
    for (const identity of [{ user: 'otto', tenant: 'bakery' }, { user: 'ines', tenant: 'brewery' }]) {
      const other = await server.client(identity);
      expectError(await other.get(`${base}/${analysis_id}`), 404, 'analysis_not_found');
      expectError(await other.delete(`${base}/${analysis_id}`), 404, 'analysis_not_found');
      expect((await other.get(base)).body.total).toBe(0);
    }
    expectError(await ines.get(`${base}/alignment`), 404, 'analysis_not_found');
    expect((await ines.get(`${base}/${analysis_id}`)).status).toBe(200);
  });

  test('is listed, newest first, by pages and by topic', async () => {
    const user = await server.client();
    const ids: string[] = [];
    for (let i = 0; i < 5; ++i) ids.unshift((await some(user, `Number ${i}.`)).body.analysis_id);
    await user.post(`${base}/kpi`, exampleOf('kpi'));
    const first = (await user.get(`${base}/`, { query: { page_size: 2, topic: 'alignment' } })).body;
    expect(first).toMatchObject({ total: 5, page: 1, page_size: 2, has_more: true });
    const idsOf = (body: any): string[] => body.analyses.map(({ analysis_id }: any) => analysis_id);
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    const last = (await user.get(base, { query: { page: 3, page_size: 2, topic: 'alignment' } })).body;
    expect(idsOf(last)).toEqual(ids.slice(4));
    expect(last.has_more).toBe(false);
    expect((await user.get(base)).body.total).toBe(6);
    expectFaults(await user.get(base, { query: { page: 0, page_size: 101 } }), 'page', 'page_size');
  });

  test('is gone when it is deleted, also from the cache', async () => {
    const user = await server.client({ tenant: 'forgetful' });
    const { analysis_id } = (await some(user, 'Forget this.')).body;
    expect((await user.delete(`${base}/${analysis_id}`)).status).toBe(204);
    expectError(await user.get(`${base}/${analysis_id}`), 404, 'analysis_not_found');
    expectError(await user.delete(`${base}/${analysis_id}`), 404, 'analysis_not_found');
    expect((await some(user, 'Forget this.')).body.metadata.cached).toBe(false);
  });

  test('is given again for the same Idempotency-Key', async () => {
    const user = await server.client();
    const headers = { 'idempotency-key': 'my-own-key' };
    const first = await some(user, 'Once.', { headers });
    const again = await some(user, 'Once.', { headers });
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect((await user.get(base)).body.total).toBe(1);
    expectError(await some(user, 'Another.', { headers }), 409, 'idempotency_mismatch');
    expectError(await some(user, 'Once.', { headers: { 'idempotency-key': 'with space' } }), 400, 'bad_request');
  });
});

describe('the response cache', () => {
  test('answers equal requests of a tenant, marks them, and can be passed by', async () => {
    const cached = await Server.start();
    try {
      const ines = await cached.client({ tenant: 'bakery' });
      const ask = (user: Client, headers = {}): Promise<Answer> => user.post(`${base}/alignment`, { text_to_analyze: text }, { headers });
      const first = (await ask(ines)).body;
      const second = (await ask(await cached.client({ tenant: 'bakery' }))).body;
      expect(second.metadata).toMatchObject({ cached: true, usage: { total_tokens: 0, cost_usd: 0, model: first.metadata.usage.model } });
      expect(second.analysis_id).not.toBe(first.analysis_id);
      expect(resultOf(second)).toEqual(resultOf(first));
      expect((await ask(ines, { 'cache-control': 'no-cache' })).body.metadata.cached).toBe(false);
      expect((await ask(await cached.client({ tenant: 'brewery' }))).body.metadata.cached).toBe(false);
      await cached.restart();
      expect((await ask(await cached.client({ tenant: 'bakery' }))).body.metadata.cached).toBe(true);
      expect(await metric(cached, 'store_hit')).toBe(1);
      expect((await ask(await cached.client({ tenant: 'bakery' }))).body.metadata.cached).toBe(true);
      expect(await metric(cached, 'hit')).toBe(1);
    } finally {
      await cached.stop();
    }
  });
});

describe('with a model', () => {
  let model: FakeModel;
  let modelled: Server;
  beforeAll(async () => {
    model = await FakeModel.start();
    modelled = await Server.start({ settings: withModel(model.url) });
  });
  afterAll(async () => {
    await modelled.stop();
    await model.stop();
  });

  test('the first answer that fits is taken, and is on the books', async () => {
    const user = await modelled.client();
    const { body, status } = await user.post(`${base}/strategy`, exampleOf('strategy'));
    expect(status).toBe(201);
    expect(body.metadata.usage).toMatchObject({ model: 'fake-1' });
    expect(body.metadata.usage.total_tokens).toBeGreaterThan(0);
    expect(model.calls).toHaveLength(1);
    const usage = (await user.get('/api/v1/usage', { query: { group_by: 'topic' } })).body;
    expect(usage.rows).toMatchObject([{ group: 'strategy', calls: 1, total_tokens: body.metadata.usage.total_tokens }]);
  });

  test('nonsense twice is an error, stores nothing, and is kept for the operator; no word gets into the log', async () => {
    const usual = model.structured;
    model.structured = () => ({ text: 'canary-answer, but no JSON' });
    const user = await modelled.client({ tenant: 'unlucky' });
    const before = model.calls.length;
    const failed = await user.post(`${base}/alignment`, { text_to_analyze: `canary-request ${text}` }, { headers: { 'idempotency-key': 'canary-key' } });
    expectError(failed, 502, 'llm_error');
    expect(model.calls.length - before).toBe(2);
    expect((await user.get(base)).body.total).toBe(0);
    const listed = await command(['raw-answers', 'list', '--json', '--data', modelled.data]);
    const [kept] = JSON.parse(listed.stdout);
    expect(kept).toMatchObject({ purpose: 'analysis', topic: 'alignment', reference: expect.stringMatching(/^anls_/) });
    expectError(await user.get(`${base}/${kept.reference}`), 404, 'analysis_not_found');
    expect((await command(['raw-answers', 'show', kept.raw_answer_id, '--data', modelled.data])).stdout).toContain('canary-answer');

    model.structured = (call) => ({ text: JSON.stringify(sample(call.schema)).replaceAll('Something that was said', 'canary-result') });
    const again = await user.post(`${base}/alignment`, { text_to_analyze: `canary-request ${text}` }, { headers: { 'idempotency-key': 'canary-key' } });
    expect(again.status, again.text).toBe(201);
    expect(again.text).toContain('canary-result');
    model.structured = usual;
    await user.post(`${base}/alignment`, { text_to_analyze: 'canary', 'canary-unknown': 'canary-value' });
    const metrics = (await modelled.anonymous().get('/metrics')).text;
    for (const word of ['canary-request', 'canary-answer', 'canary-result', 'canary-key', 'canary-value', 'canary-unknown']) {
      expect(modelled.stdout + modelled.stderr, word).not.toContain(word);
      expect(metrics, word).not.toContain(word);
    }
  });
});

describe('a folder in topics_dir', () => {
  test('is an endpoint with its checks and its page, without any code', async () => {
    const folder = temporaryFolder();
    cpSync(join(repository, 'topics'), folder, { recursive: true });
    const topic = join(folder, 'letter');
    cpSync(join(folder, 'alignment'), topic, { recursive: true });
    const change = (file: string, from: RegExp, to: string) => {
      const before = readFileSync(join(topic, file), 'utf8');
      expect(before).toMatch(from);
      writeFileSync(join(topic, file), before.replace(from, to));
    };
    change('topic.yaml', /^id: .*$/m, 'id: letter');
    change('topic.yaml', /^name: .*$/m, 'name: A letter');
    change('request.schema.json', /"minLength": 10,/, '"minLength": 30,');
    const own = await Server.start({ settings: withTopics(folder) });
    try {
      const user = await own.client();
      expectFaults(await user.post(`${base}/letter`, { text_to_analyze: 'We bake bread by hand.' }), 'text_to_analyze');
      const made = await user.post(`${base}/letter`, { text_to_analyze: text });
      expect(made.status, made.text).toBe(201);
      const { paths, components } = (await user.get('/openapi.json')).body;
      const shown = paths[`${base}/letter`].post;
      expect(shown).toMatchObject({ operationId: 'run_analysis_letter', summary: 'A letter', tags: ['Analyses'] });
      const request = shown.requestBody.content['application/json'];
      expect(request.schema.properties.text_to_analyze.minLength).toBe(30);
      mustFitJsonSchema(request.schema, request.example);
      mustFitJsonSchema({ ...shown.responses['201'].content['application/json'].schema, components }, made.body);
      for (const id of analyses) expect(paths).toHaveProperty([`${base}/${id}`, 'post']);
      expect((await user.get('/api/v1/topics')).body.topics.map(({ id }: any) => id)).toContain('letter');
    } finally {
      await own.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
