/**
 * The values of variables in the files `variables/` of a SavedModel (tensorflow/core/protobuf/tensor_bundle.proto): an index and
 * files of bytes. We read them, so that TensorFlow opens no file of an untrusted model.
 *
 * Invariants:
 *  stored-values/V1 Names, types, sizes and places are checked before a file of values is read, checksums before one is used.
 *  stored-values/V2 Every file that is read is noted: it is part of the teacher's digest.
 */
import type { BinaryReader } from '@bufbuild/protobuf/wire';

import { eachField } from '../proto.js';
import { saveAgain, SavedModelError, shown } from './errors.js';
import { messagesOf, shapeOf } from './meta-graph.js';
import { isChecksum, tableEntries } from './sorted-table.js';

export interface StoredValue {
  /** A TF_DataType. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Reads one file beside saved_model.pb, by its name there, and notes its bytes. */
export type ReadFile = (name: string, maxBytes: number) => Promise<Uint8Array>;

const indexName = 'variables/variables.index';
/** Some hundred bytes for each variable. */
const maxIndexBytes = 64 * 2 ** 20;
const maxValuesBytes = 2 ** 34;
const maxShards = 1_000;

/** Bytes of one number, by TF_DataType. */
const sizes: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 8],
  [3, 4],
  [4, 1],
  [5, 2],
  [6, 1],
  [9, 8],
  [10, 1],
  [14, 2],
  [17, 2],
  [19, 2],
  [22, 4],
  [23, 8],
]);

interface Entry {
  readonly type: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
  readonly checksum: number;
}

/** @param names as the index has them @throws SavedModelError; what `readFile` throws */
export async function storedValues(
  names: readonly string[],
  readFile: ReadFile,
): Promise<ReadonlyMap<string, StoredValue>> {
  if (names.length === 0) return new Map();
  const index = tableEntries(indexName, await readFile(indexName, maxIndexBytes));
  const shards = shardsOf(index.get(''));
  const entries = names.map((name) => [name, checkedEntry(name, index.get(name), shards)] as const);
  const total = entries.reduce((sum, [, { size }]) => sum + size, 0);
  if (total > maxValuesBytes) {
    throw refused(`variables of ${String(total)} bytes`, `at most ${String(maxValuesBytes)}`, 'use a smaller model');
  }
  const values = new Map<string, StoredValue>();
  for (const shard of new Set(entries.map(([, entry]) => entry.shard).sort((a, b) => a - b))) {
    const file = `variables/variables.data-${numbered(shard)}-of-${numbered(shards)}`;
    const bytes = await readFile(file, maxValuesBytes);
    for (const [name, { type, shape, offset, size, checksum, ...entry }] of entries) {
      if (entry.shard !== shard) continue;
      const value = bytes.subarray(offset, offset + size);
      if (value.length !== size || !isChecksum(value, checksum)) {
        const found = `a file ${file} without the right bytes of the variable ${shown(name)}`;
        throw refused(found, 'the bytes that the index tells of', 'copy the folder of the model again');
      }
      values.set(name, { type, shape, bytes: value });
    }
  }
  return values;
}

/** @param header a BundleHeaderProto */
function shardsOf(header: Uint8Array | undefined): number {
  let [shards, endianness] = [0, 0];
  eachField(header ?? new Uint8Array(), (field, reader) => {
    if (field === 1) shards = reader.int32();
    else if (field === 2) endianness = reader.int32();
    else return false;
    return true;
  });
  if (shards >= 1 && shards <= maxShards && endianness === 0) return shards;
  const found = endianness === 0 ? `variables in ${String(shards)} files` : 'variables of a big-endian machine';
  throw refused(found, `little-endian ones in 1 to ${String(maxShards)} files`, saveAgain);
}

/** stored-values/V1 */
function checkedEntry(name: string, bytes: Uint8Array | undefined, shards: number): Entry {
  if (bytes === undefined) {
    throw refused(`no stored value of the variable ${shown(name)}`, 'one in variables/', saveAgain);
  }
  const entry = entryOf(bytes);
  const number = sizes.get(entry.type);
  const size = entry.shape.reduce((product, axis) => product * axis, number ?? Number.NaN);
  if (messagesOf(bytes, 7).length === 0 && size === entry.size && entry.shard >= 0 && entry.shard < shards)
    return entry;
  throw refused(`a variable ${shown(name)} whose type, size or place is wrong`, 'numbers, stored whole', saveAgain);
}

/** A BundleEntryProto. */
function entryOf(bytes: Uint8Array): Entry {
  let [type, shard, offset, size, checksum] = [0, 0, 0, 0, 0];
  let shape: readonly number[] = [];
  eachField(bytes, (field, reader: BinaryReader) => {
    if (field === 1) type = reader.int32();
    else if (field === 2) shape = (shapeOf(reader.bytes()) ?? [null]).map((axis) => axis ?? Number.NaN);
    else if (field === 3) shard = reader.int32();
    else if (field === 4) offset = Number(reader.int64());
    else if (field === 5) size = Number(reader.int64());
    else if (field === 6) checksum = reader.fixed32();
    else return false;
    return true;
  });
  return { type, shape, shard, offset, size, checksum };
}

const numbered = (value: number): string => String(value).padStart(5, '0');

function refused(found: string, expected: string, remedy: string): SavedModelError {
  return new SavedModelError({ found, expected, remedy });
}
