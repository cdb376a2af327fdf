import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, expectError, expectFaults } from './client.ts';
import { FakeModel, Gate } from './fake_model.ts';
import { command, Server } from './harness.ts';
import { withBudget, withModel, withPrices } from './settings.ts';

// The fake model always says that it read 120 tokens and wrote 20.
const callUsd = (120 * 100 + 20 * 500) / 1e6;
const calls = (number: number) => ({
  calls: number,
  estimated_calls: 0,
  prompt_tokens: 120 * number,
  completion_tokens: 20 * number,
  total_tokens: 140 * number,
  cached_tokens: 0,
  cost_usd: expect.closeTo(callUsd * number, 8),
});
const today = () => new Date().toISOString().slice(0, 10);

let model: FakeModel;
let server: Server;
let settings: Record<string, string>;
beforeAll(async () => {
  model = await FakeModel.start();
  settings = { ...withModel(model.url), ...withPrices(100, 500) };
  server = await Server.start({ settings });
});
afterAll(async () => {
  await server.stop();
  await model.stop();
});

describe('usage', () => {
  let ines: Client;
  let admin: Client;

  beforeAll(async () => {
    const otto = await server.client({ user: 'otto', tenant: 'bakery' });
    ines = await server.client({ user: 'ines', tenant: 'bakery' });
    admin = await server.client({ user: 'boss', tenant: 'bakery', role: 'admin' });
    const id = await ines.initiate('core_values'); // one call
    for (const line of ['Honesty.', 'And bread.']) expect((await ines.say(id, line)).status).toBe(200); // two each
    await otto.initiate('purpose');
    await (await server.client({ user: 'ines', tenant: 'garage' })).initiate('goals');
  });

  test('of a turn is that of its reply and its assessment', async () => {
    const id = await (await server.client({ tenant: 'elsewhere' })).initiate();
    const user = await server.client({ user: 'uma', tenant: 'elsewhere' });
    const answer = await user.say(await user.initiate(), 'Flour on every table.');
    const { calls: _, estimated_calls, cached_tokens, ...usage } = calls(2);
    expect(answer.body.usage).toEqual({ ...usage, model: 'fake-1' });
    expect(id).toBeTruthy();
  });

  test('is shown to users as far as it is theirs', async () => {
    const { status, body } = await ines.get('/api/v1/usage');
    expect(status).toBe(200);
    expect(body).toEqual({
      from: `${today().slice(0, 8)}01`,
      to: today(),
      group_by: 'day',
      rows: [{ group: today(), ...calls(5) }],
      more: false,
      total: calls(5),
      budgets: [],
    });
    expect((await ines.get('/api/v1/usage', { query: { group_by: 'model' } })).body.rows).toEqual([{ group: 'fake-1', ...calls(5) }]);
  });

  test.each([
    ['user', [['ines', 5], ['otto', 1]]],
    ['topic', [['core_values', 5], ['purpose', 1]]],
    ['model', [['fake-1', 6]]],
    ['tenant', [['bakery', 6]]],
  ])('is shown to the administrators of the tenant, by %s', async (group_by, rows) => {
    const { body } = await admin.get('/api/v1/admin/usage', { query: { group_by } });
    expect(body.rows).toEqual(rows.map(([group, number]) => ({ group, ...calls(number as number) })));
    expect(body.total).toEqual(calls(6));
  });

  test('is nothing for a user without the role', async () => {
    expectError(await ines.get('/api/v1/admin/usage'), 403, 'forbidden');
  });

  test('has days, both included', async () => {
    const of = async (query: Record<string, string>) => (await admin.get('/api/v1/admin/usage', { query })).body.total.calls;
    expect(await of({ from: today(), to: today() })).toBe(6);
    expect(await of({ from: '2020-01-01', to: '2020-12-31' })).toBe(0);
    const wrong = { from: '2026-02-30', to: '2026-03-01' };
    expectFaults(await admin.get('/api/v1/admin/usage', { query: wrong }), 'from');
    expectFaults(await admin.get('/api/v1/admin/usage', { query: { from: 'yesterday' } }), 'from');
    expectFaults(await admin.get('/api/v1/admin/usage', { query: { from: today(), to: '2020-01-01' } }), 'to');
    expectFaults(await admin.get('/api/v1/admin/usage', { query: { from: '2020-01-01', to: today() } }), 'to');
    expectFaults(await ines.get('/api/v1/usage', { query: { group_by: 'user' } }), 'group_by');
  });

  test('is in the metrics', async () => {
    const { text } = await server.anonymous().get('/metrics');
    const value = (name: string) => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1]);
    const prompt = value('purposepath_tokens_total{model="fake-1",kind="prompt"}');
    expect(prompt).toBeGreaterThanOrEqual(120 * 7);
    expect(value('purposepath_cost_usd_total{model="fake-1"}')).toBeCloseTo((prompt / 120) * callUsd, 6);
  });

  describe('on the command line', () => {
    const usage = (...args: string[]) => command(['usage', ...args, '--data', server.data], settings);

    test('is a table of all tenants, while the server runs', async () => {
      const { code, stdout, stderr } = await usage();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.trimEnd().split('\n');
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
      expect(lines[0]).toBe(`${today().slice(0, 8)}01 to ${today()}`);
      expect(stdout).toMatch(/^bakery +6 +720 +120 +0 +0\.1320$/m);
      expect(stdout).toMatch(/^garage +1 +120 +20 +0 +0\.0220$/m);
      expect(lines.at(-1)).toMatch(/^total +\d+/);
    });

    test('is CSV', async () => {
      const { stdout } = await usage('--by', 'user', '--tenant', 'bakery', '--csv');
      expect(stdout).toBe(
        'user,calls,estimated_calls,prompt_tokens,completion_tokens,cached_tokens,cost_usd\n' +
          'ines,5,0,600,100,0,0.110000\notto,1,0,120,20,0,0.022000\n',
      );
    });

    test('is JSON, the same as over HTTP', async () => {
      const { stdout } = await usage('--by', 'user', '--tenant', 'bakery', '--json');
      const { budgets, ...body } = (await admin.get('/api/v1/admin/usage', { query: { group_by: 'user' } })).body;
      expect(JSON.parse(stdout)).toEqual(body);
      expect(budgets).toEqual([]);
    });

    test('says what is wrong with what was asked', async () => {
      expect((await usage('--from', 'yesterday')).stderr).toMatch(/2026-11-22/);
      expect((await usage('--by', 'mood')).code).toBe(2);
      expect((await usage('--user', 'ines')).stderr).toMatch(/--tenant/);
      expect((await usage('--csv', '--json')).code).toBe(2);
      const nowhere = await command(['usage', '--data', '/nowhere']);
      expect(nowhere.code).toBe(1);
      expect(nowhere.stderr).toMatch(/\/nowhere\/purposepath\.db/);
    });
  });
});

describe('a budget', () => {
  test('that is used up refuses the next call, says which and until when, and leaves the conversation as it is', async () => {
    const limited = await Server.start({ settings: { ...settings, ...withBudget('user', 'month_tokens', 12_000) } });
    try {
      const user = await limited.client({ user: 'ines', tenant: 'bakery' });
      const id = await user.initiate();
      let refused;
      for (let turn = 0; turn < 60 && !refused; ++turn) {
        const answer = await user.say(id, `Line ${turn}.`);
        if (answer.status !== 200) refused = answer;
      }
      const body = expectError(refused!, 429, 'quota_exceeded');
      const next = new Date();
      const resets = new Date(Date.UTC(next.getUTCFullYear(), next.getUTCMonth() + 1, 1)).toISOString();
      expect(body.message).toMatch(/^Your monthly budget of 12000 tokens/);
      expect(body.details).toEqual({ budget: 'user_month_tokens', limit: 12_000, resets_at: resets });
      expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThan(0);
      const { messages } = await user.conversation(id);
      expect(messages.at(-1).role).toBe('assistant');

      const { budgets, total } = (await user.get('/api/v1/usage')).body;
      expect(budgets).toEqual([
        { budget: 'user_month_tokens', limit: 12_000, spent: total.total_tokens, reserved: 0, left: 12_000 - total.total_tokens, resets_at: resets },
      ]);
      expect(total.total_tokens).toBeLessThanOrEqual(12_000);
      // Somebody else has a budget of their own.
      await (await limited.client({ user: 'otto', tenant: 'bakery' })).initiate();
    } finally {
      await limited.stop();
    }
  });

  test('of a tenant holds when all its users speak at once', async () => {
    const limited = await Server.start({ settings: { ...settings, ...withBudget('tenant', 'day_tokens', 40_000) } });
    try {
      const users = await Promise.all(Array.from({ length: 12 }, () => limited.client({ tenant: 'bakery' })));
      const outcomes = await Promise.all(
        users.map(async (user) => {
          const seen: number[] = [];
          const { status, body } = await user.post('/api/v1/conversations/initiate', { topic: 'core_values' });
          seen.push(status);
          for (let turn = 0; status === 201 && turn < 30; ++turn) seen.push((await user.say(body.conversation_id, `Line ${turn}.`)).status);
          return seen;
        }),
      );
      expect(new Set(outcomes.flat())).toEqual(new Set([200, 201, 429]));
      const admin = await limited.client({ tenant: 'bakery', role: 'owner' });
      const { budgets, total } = (await admin.get('/api/v1/admin/usage')).body;
      expect(budgets).toMatchObject([{ budget: 'tenant_day_tokens', spent: total.total_tokens, reserved: 0 }]);
      expect(total.total_tokens).toBeLessThanOrEqual(40_000);
    } finally {
      await limited.stop();
    }
  });

  test('gets back what a killed server had reserved, and its turn is charged once', async () => {
    const limited = await Server.start({ settings: { ...settings, ...withBudget('user', 'day_tokens', 50_000) } });
    try {
      let user = await limited.client({ user: 'ines', tenant: 'bakery' });
      const id = await user.initiate();
      const gate = new Gate();
      model.on('hold-this', { text: 'At last.', before: () => gate.opened });
      await user.stream(id, 'hold-this');
      await model.replyCall('hold-this');
      expect((await user.get('/api/v1/usage')).body.budgets[0].reserved).toBeGreaterThan(0);
      await limited.kill();
      gate.open();
      await limited.restart();
      user = await limited.client({ user: 'ines', tenant: 'bakery' });
      await expect.poll(() => user.said(id), { timeout: 10_000 }).toEqual(['user: hold-this', 'assistant: At last.']);
      const { budgets, total } = (await user.get('/api/v1/usage')).body;
      expect(total).toMatchObject(calls(3));
      expect(budgets[0]).toMatchObject({ spent: total.total_tokens, reserved: 0 });
    } finally {
      await limited.stop();
    }
  });
});
