/** One pass over a text file, in bounded memory: its bytes are checked to be UTF-8, and its rows get an index. */
import { count } from '@distillery/base';

import { DataError } from '../../samples/index.js';
import type { SourceFiles } from '../source-files.js';
import { BlockIndex } from './block-index.js';
import { firstInvalid, wholeCharacters } from './utf8.js';

/** How the bytes of a text format are cut into rows. */
export interface RowRule {
  /** A cutter of the bytes up to `end`, whose calls have rising starts. @param isLast whether the file ends there */
  cutter(bytes: Buffer, end: number, isLast: boolean): Cutter;
  /** Whether there is a row between two cuts: a blank line is none. */
  isRow(bytes: Buffer, start: number, end: number): boolean;
  /** What to do about a row without end. */
  readonly endlessRemedy: string;
}

export interface Cutter {
  /** End of the row that begins at `start`, behind its line break; null when it ends behind the bytes. */
  end(start: number): number | null;
  /** Whether a value of the last row may hold line breaks. */
  readonly mayBreak: boolean;
}

const defaultWindowBytes = 1 << 20;
const maxRowBytes = 1 << 24;
/** Rows of a table are numbered with 32 bits. */
export const maxRows = 2 ** 32 - 1;
const lineFeed = 0x0a;

/** Where a file's rows begin: behind a byte-order mark, and behind the head line if there is one. */
export interface Begin {
  readonly position: number;
  /** From 1 on. */
  readonly line: number;
}

/**
 * @param windowBytes read at a time; a longer row gets a larger window
 * @throws DataError for bytes that are not UTF-8 and for a row without end; ReadError
 */
export function indexRows(
  files: SourceFiles,
  file: number,
  rule: RowRule,
  begin: Begin,
  windowBytes = defaultWindowBytes,
): BlockIndex {
  const index = new BlockIndex();
  const size = files.size(file);
  const text = new TextCheck(files.path(file));
  let { line } = begin;
  let bytes = Buffer.alloc(Math.min(windowBytes, size - begin.position));
  for (let position = begin.position, filled = 0; position < size;) {
    const wanted = Math.min(bytes.length - filled, size - position - filled);
    files.read(file, bytes.subarray(filled, filled + wanted), position + filled);
    filled += wanted;
    const isLast = position + filled === size;
    text.check(bytes.subarray(0, filled), position, isLast);
    const cutter = rule.cutter(bytes, filled, isLast);
    let start = 0;
    for (let end = cutter.end(0); end !== null; end = start < filled ? cutter.end(start) : null) {
      if (rule.isRow(bytes, start, end)) index.add(position + start, position + end, line);
      line += cutter.mayBreak ? breaksIn(bytes, start, end) : 1;
      start = end;
    }
    if (index.length > maxRows) throw tooManyRows(files.path(file));
    if (isLast && start < filled) throw endless(files.path(file), line, rule);
    if (start === 0 && filled === bytes.length) bytes = grown(bytes, files.path(file), line, rule);
    else bytes.copy(bytes, 0, start, filled);
    position += start;
    filled -= start;
  }
  index.trim();
  return index;
}

/** Checks the pieces of one file, which may overlap and end within a character. */
class TextCheck {
  #position = 0;

  constructor(private readonly path: string) {}

  check(bytes: Buffer, position: number, isLast: boolean): void {
    const fresh = bytes.subarray(Math.max(0, this.#position - position));
    const whole = isLast ? fresh : fresh.subarray(0, wholeCharacters(fresh));
    const start = position + bytes.length - fresh.length;
    const invalid = firstInvalid(whole);
    if (invalid !== null) throw notUtf8(this.path, start + invalid, whole[invalid] ?? 0);
    this.#position = start + whole.length;
  }
}

export function notUtf8(path: string, position: number, byte: number): DataError {
  return new DataError({
    about: `${path}, byte ${String(position)}`,
    found: `0x${byte.toString(16).padStart(2, '0')}`,
    expected: 'text in UTF-8',
    remedy: 'save the file as UTF-8, for example with `iconv -f LATIN1 -t UTF-8`',
  });
}

function grown(bytes: Buffer, path: string, line: number, rule: RowRule): Buffer<ArrayBuffer> {
  if (bytes.length >= maxRowBytes) throw endless(path, line, rule);
  const larger = Buffer.alloc(Math.min(maxRowBytes, 2 * bytes.length));
  bytes.copy(larger);
  return larger;
}

function endless(path: string, line: number, { endlessRemedy }: RowRule): DataError {
  return new DataError({
    about: `${path}, line ${String(line)}`,
    problem: `the row has no end within ${String(maxRowBytes >> 20)} MiB or the file`,
    remedy: endlessRemedy,
  });
}

export function tooManyRows(path: string): DataError {
  return new DataError({
    about: path,
    found: `more than ${count(maxRows, 'row')}`,
    expected: 'fewer',
    remedy: 'split the data set',
  });
}

function breaksIn(bytes: Buffer, start: number, end: number): number {
  let breaks = 0;
  for (let at = bytes.indexOf(lineFeed, start); at >= 0 && at < end; at = bytes.indexOf(lineFeed, at + 1)) breaks++;
  return breaks;
}
