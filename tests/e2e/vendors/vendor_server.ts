// What all fake vendors have in common: an HTTP server that answers in a vendor's own bytes, in the manner that a test
// asks for. What differs from vendor to vendor, reading a request and writing an answer, is a Dialect.
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { sample } from '../fake_model.ts';

export interface Incoming {
  method: string;
  path: string; // as it was sent, percent-encoding, query and all
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  body: any;
}

// What a request asks for, in no vendor's words.
export interface Ask {
  api: string; // the vendor's name for the route: 'chat', 'responses', 'converse', …
  model: string;
  stream: boolean;
  prompt: string; // everything that the model would read
  schema: any; // JSON Schema of the answer; null for plain text
  tool: string; // the tool that has to be called with it; '' for none
}

export interface Tokens {
  prompt: number; // all: with those read from and written to the cache
  completion: number; // all: with those it reasoned with
  cached: number;
  cacheWritten: number;
  reasoning: number;
}

// An answer before it is anybody's bytes.
export interface Spoken {
  pieces: string[];
  stop: string; // the vendor's own word; '' for the usual one
  tokens: Tokens | null;
  refusal: boolean; // the pieces say why the model won't
}

export interface Frame {
  bytes: Buffer;
  text: boolean; // has a piece of the text
}

export interface Failure {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

export type FailureName = 'throttled' | 'throttled for a second' | 'quota' | 'overloaded' | 'expired';

export interface Dialect {
  streamType: string;
  read(request: Incoming): Ask | Promise<Ask>; // throws Unacceptable
  whole(spoken: Spoken, ask: Ask): string;
  frames(spoken: Spoken, ask: Ask): Frame[];
  failure(name: FailureName): Failure;
  unacceptable(fault: string): Failure; // a 400 in the vendor's words
  garbage(ask: Ask): Buffer; // where a frame of a stream should be
  overloadedInStream(ask: Ask): Buffer; // an error after a 200
}

export class Unacceptable extends Error {
  constructor(
    fault: string,
    readonly failure?: Failure, // instead of the 400
  ) {
    super(fault);
  }
}

export const must = (fact: unknown, fault: string): void => {
  if (!fact) throw new Unacceptable(fault);
};

// How an answer comes. Without one: at once.
export type Manner =
  | { kind: 'byte by byte' } // what has a piece of the text
  | { kind: 'silent' } // the header, then nothing
  | { kind: 'cut' } // the connection breaks after the first piece of text
  | { kind: 'garbage' } // after the first piece of text
  | { kind: 'overloaded in the middle' }
  | { kind: 'drip'; every: number } // milliseconds from piece to piece
  | { kind: 'held'; until: Promise<void> }; // after the first piece of text

export interface Script {
  pieces?: string[];
  stop?: string;
  tokens?: Tokens | null; // null: the vendor sends none
  refusal?: boolean;
  failure?: FailureName;
  raw?: Failure; // any other answer
  manner?: Manner;
}

export interface Call {
  ask: Ask;
  request: Incoming;
  at: number; // performance.now()
}

export const usualText = 'I hear how much this matters to you. What was the moment when you felt it most?';
export const usualTokens: Tokens = { prompt: 120, completion: 20, cached: 0, cacheWritten: 0, reasoning: 0 };
export const wordsOf = (text: string): string[] => text.match(/\S+\s*/g) ?? [];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));

export interface Certificate {
  key: string;
  cert: string;
}

export class VendorServer {
  readonly calls: Call[] = [];
  readonly complaints: string[] = []; // requests that the vendor would not have taken
  private readonly rules = new Map<string, (call: number) => Script>();
  private readonly counts = new Map<string, number>();
  private readonly news = new EventEmitter().setMaxListeners(0);

  private constructor(
    private readonly server: Server | TlsServer,
    private readonly dialect: Dialect,
    private readonly scheme: string,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(dialect: Dialect, certificate?: Certificate): Promise<VendorServer> {
    const server = certificate ? createTlsServer({ ...certificate }) : createServer();
    server.on('tlsClientError', () => {}); // a caller that does not trust us
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new VendorServer(server, dialect, certificate ? 'https' : 'http');
  }

  get origin(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  private port_ = 0;
  get port(): number {
    return (this.port_ ||= (this.server.address() as AddressInfo).port);
  }

  // Answers to a prompt that contains the marker follow the script; all others get a friendly question.
  on(marker: string, script: Script | ((call: number) => Script)): void {
    this.rules.set(marker, typeof script === 'function' ? script : () => script);
    this.counts.set(marker, 0);
  }

  // For the text of a reply: not for the assessments and results that are asked for beside it.
  repliesTo(marker: string): Call[] {
    return this.calls.filter(({ ask }) => ask.schema === null && ask.prompt.includes(marker));
  }

  async reply(marker: string): Promise<Call> {
    for (;;) {
      const [call] = this.repliesTo(marker);
      if (call) return call;
      await once(this.news, 'call');
    }
  }

  // From now on with another certificate; nobody is connected any more.
  present(certificate: Certificate): void {
    (this.server as TlsServer).setSecureContext({ ...certificate });
    this.server.closeAllConnections();
  }

  // Nobody listens at the port any more, until listen().
  async hangUp(): Promise<void> {
    void this.port;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async listen(): Promise<void> {
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    if (this.server.listening) await this.hangUp();
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part as Buffer);
    const bytes = Buffer.concat(parts);
    if (message.method === 'GET') return end(response, { status: 200, body: '{"data": [], "models": []}' }); // is anybody there?
    const request: Incoming = { method: message.method!, path: message.url!, headers: message.headers, bytes, body: null };
    let ask: Ask;
    try {
      must(request.method === 'POST', `method ${request.method}`);
      must(String(request.headers['content-type']).startsWith('application/json'), `content-type ${request.headers['content-type']}`);
      request.body = JSON.parse(bytes.toString('utf8'));
      ask = await this.dialect.read(request);
    } catch (error) {
      const fault = `${request.path}: ${(error as Error).message}`;
      this.complaints.push(fault);
      return end(response, (error instanceof Unacceptable && error.failure) || this.dialect.unacceptable(fault));
    }
    this.calls.push({ ask, request, at: performance.now() });
    this.news.emit('call');
    await this.answer(ask, this.scriptFor(ask), response);
  }

  private scriptFor(ask: Ask): Script {
    if (ask.schema !== null) return { pieces: [JSON.stringify(sample(ask.schema))] };
    const rule = [...this.rules].find(([marker]) => ask.prompt.includes(marker));
    if (!rule) return {};
    const [marker, script] = rule;
    const number = this.counts.get(marker)!;
    this.counts.set(marker, number + 1);
    return script(number);
  }

  private async answer(ask: Ask, script: Script, response: ServerResponse): Promise<void> {
    if (script.failure) return end(response, this.dialect.failure(script.failure));
    if (script.raw) return end(response, script.raw);
    const spoken: Spoken = {
      pieces: script.pieces ?? wordsOf(usualText),
      stop: script.stop ?? '',
      tokens: script.tokens === undefined ? usualTokens : script.tokens,
      refusal: script.refusal ?? false,
    };
    const frames = ask.stream ? this.dialect.frames(spoken, ask) : inParts(this.dialect.whole(spoken, ask));
    response.writeHead(200, { 'content-type': ask.stream ? this.dialect.streamType : 'application/json' });
    response.flushHeaders();
    await this.write(response, frames, script.manner, ask);
  }

  private async write(response: ServerResponse, frames: Frame[], manner: Manner | undefined, ask: Ask): Promise<void> {
    if (manner?.kind === 'silent') return;
    let spoken = false;
    for (const frame of frames) {
      if (response.destroyed) return;
      if (manner?.kind === 'byte by byte' && frame.text) await byteByByte(response, frame.bytes);
      else response.write(frame.bytes);
      if (manner?.kind === 'drip' && frame.text) await pause(manner.every);
      if (!frame.text || spoken) continue;
      spoken = true;
      if (manner?.kind === 'held') await manner.until;
      if (manner?.kind === 'cut') return void setTimeout(() => response.destroy(), 20); // the piece has to arrive first
      if (manner?.kind === 'garbage') return void response.end(ask.stream ? this.dialect.garbage(ask) : '{]');
      if (manner?.kind === 'overloaded in the middle') return void response.end(this.dialect.overloadedInStream(ask));
    }
    response.end();
  }
}

// A whole body has a middle, too.
function inParts(body: string): Frame[] {
  const bytes = Buffer.from(body);
  const size = Math.max(1, Math.ceil(bytes.length / 12));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, part) => ({
    bytes: bytes.subarray(part * size, (part + 1) * size),
    text: true,
  }));
}

async function byteByByte(response: ServerResponse, bytes: Buffer): Promise<void> {
  response.socket?.setNoDelay(true);
  for (const byte of bytes) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await turnOfTheLoop();
  }
}

function end(response: ServerResponse, { status, headers, body }: Failure): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body);
}

export const sse = (data: unknown, event?: string, newline = '\n'): Buffer =>
  Buffer.from(`${event ? `event: ${event}${newline}` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}${newline}${newline}`);
