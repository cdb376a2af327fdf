// Every scenario with every vendor, against the real service and a real HTTP server; the outcome is kept as the tables of
// docs/providers.md. `make providers-table` writes them anew. VENDORS='Bedrock;Azure' runs these alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf, kindsOf } from './request_types.ts';
import { Rig } from './rig.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { type Cells, foundTable, keepTable, keptTable, wantedTable } from './table.ts';
import { runTurns } from './turns.ts';
import type { Call } from './vendor_server.ts';
import { vendors } from './vendors.ts';

const chosen = process.env.VENDORS?.split(';');
const rows = vendors.filter(({ name }) => !chosen || chosen.some((part) => name.includes(part)));
const cells: Cells = new Map();
const requests: Call[] = []; // one of each kind

function note(scenario: string, vendor: string, cell: string): void {
  if (!cells.has(scenario)) cells.set(scenario, new Map());
  cells.get(scenario)!.set(vendor, cell);
}

const applies = (scenario: Scenario, vendor: (typeof rows)[number]) => scenario.of?.(vendor) ?? true;

describe.each(rows)('$name', (vendor) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start(vendor);
  });
  afterAll(async () => {
    if (!rig) return;
    await rig.stop();
    requests.push(...kindsOf(rig.model.calls));
    expect(rig.model.complaints).toEqual([]);
    // Whatever went wrong, neither what was said nor a key came into the log.
    const log = rig.service.stdout + rig.service.stderr;
    expect(log).toContain('llm_call');
    for (const secret of ['Scenario: ', 'I hear how much', vendor.key, ...Object.values(vendor.environment ?? {}).filter((value) => value.length > 20)]) {
      if (secret) expect(log).not.toContain(secret);
    }
  });

  async function run(scenario: Scenario): Promise<void> {
    const own = scenario.variant ? await Rig.start(vendor, scenario.variant) : rig;
    try {
      note(scenario.name, vendor.name, scenario.run ? await scenario.run(own) : await runTurns(scenario.name, scenario.turns!(vendor), own));
    } finally {
      if (own !== rig) await own.stop();
    }
    if (own !== rig) expect(own.model.complaints).toEqual([]);
  }

  for (const scenario of scenarios) {
    if (applies(scenario, vendor)) test.concurrent(scenario.name, () => run(scenario));
    else note(scenario.name, vendor.name, '–');
  }
});

test('what was sent is of the types of the vendors’ own SDKs', () => {
  expect(requests.length).toBeGreaterThanOrEqual(3 * rows.length); // streamed, whole, by a schema
  const [any] = requests;
  const wrong = { ...any!, request: { ...any!.request, bytes: Buffer.from('{"model": 7}') } }; // the check can fail
  const faults = faultsOf([wrong, ...requests]);
  expect(faults.filter((fault) => !fault.startsWith('export const request0'))).toEqual([]);
  expect(faults).not.toEqual([]);
}, 60_000);

test('the tables of docs/providers.md are what came out', () => {
  const found = foundTable(scenarios, rows.map(({ name }) => name), cells);
  const wanted = wantedTable(scenarios);
  console.log(`status and number of requests, whole / streamed where they differ:\n${found}`);
  if (rows.length < vendors.length) return;
  if (process.env.PROVIDERS_TABLE === 'write') {
    keepTable('found', found);
    keepTable('wanted', wanted);
  }
  expect(keptTable('found'), 'see `make providers-table`').toBe(found);
  expect(keptTable('wanted'), 'see `make providers-table`').toBe(wanted);
});
