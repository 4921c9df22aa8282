/**
 * Shards of WebDataset: tar archives whose members are named KEY.EXTENSION; the members of one key are one row. Opening
 * reads the headers of all shards. What is kept of each row is its key and the ranges of its members.
 */
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { count } from '@distillery/base';

import { byBytes } from '../byte-order.js';
import { maxRowBytes } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { columnNamed, rowIn } from '../rows.js';
import { BadRow, type Cell, type Column, type Values } from '../table.js';
import type { FolderTable } from './folder-table.js';
import { openShards, shardsAt } from './open-shards.js';
import { Paths } from './paths.js';
import type { MemberRanges } from './member-ranges.js';
import { addShard, type TarIndex } from './tar-index.js';

const keyColumn = '__key__';

/**
 * The table of some shards, or of all `.tar` files of a folder. Shards are in the order of the bytes of their names, rows
 * in the order in which their keys come first. Columns of cells: one for each extension, in small letters (bytes, null
 * where a row has no such member), and `__key__`.
 * @throws DataError when there is no shard or no row, a shard is damaged or packed, or a member comes twice; ReadError
 */
export async function openTar(paths: string | readonly string[], far?: FarFiles): Promise<FolderTable> {
  const shards = typeof paths === 'string' ? shardsAt(paths) : [...paths];
  shards.sort((a, b) => byBytes(basename(a), basename(b)) || byBytes(a, b));
  const about = typeof paths === 'string' ? paths : (shards[0] ?? '');
  const index: TarIndex = { keys: new Paths(), columns: new Map(), shards: [], others: 0 };
  for (const shard of shards) {
    addShard(shard, index, far);
    // A shard may have a million members: other work goes on between shards.
    await setImmediate();
  }
  if (index.keys.length === 0) throw withoutRows(about, index);
  return tableOf(about, index, far);
}

function tableOf(about: string, { keys, columns, shards, others }: TarIndex, far?: FarFiles): FolderTable {
  const open = openShards(shards, far);
  const membersOf = (ranges: MemberRanges, rows: readonly number[]): readonly (Cell | BadRow)[] => {
    const memory = new Memory(rows.reduce((sum, row) => sum + Math.min(ranges.bytesOf(row), maxRowBytes), 0));
    return rows.map((row) => {
      const position = ranges.positionOf(row);
      const bytes = ranges.bytesOf(row);
      if (position === 0) return null;
      if (bytes > maxRowBytes) return new BadRow(`a member has more than ${String(maxRowBytes)} bytes`);
      const content = memory.take(bytes);
      open.shard(keys.folderOf(row)).fill(content, position);
      return content;
    });
  };
  const readers = new Map<string, (rows: readonly number[]) => readonly (Cell | BadRow)[]>([
    [keyColumn, (rows) => rows.map((row) => keys.nameAt(row))],
    ...[...columns]
      .sort(([a], [b]) => byBytes(a, b))
      .map(([name, ranges]) => [name, (rows: readonly number[]) => membersOf(ranges, rows)] as const),
  ]);
  return {
    length: keys.length,
    columns: [...readers.keys()].map((name): Column => ({ name, kind: 'cells' })),
    notes: others === 0 ? [] : [`${about}: ${count(others, 'other member')} left out`],
    read: (rows, names) =>
      new Promise((resolve) => {
        const asked = Array.from({ length: rows.length }, (_, at) => rowIn(rows, at, keys.length, about));
        resolve(
          new Map<string, Values>(
            names.map((name) => [name, { kind: 'cells', cells: columnNamed(readers, name, about)(asked) }]),
          ),
        );
      }),
    nameOf: (row) => `${basename(shards[keys.folderOf(row)]?.path ?? '')}, ${keys.nameAt(row)}`,
    close: () => {
      open.close();
      return Promise.resolve();
    },
  };
}

function withoutRows(about: string, { others }: TarIndex): DataError {
  return new DataError({
    about,
    found: `no row in ${count(others, 'file')}`,
    expected: 'members named KEY.EXTENSION, as WebDataset names them',
    remedy: 'check that it is the archive meant',
  });
}

const maxBlockBytes = 1 << 22;

/** Memory for the members of one read, in few large blocks: each block of its own would cost more than its read. */
class Memory {
  #left: number;
  #block = new Uint8Array(0);

  /** @param total bytes of all members together */
  constructor(total: number) {
    this.#left = total;
  }

  take(bytes: number): Uint8Array {
    if (bytes > this.#block.length) this.#block = new Uint8Array(Math.max(bytes, Math.min(this.#left, maxBlockBytes)));
    const taken = this.#block.subarray(0, bytes);
    this.#block = this.#block.subarray(bytes);
    this.#left -= bytes;
    return taken;
  }
}
