/** Tables of comma-separated values with a header line, as pandas writes them without quotes. Pure. */

import { TraceError } from './trace-error.js';

/** One line under the header. */
export interface CsvRow {
  /** The text of a column; null when it is empty or `nan`. */
  text(name: string): string | null;
  /** @throws TraceError unless it is a whole number from `least` to `most` */
  whole(name: string, least: number, most: number): number;
}

const wholeNumber = /^\d{1,15}(\.0+)?$/;

/**
 * @param file name of the file in messages
 * @param needed required columns; others are allowed, in any order
 * @throws TraceError
 */
export function* csvRows(file: string, content: string, needed: readonly string[]): Generator<CsvRow> {
  const [header = '', ...lines] = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  const names = header.split(',').map((name) => name.trim());
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new TraceError(file, 1, 1, `no column ${missing.join(', ')}`, `a header with ${needed.join(',')}`);
  }
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const cells = line.split(',');
    if (cells.length !== names.length) {
      throw new TraceError(file, index + 2, 1, `${cells.length} fields`, `${names.length}, as the header has`);
    }
    yield rowOf(file, index + 2, names, cells);
  }
}

function rowOf(file: string, line: number, names: readonly string[], cells: readonly string[]): CsvRow {
  const text = (name: string): string | null => {
    const cell = cells[names.indexOf(name)]?.trim() ?? '';
    return cell === '' || cell.toLowerCase() === 'nan' ? null : cell;
  };
  return {
    text,
    whole: (name, least, most) => {
      const cell = text(name);
      const value = cell !== null && wholeNumber.test(cell) ? Number(cell) : NaN;
      if (value >= least && value <= most) return value;
      const before = cells.slice(0, names.indexOf(name));
      const column = before.reduce((sum, { length }) => sum + length + 1, 1);
      const expected = `${name} as a whole number from ${least} to ${most}`;
      throw new TraceError(file, line, column, cell === null ? 'nothing' : JSON.stringify(cell), expected);
    },
  };
}
