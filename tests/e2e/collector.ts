// A collector of traces: takes OTLP over HTTP as JSON, and holds what it gets against the protocol.
import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string; // '' for the first of its trace
  name: string;
  kind: number; // 1 internal, 2 server, 3 client
  begin: bigint; // Unix time in ns
  end: bigint;
  failed: boolean;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  service: string;
}

const traceId = expect.stringMatching(/^[0-9a-f]{32}$/);
const spanId = expect.stringMatching(/^[0-9a-f]{16}$/);
const nanoseconds = expect.stringMatching(/^[1-9][0-9]{18}$/);

function valueOf(value: any): unknown {
  const [[kind, inner], ...more] = Object.entries(value) as [[string, any], ...unknown[]];
  expect(more).toEqual([]);
  const types: Record<string, string> = { stringValue: 'string', intValue: 'string', doubleValue: 'number', boolValue: 'boolean' };
  expect(typeof inner).toBe(types[kind!]);
  return kind === 'intValue' ? Number(inner) : inner;
}

const attributesOf = (list: any[]): Record<string, unknown> => Object.fromEntries(list.map(({ key, value }) => [key, valueOf(value)]));

function spanOf(span: any, service: string): Span {
  expect(span).toMatchObject({ traceId, spanId, startTimeUnixNano: nanoseconds, endTimeUnixNano: nanoseconds });
  if (span.parentSpanId !== undefined) expect(span.parentSpanId).toEqual(spanId);
  expect([1, 2, 3]).toContain(span.kind);
  expect(span.name).not.toBe('');
  const [begin, end] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)];
  expect(end >= begin).toBe(true);
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    name: span.name,
    kind: span.kind,
    begin,
    end,
    failed: span.status?.code === 2,
    attributes: attributesOf(span.attributes),
    links: span.links ?? [],
    service,
  };
}

export class Collector {
  readonly spans: Span[] = [];
  readonly headers: NodeJS.Dict<string | string[]>[] = [];
  received = ''; // all bodies, as they came
  private failure: unknown;
  private readonly news = new EventEmitter().setMaxListeners(0);

  private constructor(private readonly server: Server) {
    server.on('request', async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      try {
        expect(`${request.method} ${request.url}`).toBe('POST /v1/traces');
        expect(request.headers['content-type']).toBe('application/json');
        this.take(Buffer.concat(parts).toString('utf8'));
        this.headers.push(request.headers);
      } catch (error) {
        this.failure ??= error;
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"partialSuccess":{}}');
      this.news.emit('spans');
    });
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Collector(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private take(body: string): void {
    this.received += body;
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      const service = String(attributesOf(resource.attributes)['service.name']);
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push(spanOf(span, service));
    }
  }

  // Once it has come.
  async span(wanted: (span: Span) => boolean): Promise<Span> {
    for (;;) {
      if (this.failure) throw this.failure;
      const found = this.spans.find(wanted);
      if (found) return found;
      await once(this.news, 'spans');
    }
  }

  inside(parent: Span): Span[] {
    return this.spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
