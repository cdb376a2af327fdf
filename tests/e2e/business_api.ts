// A Business API that does what a test tells it, and notes what it was asked.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { businessApi } from './lint_openapi.mjs';

export interface Asked {
  path: string;
  tenant: string;
  authorization: string;
  traceparent: string; // '' for none
  at: number; // ms
}

// An answer: data as JSON, a text as it is with its type, a status, a delay; 'never' keeps the caller waiting.
export type Answer = { data?: unknown; text?: string; type?: string; status?: number; after?: number } | 'never';

export const somebody: Record<string, Answer> = {
  '/user/profile': { data: { data: { firstName: 'Ines' } } },
  '/business/foundation': { data: { data: { purposeStatement: 'unused', purpose: 'Bread that people remember', vision: 'Three shops by the river', coreValues: ['Honesty'] } } },
  '/goals': { data: { data: { items: [{ goalTitle: 'A second shop' }] } } },
  '/strategies': { data: { data: { data: [{ title: 'Sell to restaurants' }] } } },
  '/measures': { data: [{ name: 'Loaves a day', current_value: 420 }] },
  '/actions': { data: { items: [{ title: 'Look at the shop in Mill Street' }] } },
  '/issues': { data: { data: [{ title: 'Flour arrives late' }] } },
  '/people': { data: { data: [{ name: 'Otto', jobTitle: 'Baker' }] } },
};

export class BusinessApi {
  readonly asked: Asked[] = [];
  answers: Record<string, Answer> = { ...somebody };
  delay = 0; // ms, of every answer

  private constructor(private readonly server: Server) {
    server.on('request', async (request, response) => {
      const { pathname } = new URL(request.url!, 'http://x');
      const path = pathname.replace(/^\/v2/, '');
      const { authorization = '', traceparent = '', 'x-tenant-id': tenant = '' } = request.headers;
      this.asked.push({ path, tenant: String(tenant), authorization, traceparent: String(traceparent), at: performance.now() });
      const answer = this.answers[path] ?? { status: 404, text: '<html>no such page</html>', type: 'text/html' };
      if (answer === 'never') return;
      const wait = answer.after ?? this.delay;
      if (wait > 0) await delay(wait);
      response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' });
      response.end(answer.text ?? JSON.stringify(answer.data ?? {}));
    });
  }

  static async start(): Promise<BusinessApi> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BusinessApi(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v2`;
  }

  // All of it fails in the same way.
  fail(answer: Answer): void {
    for (const path of Object.keys(somebody)) this.answers[path] = answer;
  }

  recover(): void {
    this.answers = { ...somebody };
  }

  paths(tenant: string): string[] {
    return this.asked.filter((one) => one.tenant === tenant).map(({ path }) => path).sort();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

// The server that Prism makes of docs/business-api.openapi.yaml: it answers with the examples, and with an error when a
// request is not as the document says.
export class MockedBusinessApi {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(): Promise<MockedBusinessApi> {
    const prism = new URL('node_modules/@stoplight/prism-cli/dist/index.js', import.meta.url).pathname;
    const child = spawn(process.execPath, [prism, 'mock', '--errors', '--port', '0', '--host', '127.0.0.1', businessApi], { stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL'));
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      const look = (text: string) => {
        said += text;
        const match = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
        if (match) resolve(match[1]!);
      };
      child.stdout!.setEncoding('utf8').on('data', look);
      child.stderr!.setEncoding('utf8').on('data', look);
      child.once('exit', (code) => reject(new Error(`Prism ended with ${code}:\n${said}`)));
    });
    return new MockedBusinessApi(child, url);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
