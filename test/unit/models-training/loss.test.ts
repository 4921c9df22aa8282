import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { score } from '../../../workers/models/evaluation.js';
import { distillationLoss } from '../../../workers/models/loss.js';
import type { Targets } from '../../../workers/samples/index.js';
import { targetsOf } from '../../kit/samples.js';

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

const kinds = ['KL', 'MSE', 'Cosine', 'BinaryCrossEntropy'] as const;

/** log(1 + e^x) */
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const logit = fc.double({ min: -20, max: 20, noNaN: true });
const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), columns: fc.integer({ min: 2, max: 6 }) })
  .chain(({ rows, columns }) => {
    const matrix = fc.array(logit, { minLength: rows * columns, maxLength: rows * columns });
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      student: matrix.map((values) => Float32Array.from(values)),
      teacher: fc.option(matrix.map((values) => Float32Array.from(values))),
      labels: fc
        .array(fc.integer({ min: 0, max: columns - 1 }), { minLength: rows, maxLength: rows })
        .map((labels) => Int32Array.from(labels)),
      temperature: fc.double({ min: 0.5, max: 10, noNaN: true }),
      softWeight: fc.double({ min: 0, max: 1, noNaN: true }),
    });
  });

describe('the loss of distillation', () => {
  it('is what its formula says, computed by tensors', () => {
    fc.assert(
      fc.property(cases, ({ rows, columns, student, teacher, labels, temperature, softWeight }) => {
        const { loss } = distillationLoss(
          { columns, student, teacher, targets: targetsOf(labels) },
          { temperature, softWeight },
        );
        const want = tf.tidy(() => {
          const logits = tf.tensor2d(student, [rows, columns]);
          const ones = tf.oneHot(tf.tensor1d(labels, 'int32'), columns);
          const hard = tf.neg(tf.mean(tf.sum(tf.mul(ones, tf.logSoftmax(logits)), 1)));
          if (teacher === null) return hard.dataSync()[0]!;
          const target = tf.logSoftmax(tf.div(tf.tensor2d(teacher, [rows, columns]), temperature));
          const mine = tf.logSoftmax(tf.div(logits, temperature));
          const divergence = tf.mean(tf.sum(tf.mul(tf.exp(target), tf.sub(target, mine)), 1));
          const soft = tf.mul(divergence, softWeight * temperature ** 2);
          return tf.add(soft, tf.mul(hard, 1 - softWeight)).dataSync()[0]!;
        });
        expect(Math.abs(loss - want)).toBeLessThan(1e-4 * Math.max(1, Math.abs(want)));
      }),
      { numRuns: 200 },
    );
  });

  it('has the gradient that finite differences of it have', () => {
    fc.assert(
      fc.property(cases, ({ columns, student, teacher, labels, temperature, softWeight }) => {
        const settings = { temperature, softWeight };
        const { gradient } = distillationLoss({ columns, student, teacher, targets: targetsOf(labels) }, settings);
        student.forEach((value, at) => {
          const lossAt = (moved: number): number =>
            distillationLoss(
              { columns, student: student.with(at, moved), teacher, targets: targetsOf(labels) },
              settings,
            ).loss;
          const [above, below] = [Math.fround(value + 1e-2), Math.fround(value - 1e-2)];
          const slope = (lossAt(above) - lossAt(below)) / (above - below);
          expect(Math.abs(slope - gradient[at]!)).toBeLessThan(2e-4 * Math.max(1, temperature));
        });
      }),
      { numRuns: 200 },
    );
  });

  it.each(kinds)('has the gradient that finite differences have, with smoothed labels, by %s', (kind) => {
    fc.assert(
      fc.property(
        cases,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ columns, student, teacher, labels, temperature, softWeight }, labelSmoothing) => {
          // The angle turns fast near zero: finite differences need rows that are not.
          const own = student.map((value) => Math.sign(value || 1) * (1 + Math.abs(value)));
          const settings = { kind, temperature, softWeight, labelSmoothing };
          const input = { columns, student: own, teacher, targets: targetsOf(labels) };
          const { gradient } = distillationLoss(input, settings);
          own.forEach((value, at) => {
            const lossAt = (moved: number): number =>
              distillationLoss({ ...input, student: own.with(at, moved) }, settings).loss;
            const [above, below] = [Math.fround(value + 1e-2), Math.fround(value - 1e-2)];
            const slope = (lossAt(above) - lossAt(below)) / (above - below);
            expect(Math.abs(slope - gradient[at]!)).toBeLessThan(3e-4 * Math.max(1, temperature));
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each<{ readonly kind: (typeof kinds)[number]; readonly want: number }>([
    { kind: 'MSE', want: (1.5 ** 2 + 1 ** 2 + 2 ** 2 + 0) / 2 / 4 },
    { kind: 'Cosine', want: (1 - (1 * 2.5 + 2 * 1) / Math.hypot(1, 2) / Math.hypot(2.5, 1) + 1 - 1 / 1) / 2 },
    {
      kind: 'BinaryCrossEntropy',
      want:
        (9 / 4) *
        [
          [1, 2.5],
          [2, 1],
          [3, 1],
          [0, 0],
        ].reduce((sum, [own = 0, target = 0]) => {
          const [q, p] = [1 / (1 + Math.exp(-own / 3)), 1 / (1 + Math.exp(-target / 3))];
          return sum + p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
        }, 0),
    },
  ])('is what the formula of $kind says', ({ kind, want }) => {
    const input = {
      columns: 2,
      student: Float32Array.of(1, 2, 3, 0),
      teacher: Float32Array.of(2.5, 1, 1, 0),
      targets: null,
    };
    expect(distillationLoss(input, { kind, temperature: 3, softWeight: 0.2 }).loss).toBeCloseTo(want, 9);
  });

  it.each(kinds)('has no gradient when the student answers what the teacher answers, by %s', (kind) => {
    const teacher = Float32Array.of(3, -1, 0.5, 0, 0, 9);
    const { loss, gradient } = distillationLoss(
      { columns: 3, student: teacher.slice(), teacher, targets: targetsOf(Int32Array.of(0, 2)) },
      { kind, temperature: 4, softWeight: 1 },
    );
    expect(loss).toBeCloseTo(0, 12);
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-9);
  });

  it('smooths labels as Keras does: a share of each goes to all classes alike', () => {
    const input = {
      columns: 4,
      student: Float32Array.of(1, 2, 0, -1),
      teacher: null,
      targets: targetsOf(Int32Array.of(1)),
    };
    const logSum = Math.log([1, 2, 0, -1].reduce((sum, value) => sum + Math.exp(value), 0));
    const { loss } = distillationLoss(input, { temperature: 4, softWeight: 0.9, labelSmoothing: 0.2 });
    expect(loss).toBeCloseTo(logSum - (0.05 * 1 + 0.85 * 2 + 0.05 * 0 + 0.05 * -1), 12);
  });

  it.each([
    ['the student', Float32Array.of(0, 0), Float32Array.of(1, 2)],
    ['the teacher', Float32Array.of(1, 2), Float32Array.of(0, 0)],
  ])('has no angle where %s answers zeros: the loss is 1, without a gradient', (_who, student, teacher) => {
    const settings = { kind: 'Cosine', temperature: 1, softWeight: 1 } as const;
    const { loss, gradient } = distillationLoss({ columns: 2, student, teacher, targets: null }, settings);
    expect({ loss, gradient: [...gradient] }).toEqual({ loss: 1, gradient: [0, 0] });
  });

  it('takes labels at full weight where there is no teacher', () => {
    const input = { columns: 2, student: Float32Array.of(0, 0), teacher: null, targets: targetsOf(Int32Array.of(1)) };
    expect(distillationLoss(input, { temperature: 4, softWeight: 0.9 }).loss).toBeCloseTo(Math.log(2), 12);
  });

  it('leaves the targets out where there are none, whatever their weight', () => {
    const [student, teacher] = [Float32Array.of(1, 2), Float32Array.of(0, 3)];
    const lossAt = (softWeight: number): number =>
      distillationLoss({ columns: 2, student, teacher, targets: null }, { temperature: 2, softWeight }).loss;
    expect(lossAt(0.3)).toBe(lossAt(1));
  });

  it.each<{ readonly kind: string; readonly targets: Targets; readonly want: number }>([
    {
      kind: 'several classes: binary cross-entropy, mean over the columns',
      targets: { kind: 'classes', classes: 2, values: Uint8Array.of(1, 0, 0, 1) },
      want: (softplus(-0.5) + softplus(-2) + softplus(30) + softplus(-1)) / 4,
    },
    {
      kind: 'numbers: half the squared error, mean over the columns',
      targets: { kind: 'values', width: 2, values: Float32Array.of(1, 0, 0, 1) },
      want: (0.5 ** 2 + 2 ** 2 + 30 ** 2 + 0 ** 2) / 8,
    },
  ])('takes targets that are $kind', ({ targets, want }) => {
    const input = { columns: 2, student: Float32Array.of(0.5, -2, 30, 1), teacher: null, targets };
    const settings = { temperature: 4, softWeight: 0.9 };
    const { loss, gradient } = distillationLoss(input, settings);
    expect(loss).toBeCloseTo(want, 6);
    input.student.forEach((value, at) => {
      const lossAt = (moved: number): number =>
        distillationLoss({ ...input, student: input.student.with(at, moved) }, settings).loss;
      const slope = (lossAt(value + 2 ** -7) - lossAt(value - 2 ** -7)) / 2 ** -6;
      expect(gradient[at]).toBeCloseTo(slope, 3);
    });
  });

  it.each([
    ['KL', 6e4],
    ['BinaryCrossEntropy', 0.5 * 3e4 + 0.5 * 6e4],
    ['MSE', 0.5 * 1.8e9 + 0.5 * 6e4],
    ['Cosine', 0.5 * 2 + 0.5 * 6e4],
  ] as const)('stays finite for logits far apart, by %s', (kind, want) => {
    const [student, teacher] = [Float32Array.of(3e4, -3e4), Float32Array.of(-3e4, 3e4)];
    const result = distillationLoss(
      { columns: 2, student, teacher, targets: targetsOf(Int32Array.of(1)) },
      { kind, temperature: 1, softWeight: 0.5 },
    );
    expect(result.loss).toBeCloseTo(want, 5);
    expect([...result.gradient].every(Number.isFinite)).toBe(true);
  });
});

it('the score counts rows whose largest logit is the label’s and sums cross-entropy', () => {
  const student = Float32Array.of(2, 1, 0, /**/ 0, 5, 5, /**/ -1, -3, -2);
  const { correct, lossSum } = score(student, Int32Array.of(0, 2, 2), 3);
  const entropy = (row: number[], label: number): number =>
    Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[label]!;
  expect(correct).toBe(1);
  expect(lossSum).toBeCloseTo(entropy([2, 1, 0], 0) + entropy([0, 5, 5], 2) + entropy([-1, -3, -2], 2), 9);
});
