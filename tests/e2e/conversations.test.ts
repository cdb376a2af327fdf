import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, expectError, expectFaults, transcript } from './client.ts';
import { mustFitJsonSchema } from './contract.ts';
import { type Call, FakeModel, Gate } from './fake_model.ts';
import { Server, topicsWith } from './harness.ts';
import { withIdleTimeout, withModel, withTopics } from './settings.ts';

const progressOf: Record<string, number> = { introduction: 0.1, exploration: 0.3, deepening: 0.5, synthesis: 0.7, validation: 0.9, completion: 1 };
const topics = ['core_values', 'purpose', 'vision', 'goals'];

let server: Server; // with the offline coach
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

// Says each line of a transcript, and returns the answers' bodies.
async function hold(user: Client, id: string, lines: string[]): Promise<any[]> {
  const replies = [];
  for (const line of lines) {
    const answer = await user.say(id, line);
    expect(answer.status, answer.text).toBe(200);
    replies.push(answer.body);
  }
  return replies;
}

const statusOf = async (user: Client, id: string) => (await user.conversation(id)).status;
const progressIn = async (user: Client, topic: string) =>
  (await user.get('/api/v1/topics')).body.topics.find(({ id }: any) => id === topic).progress;

describe('with the offline coach', () => {
  describe.each(topics)('a whole conversation about %s', (topic) => {
    const lines = transcript(`${topic}_1`);
    let user: Client;
    let id: string;
    let replies: any[];
    let conversation: any;

    beforeAll(async () => {
      user = await server.client();
      id = await user.initiate(topic);
      replies = await hold(user, id, lines);
      expect((await user.complete(id, { rating: 5, feedback: 'It went well.' })).status).toBe(204);
      conversation = await user.untilStatus(id, 'completed');
    });

    test('ends completed, with a result by the schema of its topic', async () => {
      expect(conversation.status).toBe('completed');
      expect(conversation.completed_at).not.toBeNull();
      const { body } = await user.get(`/api/v1/topics/${topic}/schema`);
      mustFitJsonSchema(body.result_schema, conversation.result);
    });

    test('keeps every word of both sides, in order', () => {
      const [opening, ...rest] = conversation.messages;
      expect(opening.role).toBe('assistant');
      const expected = lines.flatMap((line, turn) => [['user', line], ['assistant', replies[turn].ai_response]]);
      expect(rest.map(({ role, content }: any) => [role, content])).toEqual(expected);
    });

    test('goes through the phases and never back, to the last one', () => {
      const progress = replies.map((reply) => reply.progress);
      expect(progress).toEqual([...progress].sort());
      for (const reply of replies) expect(reply.progress).toBe(progressOf[reply.current_phase]);
      expect(new Set(replies.map((reply) => reply.current_phase)).size).toBeGreaterThanOrEqual(4);
      expect(replies.at(-1).is_complete).toBe(true);
      expect(replies[0].is_complete).toBe(false);
    });

    test('asks one question at a time, never twice the same way, and says who is speaking', () => {
      const questions = replies.map((reply) => (reply.ai_response.match(/\?/g) ?? []).length);
      expect(Math.max(...questions)).toBe(1);
      expect(questions.filter((count) => count === 1).length).toBeGreaterThan(replies.length / 2);
      expect(new Set(replies.map((reply) => reply.ai_response)).size).toBe(replies.length);
      for (const reply of replies) expect(reply.usage.model).toMatch(/offline|rule/i);
      for (const reply of replies) expect(reply.usage.cost_usd).toBe(0);
    });

    test('shows as completed in the list of topics', async () => {
      expect(await progressIn(user, topic)).toBe('completed');
    });
  });

  test('the result is made of the words of the coachee', async () => {
    const user = await server.client();
    const id = await user.initiate('core_values');
    await hold(user, id, transcript('core_values_1'));
    await user.complete(id);
    const names = (await user.untilStatus(id, 'completed')).result.values.map(({ name }: any) => name.toLowerCase());
    expect(names).toEqual(expect.arrayContaining(['craft', 'generosity', 'honesty', 'reliability', 'independence']));
  });

  test('the same words get the same replies, other words get others', async () => {
    const replies = async (lines: string[]) => {
      const user = await server.client();
      return (await hold(user, await user.initiate('purpose'), lines)).map(({ ai_response }) => ai_response);
    };
    const lines = transcript('purpose_1').slice(0, 3);
    const [first, again, other] = await Promise.all([replies(lines), replies(lines), replies(['I grow vegetables for a school.', 'Children who had never pulled a carrot.', 'That they ask for more.'])]);
    expect(first).toEqual(again);
    for (const [turn, reply] of first.entries()) expect(other[turn]).not.toBe(reply);
  });

  test('a reply takes up what was said', async () => {
    const user = await server.client();
    const { ai_response } = (await user.say(await user.initiate('core_values'), 'I was proudest when our lighthouse choir sang for the fishermen.')).body;
    expect(ai_response).toMatch(/lighthouse|choir|fishermen/i);
  });
});

describe('initiating', () => {
  test('gives the opening words and where to find the conversation', async () => {
    const user = await server.client({ user: 'ines', tenant: 'bakery' });
    const answer = await user.post('/api/v1/conversations/initiate', { topic: 'goals', context: { organisation: 'Brot am Fluss' }, language: 'en' });
    expect(answer.status).toBe(201);
    const { conversation_id, initial_message, created_at, ...rest } = answer.body;
    expect(rest).toEqual({ user_id: 'ines', tenant_id: 'bakery', topic: 'goals', status: 'active', current_phase: 'introduction', progress: 0.1 });
    expect(answer.headers.get('location')).toBe(`/api/v1/conversations/${conversation_id}`);
    expect(Math.abs(Date.parse(created_at) - Date.now())).toBeLessThan(60_000);
    const conversation = await user.conversation(conversation_id);
    expect(conversation.messages.map(({ role, content }: any) => [role, content])).toEqual([['assistant', initial_message]]);
    expect(conversation).toMatchObject({ status: 'active', result: null, completed_at: null });
  });

  test('about an unknown topic is a 404 topic_not_found', async () => {
    const user = await server.client();
    const { message } = expectError(await user.post('/api/v1/conversations/initiate', { topic: 'core_value' }), 404, 'topic_not_found');
    expect(message).toContain('core_values');
  });

  test('again on a topic makes the older conversation abandoned, and touches no other topic', async () => {
    const user = await server.client();
    const [values, goals] = [await user.initiate('core_values'), await user.initiate('goals')];
    const newer = await user.initiate('core_values');
    expect(await statusOf(user, values)).toBe('abandoned');
    expect(await statusOf(user, goals)).toBe('active');
    expect(await statusOf(user, newer)).toBe('active');
    expectError(await user.say(values, 'Am I still here?'), 409, 'conversation_not_active');
  });

  test('ten times at once leaves exactly one active conversation', async () => {
    const user = await server.client();
    await Promise.all(Array.from({ length: 10 }, () => user.post('/api/v1/conversations/initiate', { topic: 'vision' })));
    const { conversations } = (await user.get('/api/v1/conversations', { query: { page_size: 100 } })).body;
    expect(conversations.filter(({ status }: any) => status === 'active')).toHaveLength(1);
    expect(conversations.every(({ status }: any) => ['active', 'abandoned'].includes(status))).toBe(true);
  });
});

describe('topics', () => {
  test('are listed with the progress of the caller', async () => {
    const user = await server.client();
    const { body } = await user.get('/api/v1/topics');
    const conversations = body.topics.filter(({ kind }: any) => kind === 'conversation');
    expect(conversations.map(({ id }: any) => id).sort()).toEqual([...topics].sort());
    expect(await progressIn(user, 'goals')).toBe('not_started');
    const id = await user.initiate('goals');
    expect(await progressIn(user, 'goals')).toBe('in_progress');
    await user.pause(id);
    expect(await progressIn(user, 'goals')).toBe('paused');
    expect(await progressIn(await server.client(), 'goals')).toBe('not_started');
  });

  test.each(['core_value', 'Core-Values', 'x'.repeat(200)])('an unknown one is a 404 topic_not_found: %s', async (topic) => {
    const user = await server.client();
    expectError(await user.get(`/api/v1/topics/${topic}/schema`), 404, 'topic_not_found');
  });
});

describe('the list of conversations', () => {
  let user: Client;
  const made: string[] = [];
  beforeAll(async () => {
    user = await server.client();
    for (const topic of [...topics, 'goals']) made.unshift(await user.initiate(topic));
  });
  const list = async (query: Record<string, string | number | boolean>) => (await user.get('/api/v1/conversations', { query })).body;
  const idsOf = (body: any): string[] => body.conversations.map(({ conversation_id }: any) => conversation_id);

  test('is newest first', async () => {
    const body = await list({});
    expect(idsOf(body)).toEqual(made);
    expect(body).toMatchObject({ total: 5, page: 1, page_size: 20, has_more: false });
    expect(body.conversations[0]).toMatchObject({ topic: 'goals', status: 'active', message_count: 1 });
  });

  test('comes in pages that miss none and repeat none', async () => {
    const pages = [await list({ page_size: 2 }), await list({ page: 2, page_size: 2 }), await list({ page: 3, page_size: 2 })];
    expect(pages.flatMap(idsOf)).toEqual(made);
    expect(pages.map(({ total, has_more }) => [total, has_more])).toEqual([[5, true], [5, true], [5, false]]);
    expect(await list({ page: 4, page_size: 2 })).toEqual({ conversations: [], total: 5, page: 4, page_size: 2, has_more: false });
  });

  test('has only what can go on with active_only, paused or not', async () => {
    await user.pause(made[0]!);
    const body = await list({ active_only: true });
    expect(body.conversations[0]).toMatchObject({ conversation_id: made[0], status: 'paused' });
    expect(body.total).toBe(4);
    expect(idsOf(body)).not.toContain(made[1]); // the older one on goals, abandoned
  });

  test('names all faults of a query at once', async () => {
    const answer = await user.get('/api/v1/conversations', { query: { page: 0, page_size: 101, active_only: 'maybe' } });
    const faults = expectFaults(answer, 'page', 'page_size', 'active_only');
    expect(faults.page_size).toMatch(/100/);
  });

  test('refuses a parameter it does not know, and says which one may be meant', async () => {
    const faults = expectFaults(await user.get('/api/v1/conversations', { query: { pagesize: 5 } }), 'pagesize');
    expect(faults.pagesize).toMatch(/page_size/);
  });

  test.each(['abc', '1.5', '-1', '', '99999999999999999999', '0x10', ' 1'])('refuses page=%s', async (page) => {
    expectFaults(await user.get('/api/v1/conversations', { query: { page } }), 'page');
  });
});

describe('a long history', () => {
  test('comes in pages', async () => {
    const user = await server.client();
    const id = await user.initiate('goals');
    await hold(user, id, transcript('goals_1').slice(0, 4));
    const whole: string[] = (await user.conversation(id)).messages.map(({ message_id }: any) => message_id);
    expect(whole).toHaveLength(9);
    expect(whole).toEqual([...whole].sort());
    const read: string[] = [];
    for (;;) {
      const query = { limit: 4, ...(read.length > 0 ? { messages_after: read.at(-1)! } : {}) };
      const page = (await user.get(`/api/v1/conversations/${id}`, { query })).body.messages;
      read.push(...page.map(({ message_id }: any) => message_id));
      if (page.length < 4) break;
    }
    expect(read).toEqual(whole);
  });

  test.each([{ limit: 0 }, { limit: 1001 }, { limit: 'all' }])('refuses %o', async (query) => {
    const user = await server.client();
    expectFaults(await user.get(`/api/v1/conversations/${await user.initiate()}`, { query: query as Record<string, string> }), 'limit');
  });

  test('refuses a messages_after that is no message id', async () => {
    const user = await server.client();
    expectFaults(await user.get(`/api/v1/conversations/${await user.initiate()}`, { query: { messages_after: '12' } }), 'messages_after');
  });
});

describe('a paused conversation', () => {
  let user: Client;
  let id: string;
  beforeAll(async () => {
    user = await server.client();
    id = await user.initiate('purpose');
    await user.say(id, 'I repair bicycles for people who cannot pay for new ones.');
    expect((await user.pause(id, { reason: 'Lunch.' })).status).toBe(204);
  });

  test('is paused, and pausing it again is fine', async () => {
    expect(await statusOf(user, id)).toBe('paused');
    expect((await user.pause(id)).status).toBe(204);
  });

  test('refuses a message with resume=false', async () => {
    const answer = await user.say(id, 'Not yet.', { query: { resume: false } });
    expect(expectError(answer, 409, 'conversation_not_active').details).toMatchObject({ status: 'paused' });
    expect(await user.said(id)).toHaveLength(2);
  });

  test('is taken up again by a message', async () => {
    expect((await user.say(id, 'I am back.')).status).toBe(200);
    expect(await statusOf(user, id)).toBe('active');
  });

  test('is taken up again by resume, with words of welcome that are kept', async () => {
    await user.pause(id);
    const { status, body } = await user.resume(id);
    expect(status).toBe(200);
    expect(body.status).toBe('active');
    const { messages } = await user.conversation(id);
    expect(messages.at(-1)).toMatchObject({ role: 'assistant', message_id: body.message_id, content: body.ai_response });
  });

  test('may be resumed although it is active', async () => {
    expect((await user.resume(id)).body.status).toBe('active');
  });

  test('can be completed', async () => {
    const other = await server.client();
    const conversation = await other.initiate('goals');
    await hold(other, conversation, transcript('goals_1'));
    await other.pause(conversation);
    expect((await other.complete(conversation)).status).toBe(204);
    await other.untilStatus(conversation, 'completed');
  });
});

describe('a completed conversation', () => {
  let user: Client;
  let id: string;
  let before: any;
  beforeAll(async () => {
    user = await server.client();
    id = await user.initiate('goals');
    await hold(user, id, transcript('goals_1'));
    await user.complete(id);
    before = await user.untilStatus(id, 'completed');
  });

  test('refuses a message, and loses nothing', async () => {
    const answer = await user.say(id, 'One more thing.');
    expect(expectError(answer, 409, 'conversation_not_active').details).toMatchObject({ status: 'completed' });
    expect(await user.conversation(id)).toEqual(before);
  });

  test('cannot be completed again, paused, resumed or cancelled', async () => {
    expectError(await user.complete(id), 409, 'conversation_not_active');
    expectError(await user.pause(id), 409, 'conversation_not_active');
    expectError(await user.resume(id), 409, 'conversation_not_active');
    expectError(await user.cancel(id), 409, 'conversation_not_active');
    expect(await user.conversation(id)).toEqual(before);
  });

  test('stays when a new one is begun on its topic', async () => {
    await user.initiate('goals');
    expect(await statusOf(user, id)).toBe('completed');
  });

  test.each([{ rating: 0 }, { rating: 6 }, { rating: 4.5 }, { rating: 'good' }])('refuses %o', async (body) => {
    expectFaults(await user.complete(id, body), 'rating');
  });
});

test('a cancelled conversation is cancelled for good, and keeps its transcript', async () => {
  const user = await server.client();
  const id = await user.initiate('vision');
  await user.say(id, 'I see a house with a garden.');
  expect((await user.cancel(id)).status).toBe(204);
  const cancelled = await user.conversation(id);
  expect(cancelled).toMatchObject({ status: 'cancelled', result: null });
  expect(cancelled.messages).toHaveLength(3);
  expectError(await user.cancel(id), 409, 'conversation_not_active');
  expectError(await user.say(id, 'Wait!'), 409, 'conversation_not_active');
  expectError(await user.complete(id), 409, 'conversation_not_active');
  expect(await user.conversation(id)).toEqual(cancelled);
});

test('a conversation in which nothing has been said cannot be completed', async () => {
  const user = await server.client();
  const id = await user.initiate('goals');
  expect(expectError(await user.complete(id), 422, 'domain_validation_error').details).toMatchObject({ rule: 'no_messages' });
  expect(await statusOf(user, id)).toBe('active');
});

test('a deleted conversation is gone', async () => {
  const user = await server.client();
  const id = await user.initiate('vision');
  await user.say(id, 'Please forget this.');
  expect((await user.delete(`/api/v1/conversations/${id}`)).status).toBe(204);
  expectError(await user.get(`/api/v1/conversations/${id}`), 404, 'conversation_not_found');
  expectError(await user.say(id, 'Anybody?'), 404, 'conversation_not_found');
  expectError(await user.delete(`/api/v1/conversations/${id}`), 404, 'conversation_not_found');
  expect((await user.get('/api/v1/conversations')).body.total).toBe(0);
  expect(await progressIn(user, 'vision')).toBe('not_started');
});

test('an idle conversation shows as paused, and a message takes it up again', async () => {
  const quick = await Server.start({ settings: withIdleTimeout(300) });
  try {
    const user = await quick.client();
    const id = await user.initiate('goals');
    await expect.poll(() => statusOf(user, id), { interval: 50, timeout: 10_000 }).toBe('paused');
    expect((await user.say(id, 'Sorry, the telephone.')).status).toBe(200);
    expect(await user.said(id)).toHaveLength(2);
  } finally {
    await quick.stop();
  }
});

test('the turn limit is a 422 that names the rule, keeps the message out, and leaves completing possible', async () => {
  const folder = topicsWith('goals', { max_turns: 2 });
  const short = await Server.start({ settings: withTopics(folder) });
  try {
    const user = await short.client();
    const id = await user.initiate('goals');
    await hold(user, id, transcript('goals_1').slice(0, 2));
    const { details } = expectError(await user.say(id, 'And another thing.'), 422, 'domain_validation_error');
    expect(details).toMatchObject({ rule: 'max_turns_reached', max_turns: 2 });
    expect(await user.said(id)).toHaveLength(4);
    expect((await user.complete(id)).status).toBe(204);
  } finally {
    await short.stop();
    rmSync(folder, { recursive: true });
  }
});

describe('with a model', () => {
  let model: FakeModel;
  let modelled: Server;
  beforeAll(async () => {
    model = await FakeModel.start();
    modelled = await Server.start({ settings: withModel(model.url) });
  });
  afterAll(async () => {
    await modelled.stop();
    await model.stop();
  });

  test('a reply is what the model said, with its usage, and the key goes along', async () => {
    model.on('sunrise', { text: 'What does the sunrise give you?' });
    const user = await modelled.client();
    const { body } = await user.say(await user.initiate(), 'I get up for the sunrise.');
    expect(body.ai_response).toBe('What does the sunrise give you?');
    expect(body.usage).toMatchObject({ model: 'fake-1' });
    expect(body.usage.prompt_tokens).toBeGreaterThanOrEqual(120);
    expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens);
    expect(model.repliesTo('sunrise')[0]!.authorization).toBe('Bearer test');
  });

  test('the prompt begins the same from turn to turn, and holds what was said', async () => {
    const user = await modelled.client();
    const id = await user.initiate();
    await user.say(id, 'first-thing: I love rivers.');
    await user.say(id, 'second-thing: and bridges.');
    const [first, second] = [await model.replyCall('first-thing'), await model.replyCall('second-thing')];
    const system = (call: { prompt: string }) => JSON.parse(call.prompt)[0];
    expect(system(second)).toEqual(system(first));
    expect(system(first).role).toMatch(/system|developer/);
    expect(second.prompt).toContain('I love rivers.');
  });

  test('template syntax in what a person says stays text', async () => {
    const text = 'My values are {{user_id}} {{{system}}} {{#each}} ${HOME} <%= 7*7 %> {% raw %} and {{> secret}}';
    const user = await modelled.client();
    const id = await user.initiate();
    expect((await user.say(id, text)).status).toBe(200);
    const call = await model.replyCall('My values are');
    expect(call.lastUserMessage).toContain(text);
    expect((await user.said(id))[0]).toBe(`user: ${text}`);
    const context = { organisation: 'ACME {{user_id}} {{/if}}' };
    expect((await user.post('/api/v1/conversations/initiate', { topic: 'goals', context })).status).toBe(201);
  });

  test('the same message ten times at once with one key is one turn, with one answer', async () => {
    const gate = new Gate();
    model.on('once only', { text: 'Once is enough. What else?', before: () => gate.opened });
    const user = await modelled.client();
    const id = await user.initiate();
    const headers = { 'idempotency-key': 'one-and-the-same' };
    const all = Array.from({ length: 10 }, () => user.say(id, 'I say this once only.', { headers }));
    await model.replyCall('once only');
    gate.open();
    const answers = await Promise.all(all);
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    for (const { body } of answers) expect(body).toEqual(answers[0]!.body);
    expect(model.repliesTo('once only')).toHaveLength(1);
    expect(await user.said(id)).toEqual(['user: I say this once only.', 'assistant: Once is enough. What else?']);
    expect((await user.say(id, 'I say this once only.', { headers })).body).toEqual(answers[0]!.body);
    expect(model.repliesTo('once only')).toHaveLength(1);
  });

  test('one key with another body is a 409 idempotency_mismatch, and nothing is added', async () => {
    const user = await modelled.client();
    const id = await user.initiate();
    const headers = { 'idempotency-key': 'k-1' };
    await user.say(id, 'The one.', { headers });
    expectError(await user.say(id, 'The other.', { headers }), 409, 'idempotency_mismatch');
    expectError(await user.post(`/api/v1/conversations/${id}/message`, { user_message: 'The one.', metadata: { a: 1 } }, { headers }), 409, 'idempotency_mismatch');
    expect(await user.said(id)).toHaveLength(2);
  });

  test('a key whose message failed is a 409 conflict once the conversation has gone on without it', async () => {
    model.on('left behind', { status: 400 });
    const user = await modelled.client();
    const id = await user.initiate();
    const headers = { 'idempotency-key': 'k-left' };
    expectError(await user.say(id, 'I am left behind.', { headers }), 502, 'llm_error');
    expect((await user.say(id, 'Never mind, something else.')).status).toBe(200);
    const before = await user.conversation(id);
    expectError(await user.say(id, 'I am left behind.', { headers }), 409, 'conflict');
    expect(await user.conversation(id)).toEqual(before);
  });

  test('pausing, resuming and completing wait for the coach to finish: 409 turn_in_progress', async () => {
    const gate = new Gate();
    model.on('not now', { before: () => gate.opened });
    const user = await modelled.client();
    const id = await user.initiate();
    const answer = user.say(id, 'Please, not now.');
    await model.replyCall('not now');
    for (const call of [user.pause(id), user.resume(id), user.complete(id)]) expectError(await call, 409, 'turn_in_progress');
    gate.open();
    expect((await answer).status).toBe(200);
  });

  test('a key belongs to its conversation and its user', async () => {
    const headers = { 'idempotency-key': 'shared' };
    const [one, other] = [await modelled.client(), await modelled.client()];
    const [here, there] = [await one.initiate(), await other.initiate()];
    expect((await one.say(here, 'Mine.', { headers })).status).toBe(200);
    expect((await other.say(there, 'Also mine.', { headers })).status).toBe(200);
    expect(await other.said(there)).toHaveLength(2);
  });

  test.each(['with space', 'ü', 'x'.repeat(256)])('a malformed key is a 400 bad_request: "%s"', async (key) => {
    const user = await modelled.client();
    expectError(await user.say(await user.initiate(), 'Hello.', { headers: { 'idempotency-key': key } }), 400, 'bad_request');
  });

  test('a second message while the coach is answering is a 409 turn_in_progress', async () => {
    const gate = new Gate();
    model.on('slow thought', { text: 'Take your time. What now?', before: () => gate.opened });
    const user = await modelled.client();
    const id = await user.initiate();
    const first = user.say(id, 'This is a slow thought.');
    await model.replyCall('slow thought');
    const { details } = expectError(await user.say(id, 'Too fast.'), 409, 'turn_in_progress');
    expect(details.turn_id).toMatch(/^turn_/);
    gate.open();
    expect((await first).status).toBe(200);
    expect(await user.said(id)).toEqual(['user: This is a slow thought.', 'assistant: Take your time. What now?']);
  });

  test('deleting while the coach is answering leaves nothing behind', async () => {
    const gate = new Gate();
    model.on('gone soon', { before: () => gate.opened });
    const user = await modelled.client();
    const id = await user.initiate();
    const answer = user.say(id, 'I am gone soon.');
    await model.replyCall('gone soon');
    expect((await user.delete(`/api/v1/conversations/${id}`)).status).toBe(204);
    gate.open();
    expect((await answer).status).toBeGreaterThanOrEqual(400);
    expectError(await user.get(`/api/v1/conversations/${id}`), 404, 'conversation_not_found');
  });

  test('an extraction that is never valid ends in needs_review after one repair, and never in completed', async () => {
    const user = await modelled.client();
    const id = await user.initiate('purpose');
    await user.say(id, 'unextractable: I cannot say what I am for.');
    const usual = model.structured;
    let asked = 0;
    model.structured = (call) => (call.prompt.includes('unextractable') && ++asked ? { text: '{"nonsense": true}' } : usual(call));
    expect((await user.complete(id)).status).toBe(204);
    await user.untilStatus(id, 'needs_review');
    model.structured = usual;
    expect(asked).toBe(2);
    const conversation = await user.conversation(id);
    expect(conversation.result).toBeNull();
    expect(conversation.messages).toHaveLength(3);
    expectError(await user.say(id, 'And now?'), 409, 'conversation_not_active');
    expect((await user.complete(id)).status).toBe(204);
    await user.untilStatus(id, 'completed');
  });

  test('an extraction that is invalid once is repaired', async () => {
    const user = await modelled.client();
    const id = await user.initiate('purpose');
    await user.say(id, 'repairable: I am here to mend things.');
    const usual = model.structured;
    let spoilt = 0;
    model.structured = (call) => (call.prompt.includes('repairable') && spoilt++ === 0 ? { text: 'Sure! Here is the JSON:' } : usual(call));
    expect((await user.complete(id)).status).toBe(204);
    await user.untilStatus(id, 'completed');
    model.structured = usual;
    expect(spoilt).toBe(2);
    const { result_schema } = (await user.get('/api/v1/topics/purpose/schema')).body;
    mustFitJsonSchema(result_schema, (await user.conversation(id)).result);
  });

  test('completing does not answer before the result, but no later than ten seconds', async () => {
    const gate = new Gate();
    const usual = model.structured;
    const user = await modelled.client();
    const id = await user.initiate('purpose');
    await user.say(id, 'patience: I am here to wait.');
    const extractions = (call: Call) => call.kind === 'structured' && call.prompt.includes('patience');
    const before = model.calls.filter(extractions).length; // assessments of the turn
    model.structured = (call) => (extractions(call) ? { ...usual(call), before: () => gate.opened } : usual(call));
    const completed = user.complete(id);
    await model.call(extractions, before);
    expect(await statusOf(user, id)).toBe('completing');
    expectError(await user.say(id, 'Hurry up.'), 409, 'conversation_not_active');
    gate.open();
    expect((await completed).status).toBe(204);
    expect(await statusOf(user, id)).toBe('completed');
    model.structured = usual;
  });
});
