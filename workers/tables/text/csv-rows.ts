/**
 * The grammar of CSV (RFC 4180): how bytes are cut into rows, and rows into values. Pure.
 *
 *  csv-rows/C1 A value that begins with a quote ends with one; a doubled quote in it stands for one, and line breaks and
 *     delimiters are part of it.
 *  csv-rows/C2 A quote anywhere else stands for itself.
 *  csv-rows/C3 A row ends with LF or CRLF. A line without a character is no row, except where rows have one value.
 */
import { BadRow } from '../table.js';
import type { Cutter, RowRule } from './scan.js';

export const delimiters = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof delimiters)[number];

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export function csvRule(delimiter: Delimiter, columns: number): RowRule {
  const delimiterByte = delimiter.charCodeAt(0);
  return {
    cutter: (bytes, end, isLast) => new CsvCutter(bytes, end, isLast, delimiterByte),
    endlessRemedy: 'close the quote that opens in it, or shorten the row',
    isRow: (bytes, start, end) => columns === 1 || !isBlank(bytes, start, end),
  };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start];
  return end - start === 1 ? first === lineFeed : first === carriageReturn && bytes[start + 1] === lineFeed;
}

class CsvCutter implements Cutter {
  mayBreak = false;

  constructor(
    private readonly bytes: Buffer,
    private readonly limit: number,
    private readonly isLast: boolean,
    private readonly delimiter: number,
  ) {}

  /** A loop over bytes: most rows are short, and a native search for each line break and quote costs more. */
  end(start: number): number | null {
    const { bytes, limit, delimiter } = this;
    this.mayBreak = false;
    for (let at = start, begins = true; at < limit; at++) {
      const byte = bytes[at];
      if (byte === lineFeed) return at + 1;
      if (byte === quote && begins) {
        const close = this.#closing(at + 1);
        if (close === null) return null;
        this.mayBreak = true;
        at = close;
      }
      begins = byte === delimiter;
    }
    return this.isLast ? limit : null;
  }

  /** Place of the quote that closes a value; null when it is not among the bytes. */
  #closing(from: number): number | null {
    const { bytes, limit } = this;
    for (let at = from; at < limit; at++) {
      if (bytes[at] !== quote) continue;
      // At the end of a piece the next byte, which may double this quote, is not known yet.
      if (at + 1 === limit) return this.isLast ? at : null;
      if (bytes[at + 1] !== quote) return at;
      at++;
    }
    return null;
  }
}

/** Values of one row. @param text without its line break */
export function splitRow(text: string, delimiter: Delimiter): readonly string[] | BadRow {
  if (!text.includes('"')) return text.split(delimiter);
  const values: string[] = [];
  for (let at = 0; ;) {
    const isQuoted = text.startsWith('"', at);
    const end = isQuoted ? closingQuote(text, at + 1) + 1 : orEnd(text, text.indexOf(delimiter, at));
    if (isQuoted && end === 0)
      return new BadRow(`a quote opens in value ${String(values.length + 1)} and never closes`);
    values.push(isQuoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end));
    if (end === text.length) return values;
    if (!text.startsWith(delimiter, end)) {
      return new BadRow(`text follows the closing quote of value ${String(values.length)}`);
    }
    at = end + 1;
  }
}

/** Place of the quote that closes a value; -1 when there is none. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function orEnd(text: string, at: number): number {
  return at < 0 ? text.length : at;
}

/** The delimiter that is most often outside quotes in the head line; a comma where there is none. */
export function delimiterOf(head: string): Delimiter {
  const outside = head.replaceAll(/"[^"]*"/g, '');
  const uses = (delimiter: string): number => outside.split(delimiter).length;
  return delimiters.reduce((most, delimiter) => (uses(delimiter) > uses(most) ? delimiter : most), delimiters[0]);
}
