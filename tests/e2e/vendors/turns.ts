// One turn with a vendor that behaves as it likes, and what has to hold after it.
import { expect } from 'vitest';
import { type Client, expectError } from '../client.ts';
import { replyOf } from '../sse.ts';
import type { Rig } from './rig.ts';
import { type Script, usualText } from './vendor_server.ts';
import type { Vendor } from './vendors.ts';

export type ErrorCode = 'llm_error' | 'llm_unavailable' | 'llm_timeout';
const statuses: Record<ErrorCode, number> = { llm_error: 502, llm_unavailable: 503, llm_timeout: 504 };

// What the caller gets, and how often the vendor was asked for it.
export interface Outcome {
  error?: ErrorCode; // none: the reply
  text?: string; // of the reply; default: the usual one
  requests: number;
  after?: number; // ms: not before
  within: number; // ms; on a busy machine, so far from tight
}

// The same message, once with the answer as JSON (the vendor is asked for a whole one), once as a stream.
export interface Turn {
  script: (vendor: Vendor) => Script | ((call: number) => Script);
  whole?: Outcome | ((vendor: Vendor) => Outcome);
  streamed?: Outcome | ((vendor: Vendor) => Outcome);
}

export async function say(user: Client, id: string, text: string, streamed: boolean, headers: Record<string, string>) {
  if (!streamed) {
    const answer = await user.say(id, text, { headers });
    if (answer.status === 200) return { text: answer.body.ai_response as string, body: answer.body };
    return { error: expectError(answer, answer.status, answer.body.error).error as ErrorCode, status: answer.status };
  }
  const events = await (await user.stream(id, text, headers)).all();
  const last = events.at(-1)!;
  if (last.event === 'error') return { error: last.data.error as ErrorCode, status: statuses[last.data.error as ErrorCode] };
  expect(last.event).toBe('message');
  expect(replyOf(events)).toBe(last.data.ai_response);
  return { text: last.data.ai_response as string, body: last.data };
}

// The conversation goes on: it is active, the message is stored, and sent once more it is answered.
export async function expectToGoOn(rig: Rig, user: Client, id: string, text: string, headers: Record<string, string>): Promise<void> {
  const { status, messages, result } = await user.conversation(id);
  expect({ status, result }).toEqual({ status: 'active', result: null });
  expect(messages.slice(1).map(({ content }: any) => content)).toEqual([text]);
  rig.model.on(text, {});
  expect(await say(user, id, text, false, headers)).toMatchObject({ text: usualText });
  expect(await user.said(id)).toEqual([`user: ${text}`, `assistant: ${usualText}`]);
}

async function takeTurn(rig: Rig, name: string, script: Script | ((call: number) => Script), wanted: Outcome, streamed: boolean): Promise<string> {
  const text = `Scenario: ${name}, ${streamed ? 'streamed' : 'whole'}.`;
  const headers = { 'idempotency-key': 'scenario' };
  rig.model.on(text, script);
  const { user, id } = await rig.begin();
  const begin = performance.now();
  const answer = await say(user, id, text, streamed, headers);
  const took = performance.now() - begin;
  const requests = rig.model.repliesTo(text).length;
  const status = answer.error ? statuses[answer.error] : 200;
  const seen = { error: answer.error, text: answer.text, requests };
  expect(seen, text).toEqual({ error: wanted.error, text: wanted.error ? undefined : (wanted.text ?? usualText), requests: wanted.requests });
  if (answer.error) expect(answer.status).toBe(status);
  expect(took).toBeLessThan(wanted.within);
  if (wanted.after !== undefined) expect(took).toBeGreaterThanOrEqual(wanted.after);
  if (answer.error) await expectToGoOn(rig, user, id, text, headers);
  else expect((await user.said(id)).at(-1)).toBe(`assistant: ${answer.text}`);
  return `${status} ×${requests}`;
}

// "503 ×3", or "503 ×3 / 503 ×1" when a stream comes to something else than a whole answer.
export async function runTurns(scenario: string, turns: Record<string, Turn>, rig: Rig): Promise<string> {
  const cells: string[] = [];
  const outcomeOf = (outcome: Turn['whole']) => (typeof outcome === 'function' ? outcome(rig.vendor) : outcome);
  const runs = Object.entries(turns).map(async ([part, { script, whole, streamed }]) => {
    const name = part === '' ? scenario : `${scenario} (${part})`;
    const modes = [outcomeOf(whole), outcomeOf(streamed)].map(async (wanted, mode) => wanted && takeTurn(rig, name, script(rig.vendor), wanted, mode === 1));
    return [...new Set((await Promise.all(modes)).filter((cell) => cell))].join(' / ');
  });
  for (const cell of await Promise.all(runs)) if (!cells.includes(cell)) cells.push(cell);
  return cells.join(', ');
}
