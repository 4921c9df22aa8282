/** An evaluation of many samples, a part at a time. */
import { type Samples, samplesBetween, type Targets, targetsBetween } from '../samples/index.js';
import { type Evaluation, evaluationOf, evaluationSum } from './evaluation.js';

/** Samples of one forward pass: large enough to be fast, small enough for the heap. */
export const evaluationSamples = 256;

/** @param logitsOf of at most `evaluationSamples` samples, [rows, columns] */
export function evaluationInParts(
  samples: Samples,
  targets: Targets,
  columns: number,
  logitsOf: (samples: Samples) => Float32Array,
): Evaluation {
  const partAt = (start: number): Evaluation => {
    const end = Math.min(start + evaluationSamples, samples.count);
    return evaluationOf(logitsOf(samplesBetween(samples, start, end)), targetsBetween(targets, start, end), columns);
  };
  let evaluation = partAt(0);
  for (let start = evaluationSamples; start < samples.count; start += evaluationSamples) {
    evaluation = evaluationSum(evaluation, partAt(start));
  }
  return evaluation;
}
