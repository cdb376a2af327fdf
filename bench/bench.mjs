// Shared by the measuring scripts: servers to measure, what they cost, and wrk. Needs node, wrk and nginx (packages.txt).
import { spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, writeFileSync, mkdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const binary = process.env.PURPOSEPATH_BIN ?? join(root, 'build/release/purposepath');
const secret = randomBytes(48).toString('base64url');
const started = [];

export const folder = mkdtempSync(join(tmpdir(), 'purposepath-bench-'));
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

async function untilListening(port, child) {
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function start(command, args, port, env = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let errors = '';
  child.stderr.on('data', (data) => { errors = (errors + data).slice(-4000); });
  child.once('exit', (code) => { if (code) process.stderr.write(errors); });
  started.push(child);
  await untilListening(port, child);
  return child;
}

// nginx in the foreground, one process a role: a model server that answers at once, and a bare proxy in front of it.
export async function startNginx(name, port, server) {
  const home = join(folder, name);
  mkdirSync(home);
  writeFileSync(join(home, 'nginx.conf'), `
    daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log crit;
    events { worker_connections 8192; }
    http { access_log off; keepalive_requests 100000000; client_body_temp_path ${home}; proxy_temp_path ${home};
           fastcgi_temp_path ${home}; uwsgi_temp_path ${home}; scgi_temp_path ${home}; client_body_buffer_size 64k;
           ${server(port)} }`);
  return start('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], port);
}

const question = 'You stayed although it cost you. What was it that you did not want to give away in that moment?';

export const modelAnswer = (content = question) => JSON.stringify({
  id: 'chatcmpl-bench', object: 'chat.completion', created: 1, model: 'instant-1',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
  usage: { prompt_tokens: 800, completion_tokens: 24, total_tokens: 824 },
});

// Between nginx's quotes a backslash is written twice.
const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

// Always the same answer, at once.
export const startModel = (port, content = question) => startNginx('model', port, (p) => `server { listen 127.0.0.1:${p} backlog=8192;
  location / { default_type application/json; return 200 ${quoted(modelAnswer(content))}; } }`);

export const startProxy = (port, model) => startNginx('proxy', port, (p) => `upstream model { server 127.0.0.1:${model};
  keepalive 128; } server { listen 127.0.0.1:${p} backlog=8192; location / { proxy_pass http://model;
  proxy_http_version 1.1; proxy_set_header Connection ""; } }`);

// The topic core_values as it is, but for its limit of turns.
let topics;
function topicsWithoutLimit() {
  const home = join(folder, 'topics');
  for (const name of ['_shared', 'core_values']) cpSync(join(root, 'topics', name), join(home, name), { recursive: true });
  const file = join(home, 'core_values/topic.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^max_turns: .*$/m, 'max_turns: 0'));
  return home;
}

// Everything on (token check, durable commits, log lines, metrics); only the rate limits are off. The phases are decided
// by rules, so that a turn is one call of the model.
export function startPurposePath(port, settings = {}) {
  topics ??= topicsWithoutLimit();
  const env = {
    PURPOSEPATH_AUTH__SECRET: secret, PURPOSEPATH_RATE_LIMITS__ENABLED: 'false',
    PURPOSEPATH_COACHING__ASSESSMENT: 'rules', PURPOSEPATH_TOPICS_DIR: topics, PURPOSEPATH_COACHING__MAX_TURNS: '0',
    ...settings,
  };
  const data = mkdtempSync(join(folder, 'data-'));
  return start(binary, ['serve', '--port', String(port), '--data', data], port, env);
}

export const withModel = (port) => ({
  PURPOSEPATH_LLM__PROVIDER: 'openai', PURPOSEPATH_LLM__BASE_URL: `http://127.0.0.1:${port}/v1`,
  PURPOSEPATH_LLM__API_KEY: 'none', PURPOSEPATH_LLM__MODEL: 'instant-1', PURPOSEPATH_LLM__ROUTER__MAX_CONCURRENT: '0',
});

export function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, tenant_id: 'bench', exp: 4102444800 })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
export function request(port, method, path, { user, body, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const call = http.request({ port, host: '127.0.0.1', method, path, agent, headers: {
      ...(user ? { authorization: `Bearer ${token(user)}` } : {}),
      ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}), ...headers,
    } }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => {
        const all = Buffer.concat(pieces).toString();
        if (answer.statusCode >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${all}`));
        else resolve(all ? JSON.parse(all) : null);
      });
    });
    call.once('error', reject);
    call.end(text);
  });
}

// A conversation for each of `count` users.
export async function startConversations(port, count) {
  const conversations = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const user = `user-${next++}`;
      const { conversation_id } = await request(port, 'POST', '/api/v1/conversations/initiate',
        { user, body: { topic: 'core_values' } });
      conversations.push({ user, id: conversation_id, token: token(user) });
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
  return conversations;
}

const ticks = Number(spawnSync('getconf', ['CLK_TCK']).stdout);
export function cpuSeconds(child) {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

export function residentBytes(child) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024;
}

// Lua for wrk: POSTs a message to one conversation after the other.
export function wrkScript(conversations) {
  const file = join(folder, `wrk-${conversations.length}.lua`);
  const rows = conversations.map((c) => `{"${c.id}","${c.token}"}`).join(',\n');
  writeFileSync(file, `local all = {${rows}}
local threads = 0
function setup(thread) thread:set("offset", threads); threads = threads + 1 end
function init() at = offset * math.floor(#all / 2) end
function request()
  at = at % #all + 1
  return wrk.format("POST", "/api/v1/conversations/" .. all[at][1] .. "/message",
    { ["Authorization"] = "Bearer " .. all[at][2], ["Content-Type"] = "application/json" },
    '{"user_message":"It was the night of the flood, and nobody asked who would pay for the bread."}')
end
${done}`);
  return file;
}

const done = `function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end`;

export function plainScript() {
  const file = join(folder, 'wrk-plain.lua');
  writeFileSync(file, `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"model":"instant-1","messages":[{"role":"user","content":"Hello."}]}'
${done}`);
  return file;
}

// Lua for wrk: POSTs an analysis for one user after the other; of the same text always, or of another each time.
export function analysisScript(users, everyTimeAnother) {
  const file = join(folder, `wrk-analysis-${everyTimeAnother}.lua`);
  const rows = users.map((user) => `"${token(user)}"`).join(',\n');
  writeFileSync(file, `local all = {${rows}}
local threads = 0
function setup(thread) thread:set("offset", threads); threads = threads + 1 end
function init() at = offset * math.floor(#all / 2) end
function request()
  at = at + 1
  local text = "We bake bread by hand for people in our town, and want to open a second shop."
  ${everyTimeAnother ? 'text = text .. " Shop " .. offset .. "-" .. at .. "."' : ''}
  return wrk.format("POST", "/api/v1/analysis/alignment",
    { ["Authorization"] = "Bearer " .. all[at % #all + 1], ["Content-Type"] = "application/json" },
    '{"text_to_analyze":"' .. text .. '","context":{"core_values":["craft","honesty"]}}')
end
${done}`);
  return file;
}

export async function wrk(url, script, { seconds = 10, connections = 64, threads = 2 } = {}) {
  const child = spawn('wrk', [`-t${threads}`, `-c${connections}`, `-d${seconds}`, '-s', script, url]);
  let output = '';
  child.stdout.on('data', (data) => { output += data; });
  await new Promise((resolve) => child.once('exit', resolve));
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(output);
  if (!found) throw new Error(`wrk said: ${output}`);
  const [requests, micros, status, socket, p50, p99] = found.slice(1).map(Number);
  return { requests, perSecond: requests / (micros / 1e6), badStatus: status, socketErrors: socket,
    p50ms: p50 / 1000, p99ms: p99 / 1000 };
}

export function measured(child, work) {
  const before = cpuSeconds(child);
  return work().then((result) => ({ ...result, cpuMicros: ((cpuSeconds(child) - before) / result.requests) * 1e6 }));
}
