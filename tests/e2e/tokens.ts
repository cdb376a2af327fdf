// JSON Web Tokens made by hand, also those that no library would make.
import { createHmac } from 'node:crypto';
import { secret } from './settings.ts';

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const now = (): number => Math.floor(Date.now() / 1000);

export const claims = (extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  sub: 'ines',
  tenant_id: 'bakery',
  exp: now() + 600,
  ...extra,
});

export interface Signing {
  key?: string;
  header?: Record<string, unknown>;
  hash?: string;
}

// A payload that is a string is taken as it is.
export function sign(payload: unknown, { key = secret, header = {}, hash = 'sha256' }: Signing = {}): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

export const unsigned = (payload: unknown, alg: string): string => `${encode({ alg, typ: 'JWT' })}.${encode(payload)}.`;

export const payloadOf = (token: string): any => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
