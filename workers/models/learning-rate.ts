/** The learning rate as a pure function of the step, so that a restored run needs no state for it. */
import type { Manifest } from '@distillery/protocol';

export type LearningRateSettings = Pick<Manifest['student']['optimizer'], 'learningRate' | 'schedule'>;

/**
 * Warm-up rises linearly and reaches the full rate at its last step. The schedule, named as in Keras, then begins: s is the
 * number of steps since the warm-up, d is `decaySteps`, r is `decayRate`, f is `finalFraction`.
 *
 *   Constant                1
 *   Cosine                  f + (1 − f) · (1 + cos(π · progress)) / 2, f exactly at the last step of the job
 *   ExponentialDecay        r ^ (s / d)
 *   InverseTimeDecay        1 / (1 + r · s / d)
 *   PolynomialDecay         f + (1 − f) · (1 − min(s, d) / d) ^ power; without `decaySteps` f at the last step of the job
 *   PiecewiseConstantDecay  fractions[i], i = the number of boundaries below s
 *
 * With `staircase`, s / d is rounded down.
 * @param step from 0 to totalSteps − 1
 */
export function learningRateAt(
  { learningRate, schedule }: LearningRateSettings,
  step: number,
  totalSteps: number,
): number {
  const { warmupSteps, finalFraction } = schedule;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const since = step - warmupSteps;
  const span = totalSteps - 1 - warmupSteps;
  const { decaySteps = Math.max(1, span), decayRate = 1, staircase = false, power = 1 } = schedule;
  const periods = staircase ? Math.floor(since / decaySteps) : since / decaySteps;
  switch (schedule.name) {
    case 'Constant':
      return learningRate;
    case 'Cosine': {
      const progress = span <= 0 ? 1 : Math.min(1, since / span);
      return learningRate * (finalFraction + ((1 - finalFraction) * (1 + Math.cos(Math.PI * progress))) / 2);
    }
    case 'ExponentialDecay':
      return learningRate * decayRate ** periods;
    case 'InverseTimeDecay':
      return learningRate / (1 + decayRate * periods);
    case 'PolynomialDecay': {
      const left = 1 - Math.min(since, decaySteps) / decaySteps;
      return learningRate * (finalFraction + (1 - finalFraction) * left ** power);
    }
    case 'PiecewiseConstantDecay': {
      const { boundaries = [], fractions = [] } = schedule;
      return learningRate * (fractions[boundaries.filter((boundary) => since > boundary).length] ?? 1);
    }
  }
}
