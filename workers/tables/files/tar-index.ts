/** The rows of tar archives, by key and extension of their members. What is kept of a row is its key and the ranges of its members. */
import { openBytesAt } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { type Shard, tarExpected } from './open-shards.js';
import type { Paths } from './paths.js';
import { MemberRanges } from './member-ranges.js';
import { filesIn } from './tar-scan.js';

/** Key and extension, as WebDataset splits a name: at the first dot of its last part, which must not be its start. */
const member = /^(?:\.?\/)?((?:[^/]*\/)*[^./][^./]*)\.([^/]+)$/;
/** Members for programs, such as `__index__.json`. */
const reserved = /(?:^|\/)__[^/]*__(?:\.[^/]*)?$/;
const maxColumns = 64;
const maxKeyBytes = 1023;
/** Positions are kept as numbers of blocks, of 32 bits. */
const maxShardBytes = 512 * 2 ** 32;

/** Rows of all shards. */
export interface TarIndex {
  /** The keys; the folder of each is its shard. */
  readonly keys: Paths;
  readonly columns: Map<string, MemberRanges>;
  readonly shards: Shard[];
  /** Members that belong to no row. */
  others: number;
}

/** Adds the rows of a shard. @throws DataError when it is damaged or a member comes twice; ReadError */
export function addShard(path: string, index: TarIndex, far?: FarFiles): void {
  const shard = index.keys.addFolder('');
  const rows = new Map<string, number>();
  const archive = openBytesAt(path, tarExpected, far);
  try {
    if (archive.length > maxShardBytes) throw tooLarge(path, archive.length);
    index.shards.push({ path, version: archive.version });
    for (const { name, position, size } of filesIn(archive)) {
      const [, key, extension] = member.exec(name) ?? [];
      if (key === undefined || extension === undefined || reserved.test(name)) {
        index.others++;
        continue;
      }
      const about = `${path}: ${name}`;
      const row = rows.get(key) ?? addKey(index.keys, shard, key, about);
      rows.set(key, row);
      if (!columnIn(index, extension.toLowerCase(), path).add(row, position, size)) throw twice(about);
    }
  } finally {
    archive.close();
  }
}

/** @throws DataError when the key is too long */
function addKey(keys: Paths, shard: number, key: string, about: string): number {
  const bytes = Buffer.byteLength(key);
  if (bytes <= maxKeyBytes) return keys.add(shard, key);
  throw new DataError({
    about,
    found: `a key of ${String(bytes)} bytes`,
    expected: `at most ${String(maxKeyBytes)}`,
    remedy: 'shorten it',
  });
}

/** The ranges of the members with an extension. @throws DataError when there are too many extensions */
function columnIn({ columns }: TarIndex, extension: string, path: string): MemberRanges {
  const known = columns.get(extension);
  if (known !== undefined) return known;
  if (columns.size === maxColumns) {
    throw new DataError({
      about: path,
      found: `more than ${String(maxColumns)} extensions: ${[...columns.keys()].slice(0, 8).join(', ')} …`,
      expected: 'members named KEY.EXTENSION, as WebDataset names them',
      remedy: 'check that it is the archive meant: a key ends at the first dot',
    });
  }
  const ranges = new MemberRanges();
  columns.set(extension, ranges);
  return ranges;
}

function twice(about: string): DataError {
  return new DataError({
    about,
    problem: 'the archive has two members of this key and extension',
    remedy: 'give each sample a key of its own',
  });
}

function tooLarge(about: string, bytes: number): DataError {
  return new DataError({
    about,
    found: `${String(bytes)} bytes`,
    expected: `at most ${String(maxShardBytes)}`,
    remedy: 'split it into several archives',
  });
}
