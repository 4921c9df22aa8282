/** Learning rate as a pure function of the step, so that a restored run needs no state for it. */
import type { Manifest } from '@distillery/protocol';

export type OptimizerSettings = Manifest['student']['optimizer'];

/**
 * Warm-up rises linearly and reaches the full rate at its last step; a cosine then falls to
 * `finalFraction · learningRate`, reached exactly at the last step.
 * @param step from 0 to totalSteps − 1
 */
export function learningRateAt(
  { learningRate, schedule }: Pick<OptimizerSettings, 'learningRate' | 'schedule'>,
  step: number,
  totalSteps: number,
): number {
  const { warmupSteps, finalFraction } = schedule;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  switch (schedule.name) {
    case 'Constant':
      return learningRate;
    case 'Cosine': {
      const span = totalSteps - 1 - warmupSteps;
      const progress = span <= 0 ? 1 : Math.min(1, (step - warmupSteps) / span);
      return learningRate * (finalFraction + ((1 - finalFraction) * (1 + Math.cos(Math.PI * progress))) / 2);
    }
  }
}
