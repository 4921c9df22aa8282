/** Archives and folders of numpy's arrays: a column for each array. */
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { count } from '@distillery/base';

import { byBytes } from '../byte-order.js';
import { type OpenBytes, openBytesAt } from '../bytes.js';
import { DataError, readFailure } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { namesIn } from '../files/names.js';
import type { Table } from '../table.js';
import { type ArrayColumn, arrayTable } from './array-table.js';
import { npyColumn } from './npy.js';
import { maxHeaderBytes, readNpyHeader } from './npy-header.js';
import { npyTypeName } from './npy-type.js';
import { type Member, type Members, openZip } from './zip-members.js';

/** One array of an archive or a folder. */
export interface NpzArray {
  /** Without `.npy`. */
  readonly name: string;
  /** The type that its numbers have in a table, `text`, or numpy's word for a type that is not read. */
  readonly dtype: string;
  /** The first axis counts the rows. */
  readonly shape: readonly number[];
}

const expected = 'an npz file, or a folder of npy files';
const ending = '.npy';
const arraysShown = 8;

/**
 * The arrays of an npz file or of a folder of npy files, in the order of their names.
 * @throws DataError when there is none, or one is no array; ReadError
 */
export async function npzNames(path: string, far?: FarFiles): Promise<readonly NpzArray[]> {
  const archive = await openArrays(path, far);
  try {
    const arrays: NpzArray[] = [];
    for (const member of archive.members) {
      const { descr, shape } = readNpyHeader(await member.head(maxHeaderBytes));
      arrays.push({ name: nameOf(member), dtype: npyTypeName(descr), shape });
    }
    return arrays;
  } finally {
    archive.close();
  }
}

/**
 * The table of the arrays of an npz file or of a folder of npy files.
 * @param names of the arrays, which must have equally many rows; absent = all
 * @throws DataError, ReadError
 */
export async function openNpz(path: string, names?: readonly string[], far?: FarFiles): Promise<Table> {
  const archive = await openArrays(path, far);
  try {
    const byName = new Map(archive.members.map((member) => [nameOf(member), member]));
    const columns: ArrayColumn[] = [];
    for (const name of names ?? byName.keys()) {
      const member = byName.get(name);
      if (member === undefined) throw absent(path, name, [...byName.keys()]);
      columns.push(npyColumn(name, await member.open()));
    }
    checkLengths(path, columns);
    return arrayTable(path, columns, archive.close);
  } catch (error) {
    archive.close();
    throw error;
  }
}

async function openArrays(path: string, far: FarFiles | undefined): Promise<Members> {
  const archive = isFolder(path) ? openFolder(path, far) : await openZip(path, 'an npz file', far);
  const members = archive.members
    .filter(({ name }) => name.endsWith(ending) && !basename(name).startsWith('.') && !name.startsWith('__MACOSX/'))
    .sort((a, b) => byBytes(a.name, b.name));
  if (members.length > 0) return { members, close: archive.close };
  archive.close();
  throw new DataError({ about: path, found: 'no npy file in it', expected, remedy: 'check the path' });
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw readFailure(error, path, expected);
  }
}

/** The npy files of a folder; each is opened when it is read first. */
function openFolder(folder: string, far: FarFiles | undefined): Members {
  const open = new Map<string, OpenBytes>();
  const bytesOf = (name: string): Promise<OpenBytes> =>
    new Promise((resolve) => {
      const file = open.get(name) ?? openBytesAt(join(folder, name), 'an npy file', far);
      open.set(name, file);
      resolve(file);
    });
  const names = namesIn(folder, (name) => name.endsWith(ending), expected);
  return {
    members: names.map((name) => ({ name, open: () => bytesOf(name), head: () => bytesOf(name) })),
    close: () => {
      for (const file of open.values()) file.close();
    },
  };
}

function nameOf({ name }: Member): string {
  return name.slice(0, -ending.length);
}

function checkLengths(path: string, columns: readonly ArrayColumn[]): void {
  const [first] = columns;
  const other = columns.find(({ length }) => length !== first?.length);
  if (first === undefined || other === undefined) return;
  throw new DataError({
    about: path,
    found: `${count(first.length, 'row')} of ${first.column.name} and ${String(other.length)} of ${other.column.name}`,
    expected: 'arrays of equal length',
    remedy: 'name the arrays that belong together',
  });
}

function absent(path: string, name: string, names: readonly string[]): DataError {
  const more = names.length > arraysShown ? ` and ${String(names.length - arraysShown)} more` : '';
  return new DataError({
    about: path,
    found: `no array ${name}`,
    expected: `one of ${names.slice(0, arraysShown).join(', ')}${more}`,
    remedy: `name an array of ${basename(path)}`,
  });
}
