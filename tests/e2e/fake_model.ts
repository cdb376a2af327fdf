// A model server that speaks OpenAI's /v1/chat/completions and does what a test tells it. Nothing here waits for a clock.
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// Closed until opened.
export class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

export interface Script {
  text?: string;
  chunks?: (string | Buffer)[]; // pieces of a streamed text; default: word by word
  before?: (chunk: number) => Promise<void> | void; // awaited before each chunk, and once before a whole answer
  cutAfter?: number; // the connection breaks after so many chunks
  status?: number; // an error instead, with this body
  body?: string;
  headers?: Record<string, string>;
}

export interface Call {
  kind: 'text' | 'structured'; // structured: asked for JSON by a schema
  stream: boolean;
  prompt: string; // all messages, as JSON
  lastUserMessage: string;
  schema: any;
  authorization: string;
  traceparent: string; // '' for none
  closed: Promise<void>; // the caller went away, or has got everything
  finished: boolean; // it got everything
}

const defaultText = 'I hear how much this matters to you. What was the moment when you felt it most?';

const partsToText = (content: unknown): string =>
  typeof content === 'string' ? content : Array.isArray(content) ? content.map(({ text }) => text ?? '').join('') : '';

// The smallest value that fits a JSON Schema of the kind that strict structured output takes.
export function sample(schema: any, root: any = schema): any {
  if (schema.$ref) return sample(schema.$ref.split('/').slice(1).reduce((at: any, step: string) => at[step], root), root);
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf[0], root);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object': {
      const wanted: string[] = schema.required ?? Object.keys(schema.properties ?? {});
      return Object.fromEntries(wanted.map((name) => [name, sample(schema.properties[name], root)]));
    }
    case 'array':
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, (_, index) =>
        schema.items?.type === 'string' && !schema.items.enum ? `Something that was said, number ${index + 1}.` : sample(schema.items, root));
    case 'string':
      if (schema.format === 'date') return '2027-06-30';
      return 'Something that was said, in full.'.padEnd(schema.minLength ?? 0, '.').slice(0, schema.maxLength ?? undefined);
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return false;
    default:
      return null;
  }
}

export class FakeModel {
  readonly calls: Call[] = [];
  structured: (call: Call) => Script = (call) => ({ text: JSON.stringify(sample(call.schema)) });
  private readonly rules: { marker: string; script: Script | ((call: Call) => Script) }[] = [];
  private readonly news = new EventEmitter().setMaxListeners(0);

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      this.serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeModel> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeModel(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  // Replies to a message that contains the marker follow the script; all others get a friendly question.
  on(marker: string, script: Script | ((call: Call) => Script)): void {
    this.rules.unshift({ marker, script });
  }

  repliesTo(marker: string): Call[] {
    return this.calls.filter(({ kind, lastUserMessage }) => kind === 'text' && lastUserMessage.includes(marker));
  }

  // The number-th call (from 0) for a reply to this message, once it has come.
  async replyCall(marker: string, number = 0): Promise<Call> {
    return this.call((call) => call.kind === 'text' && call.lastUserMessage.includes(marker), number);
  }

  async call(wanted: (call: Call) => boolean, number = 0): Promise<Call> {
    for (;;) {
      const call = this.calls.filter(wanted)[number];
      if (call) return call;
      await once(this.news, 'call');
    }
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/v1/models') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'fake-1', object: 'model', created: 0, owned_by: 'test' }] }));
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString('utf8'));
    const call = this.note(request, response, body);
    const rule = this.rules.find(({ marker }) => call.lastUserMessage.includes(marker));
    const scripted = typeof rule?.script === 'function' ? rule.script(call) : rule?.script;
    const script = call.kind === 'structured' ? this.structured(call) : (scripted ?? { text: defaultText });
    await this.answer(call, script, response, body);
  }

  private note(request: IncomingMessage, response: ServerResponse, body: any): Call {
    const users = body.messages.filter(({ role }: any) => role === 'user');
    const call: Call = {
      kind: body.response_format && body.response_format.type !== 'text' ? 'structured' : 'text',
      stream: body.stream === true,
      prompt: JSON.stringify(body.messages),
      lastUserMessage: partsToText(users.at(-1)?.content),
      schema: body.response_format?.json_schema?.schema ?? body.response_format?.schema ?? { type: 'object' },
      authorization: request.headers.authorization ?? '',
      traceparent: String(request.headers.traceparent ?? ''),
      closed: once(response, 'close').then(() => {}),
      finished: false,
    };
    response.on('finish', () => (call.finished = true));
    this.calls.push(call);
    this.news.emit('call');
    return call;
  }

  private async answer(call: Call, script: Script, response: ServerResponse, body: any): Promise<void> {
    const headers = script.headers ?? {};
    if (script.status !== undefined || script.body !== undefined) {
      await script.before?.(0);
      response.writeHead(script.status ?? 200, { 'content-type': 'application/json', ...headers });
      response.end(script.body ?? JSON.stringify({ error: { message: 'scripted', type: 'server_error', param: null, code: null } }));
      return;
    }
    const chunks = script.chunks ?? (script.text ?? defaultText).match(/\S+\s*/g) ?? [];
    const text = script.text ?? Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).toString('utf8');
    const usage = { prompt_tokens: 120, completion_tokens: 20, total_tokens: 140 };
    const common = { id: 'chatcmpl-1', created: 1, model: 'fake-1' };
    if (!call.stream) {
      await script.before?.(0);
      if (script.cutAfter !== undefined) return void response.destroy();
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      const message = { role: 'assistant', content: text, refusal: null };
      response.end(JSON.stringify({ ...common, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }], usage }));
      return;
    }
    const event = (choices: unknown[], extra = {}) => `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', choices, ...extra })}\n\n`;
    const delta = (content: string) => event([{ index: 0, delta: { content }, finish_reason: null }]);
    response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    response.flushHeaders();
    for (const [number, chunk] of chunks.entries()) {
      await script.before?.(number);
      if (response.destroyed) return;
      if (number === script.cutAfter) return void response.destroy();
      // Bytes go out as they are, so that a test can break a character, or the protocol, in two.
      response.write(typeof chunk === 'string' ? delta(chunk) : chunk);
    }
    await script.before?.(chunks.length);
    if (script.cutAfter === chunks.length) return void response.destroy();
    response.write(event([{ index: 0, delta: {}, finish_reason: 'stop' }]));
    if (body.stream_options?.include_usage) response.write(event([], { usage }));
    response.end('data: [DONE]\n\n');
  }
}
