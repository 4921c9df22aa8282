/**
 * Quotes commands that people paste into a POSIX shell. Pure.
 *
 * Invariant: a quoted word holds no character that a terminal acts on, so `printable` does not change it. Those characters
 * become octal escapes of `printf`.
 */
import { printable } from '@distillery/base';

/** Words without a character that is special to a shell. */
const plain = /^(-[A-Za-z0-9_@%+:,./=-]+|[A-Za-z0-9_@%+:,./-]+)$/;
/** The third character of the default IFS. A command substitution drops line feeds at its end. */
const lineFeed = '${IFS#??}';

/** @returns one word of a command, quoted where a shell needs it */
export function shellWord(word: string): string {
  if (plain.test(word)) return word;
  if (printable(word) === word) return `'${word.replaceAll("'", `'\\''`)}'`;
  const end = /\n*$/.exec(word)?.[0].length ?? 0;
  const format = Array.from(word.slice(0, word.length - end), inFormat).join('');
  return `"$(printf '${format}')${lineFeed.repeat(end)}"`;
}

/** @returns a whole command, quoted where a shell needs it */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/** Keeps only characters that are not special to `printf`, to single quotes, or to the history of a shell. */
function inFormat(character: string): string {
  if (plain.test(character) && character !== '%' && character !== '-') return character;
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
