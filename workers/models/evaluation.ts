/** What an evaluation counts, of a student's answers and of a teacher's alike, by the kind of the targets. Pure. */
import type { Targets } from '../samples/index.js';
import { largest, type NamedMetrics } from './agreement.js';
import { addHardLoss } from './hard-loss.js';
import { logSumExp } from './log-sum-exp.js';

/** Counts and sums of some rows; those of several parts add up. `lossSum` is that of the hard loss (hard-loss.ts). */
export type Evaluation =
  /** `correctTop5`: rows whose label is among the five largest logits; null for a model of at most five columns. */
  | {
      readonly kind: 'class';
      readonly samples: number;
      readonly correct: number;
      readonly correctTop5: number | null;
      readonly lossSum: number;
    }
  /** A class is predicted where its logit is above 0. */
  | {
      readonly kind: 'classes';
      readonly samples: number;
      readonly truePositives: number;
      readonly falsePositives: number;
      readonly falseNegatives: number;
      readonly lossSum: number;
    }
  /** `absoluteErrorSum`: over the rows, of the mean over the columns. */
  | { readonly kind: 'values'; readonly samples: number; readonly absoluteErrorSum: number; readonly lossSum: number };

/** What people read of an evaluation. */
export interface Scores {
  /** null where the targets are not one class. */
  readonly accuracy: number | null;
  /** Mean hard loss: cross-entropy in nats, or half the squared error. */
  readonly loss: number;
  /** `accuracy`, `top5Accuracy`, `microF1`, `meanAbsoluteError`: those that fit the targets. */
  readonly metrics: NamedMetrics;
}

/** @param logits [rows, columns] of the rows that `targets` are of */
export function evaluationOf(logits: Float32Array, targets: Targets, columns: number): Evaluation {
  switch (targets.kind) {
    case 'class':
      return score(logits, targets.labels, columns);
    case 'classes': {
      let [truePositives, falsePositives, falseNegatives] = [0, 0, 0];
      logits.forEach((logit, at) => {
        const applies = targets.values[at] === 1;
        if (logit > 0 && applies) truePositives++;
        else if (logit > 0) falsePositives++;
        else if (applies) falseNegatives++;
      });
      return { ...sums(logits, targets, columns), kind: 'classes', truePositives, falsePositives, falseNegatives };
    }
    case 'values': {
      const absolute = logits.reduce((sum, value, at) => sum + Math.abs(value - (targets.values[at] ?? 0)), 0);
      return { ...sums(logits, targets, columns), kind: 'values', absoluteErrorSum: absolute / columns };
    }
  }
}

function sums(
  student: Float32Array,
  targets: Targets,
  columns: number,
): { readonly samples: number; readonly lossSum: number } {
  const samples = student.length / columns;
  const gradient = new Float32Array(student.length);
  let lossSum = 0;
  for (let row = 0; row < samples; row++) {
    lossSum += addHardLoss(gradient, { columns, student, targets, row, labelSmoothing: 0 }, 1);
  }
  return { samples, lossSum };
}

/**
 * @param logits [labels.length, columns]
 * @returns the rows whose largest logit is the label's (of equal ones, the first counts), and their cross-entropy
 */
export function score(
  logits: Float32Array,
  labels: Int32Array,
  columns: number,
): Extract<Evaluation, { readonly kind: 'class' }> {
  let lossSum = 0;
  let correct = 0;
  let correctTop5 = 0;
  labels.forEach((label, row) => {
    const start = row * columns;
    if (largest(logits, start, columns) === label) correct++;
    if (columns > 5 && rankOf(logits, start, columns, label) < 5) correctTop5++;
    lossSum += logSumExp(logits, start, columns, 1) - (logits[start + label] ?? 0);
  });
  return { kind: 'class', samples: labels.length, correct, correctTop5: columns > 5 ? correctTop5 : null, lossSum };
}

/** Number of columns before `label` in the order of the logits, the largest first; of equal ones the first. */
function rankOf(logits: Float32Array, start: number, columns: number, label: number): number {
  const own = logits[start + label] ?? 0;
  let rank = 0;
  for (let at = 0; at < columns; at++) {
    const logit = logits[start + at] ?? 0;
    if (logit > own || (logit === own && at < label)) rank++;
  }
  return rank;
}

/** The sum of two evaluations of the same kind; all parts of a split have the kind of its targets. */
export function evaluationSum<Kind extends Evaluation>(left: Kind, right: Kind): Kind {
  const entries = Object.entries(left as Record<string, unknown>).map(([name, value]) => [
    name,
    typeof value === 'number' ? value + Number((right as Record<string, unknown>)[name]) : value,
  ]);
  return Object.fromEntries(entries) as Kind;
}

export function scoresOf(evaluation: Evaluation): Scores {
  const { samples } = evaluation;
  const loss = evaluation.lossSum / samples;
  switch (evaluation.kind) {
    case 'class': {
      const { correct, correctTop5 } = evaluation;
      const accuracy = correct / samples;
      const top5 = correctTop5 === null ? {} : { top5Accuracy: correctTop5 / samples };
      return { accuracy, loss, metrics: { accuracy, ...top5 } };
    }
    case 'classes': {
      const { truePositives, falsePositives, falseNegatives } = evaluation;
      const all = 2 * truePositives + falsePositives + falseNegatives;
      // Nothing to find and nothing found: there is no error.
      return { accuracy: null, loss, metrics: { microF1: all === 0 ? 1 : (2 * truePositives) / all } };
    }
    case 'values':
      return { accuracy: null, loss, metrics: { meanAbsoluteError: evaluation.absoluteErrorSum / samples } };
  }
}
