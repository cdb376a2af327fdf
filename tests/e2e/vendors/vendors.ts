// The rows of the table: who is asked, how the service is told to ask, and what is that vendor's own.
import { anthropic, anthropicKey } from './anthropic_server.ts';
import { azure, azureKey } from './azure_server.ts';
import { bedrock, credentials, region } from './bedrock_server.ts';
import { gemini, geminiKey } from './gemini_server.ts';
import { compatible } from './compatible_server.ts';
import { openai, openaiKey } from './openai_server.ts';
import type { Settings } from '../settings.ts';
import type { Dialect } from './vendor_server.ts';

export interface Vendor {
  name: string; // the column of the table
  dialect: Dialect;
  provider: string; // llm.provider
  key: string; // llm.api_key
  path: string; // of llm.base_url
  model: Record<string, unknown>; // in models.yaml, besides vendor, id and price
  id: string;
  environment?: Settings;
  stops: string[]; // every reason that it gives for a text's end
  refuses: 'in words' | 'without a word';
  writesCache: boolean; // it counts what is put into its cache
  mayLeaveOutUsage: boolean;
  asksForNewCredentials?: boolean; // once, where they may have a successor
}

const chatStops = ['stop', 'length', 'content_filter', 'tool_calls'];

export const vendors: Vendor[] = [
  {
    name: 'OpenAI, chat', dialect: openai, provider: 'openai', key: openaiKey, path: '/v1', id: 'gpt-4.1-test',
    model: { token_parameter: 'max_completion_tokens' },
    stops: chatStops, refuses: 'in words', writesCache: true, mayLeaveOutUsage: true,
  },
  {
    name: 'OpenAI, responses', dialect: openai, provider: 'openai', key: openaiKey, path: '/v1', id: 'gpt-5-test',
    model: { api: 'responses', temperature: false, reasoning_effort: 'low' },
    stops: ['completed', 'max_output_tokens', 'content_filter'], refuses: 'in words', writesCache: true, mayLeaveOutUsage: false,
  },
  {
    name: 'Azure', dialect: azure, provider: 'azure', key: azureKey, path: '', id: 'our-deployment', model: {},
    stops: chatStops, refuses: 'in words', writesCache: true, mayLeaveOutUsage: true,
  },
  {
    name: 'compatible', dialect: compatible('llama.cpp'), provider: 'compatible', key: openaiKey, path: '/v1', id: 'llama3.2:3b', model: {},
    stops: chatStops, refuses: 'in words', writesCache: false, mayLeaveOutUsage: true,
  },
  {
    name: 'Anthropic', dialect: anthropic, provider: 'anthropic', key: anthropicKey, path: '/v1', id: 'claude-test',
    model: { prompt_cache: true },
    stops: ['end_turn', 'max_tokens', 'stop_sequence', 'pause_turn', 'model_context_window_exceeded'],
    refuses: 'without a word', writesCache: true, mayLeaveOutUsage: false,
  },
  {
    name: 'Gemini', dialect: gemini, provider: 'gemini', key: geminiKey, path: '/v1beta', id: 'gemini-test', model: {},
    stops: ['STOP', 'MAX_TOKENS', 'SAFETY', 'RECITATION', 'LANGUAGE', 'OTHER', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'],
    refuses: 'without a word', writesCache: false, mayLeaveOutUsage: true,
  },
  {
    // No key: signed, by what stands in the environment.
    name: 'Bedrock', dialect: bedrock, provider: 'bedrock', key: '', path: '', id: 'eu.anthropic.claude-test-20260101-v1:0',
    model: { prompt_cache: true },
    environment: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    stops: ['end_turn', 'max_tokens', 'stop_sequence', 'guardrail_intervened', 'content_filtered', 'malformed_model_output', 'model_context_window_exceeded'],
    refuses: 'in words', writesCache: true, mayLeaveOutUsage: false, asksForNewCredentials: true,
  },
];
