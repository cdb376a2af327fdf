// Runs the real binary: as a server on a port of its own, and as the operator's command line.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, repository } from './binary.ts';
import { Client } from './client.ts';
import { type Settings, withoutRateLimits } from './settings.ts';

// What a test that failed halfway, or was interrupted, leaves running ends with the test's own process.
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function begun(child: ChildProcess): void {
  children.add(child);
  child.once('close', () => children.delete(child));
}

// Inside the folder of the run (global_setup.ts), which is removed at its end.
export const temporaryFolder = (): string => mkdtempSync(join(process.env.E2E_FOLDER ?? tmpdir(), 'e2e-'));

// A copy of the topics in which some settings of one are others. The caller removes it.
export function topicsWith(topic: string, settings: Record<string, string | number>): string {
  const folder = temporaryFolder();
  cpSync(join(repository, 'topics'), folder, { recursive: true });
  const file = join(folder, topic, 'topic.yaml');
  let text = readFileSync(file, 'utf8');
  for (const [name, value] of Object.entries(settings)) {
    text = `${text.replace(new RegExp(`^${name}:.*\\n`, 'm'), '').trimEnd()}\n${name}: ${value}\n`;
  }
  writeFileSync(file, text);
  return folder;
}

// Nothing of the caller's own configuration, and no proxy between us and the fake model.
function environment(settings: Settings): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^PURPOSEPATH_|^OTEL_|_proxy$/i.test(name));
  return { ...Object.fromEntries(kept), ...settings };
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function command(args: string[], settings: Settings = {}, input = ''): Promise<Finished> {
  // A server that should have refused to start would go on for ever.
  const child = spawn(binary, args, { cwd: repository, env: environment(settings), timeout: 15_000, killSignal: 'SIGKILL' });
  begun(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.stdin.on('error', () => {}).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export interface Identity {
  user?: string;
  tenant?: string;
  role?: string;
  tier?: string;
}

export interface Options {
  settings?: Settings; // on top of: no rate limits
  rateLimits?: boolean; // true: as they are by default
  args?: string[];
  data?: string; // a folder to go on with; it is left alone then
  fileSizeLimitKb?: number; // writes beyond it fail, as on a full disk
}

let users = 0;

export class Server {
  port = 0;
  stdout = '';
  stderr = '';
  readonly data: string;
  private child!: ChildProcess;
  private stopped = false;
  private closed!: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private readonly output = new EventEmitter().setMaxListeners(0);

  private constructor(private options: Options) {
    this.data = options.data ?? temporaryFolder();
  }

  static async start(options: Options = {}): Promise<Server> {
    const server = new Server(options);
    await server.launch();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child.pid!;
  }

  private get settings(): Settings {
    return { ...(this.options.rateLimits ? {} : withoutRateLimits), ...this.options.settings };
  }

  private async launch(): Promise<void> {
    if (this.stopped) throw new Error('This server was stopped for good.'); // by the clean-up of a test that took too long
    const serve = ['serve', '--port', '0', '--data', this.data, ...(this.options.args ?? [])];
    const limit = this.options.fileSizeLimitKb;
    // With SIGXFSZ ignored a write beyond the limit fails with EFBIG instead of ending the process.
    const [program, args] =
      limit === undefined ? [binary, serve] : ['bash', ['-c', `trap '' XFSZ; ulimit -f ${limit}; exec "$0" "$@"`, binary, ...serve]];
    this.child = spawn(program, args, { cwd: repository, env: environment(this.settings), stdio: ['ignore', 'pipe', 'pipe'] });
    begun(this.child);
    this.closed = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    const begin = this.stdout.length + this.stderr.length;
    let fresh = '';
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.received('stdout', text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.received('stderr', text));
    const port = new Promise<number>((resolve) => {
      const look = (text: string) => {
        fresh += text;
        const match = /http:\/\/127\.0\.0\.1:(\d+)\D/.exec(fresh);
        if (!match) return;
        this.output.off('text', look);
        resolve(Number(match[1]));
      };
      this.output.on('text', look);
    });
    const early = this.closed.then(({ code }) => {
      throw new Error(`The server ended with ${code} before it listened:\n${(this.stdout + this.stderr).slice(begin)}`);
    });
    early.catch(() => {});
    this.port = await Promise.race([port, early]);
    const health = await fetch(`${this.url}/health`);
    if (!health.ok) throw new Error(`/health answered ${health.status}`);
  }

  private received(where: 'stdout' | 'stderr', text: string): void {
    this[where] += text;
    this.output.emit('text', text);
  }

  // The log: one JSON object a line.
  logLines(): Record<string, any>[] {
    const lines = this.stdout.split('\n').filter((line) => line.startsWith('{'));
    return lines.flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return []; // the last line may not be whole yet
      }
    });
  }

  async logLine(wanted: (line: Record<string, any>) => boolean): Promise<Record<string, any>> {
    for (;;) {
      const line = this.logLines().find(wanted);
      if (line) return line;
      await once(this.output, 'text');
    }
  }

  async token(identity: Identity = {}): Promise<string> {
    const { user = `user-${process.pid}-${++users}`, tenant = 'tenant-1', role, tier } = identity;
    const args = ['token', '--user', user, '--tenant', tenant, '--data', this.data];
    if (role) args.push('--role', role);
    if (tier) args.push('--tier', tier);
    const { code, stdout, stderr } = await command(args, this.settings);
    if (code !== 0) throw new Error(`purposepath token ended with ${code}: ${stderr}`);
    return stdout.trim();
  }

  // A client of a new user, or of the one given.
  async client(identity: Identity = {}): Promise<Client> {
    return new Client(this.url, await this.token(identity));
  }

  anonymous(): Client {
    return new Client(this.url, null);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.closed;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
  }

  // Ends it as a deployment would, and again on the same data. Clients made before have the old port.
  async restart(changes: Partial<Options> = {}): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      await this.closed;
    }
    this.options = { ...this.options, ...changes };
    await this.launch();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.kill();
    if (this.options.data === undefined) rmSync(this.data, { recursive: true, force: true });
  }
}
