// A real service with a fake vendor behind it, and what a scenario does with the two.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Client } from '../client.ts';
import { Server, temporaryFolder } from '../harness.ts';
import { type Settings, withSecret } from '../settings.ts';
import { claims, sign } from '../tokens.ts';
import { type Certificate, type Dialect, VendorServer } from './vendor_server.ts';
import type { Vendor } from './vendors.ts';

// Milliseconds, as in llm.timeouts. Nothing runs into these by itself, on a busy machine neither.
export interface Limits {
  connect: number;
  firstToken: number;
  betweenTokens: number;
  total: number;
}
export const patient: Limits = { connect: 8_000, firstToken: 8_000, betweenTokens: 8_000, total: 30_000 };
// For the scenarios that are about them.
export const impatient: Limits = { connect: 2_000, firstToken: 1_300, betweenTokens: 2_000, total: 6_000 };
export const attempts = 3;
// USD for a million tokens, all different.
export const price = { input: 10, output: 100, cached_input: 1, cache_write: 20 };

const timeouts = (limits: Limits): Settings => ({
  PURPOSEPATH_LLM__TIMEOUTS__CONNECT: `${limits.connect}ms`,
  PURPOSEPATH_LLM__TIMEOUTS__FIRST_TOKEN: `${limits.firstToken}ms`,
  PURPOSEPATH_LLM__TIMEOUTS__BETWEEN_TOKENS: `${limits.betweenTokens}ms`,
  PURPOSEPATH_LLM__TIMEOUTS__TOTAL: `${limits.total}ms`,
});

const retries: Settings = {
  PURPOSEPATH_LLM__RETRY__ATTEMPTS: String(attempts),
  PURPOSEPATH_LLM__RETRY__BACKOFF__FIRST: '20ms',
  PURPOSEPATH_LLM__RETRY__BACKOFF__LONGEST: '40ms',
  // All scenarios run at once against one model: what one of them breaks must not be held against the others.
  PURPOSEPATH_LLM__RETRY__BUDGET_PER_MINUTE: '100000',
  PURPOSEPATH_LLM__ROUTER__BREAKER__FAILURES: '0',
  PURPOSEPATH_LLM__ROUTER__BREAKER__FAILURE_RATE: '0',
};

// Signed by itself, for 127.0.0.1.
export function selfSigned(folder: string, name: string): Certificate {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

// A vendor in another of its forms.
export interface Variant {
  limits?: Limits;
  tls?: boolean; // the service trusts the vendor's certificate, as long as it is the first one
  dialect?: Dialect;
  model?: Record<string, unknown>;
  settings?: Settings;
}

let users = 0;

export class Rig {
  private constructor(
    readonly vendor: Vendor,
    readonly model: VendorServer,
    readonly service: Server,
    readonly folder: string,
    readonly certificate: Certificate | undefined,
  ) {}

  static async start(vendor: Vendor, { limits = patient, tls, dialect = vendor.dialect, model: other, settings: more }: Variant = {}): Promise<Rig> {
    const folder = temporaryFolder();
    const certificate = tls ? selfSigned(folder, 'trusted') : undefined;
    const model = await VendorServer.start(dialect, certificate);
    const catalogue = join(folder, 'models.yaml');
    writeFileSync(catalogue, stringify({ models: { scenario: { vendor: vendor.provider, id: vendor.id, price, max_concurrent: 0, ...vendor.model, ...other } } }));
    const settings: Settings = {
      ...withSecret(),
      ...timeouts(limits),
      ...retries,
      ...vendor.environment,
      PURPOSEPATH_LLM__PROVIDER: vendor.provider,
      PURPOSEPATH_LLM__MODEL: 'scenario',
      PURPOSEPATH_LLM__BASE_URL: model.origin + vendor.path,
      PURPOSEPATH_LLM__CATALOGUE_FILE: catalogue,
      ...(vendor.key && { PURPOSEPATH_LLM__API_KEY: vendor.key }),
      ...(tls && { SSL_CERT_FILE: join(folder, 'trusted.pem') }),
      ...more,
    };
    const service = await Server.start({ settings });
    return new Rig(vendor, model, service, folder, certificate);
  }

  // A new user, so that every scenario has a conversation of its own.
  async begin(): Promise<{ user: Client; id: string }> {
    const user = new Client(this.service.url, sign(claims({ sub: `scenario-${++users}` })));
    return { user, id: await user.initiate() };
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.model.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
