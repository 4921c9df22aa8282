/** The report as a page: valid, complete in itself, small, readable without sight, without secrets. */
import { createHash } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';
import { HtmlValidate } from 'html-validate';

import type { DistillJob } from '../../../src/api/index.js';
import { bounded } from '../../../src/history/index.js';
import type { ReportInput } from '../../../src/report/input.js';
import { isReport, reportPage } from '../../../src/report/page.js';
import { bend } from '../../kit/jobs.js';
import {
  eventLineAt,
  historyOf,
  reportInput,
  resultReport,
  sampleLine,
  startLine,
  teachersLine,
} from '../../kit/report.js';
import { plainJob } from '../../kit/snapshots.js';

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('base64');
const page = (input: ReportInput): string => reportPage(input, sha256);

const trained = { status: reportInput().status, history: null, result: resultReport(5) };
const inputs: readonly (readonly [string, ReportInput])[] = [
  ['a complete run', reportInput({ result: resultReport(20), baseline: trained })],
  ['a run with one evaluation', reportInput({ result: resultReport(1) })],
  [
    'a run that is still running',
    reportInput({ isRunning: true, status: { ...reportInput().status, phase: 'Running' } }),
  ],
  [
    'a failed run',
    reportInput({
      status: {
        phase: 'Failed',
        conditions: [
          { type: 'Failed', status: 'True', reason: 'StudentError', message: 'no such file', lastTransitionTime: '' },
        ],
      },
    }),
  ],
  ['a job of which nothing is known', reportInput({ status: null, history: null, teacher: null })],
  [
    'a job of a cluster',
    reportInput({
      history: null,
      result: resultReport(30),
      events: [{ t: 1e12, severity: 'Warning', reason: 'TeacherFailed', message: 'A teacher failed: out of memory' }],
      missing: ['curves of rates; a cluster keeps them in its metrics.'],
    }),
  ],
];

describe.each(inputs)('the report of %s', (_, input) => {
  const text = page(input);

  test('is valid HTML, with a name for every control and every figure', async () => {
    const validator = new HtmlValidate({ extends: ['html-validate:recommended', 'html-validate:a11y'] });
    const report = await validator.validateString(text);
    expect(
      report.results.flatMap(({ messages }) =>
        messages.map(({ ruleId, message, line }) => ({ ruleId, message, line })),
      ),
    ).toEqual([]);
  });

  test('asks for nothing: its policy forbids it, and knows its own style and script', () => {
    const [policy = ''] = /default-src[^"]*/.exec(text) ?? [];
    const inside = (element: string): string => new RegExp(`<${element}>([^]*?)</${element}>`).exec(text)?.[1] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${sha256(inside('style'))}'`);
    expect(policy).toContain(`script-src 'sha256-${sha256(inside('script'))}'`);
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/\s(src|srcset|style|on[a-z]+)=|url\(|@import/);
    expect([...text.matchAll(/href="([^#][^"]*)"/g)]).toEqual([]);
  });

  test('has a table for each figure', () => {
    const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
    expect(count(/<figcaption>/g)).toBe(count(/<figure /g));
    for (const figure of text.match(/<figure [^]*?<\/figure>/g) ?? []) expect(figure).toMatch(/<tbody>\s*<tr/);
  });

  test('begins as a report', () => expect(isReport(text.slice(0, 64))).toBe(true));
});

test('a report has a figure for each group of metrics and for the rates, and scores beside each other', () => {
  const text = page(reportInput({ result: resultReport(20), baseline: trained }));
  for (const id of [
    'loss',
    'scores',
    'agreement',
    'divergence',
    'metric-madeUp',
    'throughput',
    'waiting',
    'buffer',
    'teachers',
  ]) {
    expect(text).toContain(`<figure class="chart" id="${id}" `);
  }
  expect(text).toMatch(/<th scope="row">accuracy<\/th><td>99\.00 %<\/td><td>98\.00 %<\/td><td>98\.00 %<\/td>/);
  expect(text).toContain('TeacherLost: Pool cpu lost 1 teacher');
  expect(text).toContain('The run was resumed.');
  expect(text).toContain('to match the student&#39;s rate');
});

test.each([
  {
    what: 'data without labels',
    given: { teacher: { accuracy: null, metrics: {} } },
    want: 'no labels are held out that it answers. Agreement compares the student with it.',
  },
  { what: 'a run that trains', given: { teacher: null, isRunning: true }, want: 'is measured after the training.' },
  { what: 'a teacher that could not be measured', given: { teacher: null }, want: 'The teacher was not measured.' },
  {
    what: 'a student on labels alone',
    given: { teacher: null, job: bend(plainJob(), ['spec.student.loss.softWeight', 0]) as DistillJob },
    want: 'There is no teacher: the student learns from labels alone.',
  },
])('a report of $what says so, and has no column of dashes for the teacher', ({ given, want }) => {
  const text = page(reportInput({ result: resultReport(20), ...given }));
  expect(text).toContain(want);
  expect(text).not.toContain('<th scope="col">Teacher</th>');
  expect(text).toMatch(/<th scope="row">accuracy<\/th><td>98\.00 %<\/td><\/tr>/);
});

test('a report stays small, however long the run was and however much it says', () => {
  const long = 'x'.repeat(2_000);
  const lines = [
    ...Array.from({ length: 90 }, (_, index) => startLine(index * 1e6)),
    ...Array.from({ length: 50_000 }, (_, index) => sampleLine(index * 1_000, index)),
    ...Array.from({ length: 20_000 }, (_, index) =>
      teachersLine(index * 2_000, `p${String(index % 9)}`, index % 7, { why: long.slice(0, 300) }),
    ),
    ...Array.from({ length: 5_000 }, (_, index) =>
      eventLineAt(index * 9_000, index, 'StudentFailed', long.slice(0, 1_024), 'Warning'),
    ),
  ].sort((a, b) => a.t - b.t);
  const history = bounded(historyOf(lines));
  const result = resultReport(100_000);
  const text = page(reportInput({ history, result, baseline: { status: null, history, result } }));
  expect(text.length).toBeLessThan(2 * 1024 * 1024);
});

test('secrets that a person put into a template by mistake are left out', () => {
  const secret = 'hunter2-hunter2';
  const container = {
    name: 'worker',
    command: ['run', '--api-token', secret, `--password=${secret}`, `TOKEN=${secret}`],
    env: [
      { name: 'AWS_SECRET_ACCESS_KEY', value: secret },
      { name: 'PLAIN', value: secret },
    ],
  };
  const job = bend(
    plainJob(),
    [
      'metadata.annotations',
      { 'kubectl.kubernetes.io/last-applied-configuration': secret, note: `password: ${secret}` },
    ],
    ['spec.teacher.pools.0.template', { spec: { containers: [container] } }],
    ['spec.dataset.uri', `https://user:${secret}@data.example/a.csv?X-Amz-Signature=${secret}`],
    ['spec.student.token', secret],
  ) as ReportInput['job'];
  const text = page(
    reportInput({
      job,
      source: `run folder, nats://user:${secret}@nats`,
      missing: [`Bearer ${secret}`, `https://u:${secret}@h/`],
    }),
  );
  expect(text).toContain('(left out)');
  expect(text).not.toContain(secret);
});
