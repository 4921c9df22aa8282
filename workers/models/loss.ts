/**
 * The loss of distillation and its gradient with respect to the student's logits, in float64 on plain arrays: exact to
 * the last bit of float32, and one pass instead of thirty small tensor operations.
 *
 *   loss = softWeight · T² · KL(softmax(teacher / T) ‖ softmax(student / T)) + (1 − softWeight) · cross-entropy,
 * each a mean over the rows (Hinton et al., arXiv 1503.02531). Without teacher logits: cross-entropy alone.
 */

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
  /** [rows], each below `columns` */
  readonly labels: Int32Array;
}

export interface LossResult {
  /** Mean over the rows. */
  readonly loss: number;
  /** d loss / d student, [rows, columns]. */
  readonly gradient: Float32Array;
}

export function distillationLoss(
  { columns, student, teacher, labels }: LossInput,
  { temperature, softWeight }: LossSettings,
): LossResult {
  const rows = labels.length;
  const gradient = new Float32Array(rows * columns);
  const soft = teacher === null ? 0 : softWeight;
  const hard = 1 - soft;
  const own = new Float64Array(columns);
  const target = new Float64Array(columns);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const label = labels[row] ?? 0;
    if (hard > 0) {
      const logSum = logSumExp(student, start, columns, 1);
      total += hard * (logSum - (student[start + label] ?? 0));
      for (let at = 0; at < columns; at++) {
        const probability = Math.exp((student[start + at] ?? 0) - logSum);
        gradient[start + at] = (hard * (probability - (at === label ? 1 : 0))) / rows;
      }
    }
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

/** log Σ exp(logit / temperature) of the row that begins at `start`. */
export function logSumExp(logits: Float32Array, start: number, columns: number, temperature: number): number {
  let largest = -Infinity;
  for (let at = start; at < start + columns; at++) largest = Math.max(largest, logits[at] ?? 0);
  let sum = 0;
  for (let at = start; at < start + columns; at++) sum += Math.exp(((logits[at] ?? 0) - largest) / temperature);
  return largest / temperature + Math.log(sum);
}

function logSoftmax(target: Float64Array, logits: Float32Array, start: number, temperature: number): void {
  const logSum = logSumExp(logits, start, target.length, temperature);
  for (let at = 0; at < target.length; at++) target[at] = (logits[start + at] ?? 0) / temperature - logSum;
}
