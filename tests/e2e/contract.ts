// Holds every answer of the server against openapi.yaml.
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { contract as file } from './lint_openapi.mjs';

export const document = parse(readFileSync(file, 'utf8'));

const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
ajv.addSchema(document, 'openapi');

const escape = (step: string) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));

function validator(...steps: string[]): ValidateFunction {
  const pointer = `openapi#/${steps.map(escape).join('/')}`;
  const found = ajv.getSchema(pointer);
  if (!found) throw new Error(`openapi.yaml has nothing at ${pointer}`);
  return found as ValidateFunction;
}

function mustFit(validate: ValidateFunction, value: unknown, what: string): void {
  if (validate(value)) return;
  throw new Error(`${what} is not as openapi.yaml says: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value, null, 1)}`);
}

export const mustFitSchema = (name: string, value: unknown): void =>
  mustFit(validator('components', 'schemas', name), value, name);

export function mustFitJsonSchema(schema: object, value: unknown): void {
  const validate = addFormats(new Ajv({ strict: false, allErrors: true })).compile(schema);
  if (!validate(value)) throw new Error(`${ajv.errorsText(validate.errors)}\n${JSON.stringify(value, null, 1)}`);
}

interface Operation {
  path: string;
  method: string;
  operationId: string;
}

export const operations: Operation[] = Object.entries<any>(document.paths).flatMap(([path, item]) =>
  Object.entries<any>(item)
    .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
    .map(([method, { operationId }]) => ({ path, method, operationId })),
);

export function findOperation(method: string, pathname: string): Operation | undefined {
  const plain = pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname;
  const fits = ({ path }: Operation) => new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(plain);
  const candidates = operations.filter((operation) => operation.method === method.toLowerCase() && fits(operation));
  return candidates.find(({ path }) => path === plain) ?? candidates[0];
}

const follow = (response: any): [any, string[]] =>
  response.$ref ? [document.components.responses[response.$ref.split('/').at(-1)], ['components', 'responses', response.$ref.split('/').at(-1)]] : [response, []];

export interface Received {
  method: string;
  pathname: string;
  status: number;
  contentType: string;
  requestId: string | null;
  body: unknown;
}

// Throws when the status, the media type or the body of an answer is not what the contract promises.
export function check(received: Received): void {
  const { method, pathname, status, contentType, requestId, body } = received;
  const what = `${method} ${pathname} → ${status}`;
  if (!requestId || !/^[A-Za-z0-9._:-]{1,128}$/.test(requestId)) throw new Error(`${what} has no proper X-Request-Id: ${requestId}`);
  if (status >= 400 && status !== 503) mustFitSchema('Error', body);
  const operation = findOperation(method, pathname);
  if (!operation) return;
  const responses = document.paths[operation.path][operation.method].responses;
  const key = String(status) in responses ? String(status) : 'default';
  if (!(key in responses)) throw new Error(`${what} is not in the contract of ${operation.operationId}`);
  const [response, where] = follow(responses[key]);
  const base = where.length > 0 ? where : ['paths', operation.path, operation.method, 'responses', key];
  if (!response.content) {
    if (body !== null) throw new Error(`${what} has a body where the contract promises none`);
    return;
  }
  const media = contentType.split(';')[0]!.trim();
  if (!(media in response.content)) throw new Error(`${what} is ${media}; the contract has ${Object.keys(response.content)}`);
  if (media === 'application/json') mustFit(validator(...base, 'content', media, 'schema'), body, what);
}
