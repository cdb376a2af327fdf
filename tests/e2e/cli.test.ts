import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary, repository } from './binary.ts';
import { Client, transcript } from './client.ts';
import { command, Server, temporaryFolder, topicsWith } from './harness.ts';
import { secret, withModel, withSecret, withTopics } from './settings.ts';
import { now, payloadOf } from './tokens.ts';

const data = temporaryFolder();
let server: Server;
beforeAll(async () => {
  server = await Server.start({ settings: withSecret() });
});
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true });
});

describe('--help', () => {
  const commands = [[], ['serve'], ['chat'], ['analyze'], ['token'], ['health'], ['topics'], ['topics', 'list'], ['topics', 'lint'], ['topics', 'show'], ['topics', 'versions'], ['topics', 'diff'], ['topics', 'render'], ['topics', 'test'], ['topics', 'publish'], ['topics', 'rollback'], ['topics', 'import'], ['topics', 'export'], ['audit'], ['tenant', 'export'], ['models'], ['models', 'list'], ['models', 'test'], ['usage'], ['config'], ['config', 'show']];

  test.each(commands.map((words) => [words]))('of purposepath %j says what it is for', async (words) => {
    const { code, stdout, stderr } = await command([...words, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.length).toBeGreaterThan(150);
  });

  test.each([['serve'], ['chat'], ['analyze'], ['token'], ['health'], ['topics', 'lint'], ['topics', 'show'], ['topics', 'versions'], ['topics', 'diff'], ['topics', 'render'], ['topics', 'test'], ['topics', 'publish'], ['topics', 'rollback'], ['topics', 'import'], ['topics', 'export'], ['audit'], ['tenant', 'export'], ['models', 'list'], ['models', 'test'], ['usage'], ['config', 'show']])('of %s has examples', async (...words) => {
    expect((await command([...words, '--help'])).stdout).toMatch(new RegExp(`Examples?:[\\s\\S]*purposepath ${words.join(' ')}`));
  });

  test('documents the exit codes', async () => {
    expect((await command(['--help'])).stdout).toMatch(/exit codes/i);
  });
});

describe('a wrong command line ends with 2 and says what is right:', () => {
  test.each([
    [['serv'], /serve/],
    [['serve', '--prot', '1'], /--port/],
    [['serve', '--port', 'many'], /port/],
    [['token', '--role', 'emperor'], /admin/],
    [['chat', '--script'], /script/],
  ])('%j', async (args, hint) => {
    const { code, stdout, stderr } = await command([...args, ...(args[0] === 'serve' ? ['--data', data] : [])]);
    expect([2, 3]).toContain(code);
    expect(stdout).toBe('');
    expect(stderr).toMatch(hint);
  });
});

describe('token', () => {
  test('prints the token and nothing else', async () => {
    const { code, stdout, stderr } = await command(['token', '--user', 'ines', '--tenant', 'bakery', '--role', 'coach', '--tier', 'premium', '--data', data]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const payload = payloadOf(stdout);
    expect(payload).toMatchObject({ sub: 'ines', tenant_id: 'bakery', roles: ['coach'], tier: 'premium' });
    expect(payload.exp).toBeGreaterThan(now());
  });

  test('is good for a server with the same secret', async () => {
    const { stdout } = await command(['token', '--user', 'ines', '--tenant', 'bakery'], withSecret());
    const answer = await new Client(server.url, stdout.trim()).post('/api/v1/conversations/initiate', { topic: 'goals' });
    expect(answer.body).toMatchObject({ user_id: 'ines', tenant_id: 'bakery' });
  });

  test('takes several roles and a term', async () => {
    const { stdout } = await command(['token', '--role', 'coach', '--role', 'admin', '--expires', '1h', '--data', data]);
    const payload = payloadOf(stdout);
    expect(payload.roles).toEqual(['coach', 'admin']);
    expect(payload.exp - now()).toBeGreaterThan(3_500);
    expect(payload.exp - now()).toBeLessThanOrEqual(3_600);
  });
});

describe('health', () => {
  test('ends with 0 for a server that is well', async () => {
    const { code, stdout } = await command(['health', '--url', server.url]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/healthy/);
  });

  test('gives the dependencies as JSON', async () => {
    const { code, stdout } = await command(['health', '--url', server.url, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).dependencies.store.status).toBe('healthy');
  });

  test('ends with 4 when nobody is there', async () => {
    const other = await Server.start();
    const gone = other.url;
    await other.stop();
    const { code, stdout, stderr } = await command(['health', '--url', gone]);
    expect(code).toBe(4);
    expect(stdout + stderr).toContain(gone);
  });
});

describe('topics', () => {
  test('list names all four', async () => {
    const { code, stdout } = await command(['topics', 'list']);
    expect(code).toBe(0);
    for (const topic of ['core_values', 'purpose', 'vision', 'goals']) expect(stdout).toContain(topic);
  });

  test('list --json is data', async () => {
    const { stdout } = await command(['topics', 'list', '--json']);
    const listed = JSON.parse(stdout);
    const conversations = (listed.topics ?? listed).filter(({ kind }: any) => kind === 'conversation');
    expect(conversations.map(({ id }: any) => id).sort()).toEqual(['core_values', 'goals', 'purpose', 'vision']);
  });

  test('lint passes what we ship', async () => {
    const { code, stdout, stderr } = await command(['topics', 'lint']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/core_values/);
  });

  const broken: [string, (folder: string) => void, RegExp][] = [
    ['an undeclared variable', (folder) => append(folder, 'system.md', '\nHello {{nobody_declared_this}}.\n'), /nobody_declared_this/],
    ['a section that is never closed', (folder) => append(folder, 'initiation.md', '\n{{#role}}\n'), /initiation\.md/],
    ['a result schema that is not JSON', (folder) => writeFileSync(join(folder, 'vision', 'result.schema.json'), '{'), /result\.schema\.json/],
    ['a result schema outside the strict subset', (folder) => writeFileSync(join(folder, 'vision', 'result.schema.json'), '{"type": "object", "properties": {"a": {"type": "string"}}}'), /additionalProperties|required/],
    ['a setting that does not exist', (folder) => append(folder, 'topic.yaml', '\nmax_turnz: 5\n'), /max_turnz/],
  ];
  const append = (folder: string, file: string, text: string) => {
    const path = join(folder, 'vision', file);
    writeFileSync(path, readFileSync(path, 'utf8') + text);
  };

  test.each(broken)('lint finds %s, and names file and place', async (_, damage, named) => {
    const folder = topicsWith('vision', {});
    try {
      damage(folder);
      const { code, stdout, stderr } = await command(['topics', 'lint'], withTopics(folder));
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/vision/);
      expect(stdout + stderr).toMatch(named);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('config', () => {
  const settings = { ...withSecret(), ...withModel('http://127.0.0.1:1/v1'), PURPOSEPATH_LLM__API_KEY: 'a-key-to-be-kept-secret' };

  test('show says where each value comes from, and masks secrets', async () => {
    const { code, stdout } = await command(['config', 'show', '--data', data], settings);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http\.port +8000 +default$/m);
    expect(stdout).toMatch(/^llm\.model +fake-1 +PURPOSEPATH_LLM__MODEL$/m);
    expect(stdout).toMatch(/^auth\.secret /m);
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain('a-key-to-be-kept-secret');
  });

  test('show --json masks them as well', async () => {
    const { stdout } = await command(['config', 'show', '--json'], settings);
    const shown = JSON.parse(stdout);
    expect(shown['llm.model']).toMatchObject({ value: 'fake-1', origin: 'PURPOSEPATH_LLM__MODEL' });
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain('a-key-to-be-kept-secret');
  });

  test('layers are file < environment < flags', async () => {
    const file = join(data, 'layers.yaml');
    writeFileSync(file, 'http:\n  port: 7001\n  threads: 1\nlog:\n  level: warn\n');
    const { stdout } = await command(['config', 'show', '--config', file, '--set', 'log.level=error', '--json'], { PURPOSEPATH_HTTP__PORT: '7002', PURPOSEPATH_LOG__LEVEL: 'debug' });
    const shown = JSON.parse(stdout);
    expect([shown['http.threads'].value, shown['http.port'].value, shown['log.level'].value].map(String)).toEqual(['1', '7002', 'error']);
    expect(shown['http.threads'].origin).toMatch(/layers\.yaml:3/);
  });

  test('an unknown key is an error with a suggestion, and all faults come at once', async () => {
    const file = join(data, 'wrong.yaml');
    writeFileSync(file, 'http:\n  prot: 7001\nlog:\n  level: loud\n');
    const { code, stdout, stderr } = await command(['config', 'show', '--config', file], { PURPOSEPATH_HTTP__HSOT: '127.0.0.1' });
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/did you mean (http\.)?port/);
    expect(stderr).toMatch(/PURPOSEPATH_HTTP__HOST/);
    expect(stderr).toMatch(/log\.level[\s\S]*(debug|info|warn)/);
    expect(stderr).toMatch(/wrong\.yaml:2/);
  });

  test('a stream is kept open by a comment every 15 seconds, unless set otherwise', async () => {
    const { stdout } = await command(['config', 'show', '--json']);
    expect(JSON.parse(stdout)['http.sse_keep_alive'].value).toBe('15s');
  });

  test.each([
    ['no model', { PURPOSEPATH_LLM__PROVIDER: 'openai' }, /model/],
    ['an unknown provider', { PURPOSEPATH_LLM__PROVIDER: 'opanai' }, /did you mean openai/],
    ['a base URL that is none', withModel('localhost:11434'), /localhost:11434/],
    ['a key with a line break', { ...withModel('http://127.0.0.1:1/v1'), PURPOSEPATH_LLM__API_KEY: 'two\nlines' }, /api_key/],
    ['a short secret', withSecret('short'), /auth\.secret/],
    ['a certificate that is not there', { PURPOSEPATH_HTTP__TLS_CERTIFICATE: '/nowhere.pem', PURPOSEPATH_HTTP__TLS_KEY: '/nowhere.pem' }, /nowhere\.pem/],
  ])('a server does not start with %s: exit code 3', async (_, wrong, named) => {
    const { code, stdout, stderr } = await command(['serve', '--port', '0', '--data', data], wrong);
    expect({ code, stdout }, stderr).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(named);
  });

  test('a server does not start with a wrong one', async () => {
    const { code, stderr } = await command(['serve', '--port', '0', '--data', data], { PURPOSEPATH_RATE_LIMIT__ENABLED: 'false' });
    expect(code).toBe(3);
    expect(stderr).toMatch(/PURPOSEPATH_RATE_LIMITS__ENABLED/);
  });
});

describe('serve', () => {
  test('with a port that is taken says so', async () => {
    const { code, stdout, stderr } = await command(['serve', '--port', String(server.port), '--data', data]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(String(server.port));
  });

  test('says at the start that the offline coach is rule-based', () => {
    expect(server.stdout + server.stderr).toMatch(/rule-based|offline/i);
  });
});

describe('chat', () => {
  const script = join(repository, 'examples', 'transcripts', 'core_values_1.txt');

  test('plays a whole conversation from a file, to its result', async () => {
    const token = await server.token();
    const { code, stdout } = await command(['chat', '--url', server.url, '--token', token, '--script', script]);
    expect(code).toBe(0);
    for (const word of ['craft', 'generosity', 'honesty', 'reliability', 'independence']) expect(stdout.toLowerCase()).toContain(word);
    const user = new Client(server.url, token);
    const { conversations } = (await user.get('/api/v1/conversations')).body;
    expect(conversations).toHaveLength(1);
    expect(conversations[0]).toMatchObject({ topic: 'core_values', status: 'completed' });
    const said = (await user.said(conversations[0].conversation_id)).filter((line) => line.startsWith('user: '));
    expect(said).toEqual(transcript('core_values_1').map((line) => `user: ${line}`));
  });

  test('gives the result as data with --json', async () => {
    const { code, stdout } = await command(['chat', '--url', server.url, '--token', await server.token(), '--script', script, '--json']);
    expect(code).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toMatch(/craft/i);
  });

  test('ends with 4 when no server is there', async () => {
    const { code, stderr } = await command(['chat', '--url', 'http://127.0.0.1:9', '--token', 'x', '--script', script]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/serve/);
  });
});

describe('the binary', () => {
  test('needs no symbol newer than glibc 2.34', () => {
    const symbols = execFileSync('objdump', ['-T', binary], { encoding: 'utf8', maxBuffer: 64 << 20 });
    const versions = [...symbols.matchAll(/\(?GLIBC_(\d+)\.(\d+)[.\d]*\)?\s+(\S+)$/gm)];
    expect(versions.length).toBeGreaterThan(20);
    const newer = versions.filter(([, major, minor]) => Number(major) > 2 || Number(minor) > 34).map(([line]) => line);
    expect(newer).toEqual([]);
  });

  test('is linked statically but for glibc and its companions', () => {
    const headers = execFileSync('objdump', ['-p', binary], { encoding: 'utf8' });
    const needed = [...headers.matchAll(/^\s*NEEDED\s+(\S+)$/gm)].map(([, name]) => name!);
    expect(needed).toContain('libc.so.6');
    const companions = /^(libc\.so|libm\.so|libgcc_s\.so|ld-linux|libdl\.so|libpthread\.so|librt\.so|libresolv\.so)/;
    expect(needed.filter((name) => !companions.test(name))).toEqual([]);
  });

  test('tells its version', async () => {
    const { code, stdout } = await command(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/purposepath \d+\.\d+\.\d+/);
  });
});
