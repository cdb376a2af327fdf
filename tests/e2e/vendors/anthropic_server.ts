// Anthropic's Messages API, version 2023-06-01. What goes out is typed by Anthropic's own SDK (0.137,
// the last that speaks this version), and fakes.test.ts reads it with that SDK.
import type { Message, RawMessageStreamEvent, StopReason, Usage } from '@anthropic-ai/sdk/resources/messages';
import { anthropicRules, mustObey } from './schema_rules.ts';
import { type Ask, type Dialect, type Failure, type FailureName, type Incoming, must, type Spoken, sse, type Tokens, Unacceptable } from './vendor_server.ts';

export const anthropicKey = 'sk-ant-test-of-the-scenarios';

const errorBody = (type: string, message: string, details: object | null = null): string =>
  JSON.stringify({ type: 'error', error: { type, message, ...(details && { details }) }, request_id: 'req_9f2' });

function failure(name: FailureName): Failure {
  switch (name) {
    case 'throttled':
      return { status: 429, body: errorBody('rate_limit_error', 'Number of requests has exceeded your rate limit.') };
    case 'throttled for a second':
      return { ...failure('throttled'), headers: { 'retry-after': '1', 'anthropic-ratelimit-requests-remaining': '0' } };
    case 'quota':
      return { status: 429, body: errorBody('rate_limit_error', 'Your spend limit is reached.', { error_code: 'enforced_spend_limit_reached' }) };
    case 'overloaded':
      return { status: 529, body: errorBody('overloaded_error', 'Overloaded') };
    case 'expired':
      return { status: 401, body: errorBody('authentication_error', 'invalid x-api-key') };
  }
}

const members = [
  'model', 'messages', 'system', 'max_tokens', 'temperature', 'top_p', 'top_k', 'stream', 'stop_sequences', 'metadata', 'tools',
  'tool_choice', 'output_config', 'thinking', 'service_tier', 'cache_control',
];

const blocksOf = (content: any): any[] => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []));

function textOf(content: any, where: string): string {
  const blocks = blocksOf(content);
  for (const block of blocks) {
    must(block.type === 'text' && typeof block.text === 'string', `a block of type ${block.type} in ${where}`);
    must(block.text.trim() !== '', `text content blocks must be non-empty (${where})`);
    const ttl = block.cache_control?.ttl;
    must(block.cache_control === undefined || block.cache_control.type === 'ephemeral', 'cache_control');
    must(ttl === undefined || ttl === '5m' || ttl === '1h', `ttl ${ttl}`);
  }
  return blocks.map(({ text }) => text).join('');
}

function readSchema(body: any): { schema: any; tool: string } {
  const format = body.output_config?.format;
  if (format) {
    must(format.type === 'json_schema', `format ${format.type}`);
    mustObey(format.schema, anthropicRules);
    return { schema: format.schema, tool: '' };
  }
  const tool = body.tool_choice?.name;
  if (!tool) return { schema: null, tool: '' };
  must(body.tool_choice.type === 'tool', `tool_choice ${body.tool_choice.type}`);
  const spec = body.tools?.find(({ name }: any) => name === tool);
  must(spec?.input_schema?.type === 'object', `there is no tool ${tool} with an input_schema`);
  return { schema: spec.input_schema, tool };
}

function read({ path, headers, body }: Incoming): Ask {
  if (headers['x-api-key'] !== anthropicKey) throw new Unacceptable('the key', failure('expired'));
  must(path === '/v1/messages', 'there is no such route');
  must(headers['anthropic-version'] === '2023-06-01', `anthropic-version ${headers['anthropic-version']}`);
  const strangers = Object.keys(body).filter((name) => !members.includes(name));
  must(strangers.length === 0, `unknown members: ${strangers.join(', ')}`);
  must(body.model, 'no model');
  must(body.max_tokens >= 1, 'max_tokens is missing');
  must(body.temperature === undefined || (body.temperature >= 0 && body.temperature <= 1), `temperature ${body.temperature}`);
  must(Array.isArray(body.messages) && body.messages.length > 0, 'messages: at least one message is required');
  must(body.messages.every(({ role }: any) => role === 'user' || role === 'assistant'), 'a role that is not user or assistant');
  must(body.messages[0].role === 'user', 'the first message must use the user role');
  must(body.messages.at(-1).role === 'user', 'the last message would prefill the answer');
  const prompt = body.messages.map(({ role, content }: any) => textOf(content, role));
  const points = [...blocksOf(body.system), ...body.messages.flatMap(({ content }: any) => blocksOf(content))].filter(({ cache_control }) => cache_control);
  must(points.length <= 4, `${points.length} cache points`);
  return {
    api: 'messages',
    model: body.model,
    stream: body.stream === true,
    prompt: [body.system === undefined ? '' : textOf(body.system, 'system'), ...prompt].join('\n'),
    ...readSchema(body),
  };
}

// Anthropic counts apart what was read from the cache and what was written to it.
const usageOf = (tokens: Tokens, output = tokens.completion): Usage => ({
  input_tokens: tokens.prompt - tokens.cached - tokens.cacheWritten,
  cache_creation_input_tokens: tokens.cacheWritten,
  cache_read_input_tokens: tokens.cached,
  cache_creation: { ephemeral_5m_input_tokens: tokens.cacheWritten, ephemeral_1h_input_tokens: 0 },
  output_tokens: output,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  inference_geo: null,
  speed: null,
});

const none: Tokens = { prompt: 0, completion: 0, cached: 0, cacheWritten: 0, reasoning: 0 };

// A refusal says why in stop_details; what text there is may be a beginning.
const detailsOf = (spoken: Spoken) =>
  spoken.refusal ? { type: 'refusal' as const, category: 'general_harms' as const, explanation: null } : null;
const stopOf = (spoken: Spoken, ask: Ask) => (spoken.refusal ? 'refusal' : spoken.stop || (ask.tool ? 'tool_use' : 'end_turn')) as StopReason;

function messageOf(spoken: Spoken, ask: Ask): Message {
  const text = spoken.pieces.join('');
  return {
    id: 'msg_9f2',
    type: 'message',
    role: 'assistant',
    model: ask.model,
    container: null,
    diagnostics: null,
    content: ask.tool
      ? [{ type: 'tool_use', id: 'toolu_9f2', name: ask.tool, input: JSON.parse(text), caller: { type: 'direct' } }]
      : text === '' ? [] : [{ type: 'text', text, citations: null }],
    stop_reason: stopOf(spoken, ask),
    stop_sequence: null,
    stop_details: detailsOf(spoken),
    usage: usageOf(spoken.tokens ?? none),
  };
}

function events(spoken: Spoken, ask: Ask): (RawMessageStreamEvent | { type: 'ping' })[] {
  const start = { ...messageOf({ ...spoken, pieces: [ask.tool ? '{}' : ''] }, ask), content: [], stop_reason: null, stop_details: null, usage: usageOf(spoken.tokens ?? none, 1) };
  const usage = usageOf(spoken.tokens ?? none);
  const block = ask.tool
    ? { type: 'tool_use' as const, id: 'toolu_9f2', name: ask.tool, input: {}, caller: { type: 'direct' as const } }
    : { type: 'text' as const, text: '', citations: null };
  return [
    { type: 'message_start', message: start },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'ping' },
    ...spoken.pieces.map((piece): RawMessageStreamEvent => ({
      type: 'content_block_delta',
      index: 0,
      delta: ask.tool ? { type: 'input_json_delta', partial_json: piece } : { type: 'text_delta', text: piece },
    })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { container: null, stop_reason: stopOf(spoken, ask), stop_sequence: null, stop_details: detailsOf(spoken) }, usage },
    { type: 'message_stop' },
  ];
}

export const anthropic: Dialect = {
  streamType: 'text/event-stream; charset=utf-8',
  read,
  whole: (spoken, ask) => JSON.stringify(messageOf(spoken, ask)),
  frames: (spoken, ask) => events(spoken, ask).map((event) => ({ bytes: sse(event, event.type), text: event.type === 'content_block_delta' })),
  failure,
  unacceptable: (fault) => ({ status: 400, body: errorBody('invalid_request_error', fault) }),
  garbage: () => Buffer.from('event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {]\n\n'),
  overloadedInStream: () => sse(JSON.parse(failure('overloaded').body), 'error'),
};
