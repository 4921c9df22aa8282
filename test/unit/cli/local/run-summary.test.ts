/** How a finished run is summed up, with labels and without. */
import { describe, expect, test } from '@jest/globals';

import { completeSummary, failedSummary, stoppedSummary, withReport } from '../../../../src/cli/local/run-summary.js';

const run = {
  folder: '/runs/a',
  model: '/runs/a/model',
  seconds: 61,
  teacher: { accuracy: 0.99, metrics: { accuracy: 0.99 } },
  student: { accuracy: 0.98, metrics: { accuracy: 0.98, agreement: 0.981 } },
  baseline: null,
  replacedRows: 0,
  digest: 'ab',
};
const without = (metrics: Record<string, number>) => ({ accuracy: null, metrics });

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
    expect(record).toMatchObject({ outcome: 'complete', studentAccuracy: 0.98, metrics: run.student.metrics });
    expect(record).not.toHaveProperty('baselineAccuracy');
  });

  test('has the accuracy of a baseline', () => {
    const { lines, record } = completeSummary({ ...run, baseline: { accuracy: 0.97, metrics: { accuracy: 0.97 } } });
    expect(lines[3]).toBe('  baseline  97.00 % (the same student, labels alone, same settings)');
    expect(record).toMatchObject({ baselineAccuracy: 0.97, baselineMetrics: { accuracy: 0.97 } });
  });

  test.each([
    [{ agreement: 0.981, klDivergence: 0.1 }, 'agrees with the teacher on 98.10 % of the last training samples'],
    [
      { cosineSimilarity: 0.93, meanSquaredError: 1 },
      'has a cosine similarity of 0.930 to the teacher on the last training samples',
    ],
    [{ agreement: 0.9, heldOutAgreement: 0.875 }, 'agrees with the teacher on 87.50 % of the held-out samples'],
    [{ meanSquaredError: 0.25 }, 'has a mean squared error of 0.250 against the teacher on the last training samples'],
  ])('without labels says what is known of the student: %j', (metrics, want) => {
    const { lines } = completeSummary({ ...run, teacher: without({}), student: without(metrics) });
    expect(lines.slice(1, 3)).toEqual([
      '  teacher   not measured: no labels are held out that it answers',
      `  student   ${want}`,
    ]);
    expect(lines).toHaveLength(5);
  });

  test.each([
    ['microF1', (percent: string) => `reaches a micro F1 of ${percent} % on the evaluation split`],
    [
      'meanAbsoluteError',
      (_: string, value: string) => `has a mean absolute error of ${value} on the evaluation split`,
    ],
  ])('measures all three by %s where the task has no accuracy', (name, words) => {
    const of = (value: number) => without({ [name]: value });
    const { lines, record } = completeSummary({
      ...run,
      teacher: of(0.75),
      student: without({ [name]: 0.5, agreement: 0.9 }),
      baseline: of(0.25),
    });
    expect(lines.slice(1, 4)).toEqual([
      `  teacher   ${words('75.00', '0.750')}`,
      `  student   ${words('50.00', '0.500')}`,
      `  baseline  ${words('25.00', '0.250')} (the same student, labels alone, same settings)`,
    ]);
    expect(record).toMatchObject({
      teacherAccuracy: null,
      teacherMetrics: { [name]: 0.75 },
      baselineAccuracy: null,
      baselineMetrics: { [name]: 0.25 },
    });
  });

  test('counts the rows that gave way to others', () => {
    const { lines, record } = completeSummary({ ...run, replacedRows: 12 });
    expect(lines[3]).toBe('  data      12 bad rows gave way to the next good one');
    expect(record).toMatchObject({ replacedRows: 12 });
  });

  test('says why there are no figures', () => {
    const teacher = { unmeasured: 'none: the student learned from labels alone' };
    const { lines, record } = completeSummary({ ...run, teacher, student: without({}) });
    expect(lines.slice(1, 3)).toEqual([
      '  teacher   none: the student learned from labels alone',
      '  student   not measured: nothing is held out, and there was no teacher to compare it with',
    ]);
    expect(record).toMatchObject({ teacherAccuracy: null });
    expect(record).not.toHaveProperty('teacherMetrics');
  });
});

describe('a summary with the report of the run', () => {
  const report = { path: '/runs/a/report.html' };

  test('names it last', () => {
    const { lines, record } = withReport(completeSummary(run), report);
    expect(lines.at(-1)).toBe('  report    /runs/a/report.html');
    expect(record).toMatchObject({ outcome: 'complete', report: '/runs/a/report.html' });
    expect(withReport(failedSummary('/runs/a', '/runs/a/logs', 'no such file'), report).lines).toEqual([
      'failed: no such file',
      'logs: /runs/a/logs',
      'report: /runs/a/report.html',
    ]);
  });

  test('names it before the command that resumes the run', () => {
    const { lines } = withReport(stoppedSummary('/runs/a', 'distill run --resume /runs/a', true), report);
    expect(lines).toEqual([
      'report: /runs/a/report.html',
      'stopped; nothing is lost. Resume with: distill run --resume /runs/a',
    ]);
  });

  test('says why there is none', () => {
    const { lines, record } = withReport(completeSummary(run), { problem: 'no space is left' });
    expect(lines.at(-1)).toBe('  report    not written (no space is left)');
    expect(record).toMatchObject({ reportProblem: 'no space is left' });
  });
});
