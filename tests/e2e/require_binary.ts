// Says what to do when there is nothing to test yet, instead of failing in every file.
import { accessSync, constants } from 'node:fs';
import { binary } from './binary.ts';

export default function requireBinary(): void {
  try {
    accessSync(binary, constants.X_OK);
  } catch {
    throw new Error(`There is no program at ${binary}. Build it (make build), or set PURPOSEPATH_BIN.`);
  }
}
