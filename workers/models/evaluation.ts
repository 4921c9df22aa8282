/** What an evaluation counts, of a student's logits and of a teacher's alike. Pure. */
import { logSumExp } from './log-sum-exp.js';
import type { Evaluation } from './trainer.js';

/**
 * @param logits [labels.length, columns]
 * @returns the samples whose largest logit is the label's (of equal ones, the first counts), and their cross-entropy
 */
export function score(logits: Float32Array, labels: Int32Array, columns: number): Evaluation {
  let lossSum = 0;
  let correct = 0;
  labels.forEach((label, row) => {
    const start = row * columns;
    let best = 0;
    for (let at = 1; at < columns; at++) {
      if ((logits[start + at] ?? 0) > (logits[start + best] ?? 0)) best = at;
    }
    if (best === label) correct++;
    lossSum += logSumExp(logits, start, columns, 1) - (logits[start + label] ?? 0);
  });
  return { samples: labels.length, correct, lossSum };
}
