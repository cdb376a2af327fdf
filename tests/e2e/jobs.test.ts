// Analyses as jobs, from outside: asked for, because they take long, across crashes; and what operators do with them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Client, expectError, expectFaults } from './client.ts';
import { type Call, FakeModel, Gate } from './fake_model.ts';
import { command, Server } from './harness.ts';
import { type Settings, withAnalysisWait, withBudget, withDrainDeadline, withJobAttempts, withModel, withSweeps } from './settings.ts';

const base = '/api/v1/analysis';
const jobs = '/api/v1/jobs';
const respondAsync = { headers: { prefer: 'respond-async' } };
const forEver = () => new Promise<void>(() => {});

let model: FakeModel;
let usual: FakeModel['structured'];
const servers: Server[] = [];
beforeAll(async () => {
  model = await FakeModel.start();
  usual = model.structured;
});
afterEach(async () => {
  model.structured = usual;
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
afterAll(() => model.stop());

async function serve(settings: Settings = {}): Promise<Server> {
  const server = await Server.start({ settings: { ...withModel(model.url), ...withSweeps(100), ...settings } });
  servers.push(server);
  return server;
}

const again = (user: Client, server: Server) => new Client(server.url, user.token);
const asking = (word: string) => ({ text_to_analyze: `${word}: we bake bread by hand, and want to open a second shop by June.` });
const ask = (user: Client, word: string, extras = {}): Promise<Answer> => user.post(`${base}/alignment`, asking(word), extras);
const about = (word: string) => (call: Call) => call.prompt.includes(word);
// Scripts the answers to requests with this word; others are answered as usual.
function answer(word: string, script: FakeModel['structured']): void {
  const before = model.structured;
  model.structured = (call) => (about(word)(call) ? script(call) : before(call));
}
const until = async (user: Client, id: string, status: string): Promise<any> => {
  await expect.poll(async () => (await user.get(`${jobs}/${id}`)).body.status, { timeout: 15_000, interval: 50 }).toBe(status);
  return (await user.get(`${jobs}/${id}`)).body;
};
const analyses = async (user: Client): Promise<any[]> => (await user.get(base)).body.analyses;

function expectAccepted(accepted: Answer): any {
  expect(accepted.status, accepted.text).toBe(202);
  expect(accepted.headers.get('location')).toBe(`${jobs}/${accepted.body.job_id}`);
  return accepted.body;
}

describe('an analysis with Prefer: respond-async', () => {
  test('is a job at once, whose result is the analysis', async () => {
    const user = await (await serve()).client();
    const gate = new Gate();
    answer('async-1', (call) => ({ ...usual(call), before: () => gate.opened }));
    const accepted = await ask(user, 'async-1', respondAsync);
    expect(accepted.headers.get('preference-applied')).toBe('respond-async');
    const { job_id } = expectAccepted(accepted);
    await model.call(about('async-1'));
    expect((await user.get(`${jobs}/${job_id}`)).body).toMatchObject({ kind: 'analysis', topic: 'alignment', status: 'processing', attempts: 1, result: null, error: null });
    expect(await analyses(user)).toEqual([]);
    gate.open();
    const { result, error } = await until(user, job_id, 'completed');
    expect(error).toBeNull();
    expect((await user.get(`${base}/${result.analysis_id}`)).body).toEqual(result);
    expect(await analyses(user)).toHaveLength(1);
    expect((await user.get(`${jobs}/`)).body).toMatchObject({ total: 1, has_more: false, jobs: [{ job_id, status: 'completed' }] });
    await user.delete(`${base}/${result.analysis_id}`);
    expect((await user.get(`${jobs}/${job_id}`)).body.result).toBeNull();
  });

  test('knows the preference among others, and nothing else by its name', async () => {
    const user = await (await serve()).client();
    expect((await ask(user, 'prefer-1', { headers: { prefer: 'wait=5, Respond-Async' } })).status).toBe(202);
    expect((await ask(user, 'prefer-2', { headers: { prefer: 'return=minimal' } })).status).toBe(201);
  });

  test('is refused at once when the request is wrong, or no budget is left for it', async () => {
    const server = await serve(withBudget('user', 'day_tokens', 1));
    const user = await server.client();
    expectFaults(await user.post(`${base}/alignment`, { text_to_analyze: 'short' }, respondAsync), 'text_to_analyze');
    expectError(await user.post(`${base}/nonsense`, {}, respondAsync), 404, 'topic_not_found');
    expectError(await ask(user, 'too-dear', respondAsync), 429, 'quota_exceeded');
    expect((await user.get(jobs)).body.total).toBe(0);
  });

  test('is the same job for the same key', async () => {
    const user = await (await serve()).client();
    const gate = new Gate();
    answer('key-1', (call) => ({ ...usual(call), before: () => gate.opened }));
    const keyed = { headers: { prefer: 'respond-async', 'idempotency-key': 'key-1' } };
    const { job_id } = expectAccepted(await ask(user, 'key-1', keyed));
    expect(expectAccepted(await ask(user, 'key-1', keyed)).job_id).toBe(job_id);
    expectError(await ask(user, 'other', keyed), 409, 'idempotency_mismatch');
    gate.open();
    const { result } = await until(user, job_id, 'completed');
    expect(expectAccepted(await ask(user, 'key-1', keyed))).toMatchObject({ job_id, status: 'completed' });
    const waited = await ask(user, 'key-1', { headers: { 'idempotency-key': 'key-1' } });
    expect(waited.status).toBe(201);
    expect(waited.body).toEqual(result);
    expect(model.calls.filter(about('key-1'))).toHaveLength(1);
  });

  test('belongs to its owner alone', async () => {
    const server = await serve();
    const { job_id } = expectAccepted(await ask(await server.client({ user: 'ines', tenant: 'bakery' }), 'mine', respondAsync));
    for (const identity of [{ user: 'otto', tenant: 'bakery' }, { user: 'ines', tenant: 'brewery' }]) {
      const other = await server.client(identity);
      expectError(await other.get(`${jobs}/${job_id}`), 404, 'job_not_found');
      expectError(await other.delete(`${jobs}/${job_id}`), 404, 'job_not_found');
      expect((await other.get(jobs)).body.total).toBe(0);
    }
    expectError(await (await server.client()).get(`${jobs}/nonsense`), 404, 'job_not_found');
  });

  test('can be cancelled until it is done', async () => {
    const user = await (await serve()).client();
    answer('cancel-1', () => ({ before: forEver }));
    const { job_id } = expectAccepted(await ask(user, 'cancel-1', respondAsync));
    const call = await model.call(about('cancel-1'));
    expect((await user.delete(`${jobs}/${job_id}`)).status).toBe(204);
    await call.closed;
    expect((await user.get(`${jobs}/${job_id}`)).body).toMatchObject({ status: 'failed', result: null, error: { error: 'cancelled' } });
    expectError(await user.delete(`${jobs}/${job_id}`), 409, 'conflict');
    expect(await analyses(user)).toEqual([]);
  });
});

describe('an analysis that takes long', () => {
  test('is answered with a job instead of outliving the gateway', async () => {
    const user = await (await serve(withAnalysisWait(200))).client();
    const gate = new Gate();
    answer('slow-1', (call) => ({ ...usual(call), before: () => gate.opened }));
    const keyed = { headers: { 'idempotency-key': 'slow-1' } };
    const late = await ask(user, 'slow-1', keyed);
    expect(late.headers.get('preference-applied')).toBeNull();
    const { job_id, status } = expectAccepted(late);
    expect(status).toBe('processing');
    gate.open();
    const { result, attempts } = await until(user, job_id, 'completed');
    expect(attempts).toBe(1);
    expect((await ask(user, 'slow-1', keyed)).body).toEqual(result);
    expect(model.calls.filter(about('slow-1'))).toHaveLength(1);
    expect(await analyses(user)).toHaveLength(1);
  });

  test('that is answered in time is no job', async () => {
    const user = await (await serve(withAnalysisWait(10_000))).client();
    expect((await ask(user, 'quick')).status).toBe(201);
    expect((await user.get(jobs)).body.total).toBe(0);
  });
});

describe('a job', () => {
  test('whose server is killed is finished by the next one, once', async () => {
    const server = await serve(withAnalysisWait(200));
    const user = await server.client();
    answer('crash', () => ({ before: forEver }));
    const asked = expectAccepted(await ask(user, 'crash-asked', { headers: { prefer: 'respond-async', 'idempotency-key': 'k' } })).job_id;
    const late = expectAccepted(await ask(user, 'crash-late')).job_id;
    await model.call(about('crash-asked'));
    await server.kill();
    model.structured = usual;
    await server.restart();
    const back = again(user, server);
    for (const job_id of [asked, late]) expect((await until(back, job_id, 'completed')).attempts).toBe(2);
    expect(await analyses(back)).toHaveLength(2);
    expect((await ask(back, 'crash-asked', { headers: { 'idempotency-key': 'k' } })).body.analysis_id).toBe((await back.get(`${jobs}/${asked}`)).body.result.analysis_id);
    // Each on the books once.
    expect((await back.get('/api/v1/usage', { query: { group_by: 'topic' } })).body.rows).toMatchObject([{ group: 'alignment', calls: 2 }]);
  });

  test('that a server has to leave behind goes on in the next one, and that is no failure of its', async () => {
    const server = await serve(withDrainDeadline(300));
    const user = await server.client();
    answer('drain', () => ({ before: forEver }));
    const { job_id } = expectAccepted(await ask(user, 'drain-1', respondAsync));
    await model.call(about('drain-1'));
    server.signal('SIGTERM');
    expect((await server.exited()).code).toBe(0);
    model.structured = usual;
    await server.restart();
    expect((await until(again(user, server), job_id, 'completed')).attempts).toBe(1);
  });

  test('that failed is listed, shown and tried again by an operator; nothing that was said gets out', async () => {
    const server = await serve(withJobAttempts(1));
    const user = await server.client({ tenant: 'bakery' });
    answer('canary-job', () => ({ status: 500 }));
    const { job_id } = expectAccepted(await ask(user, 'canary-job', { headers: { prefer: 'respond-async', 'idempotency-key': 'canary-key' } }));
    const failed = await until(user, job_id, 'failed');
    expect(failed.error).toEqual({ error: 'llm_unavailable', message: 'The model could not be reached.' });

    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await command([...args, '--data', server.data]);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const listed = await run('jobs', 'list', '--status', 'failed', '--tenant', 'bakery');
    expect(listed).toMatch(new RegExp(`^${job_id}  failed +analysis +1 +\\d+s  bakery$`, 'm'));
    for (const line of listed.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(await run('jobs', 'list', '--tenant', 'brewery')).not.toContain(job_id);
    const [found] = JSON.parse(await run('jobs', 'list', '--json'));
    expect(found).toMatchObject({ job_id, tenant_id: 'bakery', status: 'failed', error: { error: 'llm_unavailable' } });
    const shown = await run('jobs', 'show', job_id);
    expect(shown).toMatch(/^status +failed$/m);
    expect(shown).toMatch(/^error +llm_unavailable$/m);

    model.structured = usual;
    expect(await run('jobs', 'retry', job_id)).toContain('due again');
    expect((await until(user, job_id, 'completed')).result).not.toBeNull();
    expect(await run('audit', '--tenant', 'bakery')).toMatch(new RegExp(`job\\.retry +${job_id}`));
    expect((await command(['jobs', 'retry', job_id, '--data', server.data])).stderr).toContain('only a failed one');
    expect((await command(['jobs', 'show', 'job_01M81PTC2V6Q0B7N3D9XWKZ4RM', '--data', server.data])).code).toBe(1);

    const metrics = (await server.anonymous().get('/metrics')).text;
    expect(metrics).toMatch(/purposepath_jobs_total\{kind="analysis",outcome="completed"\} 1/);
    for (const text of [server.stdout, server.stderr, metrics, listed, shown, JSON.stringify(found)]) expect(text).not.toContain('canary');
  });

  test('of a tenant is its administrators’ to see', async () => {
    const server = await serve(withJobAttempts(1));
    answer('fails', () => ({ status: 500 }));
    const user = await server.client({ tenant: 'bakery' });
    const { job_id } = expectAccepted(await ask(user, 'fails', respondAsync));
    await until(user, job_id, 'failed');
    const admin = await server.client({ tenant: 'bakery', role: 'admin' });
    const list = (client: Client, query = {}) => client.get('/api/v1/admin/jobs', { query });
    expect((await list(admin, { status: 'failed', kind: 'analysis' })).body).toMatchObject({ total: 1, jobs: [{ job_id, tenant_id: 'bakery' }] });
    expect((await list(admin, { status: 'completed' })).body.total).toBe(0);
    expectFaults(await list(admin, { status: 'lost' }), 'status');
    expectError(await list(admin, { scope: 'all' }), 403, 'forbidden');
    expectError(await list(user), 403, 'forbidden');
    const other = await server.client({ tenant: 'brewery', role: 'admin' });
    expect((await list(other)).body.total).toBe(0);
    expectError(await other.post(`/api/v1/admin/jobs/${job_id}/retry`), 404, 'job_not_found');
    model.structured = usual;
    expect((await admin.post(`/api/v1/admin/jobs/${job_id}/retry`)).body).toMatchObject({ job_id, status: 'pending', attempts: 0 });
    await until(user, job_id, 'completed');
    expectError(await admin.post(`/api/v1/admin/jobs/${job_id}/retry`), 409, 'conflict');
  });
});
