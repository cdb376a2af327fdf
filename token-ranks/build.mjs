// Makes the tables of src/llm/token_table.hpp and src/llm/token_classes.hpp in a folder, for the binary to embed:
// node build.mjs FOLDER
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const require = createRequire(import.meta.url);
const out = resolve(process.argv[2] ?? 'dist');

// FNV-1a of 32 bits from two seeds, each stirred at its end by murmur3's finalizer; token_table.cpp has the same.
function hash(bytes, seed) {
  let h = seed;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
const seeds = [0x811c9dc5, 0x9e3779b9];
const place = (h, displacement, slots) => {
  let x = Math.imul(h ^ Math.imul(displacement, 0x9e3779b1), 0x85ebca6b);
  x = (x ^ (x >>> 15)) >>> 0;
  return x % slots;
};

// Ranks in order: "! 0 IQ== Ig== …" is a comment-like mark, the first rank of the line, and tokens in base64.
function readTokens(encoding) {
  const tokens = [];
  for (const line of encoding.bpe_ranks.split('\n')) {
    const [, first, ...rest] = line.split(' ');
    if (rest.length && Number(first) !== tokens.length) throw new Error(`the ranks have a gap at ${first}`);
    for (const text of rest) tokens.push(Buffer.from(text, 'base64'));
  }
  return tokens;
}

// Hash and displace (Belazzougui, Botelho, Dietzfelbinger 2009): each bucket gets the first displacement that puts all
// its tokens into free slots, the largest buckets first. A slot holds a rank (18 bits) and 6 bits of the token's hash.
function placeTokens(tokens) {
  const slots = Math.ceil(tokens.length * 1.03);
  const buckets = Math.ceil(tokens.length / 4);
  const members = Array.from({ length: buckets }, () => []);
  const second = tokens.map((token) => hash(token, seeds[1]));
  const first = tokens.map((token) => hash(token, seeds[0]));
  first.forEach((h, rank) => members[h % buckets].push(rank));
  const order = [...members.keys()].sort((a, b) => members[b].length - members[a].length);
  const table = new Int32Array(slots).fill(-1);
  const displacements = new Uint16Array(buckets);
  for (const bucket of order) {
    const ranks = members[bucket];
    for (let displacement = 0; ; ++displacement) {
      if (displacement > 0xffff) throw new Error('no perfect hash was found');
      const places = ranks.map((rank) => place(second[rank], displacement, slots));
      if (new Set(places).size < places.length || places.some((at) => table[at] !== -1)) continue;
      places.forEach((at, i) => (table[at] = ranks[i]));
      displacements[bucket] = displacement;
      break;
    }
  }
  const packed = Buffer.alloc(slots * 3, 0xff); // an empty slot: no token has that rank
  table.forEach((rank, at) => {
    if (rank >= 0) packed.writeUIntLE(((first[rank] >>> 26) << 18) | rank, at * 3, 3);
  });
  return { slots, buckets, displacements, packed };
}

// Layout, all little-endian: see src/llm/token_table.hpp.
function tableOf(tokens) {
  if (tokens.length >= 0x3ffff) throw new Error('ranks must fit into 18 bits');
  const { slots, buckets, displacements, packed } = placeTokens(tokens);
  const longest = tokens.reduce((most, token) => Math.max(most, token.length), 0);
  const blocks = Math.floor(tokens.length / 256) + 1;
  const bases = Buffer.alloc(blocks * 4);
  const offsets = Buffer.alloc((tokens.length + 1) * 2);
  let at = 0;
  for (let rank = 0; rank <= tokens.length; ++rank) {
    if (rank % 256 === 0) bases.writeUInt32LE(at, (rank / 256) * 4);
    offsets.writeUInt16LE(at - bases.readUInt32LE(Math.floor(rank / 256) * 4), rank * 2);
    at += tokens[rank]?.length ?? 0;
  }
  const head = Buffer.alloc(24);
  head.write('PPT1', 0, 'latin1');
  [tokens.length, slots, buckets, longest, at].forEach((number, i) => head.writeUInt32LE(number, 4 + i * 4));
  const moved = Buffer.alloc(buckets * 2);
  displacements.forEach((displacement, i) => moved.writeUInt16LE(displacement, i * 2));
  return Buffer.concat([head, bases, offsets, moved, packed, ...tokens]);
}

// One byte of class for each code point, in blocks of 128 of which equal ones are kept once.
function classes() {
  const tests = [/\p{White_Space}/u, /[\p{Lu}\p{Lt}]/u, /\p{Ll}/u, /[\p{Lm}\p{Lo}]/u, /\p{M}/u, /\p{N}/u];
  const known = new Map();
  const blocks = [];
  const index = Buffer.alloc((0x110000 / 128) * 2);
  for (let block = 0; block < 0x110000 / 128; ++block) {
    const kinds = Buffer.alloc(128);
    for (let i = 0; i < 128; ++i) {
      const code = block * 128 + i;
      if (code >= 0xd800 && code < 0xe000) continue;
      const character = String.fromCodePoint(code);
      kinds[i] = tests.findIndex((test) => test.test(character)) + 1; // 0: none of them
    }
    const key = kinds.toString('latin1');
    if (!known.has(key)) known.set(key, blocks.push(kinds) - 1);
    index.writeUInt16LE(known.get(key), block * 2);
  }
  return Buffer.concat([index, ...blocks]);
}

// Whole or not at all: two builds may be at it at once.
function write(name, bytes) {
  const file = join(out, name);
  writeFileSync(`${file}.${process.pid}`, bytes);
  renameSync(`${file}.${process.pid}`, file);
}

mkdirSync(out, { recursive: true });
for (const name of ['cl100k_base', 'o200k_base']) {
  const encoding = JSON.parse(readFileSync(require.resolve(`tiktoken/encoders/${name}.json`), 'utf8'));
  write(`${name}.bin`, tableOf(readTokens(encoding)));
}
write('classes.bin', classes());
