/**
 * Which samples make up which step: a pure function of (seed, epoch, step), so that any process can compute it at any
 * time (design §1 "step"). Epoch e is an order of 0 … n−1 drawn from the seed and e, by rows or by blocks of rows; step s
 * of the job is the (s mod stepsPerEpoch)-th slice of its epoch. The last batch of an epoch may be short.
 */
import { type Random, randomFrom, RecentMap, seedOf } from '@distillery/base';

/** Separates the random streams of shuffling and augmentation for equal seeds. */
const shuffleStream = 1;
const augmentStream = 2;
const blockStream = 3;

/** Blocks whose rows are mixed with each other (`training.shuffle: Blocks`). */
export const windowBlocks = 8;

export interface Schedule {
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /** Prediction positions of each sample. */
  readonly positions: number;
  epochOf(step: number): number;
  /** Sample indices of one step, in batch order; at most `batchSize`, shorter only at an epoch's end. */
  indices(step: number): Uint32Array;
  /** Rows of one step, which shards cut: its samples × positions. */
  rows(step: number): number;
  /** Seed of the augmentation of one step, an unsigned 32-bit integer. */
  augmentSeed(step: number): number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly samples: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Prediction positions of each sample, see shards.ts; an image has 1. */
  readonly positions: number;
  /** Rows of a block, for `training.shuffle: Blocks`; absent = every row is drawn from all. */
  readonly blockRows?: number | undefined;
}

/** The permutation of 0 … samples−1 of one epoch. */
export function permutation(seed: number, epoch: number, samples: number): Uint32Array {
  const order = Uint32Array.from({ length: samples }, (_, index) => index);
  shuffle(order, randomFrom(seedOf(shuffleStream, seed, epoch)));
  return order;
}

/** Fisher–Yates, in place. */
function shuffle(values: Uint32Array, random: Random): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = values[last] ?? 0;
    values[last] = values[other] ?? 0;
    values[other] = kept;
  }
}

/**
 * The order of 0 … samples−1 of one epoch by blocks: blocks of `blockRows` rows that follow each other are put into a
 * random order, and the rows of each window of `windowBlocks` blocks are shuffled. So few blocks are read at a time.
 */
export function blockOrder(seed: number, epoch: number, samples: number, blockRows: number): Uint32Array {
  const random = randomFrom(seedOf(blockStream, seed, epoch));
  const blocks = Uint32Array.from({ length: Math.ceil(samples / blockRows) }, (_, block) => block);
  shuffle(blocks, random);
  const order = new Uint32Array(samples);
  let at = 0;
  for (let first = 0; first < blocks.length; first += windowBlocks) {
    const start = at;
    for (const block of blocks.subarray(first, first + windowBlocks)) {
      const end = Math.min((block + 1) * blockRows, samples);
      for (let row = block * blockRows; row < end; row++) order[at++] = row;
    }
    shuffle(order.subarray(start, at), random);
  }
  return order;
}

/** Permutations kept: a window may span several short epochs. */
const heldEpochs = 8;

/** The schedule of a job. It keeps the permutations of the epochs that were used last, 4 bytes a sample each. */
export function schedule({ seed, samples, batchSize, epochs, positions, blockRows }: ScheduleOptions): Schedule {
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const orders = new RecentMap<number, Uint32Array>(heldEpochs);
  const drawn = (epoch: number): Uint32Array =>
    blockRows === undefined ? permutation(seed, epoch, samples) : blockOrder(seed, epoch, samples, blockRows);
  const orderOf = (epoch: number): Uint32Array => {
    const order = orders.get(epoch) ?? drawn(epoch);
    orders.set(epoch, order);
    return order;
  };
  const epochOf = (step: number): number => Math.floor(step / stepsPerEpoch);
  const sliceOf = (step: number): { readonly start: number; readonly end: number } => {
    const start = (step % stepsPerEpoch) * batchSize;
    return { start, end: Math.min(start + batchSize, samples) };
  };
  return {
    stepsPerEpoch,
    steps: stepsPerEpoch * epochs,
    positions,
    epochOf,
    indices: (step) => {
      const { start, end } = sliceOf(step);
      return orderOf(epochOf(step)).slice(start, end);
    },
    rows: (step) => {
      const { start, end } = sliceOf(step);
      return (end - start) * positions;
    },
    augmentSeed: (step) => seedOf(augmentStream, seed, step),
  };
}
