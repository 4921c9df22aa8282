/** What is measured against the teacher, and what evaluations count, by the kind of answers and targets. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { agreementOf, answersFor } from '../../../workers/models/agreement.js';
import { type Evaluation, evaluationOf, evaluationSum, scoresOf } from '../../../workers/models/evaluation.js';
import { type Targets, targetsBetween } from '../../../workers/samples/index.js';

const softmax = (row: readonly number[]): number[] => {
  const sum = row.reduce((all, value) => all + Math.exp(value), 0);
  return row.map((value) => Math.exp(value) / sum);
};

describe('agreement with the teacher', () => {
  it('of logits is the share of equal largest ones, and the divergence at temperature 1', () => {
    const student = Float32Array.of(2, 1, 0, /**/ 0, 5, 5, /**/ -1, -3, -2);
    const teacher = Float32Array.of(9, 1, 0, /**/ 0, 1, 8, /**/ 1, 0, 0);
    const { agreement, klDivergence, ...others } = agreementOf('Logits', { columns: 3, student, teacher });
    expect(agreement).toBeCloseTo(2 / 3, 12);
    const kl = [0, 3, 6].map((start) => {
      const [p, q] = [softmax([...teacher.slice(start, start + 3)]), softmax([...student.slice(start, start + 3)])];
      return p.reduce((sum, value, at) => sum + value * Math.log(value / q[at]!), 0);
    });
    expect(klDivergence).toBeCloseTo((kl[0]! + kl[1]! + kl[2]!) / 3, 9);
    expect(others).toEqual({});
  });

  it('has a top-k overlap where there are more than five columns', () => {
    const teacher = Float32Array.of(9, 8, 7, 6, 5, 0, 0, 0);
    const student = Float32Array.of(1, 2, 3, 0, 0, 0, 4, 5);
    expect(agreementOf('Logits', { columns: 8, student, teacher })).toMatchObject({ agreement: 0, topKOverlap: 3 / 5 });
  });

  it('has a top-k overlap that sorting gives too', () => {
    const row = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(row, row, (own, target) => {
        const top = (values: number[]): number[] =>
          values
            .map((value, at) => ({ value, at }))
            .sort((a, b) => b.value - a.value || a.at - b.at)
            .slice(0, 5)
            .map(({ at }) => at);
        const want = top(target).filter((at) => top(own).includes(at)).length / 5;
        const answers = { columns: 9, student: Float32Array.from(own), teacher: Float32Array.from(target) };
        expect(agreementOf('Logits', answers).topKOverlap).toBe(want);
      }),
    );
  });

  it('of several classes is the share of equal decisions', () => {
    const student = Float32Array.of(1, -1, 0.5, -2);
    const teacher = Float32Array.of(3, -1, -0.5, -1);
    const { agreement, klDivergence } = agreementOf('Sigmoid', { columns: 2, student, teacher });
    expect(agreement).toBe(3 / 4);
    expect(klDivergence).toBeGreaterThan(0);
  });

  it('of embeddings is their angle and their distance', () => {
    const student = Float32Array.of(1, 0, /**/ 0, 2);
    const teacher = Float32Array.of(1, 1, /**/ 0, 5);
    expect(agreementOf('Embedding', { columns: 2, student, teacher })).toEqual({
      cosineSimilarity: (Math.SQRT1_2 + 1) / 2,
      meanSquaredError: (1 / 2 + 9 / 2) / 2,
    });
  });

  it('of one column is the distance alone: there is no largest of one', () => {
    const answers = { columns: 1, student: Float32Array.of(1, 2), teacher: Float32Array.of(1, 4) };
    expect(agreementOf('Logits', answers)).toEqual({ meanSquaredError: 2 });
  });

  it('is perfect for equal answers of any kind', () => {
    const rows = Float32Array.from({ length: 24 }, (_, at) => Math.sin(at) * 3);
    const measured = (['Logits', 'Sigmoid', 'Embedding'] as const).map((kind) =>
      agreementOf(kind, { columns: 8, student: rows, teacher: rows }),
    );
    expect(measured[0]).toEqual({ agreement: 1, topKOverlap: 1, klDivergence: expect.closeTo(0, 12) });
    expect(measured[1]).toEqual({ agreement: 1, topKOverlap: 1, klDivergence: expect.closeTo(0, 12) });
    expect(measured[2]).toEqual({ cosineSimilarity: expect.closeTo(1, 12), meanSquaredError: 0 });
  });

  it('follows the loss where the job does not say what the teacher answers', () => {
    expect((['KL', 'MSE', 'Cosine', 'BinaryCrossEntropy'] as const).map(answersFor)).toEqual([
      'Logits',
      'Logits',
      'Embedding',
      'Sigmoid',
    ]);
  });
});

describe('an evaluation', () => {
  it('of one class has accuracy and, above five columns, top-5 accuracy', () => {
    const logits = Float32Array.of(
      9,
      8,
      7,
      6,
      5,
      4,
      /**/ 9,
      8,
      7,
      6,
      5,
      4,
      /**/ 0,
      0,
      0,
      0,
      0,
      0,
      /**/ 0,
      0,
      0,
      0,
      0,
      0,
    );
    const targets: Targets = { kind: 'class', perSample: 1, labels: Int32Array.of(0, 4, 5, 4) };
    const { accuracy, metrics } = scoresOf(evaluationOf(logits, targets, 6));
    expect({ accuracy, metrics }).toEqual({ accuracy: 1 / 4, metrics: { accuracy: 1 / 4, top5Accuracy: 3 / 4 } });
  });

  it('of one class has no top-5 accuracy of five columns', () => {
    const targets: Targets = { kind: 'class', perSample: 1, labels: Int32Array.of(4) };
    const { metrics } = scoresOf(evaluationOf(Float32Array.of(1, 2, 3, 4, 5), targets, 5));
    expect(metrics).toEqual({ accuracy: 1 });
  });

  it('of several classes has the micro F1', () => {
    const targets: Targets = { kind: 'classes', classes: 3, values: Uint8Array.of(1, 1, 0, 0, 1, 0) };
    const { accuracy, loss, metrics } = scoresOf(evaluationOf(Float32Array.of(2, -1, 1, -1, 3, -2), targets, 3));
    // 2 found, 1 wrongly, 1 missed.
    expect({ accuracy, metrics }).toEqual({ accuracy: null, metrics: { microF1: 4 / 6 } });
    expect(loss).toBeGreaterThan(0);
    const none: Targets = { kind: 'classes', classes: 2, values: Uint8Array.of(0, 0) };
    expect(scoresOf(evaluationOf(Float32Array.of(-1, -1), none, 2)).metrics).toEqual({ microF1: 1 });
  });

  it('of numbers has the mean absolute error', () => {
    const targets: Targets = { kind: 'values', width: 2, values: Float32Array.of(1, 2, 3, 4) };
    expect(scoresOf(evaluationOf(Float32Array.of(1, 4, 2, 4), targets, 2))).toEqual({
      accuracy: null,
      loss: (4 + 1) / 2 / 4,
      metrics: { meanAbsoluteError: 3 / 4 },
    });
  });

  it.each<[string, Targets]>([
    ['class', { kind: 'class', perSample: 1, labels: Int32Array.from({ length: 8 }, (_, at) => at % 7) }],
    [
      'classes',
      { kind: 'classes', classes: 7, values: Uint8Array.from({ length: 56 }, (_, at) => (at % 3 === 0 ? 1 : 0)) },
    ],
    ['values', { kind: 'values', width: 7, values: Float32Array.from({ length: 56 }, (_, at) => Math.cos(at)) }],
  ])('of parts adds up: %s', (_kind, targets) => {
    const logits = Float32Array.from({ length: 56 }, (_, at) => 2 * Math.sin(at * at));
    const part = (start: number, end: number): Evaluation =>
      evaluationOf(logits.subarray(7 * start, 7 * end), targetsBetween(targets, start, end), 7);
    const [sum, whole] = [scoresOf(evaluationSum(part(0, 3), part(3, 8))), scoresOf(part(0, 8))];
    expect(sum.loss).toBeCloseTo(whole.loss, 9);
    for (const [name, value] of Object.entries(whole.metrics)) expect(sum.metrics[name]).toBeCloseTo(value, 9);
  });
});
