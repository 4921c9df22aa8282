/**
 * The loss of distillation and its gradient with respect to the student's logits, in float64 on plain arrays: exact to
 * the last bit of float32, and one pass instead of thirty small tensor operations.
 *
 *   loss = softWeight · soft + (1 − softWeight) · hard,
 * each a mean over the rows. `soft` compares with the teacher (soft-loss.ts), `hard` fits the targets (hard-loss.ts).
 * Without teacher logits `hard` is the whole loss, without targets it is left out.
 */
import type { Manifest } from '@distillery/protocol';

import type { Targets } from '../samples/index.js';
import type { TeacherAnswers } from './agreement.js';
import { addHardLoss } from './hard-loss.js';
import { softLoss } from './soft-loss.js';

export type LossSettings = Manifest['student']['loss'] & {
  /** What the teacher's numbers are, so that agreement with them is measured; absent = as `kind` implies. */
  readonly answers?: TeacherAnswers | undefined;
};

export interface LossInput {
  readonly columns: number;
  /** [rows, columns] */
  readonly student: Float32Array;
  /** [rows, columns] */
  readonly teacher: Float32Array | null;
  /** Of the rows; labels are below `columns`, other targets are `columns` wide. */
  readonly targets: Targets | null;
}

export interface LossResult {
  /** Mean over the rows. */
  readonly loss: number;
  /** d loss / d student, [rows, columns]. */
  readonly gradient: Float32Array;
}

export function distillationLoss(
  { columns, student, teacher, targets }: LossInput,
  { kind = 'KL', temperature, softWeight, labelSmoothing = 0 }: LossSettings,
): LossResult {
  const rows = student.length / columns;
  const gradient = new Float32Array(rows * columns);
  const soft = teacher === null ? 0 : targets === null ? 1 : softWeight;
  const addSoftLoss = softLoss(kind, columns, temperature);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    if (targets !== null && soft < 1) {
      total += addHardLoss(gradient, { columns, student, targets, row, labelSmoothing }, 1 - soft);
    }
    if (teacher !== null && soft > 0) total += addSoftLoss(gradient, { student, teacher, row }, soft);
  }
  return { loss: total / rows, gradient };
}
