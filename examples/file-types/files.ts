/**
 * Collects a varied set of files from the packages of this machine.
 *
 * Invariants:
 *  files/F1 The choice is a pure function of the names, folders and content that are found: no clock and no chance enter.
 *  files/F2 Files of one folder are all trained on or all held out, and no content is taken twice.
 *  files/F3 Only regular files are read, no links are followed, and at most both ends of a file are kept, which is all
 *     that a field of bytes reads (docs/data.md "Bytes").
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { extname, join, relative, resolve } from 'node:path';

import { runTool, ToolError } from '../../dist/src/stream/server/tool.js';

export interface CollectedFile {
  readonly split: 'train' | 'test';
  readonly name: string;
  readonly content: Uint8Array;
}

export interface Collection {
  /** Absent folders hold nothing. */
  readonly roots: readonly string[];
  readonly limits: {
    /** Files to take in all, and of one extension. */
    readonly files: number;
    readonly ofOneKind: number;
    /** Names to read below each root. */
    readonly entries: number;
  };
  readonly stop: AbortSignal;
}

export interface Found {
  readonly train: number;
  readonly test: number;
  /** Number of different extensions. */
  readonly kinds: number;
}

interface Candidate {
  readonly path: string;
  /** Its extension, in lower case; empty without one. */
  readonly kind: string;
  /** Of the path below the root, hex: the order of the choice. */
  readonly order: string;
  /** Of its folder below the root: decides the split. */
  readonly folder: string;
}

/** A field of bytes reads so many bytes of each end of a file. */
const endBytes = 4_096;
/** magika classifies shorter files by rules, not by its model. */
const leastBytes = 16;
/** One folder of so many is held out. */
const heldOutOf = 10;
/** Most executables, scripts and licenses have no extension. */
const withoutExtensionFactor = 4;
const skipped: ReadonlySet<string> = new Set(['.git', '.cache']);

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** The folders in which systems and languages keep their packages. */
export async function rootsOf(environment: NodeJS.ProcessEnv, stop: AbortSignal): Promise<string[]> {
  const said = async (command: string, ...args: string[]): Promise<string[]> => {
    try {
      const text = await runTool(command, args, { environment, limitMs: 60_000, stop });
      return text.split('\n').filter((line) => line.startsWith('/'));
    } catch (error) {
      if (error instanceof ToolError) return [];
      throw error;
    }
  };
  const python = ['-c', 'import sysconfig; print(sysconfig.get_path("stdlib")); print(sysconfig.get_path("purelib"))'];
  return [
    resolve(import.meta.dirname, '../../node_modules'),
    '/usr/share',
    '/usr/lib',
    '/usr/bin',
    ...(await said('python3', ...python)),
    ...(await said('go', 'env', 'GOROOT', 'GOMODCACHE')),
  ];
}

/** @param take gets one file after another; their names are their numbers and extensions */
export async function collectFiles(
  { roots, limits, stop }: Collection,
  take: (file: CollectedFile) => void,
): Promise<Found> {
  const candidates: Candidate[] = [];
  for (const root of roots) {
    stop.throwIfAborted();
    // One by one: a call takes no hundred thousand arguments.
    for (const candidate of candidatesBelow(root, limits.entries)) candidates.push(candidate);
    // Lets a signal come in.
    await new Promise(setImmediate);
  }
  candidates.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  const ofKind = new Map<string, number>();
  const contents = new Set<string>();
  const found = { train: 0, test: 0 };
  for (const { path, kind, folder } of candidates) {
    if (contents.size >= limits.files) break;
    const before = ofKind.get(kind) ?? 0;
    if (before >= limits.ofOneKind * (kind === '' ? withoutExtensionFactor : 1)) continue;
    const content = endsOf(path);
    const digest = content === null ? null : sha256(content);
    if (content === null || digest === null || contents.has(digest)) continue;
    contents.add(digest);
    ofKind.set(kind, before + 1);
    const split = Number.parseInt(folder.slice(0, 8), 16) % heldOutOf === 0 ? 'test' : 'train';
    found[split] += 1;
    take({ split, name: `${String(contents.size).padStart(5, '0')}${kind}`, content });
  }
  return { ...found, kinds: ofKind.size };
}

/** Folders near the root first, each in the order of its names; nothing if there is no root. */
function* candidatesBelow(root: string, entries: number): Generator<Candidate> {
  const folders = [root];
  let seen = 0;
  for (const folder of folders) {
    const below = relative(root, folder);
    const folderHash = sha256(below);
    for (const entry of entriesOf(folder)) {
      if (++seen > entries) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !skipped.has(entry.name)) folders.push(path);
      if (!entry.isFile()) continue;
      const kind = extname(entry.name).toLowerCase();
      // Other endings belong to names such as libc.so.6 or CHANGES.2024.
      const isExtension = /^\.[a-z][a-z0-9]{0,7}$/.test(kind);
      const order = sha256(join(below, entry.name));
      yield { path, kind: isExtension ? kind : '', order, folder: folderHash };
    }
  }
}

/** Nothing, for a folder that this user may not read. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** The first and the last bytes of a regular file; null for one that is too short or cannot be read. */
function endsOf(path: string): Uint8Array | null {
  let file;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(file);
    if (!fstatSync(file).isFile() || size < leastBytes) return null;
    const kept = Math.min(size, 2 * endBytes);
    const content = Buffer.alloc(kept);
    const head = Math.min(size, endBytes);
    const read = readSync(file, content, 0, head, 0) + readSync(file, content, head, kept - head, size - (kept - head));
    return read === kept ? content : null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}
