// OpenAI's Chat Completions and Responses API. What goes out is typed by OpenAI's own SDK, and fakes.test.ts reads it
// with that SDK.
import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { CompletionUsage } from 'openai/resources/completions';
import type { Response, ResponseOutputMessage, ResponseStreamEvent, ResponseUsage } from 'openai/resources/responses/responses';
import { mustObey, openaiRules } from './schema_rules.ts';
import {
  type Ask,
  type Dialect,
  type Failure,
  type FailureName,
  type Frame,
  type Incoming,
  must,
  type Spoken,
  sse,
  type Tokens,
  Unacceptable,
} from './vendor_server.ts';

export const openaiKey = 'sk-test-of-the-scenarios';

export function errorBody(message: string, type: string, code: string | null, param: string | null = null): string {
  return JSON.stringify({ error: { message, type, param, code } });
}

export function openaiFailure(name: FailureName): Failure {
  switch (name) {
    case 'throttled':
      return { status: 429, body: errorBody('Rate limit reached for requests', 'requests', 'rate_limit_exceeded') };
    case 'throttled for a second':
      return { ...openaiFailure('throttled'), headers: { 'retry-after': '1', 'x-ratelimit-remaining-requests': '0' } };
    case 'quota':
      return { status: 429, body: errorBody('You exceeded your current quota.', 'insufficient_quota', 'insufficient_quota') };
    case 'overloaded':
      return { status: 503, body: errorBody('The server is overloaded.', 'service_unavailable_error', 'server_is_overloaded') };
    case 'expired':
      return { status: 401, body: errorBody('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key') };
  }
}

const usageOf = (tokens: Tokens): CompletionUsage => ({
  prompt_tokens: tokens.prompt,
  completion_tokens: tokens.completion,
  total_tokens: tokens.prompt + tokens.completion,
  prompt_tokens_details: { cached_tokens: tokens.cached, cache_write_tokens: tokens.cacheWritten, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: tokens.reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
});

const textOf = (content: unknown): string =>
  typeof content === 'string' ? content : Array.isArray(content) ? content.map(({ text }) => text ?? '').join('') : '';

function readSchema(format: any, rules = openaiRules): any {
  if (!format || format.type === 'text') return null;
  must(format.type === 'json_schema', `format ${format.type}`);
  must(/^[A-Za-z0-9_-]{1,64}$/.test(format.name ?? ''), `the schema's name is ${format.name}`);
  must(format.strict === true, 'the schema is not strict');
  mustObey(format.schema, rules);
  return format.schema;
}

// ---- Chat Completions

const chatMembers = [
  'model', 'messages', 'stream', 'stream_options', 'temperature', 'top_p', 'max_completion_tokens', 'response_format', 'store',
  'reasoning_effort', 'prompt_cache_key', 'safety_identifier', 'service_tier', 'verbosity', 'metadata', 'tools', 'tool_choice',
];

export function readMessages(messages: any, roles: string[]): string {
  must(Array.isArray(messages) && messages.length > 0, 'messages is empty');
  for (const { role, content } of messages) {
    must(roles.includes(role), `role ${role}`);
    must(textOf(content) !== '', `a message of ${role} is empty`);
  }
  must(messages.some(({ role }: any) => role === 'user'), 'there is no message of the user');
  return messages.map(({ content }: any) => textOf(content)).join('\n');
}

export function readChat({ body }: Incoming, model: string = body.model): Ask {
  const strangers = Object.keys(body).filter((name) => !chatMembers.includes(name));
  must(strangers.length === 0, `unknown members: ${strangers.join(', ')}`);
  must(model, 'no model');
  must(Number.isInteger(body.max_completion_tokens), 'max_completion_tokens is missing');
  must(body.stream_options === undefined || body.stream === true, 'stream_options without stream');
  must(body.temperature === undefined || (body.temperature >= 0 && body.temperature <= 2), `temperature ${body.temperature}`);
  const format = body.response_format;
  return {
    api: 'chat',
    model,
    stream: body.stream === true,
    prompt: readMessages(body.messages, ['developer', 'system', 'user', 'assistant']),
    schema: readSchema(format?.type === 'json_schema' ? { type: 'json_schema', ...format.json_schema } : format),
    tool: '',
  };
}

const common = { id: 'chatcmpl-9f2', created: 1_795_000_000, service_tier: 'default' as const };

export function chatBody(spoken: Spoken, ask: Ask): ChatCompletion {
  const text = spoken.pieces.join('');
  const message = { role: 'assistant' as const, content: spoken.refusal ? null : text, refusal: spoken.refusal ? text : null, annotations: [] };
  return {
    ...common,
    object: 'chat.completion',
    model: ask.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: (spoken.stop || 'stop') as 'stop' }],
    ...(spoken.tokens && { usage: usageOf(spoken.tokens) }),
  };
}

export function chatChunks(spoken: Spoken, ask: Ask): { chunk: ChatCompletionChunk; text: boolean }[] {
  const of = (choices: ChatCompletionChunk.Choice[], usage: CompletionUsage | null = null) =>
    ({ ...common, object: 'chat.completion.chunk' as const, model: ask.model, choices, usage, obfuscation: 'q8Zr' });
  const delta = (delta: ChatCompletionChunk.Choice.Delta, finish_reason: string | null = null) =>
    of([{ index: 0, delta, logprobs: null, finish_reason: finish_reason as 'stop' | null }]);
  return [
    { chunk: delta({ role: 'assistant', content: spoken.refusal ? null : '', refusal: spoken.refusal ? '' : null }), text: false },
    ...spoken.pieces.map((piece) => ({ chunk: delta(spoken.refusal ? { refusal: piece } : { content: piece }), text: true })),
    { chunk: delta({}, spoken.stop || 'stop'), text: false },
    ...(spoken.tokens ? [{ chunk: of([], usageOf(spoken.tokens)), text: false }] : []),
  ];
}

export const done = { bytes: sse('[DONE]'), text: false };

// ---- Responses

const responseMembers = [
  'model', 'input', 'instructions', 'stream', 'stream_options', 'temperature', 'top_p', 'max_output_tokens', 'text', 'store',
  'reasoning', 'prompt_cache_key', 'safety_identifier', 'service_tier', 'metadata', 'include', 'truncation',
];

export function readResponses({ body }: Incoming): Ask {
  const strangers = Object.keys(body).filter((name) => !responseMembers.includes(name));
  must(strangers.length === 0, `unknown members: ${strangers.join(', ')}`);
  must(body.model, 'no model');
  must(body.store === false, 'store is not false');
  must(body.max_output_tokens >= 16, `max_output_tokens ${body.max_output_tokens}`);
  const items: any[] = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  must(Array.isArray(items) && items.length > 0, 'input is empty');
  for (const { type, role, content } of items) {
    must(type === undefined || type === 'message', `an item of type ${type}`);
    must(['developer', 'system', 'user', 'assistant'].includes(role), `role ${role}`);
    const part = role === 'assistant' ? 'output_text' : 'input_text';
    must(typeof content === 'string' || content.every((each: any) => each.type === part), `the content of ${role} is not ${part}`);
  }
  return {
    api: 'responses',
    model: body.model,
    stream: body.stream === true,
    prompt: [body.instructions ?? '', ...items.map(({ content }) => textOf(content))].join('\n'),
    schema: readSchema(body.text?.format),
    tool: '',
  };
}

const responseUsage = (tokens: Tokens): ResponseUsage => ({
  input_tokens: tokens.prompt,
  input_tokens_details: { cached_tokens: tokens.cached, cache_write_tokens: tokens.cacheWritten },
  output_tokens: tokens.completion,
  output_tokens_details: { reasoning_tokens: tokens.reasoning },
  total_tokens: tokens.prompt + tokens.completion,
});

function messageOf(spoken: Spoken, status: ResponseOutputMessage['status'], text = spoken.pieces.join('')): ResponseOutputMessage {
  const part = spoken.refusal ? { type: 'refusal' as const, refusal: text } : { type: 'output_text' as const, text, annotations: [], logprobs: [] };
  return { id: 'msg_9f2', type: 'message', role: 'assistant', status, content: status === 'in_progress' ? [] : [part] };
}

type WireResponse = Omit<Response, 'output_text'>; // the SDK adds output_text

// The word for why an answer stops is "completed", or the reason of an "incomplete" one.
const isWhole = (spoken: Spoken): boolean => spoken.stop === '' || spoken.stop === 'completed';

function responseBody(spoken: Spoken, ask: Ask, status: Response['status']): WireResponse {
  const over = status === 'completed' || status === 'incomplete';
  return {
    id: 'resp_9f2',
    object: 'response',
    created_at: 1_795_000_000,
    status: status!,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: spoken.stop as 'max_output_tokens' } : null,
    instructions: null,
    metadata: {},
    model: ask.model,
    output: over ? [{ id: 'rs_9f2', type: 'reasoning', summary: [] }, messageOf(spoken, isWhole(spoken) ? 'completed' : 'incomplete')] : [],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    ...(over && spoken.tokens && { usage: responseUsage(spoken.tokens) }),
  };
}

// Without the Omit of one union member after the other the compiler could not name them.
type Numbered<T> = T extends { sequence_number: number } ? Omit<T, 'sequence_number' | 'response'> & ('response' extends keyof T ? { response: WireResponse } : unknown) : never;

function responseEvents(spoken: Spoken, ask: Ask): Frame[] {
  const text = spoken.pieces.join('');
  const status = isWhole(spoken) ? 'completed' : 'incomplete';
  const at = { item_id: 'msg_9f2', output_index: 1, content_index: 0 };
  const part = messageOf(spoken, status).content[0]!;
  const empty = messageOf(spoken, status, '').content[0]!;
  const events: Numbered<ResponseStreamEvent>[] = [
    { type: 'response.created', response: responseBody(spoken, ask, 'in_progress') },
    { type: 'response.in_progress', response: responseBody(spoken, ask, 'in_progress') },
    { type: 'response.output_item.added', output_index: 0, item: { id: 'rs_9f2', type: 'reasoning', summary: [] } },
    { type: 'response.output_item.done', output_index: 0, item: { id: 'rs_9f2', type: 'reasoning', summary: [] } },
    { type: 'response.output_item.added', output_index: 1, item: messageOf(spoken, 'in_progress') },
    { type: 'response.content_part.added', ...at, part: empty },
    ...spoken.pieces.map((delta): Numbered<ResponseStreamEvent> =>
      spoken.refusal ? { type: 'response.refusal.delta', ...at, delta } : { type: 'response.output_text.delta', ...at, delta, logprobs: [] }),
    spoken.refusal ? { type: 'response.refusal.done', ...at, refusal: text } : { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part },
    { type: 'response.output_item.done', output_index: 1, item: messageOf(spoken, status) },
    { type: `response.${status}`, response: responseBody(spoken, ask, status) },
  ];
  return events.map((event, sequence_number) => ({
    bytes: sse({ ...event, sequence_number }, event.type),
    text: event.type === 'response.output_text.delta' || event.type === 'response.refusal.delta',
  }));
}

// ---- The server of OpenAI: both.

function mustBeKnown(request: Incoming): void {
  if (request.headers.authorization !== `Bearer ${openaiKey}`) throw new Unacceptable('the key', openaiFailure('expired'));
}

export const openai: Dialect = {
  streamType: 'text/event-stream; charset=utf-8',
  read(request) {
    mustBeKnown(request);
    if (request.path === '/v1/responses') return readResponses(request);
    must(request.path === '/v1/chat/completions', 'there is no such route');
    return readChat(request);
  },
  whole: (spoken, ask) =>
    JSON.stringify(ask.api === 'chat' ? chatBody(spoken, ask) : responseBody(spoken, ask, isWhole(spoken) ? 'completed' : 'incomplete')),
  frames: (spoken, ask) =>
    ask.api === 'chat' ? [...chatChunks(spoken, ask).map(({ chunk, text }) => ({ bytes: sse(chunk), text })), done] : responseEvents(spoken, ask),
  failure: openaiFailure,
  unacceptable: (fault) => ({ status: 400, body: errorBody(fault, 'invalid_request_error', null) }),
  garbage: () => Buffer.from('data: {"choices": [{]\n\n'),
  overloadedInStream: (ask) =>
    ask.api === 'chat'
      ? sse(JSON.parse(openaiFailure('overloaded').body))
      : sse({ type: 'error', code: 'server_is_overloaded', message: 'The server is overloaded.', param: null, sequence_number: 9 }, 'error'),
};
