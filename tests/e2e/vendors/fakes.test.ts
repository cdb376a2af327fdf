// The fakes, held against the vendors' own SDKs: what a vendor's client cannot read, or is refused, is a fault of ours.
import Anthropic from '@anthropic-ai/sdk';
import { BedrockRuntimeClient, ConverseCommand, type ConverseCommandInput, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI, { AzureOpenAI } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { anthropic, anthropicKey } from './anthropic_server.ts';
import { azure, azureKey, azureVersion } from './azure_server.ts';
import { bearerKey, bedrock, credentials, region } from './bedrock_server.ts';
import { gemini, geminiKey } from './gemini_server.ts';
import { compatible, habits } from './compatible_server.ts';
import { openai, openaiKey } from './openai_server.ts';
import { type Dialect, type FailureName, type Script, type Tokens, VendorServer, wordsOf } from './vendor_server.ts';

const said = 'Grüße! What would you like to be true in a year?';
const tokens: Tokens = { prompt: 900, completion: 70, cached: 600, cacheWritten: 100, reasoning: 30 };
const schema = {
  type: 'object',
  properties: { values: { type: 'array', items: { type: 'string' } }, ready: { type: 'boolean' } },
  required: ['values', 'ready'],
  additionalProperties: false,
};

// How a client of a vendor asks, and what it makes of the answer.
interface Heard {
  text: string;
  stop: string;
  usage: Record<string, number>;
  refusal?: string;
}
interface Client {
  ask(prompt: string): Promise<Heard>;
  stream(prompt: string): Promise<Heard & { pieces: string[] }>;
  structured(prompt: string, streamed: boolean): Promise<string>; // by `schema`: the text of the JSON
}

interface Row {
  name: string;
  dialect: Dialect;
  client: (origin: string, key?: string) => Client;
  usage: Record<string, number>; // of `tokens`, as this vendor counts
  stops: string[]; // the usual one first
  refusal: Partial<Heard>;
  statuses: Record<FailureName, number>;
}

async function collect<T>(stream: AsyncIterable<T>, take: (event: T) => void): Promise<void> {
  for await (const event of stream) take(event);
}

function chatClient(sdk: OpenAI): Client {
  const usageOf = (usage: any) => ({ prompt: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens, completion: usage.completion_tokens });
  const body = (content: string, extra: object = {}) => ({ model: 'm-1', messages: [{ role: 'user' as const, content }], max_completion_tokens: 100, ...extra });
  const format = { type: 'json_schema' as const, json_schema: { name: 'result', strict: true, schema } };
  return {
    async ask(prompt) {
      const { choices, usage } = await sdk.chat.completions.create(body(prompt));
      const { message, finish_reason } = choices[0]!;
      return { text: message.content ?? '', refusal: message.refusal ?? '', stop: finish_reason, usage: usageOf(usage) };
    },
    async stream(prompt) {
      const runner = sdk.chat.completions.stream({ ...body(prompt), stream_options: { include_usage: true } });
      const pieces: string[] = [];
      runner.on('content', (piece) => piece !== '' && pieces.push(piece));
      const { choices, usage } = await runner.finalChatCompletion();
      const { message, finish_reason } = choices[0]!;
      return { pieces, text: message.content ?? '', refusal: message.refusal ?? '', stop: finish_reason, usage: usageOf(usage) };
    },
    async structured(prompt, streamed) {
      const asked = body(prompt, { response_format: format });
      const completion = streamed ? await sdk.chat.completions.stream(asked).finalChatCompletion() : await sdk.chat.completions.create(asked);
      return completion.choices[0]!.message.content!;
    },
  };
}

const openaiSdk = (origin: string, key: string) => new OpenAI({ baseURL: `${origin}/v1`, apiKey: key, maxRetries: 0, logLevel: 'off' });

function responsesClient(sdk: OpenAI): Client {
  const body = (input: string, extra: object = {}) => ({ model: 'm-1', input, max_output_tokens: 100, store: false, ...extra });
  const heard = (response: OpenAI.Responses.Response) => ({
    text: response.output_text,
    refusal: response.output.flatMap((item) => (item.type === 'message' ? item.content : [])).flatMap((part) => (part.type === 'refusal' ? [part.refusal] : [])).join(''),
    stop: response.incomplete_details?.reason ?? response.status!,
    usage: { prompt: response.usage!.input_tokens, cached: response.usage!.input_tokens_details.cached_tokens, completion: response.usage!.output_tokens },
  });
  const format = { type: 'json_schema' as const, name: 'result', strict: true, schema };
  return {
    ask: async (prompt) => heard(await sdk.responses.create(body(prompt))),
    async stream(prompt) {
      const runner = sdk.responses.stream(body(prompt));
      const pieces: string[] = [];
      runner.on('response.output_text.delta', ({ delta }) => pieces.push(delta));
      return { pieces, ...heard(await runner.finalResponse()) };
    },
    async structured(prompt, streamed) {
      const asked = body(prompt, { text: { format } });
      return (streamed ? await sdk.responses.stream(asked).finalResponse() : await sdk.responses.create(asked)).output_text;
    },
  };
}

function anthropicClient(origin: string, key = anthropicKey): Client {
  const sdk = new Anthropic({ baseURL: origin, apiKey: key, authToken: null, maxRetries: 0, logLevel: 'off' });
  const body = (content: string, extra: object = {}) => ({ model: 'm-1', max_tokens: 100, messages: [{ role: 'user' as const, content }], ...extra });
  const heard = ({ content, stop_reason, stop_details, usage }: Anthropic.Message): Heard => ({
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    refusal: stop_details?.category ?? '',
    stop: stop_reason!,
    usage: { prompt: usage.input_tokens, cached: usage.cache_read_input_tokens!, written: usage.cache_creation_input_tokens!, completion: usage.output_tokens },
  });
  return {
    ask: async (prompt) => heard(await sdk.messages.create(body(prompt))),
    async stream(prompt) {
      const runner = sdk.messages.stream(body(prompt));
      const pieces: string[] = [];
      runner.on('text', (piece) => pieces.push(piece));
      return { pieces, ...heard(await runner.finalMessage()) };
    },
    async structured(prompt, streamed) {
      const asked = body(prompt, { output_config: { format: { type: 'json_schema', schema } } });
      return heard(streamed ? await sdk.messages.stream(asked).finalMessage() : await sdk.messages.create(asked)).text;
    },
  };
}

function geminiClient(origin: string, key = geminiKey): Client {
  const sdk = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: origin } });
  const body = (contents: string, extra: object = {}) => ({ model: 'm-1', contents, config: { maxOutputTokens: 100, ...extra } });
  const usageOf = (usage: any) => ({ prompt: usage.promptTokenCount, cached: usage.cachedContentTokenCount, completion: usage.candidatesTokenCount, thoughts: usage.thoughtsTokenCount });
  const properties = { values: { type: 'ARRAY', items: { type: 'STRING' } }, ready: { type: 'BOOLEAN' } };
  const responseSchema = { type: 'OBJECT', properties, required: ['values', 'ready'] };
  const stream = async (prompt: string, extra: object = {}) => {
    const heard: Heard & { pieces: string[] } = { pieces: [], text: '', refusal: '', stop: '', usage: {} };
    await collect(await sdk.models.generateContentStream(body(prompt, extra)), (chunk) => {
      if (chunk.text) heard.pieces.push(chunk.text);
      heard.stop = chunk.candidates?.[0]?.finishReason ?? '';
      heard.refusal = chunk.promptFeedback?.blockReason ?? '';
      heard.usage = usageOf(chunk.usageMetadata);
    });
    return { ...heard, text: heard.pieces.join('') };
  };
  const structured = { responseMimeType: 'application/json', responseSchema };
  return {
    async ask(prompt) {
      const response = await sdk.models.generateContent(body(prompt));
      return {
        text: response.text ?? '',
        refusal: response.promptFeedback?.blockReason ?? '',
        stop: response.candidates?.[0]?.finishReason ?? '',
        usage: usageOf(response.usageMetadata),
      };
    },
    stream,
    structured: async (prompt, streamed) => (streamed ? (await stream(prompt, structured)).text : (await sdk.models.generateContent(body(prompt, structured))).text!),
  };
}

function bedrockClient(endpoint: string, key?: string): Client {
  const keys = key ? { ...credentials, sessionToken: key } : credentials;
  const sdk = new BedrockRuntimeClient({ region, endpoint, credentials: keys, maxAttempts: 1, requestHandler: new NodeHttpHandler() });
  const body = (text: string, extra: object = {}): ConverseCommandInput => ({ modelId: 'eu.maker.m-1:0', messages: [{ role: 'user', content: [{ text }] }], inferenceConfig: { maxTokens: 100 }, ...extra });
  const usageOf = (usage: any) => ({ prompt: usage.inputTokens, cached: usage.cacheReadInputTokens, written: usage.cacheWriteInputTokens, completion: usage.outputTokens });
  const tools = { tools: [{ toolSpec: { name: 'result', inputSchema: { json: schema } } }], toolChoice: { tool: { name: 'result' } } };
  const stream = async (prompt: string, extra: object = {}) => {
    const heard: Heard & { pieces: string[] } = { pieces: [], text: '', stop: '', usage: {} };
    const { stream } = await sdk.send(new ConverseStreamCommand(body(prompt, extra)));
    await collect(stream!, ({ contentBlockDelta, messageStop, metadata }) => {
      const piece = contentBlockDelta?.delta?.text ?? contentBlockDelta?.delta?.toolUse?.input;
      if (piece !== undefined) heard.pieces.push(piece);
      if (messageStop) heard.stop = messageStop.stopReason!;
      if (metadata) heard.usage = usageOf(metadata.usage);
    });
    return { ...heard, text: heard.pieces.join('') };
  };
  return {
    async ask(prompt) {
      const { output, stopReason, usage } = await sdk.send(new ConverseCommand(body(prompt)));
      return { text: output!.message!.content!.map(({ text }) => text).join(''), stop: stopReason!, usage: usageOf(usage) };
    },
    stream,
    async structured(prompt, streamed) {
      if (streamed) return (await stream(prompt, { toolConfig: tools })).text;
      const { output } = await sdk.send(new ConverseCommand(body(prompt, { toolConfig: tools })));
      return JSON.stringify(output!.message!.content![0]!.toolUse!.input);
    },
  };
}

const usage = { prompt: 900, cached: 600, completion: 70 };
const apart = { prompt: 200, cached: 600, written: 100, completion: 70 };
const statuses = { throttled: 429, 'throttled for a second': 429, quota: 429, overloaded: 503, expired: 401 };
const refusal = { refusal: said, text: '' };

const rows: Row[] = [
  { name: 'OpenAI, chat', dialect: openai, client: (origin, key = openaiKey) => chatClient(openaiSdk(origin, key)), usage, stops: ['stop', 'length', 'content_filter'], refusal, statuses },
  { name: 'OpenAI, responses', dialect: openai, client: (origin, key = openaiKey) => responsesClient(openaiSdk(origin, key)), usage, stops: ['completed', 'max_output_tokens', 'content_filter'], refusal, statuses },
  {
    name: 'Azure, dated URLs',
    dialect: azure,
    client: (origin, key = azureKey) => chatClient(new AzureOpenAI({ endpoint: origin, apiKey: key, apiVersion: azureVersion, deployment: 'coach', maxRetries: 0, logLevel: 'off' })),
    usage, stops: ['stop', 'length', 'content_filter'], refusal, statuses,
  },
  {
    name: 'Azure, v1 URLs',
    dialect: azure,
    client: (origin, key = azureKey) => chatClient(new OpenAI({ baseURL: `${origin}/openai/v1`, apiKey: 'none', defaultHeaders: { authorization: null, 'api-key': key }, maxRetries: 0, logLevel: 'off' })),
    usage, stops: ['stop', 'length', 'content_filter'], refusal, statuses,
  },
  { name: 'Anthropic', dialect: anthropic, client: anthropicClient, usage: apart, stops: ['end_turn', 'max_tokens', 'stop_sequence', 'pause_turn', 'model_context_window_exceeded'], refusal: { stop: 'refusal', refusal: 'general_harms' }, statuses: { ...statuses, overloaded: 529 } },
  { name: 'Gemini', dialect: gemini, client: geminiClient, usage: { ...usage, completion: 40, thoughts: 30 }, stops: ['STOP', 'MAX_TOKENS', 'SAFETY', 'RECITATION', 'PROHIBITED_CONTENT'], refusal: { refusal: 'PROHIBITED_CONTENT', text: '' }, statuses: { ...statuses, expired: 400 } },
  { name: 'Bedrock', dialect: bedrock, client: bedrockClient, usage: apart, stops: ['end_turn', 'max_tokens', 'stop_sequence', 'guardrail_intervened', 'content_filtered', 'model_context_window_exceeded'], refusal: { stop: 'guardrail_intervened', text: said }, statuses: { ...statuses, quota: 400, expired: 403 } },
];

// The status by which the SDK's own exception knows the failure.
const statusOf = (error: any): number => error.status ?? error.$metadata?.httpStatusCode ?? Number(/"code":(\d+)/.exec(error.message)?.[1]);
const failureOf = async (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );

describe.each(rows)('$name: its own SDK', ({ dialect, client: clientOf, usage, stops, refusal, statuses }) => {
  let server: VendorServer;
  let client: Client;
  beforeAll(async () => {
    server = await VendorServer.start(dialect);
    client = clientOf(server.origin);
  });
  afterEach(() => expect(server.complaints.splice(0)).toEqual([]));
  afterAll(() => server.stop());

  const script = (extra: Script = {}) => server.on('Hello', { pieces: wordsOf(said), tokens, ...extra });

  test('reads a whole answer', async () => {
    script();
    expect(await client.ask('Hello.')).toMatchObject({ text: said, stop: stops[0], usage });
  });

  test('reads a stream, also a byte at a time', async () => {
    script();
    expect(await client.stream('Hello.')).toMatchObject({ text: said, pieces: wordsOf(said), stop: stops[0], usage });
    // Google's own reader breaks a character that comes in two parts.
    const text = dialect === gemini ? 'What would you like?' : said;
    script({ pieces: wordsOf(text), manner: { kind: 'byte by byte' } });
    expect(await client.stream('Hello.')).toMatchObject({ text, stop: stops[0], usage });
  });

  test('knows every reason to stop', async () => {
    for (const stop of stops) {
      script({ stop });
      expect((await client.ask('Hello.')).stop).toBe(stop);
      expect((await client.stream('Hello.')).stop).toBe(stop);
    }
  });

  test('knows a refusal', async () => {
    script({ refusal: true });
    expect(await client.ask('Hello.')).toMatchObject(refusal);
    expect(await client.stream('Hello.')).toMatchObject(refusal);
  });

  test('gets an answer by a schema', async () => {
    for (const streamed of [false, true]) {
      expect(JSON.parse(await client.structured('Hello.', streamed))).toEqual({ values: ['Something that was said, number 1.'], ready: false });
    }
  });

  test.each(Object.entries(statuses))('knows the failure "%s"', async (failure, status) => {
    script({ failure: failure as FailureName });
    expect(statusOf(await failureOf(client.ask('Hello.')))).toBe(status);
    expect(statusOf(await failureOf(client.stream('Hello.')))).toBe(status);
  });

  test('is refused with another key', async () => {
    script();
    expect(statusOf(await failureOf(clientOf(server.origin, 'another').ask('Hello.')))).toBe(statuses.expired === 400 ? 400 : dialect === bedrock ? 403 : 401);
    expect(server.complaints.splice(0)).toHaveLength(1);
  });

  test.each(['garbage', 'overloaded in the middle', 'cut'] as const)('fails at a stream that is broken off: %s', async (kind) => {
    script({ manner: { kind } });
    await failureOf(client.stream('Hello.'));
  });
});

// These come with no SDK of their own: OpenAI's is what their documents tell to use.
test.each(habits)('OpenAI’s SDK reads what %s sends', async (habit) => {
  const server = await VendorServer.start(compatible(habit));
  try {
    server.on('Hello', { pieces: wordsOf(said), tokens });
    const sdk = openaiSdk(server.origin, openaiKey);
    const body = { model: 'm-1', messages: [{ role: 'user' as const, content: 'Hello.' }], max_tokens: 100 };
    expect((await sdk.chat.completions.create(body)).choices[0]!.message.content).toBe(said);
    const completion = await sdk.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion();
    expect(completion.choices[0]!.message.content).toBe(said);
    expect(completion.usage).toMatchObject({ prompt_tokens: 900, completion_tokens: 70 });
    expect(server.complaints).toEqual([]);
  } finally {
    await server.stop();
  }
});

test('Bedrock: a bearer key does instead of a signature', async () => {
  const server = await VendorServer.start(bedrock);
  try {
    const sdk = new BedrockRuntimeClient({ region, endpoint: server.origin, token: { token: bearerKey }, authSchemePreference: ['httpBearerAuth'], maxAttempts: 1, requestHandler: new NodeHttpHandler() });
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello.' }] }];
    await sdk.send(new ConverseCommand({ modelId: 'm-1', messages, inferenceConfig: { maxTokens: 9 } }));
    expect(server.calls[0]!.request.headers.authorization).toBe(`Bearer ${bearerKey}`);
    expect(server.complaints).toEqual([]);
  } finally {
    await server.stop();
  }
});
