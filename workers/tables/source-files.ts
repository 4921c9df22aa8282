/**
 * The files of a table: those that a person named, or those of one folder by their endings, open for positional reads.
 *
 * Invariants:
 *  source-files/S1 Files are in the byte order of their names, and each is a regular file.
 *  source-files/S2 In a folder, a link that leads out of it is refused: a data set must not read what its owner did not put there.
 *  source-files/S3 At most `maxOpen` descriptors are open. A file that is opened again must be the one that was opened first.
 */
import { type BigIntStats, closeSync, fstatSync, readSync } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';

import { count } from '@distillery/base';
import { openRegularSync } from '@distillery/platform';

import { byBytes } from './byte-order.js';
import { type Bytes, maxMemoryBytes, openBytes } from './bytes.js';
import { DataError, fileChanged, readFailure } from '../samples/index.js';
import type { FarBytes, FarFiles } from './far.js';
import { gunzipWhole, isGzip } from './gunzip.js';

/** Which files belong to a format. */
export interface FileKind {
  /** "a CSV file". */
  readonly one: string;
  /** In small letters: ".csv". */
  readonly endings: readonly string[];
  /** Whether gzip files are unpacked into memory: with `.gz` behind an ending, or under any name. */
  readonly unpacks?: true;
}

/** Ends of the names of a kind's files. */
export function endingsOf({ endings, unpacks }: FileKind): readonly string[] {
  return unpacks === true ? [...endings, ...endings.map((end) => end + packedEnd)] : endings;
}

const packedEnd = '.gz';

/** Without the gzip files that lie there unpacked as well, whose rows would be read twice. */
export function withoutPacked(names: readonly string[]): readonly string[] {
  const all = new Set(names);
  return names.filter((name) => !lower(name).endsWith(packedEnd) || !all.has(name.slice(0, -packedEnd.length)));
}

/** A path of a file or a folder, or paths of files. */
export type Source = string | readonly string[];

const maxFiles = 10_000;
const maxEntries = 100_000;
const maxOpen = 64;
const namesShown = 8;

/**
 * Paths of the files, in the order of the table's rows.
 * @throws DataError when there is none, or too many; ReadError
 */
export async function locateFiles(source: Source, kind: FileKind): Promise<readonly string[]> {
  const paths = typeof source === 'string' ? await filesAt(source, kind) : source.toSorted(byBytes);
  if (paths.length <= maxFiles) return paths;
  throw new DataError({
    about: typeof source === 'string' ? source : (paths[0] ?? ''),
    found: count(paths.length, 'file'),
    expected: `at most ${String(maxFiles)}`,
    remedy: 'join them into fewer files',
  });
}

async function filesAt(path: string, kind: FileKind): Promise<readonly string[]> {
  const isFolder = await attempt(path, kind.one, async () => (await stat(path)).isDirectory());
  if (!isFolder) return [path];
  const names = await attempt(path, kind.one, () => readdir(path));
  if (names.length > maxEntries) {
    const found = `more than ${String(maxEntries)} files and folders`;
    throw new DataError({ about: path, found, expected: 'the folder of one data set', remedy: 'name that folder' });
  }
  const endings = endingsOf(kind);
  const ours = withoutPacked(names).filter(
    (name) => !name.startsWith('.') && endings.some((end) => lower(name).endsWith(end)),
  );
  if (ours.length === 0) throw noFiles(path, names, kind);
  const root = await attempt(path, kind.one, () => realpath(path));
  for (const name of ours) await refuseLinkOut(root, join(path, name), kind);
  return ours.map((name) => join(path, name)).sort(byBytes);
}

function noFiles(path: string, names: readonly string[], kind: FileKind): DataError {
  const packed = names.find((name) => kind.endings.some((end) => lower(name).endsWith(end + packedEnd)));
  if (packed !== undefined) return packedFile(join(path, packed), kind);
  const shown = names.toSorted(byBytes).slice(0, namesShown).join(', ');
  const more = names.length > namesShown ? ` and ${String(names.length - namesShown)} more` : '';
  return new DataError({
    about: path,
    found: names.length === 0 ? 'an empty folder' : shown + more,
    expected: `files that end in ${kind.endings.join(' or ')}${kind.unpacks === true ? ', also packed as .gz' : ''}`,
    remedy: 'name the folder that holds them',
  });
}

export function packedFile(path: string, kind: FileKind): DataError {
  const remedy = `unpack it: \`gunzip -k ${path}\``;
  return new DataError({ about: path, found: 'a gzip file', expected: kind.one, remedy });
}

async function refuseLinkOut(root: string, path: string, kind: FileKind): Promise<void> {
  if (!(await attempt(path, kind.one, () => lstat(path))).isSymbolicLink()) return;
  const target = await attempt(path, kind.one, () => realpath(path));
  if (target.startsWith(root + sep)) return;
  throw new DataError({
    about: path,
    problem: 'it is a link that leads out of its folder',
    remedy: 'put the file itself into the folder, or name the file instead of the folder',
  });
}

async function attempt<T>(path: string, expected: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw readFailure(error, path, expected);
  }
}

function lower(name: string): string {
  return name.toLowerCase();
}

/** Bytes that no descriptor reads: those of a far file, or of a file that was unpacked. */
type OtherBytes = Pick<FarBytes, 'length' | 'read'>;

type Entry =
  | { readonly path: string; readonly other: null; readonly stats: BigIntStats }
  | { readonly path: string; readonly other: OtherBytes };

/** Files that stay the same while they are read. Reads are synchronous, as those of idx files. */
export class SourceFiles {
  /** Least recently used first. */
  readonly #open = new Map<number, number>();
  #closed = false;

  private constructor(
    readonly kind: FileKind,
    private readonly entries: readonly Entry[],
  ) {}

  /** @throws DataError for a path that is no regular file; ReadError */
  static open(paths: readonly string[], kind: FileKind, far?: FarFiles): SourceFiles {
    return new SourceFiles(
      kind,
      paths.map((path) => entryAt(path, kind, far)),
    );
  }

  /**
   * As `open`, and unpacks gzip files into memory where the kind says so, all of them within `maxBytes`.
   * @throws DataError also for a gzip file that is damaged or too large
   */
  static async openUnpacked(
    paths: readonly string[],
    kind: FileKind,
    far?: FarFiles,
    maxBytes = maxMemoryBytes,
  ): Promise<SourceFiles> {
    const entries: Entry[] = [];
    let left = maxBytes;
    for (const path of paths) {
      const entry = entryAt(path, kind, far);
      const unpacked = kind.unpacks === true ? await unpackedOf(entry, left, kind.one) : null;
      left -= unpacked?.length ?? 0;
      entries.push(unpacked === null ? entry : { path, other: inMemory(unpacked) });
    }
    return new SourceFiles(kind, entries);
  }

  get length(): number {
    return this.entries.length;
  }

  path(file: number): string {
    return this.#entry(file).path;
  }

  /** For people. */
  name(file: number): string {
    return basename(this.path(file));
  }

  /** Bytes. */
  size(file: number): number {
    const entry = this.#entry(file);
    return entry.other === null ? Number(entry.stats.size) : entry.other.length;
  }

  /** Fills `into` from `position` on. @throws ReadError when the file is not what it was, or cannot be read */
  read(file: number, into: Uint8Array, position: number): void {
    const entry = this.#entry(file);
    const { path } = entry;
    if (entry.other !== null) {
      if (this.#closed) throw new Error('the table is closed');
      entry.other.read(into, position);
      return;
    }
    const descriptor = this.#descriptor(file, entry);
    for (let done = 0; done < into.length;) {
      const got = reading(path, this.kind, () => readSync(descriptor, into, done, into.length - done, position + done));
      if (got === 0) throw fileChanged(path);
      done += got;
    }
  }

  close(): void {
    this.#closed = true;
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  #entry(file: number): Entry {
    const entry = this.entries[file];
    if (entry === undefined) throw new RangeError(`file ${String(file)} of ${String(this.entries.length)}`);
    return entry;
  }

  #descriptor(file: number, entry: Entry & { readonly other: null }): number {
    if (this.#closed) throw new Error('the table is closed');
    const known = this.#open.get(file);
    const descriptor = known ?? this.#opened(entry);
    this.#open.delete(file);
    this.#open.set(file, descriptor);
    const [oldest] = this.#open;
    if (this.#open.size > maxOpen && oldest !== undefined) {
      this.#open.delete(oldest[0]);
      closeSync(oldest[1]);
    }
    return descriptor;
  }

  #opened({ path, stats }: Entry & { readonly other: null }): number {
    const descriptor = reading(path, this.kind, () => openRegularSync(path));
    const now = fstatSync(descriptor, { bigint: true });
    if (now.ino === stats.ino && now.size === stats.size && now.mtimeNs === stats.mtimeNs) return descriptor;
    closeSync(descriptor);
    throw fileChanged(path);
  }
}

function entryAt(path: string, kind: FileKind, far: FarFiles | undefined): Entry {
  const other = far?.at(path) ?? null;
  return other === null ? { path, other, stats: statsOf(path, kind) } : { path, other };
}

function inMemory(bytes: Uint8Array): OtherBytes {
  return {
    length: bytes.length,
    read: (target, position) => {
      target.set(bytes.subarray(position, position + target.length));
    },
  };
}

/** null = it is no gzip file. */
async function unpackedOf({ path, other }: Entry, most: number, expected: string): Promise<Uint8Array | null> {
  const file = other === null ? openBytes(path, expected) : otherBytes(path, other);
  try {
    const head = new Uint8Array(Math.min(2, file.length));
    file.fill(head, 0);
    return isGzip(head) ? await gunzipWhole(file, most, expected) : null;
  } finally {
    file.close();
  }
}

function otherBytes(name: string, { length, read }: OtherBytes): Bytes & { close: () => void } {
  return {
    name,
    length,
    fill: (target, position, at = 0, most = target.length - at) => {
      read(target.subarray(at, at + most), position);
    },
    close: () => undefined,
  };
}

function statsOf(path: string, kind: FileKind): BigIntStats {
  const descriptor = reading(path, kind, () => openRegularSync(path));
  try {
    return fstatSync(descriptor, { bigint: true });
  } finally {
    closeSync(descriptor);
  }
}

function reading<T>(path: string, kind: FileKind, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw readFailure(error, path, kind.one);
  }
}
