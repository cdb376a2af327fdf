// Long conversations, whose beginning travels as a summary; and results that a model wraps, breaks once or breaks twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from './client.ts';
import { mustFitJsonSchema } from './contract.ts';
import { type Call, FakeModel, sample } from './fake_model.ts';
import { command, Server } from './harness.ts';
import { withModel, withWindow } from './settings.ts';

let model: FakeModel;
let server: Server;
beforeAll(async () => {
  model = await FakeModel.start();
  server = await Server.start({ settings: { ...withModel(model.url), ...withWindow(400) } });
});
afterAll(async () => {
  await server.stop();
  await model.stop();
});

const isSummary = (call: Call) => call.prompt.includes('You keep the record of a coaching conversation');
const filler = 'and then the day went on as every day does in a bakery, with flour on every table and the oven always hot';

async function talk(user: Client, id: string, about: string, times: number): Promise<void> {
  for (let i = 0; i < times; ++i) {
    const answer = await user.say(id, `${about} ${i}: ${filler}.`);
    expect(answer.status, answer.text).toBe(200);
  }
}

describe('a long conversation', () => {
  test('carries what was said first in the summary of every later prompt', async () => {
    // Knows only what it is shown: the fact gets through many summaries, or it is lost.
    model.on('first', (call) => (isSummary(call) ? { text: call.prompt.includes('Morgenrot') ? '- The bakery is called Morgenrot.' : '- Nothing.' } : {}));
    const user = await server.client();
    const id = await user.initiate('core_values');
    await user.say(id, 'first of all: my bakery is called Morgenrot.');
    await talk(user, id, 'first bread', 30);
    const about = model.calls.filter(({ lastUserMessage }) => lastUserMessage.includes('first'));
    const summaries = about.filter(isSummary);
    expect(summaries.length).toBeGreaterThan(2);
    const replies = about.filter((call) => call.kind === 'text' && !isSummary(call));
    const last = replies.at(-1)!.prompt;
    expect(last).toContain('The bakery is called Morgenrot.');
    expect(last).not.toContain('first of all');
    expect(last.length).toBeLessThan(replies[0].prompt.length + 2 * 400 * 8);
    // What a provider may cache: the messages of a prompt begin as those of the one before, but for the few moves.
    const prefix = (call: Call) => JSON.parse(call.prompt).slice(0, -2).map((message: object) => JSON.stringify(message)).join();
    const moved = replies.slice(1).filter((call, i) => !call.prompt.slice(1).startsWith(prefix(replies[i]))).length;
    expect(moved).toBeGreaterThan(1);
    expect(moved).toBeLessThan(replies.length / 3);
    expect((await user.conversation(id)).messages).toHaveLength(63);
  });

  test('goes on when no summary can be had, and its words stay out of the log', async () => {
    model.on('stubborn', (call) => (isSummary(call) ? { status: 400 } : {}));
    const user = await server.client();
    const id = await user.initiate('core_values');
    await talk(user, id, 'stubborn dough', 30);
    await server.logLine(({ event, kind, reference }) => event === 'job_failed' && kind === 'summary' && reference === id);
    const last = model.repliesTo('stubborn').filter((call) => !isSummary(call)).at(-1)!.prompt;
    expect(last).not.toContain('stubborn dough 0:');
    expect(last).toContain('stubborn dough 28:');
    expect(server.stdout).not.toContain('stubborn');
  });
});

describe('a result', () => {
  async function extracted(marker: string, answers: ((good: string) => string)[]): Promise<{ user: Client; id: string; calls: Call[] }> {
    const user = await server.client();
    const id = await user.initiate('purpose');
    await user.say(id, `${marker}: I am here to mend things.`);
    const usual = model.structured;
    const calls: Call[] = [];
    model.structured = (call) => {
      if (!call.prompt.includes(marker) || !call.schema.properties?.statement) return usual(call);
      calls.push(call);
      const answer = answers[Math.min(calls.length, answers.length) - 1];
      return { text: answer(JSON.stringify(sample(call.schema))) };
    };
    expect((await user.complete(id)).status).toBe(204);
    await user.untilStatus(id, answers.length > 1 ? 'needs_review' : 'completed');
    model.structured = usual;
    return { user, id, calls };
  }

  test('is found in Markdown and chatter, at once', async () => {
    const wrap = (good: string) => `Of course {with pleasure}! Here it is:\n\n\`\`\`json\n${good}\n\`\`\`\nAnything {else}?`;
    const { user, id, calls } = await extracted('wrapped', [wrap]);
    expect(calls).toHaveLength(1);
    const { result_schema } = (await user.get('/api/v1/topics/purpose/schema')).body;
    mustFitJsonSchema(result_schema, (await user.conversation(id)).result);
  });

  test('that is broken twice needs review, and its raw answer is there for the operator alone', async () => {
    const { user, id, calls } = await extracted('twicebroken', [
      (good) => good.replace(/}$/, ',}'),
      () => '{"statement": "word of a coachee", "statement": "twice"}',
    ]);
    expect(calls).toHaveLength(2);
    expect(calls[1].prompt).toContain('not valid JSON');
    const line = await server.logLine(({ event, reference }) => event === 'invalid_answer' && reference === id);
    const listed = await command(['raw-answers', 'list', '--json', '--data', server.data]);
    expect(listed.code, listed.stderr).toBe(0);
    const [raw] = JSON.parse(listed.stdout);
    expect(raw).toMatchObject({ raw_answer_id: line.raw_answer_id, reference: id, purpose: 'extraction', topic: 'purpose', finish_reason: 'stop' });
    expect(listed.stdout).not.toContain('word of a coachee');
    const shown = await command(['raw-answers', 'show', line.raw_answer_id, '--data', server.data]);
    expect(shown.stdout).toContain('{"statement": "word of a coachee", "statement": "twice"}');
    expect(shown.stdout).toContain('twice.');
    expect(server.stdout).not.toContain('word of a coachee');
    // It goes when the conversation goes.
    expect((await user.delete(`/api/v1/conversations/${id}`)).status).toBe(204);
    const gone = await command(['raw-answers', 'show', line.raw_answer_id, '--data', server.data]);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain('there is no raw answer');
  });
});
