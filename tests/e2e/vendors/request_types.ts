// Holds the requests that the service sent against the types of the vendors' own SDKs: each is written down as a constant
// of that type, and TypeScript's compiler says what does not fit. What these types cannot say, such as whose turn it is, a
// fake server checks itself.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Call } from './vendor_server.ts';

// Google's enums are written on the wire as their values; a schema is a value of any kind.
const declarations = `
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import type { ResponseCreateParams } from 'openai/resources/responses/responses';
import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages';
import type { Content, GenerationConfig } from '@google/genai';
import type { ConverseRequest } from '@aws-sdk/client-bedrock-runtime';
type Words<T> = T extends string ? \`\${T}\` : T extends object ? { [Name in keyof T]: Words<T[Name]> } : T;
type Chat = ChatCompletionCreateParams;
type Responses = ResponseCreateParams;
type Messages = MessageCreateParams;
type Generate = { contents: Content[]; systemInstruction?: Content; generationConfig?: Words<GenerationConfig> & { responseJsonSchema?: unknown } };
type JsonSchema = { schema: string; name?: string; description?: string };
type Converse = Omit<ConverseRequest, 'modelId'> & { outputConfig?: { textFormat: { type: 'json_schema'; structure: { jsonSchema: JsonSchema } } } };
`;

const types: Record<string, string> = {
  chat: 'Chat',
  responses: 'Responses',
  messages: 'Messages',
  generateContent: 'Generate',
  streamGenerateContent: 'Generate',
  converse: 'Converse',
  'converse-stream': 'Converse',
};

// One of each kind is enough: the types see no difference between two texts.
export function kindsOf(calls: Call[]): Call[] {
  const kinds = new Map<string, Call>();
  for (const call of calls) kinds.set(`${call.ask.api} ${call.ask.stream} ${Object.keys(call.request.body)} ${call.ask.schema === null}`, call);
  return [...kinds.values()];
}

export function faultsOf(calls: Call[]): string[] {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'requests.of.the.scenarios.ts');
  const constants = calls.map(({ ask, request }, number) => `export const request${number}: ${types[ask.api]} = ${request.bytes.toString('utf8')};`);
  const text = declarations + constants.join('\n');
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name === file || fileExists.call(host, name);
  host.readFile = (name) => (name === file ? text : readFile.call(host, name));
  host.getSourceFile = (name, version, ...rest) => (name === file ? ts.createSourceFile(name, text, version) : getSourceFile.call(host, name, version, ...rest));
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ messageText, start }) => {
    const line = text.slice(text.lastIndexOf('\n', start ?? 0) + 1, (start ?? 0) + 60);
    return `${line.slice(0, 40)}… ${ts.flattenDiagnosticMessageText(messageText, '\n')} at ${line.slice(-120)}`;
  });
}
