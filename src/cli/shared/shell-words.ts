/**
 * Commands that people paste into a POSIX shell. Pure.
 *
 * Invariant: a quoted word holds no character that a terminal acts on, so that `printable` leaves it as it is: such
 * characters are written as octal escapes of `printf`.
 */
import { printable } from '@distillery/base';

/** Characters that mean themselves to every shell, wherever they stand. */
const plain = /^(-[A-Za-z0-9_@%+:,./=-]+|[A-Za-z0-9_@%+:,./-]+)$/;
/** The default IFS is a space, a tab and a line feed. A command substitution drops line feeds at its end. */
const lineFeed = '${IFS#??}';

/** One word of a command as it must be typed. */
export function shellWord(word: string): string {
  if (plain.test(word)) return word;
  if (printable(word) === word) return `'${word.replaceAll("'", `'\\''`)}'`;
  const end = /\n*$/.exec(word)?.[0].length ?? 0;
  const format = Array.from(word.slice(0, word.length - end), inFormat).join('');
  return `"$(printf '${format}')${lineFeed.repeat(end)}"`;
}

/** A whole command as it must be typed. */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/** Of what is left as it is, nothing means anything to `printf`, to its quotes, or to the history of a shell. */
function inFormat(character: string): string {
  if (plain.test(character) && character !== '%' && character !== '-') return character;
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
