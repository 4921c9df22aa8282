/**
 * The loss of distillation and its gradient with respect to the student's logits, in float64 on plain arrays: exact to
 * the last bit of float32, and one pass instead of thirty small tensor operations.
 *
 *   loss = softWeight · T² · KL(softmax(teacher / T) ‖ softmax(student / T)) + (1 − softWeight) · hard,
 * each a mean over the rows (Hinton et al., arXiv 1503.02531). `hard` fits the targets (hard-loss.ts). Without teacher
 * logits it is the whole loss, without targets it is left out.
 */
import type { Targets } from '../data/index.js';
import { addHardLoss } from './hard-loss.js';
import { logSumExp } from './log-sum-exp.js';

export interface LossSettings {
  readonly temperature: number;
  /** From 0 (labels alone) to 1 (teacher alone). */
  readonly softWeight: number;
}

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
  { temperature, softWeight }: LossSettings,
): LossResult {
  const rows = student.length / columns;
  const gradient = new Float32Array(rows * columns);
  const soft = teacher === null ? 0 : targets === null ? 1 : softWeight;
  const own = new Float64Array(columns);
  const target = new Float64Array(columns);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    if (targets !== null && soft < 1) total += addHardLoss(gradient, { columns, student, targets, row }, 1 - soft);
    if (teacher !== null && soft > 0) {
      logSoftmax(own, student, start, temperature);
      logSoftmax(target, teacher, start, temperature);
      let divergence = 0;
      for (let at = 0; at < columns; at++) {
        const [mine = 0, wanted = 0] = [own[at], target[at]];
        const probability = Math.exp(wanted);
        // A probability of exactly 0 contributes 0, also where its logarithm is −∞.
        if (probability > 0) divergence += probability * (wanted - mine);
        const slope = soft * temperature * (Math.exp(mine) - probability);
        gradient[start + at] = (gradient[start + at] ?? 0) + slope / rows;
      }
      total += soft * temperature * temperature * divergence;
    }
  }
  return { loss: total / rows, gradient };
}

function logSoftmax(target: Float64Array, logits: Float32Array, start: number, temperature: number): void {
  const logSum = logSumExp(logits, start, target.length, temperature);
  for (let at = 0; at < target.length; at++) target[at] = (logits[start + at] ?? 0) / temperature - logSum;
}
