// The one list of what can happen with a vendor, and what has to come of it, whoever the vendor is.
import { expect } from 'vitest';
import { Gate } from '../fake_model.ts';
import { replyOf } from '../sse.ts';
import { azureVersion, promptFiltered } from './azure_server.ts';
import { bearerKey } from './bedrock_server.ts';
import { compatible, type Habit } from './compatible_server.ts';
import { impatient, price, type Rig, selfSigned, type Variant } from './rig.ts';
import { type ErrorCode, expectToGoOn, type Outcome, say, type Turn } from './turns.ts';
import { type Script, type Tokens, usualText, usualTokens, wordsOf } from './vendor_server.ts';
import type { Vendor } from './vendors.ts';

export interface Scenario {
  name: string;
  sees: string; // the caller
  time: string;
  tries: string;
  of?: (vendor: Vendor) => boolean; // default: all
  turns?: (vendor: Vendor) => Record<string, Turn>; // each in a conversation of its own
  run?: (rig: Rig) => Promise<string>; // what is no such turn; gives what stands in the table
  variant?: Variant; // with a vendor and a service of its own
}

const soon = 5_000; // "at once", on a machine that has much else to do; well below the time-outs
const reply = (requests = 1, more: Partial<Outcome> = {}): Outcome => ({ requests, within: soon, ...more });
const failure = (error: ErrorCode, requests: number, within = soon, after?: number): Outcome => ({ error, requests, within, after });

const always = (script: Script) => () => script;
const firstThenWell = (script: Script) => () => (call: number) => (call === 0 ? script : {});
const both = (outcome: Outcome | ((vendor: Vendor) => Outcome)) => ({ whole: outcome, streamed: outcome });
const one = (turn: Turn) => () => ({ '': turn });

// ---- Scenarios that are more than a turn.

// What was said first arrives while the vendor still holds back the rest.
async function streamed(rig: Rig): Promise<string> {
  const text = 'Scenario: streamed.';
  const gate = new Gate();
  rig.model.on(text, { manner: { kind: 'held', until: gate.opened } });
  const { user, id } = await rig.begin();
  const stream = await user.stream(id, text);
  await stream.untilReply(wordsOf(usualText)[0]!);
  gate.open();
  expect(replyOf(await stream.all())).toBe(usualText);
  expect(rig.model.repliesTo(text).map(({ ask }) => ask.stream)).toEqual([true]);
  return '200 ×1';
}

export function costOf(tokens: Tokens): number {
  const plain = tokens.prompt - tokens.cached - tokens.cacheWritten;
  return (plain * price.input + tokens.cached * price.cached_input + tokens.cacheWritten * price.cache_write + tokens.completion * price.output) / 1e6;
}

// Whoever counts how: all of the prompt, with the cached part, all of the answer, with the thoughts, and what it costs;
// of the reply, and of the assessment that is asked for beside it.
async function usage(rig: Rig): Promise<string> {
  const tokens: Tokens = { prompt: 900, completion: 70, cached: 600, cacheWritten: rig.vendor.writesCache ? 100 : 0, reasoning: 30 };
  for (const streams of [false, true]) {
    const text = `Scenario: usage, ${streams ? 'streamed' : 'whole'}.`;
    rig.model.on(text, { tokens });
    const { user, id } = await rig.begin();
    const { usage } = (await say(user, id, text, streams, {})).body;
    expect(usage).toMatchObject({
      prompt_tokens: tokens.prompt + usualTokens.prompt,
      completion_tokens: tokens.completion + usualTokens.completion,
      total_tokens: tokens.prompt + usualTokens.prompt + tokens.completion + usualTokens.completion,
    });
    expect(usage.cost_usd).toBeCloseTo(costOf(tokens) + costOf(usualTokens), 9);
  }
  return '200 ×1';
}

async function withoutUsage(rig: Rig): Promise<string> {
  for (const streams of [false, true]) {
    const text = `Scenario: usage left out, ${streams ? 'streamed' : 'whole'}.`;
    rig.model.on(text, { tokens: null });
    const { user, id } = await rig.begin();
    const { usage } = (await say(user, id, text, streams, {})).body;
    expect(usage.prompt_tokens).toBeGreaterThan(100); // the system prompt alone has more
    expect(usage.completion_tokens).toBeGreaterThan(10);
    expect(usage.cost_usd).toBeGreaterThan(0);
  }
  return '200 ×1';
}

// The schema comes in the vendor's dialect (its server refuses all others), and the result fits the topic's own.
async function structured(rig: Rig): Promise<string> {
  const text = 'Scenario: structured output.';
  const { user, id } = await rig.begin();
  await say(user, id, text, false, {});
  expect((await user.complete(id)).status).toBe(204);
  const { result } = await user.untilStatus(id, 'completed');
  expect(result.values[0].name).toBe('Something that was said, in full.');
  const asked = rig.model.calls.filter(({ ask }) => ask.schema !== null && ask.prompt.includes(text));
  const results = asked.filter(({ ask }) => ask.schema.properties.values && ask.schema.properties.summary);
  expect(results).toHaveLength(1);
  return '200 ×1';
}

async function structuredByTool(rig: Rig): Promise<string> {
  const cell = await structured(rig);
  const asked = rig.model.calls.filter(({ ask }) => ask.schema !== null);
  expect(asked.map(({ ask }) => ask.tool !== '')).toEqual(asked.map(() => true));
  return cell;
}

// As the log of the service has it: nothing of it reached the vendor.
async function triesOf(rig: Rig, id: string): Promise<string> {
  const line = await rig.service.logLine(({ event, reference, purpose }) => event === 'llm_call' && reference === id && purpose === 'reply');
  expect(line.outcome).toBe('llm_unavailable');
  return `503, ${line.tries} tries`;
}

async function refusedConnection(rig: Rig): Promise<string> {
  const text = 'Scenario: connection refused.';
  const headers = { 'idempotency-key': 'scenario' };
  const { user, id } = await rig.begin();
  await rig.model.hangUp();
  const begin = performance.now();
  expect(await say(user, id, text, false, headers)).toEqual({ error: 'llm_unavailable', status: 503 });
  expect(performance.now() - begin).toBeLessThan(soon);
  const cell = await triesOf(rig, id);
  await rig.model.listen();
  await expectToGoOn(rig, user, id, text, headers);
  return cell;
}

async function untrusted(rig: Rig): Promise<string> {
  const text = 'Scenario: TLS failure.';
  const headers = { 'idempotency-key': 'scenario' };
  const { user, id } = await rig.begin();
  const { trusted, stranger } = { trusted: rig.certificate!, stranger: selfSigned(rig.folder, 'stranger') };
  rig.model.present(stranger);
  const begin = performance.now();
  const answer = await say(user, id, text, false, headers);
  expect(performance.now() - begin).toBeLessThan(soon);
  expect(answer).toEqual({ error: 'llm_unavailable', status: 503 });
  expect(rig.model.repliesTo(text)).toEqual([]); // nothing was said to it
  const cell = await triesOf(rig, id);
  rig.model.present(trusted);
  await expectToGoOn(rig, user, id, text, headers);
  return cell;
}

// ---- The list.

const html = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><body>Welcome to nginx!</body></html>' };
const tenMegabytes = Array.from({ length: 640 }, () => 'blah '.repeat(3_277).slice(0, 16_384));
const only = (...names: string[]) => ({ name }: Vendor) => names.includes(name);
const habit = (name: Habit): Scenario => ({
  name: `${name}'s habits`, sees: 'the reply', time: 'at once', tries: 'once', of: only('compatible'),
  variant: { dialect: compatible(name) }, turns: one({ script: always({}), ...both(reply()) }),
});

export const scenarios: Scenario[] = [
  { name: 'plain', sees: 'the reply', time: 'at once', tries: 'once', turns: one({ script: always({}), whole: reply() }) },
  { name: 'streamed', sees: 'the reply, piece by piece, each as soon as it is there', time: 'at once', tries: 'once', run: streamed },
  { name: 'usage', sees: 'the reply, with the vendor\'s counts and the cost, the cached part at its own price', time: 'at once', tries: 'once', run: usage },
  { name: 'usage left out', sees: 'the reply, with estimated counts', time: 'at once', tries: 'once', of: ({ mayLeaveOutUsage }) => mayLeaveOutUsage, run: withoutUsage },
  {
    name: 'stop reasons', sees: 'what text there is, whatever the reason, also one that nobody knows', time: 'at once', tries: 'once',
    turns: ({ stops }) => Object.fromEntries([...stops, 'of_the_future'].map((stop) => [stop, { script: always({ stop }), ...both(reply()) }])),
  },
  {
    name: 'a malformed answer', sees: '`llm_unavailable`; a stream has shown it', time: 'after the backoffs', tries: 'three times; once where text was shown', of: only('Gemini'),
    turns: one({ script: always({ stop: 'MALFORMED_FUNCTION_CALL' }), whole: failure('llm_unavailable', 3), streamed: failure('llm_unavailable', 1) }),
  },
  { name: 'structured output', sees: 'the result by the topic\'s schema', time: 'at once', tries: 'once', run: structured },
  { name: 'structured output by a tool', sees: 'the same, from a model with `structured: tool`', time: 'at once', tries: 'once', of: only('Anthropic', 'Bedrock'), variant: { model: { structured: 'tool' } }, run: structuredByTool },
  {
    name: 'refusal', sees: 'the refusal\'s words; where the vendor gives none, `llm_error`', time: 'at once', tries: 'once',
    turns: ({ refuses }) => ({
      '': refuses === 'in words'
        ? { script: always({ refusal: true, pieces: ['I cannot ', 'help with that.'] }), ...both(reply(1, { text: 'I cannot help with that.' })) }
        : { script: always({ refusal: true, pieces: [] }), ...both(failure('llm_error', 1)) },
    }),
  },
  {
    name: '429 with a wait', sees: 'the reply', time: 'after the wait that the vendor asked for', tries: 'again, until it succeeds',
    turns: one({ script: firstThenWell({ failure: 'throttled for a second' }), ...both(reply(2, { after: 950, within: soon + 1_000 })) }),
  },
  { name: '429 without', sees: 'the reply', time: 'after a backoff', tries: 'again, until it succeeds', turns: one({ script: firstThenWell({ failure: 'throttled' }), ...both(reply(2)) }) },
  { name: '429 for good', sees: '`llm_unavailable`', time: 'after the backoffs', tries: 'three times', turns: one({ script: always({ failure: 'throttled' }), ...both(failure('llm_unavailable', 3)) }) },
  { name: 'quota used up', sees: '`llm_error`', time: 'at once', tries: 'once: waiting does not help', turns: one({ script: always({ failure: 'quota' }), ...both(failure('llm_error', 1)) }) },
  { name: '5xx, then well', sees: 'the reply', time: 'after a backoff', tries: 'again, until it succeeds', turns: one({ script: firstThenWell({ failure: 'overloaded' }), ...both(reply(2)) }) },
  { name: '5xx for good', sees: '`llm_unavailable`', time: 'after the backoffs', tries: 'three times', turns: one({ script: always({ failure: 'overloaded' }), ...both(failure('llm_unavailable', 3)) }) },
  {
    name: 'the prompt is filtered', sees: '`llm_error`', time: 'at once', tries: 'once', of: only('Azure'),
    turns: one({ script: always({ raw: promptFiltered }), ...both(failure('llm_error', 1)) }),
  },
  { name: 'connection refused', sees: '`llm_unavailable`', time: 'after the backoffs', tries: 'three times', variant: { tls: true }, run: refusedConnection },
  { name: 'TLS failure', sees: '`llm_unavailable`; nothing is sent to a server that cannot show who it is', time: 'after the backoffs', tries: 'three times', variant: { tls: true }, run: untrusted },
  {
    name: 'headers, then silence', sees: '`llm_timeout`', time: '`first_token` for each try of a stream, `between_tokens` for each of a whole answer', tries: 'three times, within `total`', variant: { limits: impatient },
    turns: one({ script: always({ manner: { kind: 'silent' } }), ...both(failure('llm_timeout', 3, impatient.total + 2_000, 3 * impatient.firstToken - 100)) }),
  },
  {
    name: 'cut in the middle', sees: '`llm_unavailable`; a stream has shown its beginning', time: 'at once', tries: 'three times; once where text was shown',
    turns: one({ script: always({ manner: { kind: 'cut' } }), whole: failure('llm_unavailable', 3), streamed: failure('llm_unavailable', 1) }),
  },
  {
    name: 'garbage', sees: '`llm_error`', time: 'at once', tries: 'once',
    turns: one({ script: always({ manner: { kind: 'garbage' } }), ...both(failure('llm_error', 1)) }),
  },
  {
    name: 'an error in the stream', sees: '`llm_unavailable`, after a beginning', time: 'at once', tries: 'once: text was shown',
    turns: one({ script: always({ manner: { kind: 'overloaded in the middle' } }), streamed: failure('llm_unavailable', 1) }),
  },
  { name: 'a byte at a time', sees: 'the reply, no character broken', time: 'at once', tries: 'once', turns: one({ script: always({ pieces: ['Grüße, ', 'Zoë ', '🌱! ', 'And you?'], manner: { kind: 'byte by byte' } }), ...both(reply(1, { text: 'Grüße, Zoë 🌱! And you?' })) }) },
  {
    name: '10 MB', sees: '`llm_error`', time: 'at once', tries: 'once',
    turns: one({ script: always({ pieces: tenMegabytes }), ...both(failure('llm_error', 1)) }),
  },
  {
    name: 'slow, but steady', sees: 'the reply', time: 'as long as it takes, within `total`', tries: 'once',
    turns: one({ script: always({ pieces: wordsOf('One. Two. Three. And four?'), manner: { kind: 'drip', every: 300 } }), ...both(reply(1, { text: 'One. Two. Three. And four?', after: 1_400, within: soon + 3_600 })) }),
  },
  {
    name: 'slow drip', sees: '`llm_timeout`; a stream has shown its beginning', time: '`total`', tries: 'once: there is no time left', variant: { limits: impatient },
    turns: one({ script: always({ pieces: Array.from({ length: 40 }, () => 'And '), manner: { kind: 'drip', every: 600 } }), ...both(failure('llm_timeout', 1, impatient.total + 2_000, impatient.total - 100)) }),
  },
  { name: 'another content type', sees: '`llm_error`', time: 'at once', tries: 'once', turns: one({ script: always({ raw: html }), ...both(failure('llm_error', 1)) }) },
  {
    name: 'credentials expired', sees: '`llm_error`', time: 'at once', tries: 'once; once more where others can be had',
    turns: one({ script: always({ failure: 'expired' }), ...both(({ asksForNewCredentials }) => failure('llm_error', asksForNewCredentials ? 2 : 1)) }),
  },
  {
    name: 'Azure\'s dated URLs', sees: 'the reply', time: 'at once', tries: 'once', of: only('Azure'),
    variant: { settings: { PURPOSEPATH_LLM__AZURE__API_VERSION: azureVersion } }, turns: one({ script: always({}), ...both(reply()) }),
  },
  {
    name: 'Bedrock\'s bearer key', sees: 'the reply', time: 'at once', tries: 'once', of: only('Bedrock'),
    variant: { settings: { PURPOSEPATH_LLM__API_KEY: bearerKey } }, turns: one({ script: always({}), ...both(reply()) }),
  },
  habit('Ollama'),
  habit('vLLM'),
];
