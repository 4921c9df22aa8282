/** Reads units of column chunks, and keeps the last ones in a cache that is bounded in bytes. */
import { DistilleryError } from '@distillery/base';

import { DataError } from '../../samples/index.js';
import type { SourceFiles } from '../source-files.js';
import { ByteCache } from './byte-cache.js';
import { Damage } from './damage.js';
import { isReadable } from './decompress.js';
import { plainValues } from './encodings.js';
import type { Chunk, Group } from './footer.js';
import { type Page, pageBytes, pagesOf } from './pages.js';
import type { Leaf } from './schema.js';
import { type Decoded, decoded, type Dictionary, type Unit, unitsOf } from './units.js';
import { bytesOf, meant } from './values.js';

/** One row group among all of a table. */
export interface TableGroup {
  readonly file: number;
  /** In its file. */
  readonly number: number;
  readonly group: Group;
  /** In the table. */
  readonly firstRow: number;
}

interface ChunkPlan {
  readonly chunk: Chunk;
  readonly units: readonly Unit[];
  readonly dictionary: Dictionary | null;
}

/** Memory of what is known of a page. */
const pageEntryBytes = 200;

export class ChunkReader {
  readonly #plans: ByteCache<ChunkPlan>;
  readonly #units: ByteCache<Decoded>;

  constructor(
    private readonly files: SourceFiles,
    cacheBytes: number,
  ) {
    this.#plans = new ByteCache(cacheBytes / 4);
    this.#units = new ByteCache((cacheBytes * 3) / 4);
  }

  /** Bytes that the cache keeps. */
  get bytes(): number {
    return this.#plans.bytes + this.#units.bytes;
  }

  /** The unit that holds a row of a group. @throws Damage, DataError, ReadError; also errors of libraries */
  unitAt(group: TableGroup, leaf: Leaf, row: number): Decoded {
    const key = `${String(group.file)}/${String(group.number)}/${String(leaf.index)}`;
    const plan = this.#plans.get(key, () => this.#plan(group, leaf));
    const at = unitOf(plan.units, row);
    const unit = plan.units[at];
    if (unit === undefined) throw new Damage('a row is missing');
    return this.#units.get(`${key}/${String(at)}`, () => {
      const value = decoded(unit, leaf, plan.dictionary, (page) => this.#bytes(group, plan.chunk, page));
      return { value, bytes: value.bytes };
    });
  }

  /** What an error while a column of a group was read means. */
  faultOf(error: unknown, { file, number }: TableGroup, name: string): DistilleryError {
    const isDamage = error instanceof Damage;
    if (error instanceof DistilleryError && !isDamage) return error;
    const about = `${this.files.path(file)}, row group ${String(number + 1)}, column ${name}`;
    const why = isDamage ? `: ${error.clause}` : '';
    return new DataError({ about, problem: `it is damaged${why}`, remedy: 'get the file again' }, { cause: error });
  }

  clear(): void {
    this.#plans.clear();
    this.#units.clear();
  }

  #plan(group: TableGroup, leaf: Leaf): { value: ChunkPlan; bytes: number } {
    const chunk = this.#chunkOf(group, leaf);
    const pages = pagesOf(this.files, group.file, chunk);
    const read = (page: Page): Uint8Array => this.#bytes(group, chunk, page);
    const units = unitsOf(pages, leaf, group.group.rows, read);
    const page = pages.find(({ is }) => is === 'dictionary');
    const dictionary = page === undefined ? null : dictionaryOf(page, leaf, read(page));
    const bytes = pages.length * pageEntryBytes + (dictionary === null ? 0 : 2 * bytesOf(dictionary.meant));
    return { value: { chunk, units, dictionary }, bytes };
  }

  #chunkOf({ file, group }: TableGroup, { index, path }: Leaf): Chunk {
    const chunk = group.chunks[index];
    const about = `${this.files.path(file)}, column ${path.join('.')}`;
    if (chunk === undefined || chunk === null) {
      throw new DataError({ about, problem: 'it is encrypted', remedy: 'decrypt the file' });
    }
    if (isReadable(chunk.codec)) return chunk;
    throw new DataError({
      about,
      found: `the compression ${chunk.codec}`,
      expected: 'zstd, snappy, gzip, brotli, LZ4_RAW or none',
      remedy: 'write the file with one of them',
    });
  }

  #bytes({ file }: TableGroup, chunk: Chunk, page: Page): Uint8Array {
    return pageBytes(this.files, file, chunk, page);
  }
}

function dictionaryOf({ values }: Page, { type, width, meaning }: Leaf, bytes: Uint8Array): Dictionary {
  const stored = plainValues({ bytes, at: 0 }, type, width, values);
  return { stored, meant: meant(stored, meaning, null) };
}

/** Place of the unit with a row of the group. */
function unitOf(units: readonly Unit[], row: number): number {
  let low = 0;
  let high = units.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((units[middle]?.firstRow ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
