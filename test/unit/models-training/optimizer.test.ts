import { describe, expect, it } from '@jest/globals';
import { createOptimizer } from '../../../workers/models/optimizer.js';
import { optimizerSettings } from './students.js';

const shape = [2, 2];

/** Weights after some steps with the gradient 2·w (that of w²), from 1, −2, 0.5, 0. */
function descend(settings: Parameters<typeof optimizerSettings>[0], steps: number): number[] {
  const values = Float32Array.of(1, -2, 0.5, 0);
  const optimizer = createOptimizer(optimizerSettings(settings), [{ name: 'w', shape, values }], 100);
  for (let step = 0; step < steps; step++) optimizer.update([values.map((value) => 2 * value)], step);
  return [...values];
}

describe('an optimizer', () => {
  it('sgd goes down the gradient', () => {
    expect(descend({ name: 'sgd', learningRate: 0.25, momentum: 0 }, 1)).toEqual([0.5, -1, 0.25, 0]);
  });

  it('sgd with momentum keeps a part of the last velocity', () => {
    // v1 = 2, w1 = 1 − 0.25·2 = 0.5; v2 = 0.5·2 + 1 = 2, w2 = 0.5 − 0.25·2 = 0.
    expect(descend({ name: 'sgd', learningRate: 0.25, momentum: 0.5 }, 2)[0]).toBe(0);
  });

  it('sgd adds weight decay to the gradient', () => {
    expect(descend({ name: 'sgd', learningRate: 0.25, momentum: 0, weightDecay: 1 }, 1)[0]).toBe(0.25);
  });

  it('adam moves every weight by the learning rate at the first step, whatever the slope', () => {
    const [first, second, third, fourth] = descend({ name: 'adam', learningRate: 0.1 }, 1);
    expect(first).toBeCloseTo(0.9, 6);
    expect(second).toBeCloseTo(-1.9, 6);
    expect(third).toBeCloseTo(0.4, 6);
    expect(fourth).toBe(0);
  });

  it('adam follows its definition over many steps', () => {
    const [rate, beta1, beta2, epsilon] = [0.05, 0.9, 0.999, 1e-7];
    let [weight, m, v] = [1, 0, 0];
    for (let step = 1; step <= 30; step++) {
      const slope = 2 * weight;
      m = beta1 * m + (1 - beta1) * slope;
      v = beta2 * v + (1 - beta2) * slope * slope;
      weight -= (rate * (m / (1 - beta1 ** step))) / (Math.sqrt(v / (1 - beta2 ** step)) + epsilon);
    }
    expect(descend({ name: 'adam', learningRate: rate, beta1, beta2, epsilon }, 30)[0]).toBeCloseTo(weight, 5);
  });

  it('adamw takes its decay off the weight and not through the moments', () => {
    const [plain] = descend({ name: 'adam', learningRate: 0.1 }, 1);
    expect(descend({ name: 'adamw', learningRate: 0.1, weightDecay: 0.5 }, 1)[0]).toBeCloseTo(plain! - 0.1 * 0.5, 6);
  });

  it('adamw exempts biases and scales, which have one axis', () => {
    const values = Float32Array.of(1);
    const settings = optimizerSettings({ name: 'adamw', learningRate: 0.1, weightDecay: 0.5 });
    createOptimizer(settings, [{ name: 'bias', shape: [1], values }], 10).update([Float32Array.of(0)], 0);
    expect(values[0]).toBe(1);
  });

  it.each([
    { settings: { name: 'sgd', momentum: 0 }, want: [] },
    { settings: { name: 'sgd', momentum: 0.9 }, want: ['sgd/velocity/w'] },
    { settings: { name: 'adam' }, want: ['adam/m/w', 'adam/v/w'] },
    { settings: { name: 'adamw' }, want: ['adamw/m/w', 'adamw/v/w'] },
  ] as const)('keeps the slots $want with $settings', ({ settings, want }) => {
    const parameters = [{ name: 'w', shape, values: new Float32Array(4) }];
    const { slots } = createOptimizer(optimizerSettings(settings), parameters, 10);
    expect(slots.map(({ name }) => name)).toEqual(want);
    expect(slots.every((slot) => slot.values.length === 4 && slot.values.every((value) => value === 0))).toBe(true);
  });
});
