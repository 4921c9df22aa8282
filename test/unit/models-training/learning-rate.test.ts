import { describe, expect, it } from '@jest/globals';
import { learningRateAt } from '../../../workers/models/learning-rate.js';

type Schedule = Parameters<typeof learningRateAt>[0]['schedule'];

const named = (name: Schedule['name']): Schedule => ({ name, warmupSteps: 0, finalFraction: 0 });

describe('the learning rate', () => {
  const constant: Schedule = { name: 'Constant', warmupSteps: 0, finalFraction: 0.1 };
  const warm: Schedule = { name: 'Constant', warmupSteps: 4, finalFraction: 1 };
  const cosine: Schedule = { name: 'Cosine', warmupSteps: 0, finalFraction: 0.1 };
  const warmCosine: Schedule = { name: 'Cosine', warmupSteps: 10, finalFraction: 0 };
  // The values in this table are those of Keras's classes of these names.
  const exponential: Schedule = { ...named('ExponentialDecay'), warmupSteps: 4, decaySteps: 20, decayRate: 0.5 };
  const inverse: Schedule = { ...named('InverseTimeDecay'), decaySteps: 10, decayRate: 0.5 };
  const polynomial: Schedule = { ...named('PolynomialDecay'), decaySteps: 20, power: 2, finalFraction: 0.1 };
  const line = named('PolynomialDecay');
  const pieces: Schedule = {
    ...named('PiecewiseConstantDecay'),
    warmupSteps: 4,
    boundaries: [10, 20],
    fractions: [1, 0.1, 0.01],
  };
  it.each([
    { what: 'is constant from the first step', schedule: constant, step: 0, want: 0.2 },
    { what: 'is constant to the last step', schedule: constant, step: 100, want: 0.2 },
    { what: 'starts a warm-up above zero', schedule: warm, step: 0, want: 0.05 },
    { what: 'reaches the full rate with the last step of the warm-up', schedule: warm, step: 3, want: 0.2 },
    { what: 'stays there', schedule: warm, step: 4, want: 0.2 },
    { what: 'starts a cosine at the full rate', schedule: cosine, step: 0, want: 0.2 },
    { what: 'is half way down in the middle', schedule: cosine, step: 50, want: 0.2 * 0.55 },
    { what: 'reaches the final fraction at the last step', schedule: cosine, step: 100, want: 0.2 * 0.1 },
    { what: 'stays at the final fraction past the last step', schedule: cosine, step: 1000, want: 0.2 * 0.1 },
    { what: 'starts the cosine after the warm-up', schedule: warmCosine, step: 10, want: 0.2 },
    { what: 'falls to zero after a warm-up', schedule: warmCosine, step: 100, want: 0 },
    { what: 'decays exponentially', schedule: exponential, step: 14, want: 0.2 * 0.5 ** 0.5 },
    { what: 'decays by stairs', schedule: { ...exponential, staircase: true }, step: 33, want: 0.2 * 0.5 },
    { what: 'decays with the inverse of time', schedule: inverse, step: 30, want: 0.2 / (1 + 0.5 * 3) },
    { what: 'falls along a polynomial', schedule: polynomial, step: 10, want: 0.2 * (0.1 + 0.9 * 0.25) },
    { what: 'stays at the end of the polynomial', schedule: polynomial, step: 90, want: 0.2 * 0.1 },
    { what: 'ends a polynomial at the last step', schedule: line, step: 100, want: 0 },
    { what: 'is half way down that line in the middle', schedule: line, step: 50, want: 0.1 },
    { what: 'is the first piece up to its boundary', schedule: pieces, step: 14, want: 0.2 },
    { what: 'is the next piece after it', schedule: pieces, step: 15, want: 0.02 },
    { what: 'is the last piece after all boundaries', schedule: pieces, step: 100, want: 0.002 },
  ])('$what', ({ schedule, step, want }) => {
    expect(learningRateAt({ learningRate: 0.2, schedule }, step, 101)).toBeCloseTo(want, 12);
  });

  it('is finite where the warm-up fills the whole job', () => {
    const schedule: Schedule = { name: 'Cosine', warmupSteps: 5, finalFraction: 0.5 };
    expect([4, 5].map((step) => learningRateAt({ learningRate: 1, schedule }, step, 5))).toEqual([1, 0.5]);
  });

  it('never rises after the warm-up', () => {
    const rates = Array.from({ length: 91 }, (_, step) =>
      learningRateAt({ learningRate: 1, schedule: warmCosine }, step + 10, 101),
    );
    rates.slice(1).forEach((rate, index) => expect(rate).toBeLessThan(rates[index]!));
  });
});
