// Topics changed while the service runs: saved, published, rolled back, by a tenant for itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, expectError } from './client.ts';
import { Server } from './harness.ts';

const path = '/api/v1/admin/topics/core_values';
let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

let tenants = 0;
// An administrator and a user of a tenant that no other test has.
async function tenant(): Promise<{ name: string; admin: Client; user: Client }> {
  const name = `publisher-${++tenants}`;
  return { name, admin: await server.client({ tenant: name, role: 'admin', user: 'ada' }), user: await server.client({ tenant: name, user: 'ines' }) };
}

async function files(admin: Client): Promise<Record<string, string>> {
  return (await admin.get(path)).body.files;
}

const opening = /^opening: .*\n(?: .*\n)*/m;

async function withOpening(admin: Client, text: string): Promise<Record<string, string>> {
  const all = await files(admin);
  expect(all['offline.yaml']).toMatch(opening);
  return { ...all, 'offline.yaml': all['offline.yaml']!.replace(opening, `opening: ${text}\n`) };
}

async function publish(admin: Client, text: string): Promise<number> {
  const saved = await admin.post(`${path}/versions`, { files: await withOpening(admin, text), message: `opens with ${text}`, publish: true });
  expect(saved.status, saved.text).toBe(201);
  return saved.body.version;
}

async function opens(user: Client): Promise<{ id: string; text: string }> {
  const { body } = await user.post('/api/v1/conversations/initiate', { topic: 'core_values' });
  return { id: body.conversation_id, text: body.initial_message };
}

describe('a new version of a topic', () => {
  test('is what new conversations get; one that began before keeps its own, also after a restart', async () => {
    const { name, admin, user } = await tenant();
    const first = await publish(admin, 'Good morning to the bakers.');
    expect(first).toBe(1);
    const old = await opens(user);
    expect(old.text).toMatch(/^Good morning to the bakers\./);

    expect(await publish(admin, 'Good evening to the bakers.')).toBe(2);
    expect((await opens(await server.client({ tenant: name }))).text).toMatch(/^Good evening/);
    expect((await opens(await server.client({ tenant: 'somebody-else' }))).text).not.toMatch(/bakers/);

    await server.restart();
    const again = await server.client({ tenant: name, user: 'ines' });
    expect((await again.say(old.id, 'We bake bread that people remember.')).status).toBe(200);
    expect((await again.conversation(old.id)).metadata).toMatchObject({ topic_version: 1, topic_origin: 'tenant' });
    expect((await opens(again)).text).toMatch(/^Good evening/);
  });

  test('is saved first and published later, by whoever saw what is live', async () => {
    const { admin, user } = await tenant();
    const saved = await admin.post(`${path}/versions`, { files: await withOpening(admin, 'Draft.'), message: 'a draft' });
    expect(saved.status).toBe(201);
    expect(saved.headers.get('location')).toBe(`${path}?version=1`);
    expect(saved.body).toMatchObject({ version: 1, author: 'ada', message: 'a draft', live_version: 0, latest_version: 1 });
    expect((await opens(user)).text).not.toMatch(/Draft/);

    expectError(await admin.post(`${path}/publish`, { version: 1, live_version: 7 }), 409, 'conflict');
    const live = await admin.post(`${path}/publish`, { version: 1, live_version: 0 });
    expect(live.body).toMatchObject({ live_version: 1, published_by: 'ada' });
    expect((await opens(user)).text).toMatch(/^Draft/);
  });

  test('with the files of the newest one is none', async () => {
    const { admin } = await tenant();
    const body = { files: await withOpening(admin, 'Once.'), message: 'once' };
    expect((await admin.post(`${path}/versions`, body)).status).toBe(201);
    const again = await admin.post(`${path}/versions`, { ...body, message: 'twice' });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ version: 1, message: 'once' });
  });

  test('can be a topic that the service never had', async () => {
    const { admin, user } = await tenant();
    const all = await files(admin);
    const friendship = { ...all, 'topic.yaml': all['topic.yaml']!.replace('id: core_values', 'id: friendship').replace(/^name: .*$/m, 'name: Friendship') };
    const saved = await admin.post('/api/v1/admin/topics/friendship/versions', { files: friendship, message: 'new', publish: true });
    expect(saved.status, saved.text).toBe(201);
    const { topics } = (await user.get('/api/v1/topics')).body;
    expect(topics.map(({ id }: any) => id)).toContain('friendship');
    expect(await user.initiate('friendship')).toMatch(/^conv_/);
    await admin.post('/api/v1/admin/topics/friendship/publish', { version: 0 });
    expectError(await user.post('/api/v1/conversations/initiate', { topic: 'friendship' }), 404, 'topic_not_found');
    const listed = (await admin.get('/api/v1/admin/topics')).body.topics.find(({ id }: any) => id === 'friendship');
    expect(listed).toMatchObject({ live: false, latest_version: 1 });
  });
});

describe('a rollback', () => {
  test('goes back step by step, to the built-in in the end', async () => {
    const { admin, user } = await tenant();
    const builtIn = (await opens(user)).text;
    await publish(admin, 'One.');
    await publish(admin, 'Two.');
    expect((await admin.post(`${path}/rollback`, {})).body).toMatchObject({ live_version: 1, previous_version: 0 });
    expect((await opens(user)).text).toMatch(/^One\./);
    expectError(await admin.post(`${path}/rollback`, { live_version: 2 }), 409, 'conflict');
    expect((await admin.post(`${path}/rollback`, {})).body).toMatchObject({ live_version: 0, previous_version: null });
    expect((await opens(user)).text).toBe(builtIn);
    expectError(await admin.post(`${path}/rollback`, {}), 409, 'conflict');
  });
});

describe('what changed', () => {
  test('is shown file by file', async () => {
    const { admin } = await tenant();
    await publish(admin, 'One.');
    await publish(admin, 'Two.');
    const { body } = await admin.get(`${path}/diff`, { query: { from: 1, to: 2 } });
    expect(body.files).toHaveLength(1);
    expect(body.files[0].file).toBe('offline.yaml');
    expect(body.files[0].diff).toMatch(/^--- a\/offline\.yaml\n\+\+\+ b\/offline\.yaml\n@@ .* @@\n/);
    expect(body.files[0].diff).toMatch(/^-opening: One\.\n\+opening: Two\.$/m);
    const fromBuiltIn = (await admin.get(`${path}/diff`, { query: { from: 0 } })).body;
    expect(fromBuiltIn).toMatchObject({ from: { origin: 'built_in', version: 0 }, to: { origin: 'tenant', version: 2 } });
    expect(fromBuiltIn.files.map(({ file }: any) => file)).toEqual(['offline.yaml']);
    expectError(await admin.get(`${path}/diff`, { query: { from: 1, to: 9 } }), 404, 'not_found');
  });

  test('is in the list of versions and in the audit log, without content', async () => {
    const { admin } = await tenant();
    await publish(admin, 'Canary one.');
    await publish(admin, 'Canary two.');
    await admin.post(`${path}/rollback`, {});
    const { versions } = (await admin.get(`${path}/versions`)).body;
    expect(versions.map(({ version, author, message }: any) => [version, author, message])).toEqual([
      [2, 'ada', 'opens with Canary two.'],
      [1, 'ada', 'opens with Canary one.'],
    ]);
    const audit = await admin.get('/api/v1/admin/audit', { query: { page_size: 3 } });
    expect(audit.body).toMatchObject({ total: 5, has_more: true });
    expect(audit.body.entries.map(({ act, subject, user_id, details }: any) => [act, subject, user_id, details.version])).toEqual([
      ['topic.rollback', 'core_values', 'ada', 1],
      ['topic.publish', 'core_values', 'ada', 2],
      ['topic.save', 'core_values', 'ada', 2],
    ]);
    expect(audit.text).not.toMatch(/Canary/);
    const today = new Date().toISOString().slice(0, 10);
    expect((await admin.get('/api/v1/admin/audit', { query: { from: today, to: today } })).body.total).toBe(5);
    expect((await admin.get('/api/v1/admin/audit', { query: { to: '2020-01-01' } })).body.total).toBe(0);
  });
});

describe('files with a fault', () => {
  test.each([
    ['initiation.md', 'Hello.\n{{#reason}}\n', /^core_values\/initiation\.md:2$/, /reason/],
    ['initiation.md', 'Hello.\n\n{{nobody_knows}}\n', /^core_values\/initiation\.md:3$/, /nobody_knows/],
    ['system.md', 'x'.repeat(300_000), /^core_values\/system\.md$/, /larger than 256 KB/],
    ['result.schema.json', '{"type": "objekt"}', /^core_values\/result\.schema\.json$/, /type/],
    ['result.schema.json', 'not a schema', /^core_values\/result\.schema\.json$/, /JSON/],
    ['topic.yaml', 'id: core_values\nkind: conversation\nteir: free\n', /^core_values\/topic\.yaml:3$/, /did you mean 'tier'/],
    ['topic.yaml', 'id: other\n', /^core_values\/topic\.yaml/, /core_values|folder/],
    ['../secrets', 'x', /secrets/, /no file of a topic/],
  ])('%s: a 422 that names file and line', async (name, text, field, message) => {
    const { admin } = await tenant();
    const answer = await admin.post(`${path}/versions`, { files: { ...(await files(admin)), [name]: text }, message: 'x' });
    expectError(answer, 422, 'validation_error');
    expect(answer.body.details[0].field).toMatch(field);
    expect(answer.body.details[0].message).toMatch(message);
    expect((await admin.get(`${path}/versions`)).body.versions).toEqual([]);
  });

  test('of 2 MB are refused before they are read', async () => {
    const { admin } = await tenant();
    expectError(await admin.post(`${path}/versions`, { files: { 'system.md': 'x'.repeat(2_000_000) }, message: 'x' }), 413, 'payload_too_large');
  });
});

describe('before it is published', () => {
  test('a version, or files that are not saved, can be rendered with samples', async () => {
    const { admin } = await tenant();
    const changed = { ...(await files(admin)), 'initiation.md': 'Greet {{organisation}} in {{language}}.\n' };
    const { body } = await admin.post(`${path}/render`, { files: changed, parameters: { organisation: 'Brot am Fluss' } });
    const initiation = body.prompts.find(({ file }: any) => file === 'initiation.md');
    expect(initiation).toMatchObject({ text: 'Greet Brot am Fluss in en.\n', missing: [] });
    expect(initiation.tokens).toBeGreaterThan(5);
    const bare = (await admin.post(`${path}/render`, { files: changed })).body.prompts.find(({ file }: any) => file === 'initiation.md');
    expect(bare.missing).toEqual(['organisation']);
    expectError(await admin.post(`${path}/render`, { parameters: { nonsense: 1 } }), 422, 'validation_error');
  });

  test('and tried on a model: nothing is stored', async () => {
    const { admin } = await tenant();
    const opened = await admin.post(`${path}/test`, { files: await withOpening(admin, 'Only a trial.') });
    expect(opened.status, opened.text).toBe(200);
    expect(opened.body.text).toMatch(/^Only a trial\./);
    const messages = [
      { role: 'assistant', content: 'What are you proud of?' },
      { role: 'user', content: 'We throw away bread that is not good enough, every day.' },
    ];
    const result = (await admin.post(`${path}/test`, { part: 'result', messages })).body;
    expect(result.result === null).toBe(result.fault !== null);
    expect((await admin.get('/api/v1/conversations')).body.total).toBe(0);
  });
});

describe('who may', () => {
  test('administrators alone; what all tenants get is the operator’s', async () => {
    const { admin, user } = await tenant();
    for (const target of ['/api/v1/admin/topics', path, `${path}/versions`, `${path}/diff`, '/api/v1/admin/audit', '/api/v1/admin/export']) {
      expectError(await user.get(target), 403, 'forbidden');
    }
    for (const act of ['versions', 'publish', 'rollback', 'render', 'test']) expectError(await user.post(`${path}/${act}`, {}), 403, 'forbidden');
    const body = { files: await files(admin), message: 'x' };
    expectError(await admin.post(`${path}/versions?scope=all`, body), 403, 'forbidden');
    expectError(await admin.post(`${path}/publish?scope=all`, { version: 0 }), 403, 'forbidden');
  });

  test('and nobody sees another tenant’s', async () => {
    const [one, other] = [await tenant(), await tenant()];
    await publish(one.admin, 'Ours.');
    expect((await other.admin.get(`${path}/versions`)).body.versions).toEqual([]);
    expectError(await other.admin.get(path, { query: { version: 1 } }), 404, 'not_found');
    expectError(await other.admin.post(`${path}/publish`, { version: 1 }), 404, 'not_found');
  });
});

describe('the export', () => {
  test('holds everything of the tenant, and stands in the audit log', async () => {
    const { name, admin, user } = await tenant();
    await publish(admin, 'Hello.');
    const id = await user.initiate('core_values');
    await user.say(id, 'We bake bread that people remember.');
    const { analysis_id } = (await user.post('/api/v1/analysis/alignment', { text_to_analyze: 'We bake bread by hand.' })).body;
    const exported = await admin.get('/api/v1/admin/export');
    expect(exported.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
    const lines = exported.text.trimEnd().split('\n').map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ kind: 'export', tenant_id: name, format: 1 });
    expect(lines.at(-1)).toEqual({ kind: 'end', lines: lines.length });
    const kinds = new Set(lines.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['user', 'conversation', 'message', 'analysis', 'topic', 'topic_version', 'topic_files', 'usage', 'audit_entry']));
    const [analysis] = lines.filter(({ kind }) => kind === 'analysis');
    expect(analysis.data).toMatchObject({ analysis_id, topic: 'alignment', result: { strengths: expect.any(Array) } });
    expect(exported.text).toContain('We bake bread that people remember.');
    expect((await admin.get('/api/v1/admin/audit')).body.entries[0].act).toBe('tenant.export');
  });
});
