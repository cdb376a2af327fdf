// An HTTP client of the service. Every answer it gets is held against the contract.
import { readFileSync } from 'node:fs';
import { expect, vi } from 'vitest';
import { check } from './contract.ts';
import { EventStream } from './sse.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: any; // parsed when it is JSON, null when there is none, else the text
}

export interface Extras {
  headers?: Record<string, string>;
  query?: Record<string, string | number | boolean>;
  signal?: AbortSignal;
}

const transcripts = new URL('../../examples/transcripts/', import.meta.url);

// The coachee's side, a line a message.
export const transcript = (name: string): string[] =>
  readFileSync(new URL(`${name}.txt`, transcripts), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

export class Client {
  constructor(
    readonly url: string,
    readonly token: string | null,
  ) {}

  headers(extra: Record<string, string> = {}): Record<string, string> {
    return { ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }), ...extra };
  }

  // A body that is a string or bytes goes out as it is; anything else as JSON.
  async request(method: string, path: string, body?: unknown, extras: Extras = {}): Promise<Answer> {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(extras.query ?? {})) url.searchParams.set(name, String(value));
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(url, {
      method,
      headers: this.headers({ ...json, ...extras.headers }),
      body: body === undefined ? undefined : raw ? (body as BodyInit) : JSON.stringify(body),
      redirect: 'manual',
      signal: extras.signal,
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    const parsed = text === '' ? null : contentType.startsWith('application/json') ? JSON.parse(text) : text;
    check({
      method,
      pathname: url.pathname,
      status: response.status,
      contentType,
      requestId: response.headers.get('x-request-id'),
      body: parsed,
    });
    return { status: response.status, headers: response.headers, text, body: parsed };
  }

  get(path: string, extras?: Extras): Promise<Answer> {
    return this.request('GET', path, undefined, extras);
  }

  post(path: string, body?: unknown, extras?: Extras): Promise<Answer> {
    return this.request('POST', path, body, extras);
  }

  put(path: string, body?: unknown, extras?: Extras): Promise<Answer> {
    return this.request('PUT', path, body, extras);
  }

  delete(path: string): Promise<Answer> {
    return this.request('DELETE', path);
  }

  // The id of a new conversation.
  async initiate(topic = 'core_values', context?: object): Promise<string> {
    const answer = await this.post('/api/v1/conversations/initiate', context ? { topic, context } : { topic });
    expect(answer.status, answer.text).toBe(201);
    return answer.body.conversation_id;
  }

  say(id: string, user_message: string, extras?: Extras): Promise<Answer> {
    return this.post(`/api/v1/conversations/${id}/message`, { user_message }, extras);
  }

  stream(id: string, user_message: string, headers: Record<string, string> = {}): Promise<EventStream> {
    return EventStream.open(`${this.url}/api/v1/conversations/${id}/message`, {
      method: 'POST',
      headers: this.headers({ accept: 'text/event-stream', 'content-type': 'application/json', ...headers }),
      body: JSON.stringify({ user_message }),
    });
  }

  events(id: string, turn: string, lastEventId?: string): Promise<EventStream> {
    const last: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return EventStream.open(`${this.url}/api/v1/conversations/${id}/turns/${turn}/events`, {
      method: 'GET',
      headers: this.headers({ accept: 'text/event-stream', ...last }),
    });
  }

  async conversation(id: string): Promise<any> {
    const answer = await this.get(`/api/v1/conversations/${id}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  }

  // Waits until extraction has settled on a status.
  async untilStatus(id: string, status: string): Promise<any> {
    return vi.waitFor(
      async () => {
        const conversation = await this.conversation(id);
        expect(conversation.status).toBe(status);
        return conversation;
      },
      { timeout: 10_000, interval: 50 },
    );
  }

  // What was said, without the opening words: ['user: …', 'assistant: …'].
  async said(id: string): Promise<string[]> {
    const { messages } = await this.conversation(id);
    return messages.slice(1).map(({ role, content }: any) => `${role}: ${content}`);
  }

  pause(id: string, body?: unknown): Promise<Answer> {
    return this.post(`/api/v1/conversations/${id}/pause`, body);
  }

  resume(id: string): Promise<Answer> {
    return this.post(`/api/v1/conversations/${id}/resume`);
  }

  complete(id: string, body?: unknown): Promise<Answer> {
    return this.post(`/api/v1/conversations/${id}/complete`, body);
  }

  cancel(id: string): Promise<Answer> {
    return this.post(`/api/v1/conversations/${id}/cancel`);
  }
}

// Exactly the one shape of errors, with this status and code. Returns the body.
export function expectError(answer: Answer, status: number, code: string): any {
  expect({ status: answer.status, error: answer.body?.error }, answer.text).toEqual({ status, error: code });
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(Object.keys(answer.body).sort()).toEqual(['details', 'error', 'message', 'request_id']);
  // A sentence for a person, or one that begins with a name from the request.
  expect(answer.body.message).toMatch(/^([^a-z]|[a-z]+[_.[])/);
  expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
  return answer.body;
}

// The fields that a validation_error names, with what is said about each.
export function expectFaults(answer: Answer, ...fields: string[]): Record<string, string> {
  const { details } = expectError(answer, 422, 'validation_error');
  const faults = Object.fromEntries(details.map(({ field, message }: any) => [field, message]));
  expect(Object.keys(faults).sort()).toEqual([...fields].sort());
  return faults;
}
