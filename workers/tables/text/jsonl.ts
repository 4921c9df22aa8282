/** JSON lines as a table: an object a line, its keys as columns. */
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { refuseNoText } from '../foreign.js';
import { type FileKind, locateFiles, type Source, SourceFiles } from '../source-files.js';
import { BadRow, type Cell, type Table } from '../table.js';
import type { BlockIndex } from './block-index.js';
import { openJsonArray } from './json-array.js';
import { keyOf, objectOf, putCells } from './json-cells.js';
import { indexRows, type RowRule } from './scan.js';
import { type RowReader, type TextFormat, TextTable } from './text-table.js';

export const jsonlFiles: FileKind = {
  one: 'a file of JSON lines',
  endings: ['.jsonl', '.ndjson', '.json'],
  unpacks: true,
};
/** Rows at the start of the table whose keys are its columns. */
const rowsForColumns = 1_000;
const headBytes = 4_096;
const lineFeed = 0x0a;
const byteOrderMark = '\ufeff';

const lines: RowRule = {
  endlessRemedy: 'write an object a line, and shorten this one',
  cutter: (bytes, limit, isLast) => ({
    mayBreak: false,
    end: (start) => {
      const at = bytes.indexOf(lineFeed, start);
      if (at >= 0 && at < limit) return at + 1;
      return isLast ? limit : null;
    },
  }),
  isRow: (bytes, start, end) => {
    for (let at = start; at < end; at++) if (!isSpace(bytes[at] ?? 0)) return true;
    return false;
  },
};

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/**
 * A table of one file, all of a folder, or those that are listed. A `.json` file may also hold one array of objects.
 * Columns are the keys of the first `rowsForColumns` rows, in the order in which they appear; a key that a row lacks is
 * null. A line that is no JSON object is a bad row.
 * @throws DataError when a file is missing, foreign, empty or not UTF-8; ReadError
 */
export async function openJsonl(source: Source, far?: FarFiles): Promise<Table> {
  const files = await SourceFiles.openUnpacked(await locateFiles(source, jsonlFiles), jsonlFiles, far);
  try {
    const heads = Array.from({ length: files.length }, (_, file) => headOf(files, file));
    const array = heads.findIndex((head, file) => head.trimStart().startsWith('[') && isJson(files.path(file)));
    if (array >= 0 && files.length > 1) throw arrayAmongFiles(files.path(array));
    if (array >= 0) return openJsonArray(files);
    const indexes: BlockIndex[] = heads.map((head, file) => {
      const position = head.startsWith(byteOrderMark) ? Buffer.byteLength(byteOrderMark) : 0;
      return indexRows(files, file, lines, { position, line: 1 });
    });
    return await withColumns(files, indexes);
  } catch (error) {
    files.close();
    throw error;
  }
}

function headOf(files: SourceFiles, file: number): string {
  const bytes = Buffer.alloc(Math.min(headBytes, files.size(file)));
  files.read(file, bytes, 0);
  refuseNoText(bytes, files.path(file), jsonlFiles);
  return bytes.toString('utf8');
}

function isJson(path: string): boolean {
  return /\.json(?:\.gz)?$/i.test(path);
}

async function withColumns(files: SourceFiles, indexes: readonly BlockIndex[]): Promise<Table> {
  const probe = new TextTable(files, indexes, { rule: lines, names: ['keys'], reader: () => readKeys });
  if (probe.length === 0) throw noRows(files.path(0));
  const rows = Array.from({ length: Math.min(rowsForColumns, probe.length) }, (_, row) => row);
  const keys = (await probe.read(rows, ['keys'])).get('keys');
  const cells = keys?.kind === 'cells' ? keys.cells : [];
  const names = [...new Set(cells.flatMap((cell) => (Array.isArray(cell) ? (cell as readonly string[]) : [])))];
  if (names.length === 0) throw noColumns(files.path(0), probe.nameOf(0), cells[0]);
  const format: TextFormat = {
    rule: lines,
    names,
    reader: (columns) => {
      const keys = columns.map((column) => keyOf(names[column] ?? ''));
      return (text, cells, at) => {
        putCells(text, keys, cells, at);
      };
    },
  };
  return new TextTable(files, indexes, format);
}

const readKeys: RowReader = (text, [keys], at) => {
  const object = objectOf(text);
  if (keys !== undefined) keys[at] = object instanceof BadRow ? object : Object.keys(object);
};

function arrayAmongFiles(path: string): DataError {
  return new DataError({
    about: path,
    found: 'one JSON array',
    expected: 'JSON lines, as there are several files',
    remedy: 'write an object a line: `jq -c ".[]"`',
  });
}

function noRows(path: string): DataError {
  return new DataError({ about: path, problem: 'it has only blank lines', remedy: 'get the file again' });
}

function noColumns(path: string, first: string, cell: Cell | BadRow | undefined): DataError {
  const why = cell instanceof BadRow ? cell.problem : 'it has no keys';
  return new DataError({
    about: path,
    problem: `none of the first ${String(rowsForColumns)} rows is a JSON object with keys; ${first}: ${why}`,
    remedy: 'write an object a line',
  });
}
