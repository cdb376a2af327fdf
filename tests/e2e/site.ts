// A website of a test's own, and what was asked of it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Page {
  status?: number;
  headers?: Record<string, string>;
  html?: string;
}

export class Site {
  readonly asked: string[] = []; // paths, in order
  readonly pages = new Map<string, Page>();

  private constructor(private readonly server: Server) {
    server.on('request', ({ url }, response) => {
      this.asked.push(url!);
      const page = this.pages.get(url!) ?? { status: 404 };
      response.writeHead(page.status ?? 200, { 'content-type': 'text/html; charset=utf-8', ...page.headers });
      response.end(page.html ?? '');
    });
  }

  static async start(): Promise<Site> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Site(server);
  }

  get authority(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  // The page's URL, once it is there.
  serve(path: string, page: Page): string {
    this.pages.set(path, page);
    return `http://${this.authority}${path}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
