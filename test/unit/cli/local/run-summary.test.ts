/** How a finished run is summed up, with labels and without. */
import { describe, expect, test } from '@jest/globals';

import { completeSummary } from '../../../../src/cli/local/run-summary.js';

const run = {
  folder: '/runs/a',
  model: '/runs/a/model',
  seconds: 61,
  teacherAccuracy: 0.99,
  studentAccuracy: 0.98,
  baselineAccuracy: null,
  metrics: { accuracy: 0.98, agreement: 0.981 },
  replacedRows: 0,
  digest: 'ab',
};

describe('the summary of a run', () => {
  test('has the accuracy of both sides', () => {
    const { lines, record } = completeSummary(run);
    expect(lines).toEqual([
      'done in 1:01',
      '  teacher   99.00 % of the evaluation split',
      '  student   98.00 %',
      '  digest    ab',
      '  model     /runs/a/model',
    ]);
    expect(record).toMatchObject({ outcome: 'complete', studentAccuracy: 0.98, metrics: run.metrics });
  });

  test.each([
    [{ agreement: 0.981, klDivergence: 0.1 }, 'agrees with the teacher on 98.10 % of the last training samples'],
    [
      { cosineSimilarity: 0.93, meanSquaredError: 1 },
      'has a cosine similarity of 0.930 to the teacher on the last training samples',
    ],
    [{ agreement: 0.9, heldOutAgreement: 0.875 }, 'agrees with the teacher on 87.50 % of the held-out samples'],
    [{ meanSquaredError: 0.25 }, 'has a mean squared error of 0.250 against the teacher on the last training samples'],
    [{ microF1: 0.5, agreement: 0.9 }, 'reaches a micro F1 of 50.00 % on the evaluation split'],
    [{ meanAbsoluteError: 0.5 }, 'has a mean absolute error of 0.500 on the evaluation split'],
  ])('without accuracy says what is known: %j', (metrics, want) => {
    const { lines } = completeSummary({ ...run, teacherAccuracy: null, studentAccuracy: null, metrics });
    expect(lines[1]).toBe(`  student   ${want}`);
    expect(lines).toHaveLength(4);
  });

  test('counts the rows that gave way to others', () => {
    const { lines, record } = completeSummary({ ...run, replacedRows: 12 });
    expect(lines[3]).toBe('  data      12 bad rows gave way to the next good one');
    expect(record).toMatchObject({ replacedRows: 12 });
  });

  test('has dashes where nothing is known', () => {
    const { lines } = completeSummary({ ...run, teacherAccuracy: null, studentAccuracy: null, metrics: {} });
    expect(lines.slice(1, 3)).toEqual(['  teacher   – of the evaluation split', '  student   –']);
  });
});
