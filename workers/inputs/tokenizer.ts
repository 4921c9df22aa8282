/**
 * Texts as token ids, by a maintained tokenizer that reads the `tokenizer.json` of Hugging Face's library. The file and
 * the settings belong to the digest of the model: two teachers with different tokenizers never answer for one job.
 *
 * A text longer than the limit is cut before its closing special tokens, as that library cuts.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { decodeText, isJsonObject, parseJson } from '@distillery/base';
import { openRegular, readFaultOf } from '@distillery/platform';

import { InputError } from './errors.js';
import type { TokenizerSetting } from './settings.js';

/** What is used of the library; its own declarations leave out the endings of files, so that NodeNext finds none of them. */
interface Library {
  encode(
    text: string,
    options: { readonly add_special_tokens?: boolean; readonly return_token_type_ids?: boolean },
  ): { readonly ids: readonly number[]; readonly token_type_ids?: readonly number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
  get_vocab(withAddedTokens: boolean): ReadonlyMap<string, number>;
}
interface LibraryModule {
  readonly Tokenizer: new (tokenizer: object, config: object) => Library;
}

export interface Tokens {
  readonly ids: readonly number[];
  /** Segment of each token; all 0 for one text. */
  readonly typeIds: readonly number[];
}

export interface Tokenizer {
  /** Fills the rows of shorter texts. */
  readonly padId: number;
  /** Token of what the vocabulary lacks; null = every text has tokens. */
  readonly unknownId: number | null;
  readonly vocabularySize: number;
  /** As `vocabularySize`, without the tokens that were added to the trained vocabulary. */
  readonly trainedSize: number;
  readonly maxTokens: number;
  /** What decides the tokens: bytes and texts for a digest. */
  readonly identity: readonly (Uint8Array | string)[];
  encode(text: string): Tokens;
  decode(ids: readonly number[]): string;
}

/** Longest tokenizer.json that is read; the largest published ones have some 35 MB. */
const maxTokenizerBytes = 128 * 2 ** 20;

/**
 * @param path of tokenizer.json; a tokenizer_config.json beside it is read, too, where there is one
 * @throws InputError when the file cannot be read or is no tokenizer
 */
export async function openTokenizer(
  path: string,
  { maxTokens }: Pick<TokenizerSetting, 'maxTokens'>,
): Promise<Tokenizer> {
  const bytes = await readBounded(path);
  const config = await readFile(join(dirname(path), 'tokenizer_config.json')).catch(() => null);
  const content = jsonObject(path, bytes);
  const settings = config === null ? {} : jsonObject(path, config);
  // Most models take no texts, and their processes need not load it.
  const { Tokenizer: LibraryTokenizer } = (await import('@huggingface/tokenizers')) as unknown as LibraryModule;
  let library: Library;
  try {
    library = new LibraryTokenizer(content, settings);
    library.encode('', {});
  } catch (cause) {
    throw notOne(path, `a file that the library refuses (${sentence(cause)})`, cause);
  }
  const special = library.encode('', { add_special_tokens: true }).ids;
  const closing = closingTokens(library);
  const limit = Math.max(maxTokens, special.length);
  return {
    padId: padIdOf(library, content, settings),
    unknownId: unknownIdOf(library, content),
    vocabularySize: largest(library.get_vocab(true)) + 1,
    trainedSize: largest(library.get_vocab(false)) + 1,
    maxTokens: limit,
    identity: [bytes, config ?? '', JSON.stringify({ library: 'tokenizers.js 0.2.0', maxTokens: limit })],
    encode: (text) => {
      const encoded = library.encode(text, { return_token_type_ids: true });
      const { ids, token_type_ids: typeIds = ids.map(() => 0) } = encoded;
      if (ids.length <= limit) return { ids, typeIds };
      const kept = limit - closing.length;
      const cut = (values: readonly number[], end: readonly number[]): number[] => [...values.slice(0, kept), ...end];
      return {
        ids: cut(ids, closing),
        typeIds: cut(typeIds, typeIds.slice(ids.length - closing.length)),
      };
    },
    decode: (ids) => library.decode(ids, { skip_special_tokens: true }),
  };
}

/** The special tokens that end every text, such as [SEP]. */
function closingTokens(library: Library): number[] {
  const [one, two] = ['a', 'b'].map((text) => library.encode(text, {}).ids);
  const plain = library.encode('a', { add_special_tokens: false }).ids.length;
  const closing: number[] = [];
  for (let back = 1; one !== undefined && two !== undefined && back <= one.length - plain; back++) {
    const [last, other] = [one.at(-back), two.at(-back)];
    if (last === undefined || last !== other) break;
    closing.unshift(last);
  }
  return closing;
}

function largest(vocabulary: ReadonlyMap<string, number>): number {
  let id = -1;
  for (const value of vocabulary.values()) id = Math.max(id, value);
  return id;
}

function unknownIdOf(library: Library, { model }: Record<string, unknown>): number | null {
  if (!isJsonObject(model)) return null;
  if (typeof model.unk_id === 'number') return model.unk_id;
  return typeof model.unk_token === 'string' ? (library.token_to_id(model.unk_token) ?? null) : null;
}

function padIdOf(library: Library, content: Record<string, unknown>, settings: Record<string, unknown>): number {
  const { padding } = content;
  if (isJsonObject(padding) && typeof padding.pad_id === 'number') return padding.pad_id;
  const named = settings.pad_token;
  const token = typeof named === 'string' ? named : isJsonObject(named) ? named.content : undefined;
  const candidates = [token, '[PAD]', '<pad>', '<|endoftext|>'];
  for (const candidate of candidates) {
    const id = typeof candidate === 'string' ? library.token_to_id(candidate) : undefined;
    if (id !== undefined) return id;
  }
  return 0;
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const file = await openRegular(path);
    try {
      const { size } = await file.stat();
      if (size > maxTokenizerBytes) throw notOne(path, `a file of ${String(size)} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { found, remedy } = readFaultOf(cause, path);
    throw new InputError({ about: `tokenizer ${path}`, found, expected: 'a tokenizer.json', remedy }, { cause });
  }
}

function jsonObject(path: string, bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(decodeText(bytes));
  } catch (cause) {
    throw notOne(path, 'a file that is no JSON', cause);
  }
  if (!isJsonObject(value)) throw notOne(path, 'JSON that is no object');
  return value;
}

function notOne(path: string, found: string, cause?: unknown): InputError {
  return new InputError(
    {
      about: `tokenizer ${path}`,
      found,
      expected: "a tokenizer.json of Hugging Face's tokenizers",
      remedy: 'save it with `tokenizer.save_pretrained(FOLDER)` and name that file',
    },
    cause === undefined ? undefined : { cause },
  );
}

const maxSentence = 200;

/** A library's message in one line. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, maxSentence);
}
