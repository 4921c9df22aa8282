/** The report that a real run writes at its end, across a stop and a resumption. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { HtmlValidate } from 'html-validate';

import { linesOf, readHistory } from '../../../src/history/index.js';
import { DistillProcess, distillExit, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

const home = mkdtempSync(join(tmpdir(), 'distill-run-report-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const folder = join(home, 'run');
const page = (): string => readFileSync(join(folder, 'report.html'), 'utf8');

function lines() {
  const { metadata } = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8')) as { metadata: { uid: string } };
  const history = readHistory(readFileSync(join(folder, 'history.jsonl'), 'utf8'), metadata.uid);
  if (history === null) throw new Error('no history');
  expect(history.damaged).toBe(0);
  return history.lines;
}

describe('a run that is stopped and resumed', () => {
  test('has a report of what it did before the stop', async () => {
    const data = smallMnist(join(home, 'data'), { train: 1_024, test: 256 });
    const job = writeSmallJob(home, data, ({ training }) => Object.assign(training, { epochs: 3 }));
    const run = new DistillProcess(['run', job, '--json', '--dir', folder]);
    await run.until('some steps are trained', () => (run.progress?.step ?? 0) >= 5);
    run.child.kill('SIGINT');
    expect(await run.ended()).toBe(distillExit.interrupted);
    expect(run.result).toMatchObject({ outcome: 'stopped', report: join(folder, 'report.html') });
    expect(page()).toContain('It is not finished');
    expect(linesOf(lines(), 'end').map(({ outcome }) => outcome)).toEqual(['stopped']);
    expect(linesOf(lines(), 'sample').length).toBeGreaterThan(0);
  });

  test('ends with a report of both parts, with the teacher beside the student', async () => {
    const run = new DistillProcess(['run', '--resume', folder, '--json']);
    expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(run.result).toMatchObject({ outcome: 'complete', report: join(folder, 'report.html') });
    expect(linesOf(lines(), 'start')).toHaveLength(2);
    expect(linesOf(lines(), 'end').map(({ outcome }) => outcome)).toEqual(['stopped', 'complete']);
    expect(linesOf(lines(), 'scores')).toHaveLength(1);
    const text = page();
    expect(text).toContain('The run was resumed.');
    for (const id of ['loss', 'scores', 'agreement', 'throughput', 'buffer', 'teachers'])
      expect(text).toContain(`id="${id}"`);
    expect(text).toMatch(/<th scope="row">accuracy<\/th><td>\d+\.\d\d %<\/td><td>\d+\.\d\d %<\/td>/);
    expect(text).not.toContain('Not in this report');
    const report = await new HtmlValidate({ extends: ['html-validate:recommended'] }).validateString(text);
    expect(report.results.flatMap(({ messages }) => messages)).toEqual([]);
  });

  test('can be reported on again', async () => {
    const command = new DistillProcess(['report', folder, '-o', join(home, 'again.html')]);
    expect(await command.ended()).toBe(0);
    expect(command.plain[0]).toBe(`report    ${join(home, 'again.html')}`);
    const body = (text: string): string => text.replace(/Made [^<]*/, '');
    expect(body(readFileSync(join(home, 'again.html'), 'utf8'))).toBe(body(page()));
  });
});
