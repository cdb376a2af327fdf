// Azure OpenAI: Chat Completions under Azure's URLs, with its key header, its content filter's annotations and its own
// words for failures (learn.microsoft.com/azure/ai-foundry/openai/reference). fakes.test.ts reads it with OpenAI's SDK.
import { chatBody, chatChunks, errorBody, openai, openaiFailure, readChat, readResponses } from './openai_server.ts';
import { type Dialect, type Failure, type FailureName, type Incoming, must, sse, Unacceptable } from './vendor_server.ts';

export const azureKey = 'azure-test-of-the-scenarios';
export const azureVersion = '2024-10-21';

const harmless = { hate: { filtered: false, severity: 'safe' }, violence: { filtered: false, severity: 'safe' } };
const promptResults = [{ prompt_index: 0, content_filter_results: harmless }];

function failure(name: FailureName): Failure {
  switch (name) {
    case 'throttled':
      return { status: 429, body: JSON.stringify({ error: { code: '429', message: 'Requests have exceeded the call rate limit of your tier.' } }) };
    case 'throttled for a second':
      return { ...failure('throttled'), headers: { 'retry-after': '1', 'retry-after-ms': '1000' } };
    case 'expired':
      return { status: 401, body: JSON.stringify({ error: { code: '401', message: 'Access denied due to invalid subscription key.' } }) };
    case 'overloaded':
      return { status: 503, body: JSON.stringify({ error: { code: 'ServiceUnavailable', message: 'The service is temporarily unable.' } }) };
    default:
      return openaiFailure(name);
  }
}

// What a prompt gets that the filter stops.
export const promptFiltered: Failure = {
  status: 400,
  body: JSON.stringify({
    error: {
      message: 'The response was filtered due to the prompt triggering Azure OpenAI’s content management policy.',
      type: null, param: 'prompt', code: 'content_filter', status: 400,
      innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: { hate: { filtered: true, severity: 'high' } } },
    },
  }),
};

// The v1 form names the deployment as the model; the dated one has it in the path and a version behind it.
function read(request: Incoming) {
  if (request.headers['api-key'] !== azureKey) throw new Unacceptable('the key', failure('expired'));
  must(request.headers.authorization === undefined, 'two keys');
  const { pathname, searchParams } = new URL(request.path, 'http://azure');
  if (pathname === '/openai/v1/responses') return readResponses(request);
  if (pathname === '/openai/v1/chat/completions') {
    must(['', 'preview', 'latest'].includes(searchParams.get('api-version') ?? ''), `api-version ${searchParams.get('api-version')}`);
    return readChat(request);
  }
  const [, deployment] = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/.exec(pathname) ?? [];
  must(deployment, 'there is no such route');
  must(searchParams.get('api-version') === azureVersion, `api-version ${searchParams.get('api-version')}`);
  return readChat(request, decodeURIComponent(deployment!));
}

export const azure: Dialect = {
  ...openai,
  streamType: 'text/event-stream; charset=utf-8',
  read,
  whole(spoken, ask) {
    if (ask.api !== 'chat') return openai.whole(spoken, ask);
    const body = chatBody(spoken, ask);
    const choices = body.choices.map((choice) => ({ ...choice, content_filter_results: harmless }));
    return JSON.stringify({ ...body, choices, prompt_filter_results: promptResults });
  },
  frames(spoken, ask) {
    if (ask.api !== 'chat') return openai.frames(spoken, ask);
    // The filter speaks first, of no choice at all.
    const first = { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: promptResults };
    const rest = chatChunks(spoken, ask).map(({ chunk, text }) => ({
      bytes: sse({ ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, content_filter_results: text ? harmless : {} })) }),
      text,
    }));
    return [{ bytes: sse(first), text: false }, ...rest, { bytes: sse('[DONE]'), text: false }];
  },
  failure,
  unacceptable: (fault) => ({ status: 400, body: errorBody(fault, 'invalid_request_error', null) }),
};
