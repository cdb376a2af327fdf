// The tables of docs/providers.md, made from what the scenarios found. They stand between <!-- NAME: begin --> and
// <!-- NAME: end -->.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../binary.ts';
import type { Scenario } from './scenarios.ts';

export type Cells = Map<string, Map<string, string>>; // scenario -> vendor -> what came out

const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
const table = (head: string[], rows: string[][]) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

export const foundTable = (scenarios: Scenario[], vendors: string[], cells: Cells): string =>
  table(['scenario', ...vendors], scenarios.map(({ name }) => [name, ...vendors.map((vendor) => cells.get(name)?.get(vendor) ?? '')]));

export const wantedTable = (scenarios: Scenario[]): string =>
  table(['scenario', 'what the caller sees', 'within what time', 'how often the vendor is asked'], scenarios.map(({ name, sees, time, tries }) => [name, sees, time, tries]));

const file = join(repository, 'docs', 'providers.md');
const between = (name: string) => new RegExp(`(<!-- ${name}: begin -->\\n)([\\s\\S]*?)(\\n<!-- ${name}: end -->)`);

export function keptTable(name: string): string {
  const found = between(name).exec(readFileSync(file, 'utf8'));
  if (!found) throw new Error(`docs/providers.md has no place for the table "${name}"`);
  return found[2]!;
}

export function keepTable(name: string, text: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace(between(name), (_, begin, __, end) => `${begin}${text}${end}`));
}
