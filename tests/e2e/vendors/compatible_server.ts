// The habits of servers that are compatible with OpenAI's Chat Completions: what each adds, leaves out or puts elsewhere.
import { chatBody, chatChunks, done, openai, openaiKey, readMessages } from './openai_server.ts';
import { type Dialect, must, type Spoken, sse } from './vendor_server.ts';

export const habits = ['llama.cpp', 'Ollama', 'vLLM'] as const;
export type Habit = (typeof habits)[number];

// What a server adds, leaves out or puts elsewhere.
function habitual(habit: Habit, value: any): any {
  for (const choice of value.choices) {
    const said = choice.delta ?? choice.message;
    delete said.refusal;
    delete said.annotations;
    delete choice.logprobs;
    if (habit === 'Ollama' && choice.delta) said.role = 'assistant'; // in every delta
    if (habit === 'llama.cpp' && choice.delta?.role && choice.delta.content === '') said.content = null;
    if (habit === 'vLLM') Object.assign(choice, { stop_reason: null, token_ids: null });
  }
  delete value.service_tier;
  delete value.obfuscation;
  if (value.usage === null) delete value.usage;
  if (value.usage) {
    delete value.usage.completion_tokens_details;
    if (habit === 'Ollama') delete value.usage.prompt_tokens_details; // three totals, no more
    if (habit === 'llama.cpp') value.timings = { prompt_n: 120, predicted_n: 20, predicted_per_second: 41.5 };
  }
  value.system_fingerprint = habit === 'Ollama' ? 'fp_ollama' : 'b6900-1';
  return value;
}

// They know no refusal: the model says it as it says all else.
const inContent = (spoken: Spoken): Spoken => ({ ...spoken, refusal: false });

// Thoughts come first, outside of the text, under a name of each server's own.
function thoughts(habit: Habit, chunk: any): any {
  const delta = habit === 'llama.cpp' ? { reasoning_content: 'Hm. ' } : { role: 'assistant', content: '', reasoning: 'Hm. ' };
  return { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] };
}

export const compatible = (habit: Habit): Dialect => ({
  ...openai,
  streamType: 'text/event-stream',
  read({ path, headers, body }) {
    must(path === '/v1/chat/completions', 'there is no such route');
    must(headers.authorization === undefined || headers.authorization === `Bearer ${openaiKey}`, 'the key');
    must(Number.isInteger(body.max_tokens), 'max_tokens is missing');
    must(body.store === undefined, 'store is OpenAI\'s own');
    const format = body.response_format;
    return {
      api: 'chat',
      model: body.model,
      stream: body.stream === true,
      prompt: readMessages(body.messages, ['system', 'user', 'assistant']),
      schema: format?.json_schema?.schema ?? format?.schema ?? null,
      tool: '',
    };
  },
  whole: (spoken, ask) => JSON.stringify(habitual(habit, chatBody(inContent(spoken), ask))),
  frames(spoken, ask) {
    const chunks = chatChunks(inContent(spoken), ask).map(({ chunk, text }) => ({ bytes: sse(habitual(habit, chunk)), text }));
    const thought = { bytes: sse(habitual(habit, thoughts(habit, chatChunks(spoken, ask)[0]!.chunk))), text: false };
    return [chunks[0]!, thought, ...chunks.slice(1), done];
  },
  // Ollama's own form, which comes in its streams too.
  overloadedInStream: () => Buffer.from('data: {"error": "llama runner process has terminated"}\n\n'),
});
