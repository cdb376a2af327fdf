// Makes the three files of /docs in a folder, for the server to embed: node build.mjs [folder, default dist]
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));
const ours = (name) => readFile(join(here, name), 'utf8');

// Without the line that asks for the source map, which does not come along.
async function viewer(name) {
  const text = await readFile(join(here, 'node_modules', 'swagger-ui-dist', name), 'utf8');
  return text.replace(/\n(\/\/# sourceMappingURL=\S+|\/\*# sourceMappingURL=\S+ *\*\/)\s*$/, '\n');
}

// Its licence (Apache-2.0) and notices travel inside the file.
const texts = await Promise.all(['NOTICE', 'LICENSE', 'swagger-ui-bundle.js.LICENSE.txt'].map(viewer));
const licence = texts.map((text) => text.replace(/\/\*!?|\*\//g, '').trim()).join('\n\n');

await mkdir(out, { recursive: true });
await copyFile(join(here, 'index.html'), join(out, 'index.html'));
await writeFile(join(out, 'docs.css'), (await viewer('swagger-ui.css')) + (await ours('page.css')));
await writeFile(join(out, 'docs.js'), `/*!\n${licence}\n*/\n${await viewer('swagger-ui-bundle.js')}${await ours('page.js')}`);
