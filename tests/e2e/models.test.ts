// The models: what the command line and administrators see of them, and what the router does when one fails.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectError } from './client.ts';
import { FakeModel, type Script } from './fake_model.ts';
import { command, Server, temporaryFolder } from './harness.ts';
import type { Settings } from './settings.ts';

const folder = temporaryFolder();
let small: FakeModel;
let large: FakeModel;
beforeAll(async () => {
  small = await FakeModel.start();
  large = await FakeModel.start();
});
afterAll(async () => {
  await small.stop();
  await large.stop();
  rmSync(folder, { recursive: true });
});

// A catalogue of two models on two servers; the small one falls back to the large one.
function withCatalogue(extra = ''): Settings {
  const file = join(folder, 'models.yaml');
  writeFileSync(
    file,
    `routes:
  default: { free: small, basic: small, premium: large, ultimate: large }
  assessment: small
  summary: small
  extraction: small
models:
  small: { vendor: compatible, id: small-1, base_url: "${small.url}", price: { input: 1, output: 2 }, fallbacks: [large] }
  large: { vendor: compatible, id: large-1, base_url: "${large.url}", price: { input: 10, output: 20 } }
${extra}`,
  );
  return { PURPOSEPATH_LLM__PROVIDER: 'catalogue', PURPOSEPATH_LLM__CATALOGUE_FILE: file };
}

// One answer like this, and friendly ones again.
function answerOnce(model: FakeModel, script: Script): void {
  let left = 1;
  model.on('', () => (left-- > 0 ? script : { text: 'What was it that moved you?' }));
}

describe('models list', () => {
  test('names every model in lines of at most 80 columns', async () => {
    const { code, stdout } = await command(['models', 'list']);
    expect(code).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^offline +offline +0 \/ 0 .* in use$/m);
    expect(stdout).toMatch(/^gpt-6-luna +openai .* no key$/m);
  });

  test('tells scripts which routes lead where', async () => {
    const { code, stdout } = await command(['models', 'list', '--json'], withCatalogue());
    expect(code).toBe(0);
    const models: any[] = JSON.parse(stdout);
    expect(models.find(({ code: name }) => name === 'small')).toMatchObject({
      state: 'in use',
      needs: null,
      price: { input: 1, output: 2 },
      routes: ['default.free', 'default.basic', 'assessment', 'extraction', 'summary'],
    });
    expect(models.find(({ code: name }) => name === 'gpt-6-luna')).toMatchObject({ state: 'no key', needs: 'llm.openai.api_key' });
  });

  test('ends with 3 and every fault of the catalogue', async () => {
    const { code, stderr } = await command(['models', 'list'], withCatalogue('  third: { vendor: opanai, id: x }\n'));
    expect(code).toBe(3);
    expect(stderr).toMatch(/models\.yaml:9: unknown vendor opanai; did you mean openai\?/);
    expect(stderr).toMatch(/models\.yaml:9: the model third has no price/);
  });
});

describe('models test', () => {
  test('calls each model once', async () => {
    const { code, stdout, stderr } = await command(['models', 'test', '--json'], withCatalogue());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const tests: any[] = JSON.parse(stdout);
    expect(tests.map(({ model, ok }) => [model, ok])).toEqual([['large', true], ['offline', true], ['small', true]]);
    for (const { completion_tokens, cost_usd, latency_ms } of tests.filter(({ model }) => model !== 'offline')) {
      expect(completion_tokens).toBeGreaterThan(0);
      expect(cost_usd).toBeGreaterThan(0);
      expect(latency_ms).toBeGreaterThanOrEqual(0);
    }
  });

  test('says what is wrong with those that do not answer, and ends with 1', async () => {
    answerOnce(large, { status: 401, body: '{"error":{"code":"invalid_api_key"}}' });
    const { code, stdout } = await command(['models', 'test'], withCatalogue());
    expect(code).toBe(1);
    expect(stdout).toMatch(/^large +failed after \d+ ms: [\s\S]*check the API key/m);
    expect(stdout).toMatch(/^small +\d+ ms, first text +\d+ ms, \d+ \+ \d+ tokens/m);
  });

  test('works for the offline coach', async () => {
    expect((await command(['models', 'test'])).code).toBe(0);
  });

  test('knows a misspelt model', async () => {
    const { code, stderr } = await command(['models', 'test', 'smal'], withCatalogue());
    expect(code).toBe(2);
    expect(stderr).toMatch(/did you mean small\?/);
  });
});

describe('a server with a catalogue', () => {
  let server: Server;
  afterEach(() => server.stop());

  test('answers by tier, and from the fallback when a model is gone', async () => {
    server = await Server.start({ settings: { ...withCatalogue(), PURPOSEPATH_COACHING__ASSESSMENT: 'rules' } });
    const paying = await server.client({ tier: 'premium' });
    const before = large.calls.length;
    const start = { topic: 'core_values' };
    expect((await paying.request('POST', '/api/v1/conversations/initiate', start)).status).toBe(201);
    expect(large.calls.length).toBe(before + 1);

    answerOnce(small, { status: 404, body: '{"error":{"code":"model_not_found"}}' });
    const free = await server.client({ tier: 'free' });
    expect((await free.request('POST', '/api/v1/conversations/initiate', start)).status).toBe(201);
    expect(large.calls.length).toBe(before + 2);
    const logged = await server.logLine(({ event }) => event === 'llm_call');
    expect(logged).toMatchObject({ level: 'info', model: 'large', trail: 'small llm_error (404 model_not_found), large ok' });

    const admin = await server.client({ role: 'admin' });
    const { status, body } = await admin.request('GET', '/api/v1/admin/models');
    expect(status).toBe(200);
    expect(body.models.map(({ code }: any) => code)).toEqual(expect.arrayContaining(['large', 'offline', 'small']));
    expectError(await free.request('GET', '/api/v1/admin/models'), 403, 'forbidden');
  });
});
