// Google's Gemini API: generateContent and its stream (ai.google.dev/api/generate-content). What goes out is typed by
// Google's own SDK, and fakes.test.ts reads it with that SDK.
import type { BlockedReason, Candidate, FinishReason, GenerateContentResponse, GenerateContentResponseUsageMetadata } from '@google/genai';
import { geminiJsonRules, geminiRules, mustObey } from './schema_rules.ts';
import { type Ask, type Dialect, type Failure, type FailureName, type Incoming, must, type Spoken, sse, type Tokens, Unacceptable } from './vendor_server.ts';

export const geminiKey = 'AIza-test-of-the-scenarios';

const errorBody = (code: number, status: string, message: string, details: object[] = []): string =>
  JSON.stringify({ error: { code, message, status, details } });

const quotaFailure = (quotaId: string) => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaMetric: 'generativelanguage.googleapis.com/generate_content_requests', quotaId, quotaValue: '10' }],
});

// Google sends no Retry-After: how long to wait stands in the body.
function failure(name: FailureName): Failure {
  const exhausted = (...details: object[]) => ({ status: 429, body: errorBody(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', details) });
  const perMinute = quotaFailure('GenerateRequestsPerMinutePerProjectPerModel');
  switch (name) {
    case 'throttled':
      return exhausted(perMinute);
    case 'throttled for a second':
      return exhausted(perMinute, { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' });
    case 'quota':
      return exhausted(quotaFailure('GenerateRequestsPerDayPerProjectPerModel'));
    case 'overloaded':
      return { status: 503, body: errorBody(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.') };
    case 'expired': {
      const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain: 'googleapis.com', metadata: {} };
      return { status: 400, body: errorBody(400, 'INVALID_ARGUMENT', 'API key expired. Please renew the API key.', [info]) };
    }
  }
}

const members = ['contents', 'systemInstruction', 'generationConfig', 'safetySettings', 'tools', 'toolConfig', 'cachedContent'];
const configMembers = [
  'maxOutputTokens', 'temperature', 'topP', 'topK', 'candidateCount', 'stopSequences', 'responseMimeType', 'responseSchema',
  'responseJsonSchema', 'thinkingConfig', 'seed',
];

function mustKnow(object: any, known: string[], where: string): void {
  const strangers = Object.keys(object ?? {}).filter((name) => !known.includes(name));
  must(strangers.length === 0, `Unknown name in ${where}: ${strangers.join(', ')}`);
}

function textOf(content: any): string {
  must(Array.isArray(content?.parts) && content.parts.length > 0, 'a content without parts');
  for (const part of content.parts) must(typeof part.text === 'string' && part.text !== '', 'a part without text');
  return content.parts.map(({ text }: any) => text).join('');
}

// As JSON Schema writes it: names of types in lower case.
function lowered(schema: any): any {
  if (Array.isArray(schema)) return schema.map(lowered);
  if (schema === null || typeof schema !== 'object') return schema;
  const entries = Object.entries(schema).map(([name, inner]) => [name, name === 'type' && typeof inner === 'string' ? inner.toLowerCase() : lowered(inner)]);
  return Object.fromEntries(entries);
}

function readSchema(config: any): any {
  const { responseSchema, responseJsonSchema, responseMimeType } = config ?? {};
  const schema = responseSchema ?? responseJsonSchema;
  if (!schema) return null;
  must(!responseSchema || !responseJsonSchema, 'two schemas');
  must(responseMimeType === 'application/json', `responseMimeType ${responseMimeType}`);
  mustObey(schema, responseSchema ? geminiRules : geminiJsonRules);
  return lowered(schema);
}

function read({ path, headers, body }: Incoming): Ask {
  if (headers['x-goog-api-key'] !== geminiKey) throw new Unacceptable('the key', failure('expired'));
  must(!path.includes('key='), 'the key is in the URL');
  const [, model, method] = /^\/v1beta\/models\/([A-Za-z0-9._-]+):(generateContent|streamGenerateContent)(\?alt=sse)?$/.exec(path) ?? [];
  must(model, 'there is no such route');
  must((method === 'streamGenerateContent') === path.endsWith('?alt=sse'), 'a stream without alt=sse is an array');
  mustKnow(body, members, 'the request');
  mustKnow(body.generationConfig, configMembers, 'generationConfig');
  must(body.generationConfig?.maxOutputTokens >= 1, 'maxOutputTokens is missing');
  const temperature = body.generationConfig.temperature;
  must(temperature === undefined || (temperature >= 0 && temperature <= 2), `temperature ${temperature}`);
  must(Array.isArray(body.contents) && body.contents.length > 0, 'contents is empty');
  must(body.contents.every(({ role }: any) => role === 'user' || role === 'model'), 'Please use a valid role: user, model.');
  must(body.contents.at(-1).role === 'user', 'the last content is not the user\'s');
  return {
    api: method!,
    model: model!,
    stream: method === 'streamGenerateContent',
    prompt: [body.systemInstruction ? textOf(body.systemInstruction) : '', ...body.contents.map(textOf)].join('\n'),
    schema: readSchema(body.generationConfig),
    tool: '',
  };
}

// The prompt's count has the cached ones in it; thoughts are counted apart from the answer.
const usageOf = (tokens: Tokens): GenerateContentResponseUsageMetadata => ({
  promptTokenCount: tokens.prompt,
  candidatesTokenCount: tokens.completion - tokens.reasoning,
  totalTokenCount: tokens.prompt + tokens.completion,
  ...(tokens.cached > 0 && { cachedContentTokenCount: tokens.cached }),
  ...(tokens.reasoning > 0 && { thoughtsTokenCount: tokens.reasoning }),
});

type WireResponse = Omit<GenerateContentResponse, 'text' | 'data' | 'functionCalls' | 'executableCode' | 'codeExecutionResult'>;

const common = (ask: Ask) => ({ modelVersion: ask.model, responseId: 'mAIDabc' });

// A refusal of the prompt has no candidate at all.
const refused = (spoken: Spoken, ask: Ask): WireResponse => ({
  promptFeedback: { blockReason: 'PROHIBITED_CONTENT' as BlockedReason },
  ...(spoken.tokens && { usageMetadata: { promptTokenCount: spoken.tokens.prompt, totalTokenCount: spoken.tokens.prompt } }),
  ...common(ask),
});

function responseOf(text: string, finish: string, spoken: Spoken, ask: Ask): WireResponse {
  const candidate: Candidate = {
    ...(text !== '' && { content: { role: 'model', parts: [{ text }] } }),
    ...(finish !== '' && { finishReason: finish as FinishReason }),
    index: 0,
  };
  return { candidates: [candidate], ...(spoken.tokens && { usageMetadata: usageOf(spoken.tokens) }), ...common(ask) };
}

const event = (response: unknown, text: boolean) => ({ bytes: sse(response, undefined, '\r\n'), text });

export const gemini: Dialect = {
  streamType: 'text/event-stream',
  read,
  whole: (spoken, ask) =>
    JSON.stringify(spoken.refusal ? refused(spoken, ask) : responseOf(spoken.pieces.join(''), spoken.stop || 'STOP', spoken, ask)),
  // The last piece of the text comes together with the reason to stop.
  frames(spoken, ask) {
    if (spoken.refusal) return [event(refused(spoken, ask), false)];
    if (spoken.pieces.length === 0) return [event(responseOf('', spoken.stop || 'STOP', spoken, ask), false)];
    const last = spoken.pieces.length - 1;
    return spoken.pieces.map((piece, number) => event(responseOf(piece, number === last ? spoken.stop || 'STOP' : '', spoken, ask), true));
  },
  failure,
  unacceptable: (fault) => ({ status: 400, body: errorBody(400, 'INVALID_ARGUMENT', fault) }),
  garbage: () => Buffer.from('data: {"candidates": [{]\r\n\r\n'),
  overloadedInStream: () => sse(JSON.parse(failure('overloaded').body), undefined, '\r\n'),
};
