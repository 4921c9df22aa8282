/**
 * All files below a folder, in the order of the bytes of their paths, whatever the order on the disk.
 *
 * Invariants:
 *  walk/W1 What is listed is a pure function of the names, kinds and links in the folder. A folder that cannot be read is
 *     an error: student and teachers would otherwise see different rows.
 *  walk/W2 Nothing outside of the folder is listed.
 */
import type { Dirent } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, count } from '@distillery/base';

import { byBytes } from '../byte-order.js';
import { DataError, readFailure } from '../../samples/index.js';
import { checkName, checkTarget } from './names.js';
import { Paths } from './paths.js';

export interface Rule {
  /** The folder, as a noun: "a folder of images". */
  readonly expected: string;
  /** Whether a file of this name is a row. */
  takes(name: string): boolean;
  /**
   * Visible: files and folders that a system hides are left out, and links to files of the folder are rows.
   * Regular: every regular file is a row, and links are left out.
   */
  readonly files: 'Visible' | 'Regular';
}

export interface Listing {
  readonly paths: Paths;
  /** Files that the rule does not take. */
  readonly others: number;
  /** Links to folders, and where only regular files count all links. */
  readonly links: number;
}

const maxEntries = 20_000_000;
const maxDepth = 256;
/** Files and folders that systems leave in folders of people. */
const systemNames = new Set(['__MACOSX', 'Thumbs.db', 'desktop.ini']);
/** At the root of a volume; often only root may read it. */
const lostAndFound = 'lost+found';

interface Walk {
  readonly root: string;
  /** The root without links. */
  readonly realRoot: string;
  readonly rule: Rule;
  readonly paths: Paths;
  entries: number;
  others: number;
  links: number;
}

/** @throws DataError for a name that is not UTF-8, a link that leads out, too many entries, or a folder without rows; ReadError */
export async function filesBelow(root: string, rule: Rule): Promise<Listing> {
  const walk: Walk = {
    root,
    realRoot: await realRootOf(root, rule),
    rule,
    paths: new Paths(),
    entries: 0,
    others: 0,
    links: 0,
  };
  await walkFolder(walk, '', 0);
  const { paths, others, links } = walk;
  if (paths.length > 0) return { paths, others, links };
  throw new DataError({
    about: root,
    found: others > 0 ? `no such file among ${count(others, 'file')}` : 'no files',
    expected: rule.expected,
    remedy: 'check the path',
  });
}

async function realRootOf(root: string, { expected }: Rule): Promise<string> {
  try {
    return await realpath(root);
  } catch (error) {
    throw readFailure(error, root, expected);
  }
}

/** @param folder relative to the root, with a slash at its end; empty = the root */
async function walkFolder(walk: Walk, folder: string, depth: number): Promise<void> {
  if (depth > maxDepth) throw tooLarge(walk, `folders in folders, more than ${String(maxDepth)} deep`);
  const number = walk.paths.addFolder(folder);
  // `a/b` stands before `ab`, and after `a-b`: folders are compared with the slash behind their names.
  for (const name of (await namesIn(walk, folder)).sort(byBytes)) {
    if (name.endsWith('/')) await walkFolder(walk, folder + name, depth + 1);
    else walk.paths.add(number, name);
  }
}

/** Names of the rows in a folder, and of the folders in it with a slash at their end. */
async function namesIn(walk: Walk, folder: string): Promise<string[]> {
  const path = join(walk.root, folder.slice(0, -1));
  const names: string[] = [];
  try {
    for await (const entry of await opendir(path, { bufferSize: 256 })) {
      if (++walk.entries > maxEntries) throw tooLarge(walk, `more than ${String(maxEntries)} files and folders`);
      const name = isHidden(walk.rule, entry.name) ? null : await nameOf(walk, folder, entry);
      if (name !== null) names.push(name);
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw readFailure(error, path, walk.rule.expected);
  }
  return names;
}

function isHidden({ files }: Rule, name: string): boolean {
  return name === lostAndFound || (files === 'Visible' && (name.startsWith('.') || systemNames.has(name)));
}

/** @returns null for an entry that is left out */
async function nameOf(walk: Walk, folder: string, entry: Dirent): Promise<string | null> {
  const { name } = entry;
  const isLink = entry.isSymbolicLink();
  if (isLink && walk.rule.files === 'Regular') {
    walk.links++;
    return null;
  }
  const kind = isLink ? await kindOfLink(walk, folder + name) : kindOf(entry);
  const isFolder = kind === 'folder';
  if (isLink && isFolder) {
    walk.links++;
    return null;
  }
  if (kind === 'other' || (!isFolder && !walk.rule.takes(name))) {
    walk.others++;
    return null;
  }
  checkName(join(walk.root, folder, name), name);
  return isFolder ? `${name}/` : name;
}

function kindOf(entry: Pick<Dirent, 'isFile' | 'isDirectory'>): 'file' | 'folder' | 'other' {
  if (entry.isDirectory()) return 'folder';
  return entry.isFile() ? 'file' : 'other';
}

/** What a link leads to. @throws DataError when it leads to no file of the folder and would be a row or hold rows */
async function kindOfLink({ root, realRoot, rule }: Walk, name: string): Promise<'file' | 'folder' | 'other'> {
  const path = join(root, name);
  try {
    const target = await realpath(path);
    const kind = kindOf(await stat(target));
    if (kind === 'folder' || (kind === 'file' && rule.takes(name))) checkTarget(path, target, realRoot);
    return kind;
  } catch (error) {
    if (error instanceof DataError) throw error;
    if (codeOf(error) === 'ENOENT' && !rule.takes(name)) return 'other';
    throw readFailure(error, path, 'a file of the folder');
  }
}

function tooLarge({ root, rule }: Walk, found: string): DataError {
  return new DataError({ about: root, found, expected: rule.expected, remedy: 'name the folder of one data set' });
}
