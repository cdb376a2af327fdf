// Writes tests/data/tokens.json: texts with the tokens that OpenAI's own tokenizer (tiktoken, in WebAssembly) makes of
// them. node fixture.mjs [FILE [TEXTS-OF-EACH-RANDOM-KIND]]
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { get_encoding } from 'tiktoken';

const file = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../tests/data/tokens.json');
const each = Number(process.argv[3] ?? 40);
const encodings = ['cl100k_base', 'o200k_base'].map((name) => [name, get_encoding(name)]);

// The same texts each time (mulberry32).
let state = 20261122;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];
const some = (least, most, make) => Array.from({ length: least + random(most - least + 1) }, make).join('');

const written = [
  '', ' ', '  ', '\n', '\r\n', '\t', 'a', ' a', '  a', 'Hello', 'Hello world', 'Hello, world!', ' .', '\n\n\nEnd.\n \n ',
  // prose
  'What moved you most this year? I think it was the morning when we opened the second bakery, and nobody came until ten.',
  'We bake through the night so that 43 families have bread at 6:30 a.m.; in 2026 it should be 120, by the end of June.',
  'Ich möchte, dass mein Unternehmen auch ohne mich läuft. Größe ist mir nicht wichtig, Verlässlichkeit schon: „Handschlag zählt“.',
  'Donaudampfschifffahrtsgesellschaftskapitän, Straßenbahnhaltestelle, ÄÖÜäöüß, dass/daß, z. B. 1.234,56 €',
  '我希望我们的公司在十年后仍然独立。价值观对我来说比增长更重要：诚实、耐心、手艺。',
  '日本語のテキスト、カタカナとひらがな。東京で2026年11月22日に会いましょう！',
  '한국어 문장입니다. 우리는 빵을 굽습니다.',
  'أريد أن تنمو شركتي دون أن نفقد قيمنا. الصدقُ أهمُّ من السرعة، ١٢٣٤٥٦٧ ريال.',
  'אני רוצה שהעסק יהיה עצמאי. שָׁלוֹם',
  'Мы печём хлеб. Цель — 120 семей к концу июня; сейчас 43. ЁЖИК ёжик',
  'मैं चाहता हूँ कि मेरा व्यवसाय बढ़े। १२३४', 'ฉันอยากให้ธุรกิจเติบโต', 'Θέλω να αναπτυχθεί η επιχείρησή μου. ΌΧΙ', 'Tôi muốn doanh nghiệp phát triển bền vững.',
  // signs and pictures
  '😀', '👩‍👩‍👧‍👦 family, 👍🏽 yes, 🇩🇪🇫🇷, ❤️‍🔥', '…—–‐“”‘’«»„‚', '½ ⅓ Ⅷ ² ₃ ① 三 𝟘𝟙𝟚 ੧੨੩੪੫', 'e\u0301\u0302\u0303 A\u0301B \u0301ABC x\u0301\u0301Y \u0301', 'ǅungla ǆ Ǆ ǅ', 'ﬁ ﬂ ſt ſs ẞ ß',
  // contractions
  "I'm I've I'd I'll it's don't we're", "I'M I'VE I'D I'LL IT'S DON'T WE'RE", "'s 't 're 've 'm 'll 'd 'S 'lL 'Re", "it’s don’t", "'sunny 'tis 'room 'very 'dull 'llama", "o'clock rock'n'roll 'em y'all'd've", "''s '' ' 'x '' 'S", "it'\u017f it'\u017ft '\u017f\u017f A'\u017f", "中's Ü'LL 12's -'s",
  // case
  'camelCase PascalCase HTTPServer getURLPath XMLHttpRequest2 iOS macOS SCREAMING_SNAKE aB AbC ABc ABcD', 'ÉCOLE École éCOLE ÑandÚ', '(ABC) "Abc" -ABC _abc $ABC #abc 中ABC 中ABc ABC中 ABC中d ABC中D',
  // numbers
  '1 12 123 1234 12345 123456 1234567 3.14159 1,000,000 1e-9 0x1F 007 2026-11-22T13:14:15.123Z',
  // white space
  'a b  c   d    e', 'tab\tand\t\ttabs\t\t\tend', 'line\nline\n\nline\r\nline\r\n\r\nline', '   leading', 'trailing   ', ' \n \n a', 'a \n\n  b\n   ', '\u00a0a\u00a0\u00a0b \u3000c\u2003\u2003d\u0085e\u0085\u0085f \u2028g', '\ufeffbom \ufeff x\ufeffy', '\u200bzero\u200bwidth', '  \t\n\t  x', 'a\u000b\u000cb', '    if (x) {\n        return 1;\n    }\n',
  // code
  'auto x = std::vector<int>{1, 2, 3}; // comment\nfor (const auto& [k, v] : map) { sum += v; }\n', 'def f(x):\n\tif x is None:\n\t\treturn {"a": [1, 2], \'b\': 3}\n\n\n    # done\n', '{"error":"validation_error","details":[{"field":"a.b[0]","message":"must not be empty"}]}', '<div class="a">&amp;</div>\n\n<!-- x -->\r\n', 'https://example.org/a/b//c?d=e&f=%20#g ./a/../b.txt //\n/*\n', '# Heading\n\n- one\n- **two**\n\n```js\nlet a = `b${c}`;\n```\n', 'a/b/\n// c ///\n\n /d', '$$$ %%% ^^^ &&& *** ((( ))) === +++ ~~~ ||| \\\\\\ """', '<|endoftext|> <|endofprompt|> <|fim_prefix|>',
  // long pieces
  'a'.repeat(1000), 'abcdefghij'.repeat(100), 'ha'.repeat(333) + 'H', ' '.repeat(300), '\n'.repeat(200), '='.repeat(500), '9'.repeat(400), '中'.repeat(200), 'é'.repeat(200), '🙂'.repeat(60), ' \n'.repeat(100), '-_'.repeat(150), 'ACGT'.repeat(120), "'s".repeat(60),
];

// Ranges whose characters are old: every Unicode version in use agrees on them.
const ranges = [[0x20, 0x7e], [0xa0, 0x24f], [0x370, 0x373], [0x391, 0x3a1], [0x3a3, 0x3ff], [0x400, 0x52f], [0x5d0, 0x5ea], [0x620, 0x669], [0x904, 0x939], [0xe01, 0xe3a], [0x300, 0x36f], [0x1e00, 0x1eff], [0x2010, 0x2027], [0x2030, 0x205e], [0x2070, 0x2071], [0x2080, 0x208e], [0x2100, 0x218b], [0x2190, 0x23ff], [0x2460, 0x24ff], [0x3001, 0x303f], [0x3041, 0x3096], [0x30a0, 0x30ff], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0xe000, 0xe0ff], [0xff01, 0xff5e], [0x10400, 0x1044f], [0x1d400, 0x1d454], [0x1f300, 0x1f64f], [0x20000, 0x20fff]];
const character = () => {
  const [from, to] = pick(ranges);
  return String.fromCodePoint(from + random(to - from + 1));
};
const spaces = [' ', ' ', ' ', '  ', '\n', '\r\n', '\t', '\u00a0', '\u2003', '\u3000', '\u0085', '\u2028'];
const words = ['we', 'The', 'BREAD', 'value', 'Été', 'größe', 'ДОМ', 'дом', '公司', 'سوق', 'e\u0301', 'ǅ', 'ʰ', 'ª', '12', '3456', '\u0663', 'Ⅷ', "'s", "'LL", "'re", "'\u017f", "'", '’s', '.', '//', '...', '-', '😀', '\u200d', '\u0301', '/', '(', '"', '_', '¿', '\u00ad', '\ufeff'];
const kinds = [
  () => some(1, 40, character),
  () => some(1, 25, () => (random(3) ? pick(words) : pick(spaces))),
  () => some(1, 30, () => pick(['a', 'B', 'c', 'D', '\u0301', '中', 'ǅ', 'ʰ', "'s", ' ', '.', '7'])),
  () => some(1, 20, () => pick(spaces)) + some(0, 2, () => pick(words)),
  () => some(1, 200, () => pick([...'etaoin shrdlu ETA.,'])),
  () => some(1, 60, () => String.fromCharCode(random(128))),
];
const texts = [...written, ...kinds.flatMap((kind) => Array.from({ length: each }, kind))];
const decoder = new TextDecoder('utf-8', { fatal: true });
const lines = texts.map((text) => {
  decoder.decode(new TextEncoder().encode(text));
  const tokens = encodings.map(([name, encoding]) => [name, [...encoding.encode_ordinary(text)]]);
  return JSON.stringify({ text, ...Object.fromEntries(tokens) });
});
writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
