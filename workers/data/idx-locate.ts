/**
 * Finds the four idx files of a data set below a folder, whatever the packager's folders and separators
 * (train-images-idx3-ubyte, train-images.idx3-ubyte …; test-* for t10k-*; a name of the set before them, as in
 * emnist-letters-train-images-idx3-ubyte). Of several candidates it takes the first if they hold the same bytes, and refuses them
 * otherwise.
 */
import { readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';

import { codeOf } from '@distillery/base';

import { type Bytes, type FarFiles, openBytesAt } from '../tables/index.js';
import { DataError, readFailure } from '../samples/index.js';

export interface IdxFiles {
  readonly trainImages: string;
  readonly trainLabels: string;
  readonly testImages: string;
  readonly testLabels: string;
}

/** The first group is the name of the set, where the files carry one. */
const patterns: Readonly<Record<keyof IdxFiles, RegExp>> = {
  trainImages: /^(?:(.+)[-_.])?train-images/,
  trainLabels: /^(?:(.+)[-_.])?train-labels/,
  testImages: /^(?:(.+)[-_.])?(?:t10k|test)-images/,
  testLabels: /^(?:(.+)[-_.])?(?:t10k|test)-labels/,
};
const expectedNames = 'train-images*, train-labels*, t10k-images* (or test-images*) and t10k-labels*';
const expected = 'an idx file';
const maxDepth = 3;
/** Limits the search in a folder that was given by mistake, such as a home folder. */
const maxEntries = 20_000;
const namesShown = 8;

interface Found {
  readonly name: string;
  readonly path: string;
}

/** Files below a folder. */
interface Content {
  readonly files: readonly Found[];
  /** Folders that this process has no right to read, such as lost+found at the root of a volume. */
  readonly closed: readonly string[];
}

/**
 * @param far files that are elsewhere
 * @throws DataError when a file is missing, packed or there in two versions; ReadError
 */
export async function locateIdx(folder: string, far?: FarFiles): Promise<IdxFiles> {
  const content = await contentOf(folder);
  const set = setIn(folder, content.files);
  const pick = (role: keyof IdxFiles): string => pickOne(folder, content, patterns[role], set, far);
  return {
    trainImages: pick('trainImages'),
    trainLabels: pick('trainLabels'),
    testImages: pick('testImages'),
    testLabels: pick('testLabels'),
  };
}

/** The name of the data set in the folder; empty for files without one. @throws DataError when there are several */
function setIn(folder: string, files: readonly Found[]): string {
  const sets = new Set(
    files.flatMap(({ name }) =>
      Object.values(patterns).flatMap((pattern) => {
        const match = pattern.exec(name);
        return match === null ? [] : [match[1] ?? ''];
      }),
    ),
  );
  const [first = '', second] = sets;
  if (second === undefined || sets.has('')) return sets.has('') ? '' : first;
  throw new DataError({
    about: folder,
    problem: `the files of ${String(sets.size)} data sets lie in it: ${shown([...sets])}`,
    remedy: 'move the four files of one of them into a folder of their own, and name that folder',
  });
}

function pickOne(
  folder: string,
  { files, closed }: Content,
  pattern: RegExp,
  set: string,
  far: FarFiles | undefined,
): string {
  const matching = files.filter(({ name }) => (pattern.exec(name) ?? [null]).slice(1).some((at) => (at ?? '') === set));
  const raw = matching.filter(({ name }) => !name.endsWith('.gz'));
  const [first, ...others] = raw;
  if (first !== undefined) {
    if (others.every(({ path }) => sameBytes(first.path, path, far))) return first.path;
    throw new DataError({
      about: folder,
      found: `${String(raw.length)} candidates: ${shown(raw.map(({ path }) => path))}`,
      expected: 'one file for each role, or copies with the same bytes',
      remedy: 'keep one of them, or name the folder that holds the one that is meant',
    });
  }
  // Only where there is no raw file: that one is read without being unpacked.
  const [packed] = matching;
  if (packed !== undefined && matching.length === 1) return packed.path;
  const unseen = closed.length === 0 ? '' : ` (${shown(closed)} may not be read)`;
  throw new DataError({
    about: folder,
    found: (files.length === 0 ? 'no files' : shown(files.map(({ name }) => name))) + unseen,
    expected: `${expectedNames}, at most ${String(maxDepth)} folders deep`,
    remedy: 'name the folder that holds the four idx files, or rename them so',
  });
}

function shown(names: readonly string[]): string {
  const more = names.length - namesShown;
  return names.slice(0, namesShown).join(', ') + (more > 0 ? ` and ${String(more)} more` : '');
}

const compareBytes = 1 << 20;

/** Whether two files hold the same bytes. @throws DataError, ReadError */
function sameBytes(left: string, right: string, far: FarFiles | undefined): boolean {
  const mine = openBytesAt(left, expected, far);
  try {
    const other = openBytesAt(right, expected, far);
    try {
      return sameContent(mine, other);
    } finally {
      other.close();
    }
  } finally {
    mine.close();
  }
}

function sameContent(left: Bytes, right: Bytes): boolean {
  if (left.length !== right.length) return false;
  const mine = Buffer.alloc(compareBytes);
  const other = Buffer.alloc(compareBytes);
  for (let at = 0; at < left.length; at += compareBytes) {
    const length = Math.min(compareBytes, left.length - at);
    left.fill(mine, at, 0, length);
    right.fill(other, at, 0, length);
    if (!mine.subarray(0, length).equals(other.subarray(0, length))) return false;
  }
  return true;
}

/** Files at most `maxDepth` folders deep, in the order of their names, so that messages do not depend on the disk. */
async function contentOf(root: string): Promise<Content> {
  const files: Found[] = [];
  const closed: string[] = [];
  let entries = 0;
  let level = [root];
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      const inside = await entriesOf(folder, root);
      if (inside === null) closed.push(folder);
      for (const entry of inside ?? []) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) next.push(path);
        if (entry.isFile() || entry.isSymbolicLink()) files.push({ name: entry.name, path });
        if (++entries > maxEntries) throw tooMany(root);
      }
    }
    level = next;
  }
  return { files, closed };
}

/** @returns null for a folder below the root that may not be read. @throws DataError, ReadError */
async function entriesOf(folder: string, root: string): Promise<readonly Dirent[] | null> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (folder !== root && ['EACCES', 'EPERM'].includes(codeOf(error))) return null;
    throw readFailure(error, folder, 'a folder with idx files');
  }
}

function tooMany(root: string): DataError {
  return new DataError({
    about: root,
    found: `more than ${String(maxEntries)} files and folders`,
    expected: 'the folder of one data set',
    remedy: 'name the folder that holds the idx files',
  });
}
