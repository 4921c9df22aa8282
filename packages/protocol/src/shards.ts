/**
 * How a step is cut into messages: fixed ranges of rows, so that a message stays below `maxFrameBytes` and a data-parallel
 * student can give each rank its own shards (design §4).
 *
 * A row is one prediction position. Every sample of a job has the same number of positions: an image has one, a sequence
 * of tokens one for each token. Row r of a batch is position r mod positions of sample floor(r / positions). Shards cut
 * rows, so that a sample with more positions than fit into one frame lies in several.
 */
import { headerBytes } from './frame-header.js';
import { bytesPerRow } from './frame-layouts.js';
import { maxFrameBytes } from './limits.js';
import type { Manifest } from './manifest.js';

/** From `start` up to, not including, `end`. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Rows that fit into one message, at least 1. @param rowBytes of one row in a frame's body, see frame-layouts.ts */
export function rowsPerFrame(rowBytes: number): number {
  return Math.max(1, Math.floor((maxFrameBytes - headerBytes) / rowBytes));
}

/**
 * Shards of a job: the least number that keeps the message of a full batch, header included, within the limit.
 * @param batchRows rows of a full batch: samples × positions
 * @param rowBytes of one row in a frame's body, see frame-layouts.ts
 */
export function shardCount(batchRows: number, rowBytes: number): number {
  return Math.ceil(batchRows / rowsPerFrame(rowBytes));
}

/**
 * Shards of a job, from its manifest, the width of its opened models and the positions of its samples.
 */
export function shardsOf(manifest: Manifest, columns: number, positions: number): number {
  const { encoding, topK } = manifest.logits;
  return shardCount(manifest.training.batchSize * positions, bytesPerRow(columns, encoding, topK));
}

/**
 * Rows of one shard of a batch of `rows` rows; ranges cover the batch in order and differ by at most one row.
 * A short last batch may leave a shard empty only when it has fewer rows than shards.
 */
export function shardRows(rows: number, shards: number, shard: number): RowRange {
  return { start: Math.floor((rows * shard) / shards), end: Math.floor((rows * (shard + 1)) / shards) };
}

/** The samples of a batch in which the rows lie, the first and the last of them perhaps in part. */
export function samplesOfRows({ start, end }: RowRange, positions: number): RowRange {
  const first = Math.floor(start / positions);
  return { start: first, end: end > start ? Math.ceil(end / positions) : first };
}
