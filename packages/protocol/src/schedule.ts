/**
 * Which samples make up which step: a pure function of (seed, epoch, step), so that any process can compute it at any
 * time (design §1 "step"). Epoch e is the permutation of 0 … n−1 drawn by Fisher–Yates from the seed and e; step s of
 * the job is the (s mod stepsPerEpoch)-th slice of its epoch. The last batch of an epoch may be short.
 */
import { randomFrom, RecentMap, seedOf } from '@distillery/base';

/** Separates the random streams of shuffling and augmentation for equal seeds. */
const shuffleStream = 1;
const augmentStream = 2;

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
}

/** The permutation of 0 … samples−1 of one epoch. */
export function permutation(seed: number, epoch: number, samples: number): Uint32Array {
  const order = Uint32Array.from({ length: samples }, (_, index) => index);
  const random = randomFrom(seedOf(shuffleStream, seed, epoch));
  for (let last = samples - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}

/** Permutations kept: a window may span several short epochs. */
const heldEpochs = 8;

/** The schedule of a job. It keeps the permutations of the epochs that were used last, 4 bytes a sample each. */
export function schedule({ seed, samples, batchSize, epochs, positions }: ScheduleOptions): Schedule {
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const orders = new RecentMap<number, Uint32Array>(heldEpochs);
  const orderOf = (epoch: number): Uint32Array => {
    const order = orders.get(epoch) ?? permutation(seed, epoch, samples);
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
