/**
 * What is trained on and what is held out: as the job says by paths or by a fraction, as the data set is divided already, or
 * not at all.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve as absolute, sep } from 'node:path';

import { byBytes, type Table, withoutPacked } from '../tables/index.js';
import { DataError, readFailure } from '../samples/index.js';
import { contentHashes, textHash } from './row-hash.js';

/** Where rows are: a path, paths of files, or some arrays of an archive, each under the name of its column. */
export type Source =
  string | readonly string[] | { readonly path: string; readonly arrays: ReadonlyMap<string, string> };

/** Where the rows of each split are. */
export interface Parts {
  readonly train: Source;
  /** null = nothing is held out by path. */
  readonly test: Source | null;
}

const trainName = /^train(?:ing)?(?=$|[-_.\d])/i;
const testNames = [/^test(?:ing)?(?=$|[-_.\d])/i, /^(?:val|valid|validation)(?=$|[-_.\d])/i];

/** Paths below a uri, as `dataset.split` names them. @throws DataError for a path that leads out */
export function namedParts(root: string, split: { readonly train: string; readonly test: string }): Parts {
  return { train: below(root, 'train', split.train), test: below(root, 'test', split.test) };
}

function below(root: string, name: string, path: string): string {
  const whole = absolute(root, path);
  if (!path.startsWith('/') && whole.startsWith(absolute(root) + sep)) return whole;
  throw new DataError({
    about: `dataset.split.${name}`,
    found: path,
    expected: 'a path below dataset.uri',
    remedy: 'name a file or folder in it, such as train',
  });
}

/**
 * How a folder is divided: into a folder for training and one for evaluation, or into files of these names. `test` comes
 * before `val`, which is left out where there are both.
 * @param endings of the format's files; empty = files do not divide it
 * @param onlyFolders the folder holds nothing but its parts: an image folder may have a class that is named train
 */
export async function naturalParts(root: string, endings: readonly string[], onlyFolders: boolean): Promise<Parts> {
  const whole: Parts = { train: root, test: null };
  if (!(await isFolder(root))) return whole;
  const entries = (await entriesOf(root)).filter(({ name }) => !name.startsWith('.'));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const trainFolders = folders.filter((name) => trainName.test(name) && !name.includes('.'));
  for (const pattern of testNames) {
    const testFolders = folders.filter((name) => pattern.test(name) && !name.includes('.'));
    const [train, test] = [trainFolders[0], testFolders[0]];
    const parts = folders.filter((name) => trainName.test(name) || testNames.some((other) => other.test(name)));
    if (train === undefined || test === undefined || (onlyFolders && parts.length < folders.length)) continue;
    return { train: join(root, train), test: join(root, test) };
  }
  const files = withoutPacked(entries.map(({ name }) => name)).filter((name) =>
    endings.some((end) => name.toLowerCase().endsWith(end)),
  );
  const train = files.filter((name) => trainName.test(name)).sort(byBytes);
  for (const pattern of testNames) {
    const test = files.filter((name) => pattern.test(name)).sort(byBytes);
    if (train.length === 0 || test.length === 0) continue;
    const paths = (names: readonly string[]): readonly string[] => names.map((name) => join(root, name));
    return { train: paths(train), test: paths(test) };
  }
  return whole;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw readFailure(error, path, 'a data set');
  }
}

async function entriesOf(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    throw readFailure(error, path, 'a data set');
  }
}

const hashRange = 2 ** 32;

/**
 * Divides the rows of a table: a row is held out when the hash of its name or its content is small. So a row stays where
 * it is when others come and go, and equal rows stay together.
 * @param by the rows' names, or the content of these columns
 */
export async function byFraction(
  table: Table,
  fraction: number,
  by: 'names' | readonly string[],
): Promise<{ readonly train: Uint32Array; readonly test: Uint32Array }> {
  const limit = fraction * hashRange;
  const held = new Uint8Array(table.length);
  let heldRows = 0;
  const note = (row: number, hash: number): void => {
    if (hash >= limit) return;
    held[row] = 1;
    heldRows++;
  };
  if (by === 'names') {
    for (let row = 0; row < table.length; row++) note(row, textHash(table.nameOf(row)));
  } else {
    let row = 0;
    for await (const hash of contentHashes(table, by)) note(row++, hash);
  }
  const train = new Uint32Array(table.length - heldRows);
  const test = new Uint32Array(heldRows);
  let [trainAt, testAt] = [0, 0];
  for (let row = 0; row < table.length; row++) {
    if (held[row] === 1) test[testAt++] = row;
    else train[trainAt++] = row;
  }
  return { train, test };
}
