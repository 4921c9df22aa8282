/**
 * The part of the loss that the teacher decides, of one row s (student) and t (teacher), by kind. Float64, pure.
 *
 *   KL                  T² · KL(softmax(t / T) ‖ softmax(s / T))
 *   BinaryCrossEntropy  T² · the mean over the columns of KL between Bernoulli(σ(t / T)) and Bernoulli(σ(s / T)): the
 *                       cross-entropy less the teacher's own entropy, so that 0 is agreement
 *   MSE                 half the squared difference, mean over the columns
 *   Cosine              1 − s·t / (|s| · |t|); 1 without a gradient where either row is all zeros
 *
 * T² keeps the size of the gradient the same for every temperature (Hinton et al., arXiv 1503.02531). MSE has the scale of
 * the hard loss of numbers (hard-loss.ts), so that the two can be mixed.
 */
import type { Manifest } from '@distillery/protocol';

import { logSumExp } from './log-sum-exp.js';

export type SoftLossKind = NonNullable<Manifest['student']['loss']['kind']>;

export interface SoftLossRow {
  /** [rows, columns] */
  readonly student: Float32Array;
  /** [rows, columns] */
  readonly teacher: Float32Array;
  readonly row: number;
}

/**
 * Adds the gradient of one row, divided by the number of rows, to `gradient` ([rows, columns]).
 * @returns weight · loss of the row
 */
export type SoftLoss = (gradient: Float32Array, row: SoftLossRow, weight: number) => number;

export function softLoss(kind: SoftLossKind, columns: number, temperature: number): SoftLoss {
  switch (kind) {
    case 'KL':
      return divergence(columns, temperature);
    case 'BinaryCrossEntropy':
      return binaryDivergence(columns, temperature);
    case 'MSE':
      return squaredError(columns);
    case 'Cosine':
      return cosineDistance(columns);
  }
}

function divergence(columns: number, temperature: number): SoftLoss {
  const own = new Float64Array(columns);
  const target = new Float64Array(columns);
  return (gradient, { student, teacher, row }, weight) => {
    const start = row * columns;
    const rows = student.length / columns;
    logSoftmax(own, student, start, temperature);
    logSoftmax(target, teacher, start, temperature);
    let total = 0;
    for (let at = 0; at < columns; at++) {
      const [mine = 0, wanted = 0] = [own[at], target[at]];
      const probability = Math.exp(wanted);
      // A probability of exactly 0 contributes 0, also where its logarithm is −∞.
      if (probability > 0) total += probability * (wanted - mine);
      const slope = weight * temperature * (Math.exp(mine) - probability);
      gradient[start + at] = (gradient[start + at] ?? 0) + slope / rows;
    }
    return weight * temperature * temperature * total;
  };
}

function logSoftmax(target: Float64Array, logits: Float32Array, start: number, temperature: number): void {
  const logSum = logSumExp(logits, start, target.length, temperature);
  for (let at = 0; at < target.length; at++) target[at] = (logits[start + at] ?? 0) / temperature - logSum;
}

function binaryDivergence(columns: number, temperature: number): SoftLoss {
  return (gradient, { student, teacher, row }, weight) => {
    const start = row * columns;
    const rows = student.length / columns;
    let total = 0;
    for (let at = start; at < start + columns; at++) {
      const mine = (student[at] ?? 0) / temperature;
      const wanted = (teacher[at] ?? 0) / temperature;
      total += binaryKl(wanted, mine);
      const slope = (weight * temperature * (sigmoid(mine) - sigmoid(wanted))) / columns;
      gradient[at] = (gradient[at] ?? 0) + slope / rows;
    }
    return (weight * temperature * temperature * total) / columns;
  };
}

/** KL(Bernoulli(σ(wanted)) ‖ Bernoulli(σ(mine))) in nats, without overflow. */
export function binaryKl(wanted: number, mine: number): number {
  return softplus(mine) - softplus(wanted) - sigmoid(wanted) * (mine - wanted);
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** log(1 + e^x) */
function softplus(logit: number): number {
  return Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit)));
}

function squaredError(columns: number): SoftLoss {
  return (gradient, { student, teacher, row }, weight) => {
    const start = row * columns;
    const rows = student.length / columns;
    let total = 0;
    for (let at = start; at < start + columns; at++) {
      const difference = (student[at] ?? 0) - (teacher[at] ?? 0);
      total += (difference * difference) / 2;
      gradient[at] = (gradient[at] ?? 0) + (weight * difference) / (rows * columns);
    }
    return (weight * total) / columns;
  };
}

function cosineDistance(columns: number): SoftLoss {
  return (gradient, { student, teacher, row }, weight) => {
    const start = row * columns;
    const rows = student.length / columns;
    const { product, own, target } = lengths(student, teacher, start, columns);
    if (own === 0 || target === 0) return weight;
    const cosine = product / (own * target);
    for (let at = start; at < start + columns; at++) {
      const slope = ((cosine * (student[at] ?? 0)) / own - (teacher[at] ?? 0) / target) / own;
      gradient[at] = (gradient[at] ?? 0) + (weight * slope) / rows;
    }
    return weight * (1 - cosine);
  };
}

/** Cosine of the angle between two rows; 0 where either is all zeros. */
export function cosineOf(student: Float32Array, teacher: Float32Array, start: number, columns: number): number {
  const { product, own, target } = lengths(student, teacher, start, columns);
  return own === 0 || target === 0 ? 0 : product / (own * target);
}

function lengths(
  student: Float32Array,
  teacher: Float32Array,
  start: number,
  columns: number,
): { readonly product: number; readonly own: number; readonly target: number } {
  let [product, own, target] = [0, 0, 0];
  for (let at = start; at < start + columns; at++) {
    const [mine = 0, wanted = 0] = [student[at], teacher[at]];
    product += mine * wanted;
    own += mine * mine;
    target += wanted * wanted;
  }
  return { product, own: Math.sqrt(own), target: Math.sqrt(target) };
}
