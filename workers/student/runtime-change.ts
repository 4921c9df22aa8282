/** What a student says that continues on another runtime than the one that wrote its checkpoint. Pure. */
import type { TrainingMetrics } from '@distillery/protocol';

/**
 * @param metrics of the checkpoint
 * @param runtime what computes from now on
 * @returns a sentence for people; null where the runtime is the same, or the checkpoint of a release that named none
 */
export function runtimeChange({ computedBy }: TrainingMetrics, runtime: string, step: number): string | null {
  const before = computedBy?.at(-1)?.runtime;
  if (before === undefined || before === runtime) return null;
  return (
    `the student continues at step ${String(step)} on ${runtime}, and ${before} trained up to there: the weights will ` +
    'differ in their last bits from those of an undisturbed run. Set student.runtime in the job to rule this out.'
  );
}
