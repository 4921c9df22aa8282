/**
 * What a tokenizer keeps of a text: its tokens, decoded again, are compared with the text. A tokenizer of another language or
 * a broken one keeps little, and its model would be asked about nothing. Pure.
 */
import type { Tokens } from './tokenizer.js';

/** What is needed of a tokenizer. */
export interface Decoder {
  /** Token of what the vocabulary lacks; null = it has none. */
  readonly unknownId: number | null;
  readonly maxTokens: number;
  decode(ids: readonly number[]): string;
}

export interface ReadBack {
  readonly decoded: string;
  /** Share of the text that its tokens do not hold, 0 … 1: of its letters and digits, or of its tokens, whichever is larger. */
  readonly lost: number;
}

export function readBack(text: string, { ids }: Tokens, tokenizer: Decoder): ReadBack {
  const { unknownId, maxTokens } = tokenizer;
  const decoded = ids.length === 0 ? '' : tokenizer.decode(ids);
  const unknown = ids.reduce((sum, id) => sum + (id === unknownId ? 1 : 0), 0);
  const isCut = ids.length >= maxTokens;
  return { decoded, lost: Math.max(unknown / Math.max(1, ids.length), lostLetters(text, decoded, isCut)) };
}

/** @param isCut whether the tokens may hold only the beginning of the text: then what is missing at its end is not lost */
function lostLetters(text: string, decoded: string, isCut: boolean): number {
  const [wanted, found] = [lettersOf(text), lettersOf(decoded)];
  const left = new Map<string, number>();
  for (const letter of wanted) left.set(letter, (left.get(letter) ?? 0) + 1);
  let kept = 0;
  for (const letter of found) {
    const count = left.get(letter) ?? 0;
    if (count > 0) kept++;
    left.set(letter, count - 1);
  }
  const [foreign, missing] = [found.length - kept, isCut ? 0 : wanted.length - kept];
  const all = isCut ? found.length : wanted.length;
  return all === 0 ? 0 : Math.min(1, Math.max(foreign, missing) / all);
}

/** Tokenizers change case, accents, spaces and punctuation; letters and digits they keep. */
function lettersOf(text: string): string[] {
  return (
    text
      .normalize('NFKD')
      .toLowerCase()
      .match(/[\p{L}\p{N}]/gu) ?? []
  );
}
