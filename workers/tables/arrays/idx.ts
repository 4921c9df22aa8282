/**
 * The idx format (MNIST and its relatives): a big-endian header, then numbers. Rows are read from the file on demand: a
 * process keeps no copy, and student and teachers on one machine share the page cache. Gzip files are unpacked once into
 * memory, within the size that their header says.
 */
import { count, DistilleryError, reasonOf } from '@distillery/base';

import { type Bytes, inMemory, maxMemoryBytes, maxRowBytes, openBytesAt } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { firstBytes } from '../first-bytes.js';
import { gunzipped, isGzip } from '../gunzip.js';
import type { Table } from '../table.js';
import { type ArrayColumn, arrayTable, rowBytes } from './array-table.js';
import { checkLength, type IdxColumn, type IdxHeader, maxHeaderBytes, readIdxHeader } from './idx-header.js';
import { arrivingType, bytesOfType, numbersIn } from './numbers.js';

interface OpenIdx {
  readonly column: IdxColumn;
  readonly header: IdxHeader;
  readonly bytes: Bytes;
  readonly close: () => void;
}

/**
 * The table of idx files of one split: a column for each file, all of one length.
 * @param columns at least one; the first names the rows
 * @throws DataError when a file is missing, damaged, or does not belong to the first; ReadError
 */
export async function openIdx(columns: readonly IdxColumn[], far?: FarFiles): Promise<Table> {
  const files: OpenIdx[] = [];
  const close = (): void => files.forEach((file) => file.close());
  try {
    const memory = { left: maxMemoryBytes };
    for (const column of columns) files.push(await openFile(column, memory, far));
    checkRows(files);
    return arrayTable(columns[0]?.path ?? '', files.map(columnOf), close);
  } catch (error) {
    close();
    throw error;
  }
}

async function openFile(column: IdxColumn, memory: { left: number }, far: FarFiles | undefined): Promise<OpenIdx> {
  const file = openBytesAt(column.path, 'an idx file', far);
  try {
    const head = new Uint8Array(Math.min(maxHeaderBytes, file.length));
    file.fill(head, 0);
    if (isGzip(head)) {
      const unpacked = await unpack(column, file, memory);
      file.close();
      return unpacked;
    }
    const header = readIdxHeader(column, head, file.length);
    checkLength(column.path, header, file.length);
    return { column, header, bytes: file, close: file.close };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** @throws DataError when it is damaged, or larger than its header or the memory allow; ReadError */
async function unpack(column: IdxColumn, file: Bytes, memory: { left: number }): Promise<OpenIdx> {
  const { path } = column;
  try {
    const header = readIdxHeader(column, await firstBytes(gunzipped(file), maxHeaderBytes));
    if (header.length > memory.left) throw tooLarge(path, header);
    memory.left -= header.length;
    const whole = new Uint8Array(header.length);
    let got = 0;
    for await (const chunk of gunzipped(file)) {
      // A bomb ends here: what is unpacked is never more than the header says.
      if (got + chunk.length > whole.length) throw tooLong(path, header);
      whole.set(chunk, got);
      got += chunk.length;
    }
    checkLength(path, header, got);
    return { column, header, bytes: inMemory(path, whole), close: () => undefined };
  } catch (error) {
    if (error instanceof DistilleryError) throw error;
    throw new DataError({
      about: path,
      found: `a damaged gzip file (${reasonOf(error)})`,
      expected: 'an idx file',
      remedy: 'get the file again',
    });
  }
}

function checkRows(files: readonly OpenIdx[]): void {
  const [first, ...others] = files;
  if (first === undefined) return;
  const [rows = 0, ...shape] = first.header.sizes;
  for (const { column, header } of others) {
    if (header.sizes[0] === rows) continue;
    throw new DataError({
      about: column.path,
      found: count(header.sizes[0] ?? 0, column.name),
      expected: `${String(rows)}, one for each ${first.column.name} of ${first.column.path}`,
      remedy: `take ${first.column.name}s and ${column.name}s of the same split`,
    });
  }
  for (const { column, header } of files) {
    const bytesPerValue = bytesOfType[header.type];
    const size = header.sizes.slice(1).reduce((product, axis) => product * axis, 1);
    if (rows > 0 && size > 0 && size * bytesPerValue <= maxRowBytes) continue;
    const { name, path } = column;
    throw new DataError({
      about: path,
      found: `${count(rows, name)}${shape.length === 0 ? '' : ` of ${header.sizes.slice(1).join(' × ')}`}`,
      expected: `at least one ${name} of 1 to ${String(maxRowBytes / bytesPerValue)} ${name === 'image' ? 'pixels' : 'values'}`,
      remedy: 'get the file again',
    });
  }
}

function columnOf({ column: { name }, header: { type, sizes, bodyOffset }, bytes }: OpenIdx): ArrayColumn {
  const [length = 0, ...shape] = sizes;
  const bytesPerRow = shape.reduce((product, axis) => product * axis, bytesOfType[type]);
  const rows = { offset: bodyOffset, bytesPerRow, length };
  return {
    column: { name, kind: 'tensor', dtype: arrivingType(type), shape },
    length,
    read: (indices) => ({
      kind: 'tensor',
      data: numbersIn(rowBytes(bytes, rows, indices), { type, bigEndian: true }),
    }),
  };
}

function tooLong(path: string, { length, sizes }: IdxHeader): DataError {
  return new DataError({
    about: path,
    found: `more than ${String(length)} bytes, unpacked`,
    expected: `${String(length)} (sizes ${sizes.join(' × ')})`,
    remedy: 'get the file again',
  });
}

function tooLarge(path: string, { length }: IdxHeader): DataError {
  return new DataError({
    about: path,
    found: `a gzip file of ${String(length)} bytes, unpacked`,
    expected: `at most ${String(maxMemoryBytes)}, as it is unpacked into memory`,
    remedy: `unpack it: \`gunzip -k ${path}\``,
  });
}
