// The commands of the documents, executed. A block that begins with "```sh run" is run by bash, which stops at the first
// command that fails; the blocks of a document share one shell, in an empty folder. A block "```text output" right after
// it is what that prints: "…" stands for any text in a line, and alone on a line for any lines. Port 8000 is a free one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { binary, repository } from './binary.ts';
import { temporaryFolder } from './harness.ts';

interface Block {
  line: number;
  script: string;
  output: string | null; // null: the document does not say
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let end = -1; // of the last run block
  for (const fence of markdown.matchAll(/^```(\S*)(?: (run|output))?\n([\s\S]*?)^```$/gm)) {
    const [whole, , mark, text] = fence;
    const last = blocks.at(-1);
    if (mark === 'run') {
      blocks.push({ line: markdown.slice(0, fence.index).split('\n').length, script: text!, output: null });
      end = fence.index + whole.length;
    } else if (mark === 'output') {
      if (!last || markdown.slice(end, fence.index).trim() !== '') throw new Error(`No commands stand before this output:\n${text}`);
      last.output = text!;
    }
  }
  return blocks;
}

export function patternOf(output: string): RegExp {
  const quoted = output.trimEnd().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${quoted.replace(/^…$/gm, '[\\s\\S]*?').replaceAll('…', '[^\\n]*')}\\s*$`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

const mark = (index: number) => `<<<block ${index}>>>`;

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })));

// What each block printed. Throws what was printed so far when one fails.
async function run(blocks: Block[], before = ''): Promise<string[]> {
  const folder = temporaryFolder();
  folders.push(folder);
  mkdirSync(join(folder, 'build', 'release'), { recursive: true });
  symlinkSync(binary, join(folder, 'build', 'release', 'purposepath'));
  for (const name of ['examples', 'topics']) symlinkSync(join(repository, name), join(folder, name));

  const port = String(await freePort());
  const parts = blocks.map(({ script }, index) => `echo '${mark(index)}'\n${script}`);
  const script = ['set -euo pipefail', 'exec 2>&1', "trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $status' EXIT", before, ...parts].join('\n');
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^PURPOSEPATH_|_proxy$/i.test(name)));
  environment.PATH = `${join(folder, 'build', 'release')}:${environment.PATH}`;
  const bash = spawn('bash', ['-c', script.replace(/\b8000\b/g, port)], { cwd: folder, env: environment, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const late = setTimeout(() => process.kill(-bash.pid!, 'SIGKILL'), 50_000);
  let printed = '';
  bash.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
  const [code] = (await once(bash, 'close')) as [number | null];
  clearTimeout(late);
  printed = printed.replaceAll(port, '8000');
  if (code !== 0) throw new Error(`The commands ended with ${code}:\n${printed}`);
  return printed.split(/<<<block \d+>>>\n/).slice(1);
}

async function check(document: string, before = ''): Promise<void> {
  const blocks = blocksOf(readFileSync(join(repository, document), 'utf8'));
  expect(blocks.length).toBeGreaterThan(0);
  const printed = await run(blocks, before);
  for (const [index, { line, output }] of blocks.entries()) {
    if (output !== null) expect(printed[index], `${document}:${line}`).toMatch(patternOf(output));
  }
}

describe('the documents', () => {
  // `make run` in the other terminal.
  const server = `
    build/release/purposepath serve --port 8000 > log 2>&1 &
    until curl -sf -o ready http://127.0.0.1:8000/health; do sleep 0.05; done`;

  test('README.md: its commands work and print what it says', () => check('README.md', server), 60_000);
  test('docs/RUNBOOK.md: its commands work and print what it says', () => check('docs/RUNBOOK.md'), 60_000);
  test('docs/topics.md: its steps lead to a topic of your own', () => check('docs/topics.md'), 60_000);

  test.each(['README.md', 'CONTRIBUTING.md', 'docs/RUNBOOK.md', 'docs/architecture.md', 'docs/topics.md', 'docs/export.md', 'docs/webhooks.md', 'bench/README.md'])('%s: its links lead somewhere', (document) => {
    const text = readFileSync(join(repository, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((link) => link[1]!).filter((link) => !/^https?:/.test(link));
    expect(links.filter((link) => !existsSync(join(repository, dirname(document), link)))).toEqual([]);
  });
});

describe('the check of the documents', () => {
  const document = (script: string, output: string) => `Text.\n\n\`\`\`sh run\n${script}\n\`\`\`\n\n\`\`\`text output\n${output}\n\`\`\`\n`;

  test('fails with a command that fails', async () => {
    await expect(run(blocksOf(document('echo before\nfalse\necho after', 'before')))).rejects.toThrow(/ended with 1:\n.*\nbefore\n$/);
  });

  test('sees output that is not what the document shows', async () => {
    const [printed] = await run(blocksOf(document('printf "a 1\\nb\\nc\\n"', '')));
    expect(printed).toMatch(patternOf('a …\n…\nc'));
    expect(printed).not.toMatch(patternOf('a …\nc'));
    expect(printed).not.toMatch(patternOf('a 1\nb'));
    expect(printed).not.toMatch(patternOf('a 2\n…'));
  });

  test('keeps what a block sets for the next', async () => {
    const blocks = blocksOf(document('NAME=ada', '') + document('echo "$NAME"', 'ada'));
    expect((await run(blocks))[1]).toMatch(patternOf('ada'));
  });
});
