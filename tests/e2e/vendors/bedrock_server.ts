// Amazon Bedrock's Converse and ConverseStream. Frames are encoded, and signatures computed anew, by AWS's own packages;
// what goes out is typed by AWS's SDK, and fakes.test.ts reads it with that SDK.
import { Sha256 } from '@aws-crypto/sha256-js';
import type { ConverseResponse, ConverseStreamOutput, StopReason, TokenUsage } from '@aws-sdk/client-bedrock-runtime';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { SignatureV4 } from '@smithy/signature-v4';
import { bedrockRules, mustObey } from './schema_rules.ts';
import { type Ask, type Dialect, type Failure, type FailureName, type Incoming, must, type Spoken, type Tokens, Unacceptable } from './vendor_server.ts';

export const region = 'eu-central-1';
export const bearerKey = 'bedrock-api-key-of-the-scenarios';
export const credentials = {
  accessKeyId: 'AKIDSCENARIOS',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'IQoJb3JpZ2luX2VjEA==/a+token',
};

const errorOf = (status: number, type: string, message: string, headers: Record<string, string> = {}): Failure => ({
  status,
  headers: { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`, 'x-amzn-requestid': 'req-9f2', ...headers },
  body: JSON.stringify({ message }),
});

function failure(name: FailureName): Failure {
  switch (name) {
    case 'throttled':
      return errorOf(429, 'ThrottlingException', 'Too many requests, please wait before trying again.');
    case 'throttled for a second':
      return errorOf(429, 'ThrottlingException', 'Too many tokens, please wait before trying again.', { 'x-amz-retry-after': '1000' });
    case 'quota':
      return errorOf(400, 'ServiceQuotaExceededException', 'Your request exceeds the service quota for your account.');
    case 'overloaded':
      return errorOf(503, 'ServiceUnavailableException', 'Bedrock is unable to process your request.');
    case 'expired':
      return errorOf(403, 'ExpiredTokenException', 'The security token included in the request is expired');
  }
}

// ---- Signature Version 4: signed again by AWS's own signer, from what came, and compared.

export async function mustBeSigned({ method, path, headers, bytes }: Incoming): Promise<void> {
  const authorization = String(headers.authorization);
  if (authorization === `Bearer ${bearerKey}`) return;
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(authorization);
  if (!parts) throw new Unacceptable(`authorization ${authorization}`, errorOf(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token'));
  const [, , , place, service, names] = parts;
  const signed = names!.split(';');
  must(service === 'bedrock' && place === region, `the scope is ${place}/${service}`);
  for (const name of ['host', 'x-amz-date', 'x-amz-security-token']) must(signed.includes(name), `${name} is not signed`);
  const date = String(headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  must(Math.abs(Date.parse(date) - Date.now()) < 300_000, `x-amz-date ${headers['x-amz-date']}`);
  const url = new URL(path, `http://${headers.host}`);
  const signer = new SignatureV4({ service: 'bedrock', region, credentials, sha256: Sha256, applyChecksum: signed.includes('x-amz-content-sha256') });
  const again = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(signed.map((name) => [name, String(headers[name])])),
      body: bytes,
    },
    { signingDate: new Date(date), signableHeaders: new Set(signed) },
  );
  const ours = again.headers.authorization!.replaceAll(', ', ',');
  const wrong = errorOf(403, 'InvalidSignatureException', 'The request signature we calculated does not match the signature you provided.');
  if (ours !== authorization.replaceAll(', ', ',')) throw new Unacceptable(`signed as ${authorization}, not ${ours}`, wrong);
}

// ---- What a request has to be.

const members = [
  'messages', 'system', 'inferenceConfig', 'toolConfig', 'outputConfig', 'guardrailConfig', 'additionalModelRequestFields',
  'additionalModelResponseFieldPaths', 'requestMetadata', 'performanceConfig', 'serviceTier',
];

function textOf(blocks: any, where: string): string {
  must(Array.isArray(blocks) && blocks.length > 0, `${where} has no content`);
  for (const block of blocks) {
    must(Object.keys(block).length === 1, `a block of ${Object.keys(block)}`);
    if (block.cachePoint) must(block.cachePoint.type === 'default', 'the cachePoint\'s type');
    else must(typeof block.text === 'string' && block.text.trim() !== '', `The text field in the ContentBlock object is blank (${where}).`);
  }
  return blocks.map(({ text }: any) => text ?? '').join('');
}

function readSchema(body: any): { schema: any; tool: string } {
  const format = body.outputConfig?.textFormat;
  if (format) {
    must(format.type === 'json_schema', `textFormat ${format.type}`);
    const { schema, name } = format.structure?.jsonSchema ?? {};
    must(typeof schema === 'string', 'the schema is to be a string of JSON');
    must(name === undefined || /^[A-Za-z0-9_-]{1,64}$/.test(name), `the schema's name is ${name}`);
    mustObey(JSON.parse(schema), bedrockRules);
    return { schema: JSON.parse(schema), tool: '' };
  }
  const tool = body.toolConfig?.toolChoice?.tool?.name;
  if (!tool) return { schema: null, tool: '' };
  const spec = body.toolConfig.tools?.find(({ toolSpec }: any) => toolSpec?.name === tool)?.toolSpec;
  must(/^[A-Za-z0-9_-]{1,64}$/.test(tool) && spec?.inputSchema?.json, `there is no tool ${tool} with an inputSchema`);
  return { schema: spec.inputSchema.json, tool };
}

async function read(request: Incoming): Promise<Ask> {
  const { path, body } = request;
  await mustBeSigned(request);
  const [, model, operation] = /^\/model\/((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)\/(converse|converse-stream)$/.exec(path) ?? [];
  must(model, 'there is no such route');
  const strangers = Object.keys(body).filter((name) => !members.includes(name));
  must(strangers.length === 0, `unknown members: ${strangers.join(', ')}`);
  const { maxTokens, temperature } = body.inferenceConfig ?? {};
  must(maxTokens >= 1, 'maxTokens is missing: all that the model can say would be reserved');
  must(temperature === undefined || (temperature >= 0 && temperature <= 1), `temperature ${temperature}`);
  must(Array.isArray(body.messages) && body.messages.length > 0, 'no messages');
  const roles = body.messages.map(({ role }: any) => role);
  must(roles[0] === 'user', 'A conversation must start with a user message.');
  must(roles.at(-1) === 'user', 'the last message would prefill the answer');
  must(roles.every((role: string, at: number) => role !== roles[at - 1]), 'A conversation must alternate between user and assistant roles.');
  const blocks = [...(body.system ?? []), ...body.messages.flatMap(({ content }: any) => content)];
  must(blocks.filter(({ cachePoint }) => cachePoint).length <= 4, 'more than four cache points');
  return {
    api: operation!,
    model: decodeURIComponent(model!),
    stream: operation === 'converse-stream',
    prompt: [body.system ? textOf(body.system, 'system') : '', ...body.messages.map(({ role, content }: any) => textOf(content, role))].join('\n'),
    ...readSchema(body),
  };
}

// ---- What comes back.

// Converse counts apart what was read from the cache and what was written to it.
const usageOf = (tokens: Tokens): TokenUsage => ({
  inputTokens: tokens.prompt - tokens.cached - tokens.cacheWritten,
  outputTokens: tokens.completion,
  totalTokens: tokens.prompt + tokens.completion,
  cacheReadInputTokens: tokens.cached,
  cacheWriteInputTokens: tokens.cacheWritten,
});

const none: Tokens = { prompt: 0, completion: 0, cached: 0, cacheWritten: 0, reasoning: 0 };
const stopOf = (spoken: Spoken, ask: Ask) =>
  (spoken.refusal ? 'guardrail_intervened' : spoken.stop || (ask.tool ? 'tool_use' : 'end_turn')) as StopReason;

function bodyOf(spoken: Spoken, ask: Ask): ConverseResponse {
  const text = spoken.pieces.join('');
  const block = ask.tool ? { toolUse: { toolUseId: 'tooluse_9f2', name: ask.tool, input: JSON.parse(text) } } : { text };
  return {
    output: { message: { role: 'assistant', content: text === '' ? [] : [block] } },
    stopReason: stopOf(spoken, ask),
    usage: usageOf(spoken.tokens ?? none),
    metrics: { latencyMs: 412 },
  };
}

const codec = new EventStreamCodec((bytes) => Buffer.from(bytes).toString('utf8'), (text) => Buffer.from(text, 'utf8'));
const word = (value: string) => ({ type: 'string' as const, value });

export function frame(kind: 'event' | 'exception', type: string, body: object): Buffer {
  const headers = { [`:${kind}-type`]: word(type), ':content-type': word('application/json'), ':message-type': word(kind) };
  return Buffer.from(codec.encode({ headers, body: Buffer.from(JSON.stringify(body)) }));
}

function events(spoken: Spoken, ask: Ask): ConverseStreamOutput[] {
  const start: ConverseStreamOutput[] = ask.tool
    ? [{ contentBlockStart: { contentBlockIndex: 0, start: { toolUse: { toolUseId: 'tooluse_9f2', name: ask.tool } } } }]
    : []; // none for text
  return [
    { messageStart: { role: 'assistant' } },
    ...start,
    ...spoken.pieces.map((piece): ConverseStreamOutput => ({
      contentBlockDelta: { contentBlockIndex: 0, delta: ask.tool ? { toolUse: { input: piece } } : { text: piece } },
    })),
    { contentBlockStop: { contentBlockIndex: 0 } },
    { messageStop: { stopReason: stopOf(spoken, ask) } },
    { metadata: { usage: usageOf(spoken.tokens ?? none), metrics: { latencyMs: 412 } } },
  ];
}

export const bedrock: Dialect = {
  streamType: 'application/vnd.amazon.eventstream',
  read,
  whole: (spoken, ask) => JSON.stringify(bodyOf(spoken, ask)),
  frames: (spoken, ask) =>
    events(spoken, ask).map((event) => {
      const [[type, body]] = Object.entries(event) as [[string, object]];
      return { bytes: frame('event', type, { ...body, p: 'abcdefghij' }), text: type === 'contentBlockDelta' };
    }),
  failure,
  unacceptable: (fault) => errorOf(400, 'ValidationException', fault),
  // A frame whose check sum is wrong.
  garbage() {
    const broken = frame('event', 'contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Garbage' } });
    broken[broken.length - 20]! ^= 0xff;
    return broken;
  },
  overloadedInStream: () => frame('exception', 'serviceUnavailableException', { message: 'Bedrock is unable to process your request.' }),
};
