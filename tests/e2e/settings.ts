// Every configuration key that the tests turn, in one place. A double underscore separates levels.

export type Settings = Record<string, string>;

export const secret = 'an-e2e-secret-of-enough-entropy-0123456789';

export const withSecret = (value = secret): Settings => ({ PURPOSEPATH_AUTH__SECRET: value });
export const withPreviousSecret = (value: string): Settings => ({ PURPOSEPATH_AUTH__PREVIOUS_SECRET: value });
export const withSecretFile = (path: string): Settings => ({ PURPOSEPATH_AUTH__SECRET_FILE: path });
export const withIssuer = (issuer: string, audience: string): Settings => ({
  PURPOSEPATH_AUTH__ISSUER: issuer,
  PURPOSEPATH_AUTH__AUDIENCE: audience,
});

export const withoutRateLimits: Settings = { PURPOSEPATH_RATE_LIMITS__ENABLED: 'false' };
export const withOrigins = (...origins: string[]): Settings => ({
  PURPOSEPATH_HTTP__CORS__ORIGINS: origins.join(','),
  PURPOSEPATH_HTTP__CORS__CREDENTIALS: 'true',
});
export const withTopics = (folder: string): Settings => ({ PURPOSEPATH_TOPICS_DIR: folder });

export const withIdleTimeout = (ms: number): Settings => ({ PURPOSEPATH_COACHING__IDLE_TIMEOUT: `${ms}ms` });
// A turn that nobody listens to is given up after this; somebody looks as often.
export const withResumeGrace = (ms: number): Settings => ({
  PURPOSEPATH_COACHING__RESUME_GRACE: `${ms}ms`,
  PURPOSEPATH_COACHING__SWEEP_INTERVAL: `${ms}ms`,
});

// After this a request for an analysis is answered with a job.
export const withAnalysisWait = (ms: number): Settings => ({ PURPOSEPATH_COACHING__ANALYSIS__WAIT: `${ms}ms` });
export const withJobAttempts = (attempts: number): Settings => ({ PURPOSEPATH_COACHING__JOB_ATTEMPTS: String(attempts) });
// How often somebody looks for what is due.
export const withSweeps = (ms: number): Settings => ({ PURPOSEPATH_COACHING__SWEEP_INTERVAL: `${ms}ms` });

export const withReadTimeouts = (ms: number): Settings => ({
  PURPOSEPATH_HTTP__HEADER_TIMEOUT: `${ms}ms`,
  PURPOSEPATH_HTTP__BODY_TIMEOUT: `${ms}ms`,
});
export const withDrainDeadline = (ms: number): Settings => ({ PURPOSEPATH_HTTP__DRAIN_TIMEOUT: `${ms}ms` });

export const withModel = (baseUrl: string): Settings => ({
  PURPOSEPATH_LLM__PROVIDER: 'openai',
  PURPOSEPATH_LLM__BASE_URL: baseUrl,
  PURPOSEPATH_LLM__API_KEY: 'test',
  PURPOSEPATH_LLM__MODEL: 'fake-1',
});
export const withFirstTokenTimeout = (ms: number): Settings => ({ PURPOSEPATH_LLM__TIMEOUTS__FIRST_TOKEN: `${ms}ms` });
export const withTotalTimeout = (ms: number): Settings => ({ PURPOSEPATH_LLM__TIMEOUTS__TOTAL: `${ms}ms` });
export const withKeepAlive = (ms: number): Settings => ({ PURPOSEPATH_HTTP__SSE_KEEP_ALIVE: `${ms}ms` });
// Tokens of the transcript in a prompt, before what is older becomes a summary.
export const withWindow = (tokens: number): Settings => ({ PURPOSEPATH_COACHING__WINDOW_TOKENS: String(tokens) });

// Websites that may be read although they are not public.
export const withPrivateSites = (...authorities: string[]): Settings => ({
  PURPOSEPATH_WEBSITE__ALLOW_PRIVATE: authorities.join(','),
});

// A receiver on this machine, and how long a delivery that failed waits, about.
export const withWebhooks = (authority: string, retryMs: number): Settings => ({
  PURPOSEPATH_WEBHOOKS__ALLOW_PRIVATE: authority,
  PURPOSEPATH_COACHING__WEBHOOK_BACKOFF: `${retryMs}ms`,
  PURPOSEPATH_COACHING__SWEEP_INTERVAL: `${retryMs}ms`,
});

// US dollars for a million tokens.
export const withPrices = (input: number, output: number): Settings => ({
  PURPOSEPATH_LLM__PRICE_PER_MILLION_INPUT_USD: `${input}`,
  PURPOSEPATH_LLM__PRICE_PER_MILLION_OUTPUT_USD: `${output}`,
});
export const withBudget = (whose: string, what: string, limit: number): Settings => ({
  [`PURPOSEPATH_COACHING__BUDGETS__${whose.toUpperCase()}__${what.toUpperCase()}`]: `${limit}`,
});

// A collector of traces.
export const withTraces = (endpoint: string): Settings => ({ PURPOSEPATH_TELEMETRY__TRACES__ENDPOINT: endpoint });

export const withBusinessApi = (baseUrl: string): Settings => ({
  PURPOSEPATH_BUSINESS__PROVIDER: 'http',
  PURPOSEPATH_BUSINESS__BASE_URL: baseUrl,
});
export const withoutCircuitBreaker: Settings = {
  PURPOSEPATH_BUSINESS__CIRCUIT_BREAKER__FAILURES: '0',
  PURPOSEPATH_BUSINESS__CIRCUIT_BREAKER__FAILURE_RATE: '0',
};
