// Where the program under test is.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
export const binary = process.env.PURPOSEPATH_BIN ?? join(repository, 'build', 'release', 'purposepath');
