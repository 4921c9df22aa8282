/** CSV files as a table: a head line of names, then rows of texts. What a text means is decided by the fields. */
import { count, jsonEqual } from '@distillery/base';

import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { refuseNoText } from '../foreign.js';
import { type FileKind, locateFiles, type Source, SourceFiles } from '../source-files.js';
import { BadRow, type Table } from '../table.js';
import type { BlockIndex } from './block-index.js';
import { csvRule, type Delimiter, delimiterOf, splitRow } from './csv-rows.js';
import { decimalOf } from './decimal.js';
import { type Begin, indexRows, notUtf8 } from './scan.js';
import { putBad, type TextFormat, textEnd, TextTable } from './text-table.js';
import { firstInvalid } from './utf8.js';

export const csvFiles: FileKind = { one: 'a CSV file', endings: ['.csv', '.tsv'], unpacks: true };
const maxHeadBytes = 1 << 20;
const maxColumns = 1 << 14;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

interface Head {
  readonly names: readonly string[];
  readonly delimiter: Delimiter;
  /** Where the rows begin. */
  readonly begin: Begin;
}

/**
 * A table of texts: one CSV file, all of a folder, or those that are listed. Files have equal head lines; their rows
 * follow each other in the byte order of the files' names.
 * @throws DataError when a file is missing, foreign, empty, not UTF-8 or has no sound head line; ReadError
 */
export async function openCsv(source: Source, far?: FarFiles): Promise<Table> {
  const files = await SourceFiles.openUnpacked(await locateFiles(source, csvFiles), csvFiles, far);
  try {
    const first = headOf(files, 0);
    const rule = csvRule(first.delimiter, first.names.length);
    const indexes: BlockIndex[] = [];
    for (let file = 0; file < files.length; file++) {
      const head = file === 0 ? first : headOf(files, file);
      if (!jsonEqual(head.names, first.names) || head.delimiter !== first.delimiter) {
        throw otherHead(files, file, head, first);
      }
      indexes.push(indexRows(files, file, rule, head.begin));
    }
    if (indexes.every(({ length }) => length === 0)) throw noRows(files);
    return new TextTable(files, indexes, {
      rule,
      names: first.names.filter((name) => name !== ''),
      head: `${files.name(0)}, line 1`,
      reader: readerOf(first),
    });
  } catch (error) {
    files.close();
    throw error;
  }
}

function readerOf({ names, delimiter }: Head): TextFormat['reader'] {
  // A column without a name (an index that a program wrote) is counted and not read.
  const columnsByIndex = names.flatMap((name, at) => (name === '' ? [] : [at]));
  return (columns) => {
    const wanted = columns.map((column) => columnsByIndex[column] ?? -1);
    return (text, cells, at) => {
      const values = splitRow(text, delimiter);
      if (values instanceof BadRow) {
        putBad(cells, at, values);
      } else if (values.length === names.length) {
        for (const [nth, column] of cells.entries()) column[at] = values[wanted[nth] ?? -1] ?? '';
      } else {
        const [has, wants] = [count(values.length, 'value'), count(names.length, 'column')];
        putBad(cells, at, new BadRow(`the row has ${has}, the head names ${wants}`));
      }
    };
  };
}

function headOf(files: SourceFiles, file: number): Head {
  const path = files.path(file);
  const bytes = Buffer.alloc(Math.min(maxHeadBytes, files.size(file)));
  files.read(file, bytes, 0);
  refuseNoText(bytes.subarray(0, 4_096), path, csvFiles);
  const start = bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  // Line breaks in names make no difference between delimiters: a quote opens behind each of them alike.
  const isWhole = bytes.length === files.size(file);
  const guess = bytes.subarray(start, lineEnd(bytes, start)).toString('utf8');
  const delimiter = delimiterOf(guess);
  const end = csvRule(delimiter, 1).cutter(bytes, bytes.length, isWhole).end(start);
  const fault = (problem: string, remedy: string): DataError =>
    new DataError({ about: `${path}, line 1`, problem, remedy });
  if (end === null) {
    throw fault(
      'the head line has no end within 1 MiB or the file',
      'begin the file with a line that names its columns',
    );
  }
  const invalid = firstInvalid(bytes.subarray(start, end));
  if (invalid !== null) throw notUtf8(path, start + invalid, bytes[start + invalid] ?? 0);
  const text = bytes.toString('utf8', start, textEnd(bytes, start, end));
  const names = splitRow(text, delimiter);
  if (names instanceof BadRow) throw fault(names.problem, 'correct the head line');
  const problem = headProblem(names, text);
  if (problem !== null) throw fault(...problem);
  return { names, delimiter, begin: { position: end, line: 1 + text.split('\n').length } };
}

function lineEnd(bytes: Buffer, start: number): number {
  const end = bytes.indexOf('\n', start);
  return end < 0 ? bytes.length : end;
}

/** What is wrong with a head line, and what to do. */
function headProblem(names: readonly string[], text: string): [problem: string, remedy: string] | null {
  if (text.includes('\r'))
    return ['its lines end with a carriage return alone', 'save it with line ends of LF or CRLF'];
  if (names.every((name) => name.trim() === '')) return ['the head line names no column', 'name the columns in it'];
  if (names.every((name) => name === '' || decimalOf(name) !== null)) {
    return ['every name in the head line is a number', 'put a line with the names of the columns above the rows'];
  }
  if (names.length > maxColumns) {
    return [`it has ${count(names.length, 'column')}, at most ${String(maxColumns)} are read`, 'remove columns'];
  }
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) !== at);
  return twice === undefined ? null : [`two columns have the name ${twice}`, 'rename one of them'];
}

function otherHead(files: SourceFiles, file: number, head: Head, first: Head): DataError {
  return new DataError({
    about: `${files.path(file)}, line 1`,
    found: `the columns ${head.names.join(head.delimiter)}`,
    expected: `${first.names.join(first.delimiter)}, as in ${files.name(0)}`,
    remedy: 'give all files of the folder the same head line',
  });
}

function noRows(files: SourceFiles): DataError {
  return new DataError({
    about: files.path(0),
    problem: 'it has a head line and no rows',
    remedy: 'get the file again',
  });
}
