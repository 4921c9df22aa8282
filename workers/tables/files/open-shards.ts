/** The tar archives of a data set: which they are, and a bounded number of them open at a time. */
import { statSync } from 'node:fs';
import { join } from 'node:path';

import { type OpenBytes, openBytesAt } from '../bytes.js';
import { DataError, fileChanged, readFailure } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { namesIn } from './names.js';

/** What a path should name. */
export const tarExpected = 'a tar archive, or a folder of them';
/** More than people open at once, and less than a process may. */
const maxOpenShards = 32;

/** A tar archive as it was when its rows were counted. */
export interface Shard {
  readonly path: string;
  readonly version: string;
}

export interface OpenShards {
  /** @throws ReadError when it was written since; DataError */
  shard(index: number): OpenBytes;
  readonly close: () => void;
}

/** Opens shards when they are read, and closes the one that was not read for longest. */
export function openShards(shards: readonly Shard[], far?: FarFiles): OpenShards {
  const open = new Map<number, OpenBytes>();
  let closed = false;
  return {
    shard: (index) => {
      if (closed) throw new Error('the table is closed');
      const file = open.get(index) ?? reopened(shards[index], far);
      open.delete(index);
      open.set(index, file);
      const [oldest] = open;
      if (open.size > maxOpenShards && oldest !== undefined) {
        open.delete(oldest[0]);
        oldest[1].close();
      }
      return file;
    },
    close: () => {
      closed = true;
      for (const file of open.values()) file.close();
      open.clear();
    },
  };
}

/** A tar file, or those in a folder. @throws DataError when there is none; ReadError */
export function shardsAt(path: string): string[] {
  if (!isFolder(path)) return [path];
  const isShard = (name: string): boolean => name.endsWith('.tar');
  const names = namesIn(path, isShard, tarExpected);
  const shards = names.filter(isShard);
  if (shards.length > 0) return shards.map((name) => join(path, name));
  const packed = names.find((name) => /\.(?:tar\.gz|tgz)$/.test(name));
  throw new DataError({
    about: path,
    found: packed === undefined ? 'no tar file in it' : `gzip files, such as ${packed}`,
    expected: '*.tar',
    remedy:
      packed === undefined
        ? 'check the path'
        : 'unpack them with gunzip -k: rows of packed archives cannot be read in any order',
  });
}

function reopened(shard: Shard | undefined, far: FarFiles | undefined): OpenBytes {
  const { path = '', version } = shard ?? {};
  const file = openBytesAt(path, tarExpected, far);
  if (file.version === version) return file;
  file.close();
  throw fileChanged(path);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw readFailure(error, path, tarExpected);
  }
}
