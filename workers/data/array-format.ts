/** Arrays of numpy as data sets: an npz archive, a folder of npy files, or one npy file. */
import { stat } from 'node:fs/promises';

import { type FarFiles, npzNames, openNpy, openNpz, type Table } from '../tables/index.js';
import { DataError, readFailure } from '../samples/index.js';
import { arrayFields } from './natural-fields.js';
import { naturalParts, type Parts, type Source } from './splits.js';
import type { TableFormat } from './table-format.js';

/** Ends of the names of arrays that belong to a split: `x_train`, `y_test`. */
const trainEnd = /_train(?:ing)?$/i;
const testEnds = [/_test(?:ing)?$/i, /_(?:val|valid|validation)$/i];

export const arrayFormat: TableFormat = {
  open: (source, _, far) => openArrays(source, far),
  parts: async (path, far) => {
    const natural = await naturalParts(path, [], false);
    return natural.test === null && !isOneArray(path) ? dividedByName(path, far) : natural;
  },
  fields: arrayFields,
  namedRows: false,
};

async function openArrays(source: Source, far: FarFiles | undefined): Promise<Table> {
  if (typeof source === 'string') return isOneArray(source) ? openNpy(source, far) : openNpz(source, undefined, far);
  if ('arrays' in source) return renamed(await openNpz(source.path, [...source.arrays.values()], far), source.arrays);
  throw new RangeError('found several paths, expected one');
}

function isOneArray(path: string): boolean {
  return path.endsWith('.npy');
}

async function dividedByName(path: string, far: FarFiles | undefined): Promise<Parts> {
  try {
    await stat(path);
  } catch (error) {
    throw readFailure(error, path, 'an npz file, or a folder of npy files');
  }
  const names = (await npzNames(path, far)).map(({ name }) => name);
  const train = withEnd(names, trainEnd);
  for (const end of testEnds) {
    const test = withEnd(names, end);
    if (train.size === 0 || test.size === 0) continue;
    const missing = [...train.keys()].find((column) => !test.has(column));
    if (missing === undefined) return { train: { path, arrays: train }, test: { path, arrays: test } };
    throw new DataError({
      about: path,
      found: `an array ${train.get(missing) ?? ''} for training and none of its name for evaluation`,
      expected: 'the same arrays in both splits',
      remedy: 'add the array, or name train and test in dataset.split',
    });
  }
  return { train: path, test: null };
}

/** Arrays whose names have an end, by their names without it. */
function withEnd(names: readonly string[], end: RegExp): ReadonlyMap<string, string> {
  return new Map(names.filter((name) => end.test(name)).map((name) => [name.replace(end, ''), name]));
}

/** @param arrays names in the table by the names that they get */
function renamed(table: Table, arrays: ReadonlyMap<string, string>): Table {
  const column = new Map([...arrays].map(([name, inTable]) => [inTable, name]));
  return {
    ...table,
    length: table.length,
    columns: table.columns.map((each) => ({ ...each, name: column.get(each.name) ?? each.name })),
    read: async (rows, names) => {
      const values = await table.read(
        rows,
        names.map((name) => arrays.get(name) ?? name),
      );
      return new Map([...values].map(([name, each]) => [column.get(name) ?? name, each]));
    },
    nameOf: (row) => table.nameOf(row),
    close: () => table.close(),
  };
}
