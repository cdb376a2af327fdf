// Topics under version control from the command line, with and without a service at work on the same data.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, Server, temporaryFolder } from './harness.ts';
import { withSecret } from './settings.ts';

let server: Server;
const folders: string[] = [];
beforeAll(async () => {
  server = await Server.start();
});
afterAll(async () => {
  await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  folders.push(temporaryFolder());
  return folders.at(-1)!;
}

const topics = (data: string, ...args: string[]) => command(['topics', ...args, '--data', data]);

async function succeeds(data: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await topics(data, ...args);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return stdout;
}

function setOpening(topic: string, text: string): void {
  const file = join(topic, 'offline.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^opening: .*\n(?: .*\n)*/m, `opening: ${text}\n`));
}

async function opening(tenant: string): Promise<string> {
  const user = await server.client({ tenant });
  return (await user.post('/api/v1/conversations/initiate', { topic: 'core_values' })).body.initial_message;
}

describe('beside a service', () => {
  test('a topic is exported, changed, published for one tenant, and rolled back', async () => {
    const mine = folder();
    expect(await succeeds(server.data, 'export', 'core_values', '--out', mine)).toMatch(/core_values {2}version 0 \(built_in\)/);
    setOpening(join(mine, 'core_values'), 'Hello from the command line.');
    const tenant = ['--tenant', 'cli-1'];
    expect(await succeeds(server.data, 'publish', join(mine, 'core_values'), '-m', 'friendlier', ...tenant)).toMatch(/^core_values: version 1 is live/);
    expect(await opening('cli-1')).toMatch(/^Hello from the command line/);
    expect(await opening('cli-2')).not.toMatch(/command line/);
    expect(await succeeds(server.data, 'publish', mine, '-m', 'the same again', ...tenant)).toMatch(/version 1 is live/);
    expect(await succeeds(server.data, 'versions', 'core_values', ...tenant)).toMatch(/^\* {4}1 .* friendlier\n/);
    expect(await succeeds(server.data, 'diff', 'core_values', '--from', '0', '--to', '1', ...tenant)).toMatch(/^\+opening: Hello from the command line\.$/m);
    expect(JSON.parse(await succeeds(server.data, 'list', '--json', ...tenant)).find(({ id }: any) => id === 'core_values')).toMatchObject({ version: 1, scope: 'cli-1' });
    await succeeds(server.data, 'rollback', 'core_values', ...tenant);
    expect(await opening('cli-1')).not.toMatch(/command line/);
  });

  test('what the operator publishes is for all tenants, but for those that have their own', async () => {
    const mine = folder();
    await succeeds(server.data, 'export', 'core_values', '--out', mine);
    setOpening(join(mine, 'core_values'), 'Hello, bakery.');
    await succeeds(server.data, 'publish', mine, '-m', 'own', '--tenant', 'cli-bakery');
    setOpening(join(mine, 'core_values'), 'Hello, everybody.');
    await succeeds(server.data, 'publish', mine, '-m', 'all');
    expect(await opening('cli-mill')).toMatch(/^Hello, everybody/);
    expect(await opening('cli-bakery')).toMatch(/^Hello, bakery/);
    await succeeds(server.data, 'publish', 'core_values', '--version', '0');
    expect(await opening('cli-mill')).not.toMatch(/everybody/);
  });

  test('an administrator’s token reaches the own tenant alone', async () => {
    const token = await server.token({ tenant: 'cli-token', role: 'admin' });
    const { code, stdout } = await command(['topics', 'show', 'core_values', '--url', server.url, '--token', token]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^core_values .*\n[\s\S]*topic\.yaml/);
    const user = await command(['topics', 'show', 'core_values', '--url', server.url, '--token', await server.token()]);
    expect({ code: user.code, stderr: user.stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/role admin/) });
  });

  test('the audit log and the export of a tenant are read', async () => {
    const mine = folder();
    await succeeds(server.data, 'export', 'core_values', '--out', mine);
    setOpening(join(mine, 'core_values'), 'Hello, auditors.');
    await succeeds(server.data, 'publish', mine, '-m', 'for the books', '--tenant', 'cli-audit');
    await opening('cli-audit');
    const audit = await command(['audit', '--tenant', 'cli-audit', '--data', server.data, '--json']);
    expect(JSON.parse(audit.stdout).map(({ act, tenant_id }: any) => [act, tenant_id])).toEqual([
      ['topic.publish', 'cli-audit'],
      ['topic.save', 'cli-audit'],
    ]);
    expect((await command(['audit', '--data', server.data])).stdout).toMatch(/cli-audit .* topic\.publish/);
    const out = join(mine, 'export.ndjson');
    const exported = await command(['tenant', 'export', 'cli-audit', '--out', out, '--data', server.data]);
    expect({ code: exported.code, stderr: exported.stderr }).toEqual({ code: 0, stderr: '' });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    expect(lines.at(-1)).toEqual({ kind: 'end', lines: lines.length });
    expect(lines.filter(({ kind }) => kind === 'conversation')).toHaveLength(1);
    expect((await command(['tenant', 'export', 'cli-audit', '--out', out, '--data', server.data])).code).toBe(2);
  });
});

describe('without a service', () => {
  test('the command works on the data itself, and what it did is there when one starts', async () => {
    const [data, mine] = [folder(), folder()];
    await succeeds(data, 'export', 'purpose', '--out', mine);
    setOpening(join(mine, 'purpose'), 'Hello before the start.');
    await succeeds(data, 'publish', join(mine, 'purpose'), '-m', 'first');
    const late = await Server.start({ data });
    const { body } = await (await late.client()).post('/api/v1/conversations/initiate', { topic: 'purpose' });
    await late.stop();
    expect(body.initial_message).toMatch(/^Hello before the start/);
  });

  test('all versions can be taken elsewhere', async () => {
    const [data, other, mine, backup] = [folder(), folder(), folder(), folder()];
    await succeeds(data, 'export', 'purpose', '--out', mine);
    for (const text of ['One.', 'Two.']) {
      setOpening(join(mine, 'purpose'), text);
      await succeeds(data, 'publish', mine, '-m', `opens with ${text}`);
    }
    await succeeds(data, 'export', 'purpose', '--out', backup, '--versions');
    expect(existsSync(join(backup, 'purpose', 'versions', '1', 'version.json'))).toBe(true);
    expect(await succeeds(other, 'import', backup, '--publish')).toMatch(/version 2 is live/);
    expect(await succeeds(other, 'versions', 'purpose')).toMatch(/\* {4}2 .*opens with Two\. \(version 2 by .*\n {5}1 .*opens with One\./);
    expect((await topics(data, 'export', 'purpose', '--out', backup)).stderr).toMatch(/is there already; --force/);
  });

  test('a fault names file and line, and nothing is saved', async () => {
    const [data, mine] = [folder(), folder()];
    await succeeds(data, 'export', 'purpose', '--out', mine);
    writeFileSync(join(mine, 'purpose', 'initiation.md'), 'Hello.\n{{nobody_knows}}\n');
    const { code, stderr } = await topics(data, 'publish', mine, '-m', 'broken');
    expect(code).toBe(1);
    expect(stderr).toMatch(/purpose\/initiation\.md:2: the variable 'nobody_knows' is not declared/);
    writeFileSync(join(mine, 'purpose', 'system.md'), 'x'.repeat(2_000_000));
    expect((await topics(data, 'publish', mine, '-m', 'huge')).stderr).toMatch(/system\.md: the file is larger than 1 MB/);
    expect((await topics(data, 'versions', 'purpose')).stdout).toMatch(/none of these versions is live/);
  });

  test.each([
    [['publish', 'no/such/folder', '-m', 'x'], 2, /no folder/],
    [['publish', 'purpose'], 2, /--version/],
    [['show', 'no_such_topic'], 1, /topic_not_found/],
    [['rollback', 'purpose'], 1, /nothing to go back to/],
    [['show', 'purpose', '--url', 'http://127.0.0.1:1'], 4, /127\.0\.0\.1:1/],
  ])('topics %j ends with %i and says why', async (args, wanted, reason) => {
    const { code, stderr } = await command(['topics', ...args, '--data', folder()], withSecret());
    expect({ code, stderr }).toEqual({ code: wanted, stderr: expect.stringMatching(reason) });
  });
});
