// Before all tests: says what to do when there is nothing to test yet, instead of failing in every file, and makes the
// folder that everything temporary lies in.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary } from './binary.ts';

export default function setUp(): () => void {
  try {
    accessSync(binary, constants.X_OK);
  } catch {
    throw new Error(`There is no program at ${binary}. Build it (make build), or set PURPOSEPATH_BIN.`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'purposepath-e2e-'));
  process.env.E2E_FOLDER = folder; // the processes of the tests inherit it
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.on('exit', remove); // also when interrupted
  return remove;
}
