/**
 * The part of the loss that the targets decide, by their kind: cross-entropy for one class, binary cross-entropy for
 * several classes, half the squared error for numbers; the last two are means over the columns. Float64, pure.
 */
import type { Targets } from '../samples/index.js';
import { logSumExp } from './log-sum-exp.js';

export interface HardLossRow {
  readonly columns: number;
  /** [rows, columns] */
  readonly student: Float32Array;
  readonly targets: Targets;
  readonly row: number;
  /** Share ε of one class that goes to all classes alike: 1 − ε + ε / columns for the label, ε / columns for the others. */
  readonly labelSmoothing: number;
}

/**
 * Adds the gradient of one row, divided by the number of rows.
 * @param gradient of the whole batch, [rows, columns]
 * @param weight share of the hard loss
 * @returns weight · loss of the row
 */
export function addHardLoss(
  gradient: Float32Array,
  { columns, student, targets, row, labelSmoothing }: HardLossRow,
  weight: number,
): number {
  const start = row * columns;
  const rows = student.length / columns;
  switch (targets.kind) {
    case 'class': {
      const label = targets.labels[row] ?? 0;
      const logSum = logSumExp(student, start, columns, 1);
      const spread = labelSmoothing / columns;
      let sum = 0;
      for (let at = 0; at < columns; at++) {
        const logit = student[start + at] ?? 0;
        const probability = Math.exp(logit - logSum);
        gradient[start + at] = (weight * (probability - (at === label ? 1 - labelSmoothing + spread : spread))) / rows;
        sum += logit;
      }
      return weight * (logSum - ((1 - labelSmoothing) * (student[start + label] ?? 0) + spread * sum));
    }
    case 'classes': {
      let total = 0;
      for (let at = 0; at < columns; at++) {
        const logit = student[start + at] ?? 0;
        const wanted = targets.values[start + at] ?? 0;
        // log(1 + e^x) − wanted · x, without overflow.
        total += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - wanted * logit;
        gradient[start + at] = (weight * (1 / (1 + Math.exp(-logit)) - wanted)) / (rows * columns);
      }
      return (weight * total) / columns;
    }
    case 'values': {
      let total = 0;
      for (let at = 0; at < columns; at++) {
        const difference = (student[start + at] ?? 0) - (targets.values[start + at] ?? 0);
        total += (difference * difference) / 2;
        gradient[start + at] = (weight * difference) / (rows * columns);
      }
      return (weight * total) / columns;
    }
  }
}
