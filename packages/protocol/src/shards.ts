/**
 * How a step is cut into messages: fixed row ranges, so that a message stays below `maxFrameBytes` and a data-parallel
 * student can give each rank its own shards (design §4).
 */
import { headerBytes } from './frame-header.js';
import { maxFrameBytes } from './limits.js';
import type { Manifest } from './manifest.js';

export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of one row in a frame's body; see frame.ts for the layouts. */
export function bytesPerRow(columns: number, encoding: 'Float32' | 'Float16', topK: number): number {
  const valueBytes = encoding === 'Float32' ? 4 : 2;
  if (topK === 0) return columns * valueBytes;
  return topK * (4 + valueBytes) + 4;
}

/** Shards of a job: the least number that keeps a full batch's message, header included, within the limit. */
export function shardCount(batchSize: number, rowBytes: number): number {
  const rowsPerMessage = Math.max(1, Math.floor((maxFrameBytes - headerBytes) / rowBytes));
  return Math.ceil(batchSize / rowsPerMessage);
}

/** Shards of a job, from its manifest and the width that its models turned out to have. */
export function shardsOf(manifest: Manifest, columns: number): number {
  const { encoding, topK } = manifest.logits;
  return shardCount(manifest.training.batchSize, bytesPerRow(columns, encoding, topK));
}

/**
 * Rows of one shard of a batch of `rows` rows; ranges cover the batch in order and differ by at most one row.
 * A short last batch may leave a shard empty only when it has fewer rows than shards.
 */
export function shardRows(rows: number, shards: number, shard: number): RowRange {
  return { start: Math.floor((rows * shard) / shards), end: Math.floor((rows * (shard + 1)) / shards) };
}
