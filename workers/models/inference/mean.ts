/**
 * How the answers of several models become one row of logits: so that the student's soft target is the weighted mean of the
 * soft targets that the models alone would give. Which numbers those are, the loss decides (soft-loss.ts). Pure, in float64.
 */
import { logSumExp } from '../log-sum-exp.js';
import type { SoftLossKind } from '../soft-loss.js';

/** What is averaged: shares of a softmax or sigmoids, each at the temperature of the loss, unit vectors, or the numbers. */
export type Mean =
  { readonly of: 'Softmax' | 'Sigmoid'; readonly temperature: number } | { readonly of: 'Directions' | 'Values' };

export interface Weighed {
  readonly weight: number;
  /** [rows, columns] */
  readonly logits: Float32Array;
}

export function meanFor(loss: SoftLossKind, temperature: number): Mean {
  switch (loss) {
    case 'KL':
      return { of: 'Softmax', temperature };
    case 'BinaryCrossEntropy':
      return { of: 'Sigmoid', temperature };
    case 'Cosine':
      return { of: 'Directions' };
    case 'MSE':
      return { of: 'Values' };
  }
}

/** For people, and for the digest. */
export function meanText(mean: Mean): string {
  switch (mean.of) {
    case 'Softmax':
      return `mean of probabilities at temperature ${String(mean.temperature)}`;
    case 'Sigmoid':
      return `mean of sigmoids at temperature ${String(mean.temperature)}`;
    case 'Directions':
      return 'mean of unit vectors';
    case 'Values':
      return 'mean of numbers';
  }
}

/**
 * @param members not empty; each of the same length
 * @returns [rows, columns]; finite where all members are
 */
export function meanOf(mean: Mean, members: readonly Weighed[], columns: number): Float32Array {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const shares = members.map(({ weight, logits }) => ({ share: weight / total, logits }));
  const length = members[0]?.logits.length ?? 0;
  switch (mean.of) {
    case 'Values':
      return valueMean(shares, length);
    case 'Directions':
      return valueMean(
        shares.map(({ share, logits }) => ({ share, logits: unitRows(logits, columns) })),
        length,
      );
    case 'Sigmoid':
      return sigmoidMean(shares, length, mean.temperature);
    case 'Softmax':
      return softmaxMean(shares, length, columns, mean.temperature);
  }
}

interface Share {
  readonly share: number;
  readonly logits: Float32Array | Float64Array;
}

function valueMean(shares: readonly Share[], length: number): Float32Array {
  return Float32Array.from({ length }, (_, at) =>
    shares.reduce((sum, { share, logits }) => sum + share * (logits[at] ?? 0), 0),
  );
}

/** Each row divided by its length; a row of zeros stays. */
function unitRows(logits: Float32Array, columns: number): Float64Array {
  const answer = Float64Array.from(logits);
  for (let start = 0; start < answer.length; start += columns) {
    const row = answer.subarray(start, start + columns);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0));
    if (length > 0) row.forEach((value, at) => (row[at] = value / length));
  }
  return answer;
}

/** T · log Σ share · softmax(logits ÷ T), by row: its softmax at T is the mean. In logarithms, so that no share is lost. */
function softmaxMean(shares: readonly Share[], length: number, columns: number, temperature: number): Float32Array {
  const answer = new Float32Array(length);
  const terms = new Float64Array(shares.length);
  for (let start = 0; start < length; start += columns) {
    const offsets = shares.map(({ share, logits }) => Math.log(share) - logSumExp(logits, start, columns, temperature));
    for (let at = start; at < start + columns; at++) {
      for (const [member, { logits }] of shares.entries()) {
        terms[member] = (logits[at] ?? 0) / temperature + (offsets[member] ?? 0);
      }
      answer[at] = temperature * logSumExp(terms, 0, terms.length, 1);
    }
  }
  return answer;
}

/** T · logit Σ share · sigmoid(logits ÷ T), by value: its sigmoid at T is the mean. */
function sigmoidMean(shares: readonly Share[], length: number, temperature: number): Float32Array {
  const terms = new Float64Array(shares.length);
  const part = (at: number, sign: 1 | -1): number => {
    for (const [member, { share, logits }] of shares.entries()) {
      terms[member] = Math.log(share) + logSigmoid((sign * (logits[at] ?? 0)) / temperature);
    }
    return logSumExp(terms, 0, terms.length, 1);
  };
  return Float32Array.from({ length }, (_, at) => temperature * (part(at, 1) - part(at, -1)));
}

function logSigmoid(value: number): number {
  return Math.min(0, value) - Math.log1p(Math.exp(-Math.abs(value)));
}
