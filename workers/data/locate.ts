/**
 * Finds the four idx files of a data set below a folder, whatever the packager's folders and separators
 * (train-images-idx3-ubyte, train-images.idx3-ubyte …; test-* for t10k-*). Never guesses between two candidates.
 */
import { readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';

import { DataError, systemCode } from './errors.js';

export interface IdxFiles {
  readonly trainImages: string;
  readonly trainLabels: string;
  readonly testImages: string;
  readonly testLabels: string;
}

const patterns: Readonly<Record<keyof IdxFiles, RegExp>> = {
  trainImages: /^train-images/,
  trainLabels: /^train-labels/,
  testImages: /^(t10k|test)-images/,
  testLabels: /^(t10k|test)-labels/,
};
const expectedNames = 'train-images*, train-labels*, t10k-images* (or test-images*) and t10k-labels*';
const maxDepth = 3;
/** A folder given by mistake (say, a home folder) is not searched for minutes. */
const maxEntries = 20_000;
const namesShown = 8;

interface Found {
  readonly name: string;
  readonly path: string;
}

/** @throws DataError when a file is missing, packed or there twice. */
export async function locateIdx(folder: string): Promise<IdxFiles> {
  const files = await filesBelow(folder);
  const pick = (role: keyof IdxFiles): string => pickOne(folder, files, patterns[role]);
  return {
    trainImages: pick('trainImages'),
    trainLabels: pick('trainLabels'),
    testImages: pick('testImages'),
    testLabels: pick('testLabels'),
  };
}

function pickOne(folder: string, files: readonly Found[], pattern: RegExp): string {
  const matching = files.filter(({ name }) => pattern.test(name));
  const raw = matching.filter(({ name }) => !name.endsWith('.gz'));
  const [first, second] = raw;
  if (first !== undefined && second === undefined) return first.path;
  if (first !== undefined) {
    throw new DataError({
      path: folder,
      found: `${String(raw.length)} candidates: ${shown(raw.map(({ path }) => path))}`,
      expected: 'exactly one file for each role',
      remedy: 'name the folder of the data set that is meant',
    });
  }
  const packed = matching[0];
  if (packed !== undefined) {
    throw new DataError({
      path: packed.path,
      found: 'a gzip file',
      expected: 'a raw idx file',
      remedy: `unpack it: gunzip -k ${packed.path}`,
    });
  }
  throw new DataError({
    path: folder,
    found: files.length === 0 ? 'no files' : shown(files.map(({ name }) => name)),
    expected: `${expectedNames}, at most ${String(maxDepth)} folders deep`,
    remedy: 'name the folder that holds the idx files',
  });
}

function shown(names: readonly string[]): string {
  const more = names.length - namesShown;
  return names.slice(0, namesShown).join(', ') + (more > 0 ? ` and ${String(more)} more` : '');
}

/** Files at most `maxDepth` folders deep, in the order of their names, so that messages do not depend on the disk. */
async function filesBelow(root: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  let entries = 0;
  let level = [root];
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const entry of await entriesOf(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) next.push(path);
        if (entry.isFile() || entry.isSymbolicLink()) found.push({ name: entry.name, path });
        if (++entries > maxEntries) throw tooMany(root);
      }
    }
    level = next;
  }
  return found;
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const code = systemCode(cause);
    const found =
      code === 'ENOENT' ? 'nothing' : code === 'ENOTDIR' ? 'a file' : `a folder that cannot be read (${code})`;
    throw new DataError(
      { path: folder, found, expected: 'a folder with idx files', remedy: 'check dataset.uri and its permissions' },
      { cause },
    );
  }
}

function tooMany(root: string): DataError {
  return new DataError({
    path: root,
    found: `more than ${String(maxEntries)} files and folders`,
    expected: 'the folder of one data set',
    remedy: 'name the folder that holds the idx files',
  });
}
